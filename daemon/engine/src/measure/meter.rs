//! The mark: a worker says what it does next, and what it did until now is booked.
//!
//! ```text
//! mark(next):  read the clock ─ ring unchanged, nothing to read? ─▶ book the wall time (hot: no system call)
//!                    │ no
//!                    ▼
//!              settle: drain the ring, read schedstat if the thread was off the CPU, read counters if asked to
//! ```
//!
//! A meter belongs to one thread: its tools ([`Tools`]) watch the thread that opened them. The `sequential` model
//! lends the coordinator's thread, tools included, to the only worker.

mod settling;
mod sparing;
mod tasks;
#[cfg(test)]
mod tests;
mod unrecorded;

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use gild_model::case::CounterScope;
use gild_model::phase::Phase;

use super::budget::Budget;
use super::counter_group::Way;
use super::counter_set::CounterSet;
use super::counters::Reading;
use super::switch_ring::SwitchRing;
use super::tools::{Baseline, Plan, Tools, switches};
use super::unsettled::Unsettled;
use crate::attribution::SwitchFold;
use crate::clock::{Anchor, Clock, thread_cpu_ns};
use crate::ledger::layout::{Section, SlotId, attention, flag};
use crate::ledger::task_log::TaskLog;
use crate::ledger::timeline::Ring;
use crate::ledger::writer::{Booking, Writer};

/// Where counters are read at every mark, the CPU clock is read at the first mark after so many nanoseconds, so that time
/// that was stolen is booked to the phase that it was stolen from. A reading costs less than half a percent of it; phases
/// that are shorter are not worth one each.
const CPU_CLOCK_EVERY_NS: u64 = 200_000;

/// Keeps the accounts of one worker.
#[derive(Debug)]
pub struct Meter<'l> {
    clock: Clock,
    writer: Writer<'l>,
    slot: SlotId,
    since: u64,
    log: TaskLog,
    ring: Ring,
    /// Number of the worker, for the log.
    number: u32,
    /// Every mark has something to read: no hot path.
    reads_at_marks: bool,
    tools: Tools,
    fold: SwitchFold,
    scope: CounterScope,
    /// At the meter's start, for the totals of a life.
    start: Baseline,
    /// At the last settling.
    last: Baseline,
    /// At the start of the current task (scope `task`).
    task_from: Option<Reading>,
    in_task: bool,
    budget: Budget,
    /// The slot in which the ring was full last: losses that the kernel tells of later are its own.
    overflowed: Option<SlotId>,
    /// Where the clocks are read now and then only: what is to be held against them.
    unsettled: Option<Unsettled>,
    /// How often, at most.
    settle_every_ns: u64,
    /// How often the thread is switched, where there are records only while that is not too often.
    density: Option<unrecorded::Density>,
    /// Without records: the ticks from which on a mark reads the clocks.
    due: u64,
}

