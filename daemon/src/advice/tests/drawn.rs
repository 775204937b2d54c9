//! Cases drawn by hand: what each worker did in a trial, in milliseconds.

use std::num::NonZeroU32;

use gild_model::account::{PhaseAccount, Role, WorkerAccount};
use gild_model::advice::GroupAdvice;
use gild_model::case::{Case, LockPolicy, Model, Pinning};
use gild_model::choice::CaseChoice;
use gild_model::experiment::Experiment;
use gild_model::noise::Noise;
use gild_model::phase::Phase;
use gild_model::summary::Summary;
use gild_model::trial::Trial;

use crate::summary::generate;
use crate::summary::summarize;

/// Repetitions of a drawn run.
pub const REPETITIONS: u32 = 6;

/// A phase, its wall time, and of that the waiting for a core, in milliseconds.
pub type Spent = (Phase, u64, u64);

/// A case and what it did in every trial.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The case.
    pub case: Case,
    /// Wall time of each repetition, in milliseconds.
    pub walls_ms: Vec<u64>,
    /// What each worker did; the last one's is repeated for the workers that are left.
    pub workers: Vec<Vec<Spent>>,
    /// What the coordinator did.
    pub coordinator: Vec<Spent>,
    /// Share of the cores that other programs used, in percent.
    pub others_percent: Option<u64>,
}

/// A case of a model with so many workers.
pub fn case(model: Model, workers: u32) -> Case {
    let workers = NonZeroU32::new(workers).filter(|_| model != Model::EventLoop);
    let in_flight = if model == Model::EventLoop { NonZeroU32::new(10) } else { None };
    let choice = CaseChoice { workers, in_flight, pinning: Some(Pinning::None), ..CaseChoice::of(model) };
    choice.resolve().unwrap()
}

/// Threads without a lock.
pub fn unlocked(workers: u32) -> Case {
    let workers = NonZeroU32::new(workers);
    CaseChoice { workers, lock: Some(LockPolicy::None), ..CaseChoice::of(Model::Threads) }.resolve().unwrap()
}

impl Drawn {
    /// A case whose workers all did the same.
    pub fn new(case: Case, wall_ms: u64, worker: &[Spent]) -> Drawn {
        Drawn {
            case,
            walls_ms: (0..u64::from(REPETITIONS)).map(|jitter| wall_ms + jitter % 3).collect(),
            workers: vec![worker.to_vec()],
            coordinator: Vec::new(),
            others_percent: None,
        }
    }

    /// With a coordinator that did something.
    pub fn with_coordinator(self, coordinator: &[Spent]) -> Drawn {
        Drawn { coordinator: coordinator.to_vec(), ..self }
    }

    /// With these wall times.
    pub fn with_walls(self, walls_ms: &[u64]) -> Drawn {
        Drawn { walls_ms: walls_ms.to_vec(), ..self }
    }

    fn trials(&self, index: u32) -> Vec<Trial> {
        (0..).zip(&self.walls_ms).map(|(repetition, wall_ms)| self.trial(index, repetition, *wall_ms)).collect()
    }

    fn trial(&self, index: u32, repetition: u32, wall_ms: u64) -> Trial {
        let last = self.workers.last().expect("there is a worker");
        let worker = |at: u32| account(Role::Worker, self.workers.get(at as usize).unwrap_or(last));
        let workers = (0..self.case.workers).map(worker);
        Trial {
            wall_ns: Some(wall_ms * 1_000_000),
            noise: self.others_percent.map(noise),
            workers: std::iter::once(account(Role::Coordinator, &self.coordinator)).chain(workers).collect(),
            ..generate::done(index, repetition)
        }
    }
}

fn noise(others_percent: u64) -> Noise {
    Noise {
        window_ns: 10_000_000_000,
        cpus: 2,
        steal_ns: Some(0),
        steal_most_ns: Some(0),
        other_cpu_ns: Some(200_000_000 * others_percent),
        frequency_min_khz: None,
        frequency_max_khz: None,
        throttles: None,
    }
}

/// What is on a CPU in a phase, unless it waits for a core.
fn runs(phase: Phase) -> bool {
    !matches!(phase, Phase::Idle | Phase::LockWait | Phase::SwitchWait | Phase::OtherLock | Phase::IoWait)
}

fn account(role: Role, spent: &[Spent]) -> WorkerAccount {
    let phases: Vec<_> = spent.iter().map(|spent| phase(*spent)).collect();
    let accounted_ns = phases.iter().map(|it| it.wall_ns).sum();
    WorkerAccount {
        role,
        index: 0,
        pid: Some(1),
        thread: None,
        command: None,
        tid: Some(1),
        core: None,
        tasks: 10,
        life_ns: Some(accounted_ns),
        accounted_ns,
        balanced: Some(true),
        cpu_ns: Some(phases.iter().filter_map(|it| it.on_cpu_ns).sum()),
        stolen_ns: None,
        voluntary_switches: None,
        involuntary_switches: None,
        counters: Vec::new(),
        task_counters: Vec::new(),
        phases,
        notes: Vec::new(),
    }
}

fn phase((phase, wall_ms, run_queue_ms): Spent) -> PhaseAccount {
    let ns = |ms: u64| ms * 1_000_000;
    let on_cpu_ms = if runs(phase) { wall_ms - run_queue_ms } else { 0 };
    PhaseAccount {
        phase,
        kernel_phase: None,
        entries: 1,
        wall_ns: ns(wall_ms),
        on_cpu_ns: Some(ns(on_cpu_ms)),
        preempted_ns: Some(ns(run_queue_ms)),
        waking_ns: Some(0),
        run_queue_ns: Some(ns(run_queue_ms)),
        blocked_ns: Some(ns(wall_ms - run_queue_ms - on_cpu_ms)),
        stolen_ns: None,
        cpu_ns: None,
        counters: Vec::new(),
        lost_records: 0,
        open: false,
    }
}

/// The experiment of these cases.
pub fn experiment(drawn: &[Drawn]) -> Experiment {
    Experiment { cases: drawn.iter().map(|it| it.case.clone()).collect(), ..generate::experiment() }
}

/// The trials of these cases.
pub fn trials(drawn: &[Drawn]) -> Vec<Trial> {
    (0..).zip(drawn).flat_map(|(index, it)| it.trials(index)).collect()
}

/// The summary of these cases on a machine with so many cores.
pub fn summary(drawn: &[Drawn], cores: usize) -> Summary {
    summarize(&experiment(drawn), &trials(drawn), cores)
}

/// The advice on cases with the same parameters, on two cores.
pub fn advice(drawn: &[Drawn]) -> GroupAdvice {
    advice_of(summary(drawn, 2))
}

/// The only group's advice.
pub fn advice_of(summary: Summary) -> GroupAdvice {
    let [group] = <[GroupAdvice; 1]>::try_from(summary.advice.groups).expect("one group");
    group
}
