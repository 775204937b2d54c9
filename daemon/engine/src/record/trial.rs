//! A trial whose accounts are in a recording: who of its threads is the coordinator, a worker, a helper, and who is nobody.
//!
//! A function in Python is run by executors that gild did not write. Their threads and processes come when they like, so
//! nobody has planned their rows; the library knows who gives tasks and who has taken one ([`super::layout::Role`]). Whoever else was
//! born within the wall time is a helper. What lived before it, or after it, is the harness and no part of the trial.

use std::ops::Range;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use gild_model::account::{self, WorkerAccount};
use gild_model::lock_wait::{Holder, LockKind, LockWait};

use super::books::{Books, People, began, has_only_an_interpreter, kind, lowest_tier, parts_missing};
use super::functions;
use super::layout::{Kind, Place, Role};
use super::map::Map;
use super::timelines::Timelines;
use super::waits;
use crate::clock::{Anchor, Rate};

/// The workers that have come so far, in order.
pub(super) fn workers(map: &Map) -> Vec<(u32, &Place)> {
    let places = (0..map.taken()).filter_map(|number| map.place(number));
    let mut workers: Vec<_> = places.filter_map(|place| Some((worker(place)?, place))).collect();
    workers.sort_by_key(|(number, _)| *number);
    workers
}

fn worker(place: &Place) -> Option<u32> {
    match Role::from_number(place.who.role.load(Acquire)) {
        Role::Worker(number) if began(place) => Some(number),
        _ => None,
    }
}

/// Somebody in a trial: the role with its number, and the place.
type Cast<'m> = ((account::Role, u32), &'m Place);

/// Closes the books of a trial with this wall time, in ticks; without one nobody is a helper. The coordinator first, then the
/// workers in order, then the helpers in the order of their births.
pub(super) fn close(map: &Map, from: Anchor, until: Anchor, wall: Option<Range<u64>>) -> Books {
    let people = People::of(map, from, until);
    let wall = wall.unwrap_or(0..0);
    let all = || (0..map.taken()).filter_map(|number| map.place(number)).filter(|it| kind(it) != Kind::Free);
    let mut cast: Vec<_> = all().filter(|it| began(it)).filter_map(|it| Some((part(it, &wall)?, it))).collect();
    cast.sort_by_key(|((role, number), place)| (*role, *number, place.section.born_ticks.load(Relaxed)));
    let (mut rows, mut helpers): (Vec<WorkerAccount>, _) = (Vec::new(), 0..);
    let mut timelines = Timelines::from(map, people.rate(), wall.start);
    for (row, ((role, number), place)) in (0..).zip(&cast) {
        let index = if *role == account::Role::Helper { helpers.next().unwrap_or(u32::MAX) } else { *number };
        let end = people.end(place);
        rows.push(WorkerAccount { role: *role, ..people.row(place, end, index) });
        timelines.add(place, end, until, row, (*role, index));
    }
    Books {
        lock_waits: waits_of_workers(&cast, &rows, people.rate()),
        functions: functions::read(map, people.rate()),
        rows,
        timelines: timelines.kept,
        without_timeline: timelines.left_out,
        tier: lowest_tier(cast.iter().map(|(_, place)| *place)),
        without_place: map.without_place(),
        still_running: 0,
        never_began: all().filter(|it| !began(it) && is_within(it, &wall)).count() as u32,
        without_our_code: cast.iter().filter(|(_, place)| has_only_an_interpreter(place)).count() as u32,
        parts_missing: parts_missing(map),
    }
}

/// Who made the workers wait. Whoever else held the lock, such as the coordinator, is one of the others.
fn waits_of_workers(cast: &[Cast<'_>], rows: &[WorkerAccount], rate: Rate) -> Vec<LockWait> {
    let workers = cast.iter().zip(rows).filter(|(_, row)| row.role == account::Role::Worker);
    let (places, rows): (Vec<_>, Vec<_>) = workers.map(|((_, place), row)| (*place, row.clone())).unzip();
    let mut waits = waits::read(&places, &rows, rate);
    for wait in waits.iter_mut().filter(|it| it.lock == LockKind::Interpreter && it.holder == Holder::Unknown) {
        wait.holder = Holder::Others;
    }
    waits
}

/// What somebody is to the trial. `None`: nothing.
pub(super) fn part(place: &Place, wall: &Range<u64>) -> Option<(account::Role, u32)> {
    match Role::from_number(place.who.role.load(Acquire)) {
        Role::Coordinator => Some((account::Role::Coordinator, 0)),
        Role::Worker(number) => Some((account::Role::Worker, number)),
        Role::Nobody => is_within(place, wall).then_some((account::Role::Helper, 0)),
    }
}

fn is_within(place: &Place, wall: &Range<u64>) -> bool {
    wall.contains(&place.section.born_ticks.load(Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn born(map: &Map, role: Role, at: u64) {
        let number = map.take_place().unwrap();
        let place = map.be_born(number, Kind::Leader, number, Anchor { ticks: at, raw_ns: at }).unwrap();
        place.section.tid.store(7 + number, Relaxed);
        place.section.died_raw_ns.store(at + 5, Relaxed);
        place.who.role.store(role.number(), Relaxed);
    }

    #[test]
    fn rows_are_the_coordinator_the_workers_and_whoever_was_born_meanwhile() {
        let (map, _file) = Map::create(16).unwrap();
        let people = [
            (Role::Nobody, 5),
            (Role::Worker(1), 30),
            (Role::Coordinator, 10),
            (Role::Nobody, 40),
            (Role::Worker(0), 31),
            (Role::Nobody, 39),
            (Role::Nobody, 90),
        ];
        people.into_iter().for_each(|(role, at)| born(&map, role, at));
        map.be_born(map.take_place().unwrap(), Kind::Leader, 0, Anchor { ticks: 50, raw_ns: 50 });
        let (from, until) = (Anchor { ticks: 0, raw_ns: 0 }, Anchor { ticks: 100, raw_ns: 100 });
        let books = close(&map, from, until, Some(10..90));
        let rows: Vec<_> = books.rows.iter().map(|row| (row.role.name(), row.index, row.tid.unwrap())).collect();
        let expected =
            [("coordinator", 0, 9), ("worker", 0, 11), ("worker", 1, 8), ("helper", 0, 12), ("helper", 1, 10)];
        assert_eq!(rows, expected);
        assert_eq!(books.never_began, 1);
        let unfinished = close(&map, from, until, None);
        assert_eq!(unfinished.rows.len(), 3, "{unfinished:?}");
        assert_eq!(workers(&map).into_iter().map(|(number, _)| number).collect::<Vec<_>>(), [0, 1]);
    }
}
