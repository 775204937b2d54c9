//! Reading the log after the trial. The trial's processes could write anything into it, so nothing is believed: how much
//! there is to read comes from the file, and an entry that no trial could have made is counted and left out.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::layout::{CLASSES_MAX, ENTRIES_MAX, ENTRY_BYTES, offset};
use super::thinning::Thinning;
use super::writer::load_text;
use crate::clock::Rate;
use crate::ledger::layout::{Header, UNKNOWN};
use crate::ledger::map::Map;

/// Entries read at once.
const PART_ENTRIES: usize = 4096;

/// What the log says of one task. Times are since the start of the wall time, when every task was there, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskRecord {
    /// The task.
    pub task: u64,
    /// The worker that took it.
    pub worker: u32,
    /// Its class, as a place in [`TaskLogReading::classes`].
    pub class: Option<usize>,
    /// Until it was taken.
    pub taken_ns: u64,
    /// Until its result was done; `None`: it was not.
    pub done_ns: Option<u64>,
    /// Until the coordinator had the result; `None`: it did not.
    pub collected_ns: Option<u64>,
}

/// What there was to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskLogReading {
    /// The classes that the kernel has named, each with the number of tasks planned.
    pub classes: Vec<(String, u64)>,
    /// Of so many tasks one is logged; 0: there is no log.
    pub every: u64,
    /// Entries that no trial could have made.
    pub damaged: u64,
    /// Why the log, or the rest of it, could not be read.
    pub error: Option<String>,
}

/// What entries are held against.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Ticks at the start of the wall time.
    pub from: u64,
    /// Ticks when the books were closed.
    pub until: u64,
    /// Nanoseconds per tick.
    pub rate: Rate,
    /// Number of workers.
    pub workers: u32,
    /// Number of classes.
    pub classes: usize,
    /// Which tasks are logged.
    pub thinning: Thinning,
}

/// Reads the log of a trial that nobody writes to any more, and hands every task that was taken to `visit`.
pub fn read(file: impl AsFd, map: &Map, until: u64, rate: Rate, mut visit: impl FnMut(TaskRecord)) -> TaskLogReading {
    let header = map.header();
    let (entries, from) = (header.log_entries.load(Acquire), header.wall_from.load(Relaxed));
    let thinning = Thinning::from_shift(header.log_shift.load(Relaxed)).filter(|_| entries > 0 && from != 0);
    let Some(thinning) = thinning else { return TaskLogReading::default() };
    let classes = classes(header);
    let bounds = Bounds { from, until, rate, workers: map.workers(), classes: classes.len(), thinning };
    let mut reading = TaskLogReading { classes, every: thinning.every(), ..TaskLogReading::default() };
    let read = parts(file, map.workers(), entries, |first, part| {
        reading.damaged += parse(part, first, &bounds, &mut visit);
    });
    reading.error = read.err().map(|error| format!("the task log could not be read: {error}"));
    reading
}

fn classes(header: &Header) -> Vec<(String, u64)> {
    let cells = header.classes.names.iter().zip(&header.classes.tasks);
    let class = cells.map(|(name, tasks)| (load_text(name), tasks.load(Relaxed)));
    let planned = header.tasks_planned.load(Relaxed);
    let believable = |(name, tasks): &(String, u64)| !name.is_empty() && (planned == UNKNOWN || *tasks <= planned);
    class.take(CLASSES_MAX).take_while(believable).collect()
}

/// Reads as many of `entries` as the file has, in parts, each with the number of its first entry.
fn parts(file: impl AsFd, workers: u32, entries: u64, mut take: impl FnMut(u64, &[u8])) -> io::Result<()> {
    let file = File::from(file.as_fd().try_clone_to_owned()?);
    let start = offset(workers) as u64;
    let there = file.metadata()?.len().saturating_sub(start) / ENTRY_BYTES as u64;
    let entries = entries.min(there).min(ENTRIES_MAX);
    let mut buffer = vec![0; PART_ENTRIES * ENTRY_BYTES];
    for first in (0..entries).step_by(PART_ENTRIES) {
        let part = &mut buffer[..(entries - first).min(PART_ENTRIES as u64) as usize * ENTRY_BYTES];
        file.read_exact_at(part, start + first * ENTRY_BYTES as u64)?;
        take(first, part);
    }
    Ok(())
}

/// Reads entries, of which the first has this number, and gives the number of those that no trial could have made. Bytes
/// behind the last whole entry are no entry.
pub fn parse(bytes: &[u8], first: u64, bounds: &Bounds, mut visit: impl FnMut(TaskRecord)) -> u64 {
    let (entries, _rest) = bytes.as_chunks::<ENTRY_BYTES>();
    let mut damaged = 0;
    for (number, entry) in (first..).zip(entries) {
        match record(entry, number, bounds) {
            Some(Ok(record)) => visit(record),
            Some(Err(Damaged)) => damaged += 1,
            None => {}
        }
    }
    damaged
}

/// An entry that no trial could have made.
struct Damaged;

/// `None`: nobody has taken the task.
fn record(entry: &[u8; ENTRY_BYTES], number: u64, bounds: &Bounds) -> Option<Result<TaskRecord, Damaged>> {
    let long = |at: usize| u64::from_ne_bytes(std::array::from_fn(|byte| entry[at + byte]));
    let short = |at: usize| u32::from_ne_bytes(std::array::from_fn(|byte| entry[at + byte]));
    let (taken, done, collected, worker, class) = (long(0), long(8), long(16), short(24), short(28));
    if taken == 0 && done == 0 && collected == 0 {
        return None;
    }
    let in_order = |before: u64, ticks: u64| (before..=bounds.until).contains(&ticks);
    let times = in_order(bounds.from, taken)
        && (done == 0 || in_order(taken, done))
        && (collected == 0 || done != 0 && in_order(done, collected));
    let who = (1..=bounds.workers).contains(&worker) && class as usize <= bounds.classes;
    let since = |ticks: u64| (ticks != 0).then(|| bounds.rate.to_ns(ticks - bounds.from));
    let record = || {
        Some(TaskRecord {
            task: bounds.thinning.task_of(number),
            worker: worker - 1,
            class: (class as usize).checked_sub(1),
            taken_ns: since(taken)?,
            done_ns: since(done),
            collected_ns: since(collected),
        })
    };
    Some(if times && who { record().ok_or(Damaged) } else { Err(Damaged) })
}

#[cfg(test)]
mod tests;
