//! Places to rows of accounts: whose they are, and when those ended who wrote no last act.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use gild_model::account::{PhaseAccount, Role, WorkerAccount};
use gild_model::host::Tier;
use gild_model::lock_wait::LockWait;
use gild_model::timeline::WorkerTimeline;

use super::functions::{self, Functions};
use super::last_clocks;
use super::layout::{Kind, Place, Python, read_text};
use super::map::Map;
use super::orders::PARTS;
use super::timelines::Timelines;
use super::waits;
use crate::attribution::{Span, split};
use crate::clock::{Anchor, Rate};
use crate::ledger::books::{Closing, balances, tier};
use crate::ledger::layout::{Section, SlotId, UNKNOWN, flag};

/// The closed books of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Books {
    /// One row per thread, process by process, in the order in which they were born.
    pub rows: Vec<WorkerAccount>,
    /// Who made whom wait for a lock, waiter by waiter.
    pub lock_waits: Vec<LockWait>,
    /// Which functions held the interpreter's lock meanwhile.
    pub functions: Functions,
    /// The lowest tier of them.
    pub tier: Tier,
    /// When each of them was in which phase, told from the start of the recording; not of threads that were added up.
    pub timelines: Vec<WorkerTimeline>,
    /// Threads whose timelines were left out, because there are [`INTERVALS_MAX`](super::timelines::INTERVALS_MAX) intervals already.
    pub without_timeline: u32,
    /// Threads for which there was no place.
    pub without_place: u32,
    /// Threads that were there when the recording ended.
    pub still_running: u32,
    /// Programs that were started and never began their accounts: static ones, for example.
    pub never_began: u32,
    /// Processes with an interpreter of Python that did not run our code.
    pub without_our_code: u32,
    /// Parts of Python's standard library in which something was missing that our code wraps.
    pub parts_missing: Vec<&'static str>,
}

/// What is said of a thread that somebody ended without reading its clocks.
const CUT_OFF: &str = "it was cut off: of its last visit to a phase nothing but the length is known";

/// Why a thread has no last act of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// It has.
    Own,
    /// Its process was gone then.
    Gone(Anchor),
    /// The recording was over before it was.
    Never(Anchor),
}

impl End {
    /// When it was, for one that has to be closed at `until`.
    pub fn at(self, until: Anchor) -> Anchor {
        match self {
            End::Own => until,
            End::Gone(at) | End::Never(at) => at,
        }
    }
}

/// Turns a recording into books; `from` and `until` are the anchors at both ends of it.
pub(super) fn close(map: &Map, from: Anchor, until: Anchor) -> Books {
    let people = People::of(map, from, until);
    let (places, never_began) = people.places();
    let without_our_code = places.iter().filter(|place| has_only_an_interpreter(place)).count() as u32;
    let (mut rows, mut still_running) = (Vec::new(), 0);
    let rate = people.rate;
    let mut timelines = Timelines::from(map, rate, from.ticks);
    for place in &places {
        let end = people.end(place);
        let index = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        rows.push(people.row(place, end, index));
        timelines.add(place, end, until, index, (Role::Worker, index));
        still_running += u32::from(matches!(end, End::Never(_)));
    }
    let (lock_waits, functions) = (waits::read(&places, &rows, rate), functions::read(map, rate));
    Books {
        rows,
        lock_waits,
        functions,
        tier: lowest_tier(places.iter().copied()),
        timelines: timelines.kept,
        without_timeline: timelines.left_out,
        without_place: map.without_place(),
        still_running,
        never_began,
        without_our_code,
        parts_missing: parts_missing(map),
    }
}

/// Whether it is a process with an interpreter that did not run our code.
pub(super) fn has_only_an_interpreter(place: &Place) -> bool {
    kind(place) == Kind::Leader && place.who.python.load(Relaxed) == Python::Interpreter as u32
}

