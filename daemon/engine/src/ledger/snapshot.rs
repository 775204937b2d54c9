//! What everybody in a trial has done so far, for whoever watches it.
//!
//! Nobody who is looked at does anything for it: these are loads from the workers' sections, and no word of theirs is written (the
//! daemon's own looks ask for rings to be drained, [`super::owner::Ledger::live`]; these do not). A worker that marks
//! meanwhile may leave a copy that is half before and half after its mark. It is read again a few times and then taken as it
//! is: reading on would keep the worker's cache lines away from it, and the next look corrects it.
//!
//! Nothing in a section is believed: numbers are sums that saturate, slots that do not exist are `compute`, text is cut.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use gild_model::account::Role;
use gild_model::live::{LiveAccounts, LiveRow};
use gild_model::look::PhaseTime;
use gild_model::phase::Phase;

use super::layout::{SLOTS, Section, SlotId, UNKNOWN};
use super::owner::positive;
use super::writer::read_within;
use crate::clock::{Anchor, Rate};

/// How often a section is read until no mark came in between.
const TRIES: u32 = 8;

/// When a snapshot is taken, and what all of its rows have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant<'n> {
    now: Anchor,
    /// `None`: the clock has not moved since the trial began, and no time has passed.
    rate: Option<Rate>,
    /// Names of the kernel's own phases.
    kernel_phases: &'n [String],
}

