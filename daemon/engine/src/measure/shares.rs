//! What the clocks say of a span, shared out among the phases that a thread was in during it. Pure: times in, bookings out.
//!
//! Where there are no records of switches, nobody knows when the thread was off the CPU. How long it was, the CPU clock says,
//! and what it was doing, the marks say: a thread that waits is off the CPU for as long as it can be, for that is what waiting
//! is. So the time off the CPU belongs to the waiting phases first, in proportion to their wall times, and what these cannot
//! hold to the others.

use gild_model::phase::Phase;

use crate::ledger::layout::{SLOTS, SlotId};
use crate::ledger::writer::Booking;

/// A span between two readings of the clocks.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// How long it was, in nanoseconds.
    pub wall_ns: u64,
    /// Time off the CPU in it, in nanoseconds.
    pub off_ns: u64,
    /// Growth of the run delay, in nanoseconds.
    pub run_delay_ns: u64,
}

/// Phases in which a thread waits, but for the calls that it takes to do so.
fn is_waiting(slot: usize) -> bool {
    const WAITING: [Phase; 7] =
        [Phase::Idle, Phase::Send, Phase::Receive, Phase::LockWait, Phase::SwitchWait, Phase::IoWait, Phase::OtherLock];
    WAITING.iter().any(|phase| SlotId::phase(*phase).index() == slot)
}

/// Shares out a reading among the slots in which the thread was for so many ticks each. A slot that was shared out knows
/// nothing of being pushed off a core, which the booking says (`full`).
pub fn share_out(ticks: &[u64; SLOTS], reading: Reading, mut book: impl FnMut(SlotId, Booking)) {
    let all: u64 = ticks.iter().sum();
    let of = |waiting: bool| ticks.iter().enumerate().filter(move |(slot, _)| is_waiting(*slot) == waiting);
    let waiting: u64 = of(true).map(|(_, ticks)| ticks).sum();
    let off_ns = reading.off_ns.min(reading.wall_ns);
    let off_waiting_ns = off_ns.min(part(reading.wall_ns, waiting, all));
    for (is_waiting, ticks_of_kind, off_of_kind_ns) in
        [(true, waiting, off_waiting_ns), (false, all - waiting, off_ns - off_waiting_ns)]
    {
        for (slot, ticks) in of(is_waiting).filter(|(_, ticks)| **ticks > 0) {
            let off_in_slot_ns = part(off_of_kind_ns, *ticks, ticks_of_kind);
            let run_delay_ns = part(reading.run_delay_ns, off_in_slot_ns, off_ns);
            let booking = Booking { off_ns: off_in_slot_ns, run_delay_ns, full: 1, ..Booking::default() };
            book(SlotId::from_index(slot), booking);
        }
    }
}

/// `part` of `whole` of an amount; nothing of nothing.
fn part(amount: u64, part: u64, whole: u64) -> u64 {
    let exact = u128::from(amount) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: SlotId = SlotId::phase(Phase::LockWait);
    const OTHER: SlotId = SlotId::phase(Phase::OtherLock);
    const COMPUTE: SlotId = SlotId::phase(Phase::Compute);

    /// Ticks of a tenth of a nanosecond.
    fn shared(visits: &[(SlotId, u64)], off_ns: u64, run_delay_ns: u64) -> Vec<(SlotId, u64, u64)> {
        let mut ticks = [0; SLOTS];
        visits.iter().for_each(|(slot, visit)| ticks[slot.index()] = *visit);
        let reading = Reading { wall_ns: ticks.iter().sum::<u64>() / 10, off_ns, run_delay_ns };
        let mut shares = Vec::new();
        share_out(&ticks, reading, |slot, it| {
            assert_eq!((it.full, it.preempted_ns), (1, 0));
            shares.push((slot, it.off_ns, it.run_delay_ns));
        });
        shares
    }

    #[test]
    fn time_off_the_cpu_is_the_waits_and_only_what_they_cannot_hold_is_others() {
        let visits = [(LOCK, 2_000), (OTHER, 1_000), (COMPUTE, 7_000)];
        assert_eq!(shared(&visits, 150, 15), [(LOCK, 100, 10), (OTHER, 50, 5), (COMPUTE, 0, 0)]);
        assert_eq!(shared(&visits, 600, 60), [(LOCK, 200, 20), (OTHER, 100, 10), (COMPUTE, 300, 30)]);
        assert_eq!(shared(&visits, 9_999, 0).iter().map(|it| it.1).sum::<u64>(), 1_000, "no more than there was");
        assert_eq!(shared(&[(COMPUTE, 1_000)], 40, 40), [(COMPUTE, 40, 40)]);
        assert_eq!(shared(&[], 40, 40), []);
    }
}