/// The parts of Python's standard library that our code could not wrap whole.
pub(super) fn parts_missing(map: &Map) -> Vec<&'static str> {
    let bits = map.header().missing.load(Relaxed);
    (0..).zip(PARTS).filter(|(part, _)| bits >> part & 1 != 0).map(|(_, name)| name).collect()
}

/// The rows of a recording that goes on, as they are at `now`, each with the time, in raw nanoseconds, since when its thread is
/// in its phase; `None`: it has ended.
pub(super) fn look(map: &Map, from: Anchor, now: Anchor) -> Vec<(WorkerAccount, Option<u64>)> {
    let people = People::of(map, from, now);
    let row = |(index, place): (u32, &Place)| {
        let end = people.end(place);
        let open_ns = || people.rate.to_ns(now.ticks.saturating_sub(place.section.since.load(Relaxed)));
        let since_ns = matches!(end, End::Never(_)).then(|| now.raw_ns.saturating_sub(open_ns()));
        (people.row(place, end, index), since_ns)
    };
    (0..).zip(people.places().0).map(row).collect()
}

/// The lowest tier of these.
pub(super) fn lowest_tier<'p>(places: impl Iterator<Item = &'p Place>) -> Tier {
    places.map(|place| tier(&place.section)).min().unwrap_or(Tier::Bare)
}

pub(super) fn kind(place: &Place) -> Kind {
    Kind::from_number(place.who.kind.load(Acquire))
}

/// Whether somebody writes, or wrote, the accounts of this place.
pub(super) fn began(place: &Place) -> bool {
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
pub(super) struct People<'m> {
    map: &'m Map,
    rate: Rate,
    until: Anchor,
    births: BTreeMap<u32, Vec<Anchor>>,
}

