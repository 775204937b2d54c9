//! Settling: what the kernel recorded is held against the thread's clocks, and booked.
//!
//! Clocks are read while the ring is empty. What takes the thread off its core between the emptying and the reading would else be
//! off the CPU by the clocks, on it by the records, and taken for stolen time; and its record, at the next settling, would find no
//! time to be booked from.

use std::sync::atomic::Ordering::Relaxed;

use gild_model::case::CounterScope;

use super::Meter;
use crate::attribution::{OffCpu, reconcile};
use crate::clock::{raw_ns, thread_cpu_ns};
use crate::ledger::layout::flag;
use crate::ledger::writer::Booking;
use crate::measure::schedstat::Sample;

/// A reading of the clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    pub raw_ns: u64,
    pub cpu_ns: u64,
    /// Growth of the run delay since it was read last.
    pub run_delay_ns: u64,
}

impl Meter<'_> {
    /// Books to the open slot what happened since the last settling, and gives the time up to which that is true.
    #[cold]
    pub(super) fn settle(&mut self) -> u64 {
        loop {
            self.settle_once();
            let now = self.clock.now();
            if self.reads_at_marks && self.budget.spend(now) {
                self.set_scope(CounterScope::Task, now);
            }
            if !self.tools.ring_changed() {
                return now;
            }
        }
    }

    fn settle_once(&mut self) {
        if self.due != u64::MAX {
            return self.settle_unrecorded();
        }
        let mut booking = Booking::default();
        if self.tools.ring.is_some() {
            let off = self.drain_ring();
            if self.unsettled.is_some() {
                return self.settle_sparingly(off);
            }
            booking = self.settle_recorded(off);
        } else if self.reads_at_marks {
            self.settle_without_ring(&mut booking);
        }
        if self.reads_at_marks {
            self.settle_counters();
        }
        if booking != Booking::default() {
            self.writer.book(self.slot, booking);
        }
    }

    /// Takes what the ring has.
    pub(super) fn drain_ring(&mut self) -> OffCpu {
        if let Some(ring) = &mut self.tools.ring {
            ring.drain(|event| self.fold.feed(event));
        }
        self.fold.take()
    }

    /// Reads the clocks while the ring is empty: what comes into it meanwhile is added to `off`. The run delay, a file, is read if
    /// the thread was off the CPU.
    pub(super) fn read_clocks(&mut self, off: &mut OffCpu) -> Clocks {
        let mut run_delay_ns = 0;
        loop {
            if off.switches > 0 || off.full || self.tools.ring.is_none() {
                run_delay_ns += self.run_delay();
            }
            let clocks = Clocks { raw_ns: raw_ns(), cpu_ns: self.read_cpu_clock(), run_delay_ns };
            if !self.tools.ring_changed() {
                return clocks;
            }
            off.add(self.drain_ring());
        }
    }

    /// The wall time and the CPU time since the clocks were read last; they have just been read.
    pub(super) fn since_last(&mut self, clocks: Clocks) -> (u64, u64) {
        let wall_ns = clocks.raw_ns.saturating_sub(self.last.raw_ns);
        let cpu_ns = clocks.cpu_ns.saturating_sub(self.last.cpu_ns);
        (self.last.raw_ns, self.last.cpu_ns) = (clocks.raw_ns, clocks.cpu_ns);
        (wall_ns, cpu_ns)
    }

    /// Holds records against the thread's clocks, both since these were read last. No switch happened between that reading and the
    /// start of this phase, or it would have been settled there.
    fn settle_recorded(&mut self, mut off: OffCpu) -> Booking {
        let mut booking = Booking::default();
        let switched = off.switches > 0 || off.full;
        if switched || self.reads_at_marks && raw_ns().saturating_sub(self.last.raw_ns) >= super::CPU_CLOCK_EVERY_NS {
            let clocks = self.read_clocks(&mut off);
            let (wall_ns, cpu_ns) = self.since_last(clocks);
            let seen = reconcile(wall_ns, cpu_ns, off.off_ns, !off.full);
            booking.off_ns = seen.off_ns;
            booking.preempted_ns = off.preempted_ns.min(seen.off_ns);
            booking.run_delay_ns = clocks.run_delay_ns;
            if self.reads_at_marks {
                booking.stolen_ns = seen.stolen_ns;
            }
        }
        self.book_lost(off.lost);
        booking.full = self.note_full(off.full);
        booking
    }

    /// The kernel had no room for so many records: in the slot in which the ring was full, or in this one.
    pub(super) fn book_lost(&mut self, lost: u64) {
        if lost > 0 {
            let slot = self.overflowed.take().unwrap_or(self.slot);
            self.writer.book(slot, Booking { lost, ..Booking::default() });
        }
    }

    /// How often the ring was full, for a booking.
    pub(super) fn note_full(&mut self, full: bool) -> u64 {
        if full {
            self.overflowed = Some(self.slot);
            self.set_flag(flag::RECORDS_LOST);
        }
        u64::from(full)
    }

    /// Tier `bare`: CPU time and run delay are read at every mark.
    fn settle_without_ring(&mut self, booking: &mut Booking) {
        booking.run_delay_ns = self.run_delay();
        let cpu_ns = self.read_cpu_clock();
        booking.cpu_ns = cpu_ns.saturating_sub(self.last.cpu_ns);
        self.last.cpu_ns = cpu_ns;
    }

    pub(super) fn read_cpu_clock(&self) -> u64 {
        let section = self.writer.section();
        section.cpu_clock_reads.store(section.cpu_clock_reads.load(Relaxed) + 1, Relaxed);
        thread_cpu_ns()
    }

    fn settle_counters(&mut self) {
        let Some(from) = self.last.counters else { return };
        if let Some(to) = self.read_counters() {
            let section = self.writer.section();
            self.writer.count(&section.slots[self.slot.index()].counters, &from, &to);
            if self.in_task {
                // Should readings become too dear for phases, tasks have been counted from the first one on.
                self.writer.count(&section.tasks, &from, &to);
            }
            self.last.counters = Some(to);
        }
    }

    /// Growth of the run delay; a file that cannot be read any more (a recorded program has closed it) is given up.
    pub(super) fn run_delay(&mut self) -> u64 {
        match self.read_schedstat() {
            Some(sched) => {
                let grown_ns = sched.run_delay_ns.saturating_sub(self.last.sched.run_delay_ns);
                self.last.sched = sched;
                grown_ns
            }
            None => {
                self.drop_flag(flag::SCHEDSTAT);
                0
            }
        }
    }

    /// Takes one of the bits of [`flag`] back.
    fn drop_flag(&self, bit: u64) {
        let flags = &self.writer.section().flags;
        flags.store(flags.load(Relaxed) & !bit, Relaxed);
    }

    fn read_schedstat(&self) -> Option<Sample> {
        let section = self.writer.section();
        section.schedstat_reads.store(section.schedstat_reads.load(Relaxed) + 1, Relaxed);
        self.tools.schedstat.as_ref().and_then(|stat| stat.read().ok())
    }
}
