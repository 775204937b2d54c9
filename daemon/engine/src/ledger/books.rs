//! Raw accounts to nanoseconds and states: what a trial's ledger says once nobody writes to it any more.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use gild_model::account::{CounterReading, PhaseAccount, Role, WorkerAccount};
use gild_model::host::Tier;
use gild_model::lock_wait::{LockKind, LockWait};
use gild_model::phase::Phase;
use gild_model::trial::AccountingCost;

use super::layout::{CounterCells, GROUP_BITS, Header, KERNEL_PHASES_MAX, SLOTS, Section, SlotId, UNKNOWN, flag};
use super::map::Map;
use super::notes;
use super::owner::{is_born, positive};
use super::task_log::writer::load_text;
use super::waits::Waited;
use super::writer::read_consistently;
use crate::attribution::{Span, States, split};
use crate::clock::{Anchor, Rate};
use crate::measure::counters::{NAMES, Times};
use crate::measure::scaling::{running_ratio, scaled};

/// A worker that caught a deadly signal, from the note that it left in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Number of the worker; `None`: the coordinator itself.
    pub worker: Option<u32>,
    /// Its process id.
    pub pid: Option<u32>,
    /// The signal.
    pub signal: i32,
    /// The task that it was running.
    pub task: Option<u64>,
}

/// The closed books of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Books {
    /// From the start of the first worker to the end of the work, in nanoseconds; `None`: it did not get there.
    pub wall_ns: Option<u64>,
    /// Tasks planned; `None`: it failed before it had a plan.
    pub tasks_planned: Option<u64>,
    /// Tasks completed.
    pub tasks_done: u64,
    /// The lowest tier of the workers.
    pub tier: Tier,
    /// Cost of the accounting itself.
    pub accounting: Option<AccountingCost>,
    /// The coordinator first, then the workers in order.
    pub workers: Vec<WorkerAccount>,
    /// Who made whom wait for a lock, waiter by waiter.
    pub lock_waits: Vec<LockWait>,
    /// Deadly signals noted.
    pub faults: Vec<Fault>,
}

/// Life and Σ phases may differ by this share of the life …
const BALANCE_SHARE: f64 = 0.001;
/// … or by the resolution of the stamps (two clocks are read one after the other, twice), in nanoseconds.
const BALANCE_FLOOR_NS: u64 = 20_000;

/// Nanoseconds per tick between the anchors at both ends of a trial.
pub(super) fn rate(from: Anchor, until: Anchor) -> Rate {
    // Two anchors at the same tick cannot be of a trial that ran; one tick per nanosecond is then as good as any.
    let unit = Rate::between(Anchor { ticks: 0, raw_ns: 0 }, Anchor { ticks: 1, raw_ns: 1 });
    Rate::between(from, until).or(unit).expect("0 and 1 are apart")
}

/// Turns a ledger into books; `from` and `until` are the anchors at both ends of the trial.
pub(super) fn close(map: &Map, from: Anchor, until: Anchor) -> Books {
    let rate = rate(from, until);
    let closing = Closing { rate, until, kernel_phases: kernel_phase_names(map.header()) };
    let mut workers = vec![closing.account(map.coordinator(), Role::Coordinator, 0)];
    workers.extend((0..map.workers()).map(|index| closing.account(map.worker(index), Role::Worker, index)));
    let header = map.header();
    let (start, end) = (header.wall_from.load(Relaxed), header.wall_until.load(Relaxed));
    let sections = || std::iter::once(map.coordinator()).chain((0..map.workers()).map(|index| map.worker(index)));
    Books {
        wall_ns: (start != 0 && end != 0).then(|| rate.to_ns(end.saturating_sub(start))),
        tasks_planned: known(header.tasks_planned.load(Relaxed)),
        tasks_done: workers.iter().map(|worker| worker.tasks).sum(),
        tier: lowest_tier(map.coordinator(), sections().skip(1)),
        accounting: accounting(header, sections(), &workers),
        lock_waits: (0..map.workers()).flat_map(|index| lock_waits(map.worker(index), index, rate)).collect(),
        faults: sections().enumerate().filter_map(|(place, section)| fault(section, place)).collect(),
        workers,
    }
}

/// The row of a worker that waited.
fn lock_waits(section: &Section, waiter: u32, rate: Rate) -> Vec<LockWait> {
    let wait = |it: Waited| LockWait {
        lock: LockKind::Policy,
        waiter,
        holder: it.holder,
        waited_ns: rate.to_ns(it.ticks),
        entries: it.entries,
    };
    section.waits.read().into_iter().map(wait).collect()
}

fn known(number: u64) -> Option<u64> {
    (number != UNKNOWN).then_some(number)
}

