//! Measured time: what each worker did, phase by phase, state by state.
//!
//! `None` always means *not measured*; a zero was measured as zero.

use serde::{Deserialize, Serialize};

use crate::phase::Phase;

/// What one worker spent in one phase (or in one of the kernel's own phases inside `compute`).
///
/// Where all states are measured, `on_cpu_ns + preempted_ns + waking_ns + blocked_ns + stolen_ns == wall_ns`;
/// a `stolen_ns` that was not measured is still inside `on_cpu_ns`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseAccount {
    /// The phase.
    pub phase: Phase,
    /// The kernel's own name for this part of `compute`, if it declared one.
    pub kernel_phase: Option<String>,
    /// How many times the phase was entered.
    pub entries: u64,
    /// Wall time, in nanoseconds.
    pub wall_ns: u64,
    /// Time on a CPU, in nanoseconds.
    pub on_cpu_ns: Option<u64>,
    /// Time ready to run while another thread had the core, after an involuntary switch, in nanoseconds.
    pub preempted_ns: Option<u64>,
    /// Time between being woken and running, in nanoseconds.
    pub waking_ns: Option<u64>,
    /// Time waiting for a core, whatever the cause: `preempted_ns + waking_ns` where these are known apart.
    pub run_queue_ns: Option<u64>,
    /// Time waiting for an event, in nanoseconds.
    pub blocked_ns: Option<u64>,
    /// Estimate of the time that the hypervisor took from the thread while it was on a CPU, in nanoseconds.
    pub stolen_ns: Option<u64>,
    /// CPU time of the thread, in nanoseconds, where it was read at both ends of the phase.
    pub cpu_ns: Option<u64>,
    /// Counters read at both ends of the phase; empty unless the counter scope is `phase`.
    pub counters: Vec<CounterReading>,
    /// Context-switch records that the kernel dropped in this phase. Above zero, the states are from
    /// schedstat and CPU time alone and their split is coarser.
    pub lost_records: u64,
    /// The worker died inside this phase; its states are unknown, unless whoever ended a recorded thread has read its clocks.
    pub open: bool,
}

/// What a counter counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CounterReading {
    /// Name, as in [`crate::host::CounterStatus::name`].
    pub name: String,
    /// The count, scaled by `enabled / running` where the counter shared the PMU. `None`: it never ran.
    pub value: Option<u64>,
    /// Share of the time in which the counter really counted (time running / time enabled), 0 to 1.
    pub running_ratio: Option<f64>,
}

/// Who a row of accounts belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Plans, dispatches and collects.
    Coordinator,
    /// Runs tasks.
    Worker,
    /// A thread or process of Python's executors that does neither: it feeds, collects or starts others.
    Helper,
}

impl Role {
    /// The name used in the API and the exports.
    pub fn name(self) -> &'static str {
        match self {
            Role::Coordinator => "coordinator",
            Role::Worker => "worker",
            Role::Helper => "helper",
        }
    }
}

/// The accounts of one worker, or of the coordinator, in one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerAccount {
    /// Coordinator or worker.
    pub role: Role,
    /// Number of the worker, from 0, and of the helper; 0 for the coordinator.
    pub index: u32,
    /// Process id. `None`: the worker never started.
    pub pid: Option<u32>,
    /// Thread id. `None`: the worker never started.
    pub tid: Option<u32>,
    /// The thread's name, where it is one of a recorded program.
    #[serde(default)]
    pub thread: Option<String>,
    /// The command line of its process, where it is one of a recorded program.
    #[serde(default)]
    pub command: Option<String>,
    /// The core that the worker was pinned to. `None`: free to move.
    pub core: Option<u32>,
    /// Tasks completed.
    pub tasks: u64,
    /// Life, from the parent's stamp before it started the worker to the worker's last act, in
    /// nanoseconds, by a clock independent of the one that the phases are measured with.
    /// `None`: the worker died before it could take the second reading.
    pub life_ns: Option<u64>,
    /// Σ phases, in nanoseconds.
    pub accounted_ns: u64,
    /// `|accounted_ns - life_ns| <= 0.1 %` of the life (or 20 µs, the resolution of the stamps, if that is more).
    /// `None`: no life to compare with.
    pub balanced: Option<bool>,
    /// CPU time of the worker over its whole life, in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Time stolen by the hypervisor over its whole life, in nanoseconds (an estimate: on-CPU minus CPU time).
    pub stolen_ns: Option<u64>,
    /// Voluntary context switches over its whole life.
    pub voluntary_switches: Option<u64>,
    /// Involuntary context switches over its whole life.
    pub involuntary_switches: Option<u64>,
    /// Counters over the worker's life, from the moment that they were opened.
    pub counters: Vec<CounterReading>,
    /// Counters summed over its tasks; filled when the counter scope is `task`.
    pub task_counters: Vec<CounterReading>,
    /// The phases that were entered, in ledger order.
    pub phases: Vec<PhaseAccount>,
    /// What could not be had for this worker (a ring that could not be mapped, …), in words.
    pub notes: Vec<String>,
}

impl WorkerAccount {
    /// Wall time spent in `phase`, kernel phases included, in nanoseconds.
    pub fn wall_in(&self, phase: Phase) -> u64 {
        self.phases.iter().filter(|account| account.phase == phase).map(|account| account.wall_ns).sum()
    }
}
