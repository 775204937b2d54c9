//! What the summary promises, checked on whole runs.

mod documentation;
mod sentences;

use gild_model::account::{PhaseAccount, Role, WorkerAccount};
use gild_model::host::Tier;
use gild_model::phase::Phase;
use gild_model::summary::{CaseSummary, Shares, Summary};
use gild_model::trial::{Trial, TrialStatus};
use proptest::prelude::*;

use super::generate::{check_shares, done, experiment, honest_trials};
use super::summarize;

const SEQUENTIAL: u32 = 0;
const THREADS: u32 = 1;
const PROCESSES: u32 = 2;

/// A phase with its wall time and, of it, the waiting for a core, in milliseconds; the rest is on a CPU in
/// `compute`, blocked elsewhere.
fn phase(phase: Phase, wall_ms: u64, run_queue_ms: u64) -> PhaseAccount {
    let rest_ns = (wall_ms - run_queue_ms) * 1_000_000;
    let on_cpu_ns = if phase == Phase::Compute { rest_ns } else { 0 };
    PhaseAccount {
        phase,
        kernel_phase: None,
        entries: 1,
        wall_ns: wall_ms * 1_000_000,
        on_cpu_ns: Some(on_cpu_ns),
        preempted_ns: Some(run_queue_ms * 1_000_000),
        waking_ns: Some(0),
        run_queue_ns: Some(run_queue_ms * 1_000_000),
        blocked_ns: Some(rest_ns - on_cpu_ns),
        stolen_ns: None,
        cpu_ns: None,
        counters: Vec::new(),
        lost_records: 0,
        open: false,
    }
}

fn worker(role: Role, phases: Vec<PhaseAccount>) -> WorkerAccount {
    let accounted_ns = phases.iter().map(|phase| phase.wall_ns).sum();
    WorkerAccount {
        role,
        index: 0,
        pid: Some(1),
        tid: Some(1),
        thread: None,
        command: None,
        core: None,
        tasks: 10,
        life_ns: Some(accounted_ns),
        accounted_ns,
        balanced: Some(true),
        cpu_ns: Some(phases.iter().filter_map(|phase| phase.on_cpu_ns).sum()),
        stolen_ns: None,
        voluntary_switches: None,
        involuntary_switches: None,
        counters: Vec::new(),
        task_counters: Vec::new(),
        phases,
        notes: Vec::new(),
    }
}

/// A trial of one worker with these phases.
fn trial(case: u32, repetition: u32, wall_ms: u64, phases: &[PhaseAccount]) -> Trial {
    let coordinator = worker(Role::Coordinator, vec![phase(Phase::Startup, 5, 0), phase(Phase::Idle, 20, 0)]);
    Trial {
        wall_ns: Some(wall_ms * 1_000_000),
        workers: vec![coordinator, worker(Role::Worker, phases.to_vec())],
        ..done(case, repetition)
    }
}

/// Five repetitions of the article's experiment.
fn article() -> Vec<Trial> {
    let one = |repetition: u32| {
        let jitter = u64::from(repetition);
        [
            trial(SEQUENTIAL, repetition, 1830 + jitter, &[phase(Phase::Compute, 1000, 0)]),
            trial(
                THREADS,
                repetition,
                1829 + 3 * (jitter % 2),
                &[phase(Phase::LockWait, 897, 3), phase(Phase::Compute, 101, 1), phase(Phase::Startup, 2, 0)],
            ),
            trial(
                PROCESSES,
                repetition,
                968 + jitter,
                &[
                    phase(Phase::Compute, 980, 785),
                    phase(Phase::Encode, 6, 3),
                    phase(Phase::Send, 7, 2),
                    phase(Phase::Idle, 7, 0),
                ],
            ),
        ]
    };
    (0..5).flat_map(one).collect()
}

fn summary_of(trials: &[Trial]) -> Summary {
    summarize(&experiment(), trials, 2)
}

fn line_of(case: u32, trials: &[Trial]) -> CaseSummary {
    summary_of(trials).cases.swap_remove(case as usize)
}

fn noted(trials: &[Trial], expected: &str) {
    let notes = summary_of(trials).notes;
    assert!(notes.iter().any(|note| note.contains(expected)), "{notes:?} do not say {expected:?}");
}

