//! What was stamped comes back; what cannot have been stamped does not.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::Relaxed;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::clock::Anchor;
use crate::ledger::map::memory_file;
use crate::ledger::task_log::layout::{TaskEntry, size_of_file};
use crate::ledger::task_log::writer::TaskLog;

/// Two ticks to the nanosecond.
fn rate() -> Rate {
    let at = |ticks, raw_ns| Anchor { ticks, raw_ns };
    Rate::between(at(0, 0), at(2_000_000, 1_000_000)).unwrap()
}

fn bounds() -> Bounds {
    Bounds { from: 1000, until: 9000, rate: rate(), workers: 2, classes: 1, thinning: Thinning::default() }
}

/// A ledger of two workers that started at tick 1000, with the log of a plan whose tasks have these classes.
fn ledger(class_of: &[Option<usize>]) -> (OwnedFd, Map, TaskLog) {
    let file = memory_file(2, 0).unwrap();
    let map = Map::create(&file, 2, 0).unwrap();
    map.header().wall_from.store(1000, Relaxed);
    map.header().tasks_planned.store(class_of.len() as u64, Relaxed);
    let classes = ["io".to_owned(), "cpu".to_owned()];
    let log = TaskLog::lay_out(&file, &map, &classes, class_of.iter().copied()).unwrap();
    (file, map, log)
}

fn records(file: &OwnedFd, map: &Map) -> (Vec<TaskRecord>, TaskLogReading) {
    let mut records = Vec::new();
    let reading = read(file, map, 9000, rate(), |record| records.push(record));
    (records, reading)
}

fn bytes(taken: u64, done: u64, collected: u64, worker: u32, class: u32) -> Vec<u8> {
    let longs = [taken, done, collected].map(u64::to_ne_bytes).concat();
    [longs, [worker, class].map(u32::to_ne_bytes).concat()].concat()
}

/// The records of an entry, and whether it is counted as damaged.
fn parsed(entry: &[u8]) -> (Vec<TaskRecord>, u64) {
    let mut records = Vec::new();
    let damaged = parse(entry, 0, &bounds(), |record| records.push(record));
    (records, damaged)
}

#[test]
fn what_was_stamped_comes_back_in_nanoseconds_since_the_start() {
    let (file, map, log) = ledger(&[Some(0), None, Some(1), Some(0)]);
    log.taken(0, 1, 1200);
    log.finished(0, 1400);
    log.taken(1, 0, 1300);
    log.done(1, 1500);
    // Its process says so when it has sent the result: that changes nothing.
    log.finished(1, 1600);
    log.collected(1, 1700);
    log.taken(3, 0, 1800);
    let record = |task, worker, class, taken_ns, done_ns, collected_ns| TaskRecord {
        task,
        worker,
        class,
        taken_ns,
        done_ns,
        collected_ns,
    };
    let (found, reading) = records(&file, &map);
    let expected = [
        record(0, 1, Some(0), 100, Some(200), Some(200)),
        record(1, 0, None, 150, Some(250), Some(350)),
        record(3, 0, Some(0), 400, None, None),
    ];
    assert_eq!(found, expected);
    let classes = vec![("io".to_owned(), 2), ("cpu".to_owned(), 1)];
    assert_eq!(reading, TaskLogReading { classes, every: 1, damaged: 0, error: None });
}

#[test]
fn a_worker_process_that_attaches_writes_the_same_log() {
    let (file, map, _) = ledger(&[None; 3]);
    let attached = Map::attach(&file).unwrap();
    let log = TaskLog::attach(&file, &attached).unwrap();
    log.touch_pages();
    log.taken(2, 1, 1002);
    assert_eq!(records(&file, &map).0.len(), 1);
    assert_eq!(records(&file, &map).0[0].task, 2);
}

#[test]
fn a_plan_that_is_too_long_is_thinned_and_says_so() {
    let tasks = vec![None; ENTRIES_MAX as usize + 1];
    let (file, map, log) = ledger(&tasks);
    (0..tasks.len() as u64).for_each(|task| log.taken(task, 0, 1000 + 2 * (task % 4000)));
    let (found, reading) = records(&file, &map);
    assert_eq!((reading.every, reading.damaged), (2, 0));
    // The last group has one task, and it is the one that is logged or not.
    assert!(found.len().abs_diff(ENTRIES_MAX as usize / 2) <= 1, "{}", found.len());
    assert!(found.iter().all(|it| it.taken_ns == it.task % 4000));
}

