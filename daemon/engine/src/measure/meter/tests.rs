//! Meters on the test's own thread, with ledgers of their own.

use super::*;
use crate::clock::raw_ns;
use crate::core_pmus::CorePmus;
use crate::ledger::map::Map;
use crate::ledger::timeline::Rings;
use crate::ledger::writer::stamp_birth;
use crate::measure::counters::TASK_CLOCK;
use gild_model::host::Tier;
use std::time::Duration;

fn software() -> Plan {
    Plan {
        tier: Tier::Software,
        counters: Vec::new(),
        core_pmus: CorePmus::default(),
        counts_kernel: false,
        scope: CounterScope::Trial,
        max_overhead: 0.005,
        log: TaskLog::default(),
        rings: Rings::default(),
        settle_every_ns: 0,
    }
}

/// A meter on the calling thread with a ledger of its own; `None`, with the reason, where there are no records.
fn meter(map: &Map) -> Option<Meter<'_>> {
    meter_of(map, &software())
}

fn meter_of<'m>(map: &'m Map, plan: &Plan) -> Option<Meter<'m>> {
    let section = map.coordinator();
    stamp_birth(section, Clock::best().now(), raw_ns());
    let meter = Meter::start(section, plan);
    if meter.tools.ring.is_none() {
        eprintln!("skipped: context-switch records are not available here");
        return None;
    }
    Some(meter)
}

#[test]
fn a_phase_that_overflows_the_ring_is_split_by_schedstat_and_the_next_one_is_not_blamed() {
    let map = Map::private(0).unwrap();
    let Some(mut meter) = meter(&map) else { return };
    meter.mark(Phase::IoWait);
    let start_ns = raw_ns();
    let cpu_from_ns = thread_cpu_ns();
    for _ in 0..3_000 {
        std::thread::sleep(Duration::from_micros(1));
    }
    let (wall_ns, cpu_ns) = (raw_ns() - start_ns, thread_cpu_ns() - cpu_from_ns);
    meter.mark(Phase::Compute);
    std::thread::sleep(Duration::from_micros(1));
    meter.mark(Phase::Idle);
    let slot = |phase| &map.coordinator().slots[SlotId::phase(phase).index()];
    let (waited, computed) = (slot(Phase::IoWait), slot(Phase::Compute));
    assert!(waited.full.load(Relaxed) > 0 && waited.lost.load(Relaxed) > 0);
    assert_eq!((computed.full.load(Relaxed), computed.lost.load(Relaxed)), (0, 0));
    // Off the CPU is what is left of the wall time, up to a scheduler tick (10 ms at most) and stolen time.
    let (off_ns, left_ns) = (waited.off_ns.load(Relaxed), wall_ns - cpu_ns);
    let slack_ns = 10_000_000 + wall_ns / 20;
    assert!(off_ns.abs_diff(left_ns) <= slack_ns, "off {off_ns} ns, wall - CPU {left_ns} ns of {wall_ns} ns");
}

fn counting(max_overhead: f64) -> Plan {
    Plan { counters: vec![vec![TASK_CLOCK]], scope: CounterScope::Phase, max_overhead, ..software() }
}

fn flags(map: &Map) -> u64 {
    map.coordinator().flags.load(Relaxed)
}

#[test]
fn counters_are_read_less_often_when_phases_and_tasks_are_short() {
    let map = Map::private(0).unwrap();
    let Some(mut meter) = meter_of(&map, &counting(0.005)) else { return };
    for task in 0..20_000 {
        meter.take_task(task);
        meter.begin_compute();
        meter.end_compute(Phase::Idle);
        meter.finish_task(true);
    }
    assert_ne!(flags(&map) & flag::FELL_TO_TASK, 0);
    assert_ne!(flags(&map) & flag::FELL_TO_TRIAL, 0);
    assert_eq!(flags(&map) & (flag::COUNTERS_PER_PHASE | flag::COUNTERS_PER_TASK | flag::CPU_PER_PHASE), 0);
    let reads = map.coordinator().counter_reads.load(Relaxed);
    assert!((64..400).contains(&reads), "{reads} reads for 40000 marks");
}

#[test]
fn counters_are_read_at_every_mark_when_that_is_allowed() {
    let map = Map::private(0).unwrap();
    let Some(mut meter) = meter_of(&map, &counting(1e9)) else { return };
    for _ in 0..500 {
        meter.mark(Phase::Compute);
        meter.mark(Phase::Idle);
    }
    assert_ne!(flags(&map) & flag::COUNTERS_PER_PHASE, 0);
    assert!(map.coordinator().counter_reads.load(Relaxed) >= 1_000);
}