/// Whether a section's worker got as far as measuring itself.
fn measures(section: &Section) -> bool {
    section.tid.load(Relaxed) != 0
}

/// The lowest tier of the workers and the coordinator. A coordinator is pinned by no case, so on a machine with cores of
/// several kinds it has no hardware counters; that says nothing of the workers.
fn lowest_tier<'s>(coordinator: &Section, workers: impl Iterator<Item = &'s Section>) -> Tier {
    let of_coordinator = match tier(coordinator) {
        Tier::Software if coordinator.flags.load(Relaxed) & flag::CORES_OF_SEVERAL_KINDS != 0 => Tier::Pmu,
        tier => tier,
    };
    match workers.filter(|section| measures(section)).map(tier).min() {
        Some(of_workers) if measures(coordinator) => of_workers.min(of_coordinator),
        Some(of_workers) => of_workers,
        // No worker got as far: the coordinator's own, as it is.
        None if measures(coordinator) => tier(coordinator),
        None => Tier::Bare,
    }
}

pub(crate) fn tier(section: &Section) -> Tier {
    match section.flags.load(Relaxed) {
        flags if flags & flag::SWITCH_RECORDS == 0 => Tier::Bare,
        flags if flags & flag::HARDWARE == 0 => Tier::Software,
        _ => Tier::Pmu,
    }
}

fn fault(section: &Section, place: usize) -> Option<Fault> {
    let signal = positive(section.fault_signal.load(Relaxed))?;
    Some(Fault {
        worker: place.checked_sub(1).map(|index| index as u32),
        pid: positive(section.pid.load(Relaxed)),
        signal: signal as i32,
        task: section.task.load(Relaxed).checked_sub(1),
    })
}

pub(super) fn kernel_phase_names(header: &Header) -> Vec<String> {
    header.kernel_phases.iter().map(|words| load_text(words)).collect()
}

/// What all rows of a trial have in common.
pub(crate) struct Closing {
    rate: Rate,
    until: Anchor,
    kernel_phases: Vec<String>,
}

impl Closing {
    /// For rows that have no kernel, closed at `until`.
    pub(crate) fn without_kernel_phases(rate: Rate, until: Anchor) -> Closing {
        Closing { rate, until, kernel_phases: vec![String::new(); KERNEL_PHASES_MAX] }
    }

    /// A row of accounts.
    pub(crate) fn account(&self, section: &Section, role: Role, index: u32) -> WorkerAccount {
        let phases = read_consistently(section, || self.phases(section));
        let born_ns = section.born_raw_ns.load(Relaxed);
        let died_ns = section.died_raw_ns.load(Relaxed);
        let life_ns = (is_born(section) && died_ns != 0).then(|| died_ns.saturating_sub(born_ns));
        let accounted_ns = phases.iter().map(|phase| phase.wall_ns).sum::<u64>();
        let finished = life_ns.is_some();
        let cpu_ns = known(section.cpu_ns.load(Relaxed)).filter(|_| finished);
        let counted = |cells, wanted: bool| if wanted && finished { readings(cells, section) } else { Vec::new() };
        let counters = counted(&section.life, true);
        WorkerAccount {
            role,
            index,
            pid: positive(section.pid.load(Relaxed)),
            tid: positive(section.tid.load(Relaxed)),
            thread: None,
            command: None,
            core: positive(section.core.load(Relaxed)).map(|core| core - 1),
            tasks: section.tasks_done.load(Relaxed),
            life_ns,
            accounted_ns,
            balanced: life_ns.map(|life| balances(life, accounted_ns)),
            cpu_ns,
            stolen_ns: cpu_ns.and_then(|cpu| stolen(&phases, cpu)),
            voluntary_switches: finished.then(|| section.voluntary.load(Relaxed)),
            involuntary_switches: finished.then(|| section.involuntary.load(Relaxed)),
            notes: notes::of(section, role, &counters, accounted_ns),
            counters,
            task_counters: counted(&section.tasks, section.flags.load(Relaxed) & flag::COUNTERS_PER_TASK != 0),
            phases,
        }
    }

    fn phases(&self, section: &Section) -> Vec<PhaseAccount> {
        (0..SLOTS).filter_map(|place| self.phase(section, SlotId::from_index(place))).collect()
    }

