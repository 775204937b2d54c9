//! What a task says of itself: one line of JSON, as a message, appended to a file, or both.

use gild_abi::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::block::Blocked;
use crate::burn::Burnt;
use crate::clocks::{Figures, Measured};
use crate::disturb::{Moved, Raised};
use crate::host::Host;
use crate::instructions::{Branched, Counted};
use crate::journal::Journal;
use crate::lock_pattern::Held;
use crate::memory::{Faulted, Touched};
use crate::procfs::Switches;
use crate::switches::{Napped, Yielded};

/// A line of a report. Parts that are off are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The task's number, counted from 0.
    pub task: u64,
    /// The process that ran it.
    pub pid: i32,
    /// The thread that ran it.
    pub tid: i32,
    /// What the operating system has seen from the task's start to its result, without this report.
    pub whole: Figures,
    /// `steal`: what the hypervisor took from the core meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_stolen_ns: Option<u64>,
    /// Context switches of the thread, from its start to now.
    pub switches: Switches,
    /// What the parts know and what the operating system has seen of each.
    #[serde(flatten)]
    pub parts: Parts,
}

/// The parts of a task, in the order in which they are done. Each is also a phase of this name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Parts {
    /// `cpu_us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Measured<Burnt>>,
    /// `rounds`, `hold_us`, `rest_us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_pattern: Option<Measured<Held>>,
    /// `block_us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Measured<Blocked>>,
    /// `working_set_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_set: Option<Measured<Touched>>,
    /// `fault_pages`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Measured<Faulted>>,
    /// `instructions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Measured<Counted>>,
    /// `branches`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<Measured<Branched>>,
    /// `yields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yields: Option<Measured<Yielded>>,
    /// `naps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub naps: Option<Measured<Napped>>,
    /// `migrations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrations: Option<Measured<Moved>>,
    /// `child_us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<Measured<Raised>>,
}

/// What a task whose thread ends in the middle of it says just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vanished {
    /// The task's number.
    pub vanished: u64,
    /// The CPU time that was burnt before.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Report {
    /// Reads a line.
    ///
    /// # Errors
    /// It is no report.
    pub fn parse(line: &str) -> serde_json::Result<Report> {
        serde_json::from_str(line)
    }

    /// Says it wherever it is wanted.
    pub(crate) fn deliver(&self, cx: &impl Host, to_log: bool, journal: Option<&Journal>) -> Result<()> {
        if to_log {
            cx.say(serde_json::to_string(self).map_err(Error::new)?);
        }
        journal.map_or(Ok(()), |journal| journal.append(self))
    }
}
