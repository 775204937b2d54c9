//! Queueing figures: how long tasks waited for a worker, how long they took, and when their results were there.
//!
//! All tasks of a trial are there at the start of its wall time. `docs/statistics.md` defines the three times.

use serde::{Deserialize, Serialize};

use crate::summary::Estimate;

/// One of the times of a number of tasks.
///
/// A percentile is the smallest value that at least this share of the values do not exceed (nearest rank). Of so few
/// values that it would be the largest under another name it is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Percentiles {
    /// Number of values.
    pub count: u64,
    /// Their mean, in nanoseconds. `None`: there are none.
    pub mean_ns: Option<f64>,
    /// The median, in nanoseconds; of at least 2 values.
    pub p50_ns: Option<u64>,
    /// The 90th percentile, in nanoseconds; of at least 10 values.
    pub p90_ns: Option<u64>,
    /// The 99th percentile, in nanoseconds; of at least 100 values.
    pub p99_ns: Option<u64>,
    /// The largest, in nanoseconds. `None`: there are none.
    pub max_ns: Option<u64>,
}

/// One of the times of the tasks of a trial, so that trials can be put together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskTime {
    /// Its figures.
    #[serde(flatten)]
    pub figures: Percentiles,
    /// All values, in nanoseconds, as an HdrHistogram: its compressed form (V2, zlib) in base64, as in the logs of the
    /// HdrHistogram libraries. Values are off by less than 0.1 %; mean and maximum above are not.
    pub histogram: String,
}

/// The tasks of a class in one trial.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskTimes {
    /// The class, as the kernel named it. `None`: all tasks of the trial, whatever their class.
    pub class: Option<String>,
    /// Tasks planned.
    pub planned: u64,
    /// From the start of the wall time until a worker took the task.
    pub wait: TaskTime,
    /// From then until its result was done, in the worker.
    pub service: TaskTime,
    /// From the start of the wall time until the coordinator had the result.
    pub total: TaskTime,
}

/// The tasks of a class in a case, over the trials that count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskFigures {
    /// The class, as the kernel named it. `None`: all tasks, whatever their class.
    pub class: Option<String>,
    /// Tasks of each trial. `None`: trials differ.
    pub tasks: Option<u64>,
    /// Tasks per second: tasks / wall time. `None`: one of them is not known.
    pub tasks_per_s: Option<Estimate>,
    /// From the start of the wall time until a worker took the task.
    pub wait: Percentiles,
    /// From then until its result was done, in the worker.
    pub service: Percentiles,
    /// From the start of the wall time until the coordinator had the result.
    pub total: Percentiles,
}
