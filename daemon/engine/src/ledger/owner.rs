//! The daemon's view of a ledger: it creates it, looks at it while the trial runs, and closes the books.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use gild_model::account::Role;
use gild_model::case::Case;
use gild_model::live::{LiveAccounts, LiveRow};
use gild_model::lock_wait::HoldingFunction;
use gild_model::phase::Phase;
use gild_model::timeline::WorkerTimeline;

use super::books::{self, Books};
use super::layout::{Section, SlotId, UNKNOWN, attention};
use super::map::{Map, memory_file};
use super::notes;
use super::snapshot::{Instant, say_who_has_the_lock};
use super::task_log::{self, TaskLogReading, TaskRecord};
use super::timeline::{self, Rings};
use super::writer::{read_consistently, stamp_birth};
use crate::clock::{Anchor, Clock, Rate, raw_ns};
use crate::record::owner::Recording;

/// A trial's ledger, as its owner sees it.
#[derive(Debug)]
pub struct Ledger {
    file: OwnedFd,
    map: Map,
    anchor: Anchor,
}

/// What a worker is doing right now.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveWorker {
    /// Number of the worker.
    pub index: u32,
    /// Its process id, once it has started.
    pub pid: Option<u32>,
    /// Its thread id, once it has started.
    pub tid: Option<u32>,
    /// The phase it is in.
    pub phase: Phase,
    /// The task it has taken and not finished, and for how long it has had it, in nanoseconds.
    pub task: Option<(u64, u64)>,
    /// Tasks completed.
    pub tasks_done: u64,
}

/// A trial that is over.
#[derive(Debug)]
pub struct Closed {
    /// Its books.
    pub books: Books,
    /// What there was to read of the task log.
    pub tasks: TaskLogReading,
    /// The timelines; none if none were asked for. An error: they could not be read.
    pub timelines: io::Result<Vec<WorkerTimeline>>,
    /// The functions that held the interpreter's lock while others waited. `None`: not measured.
    pub functions: Option<Vec<HoldingFunction>>,
}

/// A trial in progress.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Live {
    /// Tasks planned; `None` while planning.
    pub tasks_planned: Option<u64>,
    /// Tasks completed by all workers.
    pub tasks_done: u64,
    /// Share of the work that is done, by the weights that the kernel gave its tasks; `None` while planning.
    pub done_share: Option<f64>,
    /// The workers (not the coordinator), in order.
    pub workers: Vec<LiveWorker>,
}

impl Ledger {
    /// Creates a ledger for a coordinator and `workers` workers, with timelines of so many marks, and stamps the
    /// coordinator's birth: call it just before the coordinator is started.
    ///
    /// # Errors
    /// memfd_create, ftruncate or mmap failed.
    pub fn create(workers: u32, timeline_marks: u32) -> io::Result<Ledger> {
        let ring_capacity = timeline::capacity(timeline_marks);
        let file = memory_file(workers, ring_capacity)?;
        let map = Map::create(&file, workers, ring_capacity)?;
        let header = map.header();
        for unknown in [
            &header.tasks_planned,
            &header.mark_ps,
            &header.counter_read_ps,
            &header.schedstat_read_ps,
            &header.cpu_clock_read_ps,
        ] {
            unknown.store(UNKNOWN, Relaxed);
        }
        let anchor = Anchor::take(Clock::best());
        header.anchor_ticks.store(anchor.ticks, Relaxed);
        header.anchor_raw_ns.store(anchor.raw_ns, Relaxed);
        stamp_birth(map.coordinator(), Clock::best().now(), raw_ns());
        Ok(Ledger { file, map, anchor })
    }

