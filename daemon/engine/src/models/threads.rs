//! One process, n threads, one lock policy. Values are handed over by pointer and never encoded.
//!
//! As in a ThreadPoolExecutor, all workers take tasks from one queue. All tasks are known from the start, so the queue
//! is a cursor over the plan. A worker under a lock holds it while it takes the next task, as interpreter code does,
//! and gives it up at safe points on request, and in blocking regions.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam::utils::CachePadded;
use gild_model::case::LockPolicy;
use gild_model::phase::Phase;

use super::{Trial, run_task, start_pinned, task_error};
use crate::ledger::layout::{Section, SlotId, attention};
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::instance::Instance;
use crate::plugin::value::Value;

/// Stack of a worker: what the main thread of a program usually has. Reserved, not touched.
const STACK_SIZE: usize = 8 << 20;

/// What the workers share.
struct Pool<'t> {
    trial: &'t Trial<'t>,
    lock: Lock,
    /// One instance per worker, or one for all if the kernel allows it.
    instances: Vec<Instance<'t>>,
    /// The next task to take; on a cache line of its own, for every worker writes it.
    cursor: CachePadded<AtomicUsize>,
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
        let case = &trial.spec.case;
        let words = (0..trial.cores.len()).map(|worker| &trial.map.worker(worker as u32).attention.0).collect();
        let interval = Duration::from_micros(case.interval_us.unwrap_or_default());
        let own = if trial.kernel.info.shared { 0 } else { trial.cores.len() };
        let instance = |_| Instance::create(trial.kernel, trial.values).map_err(|error| format!("create: {error}"));
        Ok(Pool {
            trial,
            lock: Lock::new(case.lock.unwrap_or(LockPolicy::None), interval, words),
            instances: (0..own).map(instance).collect::<Result<_, _>>()?,
            cursor: CachePadded::new(AtomicUsize::new(0)),
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
        while let Some(task) = self.next(worker, &mut meter) {
            let input = &self.trial.tasks[task].input;
            let result = run_task(instance, &mut meter, &self.lock, worker, (task, input), Phase::Idle);
            meter.finish_task(result.is_ok());
            match result {
                Ok(result) => {
                    meter.add_weight(self.trial.tasks[task].weight);
                    let given_twice = self.results[task].set(result).is_err();
                    debug_assert!(!given_twice, "the cursor gives every task once");
                }
                Err(error) => {
                    self.fail(task_error(task, &error));
                    break;
                }
            }
        }
        meter.mark(Phase::Teardown);
        self.lock.release(worker);
        meter.finish();
    }

    /// The next task; between two tasks is a safe point, as between two bytecodes.
    fn next(&self, worker: usize, meter: &mut Meter<'_>) -> Option<usize> {
        let asked = || self.trial.map.worker(worker as u32).attention.0.load(Relaxed);
        if asked() & attention::DROP_LOCK != 0 {
            self.lock.hand_over(worker, meter, SlotId::phase(Phase::Idle));
        }
        if asked() & attention::DRAIN != 0 {
            meter.drain();
        }
        // Read anew: handing over can take many intervals.
        if asked() & attention::CANCEL != 0 {
            return None;
        }
        let task = self.cursor.fetch_add(1, Relaxed);
        (task < self.trial.tasks.len()).then_some(task)
    }

    /// Notes the first failure and asks every worker to stop at its next safe point.
    fn fail(&self, error: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        for worker in 0..self.trial.map.workers() {
            self.trial.map.worker(worker).attention.0.fetch_or(attention::CANCEL, Relaxed);
        }
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
