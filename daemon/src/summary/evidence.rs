//! The trials of a case as the rules of the advice see them.

use gild_model::account::{Role, WorkerAccount};
use gild_model::case::Case;
use gild_model::phase::Phase;
use gild_model::python::PythonKernel;
use gild_model::summary::CaseSummary;
use gild_model::trial::Trial;

use super::case::CaseFold;
use super::shares::Pool;
use crate::advice::evidence::{Evidence, PhaseTime, PhaseTimes, Times, cores_of};
use crate::advice::python::lock_of;

/// How much longer the worker that worked longest did so than the average one, in nanoseconds. A worker works from its
/// start to its end but for the time without a task, and for what comes after its last one.
pub(super) fn imbalance_ns(trial: &Trial) -> u128 {
    let worked = |worker: &WorkerAccount| {
        let phases = worker.phases.iter().filter(|it| !matches!(it.phase, Phase::Idle | Phase::Teardown));
        phases.map(|it| u128::from(it.wall_ns)).sum::<u128>()
    };
    let workers: Vec<_> = trial.workers.iter().filter(|it| it.role == Role::Worker).map(worked).collect();
    let longest = workers.iter().max().copied().unwrap_or(0);
    longest - workers.iter().sum::<u128>() / workers.len().max(1) as u128
}

/// The evidence of a case, on a machine with `cores` cores.
pub(super) fn of(fold: &CaseFold, line: &CaseSummary, cores: usize, python: Option<&PythonKernel>) -> Evidence {
    let disturbed = line.noise.as_ref().and_then(|noise| match (noise.steal, noise.other_cpu) {
        (None, None) => None,
        (steal, other_cpu) => Some(steal.unwrap_or(0.0) + other_cpu.unwrap_or(0.0)),
    });
    let interpreter = python.and_then(|it| it.interpreter_of(&fold.case)).cloned();
    let lock = interpreter.as_ref().and_then(|it| lock_of(&fold.case, it)).or(fold.case.lock);
    Evidence {
        case: Case { lock, ..fold.case.clone() },
        interpreter,
        cores: cores_of(&fold.case, cores),
        failed: line.failed,
        walls_ns: fold.wall_ns.clone(),
        wall: line.wall_ns,
        tasks: line.tasks,
        parallelism: line.parallelism,
        disturbed,
        times: times(fold, line),
    }
}

/// Means over the trials that count.
fn times(fold: &CaseFold, line: &CaseSummary) -> Option<Times> {
    line.workers.as_ref()?;
    let walls = fold.wall_ns.len();
    let trials = f64::from(line.trials);
    let workers = trials * f64::from(fold.case.workers);
    let wall_ns = fold.wall_ns.values().map(|wall_ns| *wall_ns as f64).sum::<f64>() / walls.max(1) as f64;
    let mut coordinator = match line.coordinator {
        Some(_) => phase_times(&fold.coordinator, trials),
        None => PhaseTimes::default(),
    };
    // An executor has threads for what a coordinator does itself.
    let values = [Phase::Encode, Phase::Decode, Phase::Send, Phase::Receive];
    coordinator.add(&phase_times(&fold.helpers, trials), &values);
    Some(Times {
        wall_ns,
        worker: phase_times(&fold.workers, workers),
        coordinator,
        imbalance_ns: fold.imbalance_ns as f64 / trials,
    })
}

/// The pooled times of `lives` lives, of one of them.
fn phase_times(pool: &Pool, lives: f64) -> PhaseTimes {
    let mut times = PhaseTimes::default();
    for phase in Phase::ALL {
        let pooled = pool.phase(phase);
        let run_queue_ns = pooled.run_queue_ns.0.unwrap_or(0);
        times.set(
            phase,
            PhaseTime { wall_ns: pooled.wall_ns as f64 / lives, run_queue_ns: run_queue_ns as f64 / lives },
        );
    }
    times
}
