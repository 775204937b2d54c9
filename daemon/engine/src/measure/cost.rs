//! What the accounting itself costs: unit costs, measured in the coordinator at the start of every trial.
//!
//! Not contained: what the kernel spends on writing switch records (see docs/performance.md); it is part of the switch and cannot be seen from user space.

use std::hint::black_box;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

use gild_model::phase::Phase;

use super::meter::Meter;
use super::switch_ring::SwitchRing;
use crate::clock::{raw_ns, thread_cpu_ns};
use crate::ledger::layout::{Header, SlotId};
use crate::ledger::map::{Map, memory_file};
use crate::ledger::timeline::Rings;
use crate::ledger::writer::Writer;

/// Measures the unit costs with the meter's own tools and writes them into the header.
///
/// # Errors
/// The scratch ledger could not be made.
pub fn measure(meter: &Meter<'_>, header: &Header) -> io::Result<()> {
    header.mark_ps.store(mark_ps(meter)?, Relaxed);
    if let Some(set) = meter.tools().counters() {
        header.counter_read_ps.store(best_ps(8, 8, || drop(black_box(set.read()))), Relaxed);
    }
    if let Some(stat) = meter.tools().schedstat() {
        header.schedstat_read_ps.store(best_ps(8, 8, || drop(black_box(stat.read()))), Relaxed);
    }
    header.cpu_clock_read_ps.store(best_ps(8, 8, || _ = black_box(thread_cpu_ns())), Relaxed);
    Ok(())
}

/// The cost of a mark that finds the ring unchanged, in picoseconds.
fn mark_ps(meter: &Meter<'_>) -> io::Result<u64> {
    let capacity = meter.ring().capacity();
    let file = memory_file(0, capacity)?;
    let scratch = Map::create(&file, 0, capacity)?;
    let mut ring = Rings::attach(&file, &scratch)?.of(scratch.coordinator());
    let writer = Writer::new(scratch.coordinator());
    let (clock, slot) = (meter.clock(), SlotId::phase(Phase::Compute));
    let mut since = clock.now();
    Ok(best_ps(20, 200, || {
        let now = clock.now();
        black_box(meter.tools().ring().is_some_and(SwitchRing::changed));
        writer.turn(slot, now.wrapping_sub(since), slot, now);
        ring.note(now, slot);
        since = now;
    }))
}

/// The cheapest of `batches` batches of `count` calls, in picoseconds per call: interruptions only ever add.
fn best_ps(batches: u32, count: u64, mut call: impl FnMut()) -> u64 {
    let mut best_ns = u64::MAX;
    for _ in 0..batches {
        let start_ns = raw_ns();
        for _ in 0..count {
            call();
        }
        best_ns = best_ns.min(raw_ns() - start_ns);
    }
    best_ns.saturating_mul(1_000) / count
}
