//! The accounts of threads that ended, added up in one place, so that thousands of short threads need a few places only.
//!
//! Several threads may end at once, so this is done with atomic additions. What one of the threads could not measure is not
//! known of their sum: its capabilities are those that all had.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::layout::{Kind, Place};
use super::map::Map;
use crate::ledger::layout::{Section, UNKNOWN, flag};

/// What all threads of a sum must have had for the sum to have it.
const CAPABILITIES: u64 = flag::SWITCH_RECORDS
    | flag::SCHEDSTAT
    | flag::CPU_PER_PHASE
    | flag::STOLEN_PER_PHASE
    | flag::COUNTERS_PER_PHASE
    | flag::COUNTERS_PER_TASK
    | flag::HARDWARE;

/// Adds the accounts of a thread that has written its last to those of its process's threads that ended before it.
/// `false`: there is no place for the sum, and the thread keeps its own.
pub fn add(map: &Map, leader: u32, ended: &Place) -> bool {
    let Some(sum) = sum_place(map, leader) else { return false };
    let (from, into) = (&ended.section, &sum.section);
    // The only case in which others have read it before all is added is the end of the recording.
    sum.who.threads.fetch_add(1, AcqRel);
    let life_ns = from.died_raw_ns.load(Relaxed).saturating_sub(from.born_raw_ns.load(Relaxed));
    sum.who.lives_ns.fetch_add(life_ns, Relaxed);
    into.flags.fetch_and(from.flags.load(Relaxed) | !CAPABILITIES, Relaxed);
    into.flags.fetch_or(from.flags.load(Relaxed) & !CAPABILITIES, Relaxed);
    add_totals(from, into);
    for (from, into) in from.slots.iter().zip(&into.slots) {
        let cells = [
            (&from.entries, &into.entries),
            (&from.wall_ticks, &into.wall_ticks),
            (&from.off_ns, &into.off_ns),
            (&from.preempted_ns, &into.preempted_ns),
            (&from.run_delay_ns, &into.run_delay_ns),
            (&from.cpu_ns, &into.cpu_ns),
            (&from.stolen_ns, &into.stolen_ns),
            (&from.full, &into.full),
            (&from.lost, &into.lost),
        ];
        cells.into_iter().for_each(|(from, into)| move_into(from, into));
    }
    from.waits.move_into(&into.waits);
    true
}

fn add_totals(from: &Section, into: &Section) {
    let cells = [
        (&from.marks, &into.marks),
        (&from.schedstat_reads, &into.schedstat_reads),
        (&from.cpu_clock_reads, &into.cpu_clock_reads),
        (&from.unrecorded_ns, &into.unrecorded_ns),
        (&from.voluntary, &into.voluntary),
        (&from.involuntary, &into.involuntary),
    ];
    cells.into_iter().for_each(|(from, into)| move_into(from, into));
    match from.cpu_ns.load(Relaxed) {
        UNKNOWN => {}
        cpu_ns => {
            into.cpu_ns.fetch_add(cpu_ns, Relaxed);
        }
    }
}

fn move_into(from: &AtomicU64, into: &AtomicU64) {
    match from.load(Relaxed) {
        0 => {}
        amount => {
            into.fetch_add(amount, Relaxed);
        }
    }
}

/// The place of a process's sum; the first thread that needs it takes one.
fn sum_place(map: &Map, leader: u32) -> Option<&Place> {
    let who = &map.place(leader)?.who;
    if let Some(number) = who.ended.load(Acquire).checked_sub(1) {
        return map.place(number);
    }
    let number = map.take_place()?;
    let place = map.place(number)?;
    place.who.leader.store(leader + 1, Relaxed);
    place.section.flags.store(CAPABILITIES, Relaxed);
    // No phase of a sum is open.
    place.section.died_raw_ns.store(1, Relaxed);
    match who.ended.compare_exchange(0, number + 1, AcqRel, Acquire) {
        Ok(_) => {
            place.who.kind.store(Kind::Ended as u32, Relaxed);
            Some(place)
        }
        // Another thread was first; this place stays empty.
        Err(other) => map.place(other - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Anchor;
    use crate::ledger::layout::SlotId;
    use gild_model::phase::Phase;

    fn at(instant: u64) -> Anchor {
        Anchor { ticks: instant, raw_ns: instant }
    }

    #[test]
    fn threads_that_ended_are_added_up_with_what_all_of_them_could_measure() {
        let (map, _file) = Map::create(4).unwrap();
        let leader = map.take_place().unwrap();
        map.be_born(leader, Kind::Leader, leader, at(1));
        let slot = SlotId::phase(Phase::IoWait).index();
        for (wall_ticks, flags) in
            [(5, flag::SWITCH_RECORDS | flag::SCHEDSTAT), (7, flag::SCHEDSTAT | flag::RECORDS_LOST)]
        {
            let number = map.take_place().unwrap();
            let thread = map.be_born(number, Kind::Thread, leader, at(100)).unwrap();
            thread.section.slots[slot].wall_ticks.store(wall_ticks, Relaxed);
            thread.section.flags.store(flags, Relaxed);
            thread.section.cpu_ns.store(3, Relaxed);
            thread.section.died_raw_ns.store(100 + 10 * wall_ticks, Relaxed);
            assert!(add(&map, leader, thread));
        }
        let sum = map.place(map.place(leader).unwrap().who.ended.load(Relaxed) - 1).unwrap();
        assert_eq!((sum.who.threads.load(Relaxed), sum.who.lives_ns.load(Relaxed)), (2, 120));
        assert_eq!((sum.section.slots[slot].wall_ticks.load(Relaxed), sum.section.cpu_ns.load(Relaxed)), (12, 6));
        assert_eq!(sum.section.flags.load(Relaxed), flag::SCHEDSTAT | flag::RECORDS_LOST);
        let (full, _file) = Map::create(1).unwrap();
        full.be_born(full.take_place().unwrap(), Kind::Leader, 0, at(1));
        assert!(!add(&full, 0, sum), "there is no place for a sum");
    }
}
