//! What watches a thread: the ring, schedstat, the counters, and everything cumulative that can be read of it.

use std::io;

use gild_model::case::CounterScope;
use gild_model::host::Tier;
use nix::sys::resource::{UsageWho, getrusage};

use super::counter_group::Way;
use super::counter_set::{CounterSet, Wanted};
use super::counters::{Reading, is_hardware, place};
use super::schedstat::{Sample, Schedstat};
use super::switch_ring::SwitchRing;
use crate::attribution::SwitchFold;
use crate::clock::{Clock, raw_ns, thread_cpu_ns};
use crate::core_pmus::{Choice, CorePmus};
use crate::ledger::layout::flag;
use crate::ledger::task_log::TaskLog;
use crate::ledger::timeline::Rings;
use crate::spec::TrialSpec;
use crate::topology;

/// Pages of switch records where counters are mapped too: both together keep within 64 KiB per worker.
const RING_PAGES_BESIDE_COUNTERS: usize = 4;

/// What a worker shall measure, as far as the machine lets it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The best tier to try.
    pub tier: Tier,
    /// Places of the counters to open, see [`super::counters::NAMES`], group by group.
    pub counters: Vec<Vec<usize>>,
    /// The PMUs of the machine's cores; read only where hardware counters are to be opened.
    pub core_pmus: CorePmus,
    /// Whether events in the kernel are counted too.
    pub counts_kernel: bool,
    /// How often counters are read, at most.
    pub scope: CounterScope,
    /// Most that reading counters may cost, as a share of a worker's time; beyond it they are read less often.
    pub max_overhead: f64,
    /// Where tasks are logged; nowhere as long as the coordinator has not laid the log out.
    pub log: TaskLog,
    /// Where marks are noted; nowhere as long as nobody has mapped the rings.
    pub rings: Rings,
    /// How often the CPU clock and schedstat are read at most where a thread waits often, in nanoseconds; 0: whenever it
    /// has been off the CPU.
    pub settle_every_ns: u64,
}

/// How often the clocks of a recorded program's threads are read at most: a reading costs some 2 µs.
const RECORDED_SETTLE_NS: u64 = 1_000_000;
/// Pages of switch records of a recorded program's threads: 512 switches between two visits to a hook.
pub const RECORDED_RING_PAGES: usize = 4;
/// Most that reading clocks at every mark may cost a recorded program, where there are no context-switch records.
const RECORDED_OVERHEAD_MAX: f64 = 0.005;

impl Plan {
    /// The plan of a trial, without a log; counters of another version of gild, which this one does not know, are left out.
    pub fn of(spec: &TrialSpec) -> Plan {
        let group = |names: &Vec<String>| names.iter().filter_map(|name| place(name)).collect();
        let counters: Vec<Vec<usize>> = spec.counter_groups.iter().map(group).collect();
        let hardware = counters.iter().flatten().any(|place| is_hardware(*place));
        Plan {
            tier: spec.tier,
            core_pmus: if hardware { CorePmus::of_machine() } else { CorePmus::default() },
            counters,
            counts_kernel: spec.counts_kernel,
            scope: spec.counters,
            max_overhead: spec.max_overhead,
            log: TaskLog::default(),
            rings: Rings::default(),
            settle_every_ns: 0,
        }
    }

    /// The plan of a recording: no counters, no log, and clocks read sparingly.
    pub fn of_recording(tier: Tier) -> Plan {
        Plan {
            tier,
            counters: Vec::new(),
            core_pmus: CorePmus::default(),
            counts_kernel: false,
            scope: CounterScope::Phase,
            max_overhead: RECORDED_OVERHEAD_MAX,
            log: TaskLog::default(),
            rings: Rings::default(),
            settle_every_ns: RECORDED_SETTLE_NS,
        }
    }

    /// The same plan with rings for the timeline.
    pub fn with_rings(&self, rings: Rings) -> Plan {
        Plan { rings, ..self.clone() }
    }

