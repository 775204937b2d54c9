//! Laying the log out, attaching to it, and stamping: the only code that writes entries.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::layout::{CLASS_NAME_LEN, ENTRIES_MAX, TaskEntry};
use super::thinning::Thinning;
use crate::ledger::layout::Header;
use crate::ledger::map::{Map, map_entries};

/// Entries on the smallest page that Linux has.
const ENTRIES_PER_PAGE: usize = 4096 / size_of::<TaskEntry>();

/// A hold on the task log of a trial. The default one has no entries: stamping does nothing.
#[derive(Clone, Copy, Default)]
pub struct TaskLog {
    entries: &'static [TaskEntry],
    thinning: Thinning,
}

impl fmt::Debug for TaskLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskLog({} entries, one of {} tasks)", self.entries.len(), self.thinning.every())
    }
}

impl TaskLog {
    /// Lays the log out in a ledger's file for a plan: called by the coordinator, once, before the first worker is started.
    /// `class_of` has the number of each task's class in `classes`. Afterwards every page is there, so that no
    /// stamp of the coordinator's threads has to wait for one.
    ///
    /// # Errors
    /// The file is too short, or cannot be mapped.
    pub fn lay_out(
        file: impl AsFd,
        map: &Map,
        classes: &[String],
        class_of: impl ExactSizeIterator<Item = Option<usize>>,
    ) -> io::Result<TaskLog> {
        let tasks = class_of.len() as u64;
        let thinning = Thinning::of(tasks);
        let count = thinning.entries(tasks);
        let log = TaskLog { entries: map_entries(file, map.workers(), count as usize)?, thinning };
        name_classes(map.header(), classes);
        for (task, class) in (0..).zip(class_of) {
            if let Some(tasks) = class.and_then(|class| map.header().classes.tasks.get(class)) {
                tasks.store(tasks.load(Relaxed) + 1, Relaxed);
            }
            if let Some(entry) = log.entry(task) {
                entry.class.store(class.map_or(0, |class| class as u32 + 1), Relaxed);
            }
        }
        map.header().log_shift.store(thinning.shift(), Relaxed);
        // Release: whoever sees how many entries there are sees how they are thinned.
        map.header().log_entries.store(count, Release);
        Ok(log)
    }

    /// Maps the log that the coordinator has laid out, in a process of its own.
    ///
    /// # Errors
    /// There is none, or it cannot be mapped.
    pub fn attach(file: impl AsFd, map: &Map) -> io::Result<TaskLog> {
        let count = map.header().log_entries.load(Acquire);
        let thinning = Thinning::from_shift(map.header().log_shift.load(Relaxed));
        match thinning.filter(|_| count <= ENTRIES_MAX) {
            Some(thinning) => Ok(TaskLog { entries: map_entries(file, map.workers(), count as usize)?, thinning }),
            None => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the ledger has no task log of this version of gild"))
            }
        }
    }

    /// Has the system map every page for the caller, which a forked or executed worker process would otherwise pay for with
    /// a page fault inside one task in a hundred. For a thread of the coordinator they are there.
    pub fn touch_pages(self) {
        for entry in self.entries.iter().step_by(ENTRIES_PER_PAGE) {
            std::hint::black_box(entry.class.load(Relaxed));
        }
    }

    /// A worker has taken a task.
    #[inline(always)]
    pub fn taken(self, task: u64, worker: u32, ticks: u64) {
        if let Some(entry) = self.entry(task) {
            entry.worker.store(worker + 1, Relaxed);
            entry.taken.store(ticks, Relaxed);
        }
    }

    /// Its result is done, and still in the worker's hands.
    #[inline(always)]
    pub fn done(self, task: u64, ticks: u64) {
        if let Some(entry) = self.entry(task) {
            entry.done.store(ticks, Relaxed);
        }
    }

    /// The coordinator has the result.
    #[inline(always)]
    pub fn collected(self, task: u64, ticks: u64) {
        if let Some(entry) = self.entry(task) {
            entry.collected.store(ticks, Relaxed);
        }
    }

    /// The worker has finished with a task. A result that was not called done before is where the coordinator has it: in
    /// the memory of the same process.
    #[inline(always)]
    pub fn finished(self, task: u64, ticks: u64) {
        if let Some(entry) = self.entry(task)
            && entry.done.load(Relaxed) == 0
        {
            entry.done.store(ticks, Relaxed);
            entry.collected.store(ticks, Relaxed);
        }
    }

    /// Ticks when a task was taken. `None`: it was not, or is not logged.
    pub fn taken_at(self, task: u64) -> Option<u64> {
        self.entry(task).map(|entry| entry.taken.load(Relaxed)).filter(|ticks| *ticks != 0)
    }

    #[inline(always)]
    fn entry(self, task: u64) -> Option<&'static TaskEntry> {
        self.entries.get(self.thinning.entry_of(task)?)
    }
}

fn name_classes(header: &Header, classes: &[String]) {
    for (words, name) in header.classes.names.iter().zip(classes) {
        let end = name.floor_char_boundary(CLASS_NAME_LEN);
        store_text(words, &name.as_bytes()[..end]);
    }
}

/// Writes a text that fits into words, zero-padded.
pub(crate) fn store_text(words: &[AtomicU64], text: &[u8]) {
    for (place, word) in words.iter().enumerate() {
        let mut eight = [0; 8];
        let chunk = text.chunks(8).nth(place).unwrap_or_default();
        eight[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_le_bytes(eight), Relaxed);
    }
}

/// Reads a text that [`store_text`] has written.
pub(crate) fn load_text(words: &[AtomicU64]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.load(Relaxed).to_le_bytes()).collect();
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}