    fn phase(&self, section: &Section, id: SlotId) -> Option<PhaseAccount> {
        let slot = &section.slots[id.index()];
        let entries = slot.entries.load(Relaxed);
        if entries == 0 {
            return None;
        }
        let flags = section.flags.load(Relaxed);
        let lost_records = slot.lost.load(Relaxed);
        // The worker died in this slot: it never took its second reading, and its last visit has no states.
        let open = section.died_raw_ns.load(Relaxed) == 0 && section.slot.load(Relaxed) == id.index() as u64;
        let last_visit = if open { self.until.ticks.saturating_sub(section.since.load(Relaxed)) } else { 0 };
        let wall_ns = self.rate.to_ns(slot.wall_ticks.load(Relaxed) + last_visit);
        let has = |bit| flags & bit != 0;
        let states = if open {
            States::default()
        } else {
            split(Span {
                wall_ns,
                off_ns: has(flag::SWITCH_RECORDS).then(|| slot.off_ns.load(Relaxed)),
                preempted_ns: (slot.full.load(Relaxed) == 0).then(|| slot.preempted_ns.load(Relaxed)),
                run_delay_ns: has(flag::SCHEDSTAT).then(|| slot.run_delay_ns.load(Relaxed)),
                cpu_ns: has(flag::CPU_PER_PHASE).then(|| slot.cpu_ns.load(Relaxed)),
                stolen_ns: has(flag::STOLEN_PER_PHASE).then(|| slot.stolen_ns.load(Relaxed)),
            })
        };
        let knows_cpu_time = has(flag::CPU_PER_PHASE) || has(flag::STOLEN_PER_PHASE);
        let (phase, kernel_phase) = id.meaning();
        let counted = has(flag::COUNTERS_PER_PHASE) && !open;
        Some(PhaseAccount {
            phase,
            kernel_phase: kernel_phase.map(|index| self.kernel_phases[index].clone()),
            entries,
            wall_ns,
            on_cpu_ns: states.on_cpu_ns,
            preempted_ns: states.preempted_ns,
            waking_ns: states.waking_ns,
            run_queue_ns: states.run_queue_ns,
            blocked_ns: states.blocked_ns,
            stolen_ns: states.stolen_ns,
            cpu_ns: states.on_cpu_ns.filter(|_| knows_cpu_time),
            counters: if counted { readings(&slot.counters, section) } else { Vec::new() },
            lost_records,
            open,
        })
    }
}

const _: () = assert!(KERNEL_PHASES_MAX + Phase::ALL.len() == SLOTS);

/// Whether a life and the sum of its phases agree.
pub(crate) fn balances(life_ns: u64, accounted_ns: u64) -> bool {
    let allowed_ns = ((life_ns as f64 * BALANCE_SHARE) as u64).max(BALANCE_FLOOR_NS);
    life_ns.abs_diff(accounted_ns) <= allowed_ns
}

/// On-CPU wall time (stolen time included) minus CPU time, over a life.
fn stolen(phases: &[PhaseAccount], cpu_ns: u64) -> Option<u64> {
    let on_wall_ns = |phase: &PhaseAccount| Some(phase.on_cpu_ns? + phase.stolen_ns.unwrap_or(0));
    // Without switch records on-CPU time *is* CPU time: nothing can be said of stealing.
    phases.iter().all(|phase| phase.preempted_ns.is_some()).then_some(())?;
    let on_wall_ns = phases.iter().map(on_wall_ns).sum::<Option<u64>>()?;
    Some(on_wall_ns.saturating_sub(cpu_ns))
}

/// The counters that counted, each scaled by the times of its group.
fn readings(cells: &CounterCells, section: &Section) -> Vec<CounterReading> {
    let (mask, groups) = (section.counter_mask.load(Relaxed), section.counter_groups.load(Relaxed));
    let counts = |place: &usize| mask >> place & 1 == 1;
    let reading = |place: usize| {
        // A damaged ledger may hold any number; a group that is not there never ran.
        let group = (groups >> (GROUP_BITS * place as u32)) as usize & ((1 << GROUP_BITS) - 1);
        let time = |times: &[AtomicU64]| times.get(group).map_or(0, |time| time.load(Relaxed));
        let times = Times { enabled_ns: time(&cells.enabled_ns), running_ns: time(&cells.running_ns) };
        CounterReading {
            name: NAMES[place].to_owned(),
            value: scaled(cells.values[place].load(Relaxed), times),
            running_ratio: running_ratio(times),
        }
    };
    (0..NAMES.len()).filter(counts).map(reading).collect()
}