#[test]
fn the_article_is_told_in_three_sentences() {
    let summary = summary_of(&article());
    let sentences: Vec<_> = summary.cases.iter().map(|line| line.sentence.as_str()).collect();
    assert_eq!(
        sentences,
        [
            "1 thread spent 100.0 % of its time computing: what the others are compared with.",
            "10 threads spent 89.7 % of their time waiting for the lock and 10.0 % computing: \
             not measurably faster than sequential (1.00×, a tie).",
            "10 processes spent 79.0 % of their time waiting for a core (2 cores) and 19.5 % computing: \
             1.89× as fast as sequential; encoding and moving values cost 0.8 % of their time.",
        ]
    );
    assert!(summary.groups.len() == 1 && summary.cases.iter().all(|line| line.baseline == SEQUENTIAL));
    assert_eq!((summary.results_identical, summary.verified), (Some(true), Some(true)));
    assert_eq!(summary.notes, ["processes-10: 10 workers shared 2 cores, so they waited for one another"]);
}

#[test]
fn a_line_holds_the_figures_of_its_case() {
    let line = line_of(PROCESSES, &article());
    assert_eq!((line.trials, line.failed, line.tasks), (5, 0, Some(100)));
    assert_eq!(line.wall_ns.unwrap().median, 970e6);
    assert_eq!(line.tasks_per_s, Some(100.0 / 0.970));
    let shares = line.workers.unwrap();
    assert_eq!(shares.life_ns, 5_000_000_000);
    assert_eq!((shares.compute, shares.serialize, shares.transfer, shares.idle), (0.98, 0.006, 0.007, 0.007));
    assert_eq!((shares.on_cpu, shares.run_queue, shares.blocked), (Some(0.195), Some(0.79), Some(0.015)));
    assert_eq!(shares.stolen, None);
    let coordinator = line.coordinator.unwrap();
    assert_eq!((coordinator.life_ns, coordinator.startup, coordinator.idle), (100_000_000, 0.0, 1.0));
    let cores_used = line.parallelism.unwrap();
    assert!((cores_used - 195.0 / 970.0).abs() < 1e-12, "{cores_used}");
}

#[test]
fn a_coordinator_that_lends_its_thread_has_no_shares_and_no_cpu_time_of_its_own() {
    let mut trials = article();
    trials[0].workers[0].cpu_ns = None;
    trials[0].workers[0].phases[1].on_cpu_ns = None;
    let line = line_of(SEQUENTIAL, &trials);
    assert_eq!(line.coordinator, None);
    assert!(line.parallelism.is_some());
}

#[test]
fn warm_ups_and_trials_that_did_not_end_are_left_out_of_every_figure() {
    let odd = [phase(Phase::IoWait, 1_000_000, 0)];
    let mut trials = article();
    let expected = line_of(THREADS, &trials);
    trials.push(Trial { warmup: true, ..trial(THREADS, 0, 1, &odd) });
    trials.push(Trial { status: TrialStatus::Cancelled, ..trial(THREADS, 5, 1, &odd) });
    assert_eq!(line_of(THREADS, &trials), expected);
    let failed =
        Trial { status: TrialStatus::Failed, error: Some("worker 3 died".to_owned()), ..trial(THREADS, 6, 1, &odd) };
    trials.push(failed);
    let line = line_of(THREADS, &trials);
    assert_eq!((line.trials, line.failed, line.error.as_deref()), (5, 1, Some("worker 3 died")));
    assert_eq!((line.wall_ns, &line.workers), (expected.wall_ns, &expected.workers));
    assert_eq!(line.sentence, format!("{} 1 trial failed: worker 3 died.", expected.sentence));
}

#[test]
fn a_case_without_a_trial_says_why() {
    assert_eq!(line_of(THREADS, &[]).sentence, "No trial has finished.");
    let failed = |repetition, warmup, error: &str| Trial {
        status: TrialStatus::Failed,
        error: Some(error.to_owned()),
        wall_ns: None,
        warmup,
        ..done(THREADS, repetition)
    };
    let line = line_of(THREADS, &[failed(0, false, "later"), failed(0, true, "the kernel panicked.\nat x")]);
    assert_eq!((line.wall_ns, line.workers, line.versus, line.failed), (None, None, None, 2));
    assert_eq!(line.sentence, "No trial succeeded: the kernel panicked.");
}

#[test]
fn two_repetitions_claim_nothing() {
    let line = line_of(PROCESSES, &article()[..6]);
    assert!(line.versus.unwrap().tie);
    assert!(line.sentence.contains("1.89× as fast as sequential (too few repetitions to tell"), "{}", line.sentence);
    noted(&article()[..6], "all cases: fewer than 3 repetitions have no confidence interval");
    noted(
        &article()[..9],
        "the interval of 3 repetitions is their range, which holds the true median 75 % of the time",
    );
}