    /// The same plan with a log.
    pub fn with_log(&self, log: TaskLog) -> Plan {
        Plan { log, ..self.clone() }
    }
}

/// What watches the calling thread. Everything may be missing: what is missing is not measured.
#[derive(Debug, Default)]
pub struct Tools {
    pub(super) ring: Option<SwitchRing>,
    pub(super) schedstat: Option<Schedstat>,
    pub(super) counters: Option<CounterSet>,
    /// Bits of [`flag`] that say what is there and what was refused.
    pub(super) flags: u64,
}

impl Tools {
    /// Opens what the plan asks for on the calling thread.
    pub fn open(plan: &Plan) -> Tools {
        let mut tools = Tools { schedstat: Schedstat::open().ok(), ..Tools::default() };
        if tools.schedstat.is_some() {
            tools.flags |= flag::SCHEDSTAT;
        }
        if plan.tier >= Tier::Software {
            tools.open_counters(plan);
            let mapped = tools.counters.as_ref().is_some_and(|set| set.mapped_bytes() > 0);
            let ring = if mapped { SwitchRing::open_at_most(RING_PAGES_BESIDE_COUNTERS) } else { SwitchRing::open() };
            tools.flags |= if ring.is_ok() { flag::SWITCH_RECORDS } else { flag::RING_REFUSED };
            tools.ring = ring.ok();
        }
        tools
    }

    /// The tools of a recorded thread, which the caller has opened on it.
    pub fn of_recording(ring: Option<SwitchRing>, schedstat: Option<Schedstat>) -> Tools {
        let mut flags = if ring.is_some() { flag::SWITCH_RECORDS } else { flag::RING_REFUSED };
        if schedstat.is_some() {
            flags |= flag::SCHEDSTAT;
        }
        Tools { ring, schedstat, counters: None, flags }
    }

    /// Opens the counters; hardware counters only where the thread stays on cores of one kind.
    fn open_counters(&mut self, plan: &Plan) {
        let is_hardware = |group: &Vec<usize>| group.iter().any(|place| is_hardware(*place));
        let mut groups = plan.counters.clone();
        let mut core_pmu = None;
        if groups.iter().any(is_hardware) {
            match plan.core_pmus.choose(&allowed_cpus()) {
                Choice::TheOnlyOne => {}
                Choice::Pmu(kind) => core_pmu = Some(kind),
                Choice::Nowhere => {
                    groups.retain(|group| !is_hardware(group));
                    self.flags |= flag::CORES_OF_SEVERAL_KINDS;
                }
            }
        }
        let set = CounterSet::open(Wanted { groups: &groups, counts_kernel: plan.counts_kernel, core_pmu });
        if set.refused().is_some() {
            self.flags |= flag::COUNTERS_REFUSED;
        }
        if set.counts_hardware() {
            self.flags |= flag::HARDWARE;
        }
        self.counters = Some(set).filter(|set| !set.is_empty());
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
    pub fn counters(&self) -> Option<&CounterSet> {
        self.counters.as_ref()
    }

    /// The counters' values now, and how they were read.
    pub(super) fn read_counters(&self) -> Option<(Reading, Way)> {
        self.counters.as_ref().and_then(|set| set.read().ok())
    }

    /// Whether there are switch records that have not been folded in.
    #[inline(always)]
    pub(super) fn ring_changed(&self) -> bool {
        self.ring.as_ref().is_some_and(SwitchRing::changed)
    }

    /// Reads everything cumulative.
    pub(super) fn baseline(&self) -> Baseline {
        Baseline {
            raw_ns: raw_ns(),
            cpu_ns: thread_cpu_ns(),
            sched: self.schedstat.as_ref().and_then(|stat| stat.read().ok()).unwrap_or_default(),
            counters: self.read_counters().map(|(reading, _)| reading),
            switches: switches(),
        }
    }

    /// A baseline behind which the ring is empty: no switch is both before it and still to be folded.
    pub(super) fn baseline_at_rest(&mut self, fold: &mut SwitchFold) -> Baseline {
        loop {
            if let Some(ring) = &mut self.ring {
                ring.drain(|event| fold.feed(event));
                fold.take();
            }
            let baseline = self.baseline();
            if !self.ring_changed() {
                return baseline;
            }
        }
    }

    /// What one reading at a mark costs, in ticks: the cheapest of a few.
    pub(super) fn reading_ticks(&self, clock: Clock) -> u64 {
        let reading = |_| {
            let from = clock.now();
            let _counters = self.read_counters();
            if self.ring.is_none() {
                let _sched = self.schedstat.as_ref().map(Schedstat::read);
                thread_cpu_ns();
            }
            clock.now().saturating_sub(from)
        };
        (0..8).map(reading).min().unwrap_or(0)
    }
}

/// The hardware threads that the calling thread may run on; none, if they cannot be had.
fn allowed_cpus() -> Vec<u32> {
    topology::allowed_cores().unwrap_or_default().iter().map(|core| core.cpu).collect()
}

/// Everything cumulative, at one instant on this thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Baseline {
    pub raw_ns: u64,
    pub cpu_ns: u64,
    pub sched: Sample,
    pub counters: Option<Reading>,
    /// Voluntary and involuntary.
    pub switches: (u64, u64),
}