impl<'n> Instant<'n> {
    /// This instant, of what began at `from`.
    pub fn new(from: Anchor, now: Anchor, kernel_phases: &'n [String]) -> Instant<'n> {
        Instant { now, rate: Rate::between(from, now), kernel_phases }
    }

    /// Both clocks.
    pub fn anchor(self) -> Anchor {
        self.now
    }

    /// The clock's reading, in nanoseconds.
    pub fn at_ns(self) -> u64 {
        self.now.raw_ns
    }

    /// When so many ticks were shown, on the same clock.
    pub fn when_ns(self, ticks: u64) -> u64 {
        self.now.raw_ns.saturating_sub(self.to_ns(self.now.ticks.saturating_sub(ticks)))
    }

    fn to_ns(self, ticks: u64) -> u64 {
        self.rate.map_or(0, |rate| rate.to_ns(ticks))
    }

    /// Somebody's row. `ended`: when, in ticks, for one that has ended without a last act.
    pub fn row(self, section: &Section, role: Role, index: u32, ended: Option<u64>) -> LiveRow {
        let born = section.born_ticks.load(Acquire) != 0;
        let has_ended = ended.is_some() || section.died_raw_ns.load(Relaxed) != 0;
        let open = read_within(TRIES, section, || self.open(section, ended));
        let is_in_it = born && !has_ended;
        let name = open.slot.meaning().1.and_then(|own| self.kernel_phases.get(own));
        LiveRow {
            role,
            index,
            pid: positive(section.pid.load(Relaxed)),
            tid: positive(section.tid.load(Relaxed)),
            thread: None,
            command: None,
            born,
            now: is_in_it.then_some(open.slot.meaning().0),
            kernel_phase: name.filter(|name| is_in_it && !name.is_empty()).cloned(),
            since_ns: is_in_it.then(|| self.when_ns(open.since)),
            phases: if born { self.phases(&open.ticks) } else { Vec::new() },
            cpu_ns: Some(section.cpu_ns.load(Relaxed)).filter(|cpu_ns| has_ended && *cpu_ns != UNKNOWN),
            tasks_done: Some(section.tasks_done.load(Relaxed)),
            has_lock: None,
        }
    }

    /// One copy of what changes with a mark.
    fn open(self, section: &Section, ended: Option<u64>) -> Open {
        let slot = SlotId::from_index(usize::try_from(section.slot.load(Relaxed)).unwrap_or(usize::MAX));
        let since = section.since.load(Relaxed);
        let mut ticks = std::array::from_fn(|place| section.slots[place].wall_ticks.load(Relaxed));
        if section.died_raw_ns.load(Relaxed) == 0 {
            let until = ended.unwrap_or(self.now.ticks);
            ticks[slot.index()] = ticks[slot.index()].saturating_add(until.saturating_sub(since));
        }
        Open { slot, since, ticks }
    }

    /// The kernel's own phases lie inside `compute`, and are added to it.
    fn phases(self, ticks: &[u64; SLOTS]) -> Vec<PhaseTime> {
        let mut walls = [0u64; Phase::ALL.len()];
        for (place, ticks) in ticks.iter().enumerate() {
            let wall = &mut walls[SlotId::from_index(place).meaning().0 as usize];
            *wall = wall.saturating_add(*ticks);
        }
        let times = Phase::ALL.into_iter().zip(walls).filter(|(_, ticks)| *ticks > 0);
        times.map(|(phase, ticks)| PhaseTime { phase, wall_ns: self.to_ns(ticks) }).collect()
    }
}

struct Open {
    slot: SlotId,
    since: u64,
    ticks: [u64; SLOTS],
}

/// Says who has the lock: in each process, of those who are in a phase that has it, whoever began last. (The rows are not read
/// all at the same time; a lock that went from one to another meanwhile is with the latter.)
pub(crate) fn say_who_has_the_lock(accounts: &mut LiveAccounts, holds: fn(Phase) -> bool) {
    let workers = || (0..).zip(&accounts.rows).filter(|(_, row)| row.role == Role::Worker);
    let holds = |row: &LiveRow| row.now.is_some_and(holds);
    let owners: Vec<usize> = workers()
        .filter(|(_, row)| holds(row))
        .filter(|(place, row)| {
            let is_later = |(other, it): &(usize, &LiveRow)| (it.since_ns, *other) > (row.since_ns, *place);
            !workers().any(|other| other.1.pid == row.pid && holds(other.1) && is_later(&other))
        })
        .map(|(place, _)| place)
        .collect();
    for (place, row) in accounts.rows.iter_mut().enumerate().filter(|(_, row)| row.role == Role::Worker) {
        row.has_lock = Some(owners.contains(&place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::map::Map;
    use crate::ledger::owner::Ledger;
    use crate::ledger::writer::{Writer, stamp_birth};

    const NOW: Anchor = Anchor { ticks: 2_000, raw_ns: 10_000 };

    fn instant(names: &[String]) -> Instant<'_> {
        Instant::new(Anchor { ticks: 0, raw_ns: 8_000 }, NOW, names)
    }

    fn time(phase: Phase, wall_ns: u64) -> PhaseTime {
        PhaseTime { phase, wall_ns }
    }

    #[test]
    fn the_open_phase_goes_up_to_now_and_ends_with_a_last_act() {
        let map = Map::private(1).unwrap();
        let section = map.worker(0);
        let names = vec!["solve".to_owned()];
        assert_eq!(instant(&names).row(section, Role::Worker, 0, None).now, None);
        stamp_birth(section, 100, 8_100);
        let writer = Writer::new(section);
        writer.turn(SlotId::phase(Phase::Startup), 400, SlotId::kernel_phase(0), 500);
        let row = instant(&names).row(section, Role::Worker, 0, None);
        assert_eq!(
            (row.now, row.kernel_phase.as_deref(), row.since_ns),
            (Some(Phase::Compute), Some("solve"), Some(8_500))
        );
        assert_eq!(row.phases, [time(Phase::Startup, 400), time(Phase::Compute, 1_500)]);
        assert_eq!((row.cpu_ns, row.life_ns()), (None, 1_900));
        let gone = instant(&names).row(section, Role::Worker, 0, Some(700));
        assert_eq!((gone.now, gone.life_ns()), (None, 600), "its process was gone then");
        writer.close(SlotId::kernel_phase(0), 300, 800);
        writer.finish(8_800, 250, 1, 0);
        let over = instant(&names).row(section, Role::Worker, 0, None);
        assert_eq!((over.now, over.cpu_ns, over.life_ns()), (None, Some(250), 700));
    }

    #[test]
    fn a_section_full_of_nonsense_is_read_and_the_reading_ends() {
        let map = Map::private(1).unwrap();
        let section = map.worker(0);
        for word in [&section.sequence, &section.slot, &section.since, &section.born_ticks, &section.tasks_done] {
            word.store(u64::MAX, Relaxed);
        }
        section.slots.iter().for_each(|slot| slot.wall_ticks.store(u64::MAX - 1, Relaxed));
        let row = instant(&[]).row(section, Role::Worker, 0, None);
        assert_eq!((row.now, row.life_ns()), (Some(Phase::Compute), u64::MAX));
    }

    #[test]
    fn nobody_is_asked_anything_by_a_snapshot() {
        let ledger = Ledger::create(1, 0).unwrap();
        let map = Map::attach(&ledger).unwrap();
        let bytes = |section: &Section| format!("{section:?}");
        let before = bytes(map.worker(0));
        let case = r#"{"name":"c","model":"threads","workers":1,"lock":"cpython","interval_us":5000,"start":null,
            "transport":null,"pinning":"none"}"#;
        let accounts = ledger.snapshot(&serde_json::from_str(case).unwrap());
        assert_eq!((accounts.rows.len(), accounts.hand_overs, accounts.began_ns), (2, Some(0), None));
        assert_eq!(bytes(map.worker(0)), before);
        ledger.live();
        assert_ne!(bytes(map.worker(0)), before, "the daemon's own looks do ask");
    }

    #[test]
    fn the_lock_is_with_whoever_came_to_it_last_in_each_process() {
        let map = Map::private(1).unwrap();
        let of = |index, pid, now, since_ns| LiveRow {
            pid: Some(pid),
            now,
            since_ns: Some(since_ns),
            ..instant(&[]).row(map.worker(0), Role::Worker, index, None)
        };
        let (compute, waits) = (Some(Phase::Compute), Some(Phase::LockWait));
        let rows = vec![
            LiveRow { role: Role::Coordinator, ..of(0, 1, compute, 99) },
            of(0, 1, compute, 5),
            of(1, 1, compute, 7),
            of(2, 1, waits, 9),
            of(3, 2, compute, 1),
        ];
        let mut accounts = LiveAccounts { at_ns: 0, began_ns: None, hand_overs: None, rows, not_shown: 0 };
        say_who_has_the_lock(&mut accounts, |phase| phase == Phase::Compute);
        let said: Vec<_> = accounts.rows.iter().map(|row| row.has_lock).collect();
        assert_eq!(said, [None, Some(false), Some(true), Some(false), Some(true)]);
    }
}
