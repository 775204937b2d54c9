//! A run folded into one line per case.
//!
//! Wall times and ratios are medians over the repetitions with 95 % bootstrap confidence intervals. Shares are
//! taken over the pooled lives of all workers of all repetitions, so that they add up to one and can be
//! recomputed exactly from an export.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::advice::Advice;
use crate::case::Case;
use crate::params::ParamValue;
use crate::task_times::TaskFigures;

/// A figure with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// Lower end of the interval. `None`: too few repetitions for one.
    pub low: Option<f64>,
    /// Upper end of the interval. `None`: too few repetitions for one.
    pub high: Option<f64>,
}

impl Estimate {
    /// Half the width of the interval relative to the median: the `±` of the tables.
    pub fn half_width(&self) -> Option<f64> {
        let (low, high) = (self.low?, self.high?);
        (self.median != 0.0).then(|| (high - low) / 2.0 / self.median)
    }
}

/// How many times faster than the baseline a case is, repetition by repetition; median and interval are taken of
/// the ratios' logarithms, so that a ratio and its inverse say the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Baseline wall time / this case's wall time; above 1 is faster.
    pub estimate: Estimate,
    /// The interval spans 1, or there is none: no difference can be claimed.
    pub tie: bool,
}

/// Shares of the workers' (or the coordinator's) life, 0 to 1; the phases add up to 1.
///
/// A state is `None` as soon as one of the pooled accounts lacks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Pooled life that the shares are taken of, in nanoseconds: the sum of all phases.
    pub life_ns: u64,
    /// Kernel code.
    pub compute: f64,
    /// `lock-wait` + `switch-wait`.
    pub lock_wait: f64,
    /// Of `lock_wait`: the part that a releaser waited for its successor (`switch-wait`).
    pub switch_wait: f64,
    /// Locks that are not the interpreter's (`other-lock`): recorded programs alone have it.
    #[serde(default)]
    pub other_lock: f64,
    /// `encode` + `decode`.
    pub serialize: f64,
    /// `send` + `receive`.
    pub transfer: f64,
    /// Waiting inside the kernel's own blocking regions.
    pub io_wait: f64,
    /// Nothing to do.
    pub idle: f64,
    /// Before the first task; for the coordinator: starting the workers (`launch`).
    pub startup: f64,
    /// After the last task.
    pub teardown: f64,
    /// Running. The five states add up to 1 where all of them were measured.
    pub on_cpu: Option<f64>,
    /// `preempted` + `waking`: waiting for a core.
    pub run_queue: Option<f64>,
    /// Of `run_queue`: pushed off the core.
    pub preempted: Option<f64>,
    /// Of `run_queue`: woken, not yet running.
    pub waking: Option<f64>,
    /// Waiting for an event.
    pub blocked: Option<f64>,
    /// Taken by the hypervisor (estimate): summed over the phases where it was measured there, else over the
    /// workers' lives; not in `on_cpu`. `None`: it was not measured, and is inside `on_cpu`.
    pub stolen: Option<f64>,
}

/// What else the machine did while the trials of a case ran, over those that count. Shares are of the time of all CPUs
/// of the machine, 0 to 1, and are taken of at least [`crate::noise::SHARE_TIME_MIN_NS`].
///
/// A figure is `None` as soon as one of the trials lacks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseNoise {
    /// CPUs that were online.
    pub cpus: u32,
    /// What the hypervisor took.
    pub steal: Option<f64>,
    /// The largest share that it took of the time of a single CPU, in a single trial.
    pub steal_most: Option<f64>,
    /// What other programs used.
    pub other_cpu: Option<f64>,
    /// The largest share that they used in a single trial.
    pub other_cpu_most: Option<f64>,
    /// The repetition that this trial is, from 0.
    pub other_cpu_most_repetition: Option<u32>,
    /// Lowest frequency of a CPU before or after a trial, in kHz.
    pub frequency_min_khz: Option<u64>,
    /// Highest frequency of a CPU before or after a trial, in kHz.
    pub frequency_max_khz: Option<u64>,
    /// How often CPUs were slowed down because they were too hot.
    pub throttles: Option<u64>,
}

