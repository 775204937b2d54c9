//! Threads that are switched thousands of times a second go without records of it: there are two for each switch, and where
//! little else happens between two switches, writing them is most of what being recorded costs.
//!
//! ```text
//!            more than DENSE switches a second
//!  records ────────────────────────────────────▶ no records: the clocks are read once a millisecond, and shared out
//!     ▲                                             │
//!     └─────────────────────────────────────────────┘
//!            fewer than SPARSE
//! ```
//!
//! Both are judged over a hundredth of a second, so that turning (some ten microseconds) costs little. Only threads of
//! recorded programs do this, and only those that have schedstat: its count of time slices says when to turn back.

use std::sync::atomic::Ordering::Relaxed;

use super::Meter;
use crate::attribution::{OffCpu, SwitchFold};
use crate::ledger::layout::{SLOTS, Section, SlotId};
use crate::measure::shares::{Reading, share_out};
use crate::measure::switch_ring::SwitchRing;
use crate::measure::tools::RECORDED_RING_PAGES;

/// Switches a second above which there are no records.
const DENSE: u64 = 5_000;
/// Switches a second below which there are some again.
const SPARSE: u64 = 2_500;
/// Over how long that is judged, in nanoseconds.
const WINDOW_NS: u64 = 10_000_000;

/// Of a thread that hardly gets a core, at least one part in so many of the time is taken for its own: a few switches are none
/// too many.
const OWN_SHARE_MIN: u64 = 4;

/// How often a thread is switched.
#[derive(Debug)]
pub(super) struct Density {
    /// Start of the window.
    from: Instant,
    /// Switches in the window; while there are no records, the thread's time slices at its start.
    switches: u64,
    /// While there are no records: the ticks of each slot that have been shared out.
    shared: [u64; SLOTS],
    /// Ticks between two readings of the clocks.
    every_ticks: u64,
}

/// When the clocks were read, by two of them, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant {
    pub raw_ns: u64,
    pub run_delay_ns: u64,
}

impl Density {
    /// A thread with records.
    pub fn new(now: Instant) -> Density {
        Density { from: now, switches: 0, shared: [0; SLOTS], every_ticks: 0 }
    }

    /// Records tell of so many switches.
    pub fn add(&mut self, switches: u64) {
        self.switches += switches;
    }

    /// Switches a second, if the window is over; then another begins, and `switches` is what is counted from. A thread does not
    /// become slower by waiting for a core, so that time does not count.
    fn judge(&mut self, seen: u64, now: Instant, switches: u64) -> Option<u64> {
        let window_ns = now.raw_ns.saturating_sub(self.from.raw_ns);
        if window_ns < WINDOW_NS {
            return None;
        }
        let waited_ns = now.run_delay_ns.saturating_sub(self.from.run_delay_ns);
        let own_ns = window_ns.saturating_sub(waited_ns).max(window_ns / OWN_SHARE_MIN);
        (self.from, self.switches) = (now, switches);
        Some(seen.saturating_mul(1_000_000_000) / own_ns)
    }
}

