//! The lock policy `fair`, end to end: whoever computes takes turns, and nobody is made to wait for a successor.

use gild_model::case::LockPolicy;
use gild_model::phase::Phase;
use gild_model::run::{Run, RunStatus};
use gild_tests::accounts::{in_phases, wall_ns, workers};
use gild_tests::lab::Lab;

const EXPERIMENT: &str = r#"
kernel = "cpu-bound"
repetitions = 1
warmups = 0
param = { n = 22, tasks = 120 }

[[case]]
model = "threads"
workers = 4
lock = "fair"
interval_us = 1000
"#;
const INTERVAL_NS: f64 = 1e6;

#[test]
fn under_a_fair_lock_workers_take_turns_of_an_interval() {
    let lab = Lab::new();
    lab.write("fair.toml", EXPERIMENT);
    let run: Run = lab.gilctl(&["run", "fair.toml", "--json"]).well().json();
    assert_eq!(run.head.status, RunStatus::Done);
    assert_eq!(run.summary.verified, Some(true));
    let case = &run.experiment.cases[0];
    assert_eq!((case.name.as_str(), case.lock), ("threads-4-fair-1000us", Some(LockPolicy::Fair)));

    let trials = lab.trials(1);
    let rows = workers(&trials);
    let entries = |phase| -> Vec<u64> {
        rows.iter().map(|row| in_phases(&[row], &[phase]).iter().map(|it| it.entries).sum()).collect()
    };
    let waits = entries(Phase::LockWait);
    let computed_ns = wall_ns(&in_phases(&rows, &[Phase::Compute]));
    let figures =
        format!("lock waits of each worker {waits:?}, {computed_ns} ns of computing in {:?} ns", trials[0].wall_ns);

    // One at a time computes; so three of four wait, but for the start and the end of the trial.
    assert!(computed_ns <= trials[0].wall_ns.expect("a trial that is done has a wall time") as f64, "{figures}");
    let shares = case_shares(&run);
    assert!(shares.lock_wait > 0.5, "{figures}; {shares:?}");

    // A hold ends after an interval at the earliest; the first waits and the last holds of the workers are no whole ones.
    let whole_holds = waits.iter().sum::<u64>().saturating_sub(2 * 4) as f64;
    assert!(computed_ns >= 0.9 * whole_holds * INTERVAL_NS, "holds are shorter than the interval: {figures}");
    // If nobody asked for the lock, every worker would wait for it once at most. How often they do depends on the machine.
    let (least, most) = (waits.iter().min().copied().unwrap_or(0), waits.iter().max().copied().unwrap_or(0));
    assert!(least > 2, "nobody asks for the lock: {figures}");
    // Turns in order: the same number for all, but that workers do not start and end at the same time.
    assert!(2 * (least + 2) >= most, "unequal turns: {figures}");

    // There is no forced switching: who drops the lock goes to the end of the line at once.
    assert_eq!(entries(Phase::SwitchWait), [0; 4]);
    assert_eq!(shares.switch_wait, 0.0);
}

fn case_shares(run: &Run) -> &gild_model::summary::Shares {
    run.summary.cases[0].workers.as_ref().expect("every worker has accounts")
}
