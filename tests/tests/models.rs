//! Every execution model, lock policy, transport and start method, end to end: the same results, books that balance, and
//! workers that are who the model says they are.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use gild_model::account::{Role, WorkerAccount};
use gild_model::case::{Case, Model};
use gild_model::phase::Phase;
use gild_model::run::{Run, RunStatus};
use gild_model::trial::Trial;
use gild_tests::accounts::{in_phases, of_case, wall_ns, workers};
use gild_tests::lab::Lab;

/// Every model, and with each everything that it can be combined with at least once.
const CASES: &str = r#"
repetitions = 1
warmups = 0

[[case]]
model = "sequential"

[[case]]
model = "threads"
workers = 3
lock = ["cpython", "cpython2", "fair", "none"]

[[case]]
model = "processes"
workers = 2
start = ["fork", "spawn"]
transport = ["pipe", "socketpair", "shm"]

[[case]]
model = "subinterpreters"
workers = 3
transport = ["pipe", "socketpair", "shm"]

[[case]]
model = "hybrid"
workers = 4
threads_per_process = 2
start = ["fork", "spawn"]
transport = ["pipe", "shm"]
lock = ["cpython", "cpython2", "none"]
"#;

/// Runs a kernel in all of them.
fn in_all_models(lab: &Lab, kernel: &str, params: &str) -> (Run, Vec<Trial>) {
    lab.write("experiment.toml", &format!("kernel = \"{kernel}\"\nparam = {{ {params} }}\n{CASES}"));
    let run: Run = lab.gilctl(&["run", "experiment.toml", "--json"]).well().json();
    assert_eq!(run.head.status, RunStatus::Done, "{kernel}");
    let id = run.head.id;
    (run, lab.trials(id))
}

fn check(kernel: &str, params: &str, tasks: u64) {
    let lab = Lab::new();
    let (run, trials) = in_all_models(&lab, kernel, params);
    assert_eq!(run.summary.results_identical, Some(true), "{kernel}");
    assert_eq!(trials.len(), 1 + 4 + 6 + 3 + 12, "{kernel}");
    for trial in &trials {
        let case = &run.experiment.cases[trial.case as usize];
        let name = format!("{kernel}, {}", case.name);
        assert_eq!((trial.tasks_done, trial.tasks_planned), (tasks, Some(tasks)), "{name}");
        let rows = workers([trial]);
        assert_eq!(rows.iter().map(|row| row.tasks).sum::<u64>(), tasks, "{name}");
        check_balance(&name, trial);
        check_who_they_are(&name, case, trial, &rows);
        check_phases(&name, case, &rows);
    }
    lab.assert_no_trial_is_left();
}

/// These lives last some milliseconds, and one that is pushed off its core between the readings of two clocks is off by as much.
/// That does not happen to most of them.
fn check_balance(name: &str, trial: &Trial) {
    let off: Vec<_> = trial.workers.iter().filter(|row| row.balanced != Some(true)).collect();
    assert!(off.iter().all(|row| row.balanced.is_some()), "{name}: nobody died");
    let lives: Vec<_> = off.iter().map(|row| (row.index, row.accounted_ns, row.life_ns)).collect();
    assert!(2 * off.len() <= trial.workers.len(), "{name}: books that do not balance: {lives:?}");
}

fn check_who_they_are(name: &str, case: &Case, trial: &Trial, rows: &[&WorkerAccount]) {
    let coordinator = trial.workers.iter().find(|row| row.role == Role::Coordinator).unwrap();
    let own = coordinator.pid.unwrap();
    let mut threads: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in rows {
        threads.entry(row.pid.unwrap()).or_default().push(row.tid.unwrap());
    }
    for tids in threads.values_mut() {
        tids.sort_unstable();
        tids.dedup();
    }
    let per_process: Vec<usize> = threads.values().map(Vec::len).collect();
    let expected = match case.model {
        Model::Sequential | Model::EventLoop => vec![1],
        Model::Threads | Model::Subinterpreters => vec![case.workers as usize],
        Model::Processes => vec![1; case.workers as usize],
        Model::Hybrid => vec![2; 2],
        Model::Recorded => unreachable!("no experiment has it"),
    };
    assert_eq!(per_process, expected, "{name}: threads of each process");
    assert_eq!(threads.contains_key(&own), case.model.is_one_process(), "{name}: the coordinator's process");
}

/// Only what shares a lock waits for it, and only what does not share values encodes them.
fn check_phases(name: &str, case: &Case, rows: &[&WorkerAccount]) {
    let entries = |phases: &[Phase]| in_phases(rows, phases).iter().map(|it| it.entries).sum::<u64>();
    let locked = case.lock.is_some_and(|lock| lock.name() != "none");
    assert!(locked || entries(&[Phase::LockWait, Phase::SwitchWait]) == 0, "{name}: nobody to wait for");
    let encoded = entries(&[Phase::Encode, Phase::Decode, Phase::Send, Phase::Receive]);
    assert_eq!(encoded > 0, case.model.has_transport(), "{name}: values are encoded or not");
}

