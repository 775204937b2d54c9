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

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use gild_model::case::CounterScope;
use gild_model::host::Tier;
use gild_model::phase::Phase;
use nix::sys::resource::{UsageWho, getrusage};

use super::budget::Budget;
use super::counters::{CounterGroup, Reading, TASK_CLOCK, is_hardware};
use super::schedstat::{Sample, Schedstat};
use super::switch_ring::SwitchRing;
use crate::attribution::SwitchFold;
use crate::clock::{Clock, raw_ns, thread_cpu_ns};
use crate::ledger::layout::{Section, SlotId, attention, flag};
use crate::ledger::writer::{Booking, Writer};

/// What a worker shall measure, as far as the machine lets it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The best tier to try.
    pub tier: Tier,
    /// Places of the counters to open, see [`super::counters::NAMES`].
    pub counters: Vec<usize>,
    /// Whether events in the kernel are counted too.
    pub counts_kernel: bool,
    /// How often counters are read, at most.
    pub scope: CounterScope,
    /// Most that reading counters may cost, as a share of a worker's time; beyond it they are read less often.
    pub max_overhead: f64,
}

/// What watches the calling thread. Everything may be missing: what is missing is not measured.
#[derive(Debug, Default)]
pub struct Tools {
    ring: Option<SwitchRing>,
    schedstat: Option<Schedstat>,
    counters: Option<CounterGroup>,
    /// Bits of [`flag`] that say what is there and what was refused.
    flags: u64,
}

impl Tools {
    /// Opens what the plan asks for on the calling thread.
    pub fn open(plan: &Plan) -> Tools {
        let mut tools = Tools { schedstat: Schedstat::open().ok(), ..Tools::default() };
        if tools.schedstat.is_some() {
            tools.flags |= flag::SCHEDSTAT;
        }
        if plan.tier >= Tier::Software {
            tools.ring = SwitchRing::open().ok();
            tools.flags |= if tools.ring.is_some() { flag::SWITCH_RECORDS } else { flag::RING_REFUSED };
        }
        if plan.tier >= Tier::Software && !plan.counters.is_empty() {
            tools.counters = CounterGroup::open(&plan.counters, plan.counts_kernel).ok();
            tools.flags |= match &tools.counters {
                None => flag::COUNTERS_REFUSED,
                Some(group) if (0..64).any(|place| group.mask() >> place & 1 == 1 && is_hardware(place)) => {
                    flag::HARDWARE
                }
                Some(_) => 0,
            };
        }
        tools
    }

    /// The ring, if there is one.
    pub fn ring(&self) -> Option<&SwitchRing> {
        self.ring.as_ref()
    }

    /// schedstat, if there is one.
    pub fn schedstat(&self) -> Option<&Schedstat> {
        self.schedstat.as_ref()
    }

    /// The counters, if there are any.
    pub fn counters(&self) -> Option<&CounterGroup> {
        self.counters.as_ref()
    }

    fn read_counters(&self) -> Option<Reading> {
        self.counters.as_ref().and_then(|group| group.read().ok())
    }
}

/// Everything cumulative, at one instant on this thread.
#[derive(Debug, Clone, Copy)]
struct Baseline {
    raw_ns: u64,
    cpu_ns: u64,
    sched: Sample,
    counters: Option<Reading>,
    switches: (u64, u64),
}

/// Keeps the accounts of one worker.
#[derive(Debug)]
pub struct Meter<'l> {
    clock: Clock,
    writer: Writer<'l>,
    slot: SlotId,
    since: u64,
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
}

