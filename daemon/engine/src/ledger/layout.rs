//! What lies where in a ledger.
//!
//! Both sides are the same program, so the layout is `repr(C)` structs of atomics, and [`MAGIC`] changes with it.
//! Every field is an atomic: the memory is shared between processes, and readers look at it while it is written.
//! An all-zero section is a valid section of a worker that has not been born.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use gild_model::phase::Phase;

use super::task_log::layout::ClassCells;
use super::waits::WaitRow;

/// First word of a ledger: a name and the version of the layout.
pub const MAGIC: u64 = u64::from_le_bytes(*b"gild\x00\x00\x00\x04");
/// Most phases of its own that a kernel may declare.
pub const KERNEL_PHASES_MAX: usize = 31;
/// Bytes kept of the name of a kernel's phase.
pub const KERNEL_PHASE_NAME_LEN: usize = 32;
/// Slots of a section: one per phase, then one per kernel phase.
pub const SLOTS: usize = Phase::ALL.len() + KERNEL_PHASES_MAX;
/// Counters of a section; each has its place in [`crate::measure::counters::NAMES`].
pub const COUNTERS_MAX: usize = 11;
/// Groups of counters of a section, each with times of its own.
pub const GROUPS_MAX: usize = 4;
/// Bits of a group's number in [`Section::counter_groups`].
pub const GROUP_BITS: u32 = 4;
/// A number that has not been written.
pub const UNKNOWN: u64 = u64::MAX;

/// The account that a worker's time is booked to: a phase, or a kernel's own phase inside `compute`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotId(u32);

impl SlotId {
    /// The slot of a phase.
    pub const fn phase(phase: Phase) -> SlotId {
        SlotId(phase as u32)
    }

    /// The slot of a kernel's phase number `index`; plain `compute` for a number that no kernel may declare.
    pub fn kernel_phase(index: u32) -> SlotId {
        if (index as usize) < KERNEL_PHASES_MAX {
            SlotId(Phase::ALL.len() as u32 + index)
        } else {
            SlotId::phase(Phase::Compute)
        }
    }

    /// The slot with this number; `compute` for a number that no slot has (a damaged ledger).
    pub fn from_index(index: usize) -> SlotId {
        if index < SLOTS { SlotId(index as u32) } else { SlotId::phase(Phase::Compute) }
    }

    /// Its place in [`Section::slots`]; always below [`SLOTS`].
    #[inline(always)]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The phase that it belongs to, and the number of the kernel's own phase.
    pub fn meaning(self) -> (Phase, Option<usize>) {
        match Phase::from_index(self.0) {
            Some(phase) => (phase, None),
            None => (Phase::Compute, Some(self.index() - Phase::ALL.len())),
        }
    }
}

/// What concerns the whole trial.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Header {
    /// [`MAGIC`].
    pub magic: AtomicU64,
    /// Number of workers.
    pub workers: AtomicU32,
    /// Ticks of the anchor taken when the ledger was created.
    pub anchor_ticks: AtomicU64,
    /// Raw nanoseconds of the same anchor.
    pub anchor_raw_ns: AtomicU64,
    /// Tasks planned, or [`UNKNOWN`].
    pub tasks_planned: AtomicU64,
    /// Sum of the tasks' weights.
    pub weight_planned: AtomicU64,
    /// Ticks at the start of the first worker, or 0.
    pub wall_from: AtomicU64,
    /// Ticks when the last result was decoded and the last worker gone, or 0.
    pub wall_until: AtomicU64,
    /// Measured cost of a mark, in picoseconds, or [`UNKNOWN`].
    pub mark_ps: AtomicU64,
    /// Measured cost of a reading of the counters, in picoseconds, or [`UNKNOWN`].
    pub counter_read_ps: AtomicU64,
    /// Measured cost of a read of schedstat, in picoseconds, or [`UNKNOWN`].
    pub schedstat_read_ps: AtomicU64,
    /// Measured cost of a read of the CPU clock, in picoseconds, or [`UNKNOWN`].
    pub cpu_clock_read_ps: AtomicU64,
    /// Names of the kernel's phases, zero-padded, eight bytes a word.
    pub kernel_phases: [[AtomicU64; KERNEL_PHASE_NAME_LEN / 8]; KERNEL_PHASES_MAX],
    /// Entries of the task log, or 0: it has not been laid out.
    pub log_entries: AtomicU64,
    /// Marks that each ring of the timeline has room for, or 0: there are none.
    pub ring_capacity: AtomicU32,
    /// How the task log is thinned, see [`super::task_log::thinning`].
    pub log_shift: AtomicU32,
    /// The classes of the tasks.
    pub classes: ClassCells,
}

