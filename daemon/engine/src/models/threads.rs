//! One process, n threads, one lock policy. Values are handed over by pointer and never encoded.
//!
//! As in a ThreadPoolExecutor, all workers take tasks from one queue, unless the case gives each its own. A worker under a
//! lock holds it while it takes the next task, as interpreter code does, and gives it up at safe points on request, and in
//! blocking regions.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use gild_model::phase::Phase;

use super::queue::Queues;
use super::{STACK_SIZE, Trial, between_tasks, give_up, run_task, start_pinned, task_error};
use crate::ledger::layout::{Section, SlotId};
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::instance::Instance;
use crate::plugin::value::Value;

/// What the workers share.
struct Pool<'t> {
    trial: &'t Trial<'t>,
    lock: Lock,
    /// One instance per worker, or one for all if the kernel allows it.
    instances: Vec<Instance<'t>>,
    queues: Queues,
    results: Vec<OnceLock<Value>>,
    /// The first failure.
    failure: Mutex<Option<String>>,
}

/// Runs all tasks on `workers` threads.
///
/// # Errors
/// The first task that fails, or a thread that cannot be started.
pub fn run(trial: &Trial<'_>, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    let pool = Pool::new(trial)?;
    coordinator.mark(Phase::Launch);
    trial.start_wall();
    thread::scope(|scope| {
        for worker in 0..trial.cores.len() {
            let section = trial.stamp_birth(worker);
            let builder = thread::Builder::new().name(format!("worker-{worker}")).stack_size(STACK_SIZE);
            let pool = &pool;
            if let Err(error) = builder.spawn_scoped(scope, move || pool.work(worker, section)) {
                pool.fail(format!("worker {worker} cannot be started: {error}"));
                break;
            }
        }
        coordinator.mark(Phase::Idle);
        // The scope ends when the last worker is gone.
    });
    trial.stop_wall();
    coordinator.mark(Phase::Teardown);
    pool.results()
}

impl<'t> Pool<'t> {
    fn new(trial: &'t Trial<'t>) -> Result<Pool<'t>, String> {
        let workers: Vec<_> = (0..trial.cores.len()).map(|worker| trial.map.worker(worker as u32)).collect();
        let own = if trial.kernel.info.shared { 0 } else { trial.cores.len() };
        let instance = |_| Instance::create(trial.kernel, trial.values).map_err(|error| format!("create: {error}"));
        Ok(Pool {
            trial,
            lock: Lock::of_case(&trial.spec.case, &workers),
            instances: (0..own).map(instance).collect::<Result<_, _>>()?,
            queues: trial.queues(),
            results: trial.tasks.iter().map(|_| OnceLock::new()).collect(),
            failure: Mutex::new(None),
        })
    }

    /// A worker's life.
    fn work(&self, worker: usize, section: &'static Section) {
        crate::fault::watch(section);
        let mut meter = start_pinned(section, self.trial.plan, self.trial.cores[worker]);
        let instance = self.instances.get(worker).unwrap_or(self.trial.instance);
        self.lock.acquire(worker, &mut meter, SlotId::phase(Phase::Idle));
        self.work_off(worker, instance, &mut meter);
        meter.mark(Phase::Teardown);
        self.lock.release(worker);
        meter.finish();
    }

    /// Takes tasks until there are no more, or the trial is given up. Between two tasks is a safe point, as between two
    /// bytecodes.
    fn work_off(&self, worker: usize, instance: &Instance<'_>, meter: &mut Meter<'static>) {
        let mut chunk = 0..0;
        while between_tasks(&self.lock, worker, meter, Phase::Idle) {
            let Some(task) = chunk.next().or_else(|| {
                chunk = self.queues.next(worker);
                chunk.next()
            }) else {
                return;
            };
            if let Err(error) = self.run(worker, instance, meter, task) {
                return self.fail(error);
            }
        }
    }

    fn run(
        &self,
        worker: usize,
        instance: &Instance<'_>,
        meter: &mut Meter<'static>,
        task: usize,
    ) -> Result<(), String> {
        let planned = &self.trial.tasks[task];
        let result = run_task(instance, meter, &self.lock, worker, (task, &planned.input), Phase::Idle);
        meter.finish_task(result.is_ok());
        let result = result.map_err(|error| task_error(task, &error))?;
        meter.add_weight(planned.weight);
        let given_twice = self.results[task].set(result).is_err();
        debug_assert!(!given_twice, "the queues give every task once");
        Ok(())
    }

    /// Notes the first failure and asks every worker to stop at its next safe point.
    fn fail(&self, error: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        give_up(self.trial.map);
    }

    fn results(self) -> Result<Vec<Value>, String> {
        if let Some(error) = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let taken = |(task, cell): (usize, OnceLock<Value>)| {
            cell.into_inner().ok_or_else(|| format!("task {task} has no result, and nobody said why"))
        };
        self.results.into_iter().enumerate().map(taken).collect()
    }
}
