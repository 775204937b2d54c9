//! The trials of one case folded into its line.

use std::collections::{BTreeMap, BTreeSet};

use gild_model::account::{Role, WorkerAccount};
use gild_model::case::{Case, Model};
use gild_model::plugin::BLOCKS_LOOP;
use gild_model::summary::{CaseSummary, Ratio};
use gild_model::trial::{Trial, TrialStatus};

use super::evidence;
use super::noise::{self, Noises};
use super::sentence::{self, Facts};
use super::shares::{Pool, middle_cpu_ns};
use super::task_times::TaskPool;
use super::{counts, statistics};

/// The case that others are compared with.
#[derive(Debug, Clone)]
pub(super) struct Baseline {
    index: u32,
    name: String,
    /// Wall times by repetition, in nanoseconds.
    wall_ns: BTreeMap<u32, u64>,
}

/// What a case is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reference<'a> {
    /// Nothing: it is the only one with its parameters.
    Nothing,
    /// Itself: it is the baseline of the others.
    Itself,
    /// The baseline.
    Other(&'a Baseline),
}

/// Where a case stands among the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'a> {
    /// What it is compared with.
    pub reference: Reference<'a>,
    /// Index of the baseline of its group.
    pub baseline: u32,
    /// Its sentence has to name it.
    pub named: bool,
    /// Cores of the machine; 0: not known.
    pub cores: usize,
}

/// A case in the making.
#[derive(Debug)]
pub(super) struct CaseFold {
    /// The case.
    pub case: Case,
    /// Accounts of the workers of the trials that count.
    pub workers: Pool,
    /// Accounts of their coordinators, between the first worker's start and the last result.
    pub coordinator: Pool,
    /// Accounts of the helpers of an executor in Python.
    pub helpers: Pool,
    trials: u32,
    failed: u32,
    /// The first trial that failed (warm-ups are run before the repetitions), and why.
    first_failure: Option<((bool, u32), Option<String>)>,
    /// Wall times of the trials that count, by repetition, in nanoseconds.
    pub wall_ns: BTreeMap<u32, u64>,
    /// Numbers of tasks seen in the trials that count.
    tasks: BTreeSet<u64>,
    /// Cores used by each trial that counts; `None` where it was not measured.
    cores_used: Vec<Option<f64>>,
    /// Cost of the accounting of each trial that counts; `None` where it was not measured.
    accounting: Vec<Option<f64>>,
    /// What else the machine did during the trials that count, by repetition.
    pub noises: Noises,
    /// Times of the tasks of the trials that count.
    pub task_times: TaskPool,
    /// How unevenly the work fell on the workers, summed over the trials that count, in nanoseconds.
    pub imbalance_ns: u128,
    unbalanced: u32,
    /// Rows without a life to compare them with.
    pub unchecked: u32,
    lost_records: u64,
    /// A kernel without an asynchronous form was run on an event loop.
    pub blocks_loop: bool,
}

impl CaseFold {
    /// Starts with no trials.
    pub fn new(case: Case) -> CaseFold {
        CaseFold {
            case,
            workers: Pool::default(),
            coordinator: Pool::default(),
            helpers: Pool::default(),
            trials: 0,
            failed: 0,
            first_failure: None,
            wall_ns: BTreeMap::new(),
            tasks: BTreeSet::new(),
            cores_used: Vec::new(),
            accounting: Vec::new(),
            noises: Noises::new(),
            task_times: TaskPool::default(),
            imbalance_ns: 0,
            unbalanced: 0,
            unchecked: 0,
            lost_records: 0,
            blocks_loop: false,
        }
    }

    /// Takes in one of its trials.
    pub fn add(&mut self, trial: &Trial) {
        if trial.status == TrialStatus::Failed {
            self.add_failure(trial);
        }
        if !counts(trial) {
            return;
        }
        self.trials += 1;
        self.tasks.insert(trial.tasks_done);
        self.wall_ns.extend(trial.wall_ns.map(|wall_ns| (trial.repetition, wall_ns)));
        self.cores_used.push(self.cores_used_by(trial));
        self.accounting.push(trial.accounting.as_ref().map(|cost| cost.share));
        self.task_times.add(trial);
        self.noises.insert(trial.repetition, trial.noise.clone());
        self.imbalance_ns += evidence::imbalance_ns(trial);
        for worker in &trial.workers {
            self.add_row(worker);
        }
    }

