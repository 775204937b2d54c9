//! What the rules see of a case: its wall times, and where the time of an average worker went.
//!
//! Times are means over the trials that count, in nanoseconds: of one trial, and of one of its workers. The case's model
//! and number of workers say what it is; the kernel's name is not here.

use std::collections::BTreeMap;

use gild_model::case::{Case, Pinning};
use gild_model::phase::Phase;
use gild_model::python::Interpreter;
use gild_model::summary::{Estimate, Ratio};

use super::models::at_once;
use crate::summary::statistics;

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    /// The case. Of threads in Python it has the lock that their interpreter has.
    pub case: Case,
    /// The interpreter, of a case in Python.
    pub interpreter: Option<Interpreter>,
    /// Cores that its workers may run on; 0: not known.
    pub cores: usize,
    /// Trials of it that failed.
    pub failed: u32,
    /// Wall times of the trials that count, by repetition, in nanoseconds.
    pub walls_ns: BTreeMap<u32, u64>,
    /// Their median, as in the summary.
    pub wall: Option<Estimate>,
    /// Tasks of a trial.
    pub tasks: Option<u64>,
    /// Σ CPU time / wall time.
    pub parallelism: Option<f64>,
    /// What the hypervisor and other programs used of the time of all cores, as far as it was measured.
    pub disturbed: Option<f64>,
    /// Where the time went. `None`: there are no accounts.
    pub times: Option<Times>,
}

/// Where the time of a trial went.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// Wall time of a trial.
    pub wall_ns: f64,
    /// Of a worker.
    pub worker: PhaseTimes,
    /// Of the coordinator, while there are workers. Nothing, where it lends its thread to the worker.
    pub coordinator: PhaseTimes,
    /// How much longer the worker that worked longest did so than the average one.
    pub imbalance_ns: f64,
}

/// The time spent in each phase, and the part of it that was waiting for a core.
#[derive(Debug, Clone, Default)]
pub(crate) struct PhaseTimes([PhaseTime; Phase::ALL.len()]);

/// The time spent in a phase.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PhaseTime {
    /// All of it.
    pub wall_ns: f64,
    /// Of it: waiting for a core; 0 where it was not measured, which leaves the phase as it is.
    pub run_queue_ns: f64,
}

/// Waiting for the lock. A worker that is given the lock and waits for a core still waits for the lock.
const LOCK: [Phase; 2] = [Phase::LockWait, Phase::SwitchWait];

impl PhaseTimes {
    /// Sets the time of a phase.
    pub fn set(&mut self, phase: Phase, time: PhaseTime) {
        self.0[phase as usize] = time;
    }

    /// Adds the times that others spent in some phases.
    pub fn add(&mut self, others: &PhaseTimes, phases: &[Phase]) {
        for phase in phases {
            let (time, other) = (&mut self.0[*phase as usize], others.0[*phase as usize]);
            time.wall_ns += other.wall_ns;
            time.run_queue_ns += other.run_queue_ns;
        }
    }

    /// Time spent in these phases, less waiting for a core, but for that of the lock.
    pub fn of(&self, phases: &[Phase]) -> f64 {
        let time = |phase: &Phase| {
            let PhaseTime { wall_ns, run_queue_ns } = self.0[*phase as usize];
            if LOCK.contains(phase) { wall_ns } else { wall_ns - run_queue_ns.min(wall_ns) }
        };
        phases.iter().map(time).sum()
    }

    /// Time spent waiting for a core in all other phases than waiting for the lock.
    pub fn run_queue_ns(&self) -> f64 {
        let others = Phase::ALL.iter().filter(|phase| !LOCK.contains(phase));
        others.map(|phase| self.0[*phase as usize]).map(|time| time.run_queue_ns.min(time.wall_ns)).sum()
    }
}

impl Evidence {
    /// Wall time of this case / wall time of another, repetition by repetition.
    pub fn slower_than(&self, other: &Evidence) -> Option<Ratio> {
        let pair = |(repetition, wall_ns): (&u32, &u64)| {
            other.walls_ns.get(repetition).map(|other_ns| (*wall_ns as f64, *other_ns as f64))
        };
        statistics::ratio(&self.walls_ns.iter().filter_map(pair).collect::<Vec<_>>())
    }

    /// Tasks per second, by the median wall time.
    pub fn tasks_per_s(&self) -> Option<f64> {
        let wall_ns = self.wall.filter(|wall| wall.median > 0.0)?.median;
        self.tasks.map(|tasks| tasks as f64 / (wall_ns / 1e9))
    }
}

/// How many workers can compute at the same time: one behind each lock, and no more than there are cores.
pub(crate) fn cores_at_once(evidence: &Evidence) -> u32 {
    let cores = u32::try_from(evidence.cores).unwrap_or(u32::MAX);
    at_once(&evidence.case).min(cores)
}

/// Cores that the workers of a case may run on, of a machine with `machine` cores. One worker uses one of them; what
/// bounds it is that it is one, wherever it is pinned to.
pub(crate) fn cores_of(case: &Case, machine: usize) -> usize {
    let workers = case.workers as usize;
    match &case.pinning {
        _ if workers == 1 => machine,
        Pinning::None => machine,
        Pinning::Compact | Pinning::Scatter => machine.min(workers),
        Pinning::Cores(list) => {
            let mut used: Vec<_> = list.iter().take(workers).collect();
            used.sort_unstable();
            used.dedup();
            used.len()
        }
    }
}