/// Voluntary and involuntary switches of the calling thread so far.
pub(super) fn switches() -> (u64, u64) {
    let usage: io::Result<_> = getrusage(UsageWho::RUSAGE_THREAD).map_err(Into::into);
    let usage = usage.expect("getrusage of the own thread cannot fail");
    // Both count events, so neither is negative.
    (usage.voluntary_context_switches() as u64, usage.involuntary_context_switches() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::counters::TASK_CLOCK;

    /// A machine on which each CPU is of a kind of its own.
    fn hybrid() -> CorePmus {
        let root = tempfile::tempdir().unwrap();
        for cpu in allowed_cpus() {
            let folder = root.path().join(format!("cpu_kind_{cpu}"));
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("type"), format!("{}\n", 100 + cpu)).unwrap();
            std::fs::write(folder.join("cpus"), format!("{cpu}\n")).unwrap();
        }
        CorePmus::read(root.path())
    }

    fn plan() -> Plan {
        Plan {
            log: TaskLog::default(),
            rings: Rings::default(),
            tier: Tier::Software,
            counters: vec![vec![0, 1], vec![TASK_CLOCK]],
            core_pmus: hybrid(),
            counts_kernel: false,
            scope: CounterScope::Phase,
            max_overhead: 0.005,
            settle_every_ns: 0,
        }
    }

    #[test]
    fn a_thread_that_may_run_on_cores_of_several_kinds_counts_no_hardware_events() {
        let plan = plan();
        if !plan.core_pmus.is_hybrid() {
            return eprintln!("skipped: there is only one core");
        }
        let tools = Tools::open(&plan);
        assert_ne!(tools.flags & flag::CORES_OF_SEVERAL_KINDS, 0);
        assert_eq!(tools.flags & (flag::HARDWARE | flag::COUNTERS_REFUSED), 0, "nothing was tried that sums both");
        match tools.counters() {
            Some(set) => assert_eq!(set.mask(), 1 << TASK_CLOCK, "software events are the same everywhere"),
            None => eprintln!("skipped: perf events are not available here"),
        }
    }

    #[test]
    fn a_pinned_thread_asks_the_pmu_of_its_core() {
        let plan = plan();
        if !plan.core_pmus.is_hybrid() {
            return eprintln!("skipped: there is only one core");
        }
        let flags = std::thread::spawn(move || {
            topology::pin_self(allowed_cpus()[0]).unwrap();
            Tools::open(&plan).flags
        });
        // No machine has a PMU of that type: it is asked, and refuses.
        let flags = flags.join().unwrap();
        assert_eq!(flags & flag::CORES_OF_SEVERAL_KINDS, 0);
        assert_ne!(flags & flag::COUNTERS_REFUSED, 0);
    }
}