impl Meter<'_> {
    /// The clocks have just been read, and everything is settled: if there are too many records, there are none from now on.
    pub(super) fn go_without_records_if_dense(&mut self) {
        let (last, slices) = (self.last_instant(), self.last.sched.slices);
        let Some(density) = &mut self.density else { return };
        let is_dense = density.judge(density.switches, last, 0).is_some_and(|rate| rate >= DENSE);
        if !is_dense || slices == 0 {
            return;
        }
        let now = self.clock.now();
        density.switches = slices;
        density.shared = ticks_of_slots(self.writer.section(), self.slot, now.wrapping_sub(self.since));
        density.every_ticks = ticks_in(self.writer.section(), (now, last.raw_ns), self.settle_every_ns);
        self.due = now + density.every_ticks;
        // This closes the event: nothing keeps it but its mapping.
        self.tools.ring = None;
    }

    /// Reads the clocks, and shares out what they say of the time since they were read last.
    pub(super) fn settle_unrecorded(&mut self) {
        self.share_out_time();
        let (last, slices) = (self.last_instant(), self.last.sched.slices);
        let Some(density) = &mut self.density else { return };
        let seen = slices.saturating_sub(density.switches);
        if density.judge(seen, last, slices).is_some_and(|rate| rate < SPARSE) {
            self.record_again();
        }
    }

    fn share_out_time(&mut self) {
        // What is in the ring, if there is one already, the clocks tell as well.
        let clocks = self.read_clocks(&mut OffCpu::default());
        let now = self.clock.now();
        let (wall_ns, cpu_ns) = self.since_last(clocks);
        let reading = Reading { wall_ns, off_ns: wall_ns.saturating_sub(cpu_ns), run_delay_ns: clocks.run_delay_ns };
        let writer = self.writer;
        let ticks = ticks_of_slots(writer.section(), self.slot, now.wrapping_sub(self.since));
        let Some(density) = &mut self.density else { return };
        let visits = std::array::from_fn(|slot| ticks[slot].wrapping_sub(density.shared[slot]));
        density.shared = ticks;
        share_out(&visits, reading, |slot, booking| writer.book(slot, booking));
        writer.add_unrecorded(wall_ns);
        self.due = now + density.every_ticks;
    }

    fn last_instant(&self) -> Instant {
        Instant { raw_ns: self.last.raw_ns, run_delay_ns: self.last.sched.run_delay_ns }
    }

    /// Where that is refused, it is tried again after the next window.
    fn record_again(&mut self) {
        let Ok(ring) = SwitchRing::open_at_most(RECORDED_RING_PAGES) else { return };
        self.tools.ring = Some(ring);
        self.fold = SwitchFold::default();
        // Until it was there nothing was recorded, and opening it takes long enough to lose a core.
        self.share_out_time();
        self.density = Some(Density::new(self.last_instant()));
        self.due = u64::MAX;
    }
}

/// Wall time of each slot so far, in ticks; the open one has been visited for `open_ticks`.
fn ticks_of_slots(section: &Section, open: SlotId, open_ticks: u64) -> [u64; SLOTS] {
    let mut ticks = std::array::from_fn(|slot| section.slots[slot].wall_ticks.load(Relaxed));
    ticks[open.index()] += open_ticks;
    ticks
}

/// How many ticks so many nanoseconds have, judged by the worker's life so far.
fn ticks_in(section: &Section, (now, now_raw_ns): (u64, u64), nanoseconds: u64) -> u64 {
    let lived_ticks = now.saturating_sub(section.born_ticks.load(Relaxed));
    let lived_ns = now_raw_ns.saturating_sub(section.born_raw_ns.load(Relaxed)).max(1);
    let ticks = u128::from(lived_ticks) * u128::from(nanoseconds) / u128::from(lived_ns);
    u64::try_from(ticks).unwrap_or(u64::MAX / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Switches a second, for so many in a window of which so much was waited for a core.
    fn judged(switches: u64, window_ms: u64, waited_ms: u64) -> Option<u64> {
        let at = |raw_ms, run_delay_ms| Instant { raw_ns: raw_ms * MS, run_delay_ns: run_delay_ms * MS };
        let mut density = Density::new(at(1_000, 70));
        density.judge(switches, at(1_000 + window_ms, 70 + waited_ms), 0)
    }

    #[test]
    fn switches_are_counted_in_the_time_that_a_thread_had_for_them() {
        assert_eq!(judged(60, 9, 0), None, "the window is not over");
        assert_eq!(judged(60, 10, 0), Some(6_000));
        assert_eq!(judged(60, 20, 10), Some(6_000), "it had to wait for a core for half of it");
        assert_eq!(judged(2, 20, 20), Some(400), "a thread that gets no core is not switched often");
    }
}
