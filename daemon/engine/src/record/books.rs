//! Places to rows of accounts: whose they are, and when those ended who wrote no last act.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use gild_model::account::{Role, WorkerAccount};
use gild_model::host::Tier;

use super::layout::{Kind, Place, read_text};
use super::map::Map;
use crate::clock::{Anchor, Rate};
use crate::ledger::books::{Closing, balances, tier};
use crate::ledger::layout::UNKNOWN;

/// The closed books of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Books {
    /// One row per thread, process by process, in the order in which they were born.
    pub rows: Vec<WorkerAccount>,
    /// The lowest tier of them.
    pub tier: Tier,
    /// Threads for which there was no place.
    pub without_place: u32,
    /// Threads that were there when the recording ended.
    pub still_running: u32,
    /// Programs that were started and never began their accounts: static ones, for example.
    pub never_began: u32,
}

/// Why a thread has no last act of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// It has.
    Own,
    /// Its process was gone then.
    Gone(Anchor),
    /// The recording was over before it was.
    Never(Anchor),
}

/// Turns a recording into books; `from` and `until` are the anchors at both ends of it.
pub(super) fn close(map: &Map, from: Anchor, until: Anchor) -> Books {
    let unit = Rate::between(Anchor { ticks: 0, raw_ns: 0 }, Anchor { ticks: 1, raw_ns: 1 });
    let rate = Rate::between(from, until).or(unit).expect("0 and 1 are apart");
    let people = People { map, rate, until, births: births(map) };
    let mut places: Vec<_> = (0..map.taken()).filter_map(|number| Some((number, map.place(number)?))).collect();
    places.retain(|(_, place)| kind(place) != Kind::Free);
    let never_began = places.iter().filter(|(_, place)| !began(place)).count() as u32;
    places.retain(|(_, place)| began(place));
    places.sort_by_key(|(number, place)| (place.who.leader.load(Relaxed), *number));
    let (mut rows, mut still_running, mut lowest) = (Vec::new(), 0, None);
    for (_, place) in places {
        let end = people.end(place);
        let index = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        rows.push(people.row(place, end, index));
        still_running += u32::from(matches!(end, End::Never(_)));
        lowest = Some(lowest.map_or(tier(&place.section), |lowest: Tier| lowest.min(tier(&place.section))));
    }
    Books { rows, tier: lowest.unwrap_or(Tier::Bare), without_place: map.without_place(), still_running, never_began }
}

fn kind(place: &Place) -> Kind {
    Kind::from_number(place.who.kind.load(Acquire))
}

/// Whether somebody writes, or wrote, the accounts of this place.
fn began(place: &Place) -> bool {
    kind(place) == Kind::Ended || place.section.tid.load(Relaxed) != 0
}

/// The births of all leaders, by process id: a process that executed another program unseen ended as the old one then.
fn births(map: &Map) -> BTreeMap<u32, Vec<Anchor>> {
    let mut births: BTreeMap<u32, Vec<Anchor>> = BTreeMap::new();
    for place in (0..map.taken()).filter_map(|number| map.place(number)).filter(|it| kind(it) == Kind::Leader) {
        let section = &place.section;
        let born = Anchor { ticks: section.born_ticks.load(Relaxed), raw_ns: section.born_raw_ns.load(Relaxed) };
        births.entry(section.pid.load(Relaxed)).or_default().push(born);
    }
    births
}

/// What all rows of a recording have in common.
struct People<'m> {
    map: &'m Map,
    rate: Rate,
    until: Anchor,
    births: BTreeMap<u32, Vec<Anchor>>,
}