    /// Looks at the trial in progress, and asks every worker to drain its ring of context-switch records at its
    /// next safe point, so that a long phase does not overflow it.
    pub fn live(&self) -> Live {
        // Acquire: whoever sees the number of tasks sees their weight.
        let planned = self.map.header().tasks_planned.load(Acquire);
        let now = Anchor { ticks: Clock::best().now(), raw_ns: raw_ns() };
        let rate = Rate::between(self.anchor, now);
        let workers = (0..self.map.workers()).map(|index| {
            let section = self.map.worker(index);
            section.attention.0.fetch_or(attention::DRAIN, Relaxed);
            live_worker(section, index, now, rate)
        });
        let workers: Vec<_> = workers.collect();
        Live {
            tasks_planned: (planned != UNKNOWN).then_some(planned),
            tasks_done: workers.iter().map(|worker| worker.tasks_done).sum(),
            done_share: (planned != UNKNOWN).then(|| self.done_share()),
            workers,
        }
    }

    /// The same for a trial whose accounts are in a recording: every task is worth the same there, and nobody is asked anything.
    pub fn live_in(&self, recording: &Recording) -> Live {
        let planned = Some(self.map.header().tasks_planned.load(Acquire)).filter(|it| *it != UNKNOWN);
        let now = Anchor { ticks: Clock::best().now(), raw_ns: raw_ns() };
        let rate = Rate::between(self.anchor, now);
        let workers: Vec<_> =
            recording.workers().map(|(number, section)| live_worker(section, number, now, rate)).collect();
        let tasks_done = workers.iter().map(|worker| worker.tasks_done).sum();
        let done_share = planned.map(|planned| tasks_done as f64 / planned.max(1) as f64);
        Live { tasks_planned: planned, tasks_done, done_share, workers }
    }

    /// What everybody has done so far in a trial of this case. Nobody who is looked at does anything for it.
    pub fn snapshot(&self, case: &Case) -> LiveAccounts {
        let names = books::kernel_phase_names(self.map.header());
        let instant = Instant::new(self.anchor, Anchor::take_quickly(Clock::best()), &names);
        let workers = || (0..self.map.workers()).map(|index| (index, self.map.worker(index)));
        let coordinator = instant.row(self.map.coordinator(), Role::Coordinator, 0, None);
        let rows = workers().map(|(index, section)| instant.row(section, Role::Worker, index, None));
        let rows = std::iter::once(coordinator).chain(rows).collect();
        let holds = case.has_lock_in();
        let times_got = || workers().fold(0u64, |sum, (_, section)| sum.saturating_add(section.waits.times_got()));
        let hand_overs = holds.map(|_| times_got());
        let mut accounts = self.accounts(instant, rows, hand_overs);
        if let Some(holds) = holds {
            say_who_has_the_lock(&mut accounts, holds);
        }
        accounts
    }

    /// The same for a trial whose accounts are in a recording. Who has the interpreter's lock is not in it.
    pub fn snapshot_in(&self, recording: &Recording) -> LiveAccounts {
        let instant = Instant::new(self.anchor, Anchor::take_quickly(Clock::best()), &[]);
        let (rows, hand_overs) = recording.snapshot_of_trial(instant);
        self.accounts(instant, rows, hand_overs)
    }

    fn accounts(&self, instant: Instant<'_>, rows: Vec<LiveRow>, hand_overs: Option<u64>) -> LiveAccounts {
        let from = self.map.header().wall_from.load(Relaxed);
        let began_ns = (from != 0).then(|| instant.when_ns(from));
        LiveAccounts { at_ns: instant.at_ns(), began_ns, hand_overs, rows, not_shown: 0 }
    }

    /// Tasks planned; `None` while planning.
    pub fn tasks_planned(&self) -> Option<u64> {
        Some(self.map.header().tasks_planned.load(Acquire)).filter(|planned| *planned != UNKNOWN)
    }

    fn done_share(&self) -> f64 {
        let workers = (0..self.map.workers()).map(|index| self.map.worker(index));
        let sections = std::iter::once(self.map.coordinator()).chain(workers);
        let done: u64 = sections.map(|section| section.weight_done.load(Relaxed)).sum();
        done as f64 / self.map.header().weight_planned.load(Relaxed).max(1) as f64
    }

