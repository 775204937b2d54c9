//! The event loop, end to end: what it gains when the work waits, what it does not when it computes, kernels without an
//! asynchronous form, kernels in C, and operations that misbehave.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use gild_model::account::{PhaseAccount, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::plugin::PluginList;
use gild_model::run::{Run, RunStatus};
use gild_model::summary::{CaseSummary, Shares};
use gild_model::trial::{Trial, TrialStatus};
use gild_tests::accounts::{in_phases, of_case, wall_ns, workers};
use gild_tests::compiled::compile;
use gild_tests::lab::Lab;

fn run(lab: &Lab, experiment: &str) -> Run {
    lab.write("experiment.toml", experiment);
    let run: Run = lab.gilctl(&["run", "experiment.toml", "--json"]).well().json();
    assert_eq!((run.head.status, run.summary.results_identical), (RunStatus::Done, Some(true)));
    run
}

fn shares(case: &CaseSummary) -> &Shares {
    case.workers.as_ref().unwrap()
}

fn wall(run: &Run, case: usize) -> f64 {
    run.summary.cases[case].wall_ns.as_ref().unwrap().median
}

/// The only worker of a trial on an event loop.
fn worker(trial: &Trial) -> &WorkerAccount {
    match workers([trial])[..] {
        [one] => one,
        ref other => panic!("{} workers", other.len()),
    }
}

fn computed_ns(row: &WorkerAccount, kernel_phase: &str) -> u64 {
    let parts = row.phases.iter().filter(|it| it.kernel_phase.as_deref() == Some(kernel_phase));
    parts.map(|it: &PhaseAccount| it.wall_ns).sum()
}

/// Waiting is exaggerated, so that a busy machine makes no difference: 40 requests of 60 ms, 2.4 s one after the other.
const NETWORK_BOUND: &str = r#"
kernel = "io-bound"
repetitions = 1
warmups = 0
param = { tasks = 20, requests = 2, bytes = 64, compute_us = 100, service_us = 60_000 }

[[case]]
model = "sequential"

[[case]]
model = "event-loop"
in_flight = 10

[[case]]
model = "event-loop"
in_flight = 1
"#;

#[test]
fn one_thread_with_many_tasks_in_flight_is_worth_it_when_the_work_waits_for_the_network() {
    let lab = Lab::new();
    let run = run(&lab, NETWORK_BOUND);
    let walls: Vec<f64> = (0..3).map(|case| wall(&run, case)).collect();
    // Ten times as fast on an idle machine; with one task in flight the loop is a sequential run.
    assert!(walls[0] > 3.0 * walls[1], "{walls:?}");
    assert!(walls[2] > 3.0 * walls[1] && walls[0] < 2.0 * walls[2], "{walls:?}");
    for case in &run.summary.cases[1..3] {
        let shares = shares(case);
        assert!(shares.io_wait > 0.6 && shares.compute < 0.3, "{}: {shares:?}", case.case.name);
        assert_eq!((shares.lock_wait, shares.serialize, shares.transfer), (0.0, 0.0, 0.0), "{}", case.case.name);
    }
    assert!(run.summary.cases[1].sentence.starts_with("1 thread with 10 tasks in flight spent "));
    let trials = lab.trials(1);
    for case in [1, 2] {
        let trial = of_case(&trials, case)[0];
        let row = worker(trial);
        assert_eq!((row.tasks, trial.tasks_done, row.balanced), (20, 20, Some(true)), "{row:?}");
        // Ten wait at once, so the loop waits for a tenth of what they wait: two answers of 60 ms, twice.
        let waited_ns = wall_ns(&in_phases(&[row], &[Phase::IoWait]));
        let least_ns = if case == 1 { 4.0 } else { 40.0 } * 60e6 * 0.8;
        assert!(waited_ns > least_ns, "case {case}: {waited_ns} ns");
        // 40 answers of 100 µs each.
        assert!(computed_ns(row, "handle") >= 4_000_000, "{row:?}");
    }
}

/// The article's own kernel has no asynchronous form.
const CPU_BOUND: &str = r#"
kernel = "cpu-bound"
repetitions = 3
warmups = 0
param = { tasks = 10, n = 22 }