/// What a worker keeps of one phase.
#[derive(Debug)]
#[repr(C)]
pub struct Slot {
    /// Times entered.
    pub entries: AtomicU64,
    /// Wall time, in ticks.
    pub wall_ticks: AtomicU64,
    /// Time off the CPU, in nanoseconds.
    pub off_ns: AtomicU64,
    /// Part of it after involuntary switches, in nanoseconds.
    pub preempted_ns: AtomicU64,
    /// Growth of schedstat's run delay, in nanoseconds.
    pub run_delay_ns: AtomicU64,
    /// CPU time, in nanoseconds; only where every visit read it (see [`flag::CPU_PER_PHASE`]).
    pub cpu_ns: AtomicU64,
    /// On-CPU time that the CPU clock did not see, in nanoseconds (see [`flag::STOLEN_PER_PHASE`]).
    pub stolen_ns: AtomicU64,
    /// Times that the ring was full or there was none, so that the split is from schedstat.
    pub full: AtomicU64,
    /// Context-switch records lost.
    pub lost: AtomicU64,
    /// Counters.
    pub counters: CounterCells,
}

/// Sums of counters.
#[derive(Debug)]
#[repr(C)]
pub struct CounterCells {
    /// Time enabled, in nanoseconds, by number of the group.
    pub enabled_ns: [AtomicU64; GROUPS_MAX],
    /// Time running, in nanoseconds, by number of the group.
    pub running_ns: [AtomicU64; GROUPS_MAX],
    /// Raw counts, unscaled, by place in [`crate::measure::counters::NAMES`].
    pub values: [AtomicU64; COUNTERS_MAX],
}

/// The flag bits of [`Section::flags`].
pub mod flag {
    /// Context-switch records are read: off-CPU times are known.
    pub const SWITCH_RECORDS: u64 = 1;
    /// schedstat is read: run delay is known.
    pub const SCHEDSTAT: u64 = 1 << 1;
    /// CPU time is read at every mark (tier `bare`).
    pub const CPU_PER_PHASE: u64 = 1 << 2;
    /// The CPU clock is read often enough to tell in which phase time was stolen.
    pub const STOLEN_PER_PHASE: u64 = 1 << 13;
    /// Counters are read at every mark.
    pub const COUNTERS_PER_PHASE: u64 = 1 << 3;
    /// Counters are read at both ends of every task.
    pub const COUNTERS_PER_TASK: u64 = 1 << 4;
    /// At least one hardware counter counts.
    pub const HARDWARE: u64 = 1 << 5;
    /// A ring was wanted and could not be had.
    pub const RING_REFUSED: u64 = 1 << 6;
    /// Counters were wanted and could not be had.
    pub const COUNTERS_REFUSED: u64 = 1 << 7;
    /// The worker could not be pinned to its core.
    pub const PIN_REFUSED: u64 = 1 << 8;
    /// Counters were to be read at every phase, which became too dear: they were read at tasks.
    pub const FELL_TO_TASK: u64 = 1 << 10;
    /// Counters were to be read more often, which became too dear: they were read at both ends of the worker's life.
    pub const FELL_TO_TRIAL: u64 = 1 << 11;
    /// Hardware counters were wanted, and the worker may run on cores of several kinds.
    pub const CORES_OF_SEVERAL_KINDS: u64 = 1 << 12;
    /// The kernel has no asynchronous form, and was run on an event loop all the same.
    pub const BLOCKS_LOOP: u64 = 1 << 14;
    /// Some records were lost while the phase was long; its split is from schedstat.
    pub const RECORDS_LOST: u64 = 1 << 9;
}