#[test]
fn computing_gives_the_same_results_in_every_model() {
    check("cpu-bound", "n = 14, tasks = 12", 12);
}

#[test]
fn waiting_for_the_network_gives_the_same_results_in_every_model() {
    check("io-bound", "tasks = 8, requests = 2, bytes = 64, compute_us = 100, service_us = 200", 8);
}

#[test]
fn a_kernel_in_c_gives_the_same_results_in_every_model() {
    check("null", "tasks = 40, payload = 100000", 40);
}

#[test]
fn a_kernel_with_an_instance_for_every_worker_gives_the_same_results_in_every_model() {
    check("calibrated", "tasks = 6, cpu_us = 500, value_bytes = 1000", 6);
}

#[test]
fn a_thread_that_ends_in_the_middle_of_a_task_is_named_in_every_model_that_has_threads() {
    let lab = Lab::new();
    let line = ["run", "calibrated", "--param=vanishing_task=1", "--param=cpu_us=1000", "--tasks=2", "--workers=2"];
    let models = ["--model=threads,subinterpreters,hybrid", "--threads-per-process=2", "--start=fork,spawn"];
    lab.gilctl(&[&line[..], &models, &["--repeat=1", "--warmups=0", "--task-limit=60"]].concat()).ended_with(1);
    let trials = lab.trials(1);
    assert_eq!(trials.len(), 4);
    for trial in trials {
        let error = trial.error.unwrap();
        assert!(error.contains("was running task 1 when its thread (tid "), "case {}: {error}", trial.case);
    }
    lab.assert_no_trial_is_left();
}

/// With a small interval the lock is given back all the time, each time with a wake-up for whoever waits; with one that is
/// never over it is given back at the end.
const CONVOY: &str = r#"
kernel = "cpu-bound"
repetitions = 1
warmups = 0
param = { n = 28, tasks = 4 }

[[case]]
model = "threads"
workers = 2
lock = "cpython2"
check_interval = [1, 1_000_000_000]

[[case]]
model = "threads"
workers = 2
lock = "cpython"
"#;

#[test]
fn the_lock_of_python_2_is_signalled_over_and_over() {
    let lab = Lab::new();
    lab.write("experiment.toml", CONVOY);
    lab.gilctl(&["run", "experiment.toml"]).well();
    let trials = lab.trials(1);
    let waits = |case: usize| {
        let rows = workers(of_case(&trials, case));
        in_phases(&rows, &[Phase::LockWait]).iter().map(|it| it.entries).sum::<u64>()
    };
    let (often, never, cpython) = (waits(0), waits(1), waits(2));
    let told = format!("{often} waits, {never} without releases, {cpython} under a lock with an interval of 5 ms");
    assert!(often > never, "{told}");
    // Where others want the cores as well, the woken one does not get one in time, and the lock is not waited for.
    let rows = workers(of_case(&trials, 0));
    let phases = || rows.iter().flat_map(|row| &row.phases);
    let (queued, all) =
        (phases().filter_map(|it| it.run_queue_ns).sum::<u64>(), phases().map(|it| it.wall_ns).sum::<u64>());
    if queued * 20 < all {
        assert!(often > 100 * (never + 1) && often > 10 * (cpython + 1), "{told}");
    }
}

/// Four spinning threads: in one process three of four wait at any time, in two processes one of two, and without a lock
/// nobody.
const SPLIT: &str = r#"
kernel = "calibrated"
repetitions = 1
warmups = 0
param = { tasks = 4, cpu_us = 300_000 }

[[case]]
model = "hybrid"
workers = 4
threads_per_process = [1, 2, 4]
dispatch = "per-worker"

[[case]]
model = "subinterpreters"
workers = 4
dispatch = "per-worker"
"#;

#[test]
fn threads_wait_for_those_of_their_own_process_only() {
    let lab = Lab::new();
    lab.write("experiment.toml", SPLIT);
    lab.gilctl(&["run", "experiment.toml"]).well();
    let trials = lab.trials(1);
    let share = |case: usize| {
        let rows = workers(of_case(&trials, case));
        let waited = wall_ns(&in_phases(&rows, &[Phase::LockWait, Phase::SwitchWait]));
        waited / (waited + wall_ns(&in_phases(&rows, &[Phase::Compute])))
    };
    let shares: Vec<f64> = (0..4).map(share).collect();
    assert_eq!((shares[0], shares[3]), (0.0, 0.0), "nobody to wait for: {shares:?}");
    // Of those who neither start nor end: (t - 1) / t, 0.5 and 0.75.
    assert!((0.35..0.6).contains(&shares[1]), "{shares:?}");
    assert!((0.6..0.85).contains(&shares[2]), "{shares:?}");
}
