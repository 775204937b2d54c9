//! How tasks get to workers: from one queue or from queues of their own, one at a time or in chunks. All counts are exact.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use gild_model::case::Case;
use gild_model::phase::Phase;
use gild_model::run::{Run, RunStatus};
use gild_model::trial::Trial;
use gild_tests::accounts::{in_phases, workers};
use gild_tests::lab::Lab;

/// 41 tasks: chunks of 4 leave one over.
const TASKS: u64 = 41;
const EXPERIMENT: &str = r#"
kernel = "null"
repetitions = 1
warmups = 0
param = { tasks = 41, payload = 10 }

[[case]]
model = "threads"
workers = 3
dispatch = ["shared", "per-worker"]
chunk = [1, 4, 100]

[[case]]
model = "processes"
workers = 3
dispatch = ["shared", "per-worker"]
chunk = [1, 4, 100]

[[case]]
model = "subinterpreters"
workers = 3
dispatch = ["shared", "per-worker"]
chunk = [1, 4, 100]

[[case]]
model = "hybrid"
workers = 4
threads_per_process = 2
transport = "shm"
dispatch = ["shared", "per-worker"]
chunk = [1, 4, 100]
"#;

fn run() -> (Run, Vec<Trial>) {
    let lab = Lab::new();
    lab.write("experiment.toml", EXPERIMENT);
    let run: Run = lab.gilctl(&["run", "experiment.toml", "--json"]).well().json();
    assert_eq!((run.head.status, run.summary.results_identical), (RunStatus::Done, Some(true)));
    let trials = lab.trials(1);
    assert_eq!(trials.len(), 24);
    (run, trials)
}

/// The tasks of worker `worker` if they were dealt out before.
fn dealt(case: &Case, worker: u64) -> u64 {
    let (chunk, workers) = (u64::from(case.chunk.unwrap()), u64::from(case.workers));
    (0..TASKS).filter(|task| task / chunk % workers == worker).count() as u64
}

#[test]
fn every_task_is_done_once_and_costs_what_its_dispatch_says() {
    let (run, trials) = run();
    for trial in &trials {
        let case = &run.experiment.cases[trial.case as usize];
        let rows = workers([trial]);
        assert_eq!(rows.iter().map(|row| row.tasks).sum::<u64>(), TASKS, "{}", case.name);
        if case.name.contains("per-worker") {
            for row in &rows {
                assert_eq!(row.tasks, dealt(case, row.index.into()), "{}, worker {}", case.name, row.index);
            }
        }
        if case.model.has_transport() {
            check_messages(case, trial);
        }
    }
}

/// A message of tasks is sent and received once, and so is the answer, however many there are in it; each value is encoded and
/// decoded alone.
fn check_messages(case: &Case, trial: &Trial) {
    let rows = workers([trial]);
    let entries = |phase: Phase| in_phases(&rows, &[phase]).iter().map(|it| it.entries).sum::<u64>();
    let messages = TASKS.div_ceil(case.chunk.unwrap().into());
    assert_eq!((entries(Phase::Send), entries(Phase::Encode)), (messages, TASKS), "{}", case.name);
    assert_eq!(entries(Phase::Decode), TASKS, "{}", case.name);
    // Workers of one process hear of the end in a message.
    let last = if case.model.is_one_process() { u64::from(case.workers) } else { 0 };
    assert_eq!(entries(Phase::Receive), messages + last, "{}", case.name);
    let coordinator: Vec<_> = trial.workers.iter().filter(|row| row.role.name() == "coordinator").collect();
    let sent = in_phases(&coordinator, &[Phase::Send]).iter().map(|it| it.entries).sum::<u64>();
    assert_eq!(sent, messages, "{}, coordinator", case.name);
}

#[test]
fn an_error_in_a_chunk_names_its_task_and_so_does_a_death() {
    let lab = Lab::new();
    let line = ["run", "faulty", "--param=at=6", "--tasks=12", "--chunk=4", "--workers=2", "--repeat=1", "--warmups=0"];
    let models =
        ["--model=threads,processes,subinterpreters,hybrid", "--threads-per-process=1", "--transport=pipe,shm"];
    for fault in ["--param=fault=error", "--param=fault=segv"] {
        lab.gilctl(&[&line[..], &models, &[fault]].concat()).ended_with(1);
    }
    for (id, text) in [(1, "task 6 failed"), (2, "was killed by SIGSEGV while running task 6")] {
        let trials = lab.trials(id);
        assert_eq!(trials.len(), 7);
        for trial in trials {
            let error = trial.error.unwrap();
            assert!(error.contains(text), "run {id}, case {}: {error}", trial.case);
        }
    }
    lab.assert_no_trial_is_left();
}