/// What the accounting cost, from the unit costs in the header.
pub(crate) fn accounting<'s>(
    header: &Header,
    sections: impl Iterator<Item = &'s Section>,
    workers: &[WorkerAccount],
) -> Option<AccountingCost> {
    let unit_ns = |ps: &AtomicU64| known(ps.load(Relaxed)).map(|ps| ps as f64 / 1_000.0);
    let mut cost = AccountingCost {
        marks: 0,
        mark_ns: unit_ns(&header.mark_ps)?,
        counter_reads: 0,
        rdpmc_reads: 0,
        counter_read_ns: unit_ns(&header.counter_read_ps),
        schedstat_reads: 0,
        schedstat_read_ns: unit_ns(&header.schedstat_read_ps),
        cpu_clock_reads: 0,
        cpu_clock_read_ns: unit_ns(&header.cpu_clock_read_ps),
        share: 0.0,
    };
    for section in sections {
        cost.marks += section.marks.load(Relaxed);
        cost.counter_reads += section.counter_reads.load(Relaxed);
        cost.rdpmc_reads += section.rdpmc_reads.load(Relaxed);
        cost.schedstat_reads += section.schedstat_reads.load(Relaxed);
        cost.cpu_clock_reads += section.cpu_clock_reads.load(Relaxed);
    }
    let spent_ns = cost.spent_ns();
    // A coordinator that lent its only thread to the worker has lived no life of its own beside it.
    let lent = |worker: &WorkerAccount| {
        worker.role == Role::Coordinator
            && workers.iter().skip(1).any(|other| other.tid.is_some() && other.tid == worker.tid)
    };
    let life_ns: u64 = workers.iter().filter(|worker| !lent(worker)).map(|worker| worker.accounted_ns).sum();
    cost.share = spent_ns / life_ns.max(1) as f64;
    Some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_that_are_off_by_more_than_a_thousandth_do_not_balance() {
        assert!(balances(1_000_000_000, 1_000_900_000));
        assert!(!balances(1_000_000_000, 1_001_100_000));
        assert!(!balances(1_000_000_000, 998_000_000));
        assert!(balances(50_000, 65_000), "below the resolution of the stamps");
    }

    #[test]
    fn a_coordinator_on_cores_of_several_kinds_does_not_lower_the_tier_of_its_workers() {
        let map = Map::private(2).unwrap();
        let set = |section: &Section, flags| {
            section.tid.store(1, Relaxed);
            section.flags.store(flag::SWITCH_RECORDS | flags, Relaxed);
        };
        let lowest = || lowest_tier(map.coordinator(), (0..2).map(|index| map.worker(index)));
        assert_eq!(lowest(), Tier::Bare, "nobody measures");
        set(map.coordinator(), flag::CORES_OF_SEVERAL_KINDS);
        assert_eq!(lowest(), Tier::Software, "there is no worker yet");
        set(map.worker(0), flag::HARDWARE);
        assert_eq!(lowest(), Tier::Pmu);
        set(map.worker(1), flag::CORES_OF_SEVERAL_KINDS);
        assert_eq!(lowest(), Tier::Software, "a worker that is not pinned");
        set(map.worker(1), flag::HARDWARE);
        set(map.coordinator(), 0);
        assert_eq!(lowest(), Tier::Software);
    }

    #[test]
    fn every_counter_is_scaled_by_the_times_of_its_own_group() {
        let map = Map::private(0).unwrap();
        let section = map.coordinator();
        // cycles in group 1, which counted a third of the time; page-faults in group 0, which counted always; branches
        // in group 3, which never did.
        section.counter_mask.store(1 | 1 << 4 | 1 << 10, Relaxed);
        section.counter_groups.store(1 | 3 << (4 * GROUP_BITS), Relaxed);
        let cells = &section.life;
        for (group, (enabled_ns, running_ns)) in
            [(9, 9), (3_000_000_000_000, 1_000_000_000_000), (0, 0), (9, 0)].into_iter().enumerate()
        {
            cells.enabled_ns[group].store(enabled_ns, Relaxed);
            cells.running_ns[group].store(running_ns, Relaxed);
        }
        cells.values[0].store(5_000_000_000_000_000, Relaxed);
        cells.values[10].store(7, Relaxed);
        let readings: Vec<_> =
            readings(cells, section).into_iter().map(|it| (it.name, it.value, it.running_ratio)).collect();
        let expected = [
            ("cycles", Some(15_000_000_000_000_000), Some(1.0 / 3.0)),
            ("branches", None, Some(0.0)),
            ("page-faults", Some(7), Some(1.0)),
        ];
        assert_eq!(readings, expected.map(|(name, value, ratio)| (name.to_owned(), value, ratio)));
    }

    #[test]
    fn a_group_that_a_damaged_ledger_names_never_ran() {
        let map = Map::private(0).unwrap();
        map.coordinator().counter_mask.store(1, Relaxed);
        map.coordinator().counter_groups.store(15, Relaxed);
        assert_eq!(readings(&map.coordinator().life, map.coordinator())[0].value, None);
    }
}
