//! Each figure against what the API says of the same thing.

use std::collections::BTreeMap;

use gild_model::lock_wait::{Holder, LockKind};
use gild_model::run::{RunHead, RunStatus};
use gild_model::trial::Trial;
use gild_tests::experiments::submit_endless;
use gild_tests::lab::Lab;
use gild_tests::scrape::Page;
use gild_tests::waiting::wait_for;
use gild_tests::{pythons, skipped};

use crate::run_every_model;

/// A sum in seconds is right to the last digits of the numbers that it is made of.
const ROUNDING: f64 = 1e-12;

/// Every trial of every run, with the name of its model.
fn trials(lab: &Lab) -> Vec<(&'static str, Trial)> {
    let heads: Vec<RunHead> = lab.get("/v1/runs");
    let of = |head: &RunHead| {
        let cases = lab.show(head.id).experiment.cases;
        let trials = lab.trials(head.id).into_iter();
        trials.map(|trial| (cases[trial.case as usize].model.name(), trial)).collect::<Vec<_>>()
    };
    heads.iter().flat_map(of).collect()
}

/// Sums by whatever the keys are.
fn sums<K: Ord>(values: impl IntoIterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
    let mut sums = BTreeMap::new();
    for (key, value) in values {
        *sums.entry(key).or_default() += value;
    }
    sums
}

#[track_caller]
fn check(page: &Page, name: &str, labels: &[(&str, &str)], expected: f64) {
    let value =
        page.sum(name, labels).unwrap_or_else(|| panic!("{name} {labels:?} is not on the page:\n{}", page.text));
    let off = (value - expected).abs();
    assert!(off <= expected.abs() * ROUNDING, "{name} {labels:?}: {value}, and the store says {expected}");
}