    /// The same for a trial whose accounts are in a recording.
    pub fn close_in(&self, recording: &Recording, has_timelines: bool, visit: impl FnMut(TaskRecord)) -> Closed {
        let header = self.map.header();
        let (from, until) = (header.wall_from.load(Relaxed), header.wall_until.load(Relaxed));
        let rows = recording.close_trial((from != 0).then_some(from..if until != 0 { until } else { u64::MAX }));
        let accounting = recording.accounting(&rows);
        let Closed { books, tasks, .. } = self.close(visit);
        let notes = notes::of_recording(&rows).collect::<Vec<_>>();
        let timelines = if has_timelines { rows.timelines } else { Vec::new() };
        let tasks_done = rows.rows.iter().map(|row| row.tasks).sum();
        let mut books =
            Books { tasks_done, tier: rows.tier, accounting, workers: rows.rows, lock_waits: rows.lock_waits, ..books };
        if let Some(first) = books.workers.first_mut() {
            first.notes.extend(notes);
        }
        Closed { books, tasks, timelines: Ok(timelines), functions: rows.functions.holders }
    }

    /// Closes the books, after the last process of the trial is gone, and hands every task that was taken to `visit`.
    pub fn close(&self, visit: impl FnMut(TaskRecord)) -> Closed {
        let until = Anchor::take(Clock::best());
        let rate = books::rate(self.anchor, until);
        Closed {
            books: books::close(&self.map, self.anchor, until),
            tasks: task_log::reader::read(&self.file, &self.map, until.ticks, rate, visit),
            timelines: self.timelines(until, rate),
            functions: None,
        }
    }

    /// The coordinator's first, then the workers'. A trial that did not get as far as its wall time has none.
    fn timelines(&self, until: Anchor, rate: Rate) -> io::Result<Vec<WorkerTimeline>> {
        let rings = Rings::attach(&self.file, &self.map)?;
        let origin = self.map.header().wall_from.load(Relaxed);
        if origin == 0 {
            return Ok(Vec::new());
        }
        let reader = rings.reader(until, rate, origin);
        let coordinator = reader.read(self.map.coordinator());
        let mut names = books::kernel_phase_names(self.map.header());
        names.truncate(names.iter().take_while(|name| !name.is_empty()).count());
        let whose = |row, role, index, timeline| {
            let kernel_phases = names.clone();
            WorkerTimeline { row, role, index, kernel_phases, timeline }
        };
        let coordinator = coordinator.map(|timeline| whose(0, Role::Coordinator, 0, timeline));
        let workers = (0..self.map.workers()).filter_map(|index| {
            let timeline = reader.read(self.map.worker(index))?;
            Some(whose(index + 1, Role::Worker, index, timeline))
        });
        Ok(coordinator.into_iter().chain(workers).collect())
    }
}

/// What the worker of a section is doing.
pub(crate) fn live_worker(section: &Section, index: u32, now: Anchor, rate: Option<Rate>) -> LiveWorker {
    read_consistently(section, || {
        let held = |since: u64| rate.map_or(0, |rate| rate.to_ns(now.ticks.saturating_sub(since)));
        let task = section.task.load(Acquire).checked_sub(1);
        LiveWorker {
            index,
            pid: positive(section.pid.load(Relaxed)),
            tid: positive(section.tid.load(Relaxed)),
            phase: SlotId::from_index(section.slot.load(Relaxed) as usize).meaning().0,
            task: task.map(|task| (task, held(section.task_since.load(Relaxed)))),
            tasks_done: section.tasks_done.load(Relaxed),
        }
    })
}

/// A number that is 0 as long as it is not written.
pub(super) fn positive(number: u32) -> Option<u32> {
    (number != 0).then_some(number)
}

/// Whether a section's worker was ever started.
pub(super) fn is_born(section: &Section) -> bool {
    section.born_ticks.load(Acquire) != 0
}

impl AsFd for Ledger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
