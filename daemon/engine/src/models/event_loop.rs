//! One process, one thread, many tasks in flight: a task gives way to the others wherever it waits.
//!
//! ```text
//!        ┌─────────────────────────────────────────────────────────────┐
//!        ▼                                                             │
//! take tasks while there is room, each polled once ─▶ wait ─▶ poll each that is ready
//!        compute                                     io-wait          compute
//! ```
//!
//! Polling an operation is `compute`; asking the system which ones are ready, and waiting until one is, is `io-wait`, so
//! its time on a core is the price of the loop; without a task in flight the worker is `idle`. While a task is polled it
//! is the worker's current one in the ledger, and while the loop waits it is the one that has been in flight for longest:
//! the task that a limit is passed by, or that a signal kills, is the one to be named.
//!
//! Tasks of a kernel without an asynchronous form are run one after the other: each blocks the loop.

mod poller;

use std::collections::{BTreeMap, VecDeque};

use gild_model::phase::Phase;

use self::poller::Poller;
use super::{Trial, own_thread, sequential, task_error};
use crate::ledger::layout::{attention, flag};
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::instance::KernelError;
use crate::plugin::operation::Operation;
use crate::plugin::task::TaskContext;
use crate::plugin::value::Value;
use crate::plugin::waits::Wait;

/// Runs all tasks on one thread, at most `in_flight` of them at once.
///
/// # Errors
/// The first task that fails, or the system does not let its waits be waited for.
pub fn run(trial: &Trial<'_>, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    let room = trial.spec.case.in_flight.unwrap_or(1) as usize;
    own_thread::run(trial, coordinator, |meter| match trial.kernel.info.asynchronous {
        true => EventLoop::new(trial, meter, room)?.run(),
        false => {
            meter.set_flag(flag::BLOCKS_LOOP);
            sequential::run_all(trial, meter)
        }
    })
}

/// A loop, and what it has under way.
struct EventLoop<'t, 'm, 'l> {
    trial: &'t Trial<'t>,
    meter: &'m mut Meter<'l>,
    /// Most tasks in flight.
    room: usize,
    poller: Poller,
    /// By task. They are taken in order, so the first has been in flight for longest.
    flights: BTreeMap<usize, Flight<'t>>,
    /// Those to be polled next.
    ready: VecDeque<usize>,
    /// The next task to take.
    next: usize,
    results: Vec<Option<Value>>,
}

/// A task in flight.
struct Flight<'t> {
    operation: Operation<'t>,
    /// When it was taken, in ticks.
    since: u64,
    /// What it waits for.
    waits: Vec<Wait>,
    /// Something of that has happened, and it stands in the queue.
    is_ready: bool,
}

