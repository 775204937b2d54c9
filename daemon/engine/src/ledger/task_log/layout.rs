//! What an entry of the task log is, and where the log lies in the ledger's file.

use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::ledger::layout::size_of_sections;

/// Most entries of a log.
pub const ENTRIES_MAX: u64 = 1 << 20;
/// Most classes of tasks that a plan may have.
pub const CLASSES_MAX: usize = 16;
/// Longest name of a class, in bytes.
pub const CLASS_NAME_LEN: usize = 32;
/// Bytes of an entry.
pub const ENTRY_BYTES: usize = size_of::<TaskEntry>();
/// The log begins at a multiple of this: the largest page that Linux has.
const PAGE_MAX: usize = 64 << 10;

/// What is logged of one task. All zero: it has not been taken.
#[derive(Debug, Default)]
#[repr(C)]
pub struct TaskEntry {
    /// Ticks when a worker took it, or 0.
    pub taken: AtomicU64,
    /// Ticks when its result was done, or 0.
    pub done: AtomicU64,
    /// Ticks when the coordinator had the result, or 0.
    pub collected: AtomicU64,
    /// Number of the worker that took it, plus one.
    pub worker: AtomicU32,
    /// Number of its class in the plan plus one, or 0.
    pub class: AtomicU32,
}

/// What the header of the ledger says of the plan's classes: names, zero-padded, eight bytes a word, and numbers of tasks.
#[derive(Debug)]
#[repr(C)]
pub struct ClassCells {
    /// The names.
    pub names: [[AtomicU64; CLASS_NAME_LEN / 8]; CLASSES_MAX],
    /// Tasks planned of each class.
    pub tasks: [AtomicU64; CLASSES_MAX],
}

/// Where the log begins in the file of a ledger of so many workers, in bytes.
pub const fn offset(workers: u32) -> usize {
    size_of_sections(workers).next_multiple_of(PAGE_MAX)
}

/// Size of the file of a ledger of so many workers, the largest log included, in bytes.
pub const fn size_of_file(workers: u32) -> usize {
    offset(workers) + ENTRIES_MAX as usize * ENTRY_BYTES
}

const _: () = assert!(ENTRY_BYTES == 32);
/// What lies behind the log begins at a multiple of [`PAGE_MAX`], too.
const _: () = assert!((ENTRIES_MAX as usize * ENTRY_BYTES).is_multiple_of(PAGE_MAX));