#[test]
fn what_one_account_lacks_is_said_of_none() {
    let mut trials = article();
    trials[4].workers[1].phases[0].preempted_ns = None;
    trials[4].workers[1].phases[0].waking_ns = None;
    let shares = line_of(THREADS, &trials).workers.unwrap();
    assert_eq!((shares.preempted, shares.waking), (None, None));
    assert_eq!(shares.run_queue, Some(0.004));
    trials[4].workers[1].phases[1].run_queue_ns = None;
    trials[4].workers[1].phases[1].preempted_ns = None;
    trials[4].accounting = None;
    trials[4].workers[1].cpu_ns = None;
    let line = line_of(THREADS, &trials);
    let shares = line.workers.unwrap();
    assert_eq!((shares.run_queue, shares.on_cpu.is_some(), shares.blocked.is_some()), (None, true, true));
    assert_eq!((line.parallelism, line.accounting), (None, None));
}

#[test]
fn stolen_time_is_taken_from_the_phases_or_else_from_the_life() {
    let states = |shares: &Shares| {
        let parts = [shares.on_cpu, shares.run_queue, shares.blocked, shares.stolen].map(Option::unwrap);
        assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{parts:?}");
        (shares.on_cpu.unwrap(), shares.stolen.unwrap())
    };
    let one = |by_phase: Option<u64>, by_life| {
        let mut trial = trial(THREADS, 0, 100, &[phase(Phase::Compute, 80, 0), phase(Phase::Idle, 20, 0)]);
        for account in &mut trial.workers[1].phases {
            let stolen_ns = by_phase.map(|ms| if account.phase == Phase::Compute { ms * 1_000_000 } else { 0 });
            account.stolen_ns = stolen_ns;
            account.on_cpu_ns = account.on_cpu_ns.map(|on_cpu_ns| on_cpu_ns - stolen_ns.unwrap_or(0));
        }
        trial.workers[1].stolen_ns = by_life;
        line_of(THREADS, &[trial]).workers.unwrap()
    };
    assert_eq!(states(&one(Some(10), Some(0))), (0.7, 0.1));
    assert_eq!(states(&one(None, Some(10_000_000))), (0.7, 0.1));
    assert_eq!(states(&one(None, Some(900_000_000))), (0.0, 0.8));
    let unknown = one(None, None);
    assert_eq!((unknown.on_cpu, unknown.stolen), (Some(0.8), None));
}

#[test]
fn notes_name_what_is_wrong_with_the_figures() {
    let mut trials = article();
    trials[1].workers[0].balanced = Some(false);
    trials[1].workers[1].balanced = None;
    noted(
        &trials,
        "threads-10: rows of accounts more than 0.1 % off the life they account for: 1; rows of accounts without a life",
    );
    trials[1].workers[1].phases[0].lost_records = 7;
    noted(&trials, "threads-10: context-switch records lost: 7;");
    trials[1].workers[1].phases[0].blocked_ns = Some(0);
    noted(&trials, "threads-10: on-cpu, run-queue, blocked and stolen are 17.88 % off the phases");
    trials[1].tier = Tier::Bare;
    noted(&trials, "trials measured at tier bare, without context-switch records: 1 of 15");
    for trial in &mut trials {
        trial.workers[1].stolen_ns = Some(20_000_000);
    }
    noted(&trials, "all cases: the hypervisor took 2.0 % of the workers' time (an estimate); wall times include it");
    trials[1].workers[1].notes.push("no ring".to_owned());
    trials[4].workers[1].notes.push("no ring".to_owned());
    noted(&trials, "no ring (rows of accounts: 2)");
    trials[4].digest = Some("d2".to_owned());
    trials[4].verified = Some(false);
    noted(&trials, "results differ between trials");
    noted(&trials, "the kernel's own check says that results are wrong");
    let summary = summary_of(&trials);
    assert_eq!((summary.results_identical, summary.verified), (Some(false), Some(false)));
}

fn half_used_by_others() -> gild_model::noise::Noise {
    gild_model::noise::Noise {
        window_ns: 10_000_000_000,
        cpus: 2,
        steal_ns: Some(300_000_000),
        steal_most_ns: None,
        other_cpu_ns: Some(10_000_000_000),
        frequency_min_khz: None,
        frequency_max_khz: None,
        throttles: None,
    }
}

/// Twelve repetitions of the threads, with these wall times in milliseconds.
fn threads_with(walls_ms: [u64; 12]) -> Vec<Trial> {
    let walls = (0..).zip(walls_ms);
    walls.map(|(repetition, wall_ms)| trial(THREADS, repetition, wall_ms, &[phase(Phase::Compute, 9, 0)])).collect()
}

