//! Any sequence of switch events and any span: no state is negative, and what is known adds up to the wall time.
#![no_main]

use arbitrary::Arbitrary;
use gild_engine::attribution::{Span, SwitchEvent, SwitchFold, reconcile, split};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Event {
    Out(u64, bool),
    In(u64),
    Lost(u32),
    Full,
    Take,
}

#[derive(Debug, Arbitrary)]
struct Life {
    events: Vec<Event>,
    wall_ns: u64,
    run_delay_ns: Option<u64>,
    cpu_ns: Option<u64>,
    complete: bool,
}

fuzz_target!(|life: Life| {
    let mut fold = SwitchFold::default();
    for event in &life.events {
        // Times beyond half a century of nanoseconds would overflow the sums, and no kernel writes them.
        let at = |ns: u64| ns >> 4;
        match *event {
            Event::Out(ns, preempted) => fold.feed(SwitchEvent::Out { at_ns: at(ns), preempted }),
            Event::In(ns) => fold.feed(SwitchEvent::In { at_ns: at(ns) }),
            Event::Lost(count) => fold.feed(SwitchEvent::Lost { count: count.into() }),
            Event::Full => fold.feed(SwitchEvent::Full),
            Event::Take => check(fold.take(), &life),
        }
    }
    check(fold.take(), &life);
});

fn check(off: gild_engine::attribution::OffCpu, life: &Life) {
    assert!(off.preempted_ns <= off.off_ns);
    let (wall_ns, run_delay_ns) = (life.wall_ns, life.run_delay_ns);
    let preempted_ns = (!off.full).then_some(off.preempted_ns);
    let seen = life.cpu_ns.map(|cpu_ns| reconcile(wall_ns, cpu_ns, off.off_ns, life.complete));
    let (off_ns, stolen_ns) = (seen.map_or(off.off_ns, |seen| seen.off_ns), seen.map(|seen| seen.stolen_ns));
    assert!(seen.is_none_or(|seen| seen.off_ns + seen.stolen_ns <= wall_ns));
    let states = split(Span { wall_ns, off_ns: Some(off_ns), preempted_ns, run_delay_ns, cpu_ns: None, stolen_ns });
    if let (Some(on), Some(queue), Some(blocked)) = (states.on_cpu_ns, states.run_queue_ns, states.blocked_ns) {
        assert_eq!(on + queue + blocked + states.stolen_ns.unwrap_or(0), wall_ns);
    }
    if let (Some(preempted), Some(waking)) = (states.preempted_ns, states.waking_ns) {
        assert_eq!(Some(preempted + waking), states.run_queue_ns);
    }
}