/// One case of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseSummary {
    /// The case.
    pub case: Case,
    /// Finished trials that count.
    pub trials: u32,
    /// Trials of this case that failed, warm-ups included.
    pub failed: u32,
    /// Why the first of them failed.
    pub error: Option<String>,
    /// Wall time, in nanoseconds. `None`: no trial finished.
    pub wall_ns: Option<Estimate>,
    /// Index of the case that it is compared with, the baseline of its group; its own, if it is the baseline.
    pub baseline: u32,
    /// Against the baseline. `None` for the baseline itself, or when one of the two has no trial.
    pub versus: Option<Ratio>,
    /// Tasks per trial. `None`: trials differ, or it is a recorded program, which has none.
    pub tasks: Option<u64>,
    /// Tasks per second: tasks / median wall time. `None` without `tasks`.
    pub tasks_per_s: Option<f64>,
    /// How long tasks waited and took, over the trials that count: all tasks first, then class by class. Empty: it was not
    /// measured in all of them.
    #[serde(default)]
    pub task_times: Vec<TaskFigures>,
    /// Where the workers' time went. `None`: no trial finished.
    pub workers: Option<Shares>,
    /// Where the coordinator's time went, between the first worker's start and the last result: its phases but
    /// startup and teardown. `None` for `sequential`, where the coordinator lends its thread to the worker.
    pub coordinator: Option<Shares>,
    /// Σ CPU time of workers and coordinator / wall time, median: the cores really used. The coordinator counts
    /// as in `coordinator`. `None`: not measured in every trial.
    pub parallelism: Option<f64>,
    /// Rows of accounts that do not balance within 0.1 %, over all trials that count.
    pub unbalanced: u32,
    /// Context-switch records lost, over all trials that count.
    pub lost_records: u64,
    /// Cost of the accounting as a share of the workers' lives, median. `None`: not measured in every trial.
    pub accounting: Option<f64>,
    /// What else the machine did meanwhile. `None`: no trial finished, or it was not measured in all of them.
    pub noise: Option<CaseNoise>,
    /// The case in one plain sentence.
    pub sentence: String,
}

/// Cases of a run whose parameters are equal: they do the same work, so their results must be equal and their times can be
/// compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The parameters in which the groups differ, with their values here; none in a run of one group. `None`: not given,
    /// the kernel's preset.
    pub params: BTreeMap<String, Option<ParamValue>>,
    /// Indices of its cases, in the order of the experiment; at least one.
    pub cases: Vec<u32>,
    /// Index of the case that the others are compared with: the first `sequential` one of the group, else its first.
    pub baseline: u32,
    /// Whether all trials of the group that got to their results, warm-ups included, gave the same ones. `None`: fewer than
    /// two.
    pub results_identical: Option<bool>,
    /// Whether the kernel's own check passed wherever it was made. `None`: it has none, or was not asked.
    pub verified: Option<bool>,
}

/// All cases of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Cases that can be compared with each other, in the order of their first ones. One group, unless cases have parameters
    /// of their own.
    pub groups: Vec<Group>,
    /// One line per case, in the order of the experiment.
    pub cases: Vec<CaseSummary>,
    /// Whether the trials of each group gave the same results. `None`: no group has two to compare.
    pub results_identical: Option<bool>,
    /// Whether the kernel's own check passed wherever it was made. `None`: it has none, or was not asked.
    pub verified: Option<bool>,
    /// What else the machine did while the trials ran, in one line: steal, other programs, CPU frequency. `None`: nothing
    /// of it was measured, or the trials were too short.
    pub noise: Option<String>,
    /// Which case to use, what bounds each, how it scales, what to try next.
    #[serde(default)]
    pub advice: Advice,
    /// What a reader of the figures has to know: rows that do not balance, cores fewer than workers, …
    pub notes: Vec<String>,
}