/// The accounts of the coordinator or of one worker.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Section {
    /// Odd while the writer is changing the section.
    pub sequence: AtomicU64,
    /// The open slot.
    pub slot: AtomicU64,
    /// Ticks since when it is open.
    pub since: AtomicU64,
    /// The current task plus one, or 0.
    pub task: AtomicU64,
    /// Ticks since when it is the current task.
    pub task_since: AtomicU64,
    /// Tasks completed.
    pub tasks_done: AtomicU64,
    /// Weight of the tasks whose results are there; in the coordinator's section where the workers do not know weights.
    pub weight_done: AtomicU64,
    /// Marks made.
    pub marks: AtomicU64,
    /// Readings of the counters made, all groups at once.
    pub counter_reads: AtomicU64,
    /// Of them: with a group that was read in user space.
    pub rdpmc_reads: AtomicU64,
    /// Reads of schedstat made.
    pub schedstat_reads: AtomicU64,
    /// Reads of the thread's CPU clock made.
    pub cpu_clock_reads: AtomicU64,
    /// Time in which the thread was switched too often for records of it, so that the clocks were shared out, in nanoseconds.
    pub unrecorded_ns: AtomicU64,
    /// Bits of [`flag`].
    pub flags: AtomicU64,
    /// Which counters count: bit i for the counter at place i.
    pub counter_mask: AtomicU64,
    /// The group of each counter, [`GROUP_BITS`] bits for the counter at each place.
    pub counter_groups: AtomicU64,
    /// Process id, or 0.
    pub pid: AtomicU32,
    /// Thread id, or 0.
    pub tid: AtomicU32,
    /// The core it is pinned to plus one, or 0.
    pub core: AtomicU32,
    /// The deadly signal that it caught, or 0.
    pub fault_signal: AtomicU32,
    /// Number of the worker; 0 for the coordinator.
    pub number: AtomicU32,
    /// Its place in the ledger, and that of its ring: 0 for the coordinator, then the workers in order.
    pub place: AtomicU32,
    /// Ticks just before its parent started it, or 0.
    pub born_ticks: AtomicU64,
    /// The same instant, in raw nanoseconds.
    pub born_raw_ns: AtomicU64,
    /// What the thread had of CPU time when it was born, in nanoseconds: some only if it had another life before, which
    /// ended by executing this program.
    pub born_cpu_ns: AtomicU64,
    /// The same of schedstat's run delay, in nanoseconds.
    pub born_run_delay_ns: AtomicU64,
    /// The same of voluntary switches.
    pub born_voluntary: AtomicU64,
    /// The same of involuntary switches.
    pub born_involuntary: AtomicU64,
    /// What somebody else read of a thread that was about to be gone without a last act: schedstat's run delay over its life,
    /// in nanoseconds, plus one; 0: nobody did.
    pub gone_run_delay_ns: AtomicU64,
    /// The same of its CPU time.
    pub gone_cpu_ns: AtomicU64,
    /// Its last act, in raw nanoseconds, or 0.
    pub died_raw_ns: AtomicU64,
    /// CPU time over its life, in nanoseconds, or [`UNKNOWN`]; written at its last act.
    pub cpu_ns: AtomicU64,
    /// Voluntary switches over its life; written at its last act.
    pub voluntary: AtomicU64,
    /// Involuntary switches over its life; written at its last act.
    pub involuntary: AtomicU64,
    /// Counters over its life, from the moment that they were opened.
    pub life: CounterCells,
    /// Counters summed over its tasks.
    pub tasks: CounterCells,
    /// One account per phase and kernel phase.
    pub slots: [Slot; SLOTS],
    /// Who made this worker wait for a lock; written by whoever holds the lock's mutex.
    pub waits: WaitRow,
    /// What the worker is asked to do at its next safe point; a cache line of its own, for others write to it.
    pub attention: Attention,
}

impl Section {
    /// Has the system map every page of the section for the caller, who is its writer: the first touch of a page must not
    /// be a page fault inside somebody's phase.
    pub fn touch_pages(&self) {
        for slot in &self.slots {
            slot.entries.store(slot.entries.load(Relaxed), Relaxed);
        }
        self.waits.touch_pages();
    }
}

/// Requests to a worker; see [`attention`].
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Attention(pub AtomicU32);

/// The bits of [`Attention`]. Kernels see only whether the word is zero.
pub mod attention {
    /// Another worker waits for the lock.
    pub const DROP_LOCK: u32 = 1;
    /// The trial is being given up.
    pub const CANCEL: u32 = 1 << 1;
    /// Drain the ring of context-switch records before it is full.
    pub const DRAIN: u32 = 1 << 2;
    /// Nothing is asked, but the lock counts safe points: every one is to be seen.
    pub const COUNT_SAFE_POINTS: u32 = 1 << 3;
}

/// Size of header and sections, in bytes; behind them lies the task log.
pub const fn size_of_sections(workers: u32) -> usize {
    size_of::<Header>() + (workers as usize + 1) * size_of::<Section>()
}

// The goal is at most 64 KiB per worker without a timeline, ring and stack of the accounting included.
const _: () = assert!(size_of::<Section>() <= 12 * 1024);
const _: () = assert!(COUNTERS_MAX as u32 * GROUP_BITS <= 64 && GROUPS_MAX <= 1 << GROUP_BITS);