#[test]
fn a_waiter_that_relieves_its_ring_loses_nothing() {
    let map = Map::private(0).unwrap();
    let Some(mut meter) = meter(&map) else { return };
    meter.mark(Phase::LockWait);
    for _ in 0..3_000 {
        std::thread::sleep(Duration::from_micros(1));
        meter.relieve();
    }
    meter.mark(Phase::Idle);
    let slot = &map.coordinator().slots[SlotId::phase(Phase::LockWait).index()];
    assert_eq!((slot.full.load(Relaxed), slot.lost.load(Relaxed)), (0, 0));
    assert!(slot.off_ns.load(Relaxed) > 0);
}

#[test]
fn groups_that_take_turns_keep_times_of_their_own_in_every_phase() {
    let map = Map::private(0).unwrap();
    let faults = crate::measure::counters::place("page-faults").unwrap();
    let counters = vec![vec![faults], vec![TASK_CLOCK]];
    let Some(mut meter) = meter_of(&map, &Plan { counters, ..counting(1e9) }) else { return };
    if meter.tools.counters.is_none() {
        return eprintln!("skipped: perf events are not available here");
    }
    meter.mark(Phase::Compute);
    let from_ns = thread_cpu_ns();
    while thread_cpu_ns() - from_ns < 5_000_000 {
        std::hint::spin_loop();
    }
    meter.mark(Phase::Idle);
    let section = map.coordinator();
    assert_eq!(section.counter_groups.load(Relaxed), 1 << (4 * TASK_CLOCK), "page-faults in 0, task-clock-ns in 1");
    let cells = &section.slots[SlotId::phase(Phase::Compute).index()].counters;
    for group in 0..2 {
        let (enabled_ns, running_ns) = (cells.enabled_ns[group].load(Relaxed), cells.running_ns[group].load(Relaxed));
        assert!(enabled_ns >= 5_000_000 && running_ns == enabled_ns, "group {group}: {running_ns} of {enabled_ns} ns");
    }
    assert_eq!(cells.enabled_ns[2].load(Relaxed), 0);
    assert!(cells.values[TASK_CLOCK].load(Relaxed) >= 5_000_000);
    assert_eq!(section.rdpmc_reads.load(Relaxed), 0, "software events take system calls");
    assert!(section.counter_reads.load(Relaxed) >= 2);
}

#[test]
fn a_thread_that_is_switched_too_often_goes_without_records_until_it_is_not() {
    let map = Map::private(0).unwrap();
    let Some(mut meter) = meter_of(&map, &Plan::of_recording(Tier::Software)) else { return };
    meter.mark(Phase::Compute);
    let naps = |meter: &mut Meter<'_>, nap: Duration, enough: &dyn Fn(&Meter<'_>) -> bool| {
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while !enough(meter) && std::time::Instant::now() < until {
            meter.mark(Phase::IoWait);
            std::thread::sleep(nap);
            meter.mark(Phase::Compute);
        }
        assert!(enough(meter), "with naps of {nap:?}");
    };
    let unrecorded_ns = || map.coordinator().unrecorded_ns.load(Relaxed);
    naps(&mut meter, Duration::from_nanos(1), &|_| unrecorded_ns() > 20_000_000);
    assert!(meter.tools.ring.is_none());
    naps(&mut meter, Duration::from_millis(5), &|meter| meter.tools.ring.is_some());
    let (before_ns, slot) = (unrecorded_ns(), |phase| &map.coordinator().slots[SlotId::phase(phase).index()]);
    let blocked_ns = slot(Phase::IoWait).off_ns.load(Relaxed);
    naps(&mut meter, Duration::from_millis(20), &|_| {
        slot(Phase::IoWait).off_ns.load(Relaxed) >= blocked_ns + 40_000_000
    });
    assert_eq!(unrecorded_ns(), before_ns, "there are records again");
    assert!(slot(Phase::IoWait).full.load(Relaxed) > 0);
    meter.mark(Phase::Idle);
    let waited_ns = slot(Phase::IoWait).off_ns.load(Relaxed);
    assert!(waited_ns > slot(Phase::Compute).off_ns.load(Relaxed), "who waits is off the CPU, who computes is not");
}
