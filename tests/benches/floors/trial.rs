//! Trials inside the bench itself: this process is the coordinator.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use gild_engine::clock::{Anchor, Clock, Rate, raw_ns};
use gild_engine::ledger::map::{Map, memory_file};
use gild_engine::ledger::task_log::TaskLog;
use gild_engine::ledger::writer::stamp_birth;
use gild_engine::locks::Lock;
use gild_engine::measure::meter::Meter;
use gild_engine::measure::tools::Plan;
use gild_engine::models::Trial;
use gild_engine::plugin::instance::{Instance, PlannedTask};
use gild_engine::plugin::library::{Kernel, Plugin};
use gild_engine::plugin::task::TaskContext;
use gild_engine::plugin::value::Value;
use gild_engine::spec::TrialSpec;
use gild_engine::{host, pinning, topology};
use gild_model::experiment::ParamValue;
use gild_model::host::Tier;

/// The cpu-bound kernel's library, which cargo builds beside this program.
pub fn cpu_bound() -> PathBuf {
    std::env::current_exe().expect("a program knows its own path").with_file_name("libcpu_bound.so")
}

/// The null kernel's library.
pub fn null() -> PathBuf {
    PathBuf::from(gild_null::LIBRARY)
}

/// A meter with a ledger of its own.
fn meter(plan: &Plan) -> Meter<'static> {
    let map: &'static Map = Box::leak(Box::new(Map::private(0).expect("a ledger")));
    stamp_birth(map.coordinator(), Clock::best().now(), raw_ns());
    Meter::start(map.coordinator(), plan)
}

/// A case that can be run again and again.
pub struct Lab {
    spec: TrialSpec,
    plan: Plan,
    kernel: &'static Kernel,
    values: Vec<ParamValue>,
    instance: Instance<'static>,
    tasks: Vec<PlannedTask>,
    cores: Vec<Option<u32>>,
    /// For calls without a trial, which never mark it. Made by the first such call: an open meter makes every context
    /// switch of its thread dearer.
    meter: OnceCell<RefCell<Meter<'static>>>,
}

impl Lab {
    /// Prepares the only case of an experiment written as TOML, on the kernel of a library.
    pub fn new(library: PathBuf, experiment: &str) -> Lab {
        Lab::with(library, experiment, host::probe().tier, true)
    }

    /// The same, measured with no more than a tier, and with or without counters.
    pub fn with(library: PathBuf, experiment: &str, tier: Tier, counters: bool) -> Lab {
        let experiment = gild_model::experiment::parse(experiment, Path::new("bench.toml")).expect("a good experiment");
        let host = host::probe();
        let spec = TrialSpec {
            plugin: library,
            kernel: experiment.kernel,
            params: experiment.params,
            case: experiment.cases[0].clone(),
            counters: experiment.counters,
            max_overhead: experiment.max_overhead,
            tier,
            counter_groups: if counters { host.counter_groups } else { Vec::new() },
            counts_kernel: host.counts_kernel,
            timeline: 0,
        };
        let plugin: &'static Plugin = Box::leak(Box::new(Plugin::load(&spec.plugin).expect("the plugin is built")));
        let kernel = plugin.kernel(&spec.kernel).expect("the plugin has the kernel");
        let values = gild_model::params::resolve(&kernel.info, &spec.params).expect("good parameters");
        let instance = Instance::create(kernel, &values).expect("create");
        let tasks = instance.plan().expect("plan").tasks;
        let cores = topology::allowed_cores().expect("sched_getaffinity");
        let cores = pinning::place(&spec.case.pinning, spec.case.workers, &cores).expect("good pinning");
        Lab { plan: Plan::of(&spec), spec, kernel, values, instance, tasks, cores, meter: OnceCell::new() }
    }

    /// Calls the kernel for one task and nothing else: no mark, no queue. The result is the caller's.
    pub fn call_plainly(&self, task: usize) -> Value {
        let mut meter = self.meter.get_or_init(|| RefCell::new(meter(&self.plan))).borrow_mut();
        let mut context = TaskContext::new(&mut meter, &Lock::None, 0, 0);
        self.instance.run(&mut context, &self.tasks[task].input).expect("the kernel runs")
    }

    /// Runs the case once and gives its wall time, in nanoseconds.
    pub fn run(&self) -> u64 {
        let file = memory_file(self.spec.case.workers, 0).expect("a ledger");
        let map: &'static Map = Box::leak(Box::new(Map::create(&file, self.spec.case.workers, 0).expect("a ledger")));
        let class_of = self.tasks.iter().map(|task| task.class);
        let log = TaskLog::lay_out(&file, map, &[], class_of).expect("a task log");
        let plan = &self.plan.with_log(log);
        let from = Anchor::take(Clock::best());
        stamp_birth(map.coordinator(), Clock::best().now(), raw_ns());
        let mut meter = Meter::start(map.coordinator(), &self.plan);
        let trial = Trial {
            spec: &self.spec,
            plan,
            map,
            kernel: self.kernel,
            values: &self.values,
            instance: &self.instance,
            tasks: &self.tasks,
            cores: &self.cores,
        };
        let results = trial.run(&mut meter).expect("the trial runs");
        assert_eq!(results.len(), self.tasks.len());
        meter.finish();
        let rate = Rate::between(from, Anchor::take(Clock::best())).expect("time has passed");
        let header = map.header();
        rate.to_ns(header.wall_until.load(Relaxed) - header.wall_from.load(Relaxed))
    }
}