impl<'l> Meter<'l> {
    /// Starts the accounts of a worker on its own thread. Its parent has stamped its birth; what lies between is
    /// booked to `startup` here, from the thread's CPU time and run delay so far.
    pub fn start(section: &'l Section, plan: &Plan) -> Meter<'l> {
        let tools = Tools::open(plan);
        let mut meter = Meter::with_tools(section, tools, plan);
        meter.book_what_was_before();
        meter
    }

    /// Starts the accounts of a worker that runs on a borrowed thread: it lives from now on.
    pub fn start_borrowed(section: &'l Section, tools: Tools, plan: &Plan) -> Meter<'l> {
        Meter::with_tools(section, tools, plan)
    }

    fn with_tools(section: &'l Section, mut tools: Tools, plan: &Plan) -> Meter<'l> {
        let (clock, scope) = (Clock::best(), plan.scope);
        let budget = Budget::new(plan.max_overhead, reading_ticks(&tools, clock), clock.now());
        let mut fold = SwitchFold::default();
        let start = baseline_at_rest(&mut tools, &mut fold);
        let per_phase = scope == CounterScope::Phase;
        let mut flags = tools.flags;
        if per_phase && tools.counters.is_some() {
            flags |= flag::COUNTERS_PER_PHASE;
        }
        let cpu_from_counters = start.counters.is_some() && counts_task_clock(&tools);
        if per_phase && (cpu_from_counters || tools.ring.is_none()) {
            flags |= flag::CPU_PER_PHASE;
        }
        if scope == CounterScope::Task && tools.counters.is_some() {
            flags |= flag::COUNTERS_PER_TASK;
        }
        section.flags.store(flags, Relaxed);
        section.counter_mask.store(tools.counters.as_ref().map_or(0, CounterGroup::mask), Relaxed);
        section.pid.store(std::process::id(), Relaxed);
        section.tid.store(nix::unistd::gettid().as_raw() as u32, Relaxed);
        Meter {
            clock,
            writer: Writer::new(section),
            slot: SlotId::phase(Phase::Startup),
            since: section.born_ticks.load(Relaxed),
            reads_at_marks: per_phase && (tools.counters.is_some() || tools.ring.is_none()),
            tools,
            fold,
            scope,
            start,
            last: start,
            task_from: None,
            in_task: false,
            budget,
            overflowed: None,
        }
    }

    /// Life before the tools were open: on the CPU for the CPU time so far, on a run queue for the run delay so far,
    /// and for the rest not there yet (the parent was still making it), which is `blocked`.
    fn book_what_was_before(&mut self) {
        let born_raw_ns = self.writer.section().born_raw_ns.load(Relaxed);
        let wall_ns = self.start.raw_ns.saturating_sub(born_raw_ns);
        let cpu_ns = self.start.cpu_ns.min(wall_ns);
        let run_delay_ns = self.start.sched.run_delay_ns;
        self.writer.book(self.slot, Booking { off_ns: wall_ns - cpu_ns, run_delay_ns, cpu_ns, ..Booking::default() });
        self.start.cpu_ns = 0;
        self.start.switches = (0, 0);
    }

    /// The clock of the marks.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What watches the thread.
    pub fn tools(&self) -> &Tools {
        &self.tools
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
        if self.reads_at_marks || self.tools.ring.as_ref().is_some_and(SwitchRing::changed) {
            now = self.settle();
        }
        self.writer.turn(self.slot, now.wrapping_sub(self.since), next, now);
        self.slot = next;
        self.since = now;
    }

    /// A task was taken: it is the worker's current one. If it is already, it keeps its time.
    #[inline]
    pub fn take_task(&mut self, task: u64) {
        self.writer.take_task(task, self.since);
    }

    /// The current task is done, or, if not `done`, given up.
    #[inline]
    pub fn finish_task(&mut self, done: bool) {
        self.writer.finish_task(done);
    }

    /// The current task computes from now on.
    #[inline]
    pub fn begin_compute(&mut self) {
        self.mark(Phase::Compute);
        self.in_task = true;
        if self.scope == CounterScope::Task {
            self.task_from = self.read_counters();
        }
    }

    /// The current task has computed, and the worker is in `then` from now on.
    #[inline]
    pub fn end_compute(&mut self, then: Phase) {
        if self.scope == CounterScope::Task {
            self.count_task();
        }
        self.mark(then);
        self.in_task = false;
    }

    /// The result of a task of this weight is there.
    #[inline(always)]
    pub fn add_weight(&self, weight: u64) {
        self.writer.add_weight(weight);
    }

    #[cold]
    fn count_task(&mut self) {
        if let (Some(from), Some(to)) = (self.task_from.take(), self.read_counters()) {
            self.writer.count(&self.writer.section().tasks, &from, &to);
        }
        let now = self.clock.now();
        // Two readings a task.
        if self.budget.spend(now) || self.budget.spend(now) {
            self.set_scope(CounterScope::Trial, now);
        }
    }

    /// Reads counters less often from now on; what is known of a part of the worker's life only is not kept.
    #[cold]
    fn set_scope(&mut self, scope: CounterScope, now: u64) {
        let flags = &self.writer.section().flags;
        let lost = flag::COUNTERS_PER_PHASE | flag::CPU_PER_PHASE | flag::COUNTERS_PER_TASK;
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
        self.tools.read_counters()
    }

    /// Empties the ring before it is full; called at safe points when the daemon asks for it.
    #[cold]
    pub fn drain(&mut self) {
        self.writer.section().attention.0.fetch_and(!attention::DRAIN, Relaxed);
        self.settle();
    }

    /// Books to the open slot what happened since the last settling, and gives the time up to which that is true.
    #[cold]
    fn settle(&mut self) -> u64 {
        loop {
            self.settle_once();
            let now = self.clock.now();
            if self.reads_at_marks && self.budget.spend(now) {
                self.set_scope(CounterScope::Task, now);
            }
            if !self.tools.ring.as_ref().is_some_and(SwitchRing::changed) {
                return now;
            }
        }
    }

    fn settle_once(&mut self) {
        let mut booking = Booking::default();
        if let Some(ring) = &mut self.tools.ring {
            ring.drain(|event| self.fold.feed(event));
            let off = self.fold.take();
            booking = Booking { off_ns: off.off_ns, preempted_ns: off.preempted_ns, ..booking };
            if off.switches > 0 || off.full {
                self.settle_schedule(&mut booking, off.full);
            }
            if off.lost > 0 {
                let slot = self.overflowed.take().unwrap_or(self.slot);
                self.writer.book(slot, Booking { lost: off.lost, ..Booking::default() });
            }
        } else if self.reads_at_marks {
            self.settle_without_ring(&mut booking);
        }
        if self.reads_at_marks {
            self.settle_counters(&mut booking);
        }
        if booking != Booking::default() {
            self.writer.book(self.slot, booking);
        }
    }

    /// The thread was off the CPU: how much of that was waiting for a core?
    fn settle_schedule(&mut self, booking: &mut Booking, full: bool) {
        let now_raw_ns = raw_ns();
        if let Some(sched) = self.read_schedstat() {
            booking.run_delay_ns = sched.run_delay_ns.saturating_sub(self.last.sched.run_delay_ns);
            if full {
                // The records are incomplete. Off the CPU = wall - on, both since the last settling; no switch
                // happened between that and the start of this phase, or it would have been settled there.
                let wall_ns = now_raw_ns.saturating_sub(self.last.raw_ns);
                let on_cpu_ns = sched.on_cpu_ns.saturating_sub(self.last.sched.on_cpu_ns);
                booking.off_ns = booking.off_ns.max(wall_ns.saturating_sub(on_cpu_ns));
                booking.full = 1;
                self.overflowed = Some(self.slot);
                self.set_flag(flag::RECORDS_LOST);
            }
            self.last.sched = sched;
        }
        self.last.raw_ns = now_raw_ns;
    }

    /// Tier `bare`: CPU time and run delay are read at every mark.
    fn settle_without_ring(&mut self, booking: &mut Booking) {
        if let Some(sched) = self.read_schedstat() {
            booking.run_delay_ns = sched.run_delay_ns.saturating_sub(self.last.sched.run_delay_ns);
            self.last.sched = sched;
        }
        if !counts_task_clock(&self.tools) {
            let cpu_ns = thread_cpu_ns();
            booking.cpu_ns = cpu_ns.saturating_sub(self.last.cpu_ns);
            self.last.cpu_ns = cpu_ns;
        }
    }

    fn settle_counters(&mut self, booking: &mut Booking) {
        let Some(from) = self.last.counters else { return };
        if let Some(to) = self.read_counters() {
            if counts_task_clock(&self.tools) {
                booking.cpu_ns = to.values[TASK_CLOCK].saturating_sub(from.values[TASK_CLOCK]);
            }
            let section = self.writer.section();
            self.writer.count(&section.slots[self.slot.index()].counters, &from, &to);
            if self.in_task {
                // Should readings become too dear for phases, tasks have been counted from the first one on.
                self.writer.count(&section.tasks, &from, &to);
            }
            self.last.counters = Some(to);
        }
    }

    fn read_schedstat(&self) -> Option<Sample> {
        let section = self.writer.section();
        section.schedstat_reads.store(section.schedstat_reads.load(Relaxed) + 1, Relaxed);
        self.tools.schedstat.as_ref().and_then(|stat| stat.read().ok())
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
            self.last = baseline(&self.tools);
            if !self.tools.ring.as_ref().is_some_and(SwitchRing::changed) {
                return std::mem::take(&mut self.tools);
            }
        }
    }

    /// Takes the tools back. The time since is blocked time by definition: the coordinator waited for its worker,
    /// and what the thread did meanwhile is in the worker's accounts.
    pub fn take_back(&mut self, mut tools: Tools) {
        let now = baseline_at_rest(&mut tools, &mut self.fold);
        self.writer.book(self.slot, Booking { off_ns: now.raw_ns - self.last.raw_ns, ..Booking::default() });
        self.start.cpu_ns += now.cpu_ns - self.last.cpu_ns;
        self.start.switches.0 += now.switches.0 - self.last.switches.0;
        self.start.switches.1 += now.switches.1 - self.last.switches.1;
        if let (Some(start), Some(from), Some(to)) = (&mut self.start.counters, &self.last.counters, &now.counters) {
            skip(start, from, to);
        }
        self.last = now;
        self.tools = tools;
    }

    /// The worker's last act: closes the open slot and writes the totals of its life. Gives the tools back.
    pub fn finish(mut self) -> Tools {
        if let (Some(from), Some(to)) = (self.start.counters, self.tools.read_counters()) {
            self.writer.count(&self.writer.section().life, &from, &to);
        }
        let switches = switches();
        let cpu_ns = thread_cpu_ns().saturating_sub(self.start.cpu_ns);
        let now = self.settle();
        self.writer.close(self.slot, now.wrapping_sub(self.since), now);
        self.writer.finish(
            raw_ns(),
            cpu_ns,
            switches.0.saturating_sub(self.start.switches.0),
            switches.1.saturating_sub(self.start.switches.1),
        );
        self.tools
    }
}

/// Moves a starting point on as if what was counted between the two readings had never happened.
fn skip(start: &mut Reading, from: &Reading, to: &Reading) {
    start.enabled_ns += to.enabled_ns - from.enabled_ns;
    start.running_ns += to.running_ns - from.running_ns;
    for (place, value) in start.values.iter_mut().enumerate() {
        *value += to.values[place] - from.values[place];
    }
}

fn counts_task_clock(tools: &Tools) -> bool {
    tools.counters.as_ref().is_some_and(|group| group.mask() >> TASK_CLOCK & 1 == 1)
}

fn baseline(tools: &Tools) -> Baseline {
    Baseline {
        raw_ns: raw_ns(),
        cpu_ns: thread_cpu_ns(),
        sched: tools.schedstat.as_ref().and_then(|stat| stat.read().ok()).unwrap_or_default(),
        counters: tools.read_counters(),
        switches: switches(),
    }
}

/// What one reading at a mark costs, in ticks: the cheapest of a few.
fn reading_ticks(tools: &Tools, clock: Clock) -> u64 {
    let reading = |_| {
        let from = clock.now();
        let _counters = tools.read_counters();
        if tools.ring.is_none() {
            let _sched = tools.schedstat.as_ref().map(Schedstat::read);
            thread_cpu_ns();
        }
        clock.now().saturating_sub(from)
    };
    (0..8).map(reading).min().unwrap_or(0)
}

/// A baseline behind which the ring is empty: no switch is both before it and still to be folded.
fn baseline_at_rest(tools: &mut Tools, fold: &mut SwitchFold) -> Baseline {
    loop {
        if let Some(ring) = &mut tools.ring {
            ring.drain(|event| fold.feed(event));
            fold.take();
        }
        let baseline = baseline(tools);
        if !tools.ring.as_ref().is_some_and(SwitchRing::changed) {
            return baseline;
        }
    }
}

/// Voluntary and involuntary switches of the calling thread so far.
fn switches() -> (u64, u64) {
    let usage: io::Result<_> = getrusage(UsageWho::RUSAGE_THREAD).map_err(Into::into);
    let usage = usage.expect("getrusage of the own thread cannot fail");
    // Both count events, so neither is negative.
    (usage.voluntary_context_switches() as u64, usage.involuntary_context_switches() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::map::Map;
    use crate::ledger::writer::stamp_birth;
    use std::time::Duration;

    fn software() -> Plan {
        Plan {
            tier: Tier::Software,
            counters: Vec::new(),
            counts_kernel: false,
            scope: CounterScope::Trial,
            max_overhead: 0.005,
        }
    }

    /// A meter on the calling thread with a ledger of its own; `None`, with the reason, where there are no records.
    fn meter(map: &Map) -> Option<Meter<'_>> {
        meter_of(map, &software())
    }

    fn meter_of<'m>(map: &'m Map, plan: &Plan) -> Option<Meter<'m>> {
        let section = map.coordinator();
        stamp_birth(section, Clock::best().now(), raw_ns());
        let meter = Meter::start(section, plan);
        if meter.tools.ring.is_none() {
            eprintln!("skipped: context-switch records are not available here");
            return None;
        }
        Some(meter)
    }

