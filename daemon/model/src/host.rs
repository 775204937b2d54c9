//! What this machine can measure, and how to make it measure more.

use serde::{Deserialize, Serialize};

/// How much can be measured; the best one that the machine allows is used, and every result records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Wall time, thread CPU time, run-queue wait, voluntary and involuntary switches. Needs nothing.
    Bare,
    /// Also context-switch records, software events, reference cycles. Needs perf events.
    Software,
    /// Also hardware counters. Needs a PMU.
    Pmu,
}

impl Tier {
    /// The name used everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Bare => "bare",
            Tier::Software => "software",
            Tier::Pmu => "pmu",
        }
    }
}

/// This machine, as far as the figures depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// CPU model.
    pub cpu: String,
    /// Cores (hardware threads) that the daemon may use.
    pub cores: Vec<CoreInfo>,
    /// The best tier that works here.
    pub tier: Tier,
    /// Why not a better tier, in one line; `None` on the best.
    pub tier_reason: Option<String>,
    /// The clock that marks are taken with: `tsc` or `monotonic-raw`.
    pub clock: String,
    /// Why the time-stamp counter is not used; `None` if it is.
    pub clock_reason: Option<String>,
    /// Every counter that was probed.
    pub counters: Vec<CounterStatus>,
    /// The usable counters in the groups that they are opened in: a group is on the PMU as a whole. Hardware counters are
    /// in one group, or in several that take turns where one does not fit; software events are in one of their own.
    #[serde(default)]
    pub counter_groups: Vec<Vec<String>>,
    /// Whether events in the kernel are counted too (`false`: user space only).
    pub counts_kernel: bool,
    /// What was checked, what came out, and what to do about it.
    pub checks: Vec<Check>,
}

/// A hardware thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreInfo {
    /// Its number, as in sched_setaffinity(2).
    pub cpu: u32,
    /// The physical core it belongs to.
    pub core: u32,
    /// The package (socket) it belongs to.
    pub package: u32,
}

/// Whether a counter counts here. Support is decided by counting a known loop, not by whether it opens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CounterStatus {
    /// Name, as in the exports.
    pub name: String,
    /// It opened and counted.
    pub usable: bool,
    /// Why not; `None` if it is usable.
    pub reason: Option<String>,
}

/// One thing that `gilctl doctor` looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to type or change to get more; `None` if nothing helps or is needed.
    pub remedy: Option<String>,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As good as it gets.
    Good,
    /// Works, with less.
    Limited,
    /// Does not work.
    Bad,
}
