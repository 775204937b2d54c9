//! Sets on the test's own thread: software events, split into groups as hardware counters are.

use super::*;
use crate::ledger::layout::GROUP_BITS;
use crate::ledger::map::Map;
use crate::ledger::writer::Writer;
use crate::measure::counters::{TASK_CLOCK, Times, place};
use crate::measure::scaling::{running_ratio, scaled};
use std::hint::black_box;

fn open(groups: &[Vec<usize>]) -> Option<CounterSet> {
    match CounterSet::open(Wanted { groups, counts_kernel: false, core_pmu: None }).complete() {
        Ok(set) => Some(set),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn spin() {
    for round in 0..3_000_000u64 {
        black_box(round);
    }
}

fn difference(from: &Reading, to: &Reading, group: usize) -> Times {
    Times {
        enabled_ns: to.times[group].enabled_ns - from.times[group].enabled_ns,
        running_ns: to.times[group].running_ns - from.times[group].running_ns,
    }
}

#[test]
fn groups_are_read_together_and_each_has_times_of_its_own() {
    let faults = place("page-faults").unwrap();
    let Some(set) = open(&[vec![TASK_CLOCK], vec![], vec![faults]]) else { return };
    assert_eq!(set.mask(), 1 << TASK_CLOCK | 1 << faults);
    assert_eq!(set.group_numbers(), 1 << (GROUP_BITS * faults as u32), "empty groups have no number");
    let (before, _) = set.read().unwrap();
    spin();
    let (after, way) = set.read().unwrap();
    assert_eq!(way, Way::SystemCall);
    for group in 0..2 {
        let times = difference(&before, &after, group);
        assert!(times.enabled_ns > 0);
        assert_eq!(running_ratio(times), Some(1.0), "software events always count");
    }
    assert_eq!(difference(&before, &after, 2), Times::default(), "there is no third group");
    assert!(after.values[TASK_CLOCK] > before.values[TASK_CLOCK]);
}

/// A group that is not on the PMU for a part of the time looks like one that is disabled, but for `enabled`.
#[test]
fn a_group_that_stands_still_does_not_stop_the_others() {
    let faults = place("page-faults").unwrap();
    let Some(mut set) = open(&[vec![faults], vec![TASK_CLOCK]]) else { return };
    set.groups[0].disable().unwrap();
    let (before, _) = set.read().unwrap();
    spin();
    let (after, _) = set.read().unwrap();
    let (still, counting) = (difference(&before, &after, 0), difference(&before, &after, 1));
    assert_eq!((still.running_ns, scaled(0, still)), (0, None), "not counted is not zero");
    assert!(counting.running_ns > 0 && after.values[TASK_CLOCK] > before.values[TASK_CLOCK]);
}

#[test]
fn a_group_that_cannot_be_opened_leaves_the_others() {
    let set = CounterSet::open(Wanted { groups: &[vec![0], vec![TASK_CLOCK]], counts_kernel: false, core_pmu: None });
    if set.refused().is_none() {
        return eprintln!("skipped: there is a PMU, and nothing is refused");
    }
    if set.is_empty() {
        return eprintln!("skipped: perf events are not available here");
    }
    assert_eq!((set.mask(), set.group_numbers()), (1 << TASK_CLOCK, 0));
    assert!(!set.counts_hardware());
    assert!(set.complete().unwrap_err().to_string().starts_with("cycles: "));
}

#[test]
fn sums_of_readings_keep_the_times_of_each_group() {
    let map = Map::private(0).unwrap();
    let (writer, cells) = (Writer::new(map.coordinator()), &map.coordinator().life);
    let reading = |enabled_ns, running_ns, value| {
        let mut reading = Reading::default();
        reading.times[1] = Times { enabled_ns, running_ns };
        reading.times[3] = Times { enabled_ns, running_ns: enabled_ns };
        reading.values[0] = value;
        reading
    };
    writer.count(cells, &reading(100, 50, 10), &reading(200, 100, 30));
    // By a system call, some nanoseconds before what the page said: nothing wraps.
    writer.count(cells, &reading(200, 100, 30), &reading(199, 100, 30));
    writer.count(cells, &reading(200, 100, 30), &reading(400, 150, 40));
    let load = |cell: &std::sync::atomic::AtomicU64| cell.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(cells.enabled_ns.each_ref().map(load), [0, 300, 0, 300]);
    assert_eq!(cells.running_ns.each_ref().map(load), [0, 100, 0, 300]);
    assert_eq!(load(&cells.values[0]), 30);
    assert_eq!(reading(5, 5, 5).without(&reading(1, 1, 1), &reading(3, 2, 4)), {
        let mut expected = reading(7, 6, 8);
        expected.times[3].running_ns = 7;
        expected
    });
}