[[case]]
model = "sequential"

[[case]]
model = "event-loop"
in_flight = 10
"#;

#[test]
fn computing_gains_nothing_and_the_summary_says_that_each_task_blocks_the_loop() {
    let lab = Lab::new();
    let run = run(&lab, CPU_BOUND);
    let (sequential, on_loop) = (wall(&run, 0), wall(&run, 1));
    assert!(on_loop > 0.5 * sequential, "{sequential} {on_loop}");
    let shares = shares(&run.summary.cases[1]);
    assert!(shares.compute > 0.8 && shares.io_wait == 0.0, "{shares:?}");
    let note = "event-loop-10: the kernel has no asynchronous form: each task blocks the event loop";
    let notes = &run.summary.notes;
    assert_eq!(notes.iter().filter(|it| it.contains("asynchronous form")).count(), 1, "{notes:?}");
    assert!(notes.iter().any(|it| it.starts_with(note)), "{notes:?}");
    let plugins: PluginList = lab.gilctl(&["plugin", "ls", "--json"]).well().json();
    let kernels = plugins.plugins.iter().flat_map(|it| &it.kernels);
    let mut asynchronous: Vec<_> = kernels.filter(|it| it.asynchronous).map(|it| it.name.as_str()).collect();
    asynchronous.sort_unstable();
    assert_eq!(asynchronous, ["calibrated", "io-bound", "mixed"]);
}

/// One task computes for half a second, twenty make two requests of a millisecond: the convoy of an event loop.
const CONVOY: &str = r#"
kernel = "mixed"
repetitions = 1
warmups = 0
param = { tasks = 21, cpu_tasks = 1, cpu_us = 500_000, requests = 2, bytes = 64, compute_us = 0, service_us = 1000 }

[[case]]
model = "sequential"

[[case]]
model = "event-loop"
in_flight = 21
"#;

#[test]
fn a_task_that_computes_holds_every_request_up() {
    let lab = Lab::new();
    run(&lab, CONVOY);
    let trials = lab.trials(1);
    let (trial, row) = (of_case(&trials, 1)[0], worker(of_case(&trials, 1)[0]));
    assert_eq!((trial.verified, row.balanced), (Some(true), Some(true)));
    let computed_ns = computed_ns(row, "cpu");
    assert!(computed_ns >= 500_000_000, "{row:?}");
    // It was the first to be taken; nothing else happened before it was done, and the requests after it took little.
    let cpu = row.phases.iter().find(|it| it.kernel_phase.as_deref() == Some("cpu")).unwrap();
    assert_eq!(cpu.entries, 1, "it gave way to nobody");
    let waited_ns = wall_ns(&in_phases(&[row], &[Phase::IoWait]));
    assert!(waited_ns < computed_ns as f64, "{waited_ns} ns beside {computed_ns} ns");
}

#[test]
fn blocking_regions_of_a_kernel_without_an_asynchronous_form_stop_the_loop() {
    let lab = Lab::new();
    // Each of four tasks sleeps for 20 ms in a blocking region.
    let line = ["run", "faulty", "--param=fault=slow", "--param=ms=20", "--model=event-loop", "--in-flight=4"];
    let run: Run = lab.gilctl(&[&line[..], &["--repeat=1", "--warmups=0", "--json"]].concat()).well().json();
    assert_eq!(run.summary.verified, Some(true));
    let trials = lab.trials(1);
    let waited_ns = wall_ns(&in_phases(&[worker(&trials[0])], &[Phase::IoWait]));
    assert!(waited_ns >= 4.0 * 20e6, "{waited_ns} ns");
    assert!(run.summary.cases[0].sentence.contains("blocked by every task"), "{}", run.summary.cases[0].sentence);
}

