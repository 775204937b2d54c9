//! One configuration of a run: execution model, workers, lock policy, start method, transport, dispatch, pinning.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::params::ParamValue;
use crate::phase::Phase;

/// Declares an enum whose variants have one name each, the same in TOML, JSON, SQL and on the command line. Another name that
/// is taken for it when it is read may follow.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident ($what:literal) { $($(#[$vmeta:meta])* $variant:ident = $name:literal $(or $alias:literal)?,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$vmeta])* #[serde(rename = $name $(, alias = $alias)?)] $variant,)+
        }

        impl $type {
            /// Every variant, in the order of the documentation.
            pub const ALL: &'static [$type] = &[$($type::$variant,)+];

            /// The name used everywhere.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                $($(if text == $alias { return Ok(Self::$variant) })?)+
                Self::ALL.iter().copied().find(|it| it.name() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|it| it.name()).collect();
                    format!("unknown {} \"{text}\", expected one of: {}", $what, known.join(", "))
                })
            }
        }
    };
}

named! {
    /// How tasks are spread.
    Model ("model") {
        /// One process, one thread: the coordinator's own.
        Sequential = "sequential",
        /// One process, n threads, one lock policy.
        Threads = "threads",
        /// n processes; values are encoded over a transport.
        Processes = "processes",
        /// One process, one thread: the coordinator's own, with several tasks in flight.
        EventLoop = "event-loop" or "asyncio",
        /// n threads of one process, each with a lock and a kernel instance of its own; values are encoded between them.
        Subinterpreters = "subinterpreters",
        /// p processes of t threads each, one lock policy per process.
        Hybrid = "hybrid",
        /// Somebody's own program, as it is: its threads are the workers. Stored by `gilctl record`, never asked for.
        Recorded = "recorded",
    }
}

impl Model {
    /// Whether its workers share a lock, so that a lock policy has to be chosen.
    pub fn has_lock(self) -> bool {
        matches!(self, Model::Threads | Model::Hybrid)
    }

    /// Whether it starts processes, so that a start method has to be chosen.
    pub fn has_processes(self) -> bool {
        matches!(self, Model::Processes | Model::Hybrid)
    }

    /// Whether values are encoded between coordinator and workers, so that a transport has to be chosen.
    pub fn has_transport(self) -> bool {
        matches!(self, Model::Processes | Model::Hybrid | Model::Subinterpreters)
    }

    /// Whether it may have several workers, which tasks have to be dealt out to.
    pub fn has_many_workers(self) -> bool {
        !matches!(self, Model::Sequential | Model::EventLoop | Model::Recorded)
    }

    /// Whether the coordinator lends its own thread to the only worker: its row is then idle by definition.
    pub fn lends_coordinator(self) -> bool {
        matches!(self, Model::Sequential | Model::EventLoop)
    }

    /// Whether its workers are threads of the coordinator's process.
    pub fn is_one_process(self) -> bool {
        !self.has_processes()
    }
}

named! {
    /// What guards a threaded kernel.
    LockPolicy ("lock policy") {
        /// The global interpreter lock of CPython 3.2 and later.
        Cpython = "cpython",
        /// The global interpreter lock of CPython 2: released and taken again every so many safe points.
        Cpython2 = "cpython2",
        /// First in, first out: the releaser hands the lock to the longest waiter.
        Fair = "fair",
        /// No lock: free threading.
        None = "none",
    }
}

impl LockPolicy {
    /// Whether a holder is asked to drop the lock after an interval.
    pub fn has_interval(self) -> bool {
        match self {
            LockPolicy::Cpython | LockPolicy::Fair => true,
            LockPolicy::Cpython2 | LockPolicy::None => false,
        }
    }

    /// Whether a holder releases the lock after a number of safe points.
    pub fn has_check_interval(self) -> bool {
        self == LockPolicy::Cpython2
    }
}

named! {
    /// How a worker process comes to life.
    Start ("start method") {
        /// Fork of the coordinator, which holds the loaded plugin and has no other thread.
        Fork = "fork",
        /// Fork, exec and load the plugin anew.
        Spawn = "spawn",
        /// Fork of a server that has nothing loaded yet: Python's executors alone.
        Forkserver = "forkserver",
    }
}

named! {
    /// What carries values between processes.
    Transport ("transport") {
        /// A pair of pipes.
        Pipe = "pipe",
        /// A pair of connected Unix stream sockets.
        Socketpair = "socketpair",
        /// A ring in shared memory for each direction: no copy through the kernel.
        Shm = "shm",
    }
}

named! {
    /// How tasks get to workers.
    Dispatch ("dispatch") {
        /// Whoever is free takes the next task, or the next chunk of them.
        Shared = "shared",
        /// Decided before: task (or chunk) i belongs to worker i modulo the number of workers.
        PerWorker = "per-worker",
    }
}

named! {
    /// How often counters are read.
    CounterScope ("counter scope") {
        /// At every change of phase.
        Phase = "phase",
        /// At the start and the end of every task.
        Task = "task",
        /// At the start and the end of every worker's life.
        Trial = "trial",
    }
}

