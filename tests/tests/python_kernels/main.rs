//! Kernels that are functions in Python, run by the executors of real interpreters: the same results under every model, books that
//! balance, phases as they must be, and errors in the user's words.
//!
//! The margins hold on a machine of two busy cores: what is waited for a core is let out of the comparisons.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod ends;
mod inputs;
mod interpreters;
mod models;

use std::path::Path;

use gild_model::account::{Role, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::run::{Run, RunStatus};
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use gild_tests::program::Ran;

/// A world with a module `functions` in its folder.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("functions.py", include_str!("functions.py"));
    lab
}

/// Runs a call with these options, one repetition of each case.
fn call(lab: &Lab, call: &str, python: &Path, options: &str) -> Ran {
    let call = format!("functions:{call}");
    let mut line = vec!["run", &call, "--python", python.to_str().unwrap()];
    line.extend(["--repeat", "1", "--warmups", "0"]);
    line.extend(options.split_whitespace());
    lab.gilctl(&line)
}

/// The run of a call that succeeds.
#[track_caller]
fn run(lab: &Lab, function: &str, python: &Path, options: &str) -> Run {
    let run: Run = call(lab, function, python, &format!("{options} --json")).well().json();
    assert_eq!(run.head.status, RunStatus::Done);
    run
}

/// The trials of a run, case by case.
fn trials(lab: &Lab, run: &Run) -> Vec<Trial> {
    let mut trials = lab.trials(run.head.id);
    trials.sort_by_key(|trial| trial.case);
    trials
}

fn rows(trial: &Trial, role: Role) -> Vec<&WorkerAccount> {
    trial.workers.iter().filter(|row| row.role == role).collect()
}

/// The time that these rows spent in these phases, as a share of their lives, waiting for a core left out of both but in the lock.
fn share(rows: &[&WorkerAccount], phases: &[Phase]) -> f64 {
    let is_lock = |phase: Phase| matches!(phase, Phase::LockWait | Phase::SwitchWait);
    let accounts = || rows.iter().flat_map(|row| &row.phases);
    let time = |it: &gild_model::account::PhaseAccount| {
        let queued_ns = if is_lock(it.phase) { 0 } else { it.run_queue_ns.unwrap_or(0) };
        it.wall_ns.saturating_sub(queued_ns)
    };
    let within: u64 = accounts().filter(|it| phases.contains(&it.phase)).map(time).sum();
    within as f64 / accounts().map(time).sum::<u64>() as f64
}

/// Waiting for the interpreter's lock.
const LOCK: &[Phase] = &[Phase::LockWait, Phase::SwitchWait];