#[test]
fn a_kernel_in_c_gains_like_one_in_rust() {
    let lab = Lab::new();
    let library = compile("relay", &lab.path("home"));
    let plugin = format!("--plugin={}", library.display());
    let line = ["run", "relay", &plugin, "--model=sequential,event-loop", "--in-flight=20", "--tasks=20"];
    let more = ["--param=wait_us=20000", "--repeat=1", "--warmups=0", "--json"];
    let run: Run = lab.gilctl(&[&line[..], &more].concat()).well().json();
    assert_eq!((run.summary.verified, run.summary.results_identical), (Some(true), Some(true)));
    // 400 ms one after the other.
    assert!(wall(&run, 0) > 3.0 * wall(&run, 1), "{} {}", wall(&run, 0), wall(&run, 1));
    let trials = lab.trials(1);
    let row = worker(of_case(&trials, 1)[0]);
    assert_eq!((row.tasks, row.balanced), (20, Some(true)));
    let compute: u64 = in_phases(&[row], &[Phase::Compute]).iter().map(|it| it.entries).sum();
    assert!(compute >= 3 * 20, "a first poll, the timer, the pipe: {row:?}");
    let shown = lab.gilctl(&["plugin", "info", library.to_str().unwrap()]).well();
    assert!(shown.stdout.contains("asynchronous"), "{shown}");
}

/// Runs `restless` with a fault in task 3 of 20, ten in flight, and gives the only trial's error.
fn misbehaves(fault: &str, more: &[&str]) -> String {
    let lab = Lab::new();
    let plugin = format!("--plugin={}", compile("restless", &lab.path("home")).display());
    let fault = format!("--param=fault={fault}");
    let line =
        ["run", "restless", &plugin, &fault, "--model=event-loop", "--in-flight=10", "--repeat=1", "--warmups=0"];
    let ran = lab.gilctl(&[&line[..], more].concat()).ended_with(1);
    lab.assert_no_trial_is_left();
    let trial = lab.trials(1).remove(0);
    assert_eq!(trial.status, TrialStatus::Failed);
    let error = trial.error.unwrap();
    assert!(ran.stderr.contains(&error), "{ran}");
    error
}

#[test]
fn an_operation_that_never_goes_on_or_never_gives_way_is_killed_by_its_limit_and_named() {
    // Which of them is polled, or waited for, when the limit passes must not matter: it is always task 3.
    for fault in ["hang", "endless", "endless-polling", "livelock"] {
        let error = misbehaves(fault, &["--task-limit=1"]);
        assert!(error.contains("task 3 took longer than the task limit of 1 s"), "{fault}: {error}");
    }
    let error = misbehaves("hang", &["--trial-limit=2"]);
    assert!(error.contains("the trial limit of 2 s") && error.contains("was running task 3"), "{error}");
}

#[test]
fn an_operation_that_breaks_the_rules_fails_by_name() {
    for (fault, text) in [
        ("no-wait", "it is pending and has registered no wait, so it would never be polled again"),
        ("closed-fd", "it waits for descriptor 1000, which cannot be waited for: Bad file number"),
        ("negative-fd", "bad parameter (-2): descriptor -1 cannot be waited for with events 0x1"),
        ("odd-events", "bad parameter (-2): descriptor 0 cannot be waited for with events 0x21"),
        ("error", "input/output error (-4): asked to fail"),
    ] {
        let error = misbehaves(fault, &[]);
        assert!(error.contains("task 3 failed: ") && error.contains(text), "{fault}: {error}");
    }
    let error = misbehaves("segv", &[]);
    assert!(error.contains("was killed by SIGSEGV while running task 3"), "{error}");
}

#[test]
fn a_cancelled_run_leaves_no_loop_behind() {
    let lab = Lab::new();
    let slow = ["--param=service_us=9000000", "--param=timeout_ms=60000", "--repeat=1", "--warmups=0"];
    lab.submit(&[&["io-bound", "--model=event-loop", "--in-flight=5", "--tasks=5"], &slow[..]].concat());
    gild_tests::waiting::wait_for("tasks in flight", || (!lab.trial_processes().is_empty()).then_some(()));
    lab.gilctl(&["cancel", "1"]).well();
    let run = lab.wait_for_end(1);
    assert_eq!(run.head.status, RunStatus::Cancelled);
    lab.assert_no_trial_is_left();
}
