//! The execution models: how the planned tasks of a trial get run.
//!
//! | module | model |
//! |---|---|
//! | [`sequential`] | the coordinator's own thread |
//! | [`threads`] | n threads, one lock policy |
//! | [`processes`] | n processes, values encoded over a transport |
//! | [`process`] | one worker process: how it is started, and what it does |
//!
//! A model starts workers, gives each task to one of them, and collects every result. It stamps the start of the wall
//! time just before the first worker is started, and its end when the last result is there and the last worker gone.

pub mod process;
pub mod processes;
pub mod sequential;
pub mod threads;

use std::sync::atomic::Ordering::Relaxed;

use gild_model::case::Model;
use gild_model::experiment::ParamValue;
use gild_model::phase::Phase;

use crate::clock::{Clock, raw_ns};
use crate::ledger::layout::{Section, flag};
use crate::ledger::map::Map;
use crate::ledger::writer::stamp_birth;
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::measure::tools::Plan;
use crate::plugin::instance::{Instance, KernelError, PlannedTask};
use crate::plugin::library::Kernel;
use crate::plugin::task::TaskContext;
use crate::plugin::value::Value;
use crate::spec::TrialSpec;
use crate::topology;

/// A trial that is ready to run.
#[derive(Debug)]
pub struct Trial<'t> {
    /// What was asked for.
    pub spec: &'t TrialSpec,
    /// What every worker measures.
    pub plan: &'t Plan,
    /// The ledger.
    pub map: &'static Map,
    /// The kernel.
    pub kernel: &'t Kernel,
    /// Its arguments, resolved.
    pub values: &'t [ParamValue],
    /// The coordinator's instance.
    pub instance: &'t Instance<'t>,
    /// What there is to do.
    pub tasks: &'t [PlannedTask],
    /// The core of each worker.
    pub cores: &'t [Option<u32>],
}

impl Trial<'_> {
    /// Runs all tasks and gives their results in task order; afterwards the coordinator is in `teardown`.
    ///
    /// # Errors
    /// What failed: the kernel's own message and the task, or the worker that died.
    pub fn run(&self, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
        match self.spec.case.model {
            Model::Sequential => sequential::run(self, coordinator),
            Model::Threads => threads::run(self, coordinator),
            Model::Processes => processes::run(self, coordinator),
            Model::EventLoop => Err("the model event-loop is not built yet".to_owned()),
            Model::Subinterpreters => Err("the model subinterpreters is not built yet".to_owned()),
            Model::Recorded => Err("a recorded program cannot be run as a model".to_owned()),
            Model::Hybrid => Err("the model hybrid is not built yet".to_owned()),
        }
    }

    /// The first worker is about to be started.
    fn start_wall(&self) {
        self.map.header().wall_from.store(Clock::best().now(), Relaxed);
    }

    /// The last result is there and the last worker gone.
    fn stop_wall(&self) {
        self.map.header().wall_until.store(Clock::best().now(), Relaxed);
    }

    /// Stamps the birth of a worker that is about to be started, and the core it will bind itself to.
    fn stamp_birth(&self, worker: usize) -> &'static Section {
        let section = self.map.worker(worker as u32);
        section.core.store(self.cores[worker].map_or(0, |cpu| cpu + 1), Relaxed);
        stamp_birth(section, Clock::best().now(), raw_ns());
        section
    }
}

/// Binds the calling worker to its core, then starts its accounts: which counters it can have may depend on the core.
pub fn start_pinned<'l>(section: &'l Section, plan: &Plan, core: Option<u32>) -> Meter<'l> {
    let refused = core.is_some_and(|cpu| topology::pin_self(cpu).is_err());
    let meter = Meter::start(section, plan);
    if refused {
        meter.set_flag(flag::PIN_REFUSED);
    }
    meter
}

/// Runs one task on the calling worker, which holds the lock; afterwards it is in `then`, and the task is still its
/// current one: it is the caller that knows when the task is finished.
fn run_task(
    instance: &Instance<'_>,
    meter: &mut Meter<'_>,
    lock: &Lock,
    worker: usize,
    (task, input): (usize, &Value),
    then: Phase,
) -> Result<Value, KernelError> {
    meter.take_task(task as u64);
    meter.begin_compute();
    let mut context = TaskContext::new(meter, lock, worker, instance.kernel().info.phases.len());
    let result = instance.run(&mut context, input);
    meter.end_compute(then);
    result
}

/// How a failed task is told.
fn task_error(task: usize, error: &KernelError) -> String {
    format!("task {task} failed: {error}")
}