#[test]
fn what_the_page_says_of_trials_is_what_the_store_has() {
    let lab = Lab::new();
    run_every_model(&lab);
    match pythons::of_machine() {
        None => skipped("a function in Python", "there is no python3"),
        Some(python) => {
            lab.write("functions.py", "def count(n):\n    return sum(range(n))\n");
            let python = python.to_str().unwrap().to_owned();
            let line =
                ["run", "functions:count", "--args", "[1000]", "--tasks", "8", "--workers", "2", "--repeat", "1"];
            lab.gilctl(&[&line[..], &["--model", "threads,processes", "--python", &python]].concat()).well();
        }
    }
    let (page, trials) = (Page::of(&lab), trials(&lab));
    let models = trials.iter().map(|(model, _)| *model).collect::<std::collections::BTreeSet<_>>();
    assert!(models.len() >= 6, "{models:?}");
    let count = |(model, trial): &(&'static str, Trial)| ((*model, trial.status.name()), 1);
    for ((model, status), count) in sums(trials.iter().map(count)) {
        check(&page, "gild_trials_total", &[("model", model), ("status", status)], count as f64);
    }
    for (model, tasks) in sums(trials.iter().map(|(model, trial)| (*model, trial.tasks_done))) {
        check(&page, "gild_tasks_total", &[("model", model)], tasks as f64);
    }
    for (model, wall_ns) in sums(trials.iter().filter_map(|(model, trial)| Some((*model, trial.wall_ns?)))) {
        check(&page, "gild_trial_wall_seconds_total", &[("model", model)], wall_ns as f64 / 1e9);
    }
    let accounts = || {
        trials.iter().flat_map(|(model, trial)| {
            trial.workers.iter().flat_map(|row| row.phases.iter().map(|account| (*model, row.role.name(), account)))
        })
    };
    let walls = sums(accounts().map(|(model, role, it)| ((model, role, it.phase.name()), it.wall_ns)));
    for ((model, role, phase), wall_ns) in &walls {
        let labels = [("model", *model), ("role", *role), ("phase", *phase)];
        check(&page, "gild_phase_seconds_total", &labels, *wall_ns as f64 / 1e9);
    }
    let all_ns: u64 = walls.values().sum();
    check(&page, "gild_phase_seconds_total", &[], all_ns as f64 / 1e9);
    for (state, of) in [("on-cpu", 0), ("blocked", 1)] {
        let measured = |it: &gild_model::account::PhaseAccount| [it.on_cpu_ns, it.blocked_ns][of];
        let sums = sums(accounts().filter_map(|(model, _, it)| Some(((model, it.phase.name()), measured(it)?))));
        for ((model, phase), time_ns) in sums {
            let labels = [("model", model), ("phase", phase), ("state", state)];
            check(&page, "gild_phase_seconds_total", &labels, time_ns as f64 / 1e9);
        }
    }
    let queued = accounts().filter_map(|(_, _, it)| it.run_queue_ns).sum::<u64>();
    let states = ["preempted", "waking", "run-queue"];
    let queue =
        states.iter().filter_map(|state| page.sum("gild_phase_seconds_total", &[("state", state)])).sum::<f64>();
    assert!((queue - queued as f64 / 1e9).abs() <= queue * ROUNDING, "{queue} s and {queued} ns");
}

#[test]
fn what_the_page_says_of_locks_and_accounts_is_what_the_store_has() {
    let lab = Lab::new();
    run_every_model(&lab);
    let (page, trials) = (Page::of(&lab), trials(&lab));
    let waits =
        || trials.iter().flat_map(|(model, trial)| trial.lock_waits.iter().flatten().map(|wait| (*model, *wait)));
    for ((model, lock), waited_ns) in sums(waits().map(|(model, it)| ((model, it.lock.name()), it.waited_ns))) {
        check(&page, "gild_lock_waited_seconds_total", &[("model", model), ("lock", lock)], waited_ns as f64 / 1e9);
    }
    let got = |it: &gild_model::lock_wait::LockWait| it.holder == Holder::Nobody && it.lock != LockKind::Other;
    let hand_overs = sums(waits().filter(|(_, it)| got(it)).map(|(model, it)| ((model, it.lock.name()), it.entries)));
    for ((model, lock), count) in &hand_overs {
        check(&page, "gild_lock_hand_overs_total", &[("model", model), ("lock", lock)], *count as f64);
    }
    assert!(hand_overs.contains_key(&("threads", "policy")), "two threads under one lock: {hand_overs:?}");
    let rows = || trials.iter().flat_map(|(model, trial)| trial.workers.iter().map(|row| (*model, row)));
    let balances = rows().map(|(model, row)| ((model, row.balanced), 1));
    for ((model, balanced), count) in sums(balances) {
        let balance = match balanced {
            Some(true) => "balanced",
            Some(false) => "unbalanced",
            None => "unknown",
        };
        check(&page, "gild_accounts_total", &[("model", model), ("balance", balance)], count as f64);
    }
    let stolen = sums(rows().filter_map(|(model, row)| Some((model, row.stolen_ns?))));
    for (model, stolen_ns) in &stolen {
        check(&page, "gild_stolen_seconds_total", &[("model", model)], *stolen_ns as f64 / 1e9);
    }
    assert_eq!(page.those("gild_stolen_seconds_total", &[]).count(), stolen.len(), "what was not measured is not zero");
}

#[test]
fn runs_are_counted_by_what_they_are_and_how_they_ended() {
    let mut lab = Lab::with_config("queue_max = 3");
    let zero = Page::of(&lab);
    assert_eq!(zero.sum("gild_runs_accepted_total", &[]), Some(0.0), "nothing has happened, and that is known");
    assert_eq!(zero.sum("gild_runs_finished_total", &[]), Some(0.0));
    lab.gilctl(&["run", "null", "--tasks", "5", "--model", "sequential", "--repeat", "2"]).well();
    lab.gilctl(&["run", "faulty", "--param", "fault=error", "--model", "sequential", "--repeat", "1"]).ended_with(1);
    lab.gilctl(&["record", "--", "true"]).well();
    let running = submit_endless(&lab, "sequential");
    let waiting = gild_tests::experiments::submit_quick(&lab);
    let page = Page::of(&lab);
    let runs = |page: &Page, what: &str, labels: &[(&str, &str)]| page.sum(&format!("gild_runs_{what}"), labels);
    assert_eq!(runs(&page, "accepted_total", &[("kind", "run")]), Some(4.0));
    assert_eq!(runs(&page, "accepted_total", &[("kind", "recording")]), Some(1.0));
    assert_eq!((runs(&page, "running", &[("kind", "run")]), runs(&page, "queued", &[])), (Some(1.0), Some(1.0)));
    assert_eq!((runs(&page, "queued_max", &[]), runs(&page, "unsaved", &[])), (Some(3.0), Some(0.0)));
    assert_eq!(page.sum("gild_store_runs", &[]), Some(5.0));
    for id in [waiting, running] {
        lab.gilctl(&["cancel", &id.to_string()]).well();
    }
    assert_eq!(lab.wait_for_end(running).head.status, RunStatus::Cancelled);
    let page = Page::of(&lab);
    let ended = [("done", "run", 1.0), ("failed", "run", 1.0), ("cancelled", "run", 2.0), ("done", "recording", 1.0)];
    for (status, kind, count) in ended {
        assert_eq!(
            runs(&page, "finished_total", &[("kind", kind), ("status", status)]),
            Some(count),
            "{kind} {status}"
        );
    }
    assert_eq!(runs(&page, "finished_total", &[]), Some(5.0));
    let trials = |status| page.sum("gild_trials_total", &[("model", "sequential"), ("status", status)]);
    assert_eq!(["done", "failed", "cancelled"].map(trials), [Some(3.0), Some(1.0), Some(1.0)], "a warm-up among them");
    lab.signal_daemon(nix::sys::signal::Signal::SIGTERM);
    lab.wait_for_daemon();
    lab.start_daemon();
    let again = Page::of(&lab);
    assert_eq!(runs(&again, "finished_total", &[]), Some(0.0), "counters are this daemon's");
    assert_eq!(again.sum("gild_store_runs", &[]), Some(5.0), "the store is not");
    assert!(again.sum("process_start_time_seconds", &[]) > page.sum("process_start_time_seconds", &[]));
}

#[test]
fn counters_never_go_down_and_every_bucket_holds_the_one_before() {
    let lab = Lab::new();
    let mut before = Page::of(&lab);
    for round in 0..6 {
        match round % 3 {
            0 => drop(lab.gilctl(&["run", "null", "--tasks", "30", "--workers", "2", "--repeat", "1"]).well()),
            1 => drop(lab.gilctl(&["record", "--", "true"]).well()),
            _ => drop(lab.gilctl(&["rm", "1", "99"])),
        }
        let now = Page::of(&lab);
        let grows = |name: &str| ["_total", "_bucket", "_sum", "_count"].iter().any(|ending| name.ends_with(ending));
        for (name, labels, was) in before.samples().filter(|(name, ..)| grows(name)) {
            let labels: Vec<(&str, &str)> =
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let is = now.sum(name, &labels);
            assert!(is >= Some(was), "{name} {labels:?}: {was}, then {is:?}");
        }
        before = now;
    }
    for (labels, count) in before.those("gild_http_request_duration_seconds_count", &[]) {
        let call: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(before.sum("gild_http_requests_total", &call), Some(count), "{labels:?}");
        let buckets = before.those("gild_http_request_duration_seconds_bucket", &call);
        let bound = |labels: &gild_tests::scrape::Labels| labels["le"].replace("+Inf", "inf").parse::<f64>().unwrap();
        let mut buckets: Vec<(f64, f64)> = buckets.map(|(labels, value)| (bound(labels), value)).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.is_sorted_by_key(|(_, value)| *value), "{labels:?}: {buckets:?}");
        assert_eq!(buckets.last().unwrap(), &(f64::INFINITY, count));
    }
}