    #[test]
    fn a_phase_that_overflows_the_ring_is_split_by_schedstat_and_the_next_one_is_not_blamed() {
        let map = Map::private(0).unwrap();
        let Some(mut meter) = meter(&map) else { return };
        meter.mark(Phase::IoWait);
        let start_ns = raw_ns();
        let cpu_from_ns = thread_cpu_ns();
        for _ in 0..3_000 {
            std::thread::sleep(Duration::from_micros(1));
        }
        let (wall_ns, cpu_ns) = (raw_ns() - start_ns, thread_cpu_ns() - cpu_from_ns);
        meter.mark(Phase::Compute);
        std::thread::sleep(Duration::from_micros(1));
        meter.mark(Phase::Idle);
        let slot = |phase| &map.coordinator().slots[SlotId::phase(phase).index()];
        let (waited, computed) = (slot(Phase::IoWait), slot(Phase::Compute));
        assert!(waited.full.load(Relaxed) > 0 && waited.lost.load(Relaxed) > 0);
        assert_eq!((computed.full.load(Relaxed), computed.lost.load(Relaxed)), (0, 0));
        // Off the CPU is what is left of the wall time, up to a scheduler tick (10 ms at most) and stolen time.
        let (off_ns, left_ns) = (waited.off_ns.load(Relaxed), wall_ns - cpu_ns);
        let slack_ns = 10_000_000 + wall_ns / 20;
        assert!(off_ns.abs_diff(left_ns) <= slack_ns, "off {off_ns} ns, wall - CPU {left_ns} ns of {wall_ns} ns");
    }

