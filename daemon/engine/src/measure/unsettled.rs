//! What was seen of a thread's switches and not yet held against its clocks. Pure: times in, bookings out.
//!
//! Reading the CPU clock and schedstat costs two system calls. Where a thread is off the CPU thousands of times a second,
//! one reading has to do for many of its waits: they are kept here, slot by slot, until the next one, whose result is shared
//! out among them in proportion to the time that each was off the CPU.

use crate::ledger::layout::{SLOTS, SlotId};
use crate::ledger::writer::Booking;

/// Times off the CPU since the clocks were read, by slot.
#[derive(Debug, Clone, Copy)]
pub struct Unsettled {
    /// Bit i: slot i has some.
    touched: u64,
    off_ns: [u64; SLOTS],
    preempted_ns: [u64; SLOTS],
}

const _: () = assert!(SLOTS <= 64);

impl Default for Unsettled {
    fn default() -> Unsettled {
        Unsettled { touched: 0, off_ns: [0; SLOTS], preempted_ns: [0; SLOTS] }
    }
}

impl Unsettled {
    /// The thread was off the CPU in this slot.
    pub fn add(&mut self, slot: SlotId, off_ns: u64, preempted_ns: u64) {
        self.touched |= 1 << slot.index();
        self.off_ns[slot.index()] += off_ns;
        self.preempted_ns[slot.index()] += preempted_ns;
    }

    /// Whether there is anything.
    pub fn is_empty(&self) -> bool {
        self.touched == 0
    }

    /// Time off the CPU in all slots.
    pub fn off_ns(&self) -> u64 {
        self.slots().map(|slot| self.off_ns[slot]).sum()
    }

    fn slots(&self) -> impl Iterator<Item = usize> + use<> {
        let touched = self.touched;
        (0..SLOTS).filter(move |slot| touched >> slot & 1 == 1)
    }

    /// Shares out what the clocks say: `off_ns` off the CPU in all, and `run_delay_ns` of waiting for a core. Time off the
    /// CPU that no record tells of is the open slot's.
    pub fn settle(&mut self, off_ns: u64, run_delay_ns: u64, open: SlotId, mut book: impl FnMut(SlotId, Booking)) {
        let recorded_ns = self.off_ns();
        if recorded_ns == 0 && off_ns > 0 {
            self.add(open, off_ns, 0);
        }
        let recorded_ns = self.off_ns();
        let preempted_ns: u64 = self.slots().map(|slot| self.preempted_ns[slot]).sum();
        let (waking_ns, waited_ns) =
            (run_delay_ns.saturating_sub(preempted_ns), recorded_ns.saturating_sub(preempted_ns));
        for slot in self.slots() {
            let (off, preempted) = (self.off_ns[slot], self.preempted_ns[slot]);
            let waited = off.saturating_sub(preempted);
            let off_ns = share(off_ns, off, recorded_ns);
            let booking = Booking {
                off_ns,
                preempted_ns: preempted.min(off_ns),
                run_delay_ns: preempted + share(waking_ns, waited, waited_ns),
                ..Booking::default()
            };
            book(SlotId::from_index(slot), booking);
        }
        *self = Unsettled::default();
    }
}

/// `part` of `whole` of an amount; nothing of nothing.
fn share(amount: u64, part: u64, whole: u64) -> u64 {
    let exact = u128::from(amount) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_model::phase::Phase;

    const LOCK: SlotId = SlotId::phase(Phase::LockWait);
    const COMPUTE: SlotId = SlotId::phase(Phase::Compute);

    fn settled(unsettled: &mut Unsettled, off_ns: u64, run_delay_ns: u64) -> Vec<(SlotId, [u64; 3])> {
        let mut bookings = Vec::new();
        unsettled.settle(off_ns, run_delay_ns, COMPUTE, |slot, it| {
            bookings.push((slot, [it.off_ns, it.preempted_ns, it.run_delay_ns]));
        });
        bookings
    }

    #[test]
    fn one_reading_is_shared_out_among_the_waits_before_it() {
        let mut unsettled = Unsettled::default();
        unsettled.add(LOCK, 300, 0);
        unsettled.add(LOCK, 300, 0);
        unsettled.add(COMPUTE, 300, 100);
        // 100 were preempted, 40 of the rest woken and waiting for a core; the CPU clock saw a tenth more than the records.
        assert_eq!(settled(&mut unsettled, 810, 140), [(LOCK, [540, 0, 30]), (COMPUTE, [270, 100, 110])]);
        assert!(unsettled.is_empty());
        assert_eq!(settled(&mut unsettled, 0, 0), []);
    }

    #[test]
    fn time_off_the_cpu_without_a_record_is_the_open_slots() {
        assert_eq!(settled(&mut Unsettled::default(), 50, 20), [(COMPUTE, [50, 0, 20])]);
    }
}
