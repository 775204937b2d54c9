//! A worker's hold on its own section: the only code that writes accounts.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

use super::layout::{CounterCells, Section, SlotId, UNKNOWN};
use crate::measure::counters::Reading;

/// What is booked to a slot beside wall time, when something happened that a mark alone cannot see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Booking {
    /// Time off the CPU, in nanoseconds.
    pub off_ns: u64,
    /// Part of it after involuntary switches, in nanoseconds.
    pub preempted_ns: u64,
    /// Growth of schedstat's run delay, in nanoseconds.
    pub run_delay_ns: u64,
    /// CPU time, in nanoseconds.
    pub cpu_ns: u64,
    /// On-CPU time that the CPU clock did not see, in nanoseconds.
    pub stolen_ns: u64,
    /// Times that the ring was full, so that the split is from schedstat.
    pub full: u64,
    /// Context-switch records lost.
    pub lost: u64,
}

/// The single writer of a section.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'l> {
    section: &'l Section,
}

impl<'l> Writer<'l> {
    /// Takes the section. There must be no other writer: the coordinator gives each worker its own.
    pub fn new(section: &'l Section) -> Writer<'l> {
        Writer { section }
    }

    /// The section.
    pub fn section(self) -> &'l Section {
        self.section
    }

    /// Closes the open slot with `wall_ticks` and opens the next one. The hot path: stores only.
    #[inline(always)]
    pub fn turn(self, from: SlotId, wall_ticks: u64, to: SlotId, now: u64) {
        let section = self.section;
        self.change(|| {
            let slot = &section.slots[from.index()];
            add(&slot.wall_ticks, wall_ticks);
            add(&section.slots[to.index()].entries, 1);
            section.slot.store(to.index() as u64, Relaxed);
            section.since.store(now, Relaxed);
            add(&section.marks, 1);
        });
    }

    /// Closes the open slot for good.
    pub fn close(self, slot: SlotId, wall_ticks: u64, now: u64) {
        self.change(|| {
            add(&self.section.slots[slot.index()].wall_ticks, wall_ticks);
            self.section.since.store(now, Relaxed);
        });
    }

    /// Books what a mark alone cannot see.
    pub fn book(self, slot: SlotId, booking: Booking) {
        let slot = &self.section.slots[slot.index()];
        self.change(|| {
            add(&slot.off_ns, booking.off_ns);
            add(&slot.preempted_ns, booking.preempted_ns);
            add(&slot.run_delay_ns, booking.run_delay_ns);
            add(&slot.cpu_ns, booking.cpu_ns);
            add(&slot.stolen_ns, booking.stolen_ns);
            add(&slot.full, booking.full);
            add(&slot.lost, booking.lost);
        });
    }

    /// Books the difference of two counter readings.
    pub fn count(self, cells: &CounterCells, from: &Reading, to: &Reading) {
        self.change(|| {
            for (group, (from, to)) in from.times.iter().zip(&to.times).enumerate() {
                // Saturating: one may be from a page and the other from a system call, which round differently.
                add(&cells.enabled_ns[group], to.enabled_ns.saturating_sub(from.enabled_ns));
                add(&cells.running_ns[group], to.running_ns.saturating_sub(from.running_ns));
            }
            for (place, cell) in cells.values.iter().enumerate() {
                add(cell, to.values[place].wrapping_sub(from.values[place]));
            }
        });
    }

    /// For so long there were no records of switches.
    pub fn add_unrecorded(self, wall_ns: u64) {
        add(&self.section.unrecorded_ns, wall_ns);
    }

    /// A task was taken; if it is the current one already, it keeps its time and this is `false`.
    #[inline(always)]
    pub fn take_task(self, task: u64, now: u64) -> bool {
        let is_new = self.section.task.load(Relaxed) != task + 1;
        if is_new {
            self.section.task_since.store(now, Relaxed);
            // Release: whoever sees the task sees its time.
            self.section.task.store(task + 1, Release);
        }
        is_new
    }

    /// The current task.
    #[inline(always)]
    pub fn task(self) -> Option<u64> {
        self.section.task.load(Relaxed).checked_sub(1)
    }

    /// A task becomes the current one, with the time that it was taken at.
    #[inline(always)]
    pub fn turn_to_task(self, task: u64, since: u64) {
        self.change(|| {
            self.section.task_since.store(since, Relaxed);
            self.section.task.store(task + 1, Release);
        });
    }

    /// The current task is done (or, if not `done`, given up).
    #[inline(always)]
    pub fn finish_task(self, done: bool) {
        self.section.task.store(0, Relaxed);
        if done {
            add(&self.section.tasks_done, 1);
        }
    }

    /// The result of a task of this weight is there.
    #[inline(always)]
    pub fn add_weight(self, weight: u64) {
        add(&self.section.weight_done, weight);
    }

    /// The last act of a worker.
    pub fn finish(self, died_raw_ns: u64, cpu_ns: u64, voluntary: u64, involuntary: u64) {
        self.change(|| {
            self.section.cpu_ns.store(cpu_ns, Relaxed);
            self.section.voluntary.store(voluntary, Relaxed);
            self.section.involuntary.store(involuntary, Relaxed);
            self.section.died_raw_ns.store(died_raw_ns, Relaxed);
        });
    }

    /// Takes [`Writer::finish`] back.
    pub fn revive(self) {
        self.change(|| {
            self.section.died_raw_ns.store(0, Relaxed);
            self.section.cpu_ns.store(UNKNOWN, Relaxed);
        });
    }

    /// Brackets a change with the sequence number, so that a reader never takes half of it for whole.
    #[inline(always)]
    fn change(self, write: impl FnOnce()) {
        let sequence = self.section.sequence.load(Relaxed);
        self.section.sequence.store(sequence.wrapping_add(1), Relaxed);
        fence(Release);
        write();
        self.section.sequence.store(sequence.wrapping_add(2), Release);
    }
}

/// Stamps a birth into a section: called by the parent, just before it starts the worker.
pub fn stamp_birth(section: &Section, ticks: u64, raw_ns: u64) {
    section.cpu_ns.store(UNKNOWN, Relaxed);
    section.since.store(ticks, Relaxed);
    section.born_raw_ns.store(raw_ns, Relaxed);
    section.slots[0].entries.store(1, Relaxed);
    section.born_ticks.store(ticks, Release);
}

/// Adds to a cell that only this thread writes: no locked instruction is needed.
#[inline(always)]
fn add(cell: &AtomicU64, amount: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(amount), Relaxed);
}

/// Runs `read` until it saw no change going on, at most some thousand times: a writer that was killed in the middle
/// of a change leaves the number odd for ever, and what it left is then as good as it gets.
pub fn read_consistently<T>(section: &Section, read: impl FnMut() -> T) -> T {
    read_within(10_000, section, read)
}

/// The same, at most so many times.
pub fn read_within<T>(tries: u32, section: &Section, mut read: impl FnMut() -> T) -> T {
    for _ in 0..tries {
        let before = section.sequence.load(Acquire);
        let copy = read();
        fence(Acquire);
        if before.is_multiple_of(2) && section.sequence.load(Relaxed) == before {
            return copy;
        }
        std::hint::spin_loop();
    }
    read()
}