impl<'m> People<'m> {
    /// Of a recording between these anchors.
    pub fn of(map: &'m Map, from: Anchor, until: Anchor) -> People<'m> {
        let unit = Rate::between(Anchor { ticks: 0, raw_ns: 0 }, Anchor { ticks: 1, raw_ns: 1 });
        let rate = Rate::between(from, until).or(unit).expect("0 and 1 are apart");
        People { map, rate, until, births: births(map) }
    }

    /// Nanoseconds per tick.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The places in which somebody began, process by process, and the number of those in which nobody did.
    fn places(&self) -> (Vec<&'m Place>, u32) {
        let numbered = (0..self.map.taken()).filter_map(|number| Some((number, self.map.place(number)?)));
        let mut places: Vec<_> = numbered.filter(|(_, place)| kind(place) != Kind::Free).collect();
        let never_began = places.iter().filter(|(_, place)| !began(place)).count() as u32;
        places.retain(|(_, place)| began(place));
        places.sort_by_key(|(number, place)| (place.who.leader.load(Relaxed), *number));
        (places.into_iter().map(|(_, place)| place).collect(), never_began)
    }

    /// The place of the first thread of somebody's process.
    pub fn leader(&self, place: &Place) -> Option<&Place> {
        self.map.place(place.who.leader.load(Relaxed).checked_sub(1)?)
    }

    /// How somebody ended.
    pub fn end(&self, place: &Place) -> End {
        if kind(place) == Kind::Ended || place.section.died_raw_ns.load(Relaxed) != 0 {
            return End::Own;
        }
        let Some(leader) = self.leader(place) else { return End::Never(self.until) };
        let gone = Anchor { ticks: leader.who.gone_ticks.load(Acquire), raw_ns: leader.who.gone_raw_ns.load(Relaxed) };
        if gone.ticks != 0 {
            return End::Gone(self.not_before_last_mark(place, gone));
        }
        let (pid, born_raw_ns) = (leader.section.pid.load(Relaxed), leader.section.born_raw_ns.load(Relaxed));
        let later = self.births.get(&pid).into_iter().flatten().filter(|birth| birth.raw_ns > born_raw_ns);
        later.min_by_key(|birth| birth.raw_ns).map_or(End::Never(self.until), |birth| End::Gone(*birth))
    }

    /// When somebody ended whose process was gone then. Whoever ends it, or makes it another program, says so a moment before:
    /// its other threads go on for that moment, and lived at least until their last mark.
    fn not_before_last_mark(&self, place: &Place, gone: Anchor) -> Anchor {
        let since = place.section.since.load(Relaxed);
        let later_ns = self.rate.to_ns(since.saturating_sub(gone.ticks));
        Anchor { ticks: gone.ticks.max(since), raw_ns: gone.raw_ns.saturating_add(later_ns) }
    }

    /// The row of somebody.
    pub fn row(&self, place: &Place, end: End, index: u32) -> WorkerAccount {
        let until = end.at(self.until);
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
                if self.leader(place).is_some_and(|leader| last_clocks::are_of_end(leader, place, at, self.rate)) {
                    self.know_last_visit(&place.section, &mut row);
                } else if matches!(end, End::Gone(_)) && row.phases.iter().any(|it| it.open && it.wall_ns > 0) {
                    row.notes.push(CUT_OFF.to_owned());
                }
            }
        }
        if matches!(end, End::Never(_)) {
            row.notes.push("it was still running when the recording ended".to_owned());
        }
        row
    }

    /// The last visit of a thread without a last act, where its clocks were read by whoever ended the process: what is not in
    /// the phases' states up to then was in this one. Being pushed off a core and waiting for one after being woken are not
    /// told apart in it.
    fn know_last_visit(&self, section: &Section, row: &mut WorkerAccount) {
        let of_life = |cell: &std::sync::atomic::AtomicU64| cell.load(Relaxed).checked_sub(1);
        let clocks = of_life(&section.gone_cpu_ns).zip(of_life(&section.gone_run_delay_ns));
        let has_records = section.flags.load(Relaxed) & flag::SWITCH_RECORDS != 0;
        let Some((cpu_ns, run_delay_ns)) = clocks.filter(|_| has_records) else { return };
        row.cpu_ns = Some(cpu_ns);
        let elsewhere_ns: Option<u64> = row.phases.iter().filter(|it| !it.open).map(|it| it.on_cpu_ns).sum();
        let delay_elsewhere_ns: u64 = section.slots.iter().map(|slot| slot.run_delay_ns.load(Relaxed)).sum();
        let Some((account, elsewhere_ns)) = row.phases.iter_mut().find(|it| it.open).zip(elsewhere_ns) else { return };
        let slot = &section.slots[SlotId::phase(account.phase).index()];
        let on_cpu_ns = cpu_ns.saturating_sub(elsewhere_ns).min(account.wall_ns);
        let span = Span {
            wall_ns: account.wall_ns,
            off_ns: Some(account.wall_ns - on_cpu_ns),
            run_delay_ns: Some(slot.run_delay_ns.load(Relaxed) + run_delay_ns.saturating_sub(delay_elsewhere_ns)),
            ..Span::default()
        };
        be_split(account, span);
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
        row.balanced =
            Some(balances(life_ns / u64::from(threads.max(1)), row.accounted_ns / u64::from(threads.max(1))));
        row.cpu_ns = Some(section.cpu_ns.load(Relaxed)).filter(|cpu_ns| *cpu_ns != UNKNOWN);
        row.voluntary_switches = Some(section.voluntary.load(Relaxed));
        row.involuntary_switches = Some(section.involuntary.load(Relaxed));
    }
}