impl People<'_> {
    fn leader(&self, place: &Place) -> Option<&Place> {
        self.map.place(place.who.leader.load(Relaxed).checked_sub(1)?)
    }

    fn end(&self, place: &Place) -> End {
        if kind(place) == Kind::Ended || place.section.died_raw_ns.load(Relaxed) != 0 {
            return End::Own;
        }
        let Some(leader) = self.leader(place) else { return End::Never(self.until) };
        let gone = Anchor {
            ticks: leader.who.gone_ticks.load(Acquire),
            raw_ns: leader.who.gone_raw_ns.load(Relaxed),
        };
        if gone.ticks != 0 {
            return End::Gone(gone);
        }
        let (pid, born_raw_ns) = (leader.section.pid.load(Relaxed), leader.section.born_raw_ns.load(Relaxed));
        let later = self.births.get(&pid).into_iter().flatten().filter(|birth| birth.raw_ns > born_raw_ns);
        later.min_by_key(|birth| birth.raw_ns).map_or(End::Never(self.until), |birth| End::Gone(*birth))
    }

    fn row(&self, place: &Place, end: End, index: u32) -> WorkerAccount {
        let until = match end {
            End::Own => self.until,
            End::Gone(at) | End::Never(at) => at,
        };
        let mut row = Closing::without_kernel_phases(self.rate, until).account(&place.section, Role::Worker, index);
        row.command = self.leader(place).map(|leader| read_text(&leader.who.command));
        row.thread = Some(read_text(&place.who.name));
        match end {
            End::Own if kind(place) == Kind::Ended => self.be_sum(place, &mut row),
            End::Own => {}
            End::Gone(at) | End::Never(at) => {
                let life_ns = at.raw_ns.saturating_sub(place.section.born_raw_ns.load(Relaxed));
                row.life_ns = Some(life_ns);
                row.balanced = Some(balances(life_ns, row.accounted_ns));
            }
        }
        if matches!(end, End::Never(_)) {
            row.notes.push("it was still running when the recording ended".to_owned());
        }
        row
    }

    /// The row of threads that were added up.
    fn be_sum(&self, place: &Place, row: &mut WorkerAccount) {
        let (who, section) = (&place.who, &place.section);
        let threads = who.threads.load(Relaxed);
        let life_ns = who.lives_ns.load(Relaxed);
        row.thread = Some(format!("({threads} that ended)"));
        row.pid = self.leader(place).map(|leader| leader.section.pid.load(Relaxed));
        row.life_ns = Some(life_ns);
        // The resolution of the stamps is that of each of them.
        row.balanced = Some(balances(life_ns / u64::from(threads.max(1)), row.accounted_ns / u64::from(threads.max(1))));
        row.cpu_ns = Some(section.cpu_ns.load(Relaxed)).filter(|cpu_ns| *cpu_ns != UNKNOWN);
        row.voluntary_switches = Some(section.voluntary.load(Relaxed));
        row.involuntary_switches = Some(section.involuntary.load(Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::layout::SlotId;
    use crate::record::layout::write_text;
    use gild_model::phase::Phase;

    const FROM: Anchor = Anchor { ticks: 0, raw_ns: 0 };
    const UNTIL: Anchor = Anchor { ticks: 10_000_000, raw_ns: 10_000_000 };

    /// Somebody who is computing since tick 100 of the place that is next.
    fn born(map: &Map, kind: Kind, leader: Option<u32>, at: u64) -> u32 {
        let number = map.take_place().unwrap();
        let place = map.be_born(number, kind, leader.unwrap_or(number), at, at).unwrap();
        place.section.pid.store(7, Relaxed);
        place.section.tid.store(7 + number, Relaxed);
        place.section.slot.store(SlotId::phase(Phase::Compute).index() as u64, Relaxed);
        place.section.slots[SlotId::phase(Phase::Compute).index()].entries.store(1, Relaxed);
        number
    }

    #[test]
    fn who_was_killed_lived_until_the_process_was_gone_and_who_was_not_until_the_end() {
        let (map, _file) = Map::create(8).unwrap();
        let first = born(&map, Kind::Leader, None, 1_000_000);
        born(&map, Kind::Thread, Some(first), 2_000_000);
        let who = &map.place(first).unwrap().who;
        write_text(&who.command, b"python3 app.py");
        let open = close(&map, FROM, UNTIL);
        assert_eq!(open.still_running, 2);
        assert_eq!(open.rows.iter().map(|row| row.life_ns).collect::<Vec<_>>(), [Some(9_000_000), Some(8_000_000)]);
        who.gone_raw_ns.store(5_000_000, Relaxed);
        who.gone_ticks.store(5_000_000, Relaxed);
        let killed = close(&map, FROM, UNTIL);
        assert_eq!(killed.still_running, 0);
        for (row, life_ns) in killed.rows.iter().zip([4_000_000, 3_000_000]) {
            assert_eq!((row.life_ns, row.accounted_ns, row.balanced), (Some(life_ns), life_ns, Some(true)));
            assert_eq!(row.command.as_deref(), Some("python3 app.py"));
            assert!(row.phases.last().unwrap().open);
        }
    }

    #[test]
    fn a_program_that_was_replaced_unseen_ended_when_the_new_one_began() {
        let (map, _file) = Map::create(8).unwrap();
        born(&map, Kind::Leader, None, 1_000_000);
        born(&map, Kind::Leader, None, 4_000_000);
        let books = close(&map, FROM, UNTIL);
        assert_eq!(books.rows.iter().map(|row| row.life_ns).collect::<Vec<_>>(), [Some(3_000_000), Some(6_000_000)]);
        assert_eq!(books.still_running, 1);
    }
}
