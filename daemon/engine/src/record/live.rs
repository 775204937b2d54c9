//! A recording that goes on: what its threads have done so far. Nobody who is looked at does anything for it.

use std::sync::atomic::Ordering::Relaxed;

use gild_model::account::Role;
use gild_model::live::LiveRow;

use super::books::{End, People, began, kind};
use super::layout::{Kind, Place, read_text};
use super::map::Map;
use super::trial::part;
use crate::clock::Anchor;
use crate::ledger::snapshot::Instant;

/// Everybody who is something to a trial by now, and how often the interpreter's lock went to a thread that had waited for it;
/// `None`: to none so far, or nobody could see it. Helpers are told from the harness by the wall time, which is not over yet,
/// so they are left out.
pub(super) fn of_trial(map: &Map, from: Anchor, instant: Instant<'_>) -> (Vec<LiveRow>, Option<u64>) {
    let people = People::of(map, from, instant.anchor());
    let all = (0..map.taken()).filter_map(|number| map.place(number)).filter(|it| kind(it) != Kind::Free && began(it));
    let mut cast: Vec<_> = all.filter_map(|it| Some((part(it, &(0..0))?, it))).collect();
    cast.sort_by_key(|(part, place)| (*part, place.section.born_ticks.load(Relaxed)));
    let got = times_got(cast.iter().map(|(_, place)| *place));
    (cast.into_iter().map(|((role, number), place)| row(&people, place, (role, number), instant)).collect(), got)
}

/// How often these threads got an interpreter's lock that they had waited for.
pub(super) fn times_got<'p>(places: impl Iterator<Item = &'p Place>) -> Option<u64> {
    let got = places.fold(0u64, |sum, place| sum.saturating_add(place.section.waits.times_got()));
    (got > 0).then_some(got)
}

fn row(people: &People<'_>, place: &Place, (role, index): (Role, u32), instant: Instant<'_>) -> LiveRow {
    let ended = match people.end(place) {
        // Of several that have ended nothing is open.
        End::Own if kind(place) == Kind::Ended => Some(0),
        End::Own | End::Never(_) => None,
        End::Gone(at) => Some(at.ticks),
    };
    LiveRow {
        thread: Some(read_text(&place.who.name)),
        command: people.leader(place).map(|leader| read_text(&leader.who.command)),
        ..instant.row(&place.section, role, index, ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::layout::SlotId;
    use crate::record::layout;
    use gild_model::phase::Phase;

    fn born(map: &Map, role: layout::Role, at: u64) -> &Place {
        let number = map.take_place().unwrap();
        let place = map.be_born(number, Kind::Leader, number, Anchor { ticks: at, raw_ns: at }).unwrap();
        place.section.pid.store(50 + number, Relaxed);
        place.section.tid.store(50 + number, Relaxed);
        place.section.slot.store(SlotId::phase(Phase::IoWait).index() as u64, Relaxed);
        place.who.role.store(role.number(), Relaxed);
        layout::write_text(&place.who.name, b"pool-1");
        place
    }

    #[test]
    fn the_cast_is_told_with_names_and_who_is_gone_is_in_no_phase() {
        let (map, _file) = Map::create(8).unwrap();
        born(&map, layout::Role::Worker(1), 30);
        born(&map, layout::Role::Nobody, 35);
        let gone = born(&map, layout::Role::Worker(0), 40);
        gone.who.gone_ticks.store(60, Relaxed);
        born(&map, layout::Role::Coordinator, 10);
        let from = Anchor { ticks: 0, raw_ns: 0 };
        let instant = Instant::new(from, Anchor { ticks: 100, raw_ns: 100 }, &[]);
        let (rows, got) = of_trial(&map, from, instant);
        let told: Vec<_> = rows.iter().map(|row| (row.role, row.index, row.now, row.life_ns())).collect();
        let io_wait = Some(Phase::IoWait);
        let expected =
            [(Role::Coordinator, 0, io_wait, 90), (Role::Worker, 0, None, 20), (Role::Worker, 1, io_wait, 70)];
        assert_eq!((told.as_slice(), got), (expected.as_slice(), None));
        assert_eq!(rows[1].thread.as_deref(), Some("pool-1"));
    }
}