impl<'t, 'm, 'l> EventLoop<'t, 'm, 'l> {
    fn new(trial: &'t Trial<'t>, meter: &'m mut Meter<'l>, room: usize) -> Result<EventLoop<'t, 'm, 'l>, String> {
        let poller = Poller::new().map_err(|error| format!("the event loop cannot be made: {error}"))?;
        let results = trial.tasks.iter().map(|_| None).collect();
        let (flights, ready) = (BTreeMap::new(), VecDeque::new());
        Ok(EventLoop { trial, meter, room, poller, flights, ready, next: 0, results })
    }

    fn run(mut self) -> Result<Vec<Value>, String> {
        let outcome = self.run_all();
        self.give_up();
        outcome?;
        let taken = |(task, result): (usize, Option<Value>)| {
            result.ok_or_else(|| format!("task {task} has no result, and nobody said why"))
        };
        self.results.into_iter().enumerate().map(taken).collect()
    }

    fn run_all(&mut self) -> Result<(), String> {
        loop {
            self.take_tasks()?;
            if self.flights.is_empty() {
                return Ok(());
            }
            self.wait()?;
            while let Some(task) = self.ready.pop_front() {
                self.go_on(task)?;
            }
            self.heed_attention()?;
        }
    }

    /// Starts tasks while there is room for more, and polls each for the first time.
    fn take_tasks(&mut self) -> Result<(), String> {
        while self.flights.len() < self.room && self.next < self.trial.tasks.len() {
            let task = self.next;
            self.next += 1;
            let outcome = self.take(task);
            self.conclude(task, outcome)?;
        }
        Ok(())
    }

    /// Takes a task. The outcome is that of its first poll; `None`: it is in flight.
    fn take(&mut self, task: usize) -> Result<Option<Value>, KernelError> {
        let since = self.meter.clock().now();
        self.meter.log().taken(task as u64, 0, since);
        self.meter.turn_to_task(task as u64, since);
        self.meter.begin_compute();
        let phases = self.trial.kernel.info.phases.len();
        let mut context = TaskContext::new(self.meter, &Lock::None, 0, phases);
        let operation = self.trial.instance.start(&mut context, &self.trial.tasks[task].input)?;
        self.poll(task, Flight { operation, since, waits: Vec::new(), is_ready: false })
    }

    /// Polls a task that something has happened for.
    fn go_on(&mut self, task: usize) -> Result<(), String> {
        let Some(mut flight) = self.flights.remove(&task) else { return Ok(()) };
        self.poller.withdraw(task, &flight.waits);
        flight.waits.clear();
        flight.is_ready = false;
        self.meter.turn_to_task(task as u64, flight.since);
        self.meter.begin_compute();
        let outcome = self.poll(task, flight);
        self.conclude(task, outcome)
    }

    /// Goes on with a task as far as possible. `None`: it is in flight (again).
    fn poll(&mut self, task: usize, mut flight: Flight<'t>) -> Result<Option<Value>, KernelError> {
        let phases = self.trial.kernel.info.phases.len();
        let mut context = TaskContext::new(self.meter, &Lock::None, 0, phases).with_waits(&mut flight.waits);
        let result = flight.operation.poll(&mut context)?;
        if result.is_none() {
            self.flights.insert(task, flight);
        }
        Ok(result)
    }

    /// What becomes of a task that has just been polled: the kernel has had its time, operations that are over included.
    fn conclude(&mut self, task: usize, outcome: Result<Option<Value>, KernelError>) -> Result<(), String> {
        self.meter.end_compute(if self.flights.is_empty() { Phase::Idle } else { Phase::IoWait });
        match outcome {
            Ok(None) => self.register(task)?,
            Ok(Some(result)) => {
                self.meter.finish_task(true);
                self.meter.add_weight(self.trial.tasks[task].weight);
                self.results[task] = Some(result);
            }
            Err(error) => {
                self.meter.finish_task(false);
                return Err(task_error(task, &error));
            }
        }
        Ok(())
    }

    fn register(&mut self, task: usize) -> Result<(), String> {
        let waits = self.flights.get(&task).map_or(&[][..], |flight| &flight.waits);
        self.poller.register(task, waits).map_err(|error| format!("task {task} failed: {error}"))
    }

    /// Waits until something has happened for a task in flight.
    fn wait(&mut self) -> Result<(), String> {
        if let Some((task, flight)) = self.flights.first_key_value() {
            self.meter.turn_to_task(*task as u64, flight.since);
        }
        let fired = self.poller.wait().map_err(|error| format!("the event loop cannot wait: {error}"))?;
        for task in fired {
            if let Some(flight) = self.flights.get_mut(task).filter(|flight| !flight.is_ready) {
                flight.is_ready = true;
                self.ready.push_back(*task);
            }
        }
        Ok(())
    }

    /// Between two polls is a safe point.
    fn heed_attention(&mut self) -> Result<(), String> {
        let asked = self.meter.section().attention.0.load(std::sync::atomic::Ordering::Relaxed);
        if asked & attention::DRAIN != 0 {
            self.meter.drain();
        }
        match asked & attention::CANCEL {
            0 => Ok(()),
            _ => Err(format!("cancelled with {} tasks in flight", self.flights.len())),
        }
    }

    /// Cancels what is still in flight. What the kernel does about that is computing, too.
    fn give_up(&mut self) {
        if !self.flights.is_empty() {
            self.meter.mark(Phase::Compute);
            self.flights.clear();
            self.meter.mark(Phase::Idle);
        }
    }
}