#[test]
fn an_entry_that_no_trial_could_have_made_is_counted_and_left_out() {
    assert_eq!(parsed(&bytes(2000, 3000, 4000, 1, 1)).1, 0);
    assert_eq!(parsed(&bytes(0, 0, 0, 0, 1)), (vec![], 0), "not taken");
    assert_eq!(parsed(&bytes(0, 0, 0, 7, 7)), (vec![], 0), "not taken, whatever else it says");
    for (damage, entry) in [
        ("taken before the start", bytes(999, 3000, 4000, 1, 1)),
        ("taken after the end", bytes(9001, 0, 0, 1, 1)),
        ("done before it was taken", bytes(2000, 1999, 0, 1, 1)),
        ("done after the end", bytes(2000, u64::MAX, 0, 1, 1)),
        ("collected before it was done", bytes(2000, 3000, 2999, 1, 1)),
        ("collected and not done", bytes(2000, 0, 2999, 1, 1)),
        ("done and not taken", bytes(0, 3000, 0, 1, 1)),
        ("no worker", bytes(2000, 3000, 4000, 0, 1)),
        ("a worker that is not there", bytes(2000, 3000, 4000, 3, 1)),
        ("a class that is not there", bytes(2000, 3000, 4000, 1, 2)),
    ] {
        assert_eq!(parsed(&entry), (vec![], 1), "{damage}");
    }
}

#[test]
fn half_an_entry_is_none() {
    assert_eq!(parsed(&bytes(2000, 3000, 4000, 1, 1)[..31]), (vec![], 0));
    assert_eq!(parsed(&[]), (vec![], 0));
}

#[test]
fn a_header_that_lies_about_the_log_makes_no_reader_read_too_much() {
    let (file, map, log) = ledger(&[None; 3]);
    log.taken(0, 0, 1001);
    map.header().log_entries.store(u64::MAX, Relaxed);
    let (found, reading) = records(&file, &map);
    assert_eq!((found.len(), reading.error), (1, None));
    map.header().log_shift.store(u32::MAX, Relaxed);
    assert_eq!(records(&file, &map).1, TaskLogReading::default());
    map.header().log_shift.store(62, Relaxed);
    assert!(records(&file, &map).0.iter().all(|it| it.task < 1 << 63));
    map.header().log_entries.store(ENTRIES_MAX + 1, Relaxed);
    map.header().log_shift.store(0, Relaxed);
    TaskLog::attach(&file, &map).unwrap_err();
}

#[test]
fn classes_that_cannot_be_are_left_out() {
    let (file, map, _) = ledger(&[Some(0), Some(1)]);
    map.header().classes.tasks[1].store(99, Relaxed);
    let names = |reading: TaskLogReading| reading.classes.into_iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(names(records(&file, &map).1), ["io"]);
    for words in &map.header().classes.names {
        words.iter().for_each(|word| word.store(u64::MAX, Relaxed));
    }
    assert!(names(records(&file, &map).1).iter().all(|name| !name.is_empty()));
}

#[test]
fn a_trial_that_never_started_has_no_log() {
    let (file, map, _) = ledger(&[None; 3]);
    map.header().wall_from.store(0, Relaxed);
    assert_eq!(records(&file, &map), (vec![], TaskLogReading::default()));
}

#[test]
fn the_file_has_room_for_the_largest_log_of_any_number_of_workers() {
    for workers in [0, 1, 7, 1000] {
        let room = size_of_file(workers) - offset(workers);
        assert!(offset(workers) >= crate::ledger::layout::size_of_sections(workers));
        assert_eq!(room / size_of::<TaskEntry>(), ENTRIES_MAX as usize);
    }
}

proptest! {
    /// Small numbers are drawn often, so that some entries are good.
    #[test]
    fn whatever_the_bytes_are_what_is_read_is_in_order(
        entries in vec((ticks(), ticks(), ticks(), 0..4_u32, 0..3_u32), 0..20),
        rest in vec(any::<u8>(), 0..32),
    ) {
        let whole: Vec<u8> = entries.iter().flat_map(|it| bytes(it.0, it.1, it.2, it.3, it.4)).collect();
        let mut found = Vec::new();
        let damaged = parse(&[whole, rest].concat(), 0, &bounds(), |record| found.push(record));
        let untouched = entries.iter().filter(|it| (it.0, it.1, it.2) == (0, 0, 0)).count();
        prop_assert_eq!(found.len() + damaged as usize + untouched, entries.len());
        for it in found {
            prop_assert!(it.worker < 2 && it.class.is_none_or(|class| class == 0));
            prop_assert!(it.done_ns.is_none_or(|done_ns| done_ns >= it.taken_ns && done_ns <= 4000));
            prop_assert!(it.collected_ns.is_none() || it.collected_ns >= it.done_ns && it.done_ns.is_some());
        }
    }
}

fn ticks() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 900..1100_u64, 1000..9000_u64, any::<u64>()]
}
