//! An experiment given to the daemon, with its trials and results.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::experiment::Experiment;
use crate::host::HostReport;
use crate::label::Tag;
use crate::lock_wait::{HoldingFunction, LockWait};
use crate::summary::Summary;
use crate::trial::Trial;

/// Number of a run in its daemon's store, from 1; never used twice.
pub type RunId = i64;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Waiting for earlier runs.
    Queued,
    /// Trials are being run.
    Running,
    /// All trials are done.
    Done,
    /// At least one case failed, or results differ between cases; what was measured is kept.
    Failed,
    /// Somebody cancelled it; what was measured is kept.
    Cancelled,
    /// The daemon stopped or died before the run ended; finished trials are kept.
    Interrupted,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [RunStatus; 6] = [
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Done,
        RunStatus::Failed,
        RunStatus::Cancelled,
        RunStatus::Interrupted,
    ];

    /// The name used in the API, the store and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            RunStatus::Queued => "queued",
            RunStatus::Running => "running",
            RunStatus::Done => "done",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
            RunStatus::Interrupted => "interrupted",
        }
    }

    /// The status with this name, if there is one.
    pub fn from_name(name: &str) -> Option<RunStatus> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Nothing more will happen to the run.
    pub fn is_final(self) -> bool {
        !matches!(self, RunStatus::Queued | RunStatus::Running)
    }
}

/// A run in one line, as in a list of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// Its number.
    pub id: RunId,
    /// The experiment's name.
    pub name: String,
    /// The kernel's name.
    pub kernel: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Number of cases.
    pub cases: u32,
    /// Trials finished, warm-ups included.
    pub trials_done: u32,
    /// Trials in all, warm-ups included.
    pub trials_planned: u32,
    /// When it was given to the daemon.
    pub submitted_at: Timestamp,
    /// When its first trial started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What people find it by, in order.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// What somebody noted of it.
    #[serde(default)]
    pub note: Option<String>,
}

/// A run with everything that is known of it but the accounts of its trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The run in one line.
    pub head: RunHead,
    /// What was asked for.
    pub experiment: Experiment,
    /// Where it was measured. `None`: it has not started.
    pub host: Option<HostReport>,
    /// One line per case, over the trials finished so far.
    pub summary: Summary,
    /// Every finished trial, without its accounts, the times of its tasks, and who made whom wait (`workers`, `task_times`, `lock_waits`
    /// and `holders` are empty).
    pub trials: Vec<Trial>,
}

/// A run without anything that has to be made from its trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunOutline {
    /// The run in one line.
    pub head: RunHead,
    /// What was asked for.
    pub experiment: Experiment,
}

/// One tidy row of the exports: run × case × repetition × worker × phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: Case,
    /// Number of the repetition, from 0.
    pub repetition: u32,
    /// Whether it was a warm-up.
    pub warmup: bool,
    /// How the trial ended.
    pub status: String,
    /// The trial's wall time, in nanoseconds.
    pub trial_wall_ns: Option<u64>,
    /// What else the machine did while the trial ran.
    pub noise: Option<crate::noise::Noise>,
    /// `coordinator` or `worker`.
    pub role: String,
    /// Number of the worker.
    pub worker: u32,
    /// Process id.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: Option<u32>,
    /// The thread's name, in recorded programs.
    #[serde(default)]
    pub thread: Option<String>,
    /// The command line of its process, in recorded programs.
    #[serde(default)]
    pub command: Option<String>,
    /// The core it was pinned to.
    pub core: Option<u32>,
    /// The phase with its times and counters.
    pub account: crate::account::PhaseAccount,
}

/// One worker's timeline with whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineRow {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: Case,
    /// Its number in the experiment, from 0.
    pub case_position: u32,
    /// Number of the repetition, from 0.
    pub repetition: u32,
    /// Whether it was a warm-up.
    pub warmup: bool,
    /// How the trial ended.
    pub status: String,
    /// The trial's wall time, in nanoseconds.
    pub trial_wall_ns: Option<u64>,
    /// `coordinator` or `worker`.
    pub role: String,
    /// Number of the worker.
    pub worker: u32,
    /// Its process id.
    pub pid: Option<u32>,
    /// Its thread id.
    pub tid: Option<u32>,
    /// The thread's name; `None` unless the program was recorded.
    pub thread: Option<String>,
    /// The command line of its process; `None` unless the program was recorded.
    pub command: Option<String>,
    /// The kernel's names for its own phases, in their order.
    pub kernel_phases: Vec<String>,
    /// The timeline.
    pub timeline: crate::timeline::Timeline,
}

/// One tidy row of the exported task times: run × case × repetition × class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: Case,
    /// Number of the repetition, from 0.
    pub repetition: u32,
    /// Whether it was a warm-up.
    pub warmup: bool,
    /// How the trial ended.
    pub status: String,
    /// The trial's wall time, in nanoseconds.
    pub trial_wall_ns: Option<u64>,
    /// The class and its times.
    pub times: crate::task_times::TaskTimes,
}

/// Which thread a number stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ThreadId {
    /// Process id.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: Option<u32>,
    /// The thread's name, in recorded programs.
    pub thread: Option<String>,
}

/// One tidy row of who made whom wait: run × case × repetition × lock × waiter × holder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockWaitRow {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: Case,
    /// Number of the repetition, from 0.
    pub repetition: u32,
    /// Whether it was a warm-up.
    pub warmup: bool,
    /// How the trial ended.
    pub status: String,
    /// The trial's wall time, in nanoseconds.
    pub trial_wall_ns: Option<u64>,
    /// The worker that waited.
    pub waiter: ThreadId,
    /// The worker that held the lock, if it was one.
    pub holder: ThreadId,
    /// How long and how often.
    pub wait: LockWait,
}

/// One tidy row of the functions that held the interpreter's lock: run × case × repetition × function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HolderRow {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: Case,
    /// Number of the repetition, from 0.
    pub repetition: u32,
    /// Whether it was a warm-up.
    pub warmup: bool,
    /// How the trial ended.
    pub status: String,
    /// The trial's wall time, in nanoseconds.
    pub trial_wall_ns: Option<u64>,
    /// The function, and for how long others waited.
    pub held: HoldingFunction,
}
