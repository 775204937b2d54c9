//! Every family of the page. `docs/metrics.md` is written from here, and a test holds the page to it.
//!
//! Names follow the conventions of Prometheus: base units, `_total` for what only grows. What every program has to say of
//! its own process has the names that all programs use (`process_…`), so that dashboards and alerts for it work here, too.

use prometheus_client::registry::Unit;

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the daemon's start on.
    Counter,
    /// A value as it is now.
    Gauge,
    /// Counts of values up to each of some bounds, their number and sum, from the daemon's start on.
    Histogram,
    /// Labels that say something, with the value 1.
    Info,
}

impl Kind {
    /// The name in the format.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        }
    }
}

/// The unit of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Base {
    /// The name in the format, which ends the family's.
    pub fn name(self) -> &'static str {
        match self {
            Base::Seconds => "seconds",
            Base::Bytes => "bytes",
        }
    }
}

impl From<Base> for Unit {
    fn from(base: Base) -> Unit {
        match base {
            Base::Seconds => Unit::Seconds,
            Base::Bytes => Unit::Bytes,
        }
    }
}

/// A family.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without unit and ending.
    pub stem: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its unit; `None`: a number of things.
    pub unit: Option<Base>,
    /// The labels that its series may have.
    pub labels: &'static [&'static str],
    /// What it is, without a full stop.
    pub help: &'static str,
    /// Where its values come from.
    pub source: &'static str,
}