#[test]
fn its_own_health_is_what_the_kernel_says() {
    let lab = Lab::new();
    lab.gilctl(&["run", "null", "--tasks", "5", "--model", "sequential", "--repeat", "1"]).well();
    let held = lab.connect().unwrap();
    let page = wait_for("the connection is accepted", || {
        Some(Page::of(&lab)).filter(|page| page.sum("gild_connections", &[("listener", "socket")]) >= Some(2.0))
    });
    drop(held);
    let value = |name: &str| page.sum(name, &[]).unwrap_or_else(|| panic!("{name}:\n{}", page.text));
    let proc = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", lab.daemon_pid())).unwrap();
    let limit = proc("limits");
    let limit =
        limit.lines().find(|line| line.starts_with("Max open files")).unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(value("process_max_fds"), limit.parse::<f64>().unwrap());
    let status = proc("status");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
    };
    let resident = value("process_resident_memory_bytes") / (field("VmRSS") * 1024.0);
    assert!((0.5..2.0).contains(&resident), "{resident} of what the kernel says");
    assert!(value("process_threads") >= 1.0 && value("process_open_fds") > 5.0);
    assert!(value("process_cpu_seconds_total") > 0.0);
    assert!(value("gild_store_bytes") > 4096.0 && value("gild_store_filesystem_free_bytes") > 0.0);
    assert!(value("gild_store_write_duration_seconds_count") >= 4.0, "queued, running, a trial, its end");
    assert!(value("gild_store_last_write_duration_seconds") > 0.0);
    assert_eq!((value("gild_spawner_up"), value("gild_store_write_errors_total")), (1.0, 0.0));
    assert_eq!(page.sum("gild_plugin_scans_total", &[("outcome", "plugin")]), Some(1.0), "libnull.so was asked once");
    let call = [("method", "POST"), ("route", "/v1/runs"), ("status", "2xx")];
    assert_eq!(page.sum("gild_http_requests_total", &call), Some(1.0));
    assert_eq!(page.sum("gild_http_requests_total", &[("route", "/v1/runs/1")]), None, "no label has a run's number");
}
