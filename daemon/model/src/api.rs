//! The messages between `gilctl` and `gild`: HTTP/1.1 with JSON bodies over a Unix socket, version 1.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | [`DaemonStatus`] |
//! | `GET /v1/host` | [`crate::host::HostReport`] |
//! | `GET /v1/plugins` | [`crate::plugin::PluginList`] |
//! | `POST /v1/plugins/inspect` with [`InspectRequest`] | [`crate::plugin::PluginInfo`] |
//! | `POST /v1/runs` with [`crate::experiment::Experiment`] | 201 and [`crate::run::RunHead`] |
//! | `POST /v1/recordings` with [`crate::recording::Recording`] | 201 and [`crate::run::RunHead`] |
//! | `POST /v1/recordings/live` with [`crate::look::Begun`] | newline-delimited [`crate::look::Order`]s, until the recording is over |
//! | `POST /v1/recordings/{id}/look` with [`crate::look::Look`] | 204 |
//! | `POST /v1/recordings/{id}/end` with [`crate::recording::Recording`] | [`crate::run::RunHead`] |
//! | `GET /v1/runs?…` with the fields of [`crate::many::RunFilter`] | a list of [`crate::run::RunHead`], newest first |
//! | `GET /v1/runs/{id}` | [`crate::run::Run`] |
//! | `GET /v1/runs/{id}/outline` | [`crate::run::RunOutline`] |
//! | `GET /v1/runs/{id}/events?after=SEQ` | newline-delimited [`Event`]s, until the run is over |
//! | `GET /v1/runs/{id}/live` | [`crate::live::LiveRun`] |
//! | `GET /v1/runs/{id}/trials` | newline-delimited [`crate::trial::Trial`]s with their accounts |
//! | `GET /v1/runs/{id}/accounts` | newline-delimited [`crate::run::AccountRow`]s |
//! | `GET /v1/runs/{id}/counters?warmups=BOOL` | the names of the counters in the accounts |
//! | `GET /v1/runs/{id}/tasks` | newline-delimited [`crate::run::TaskRow`]s |
//! | `GET /v1/runs/{id}/timelines` | newline-delimited [`crate::run::TimelineRow`]s |
//! | `GET /v1/runs/{id}/waits` | newline-delimited [`crate::run::LockWaitRow`]s |
//! | `GET /v1/runs/{id}/holders` | newline-delimited [`crate::run::HolderRow`]s |
//! | `POST /v1/runs/{id}/cancel` | [`crate::run::RunHead`] |
//! | `POST /v1/runs/{id}/tags` with [`crate::label::TagChange`] | [`crate::run::RunHead`] |
//! | `PUT /v1/runs/{id}/note` with [`crate::label::NoteChange`] | [`crate::run::RunHead`] |
//! | `DELETE /v1/runs/{id}` | 204 |
//! | `POST /v1/prune` with [`crate::many::PruneRequest`] | newline-delimited [`crate::many::PruneEvent`]s |
//! | `POST /v1/sql` with [`crate::query::SqlRequest`] | newline-delimited [`crate::query::SqlLine`]s |
//! | `GET /v1/sql/views` | a list of [`crate::query::ViewInfo`] |
//! | `GET /v1/compare?old=ID&new=ID` | [`crate::comparison::Comparison`] |
//! | `POST /v1/shutdown` | 202 |
//! | `GET /metrics` | figures for a monitoring system, in the text format of OpenMetrics or the classic one of Prometheus |
//!
//! Every error is a [`Problem`] with content type `application/problem+json` (RFC 9457).

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::{RunId, RunStatus};

/// An error answer (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of error, in words that stay the same.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This error: the thing, what is wrong with it, what to do.
    pub detail: String,
}

/// The daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// The program file it was started from.
    pub program: PathBuf,
    /// The program file has been replaced or removed since: the daemon is of an older build.
    pub program_replaced: bool,
    /// Its store.
    pub store: PathBuf,
    /// Its configuration file, if it was given one.
    pub config: Option<PathBuf>,
    /// Where it serves metrics beside its socket, if it does.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
    /// The run in progress.
    pub running: Option<RunId>,
    /// Runs waiting.
    pub queued: u32,
    /// Recordings in progress: beside the queue, any number at once.
    #[serde(default)]
    pub recording: Vec<RunId>,
}

/// Asks what is in a library, or which library holds a kernel. Exactly one of the two is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectRequest {
    /// The library, absolute.
    pub path: Option<PathBuf>,
    /// The kernel, looked up in the plugin path.
    pub kernel: Option<String>,
}

/// One line of a run's event stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Number of the event in its run, from 1; ask for `?after=SEQ` to go on after a broken connection.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: EventKind,
}

/// What happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// The run waits for `ahead` others.
    Queued {
        /// Runs before this one.
        ahead: u32,
    },
    /// The first trial is about to start.
    Started,
    /// A trial started.
    TrialStarted {
        /// Index of the case.
        case: u32,
        /// Number of the repetition (or of the warm-up).
        repetition: u32,
        /// Whether it is a warm-up.
        warmup: bool,
    },
    /// A trial goes on. Sent a few times per second.
    Progress(Progress),
    /// A recording goes on. Sent a few times per second at most.
    Look(crate::look::Look),
    /// A trial ended.
    TrialFinished {
        /// Index of the case.
        case: u32,
        /// Number of the repetition (or of the warm-up).
        repetition: u32,
        /// Whether it is a warm-up.
        warmup: bool,
        /// `done`, `failed` or `cancelled`.
        status: crate::trial::TrialStatus,
        /// Why it failed.
        error: Option<String>,
        /// Its wall time, in nanoseconds.
        wall_ns: Option<u64>,
    },
    /// The run is over; the last event of every stream.
    Finished {
        /// How it ended.
        status: RunStatus,
        /// Why it failed.
        error: Option<String>,
    },
}

/// How far the trial in progress, and with it the run, has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Index of the case.
    pub case: u32,
    /// Number of the repetition (or of the warm-up).
    pub repetition: u32,
    /// Whether it is a warm-up.
    pub warmup: bool,
    /// Tasks done in this trial.
    pub tasks_done: u64,
    /// Tasks of this trial. `None`: it is still planning.
    pub tasks_planned: Option<u64>,
    /// Trials finished.
    pub trials_done: u32,
    /// Trials in all; if `open_ended`, as many as are known to be needed so far.
    pub trials_planned: u32,
    /// The run repeats until its intervals are narrow, so more trials may follow than are planned.
    #[serde(default)]
    pub open_ended: bool,
    /// Time left for the run, in seconds, judged from the trials finished so far. `None`: too early to say, or
    /// nobody knows because the run is open-ended.
    pub left_s: Option<f64>,
}