    fn add_failure(&mut self, trial: &Trial) {
        self.failed += 1;
        let place = (!trial.warmup, trial.repetition);
        if self.first_failure.as_ref().is_none_or(|(first, _)| place < *first) {
            self.first_failure = Some((place, trial.error.clone()));
        }
    }

    fn add_row(&mut self, worker: &WorkerAccount) {
        match worker.role {
            Role::Worker => self.workers.add_life(worker),
            Role::Coordinator => self.coordinator.add_middle(worker),
            Role::Helper => self.helpers.add_life(worker),
        }
        self.unbalanced += u32::from(worker.balanced == Some(false));
        self.unchecked += u32::from(worker.balanced.is_none());
        self.blocks_loop |= worker.notes.iter().any(|note| note == BLOCKS_LOOP);
        self.lost_records += worker.phases.iter().map(|account| account.lost_records).sum::<u64>();
    }

    /// Σ CPU time / wall time.
    fn cores_used_by(&self, trial: &Trial) -> Option<f64> {
        let cpu_ns: u64 = trial.workers.iter().map(|worker| self.cpu_ns(worker)).sum::<Option<_>>()?;
        trial.wall_ns.filter(|wall_ns| *wall_ns > 0).map(|wall_ns| cpu_ns as f64 / wall_ns as f64)
    }

    fn cpu_ns(&self, worker: &WorkerAccount) -> Option<u64> {
        match worker.role {
            Role::Worker | Role::Helper => worker.cpu_ns,
            Role::Coordinator if self.lends_its_thread() => Some(0),
            Role::Coordinator => middle_cpu_ns(worker),
        }
    }

    /// The coordinator's thread is the worker's: what it does is in the worker's row, and its own row is idle.
    fn lends_its_thread(&self) -> bool {
        self.case.model.lends_coordinator()
    }

    /// What the other cases need of this one, if it is the baseline and has this index.
    pub fn baseline(&self, index: u32) -> Baseline {
        Baseline { index, name: self.case.name.clone(), wall_ns: self.wall_ns.clone() }
    }

    /// Its line.
    pub fn finish(&self, standing: &Standing<'_>) -> CaseSummary {
        let wall_ns: Vec<_> = self.wall_ns.values().map(|wall_ns| *wall_ns as f64).collect();
        let wall_ns = statistics::estimate(&wall_ns);
        // What a recorded program does is not cut into tasks, so it has not done none.
        let has_tasks = self.tasks.len() == 1 && self.case.model != Model::Recorded;
        let tasks = self.tasks.first().copied().filter(|_| has_tasks);
        let tasks_per_s = wall_ns.zip(tasks).map(|(wall_ns, tasks)| tasks as f64 / (wall_ns.median / 1e9));
        let versus = self.versus(standing.reference);
        let error = self.first_failure.as_ref().and_then(|(_, error)| error.clone());
        let facts = Facts {
            case: &self.case,
            trials: self.trials,
            failed: self.failed,
            error: error.as_deref(),
            workers: &self.workers,
            standing,
            versus,
            blocks_loop: self.blocks_loop,
        };
        CaseSummary {
            sentence: sentence::of(&facts),
            case: self.case.clone(),
            trials: self.trials,
            failed: self.failed,
            wall_ns,
            baseline: standing.baseline,
            versus,
            tasks,
            tasks_per_s: tasks_per_s.filter(|rate| rate.is_finite()),
            task_times: self.task_times.finish(wall_ns),
            workers: self.workers.shares(),
            coordinator: self.coordinator.shares().filter(|_| !self.lends_its_thread()),
            parallelism: median_if_all(&self.cores_used),
            unbalanced: self.unbalanced,
            lost_records: self.lost_records,
            accounting: median_if_all(&self.accounting),
            noise: noise::of_case(&self.noises),
            error,
        }
    }

    /// Against the baseline, over the repetitions that both have.
    fn versus(&self, reference: Reference<'_>) -> Option<Ratio> {
        let Reference::Other(baseline) = reference else { return None };
        let pair = |(repetition, wall_ns): (&u32, &u64)| {
            baseline.wall_ns.get(repetition).map(|baseline_ns| (*baseline_ns as f64, *wall_ns as f64))
        };
        statistics::ratio(&self.wall_ns.iter().filter_map(pair).collect::<Vec<_>>())
    }
}

impl Baseline {
    /// The case's index.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The case's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The median, if every value was measured.
fn median_if_all(values: &[Option<f64>]) -> Option<f64> {
    statistics::median(&values.iter().copied().collect::<Option<Vec<_>>>()?)
}