    fn counting(max_overhead: f64) -> Plan {
        Plan { counters: vec![TASK_CLOCK], scope: CounterScope::Phase, max_overhead, ..software() }
    }

    fn flags(map: &Map) -> u64 {
        map.coordinator().flags.load(Relaxed)
    }

    #[test]
    fn counters_are_read_less_often_when_phases_and_tasks_are_short() {
        let map = Map::private(0).unwrap();
        let Some(mut meter) = meter_of(&map, &counting(0.005)) else { return };
        for task in 0..20_000 {
            meter.take_task(task);
            meter.begin_compute();
            meter.end_compute(Phase::Idle);
            meter.finish_task(true);
        }
        assert_ne!(flags(&map) & flag::FELL_TO_TASK, 0);
        assert_ne!(flags(&map) & flag::FELL_TO_TRIAL, 0);
        assert_eq!(flags(&map) & (flag::COUNTERS_PER_PHASE | flag::COUNTERS_PER_TASK | flag::CPU_PER_PHASE), 0);
        let reads = map.coordinator().counter_reads.load(Relaxed);
        assert!((64..400).contains(&reads), "{reads} reads for 40000 marks");
    }

    #[test]
    fn counters_are_read_at_every_mark_when_that_is_allowed() {
        let map = Map::private(0).unwrap();
        let Some(mut meter) = meter_of(&map, &counting(1e9)) else { return };
        for _ in 0..500 {
            meter.mark(Phase::Compute);
            meter.mark(Phase::Idle);
        }
        assert_ne!(flags(&map) & flag::COUNTERS_PER_PHASE, 0);
        assert!(map.coordinator().counter_reads.load(Relaxed) >= 1_000);
    }

    #[test]
    fn a_waiter_that_relieves_its_ring_loses_nothing() {
        let map = Map::private(0).unwrap();
        let Some(mut meter) = meter(&map) else { return };
        meter.mark(Phase::LockWait);
        for _ in 0..3_000 {
            std::thread::sleep(Duration::from_micros(1));
            meter.relieve();
        }
        meter.mark(Phase::Idle);
        let slot = &map.coordinator().slots[SlotId::phase(Phase::LockWait).index()];
        assert_eq!((slot.full.load(Relaxed), slot.lost.load(Relaxed)), (0, 0));
        assert!(slot.off_ns.load(Relaxed) > 0);
    }
}
