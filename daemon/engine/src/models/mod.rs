//! The execution models: how the planned tasks of a trial get run.
//!
//! | module | model |
//! |---|---|
//! | [`sequential`] | the coordinator's own thread |
//! | [`event_loop`] | the coordinator's own thread, n tasks in flight |
//! | [`own_thread`] | how these two borrow that thread |
//! | [`threads`] | n threads, one lock policy |
//! | [`processes`] | n processes, of one thread each (`processes`) or several (`hybrid`); values encoded over a transport |
//! | [`subinterpreters`] | n threads that share nothing; values encoded over a transport |
//!
//! | what models are made of | |
//! |---|---|
//! | `queue` | which tasks a worker gets next |
//! | `dispatcher`, `peers` | the coordinator at work, and the workers at the other ends of its connections |
//! | [`serve`] | a worker at the end of a connection |
//! | [`process`], [`crew`] | how a process with workers is started, and what happens in it |
//!
//! A model starts workers, gives each task to one of them, and collects every result. It stamps the start of the wall
//! time just before the first worker is started, and its end when the last result is there and the last worker gone.

pub mod crew;
mod dispatcher;
pub mod event_loop;
pub mod own_thread;
mod peers;
pub mod process;
pub mod processes;
mod queue;
pub mod sequential;
pub mod serve;
pub mod subinterpreters;
pub mod threads;

use std::sync::atomic::Ordering::Relaxed;

use gild_model::case::{Dispatch, Model};
use gild_model::experiment::ParamValue;
use gild_model::phase::Phase;

use crate::clock::{Clock, raw_ns};
use crate::ledger::layout::{Section, SlotId, attention, flag};
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
use queue::Queues;

/// Stack of a worker's thread: what the main thread of a program usually has. Reserved, not touched.
const STACK_SIZE: usize = 8 << 20;

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
            Model::Processes => processes::run(self, 1, coordinator),
            Model::EventLoop => event_loop::run(self, coordinator),
            Model::Subinterpreters => subinterpreters::run(self, coordinator),
            Model::Recorded => Err("a recorded program cannot be run as a model".to_owned()),
            Model::Hybrid => {
                let threads = self.spec.case.threads_per_process.unwrap_or(1);
                processes::run(self, threads.max(1) as usize, coordinator)
            }
        }
    }

    /// All tasks, to be dealt out as the case says.
    fn queues(&self) -> Queues {
        let case = &self.spec.case;
        let queues = match case.dispatch.unwrap_or(Dispatch::Shared) {
            Dispatch::Shared => 1,
            Dispatch::PerWorker => self.cores.len(),
        };
        Queues::new(self.tasks.len(), queues, case.chunk.unwrap_or(1) as usize)
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
        stamp_birth_of(self.map, worker, self.cores[worker])
    }
}

/// Stamps the birth of a worker that is about to be started by whoever calls this, and its core.
fn stamp_birth_of(map: &'static Map, worker: usize, core: Option<u32>) -> &'static Section {
    let section = map.worker(worker as u32);
    section.core.store(core.map_or(0, |cpu| cpu + 1), Relaxed);
    stamp_birth(section, Clock::best().now(), raw_ns());
    section
}

/// Asks every worker of this process to stop at its next safe point.
fn give_up(map: &'static Map) {
    for worker in 0..map.workers() {
        map.worker(worker).attention.0.fetch_or(attention::CANCEL, Relaxed);
    }
}

/// The safe point between two tasks of a worker, which holds the lock and is in `phase`. `false`: the trial is given up.
fn between_tasks(lock: &Lock, place: usize, meter: &mut Meter<'_>, phase: Phase) -> bool {
    let attention = &meter.section().attention.0;
    if lock.is_due(attention.load(Relaxed)) {
        lock.hand_over(place, meter, SlotId::phase(phase));
    }
    if attention.load(Relaxed) & attention::DRAIN != 0 {
        meter.drain();
    }
    // Read anew: handing over can take many intervals.
    attention.load(Relaxed) & attention::CANCEL == 0
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