/// Which cores the workers of a trial may run on.
///
/// In TOML and JSON: `"none"`, `"compact"`, `"scatter"`, or a list of cores such as `[0, 2]`, dealt out
/// round and round. On the command line the list is written `0,2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "PinningText", into = "PinningText")]
pub enum Pinning {
    /// The scheduler decides.
    #[default]
    None,
    /// Neighbouring hardware threads first: fill a core, then a package.
    Compact,
    /// As far apart as possible: one worker per package, then per core, then per hardware thread.
    Scatter,
    /// Worker i runs on the i-th core of the list, round and round.
    Cores(Vec<u32>),
}

/// The two shapes that [`Pinning`] has in TOML and JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"none\", \"compact\", \"scatter\" or a list of core numbers")]
enum PinningText {
    Name(String),
    Cores(Vec<u32>),
}

impl TryFrom<PinningText> for Pinning {
    type Error = String;
    fn try_from(text: PinningText) -> Result<Self, String> {
        match text {
            PinningText::Name(name) => name.parse(),
            PinningText::Cores(cores) if cores.is_empty() => Err("pinning: the list of cores is empty".to_owned()),
            PinningText::Cores(cores) => Ok(Pinning::Cores(cores)),
        }
    }
}

impl From<Pinning> for PinningText {
    fn from(pinning: Pinning) -> Self {
        match pinning {
            Pinning::Cores(cores) => PinningText::Cores(cores),
            named => PinningText::Name(named.to_string()),
        }
    }
}

impl fmt::Display for Pinning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pinning::None => f.pad("none"),
            Pinning::Compact => f.pad("compact"),
            Pinning::Scatter => f.pad("scatter"),
            Pinning::Cores(cores) => {
                let list: Vec<_> = cores.iter().map(u32::to_string).collect();
                f.pad(&list.join(","))
            }
        }
    }
}

impl FromStr for Pinning {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Pinning::None),
            "compact" => Ok(Pinning::Compact),
            "scatter" => Ok(Pinning::Scatter),
            list => list
                .split(',')
                .map(|core| core.trim().parse::<u32>())
                .collect::<Result<Vec<_>, _>>()
                .map(Pinning::Cores)
                .map_err(|_| {
                    format!(
                        "unknown pinning \"{text}\", expected none, compact, scatter or a list of cores such as 0,2"
                    )
                }),
        }
    }
}

/// One configuration, complete: every choice is made, none is left to a default further down.
///
/// What a model has no use for is `None`: a threaded case has no transport, a process case no lock policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Name, unique within the run; made from the choices unless the user gave one.
    pub name: String,
    /// How tasks are spread.
    pub model: Model,
    /// Number of workers, at least 1; 1 for `sequential` and `event-loop`; all threads of all processes for `hybrid`.
    pub workers: u32,
    /// Tasks in flight at once (`event-loop`). `None`, too, for all of them, which a kernel in Python may ask for.
    #[serde(default)]
    pub in_flight: Option<u32>,
    /// Workers of each process (`hybrid`); divides `workers`.
    #[serde(default)]
    pub threads_per_process: Option<u32>,
    /// What guards the kernel (`threads`; `hybrid`: in each process).
    pub lock: Option<LockPolicy>,
    /// Switch interval of the lock (`cpython`, `fair`), in microseconds; for a kernel in Python `None` is the interpreter's own.
    pub interval_us: Option<u64>,
    /// Safe points between two releases of the lock (`cpython2`).
    #[serde(default)]
    pub check_interval: Option<u32>,
    /// How worker processes come to life (`processes`, `hybrid`).
    pub start: Option<Start>,
    /// What carries values (`processes`, `hybrid`, `subinterpreters`).
    pub transport: Option<Transport>,
    /// How tasks get to workers (models of several workers). `None`, too, in runs stored before there was a choice: shared.
    #[serde(default)]
    pub dispatch: Option<Dispatch>,
    /// Tasks that are dealt out at once (models of several workers). `None`, too, in runs stored before there was a choice: 1.
    #[serde(default)]
    pub chunk: Option<u32>,
    /// Which cores the workers may run on.
    pub pinning: Pinning,
    /// Parameters of the kernel for this case alone; they win over the experiment's.
    #[serde(default)]
    pub params: BTreeMap<String, ParamValue>,
    /// The interpreter, as the user names it (a kernel in Python).
    #[serde(default)]
    pub python: Option<PathBuf>,
}

impl Case {
    /// Whether a worker has its lock while it is in a phase; `None`: the case has no lock whose owner the phases tell.
    pub fn has_lock_in(&self) -> Option<fn(Phase) -> bool> {
        if matches!(self.lock, None | Some(LockPolicy::None)) {
            return None;
        }
        match self.model {
            // A worker holds the lock while it takes the next task, as interpreter code does.
            Model::Threads => Some(|phase| matches!(phase, Phase::Idle) || touches_values(phase)),
            Model::Hybrid => Some(touches_values),
            _ => None,
        }
    }
}

fn touches_values(phase: Phase) -> bool {
    matches!(phase, Phase::Decode | Phase::Compute | Phase::Encode)
}