#[test]
fn outliers_and_a_slow_start_are_noted_where_there_are_any() {
    let trials = threads_with([1001, 1004, 999, 1500, 1003, 998, 1002, 1000, 997, 1004, 1001, 999]);
    noted(
        &trials,
        "threads-10: repetition 4 (1.50× the median) is an outlier: the machine may have been busy with something else",
    );
    let noisy =
        trials.into_iter().map(|trial| Trial { noise: Some(half_used_by_others()), ..trial }).collect::<Vec<_>>();
    noted(&noisy, "repetition 4 (1.50× the median, other programs 50.0 %) is an outlier");
    let trials = threads_with([1001, 1004, 700, 1500, 1003, 998, 1002, 1000, 997, 1004, 1001, 999]);
    noted(&trials, "threads-10: repetitions 4 (1.50× the median), 3 (0.70× the median) are outliers");
    let trials = threads_with([1400, 1200, 999, 1003, 1001, 998, 1002, 1000, 997, 1004, 1001, 999]);
    noted(&trials, "threads-10: the first 2 repetitions were slower than the rest (1.30× as long): add warm-ups");
    assert_eq!(summary_of(&trials).notes.len(), 1, "a slow start is not noted twice");
    let steady = threads_with([1001, 1004, 999, 1002, 1003, 998, 1002, 1000, 997, 1004, 1001, 999]);
    assert_eq!(summary_of(&steady).notes, Vec::<String>::new());
}

#[test]
fn other_programs_on_the_cores_are_noted_where_cores_were_enough() {
    let crowded = trial(SEQUENTIAL, 0, 100, &[phase(Phase::Compute, 100, 3)]);
    let case = &mut experiment();
    case.cases[0].pinning = gild_model::case::Pinning::None;
    let notes = summarize(case, std::slice::from_ref(&crowded), 2).notes;
    assert!(
        notes.iter().any(|it| it.starts_with("sequential: noise: the workers waited 3.0 % of their time")),
        "{notes:?}"
    );
    let known = Trial { noise: Some(half_used_by_others()), ..crowded.clone() };
    let notes = summarize(case, &[known], 2).notes;
    let expected = "enough: other programs were running and used 50.0 % of the time of 2 cores";
    let noise: Vec<_> = notes.iter().filter(|it| it.contains("noise")).collect();
    assert!(noise.len() == 1 && noise[0].ends_with(expected), "one note of one subject: {notes:?}");
    let pinned = summarize(&experiment(), &[crowded], 2).notes;
    assert!(!pinned.iter().any(|it| it.contains("noise")), "{pinned:?}");
    case.cases[2].pinning = gild_model::case::Pinning::None;
    let notes = summarize(case, &article(), 2).notes;
    assert!(!notes.iter().any(|it| it.contains("noise")), "ten workers on two cores wait for one another: {notes:?}");
}

#[test]
fn a_case_that_did_not_get_as_narrow_as_asked_is_named() {
    let mut experiment = experiment();
    experiment.until = Some(gild_model::until::Until { half_width: 0.0015, repetitions_max: 5, limit_s: None });
    let notes = summarize(&experiment, &article(), 2).notes;
    let notes: Vec<_> = notes.iter().filter(|note| note.contains("asked for")).collect();
    assert_eq!(notes, ["processes-10: asked for an interval of ± 0.15 %; after 5 repetitions it is ± 0.21 %"]);
}

#[test]
fn an_accounting_that_costs_too_much_is_noted() {
    let mut trials = article();
    for trial in &mut trials {
        trial.accounting = Some(gild_model::trial::AccountingCost {
            marks: 1,
            mark_ns: 1.0,
            counter_reads: 0,
            rdpmc_reads: 0,
            counter_read_ns: None,
            schedstat_reads: 0,
            schedstat_read_ns: None,
            cpu_clock_reads: 0,
            cpu_clock_read_ns: None,
            share: 0.0061,
        });
    }
    assert_eq!(line_of(THREADS, &trials).accounting, Some(0.0061));
    noted(&trials, "all cases: the accounting itself cost 0.6 % of the workers' time");
}

#[test]
fn results_are_compared_once_there_are_two() {
    let summary = summary_of(&article()[..1]);
    assert_eq!(summary.results_identical, None);
    let unknown = Trial { digest: None, verified: None, ..done(THREADS, 0) };
    let summary = summary_of(&[unknown.clone(), unknown]);
    assert_eq!((summary.results_identical, summary.verified), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shares_are_parts_of_one_whole(trials in honest_trials()) {
        for line in summary_of(&trials).cases {
            line.workers.iter().chain(&line.coordinator).try_for_each(check_shares)?;
            prop_assert!(line.sentence.ends_with('.'), "{}", line.sentence);
        }
    }

    #[test]
    fn the_order_of_trials_does_not_matter(trials in honest_trials()) {
        let mut turned = trials.clone();
        turned.reverse();
        turned.rotate_left(4);
        prop_assert_eq!(summary_of(&trials), summary_of(&turned));
    }
}
