//! Any bytes are entries of a task log: those that no trial could have made are counted, and what is left is in order.
#![no_main]

use arbitrary::Arbitrary;
use gild_engine::clock::{Anchor, Rate};
use gild_engine::ledger::task_log::reader::{Bounds, parse};
use gild_engine::ledger::task_log::thinning::Thinning;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Log {
    bytes: Vec<u8>,
    first: u32,
    from: u64,
    until: u64,
    ns_per_tick: (u32, u32),
    workers: u8,
    classes: u8,
    shift: u32,
}

fuzz_target!(|log: Log| {
    let at = |ticks: u32, raw_ns: u32| Anchor { ticks: ticks.into(), raw_ns: raw_ns.into() };
    let Some(rate) = Rate::between(at(0, 0), at(log.ns_per_tick.0, log.ns_per_tick.1)) else { return };
    let Some(thinning) = Thinning::from_shift(log.shift) else { return };
    let classes = usize::from(log.classes);
    let bounds = Bounds { from: log.from, until: log.until, rate, workers: log.workers.into(), classes, thinning };
    let mut seen = 0;
    let damaged = parse(&log.bytes, log.first.into(), &bounds, |record| {
        seen += 1;
        assert!(record.worker < log.workers.into() && record.class.is_none_or(|class| class < classes));
        assert!(record.done_ns.is_none_or(|done_ns| done_ns >= record.taken_ns));
        assert!(record.collected_ns.is_none_or(|collected_ns| Some(collected_ns) >= record.done_ns));
        assert!(record.collected_ns.is_none() || record.done_ns.is_some());
    });
    assert!(seen + damaged <= log.bytes.len() as u64 / 32);
});