impl<'l> Meter<'l> {
    /// Starts the accounts of a worker on its own thread. Its parent has stamped its birth; what lies between is
    /// booked to `startup` here, from the thread's CPU time and run delay so far.
    pub fn start(section: &'l Section, plan: &Plan) -> Meter<'l> {
        Meter::start_with(section, Tools::open(plan), plan)
    }

    /// The same with tools that the caller has opened on this thread.
    pub fn start_with(section: &'l Section, tools: Tools, plan: &Plan) -> Meter<'l> {
        let mut meter = Meter::with_tools(section, tools, plan);
        meter.book_what_was_before();
        meter
    }

    /// Starts the accounts of a worker that runs on a borrowed thread: it lives from now on.
    pub fn start_borrowed(section: &'l Section, tools: Tools, plan: &Plan) -> Meter<'l> {
        Meter::with_tools(section, tools, plan)
    }

    fn with_tools(section: &'l Section, mut tools: Tools, plan: &Plan) -> Meter<'l> {
        section.touch_pages();
        plan.log.touch_pages();
        let (clock, scope) = (Clock::best(), plan.scope);
        let budget = Budget::new(plan.max_overhead, tools.reading_ticks(clock), clock.now());
        let mut fold = SwitchFold::default();
        let start = tools.baseline_at_rest(&mut fold);
        let per_phase = scope == CounterScope::Phase;
        let mut flags = tools.flags;
        if per_phase && tools.counters.is_some() {
            flags |= flag::COUNTERS_PER_PHASE;
        }
        let reads_at_marks = per_phase && (tools.counters.is_some() || tools.ring.is_none());
        if per_phase && tools.ring.is_none() {
            flags |= flag::CPU_PER_PHASE;
        }
        if reads_at_marks && tools.ring.is_some() {
            flags |= flag::STOLEN_PER_PHASE;
        }
        if scope == CounterScope::Task && tools.counters.is_some() {
            flags |= flag::COUNTERS_PER_TASK;
        }
        let thins_records = plan.settle_every_ns > 0 && tools.ring.is_some();
        let density = thins_records.then(|| {
            let now = unrecorded::Instant { raw_ns: start.raw_ns, run_delay_ns: start.sched.run_delay_ns };
            unrecorded::Density::new(now)
        });
        section.flags.store(flags, Relaxed);
        section.counter_mask.store(tools.counters.as_ref().map_or(0, CounterSet::mask), Relaxed);
        section.counter_groups.store(tools.counters.as_ref().map_or(0, CounterSet::group_numbers), Relaxed);
        section.pid.store(std::process::id(), Relaxed);
        section.tid.store(nix::unistd::gettid().as_raw() as u32, Relaxed);
        Meter {
            clock,
            writer: Writer::new(section),
            slot: SlotId::phase(Phase::Startup),
            since: section.born_ticks.load(Relaxed),
            log: plan.log,
            ring: plan.rings.of(section),
            number: section.number.load(Relaxed),
            reads_at_marks,
            tools,
            fold,
            scope,
            start,
            last: start,
            task_from: None,
            in_task: false,
            budget,
            overflowed: None,
            unsettled: (plan.settle_every_ns > 0).then(Unsettled::default),
            settle_every_ns: plan.settle_every_ns,
            density,
            due: u64::MAX,
        }
    }

    /// Life before the tools were open: on the CPU for the CPU time so far, on a run queue for the run delay so far,
    /// and for the rest not there yet (the parent was still making it), which is `blocked`.
    fn book_what_was_before(&mut self) {
        let section = self.writer.section();
        let born = |cell: &AtomicU64| cell.load(Relaxed);
        let wall_ns = self.start.raw_ns.saturating_sub(born(&section.born_raw_ns));
        let cpu_ns = self.start.cpu_ns.saturating_sub(born(&section.born_cpu_ns)).min(wall_ns);
        let run_delay_ns = self.start.sched.run_delay_ns.saturating_sub(born(&section.born_run_delay_ns));
        self.writer.book(self.slot, Booking { off_ns: wall_ns - cpu_ns, run_delay_ns, cpu_ns, ..Booking::default() });
        self.start.cpu_ns = born(&section.born_cpu_ns);
        self.start.switches = (born(&section.born_voluntary), born(&section.born_involuntary));
    }

    /// The clock of the marks.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What watches the thread.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The ring that marks are noted in.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// The section that this meter writes.
    pub fn section(&self) -> &'l Section {
        self.writer.section()
    }

    /// Notes one of the bits of [`flag`].
    pub fn set_flag(&self, bit: u64) {
        let flags = &self.writer.section().flags;
        flags.store(flags.load(Relaxed) | bit, Relaxed);
    }

    /// The phase (or kernel phase) that is open.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// From now on the worker is in `phase`.
    #[inline(always)]
    pub fn mark(&mut self, phase: Phase) {
        self.mark_slot(SlotId::phase(phase));
    }

    /// From now on time is booked to `next`.
    #[inline(always)]
    pub fn mark_slot(&mut self, next: SlotId) {
        let mut now = self.clock.now();
        // The ring is looked at after the clock was read: unchanged now means that nothing happened before `now`.
        if self.reads_at_marks || self.tools.ring_changed() || now >= self.due {
            now = self.settle();
        }
        self.writer.turn(self.slot, now.wrapping_sub(self.since), next, now);
        self.ring.note(now, next);
        self.slot = next;
        self.since = now;
    }

    /// Reads counters less often from now on; what is known of a part of the worker's life only is not kept.
    #[cold]
    fn set_scope(&mut self, scope: CounterScope, now: u64) {
        let flags = &self.writer.section().flags;
        let lost = flag::COUNTERS_PER_PHASE | flag::CPU_PER_PHASE | flag::STOLEN_PER_PHASE | flag::COUNTERS_PER_TASK;
        let (kept, note) = match (scope, self.tools.counters.is_some()) {
            (CounterScope::Task, true) => (flag::COUNTERS_PER_TASK, flag::FELL_TO_TASK),
            _ => (0, flag::FELL_TO_TRIAL),
        };
        flags.store(flags.load(Relaxed) & !lost | kept | note, Relaxed);
        self.task_from = self.last.counters.filter(|_| self.in_task);
        self.scope = scope;
        self.reads_at_marks = false;
        self.budget.restart(now);
    }

    fn read_counters(&self) -> Option<Reading> {
        let section = self.writer.section();
        section.counter_reads.store(section.counter_reads.load(Relaxed) + 1, Relaxed);
        let (reading, way) = self.tools.read_counters()?;
        if way == Way::UserSpace {
            section.rdpmc_reads.store(section.rdpmc_reads.load(Relaxed) + 1, Relaxed);
        }
        Some(reading)
    }

    /// Empties the ring before it is full; called at safe points when the daemon asks for it.
    #[cold]
    pub fn drain(&mut self) {
        self.writer.section().attention.0.fetch_and(!attention::DRAIN, Relaxed);
        self.settle();
    }

    /// Empties the ring if it is filling; called where a worker waits for long and wakes up now and then.
    #[inline]
    pub fn relieve(&mut self) {
        if self.tools.ring.as_ref().is_some_and(SwitchRing::is_filling) {
            self.settle();
        }
    }

    /// Lends the tools to a worker on the same thread. Until [`Meter::take_back`] this meter must not be marked; it
    /// waits in `idle`.
    pub fn lend(&mut self) -> Tools {
        self.mark(Phase::Idle);
        loop {
            self.settle();
            self.last = self.tools.baseline();
            if !self.tools.ring_changed() {
                return std::mem::take(&mut self.tools);
            }
        }
    }

    /// Takes the tools back. The time since is blocked time by definition: the coordinator waited for its worker,
    /// and what the thread did meanwhile is in the worker's accounts.
    pub fn take_back(&mut self, mut tools: Tools) {
        let now = tools.baseline_at_rest(&mut self.fold);
        self.writer.book(self.slot, Booking { off_ns: now.raw_ns - self.last.raw_ns, ..Booking::default() });
        self.start.cpu_ns += now.cpu_ns - self.last.cpu_ns;
        self.start.switches.0 += now.switches.0 - self.last.switches.0;
        self.start.switches.1 += now.switches.1 - self.last.switches.1;
        if let (Some(start), Some(from), Some(to)) = (&mut self.start.counters, &self.last.counters, &now.counters) {
            *start = start.without(from, to);
        }
        self.last = now;
        self.tools = tools;
    }

    /// The worker's last act: closes the open slot and writes the totals of its life. Gives the tools back.
    pub fn finish(mut self) -> Tools {
        self.write_last();
        self.tools
    }

    /// The last act of a worker that may be saved: by an exec that fails. Then it has to [`Meter::live_on`].
    pub fn write_last(&mut self) {
        if let (Some(from), Some(to)) = (self.start.counters, self.tools.read_counters()) {
            self.writer.count(&self.writer.section().life, &from, &to.0);
        }
        let switches = switches();
        let cpu_ns = thread_cpu_ns().saturating_sub(self.start.cpu_ns);
        // Whatever is left to settle is due now.
        let settle_every_ns = std::mem::take(&mut self.settle_every_ns);
        let end = loop {
            self.settle();
            let end = Anchor::take_quickly(self.clock);
            if !self.tools.ring_changed() {
                break end;
            }
        };
        self.settle_every_ns = settle_every_ns;
        self.writer.close(self.slot, end.ticks.wrapping_sub(self.since), end.ticks);
        self.writer.finish(
            end.raw_ns,
            cpu_ns,
            switches.0.saturating_sub(self.start.switches.0),
            switches.1.saturating_sub(self.start.switches.1),
        );
        self.since = end.ticks;
    }

    /// What was written last was not the last: the worker goes on where it was.
    pub fn live_on(&mut self) {
        self.writer.revive();
    }
}
