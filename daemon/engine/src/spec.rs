//! What the daemon tells a coordinator, and what the coordinator answers.
//!
//! A coordinator is `gild coordinator`, started with
//!
//! | descriptor | what |
//! |---|---|
//! | 0 | `/dev/null` |
//! | 1, 2 | a pipe that the daemon keeps the end of: the kernel's own output |
//! | [`CONTROL_FD`] | a Unix stream socket: the daemon writes one [`TrialSpec`] as JSON and shuts its side down for writing; the coordinator writes one [`Outcome`] as JSON and exits |
//! | [`LEDGER_FD`] | the trial's ledger (a memfd, see [`crate::ledger`]) |
//!
//! A coordinator that ends without an outcome died: the exit status and the ledger say of what, where.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::path::PathBuf;

use gild_model::case::{Case, CounterScope};
use gild_model::experiment::ParamValue;
use gild_model::host::Tier;
use serde::{Deserialize, Serialize};

/// The coordinator's control socket.
pub const CONTROL_FD: RawFd = 3;
/// The trial's ledger.
pub const LEDGER_FD: RawFd = 4;
/// The recording of a trial in Python, which is started as `gild python` with descriptors and answer like a coordinator's.
pub const RECORDING_FD: RawFd = 5;

/// One trial, complete: the coordinator needs nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialSpec {
    /// The library that holds the kernel.
    pub plugin: PathBuf,
    /// The kernel's name.
    pub kernel: String,
    /// The kernel's parameters; those not given take the kernel's preset.
    pub params: BTreeMap<String, ParamValue>,
    /// The configuration.
    pub case: Case,
    /// How often counters are read, at most.
    pub counters: CounterScope,
    /// Most that reading counters may cost, as a share of a worker's time.
    pub max_overhead: f64,
    /// The best tier to try.
    pub tier: Tier,
    /// The counters that count on this machine, by name, in the groups that fit its PMU.
    pub counter_groups: Vec<Vec<String>>,
    /// Whether events in the kernel can be counted too.
    pub counts_kernel: bool,
    /// Marks kept of each worker for its timeline; 0: none are.
    pub timeline: u32,
}

/// How a trial ended, in the coordinator's own words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// All tasks done.
    Done {
        /// SHA-256 over the encoded results in task order, as lower-case hex. `None`: they have none.
        digest: Option<String>,
        /// Whether the kernel's own check passed. `None`: it has none.
        verified: Option<bool>,
        /// What the kernel said when its check did not pass.
        verify_error: Option<String>,
        /// What a reader of the trial has to know.
        #[serde(default)]
        notes: Vec<String>,
    },
    /// The trial cannot go on.
    Failed {
        /// What failed: the kernel's own message and the task, the worker that died, the key that is wrong, …
        error: String,
    },
}