impl Entry {
    const fn of(kind: Kind, stem: &'static str, labels: &'static [&'static str], help: &'static str) -> Entry {
        Entry { stem, kind, unit: None, labels, help, source: "" }
    }

    const fn in_unit(self, unit: Base) -> Entry {
        Entry { unit: Some(unit), ..self }
    }

    const fn from(self, source: &'static str) -> Entry {
        Entry { source, ..self }
    }

    /// The name of the family on the page of OpenMetrics.
    pub fn family(&self) -> String {
        match self.unit {
            Some(unit) => format!("{}_{}", self.stem, unit.name()),
            None => self.stem.to_owned(),
        }
    }

    /// The name that its series are asked for by (of a histogram: without `_bucket`, `_sum` and `_count`).
    pub fn series(&self) -> String {
        match self.kind {
            Kind::Counter => self.family() + "_total",
            Kind::Info => self.family() + "_info",
            Kind::Gauge | Kind::Histogram => self.family(),
        }
    }
}

const fn counter(stem: &'static str, labels: &'static [&'static str], help: &'static str) -> Entry {
    Entry::of(Kind::Counter, stem, labels, help)
}

const fn gauge(stem: &'static str, labels: &'static [&'static str], help: &'static str) -> Entry {
    Entry::of(Kind::Gauge, stem, labels, help)
}

const fn histogram(stem: &'static str, labels: &'static [&'static str], help: &'static str) -> Entry {
    Entry::of(Kind::Histogram, stem, labels, help)
}

const fn info(stem: &'static str, labels: &'static [&'static str], help: &'static str) -> Entry {
    Entry::of(Kind::Info, stem, labels, help)
}

/// Declares families as statics, by where their values come from, and the list of them.
macro_rules! families {
    ($($source:literal => { $($name:ident = $entry:expr;)+ })+) => {
        $($(#[expect(missing_docs, reason = "its help says what it is")] pub static $name: Entry = $entry.from($source);)+)+

        /// All of them, in the order of the page.
        pub static ALL: &[&Entry] = &[$($(&$name),+),+];
    };
}

families! {
    "the program" => {
        BUILD = info("gild_build", &["version"], "The program");
    }
    "the probe of the machine (`GET /v1/host`)" => {
        HOST = info("gild_host", &["tier"],
            "What this machine can measure, as last probed (at the start, and on SIGHUP)");
    }
    "the queue, and recordings in progress" => {
        RUNS_ACCEPTED = counter("gild_runs_accepted", &["kind"],
            "Runs taken into the queue and recordings taken, since the daemon started");
        RUNS_FINISHED = counter("gild_runs_finished", &["kind", "status"],
            "Runs and recordings that ended, since the daemon started; runs that an earlier daemon left unfinished are \
             not counted");
        RUNS_QUEUED = gauge("gild_runs_queued", &[], "Runs that wait");
        RUNS_QUEUED_MAX = gauge("gild_runs_queued_max", &[],
            "Most runs that may wait (queue_max of the configuration)");
        RUNS_RUNNING = gauge("gild_runs_running", &["kind"],
            "Runs (one at most) and recordings (any number) in progress");
        RUNS_UNSAVED = gauge("gild_runs_unsaved", &[],
            "Runs whose end did not fit into the store and is kept in memory until it does");
    }
    "the accounts of trials (`GET /v1/runs/{id}/trials`)" => {
        TRIALS = counter("gild_trials", &["model", "policy", "status"],
            "Trials that ended, warm-ups and recordings included, since the daemon started");
        TRIAL_WALL = counter("gild_trial_wall", &["model"],
            "Wall time of the trials that got to their end, since the daemon started").in_unit(Base::Seconds);
        TASKS = counter("gild_tasks", &["model"], "Tasks completed in trials that ended, since the daemon started");
        PHASES = counter("gild_phase", &["model", "role", "phase", "state"],
            "Time of workers by phase and state, from the accounts of trials that ended, since the daemon started; the \
             states of a phase add up to its wall time").in_unit(Base::Seconds);
        HAND_OVERS = counter("gild_lock_hand_overs", &["model", "lock"],
            "How often somebody who had waited for a lock got it, from the accounts of trials that ended, since the \
             daemon started");
        LOCK_WAITED = counter("gild_lock_waited", &["model", "lock"],
            "Time waited for a lock, all waiters together, from the accounts of trials that ended, since the daemon \
             started").in_unit(Base::Seconds);
        STOLEN = counter("gild_stolen", &["model"],
            "Time that the hypervisor took from workers over their lives (an estimate), where it could be measured, \
             since the daemon started").in_unit(Base::Seconds);
        ACCOUNTING = counter("gild_accounting", &["model"],
            "What the accounting itself cost the workers (an estimate from unit costs measured in each trial), since \
             the daemon started").in_unit(Base::Seconds);
        ACCOUNTS = counter("gild_accounts", &["model", "balance"],
            "Rows of accounts that were closed, by whether the phases add up to the life, since the daemon started");
        RECORDS_LOST = counter("gild_switch_records_lost", &["model"],
            "Context-switch records that the kernel dropped for want of room in a ring, since the daemon started");
        INTERVALS_DROPPED = counter("gild_timeline_intervals_dropped", &["model"],
            "Intervals for which there was no room in a timeline, since the daemon started");
    }
    "the server" => {
        CONNECTIONS = gauge("gild_connections", &["listener"], "Connections that are open");
        CONNECTIONS_MAX = gauge("gild_connections_max", &["listener"],
            "Most connections at a time (max_connections at the daemon's start); further ones wait");
        CONNECTIONS_ACCEPTED = counter("gild_connections_accepted", &["listener"],
            "Connections that were accepted, since the daemon started");
        CONNECTIONS_REFUSED = counter("gild_connections_refused", &["listener", "reason"],
            "Connections of clients who may not use the daemon, since the daemon started");
        REQUESTS = counter("gild_http_requests", &["method", "route", "status"],
            "Requests that were answered, since the daemon started");
        REQUEST_DURATION = histogram("gild_http_request_duration", &["method", "route"],
            "Time from a request's head to the head of its answer (a stream goes on after that), since the daemon \
             started").in_unit(Base::Seconds);
    }
    "the files of the store" => {
        STORE_BYTES = gauge("gild_store", &[], "Size of the store's files").in_unit(Base::Bytes);
        STORE_FREE = gauge("gild_store_filesystem_free", &[],
            "Room on the file system of the store for users who are not root").in_unit(Base::Bytes);
    }
    "the store" => {
        STORE_RUNS = gauge("gild_store_runs", &[],
            "Runs in the store; what other programs remove from it is noticed at the next start");
        STORE_WRITES = histogram("gild_store_write_duration", &[],
            "Time of a write to the store, failed ones included, since the daemon started").in_unit(Base::Seconds);
        STORE_LAST_WRITE = gauge("gild_store_last_write_duration", &[],
            "Time of the latest write to the store").in_unit(Base::Seconds);
        STORE_ERRORS = counter("gild_store_write_errors", &["error"],
            "Writes to the store that failed, since the daemon started");
    }
    "scans of plugins" => {
        SCANS = counter("gild_plugin_scans", &["outcome"],
            "Libraries that were asked what they hold, in a process of their own, since the daemon started");
    }
    "the spawner's socket" => {
        SPAWNER = gauge("gild_spawner_up", &[],
            "1 while the process that starts trials lives; without it the daemon ends");
    }
    "the daemon's start (`GET /v1/status`)" => {
        START_TIME = gauge("process_start_time", &[],
            "When the daemon started, since the Unix epoch").in_unit(Base::Seconds);
    }
    "getrusage(2)" => {
        CPU = counter("process_cpu", &[],
            "CPU time of the daemon's own process, user and system").in_unit(Base::Seconds);
    }
    "`/proc/self`" => {
        RESIDENT = gauge("process_resident_memory", &[], "Resident memory of the daemon").in_unit(Base::Bytes);
        VIRTUAL = gauge("process_virtual_memory", &[], "Virtual memory of the daemon").in_unit(Base::Bytes);
        OPEN_FDS = gauge("process_open_fds", &[], "File descriptors that the daemon has open");
        THREADS = gauge("process_threads", &[], "Threads of the daemon");
    }
    "getrlimit(2)" => {
        MAX_FDS = gauge("process_max_fds", &[], "Most file descriptors that it may have (the soft limit)");
    }
}

/// What the values of each label are, for the documentation.
pub static LABELS: &[(&str, &str)] = &[
    (
        "balance",
        "`balanced`: the phases add up to the life; `unbalanced`: they do not; `unknown`: the worker died before it \
         could say how long it lived",
    ),
    ("error", "`full`: no room; `busy`: another program writes; `damaged`; `other`"),
    ("kind", "`run`: an experiment, `recording`: a program that `gilctl record` started"),
    ("listener", "`socket`: the Unix socket; `metrics`: the port of `[metrics]`, if there is one"),
    (
        "lock",
        "`policy`: the one of the case's lock policy, `interpreter`: Python's, `other`: any other of a recorded \
         program (its hand-overs are not known)",
    ),
    ("method", "`GET`, `HEAD`, `POST`, `PUT`, `DELETE`, `other`"),
    ("model", "the execution model ([models](models.md)); `recorded` is a program as it is"),
    (
        "outcome",
        "`plugin`: it is one, `not-a-plugin`, `refused`: a plugin that cannot be used, `failed`: it could not be \
         asked",
    ),
    ("phase", "what the worker was doing ([phases](statistics.md)); a kernel's own phases are in `compute`"),
    ("policy", "the lock policy; not there where the model has none"),
    (
        "reason",
        "`user`: not in `allow_uids`; `unknown`: the kernel does not say who it is; `address`: not of this machine",
    ),
    ("role", "`worker`, `coordinator`, `helper`"),
    ("route", "the route's template, such as `/v1/runs/{id}`; `other`: there is no such route"),
    (
        "state",
        "`on-cpu`, `preempted`, `waking`, `run-queue` (where preempted and waking are not told apart), `blocked`, \
         `stolen`, `unmeasured`",
    ),
    (
        "status",
        "of a run: `done`, `failed`, `cancelled`, `interrupted`; of a trial: `done`, `failed`, `cancelled`; of a \
         request: `1xx` to `5xx`",
    ),
    ("tier", "`bare`, `software`, `pmu` ([what they mean](statistics.md))"),
    ("version", "of gild"),
];