fn be_split(account: &mut PhaseAccount, span: Span) {
    let states = split(span);
    account.on_cpu_ns = states.on_cpu_ns;
    account.run_queue_ns = states.run_queue_ns;
    account.blocked_ns = states.blocked_ns;
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
        let place = map.be_born(number, kind, leader.unwrap_or(number), Anchor { ticks: at, raw_ns: at }).unwrap();
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
    fn who_went_on_for_a_moment_after_its_process_was_called_gone_lived_until_its_last_mark() {
        let (map, _file) = Map::create(8).unwrap();
        let first = born(&map, Kind::Leader, None, 1_000_000);
        let place = map.place(born(&map, Kind::Thread, Some(first), 2_000_000)).unwrap();
        let who = &map.place(first).unwrap().who;
        who.gone_raw_ns.store(2_100_000, Relaxed);
        who.gone_ticks.store(2_100_000, Relaxed);
        place.section.flags.store(flag::SWITCH_RECORDS, Relaxed);
        place.section.gone_cpu_ns.store(90_000 + 1, Relaxed);
        place.section.gone_run_delay_ns.store(1, Relaxed);
        who.read_ticks.store(2_090_000, Relaxed);
        place.section.slots[SlotId::phase(Phase::Compute).index()].wall_ticks.store(150_000, Relaxed);
        place.section.slots[SlotId::phase(Phase::Idle).index()].entries.store(1, Relaxed);
        place.section.slot.store(SlotId::phase(Phase::Idle).index() as u64, Relaxed);
        place.section.since.store(2_150_000, Relaxed);
        let rows = close(&map, FROM, UNTIL).rows;
        assert_eq!(rows[0].life_ns, Some(1_100_000));
        let known = (rows[1].life_ns, rows[1].accounted_ns, rows[1].balanced, rows[1].cpu_ns);
        assert_eq!(known, (Some(150_000), 150_000, Some(true), None));
    }

    #[test]
    fn the_last_visit_is_known_where_the_clocks_were_read() {
        let (map, _file) = Map::create(8).unwrap();
        let place = map.place(born(&map, Kind::Leader, None, 1_000_000)).unwrap();
        let slot = |phase| &place.section.slots[SlotId::phase(phase).index()];
        // Computed for a millisecond, a quarter of it off the CPU, and waits since.
        slot(Phase::Compute).wall_ticks.store(1_000_000, Relaxed);
        slot(Phase::Compute).off_ns.store(250_000, Relaxed);
        slot(Phase::Compute).run_delay_ns.store(50_000, Relaxed);
        slot(Phase::OtherLock).entries.store(1, Relaxed);
        place.section.slot.store(SlotId::phase(Phase::OtherLock).index() as u64, Relaxed);
        place.section.since.store(2_000_000, Relaxed);
        place.section.flags.store(flag::SWITCH_RECORDS | flag::SCHEDSTAT, Relaxed);
        place.section.gone_cpu_ns.store(760_000 + 1, Relaxed);
        place.section.gone_run_delay_ns.store(53_000 + 1, Relaxed);
        place.who.gone_raw_ns.store(9_000_000, Relaxed);
        place.who.gone_ticks.store(9_000_000, Relaxed);
        let unread = close(&map, FROM, UNTIL).rows.remove(0);
        let open = unread.phases.iter().find(|it| it.open).unwrap();
        assert_eq!((unread.cpu_ns, open.on_cpu_ns), (None, None), "nobody says when they were read");
        assert_eq!(unread.notes, [CUT_OFF]);
        place.who.read_ticks.store(8_900_000, Relaxed);
        let row = close(&map, FROM, UNTIL).rows.remove(0);
        let waited = row.phases.iter().find(|it| it.phase == Phase::OtherLock).unwrap();
        assert_eq!((waited.wall_ns, waited.open, row.cpu_ns), (7_000_000, true, Some(760_000)));
        let states = (waited.on_cpu_ns, waited.run_queue_ns, waited.blocked_ns);
        assert_eq!(states, (Some(10_000), Some(3_000), Some(6_987_000)));
        assert_eq!((waited.preempted_ns, waited.waking_ns), (None, None));
    }

    #[test]
    fn a_look_tells_who_is_alive_and_in_which_phase() {
        let (map, _file) = Map::create(8).unwrap();
        let first = born(&map, Kind::Leader, None, 1_000_000);
        let other = born(&map, Kind::Leader, None, 2_000_000);
        map.place(other).unwrap().section.pid.store(8, Relaxed);
        map.place(first).unwrap().who.gone_raw_ns.store(4_000_000, Relaxed);
        map.place(first).unwrap().who.gone_ticks.store(4_000_000, Relaxed);
        let seen = |now| look(&map, FROM, Anchor { ticks: now, raw_ns: now });
        let seen: Vec<_> = [5_000_000, 7_000_000].map(seen).into_iter().flatten().collect();
        let known: Vec<_> = seen.iter().map(|(row, since)| (row.pid, row.accounted_ns, *since)).collect();
        let gone = (Some(7), 3_000_000, None);
        let since = Some(2_000_000);
        assert_eq!(known, [gone, (Some(8), 3_000_000, since), gone, (Some(8), 5_000_000, since)]);
        assert!(seen[1].0.phases.iter().any(|it| it.open && it.phase == Phase::Compute));
    }

    #[test]
    fn holders_are_found_by_their_thread_ids_also_where_their_accounts_were_added_up() {
        use gild_model::lock_wait::{Holder, LockKind};
        let (map, _file) = Map::create(8).unwrap();
        let first = born(&map, Kind::Leader, None, 1_000_000);
        let second = born(&map, Kind::Thread, Some(first), 2_000_000);
        let ended = map.place(born(&map, Kind::Thread, Some(first), 2_000_000)).unwrap();
        let row = |number| &map.place(number).unwrap().section.waits;
        row(first).book(LockKind::Interpreter, Holder::Worker(7 + second), 50, 2);
        row(first).book(LockKind::Interpreter, Holder::Nobody, 5, 1);
        row(second).book(LockKind::Interpreter, Holder::Worker(7 + 2), 60, 1);
        row(second).book(LockKind::Other, Holder::Worker(999), 70, 1);
        let other_lock = &map.place(second).unwrap().section.slots[SlotId::phase(Phase::OtherLock).index()];
        other_lock.entries.store(3, Relaxed);
        other_lock.wall_ticks.store(100, Relaxed);
        ended.section.waits.book(LockKind::Interpreter, Holder::Worker(7), 80, 1);
        ended.section.died_raw_ns.store(3_000_000, Relaxed);
        assert!(crate::record::fold::add(&map, first, ended));
        map.clear_place(2);
        let waits = close(&map, FROM, UNTIL).lock_waits;
        let cells: Vec<_> = waits.iter().map(|it| (it.lock, it.waiter, it.holder, it.waited_ns, it.entries)).collect();
        let (gil, other) = (LockKind::Interpreter, LockKind::Other);
        let expected = [
            (gil, 0, Holder::Worker(1), 50, 2),
            (gil, 0, Holder::Nobody, 5, 1),
            // Those that ended are the third row, to which thread 9 and the unknown thread 999 may belong.
            (gil, 1, Holder::Worker(2), 60, 1),
            (other, 1, Holder::Worker(2), 70, 1),
            (other, 1, Holder::Unknown, 30, 2),
            (gil, 2, Holder::Worker(0), 80, 1),
        ];
        assert_eq!(cells, expected);
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

    #[test]
    fn what_python_did_not_tell_is_counted_by_process_and_by_part() {
        let (map, _file) = Map::create(8).unwrap();
        for python in [Python::None, Python::Interpreter, Python::OurCode, Python::Interpreter] {
            let leader = born(&map, Kind::Leader, None, 1_000_000);
            map.place(leader).unwrap().who.python.store(python as u32, Relaxed);
        }
        assert_eq!(close(&map, FROM, UNTIL).parts_missing, Vec::<&str>::new());
        map.header().missing.store(0b1001, Relaxed);
        let books = close(&map, FROM, UNTIL);
        assert_eq!(books.without_our_code, 2);
        assert_eq!(books.parts_missing, ["threading", "multiprocessing.connection"]);
    }
}
