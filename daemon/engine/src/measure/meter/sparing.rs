//! Settling for programs that wait thousands of times a second: the clocks are read now and then only.

use super::Meter;
use crate::attribution::{OffCpu, reconcile};
use crate::clock::raw_ns;
use crate::ledger::writer::Booking;

impl Meter<'_> {
    /// Keeps what was seen, and holds it against the clocks if they have not been read for long, or if something is missing.
    pub(super) fn settle_sparingly(&mut self, off: OffCpu) {
        self.keep(off);
        let is_due = raw_ns().saturating_sub(self.last.raw_ns) >= self.settle_every_ns;
        if off.full || is_due && self.unsettled.as_ref().is_some_and(|it| !it.is_empty()) {
            self.settle_all(off.full);
        }
    }

    fn keep(&mut self, off: OffCpu) {
        let Some(unsettled) = &mut self.unsettled else { return };
        if off.switches > 0 {
            unsettled.add(self.slot, off.off_ns, off.preempted_ns);
            self.density.iter_mut().for_each(|density| density.add(off.switches));
        }
        self.book_lost(off.lost);
        let full = self.note_full(off.full);
        if full > 0 {
            self.writer.book(self.slot, Booking { full, ..Booking::default() });
        }
    }

    /// Reads the clocks, and shares out what they say. `full`: records are missing.
    fn settle_all(&mut self, full: bool) {
        let mut off = OffCpu { full, ..OffCpu::default() };
        let (run_delay_before_ns, clocks) = (self.run_delay(), self.read_clocks(&mut off));
        self.keep(OffCpu { full: off.full && !full, ..off });
        let run_delay_ns = run_delay_before_ns + clocks.run_delay_ns;
        let (wall_ns, cpu_ns) = self.since_last(clocks);
        let Some(unsettled) = &mut self.unsettled else { return };
        let seen = reconcile(wall_ns, cpu_ns, unsettled.off_ns(), !off.full);
        let (writer, slot) = (self.writer, self.slot);
        unsettled.settle(seen.off_ns, run_delay_ns, slot, |slot, booking| writer.book(slot, booking));
        self.go_without_records_if_dense();
    }
}
