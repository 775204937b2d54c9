//! Settling for programs that wait thousands of times a second: the clocks are read now and then only.

use super::{Meter, flag};
use crate::attribution::{OffCpu, reconcile};
use crate::clock::raw_ns;
use crate::ledger::writer::Booking;
use std::sync::atomic::Ordering::Relaxed;

impl Meter<'_> {
    /// Keeps what was seen, and holds it against the clocks if they have not been read for long, or if something is missing.
    pub(super) fn settle_sparingly(&mut self, off: OffCpu) {
        let Some(unsettled) = &mut self.unsettled else { return };
        if off.switches > 0 {
            unsettled.add(self.slot, off.off_ns, off.preempted_ns);
            self.density.iter_mut().for_each(|density| density.add(off.switches));
        }
        if off.lost > 0 {
            let slot = self.overflowed.take().unwrap_or(self.slot);
            self.writer.book(slot, Booking { lost: off.lost, ..Booking::default() });
        }
        if off.full {
            self.writer.book(self.slot, Booking { full: 1, ..Booking::default() });
            self.overflowed = Some(self.slot);
            self.set_flag(flag::RECORDS_LOST);
        }
        let is_due = raw_ns().saturating_sub(self.last.raw_ns) >= self.settle_every_ns;
        if off.full || is_due && self.unsettled.as_ref().is_some_and(|it| !it.is_empty()) {
            self.settle_all(!off.full);
        }
    }

    /// Reads the clocks, and shares out what they say.
    fn settle_all(&mut self, complete: bool) {
        let run_delay_ns = self.run_delay();
        let (now_raw_ns, cpu_ns) = (raw_ns(), self.read_cpu_clock());
        let wall_ns = now_raw_ns.saturating_sub(self.last.raw_ns);
        let cpu_since_ns = cpu_ns.saturating_sub(self.last.cpu_ns);
        (self.last.raw_ns, self.last.cpu_ns) = (now_raw_ns, cpu_ns);
        let Some(unsettled) = &mut self.unsettled else { return };
        let seen = reconcile(wall_ns, cpu_since_ns, unsettled.off_ns(), complete);
        let (writer, slot) = (self.writer, self.slot);
        unsettled.settle(seen.off_ns, run_delay_ns, slot, |slot, booking| writer.book(slot, booking));
        self.go_without_records_if_dense();
    }

    /// Growth of the run delay; a file that cannot be read any more (the program has closed it) is given up.
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
}
