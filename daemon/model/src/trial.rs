//! One execution of all tasks under one case.

use serde::{Deserialize, Serialize};

use crate::account::WorkerAccount;
use crate::host::Tier;
use crate::lock_wait::{HoldingFunction, LockWait};
use crate::noise::Noise;
use crate::task_times::TaskTimes;
use crate::timeline::WorkerTimeline;

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialStatus {
    /// All tasks done, results verified.
    Done,
    /// It did not get to the end, or its results are wrong.
    Failed,
    /// It was stopped because the run was cancelled or the daemon stopped.
    Cancelled,
}

impl TrialStatus {
    /// The name used in the API, the store and the exports.
    pub fn name(self) -> &'static str {
        match self {
            TrialStatus::Done => "done",
            TrialStatus::Failed => "failed",
            TrialStatus::Cancelled => "cancelled",
        }
    }
}

/// A trial with its accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Index of the case in the experiment, from 0.
    pub case: u32,
    /// Number of the repetition, from 0; warm-ups have their own numbers, from 0.
    pub repetition: u32,
    /// A warm-up: run like any other trial, left out of every figure.
    pub warmup: bool,
    /// How it ended.
    pub status: TrialStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// From the start of the first worker to the last result decoded and the last worker gone, in
    /// nanoseconds. Loading the plugin, planning and verifying are outside. `None`: it did not get to the end.
    pub wall_ns: Option<u64>,
    /// Tasks planned. `None`: it failed before it had a plan.
    pub tasks_planned: Option<u64>,
    /// Tasks completed.
    pub tasks_done: u64,
    /// SHA-256 over the encoded results in task order, as lower-case hex. `None`: it did not get to the end.
    pub digest: Option<String>,
    /// Whether the kernel's own check of the results passed. `None`: it has none, or was not asked.
    pub verified: Option<bool>,
    /// What could be measured in this trial; the lowest tier of its workers.
    pub tier: Tier,
    /// Cost of the accounting itself.
    pub accounting: Option<AccountingCost>,
    /// What else the machine did meanwhile. `None`: not measured.
    pub noise: Option<Noise>,
    /// Accounts: the coordinator first, then the workers in order.
    pub workers: Vec<WorkerAccount>,
    /// How long tasks waited and took: all of them first, then class by class. Empty: not measured.
    #[serde(default)]
    pub task_times: Vec<TaskTimes>,
    /// When each worker was in which phase, if that was kept. Not a part of what is read back with a trial: it has a place
    /// of its own in the API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timelines: Vec<WorkerTimeline>,
    /// Who made whom wait for a lock, waiter by waiter. `None`: not measured.
    #[serde(default)]
    pub lock_waits: Option<Vec<LockWait>>,
    /// The functions that held the interpreter's lock while others waited for it, the longest first. `None`: not measured.
    #[serde(default)]
    pub holders: Option<Vec<HoldingFunction>>,
    /// The end of what the kernel wrote to its standard output and error, if it wrote anything.
    pub output: Option<String>,
}

/// What the accounting itself cost in a trial, from unit costs measured at its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountingCost {
    /// Changes of phase, summed over workers and coordinator.
    pub marks: u64,
    /// Cost of one mark without counters, in nanoseconds.
    pub mark_ns: f64,
    /// Readings of the counters, all groups at once.
    pub counter_reads: u64,
    /// Of them: readings of hardware counters in user space (RDPMC) instead of by a system call.
    pub rdpmc_reads: u64,
    /// Cost of one reading, in nanoseconds. `None`: none were made.
    pub counter_read_ns: Option<f64>,
    /// Reads of schedstat.
    pub schedstat_reads: u64,
    /// Cost of one read of schedstat, in nanoseconds. `None`: none were made.
    pub schedstat_read_ns: Option<f64>,
    /// Reads of a thread's CPU clock.
    #[serde(default)]
    pub cpu_clock_reads: u64,
    /// Cost of one read of a CPU clock, in nanoseconds. `None`: none were made.
    #[serde(default)]
    pub cpu_clock_read_ns: Option<f64>,
    /// All of it as a share of the workers' lives, 0 to 1.
    pub share: f64,
}

impl AccountingCost {
    /// All of it, in nanoseconds, workers and coordinator together. What has no price was not read.
    pub fn spent_ns(&self) -> f64 {
        let priced = [
            (self.marks, Some(self.mark_ns)),
            (self.counter_reads, self.counter_read_ns),
            (self.schedstat_reads, self.schedstat_read_ns),
            (self.cpu_clock_reads, self.cpu_clock_read_ns),
        ];
        priced.into_iter().map(|(count, each_ns)| count as f64 * each_ns.unwrap_or(0.0)).sum()
    }
}
