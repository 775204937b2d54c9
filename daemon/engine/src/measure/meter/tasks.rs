//! The tasks of a worker: taken, computed, done. What is stamped here is in the ledger and in the task log.

use gild_model::case::CounterScope;
use gild_model::phase::Phase;

use super::Meter;
use crate::ledger::task_log::TaskLog;

impl Meter<'_> {
    /// A task was taken, when the open phase began: it is the worker's current one. If it is already, it keeps its time.
    #[inline]
    pub fn take_task(&mut self, task: u64) {
        if self.writer.take_task(task, self.since) {
            self.log.taken(task, self.number, self.since);
        }
    }

    /// As [`Meter::take_task`], for a task that was taken just now, in the middle of the open phase.
    #[inline]
    pub fn take_task_now(&mut self, task: u64) {
        let now = self.clock.now();
        if self.writer.take_task(task, now) {
            self.log.taken(task, self.number, now);
        }
    }

    /// The result of the current task was done when the open phase began, and has yet to go to the coordinator, who will
    /// log when it has it. Where results stay in memory, [`Meter::finish_task`] is enough.
    #[inline]
    pub fn result_done(&mut self) {
        if let Some(task) = self.writer.task() {
            self.log.done(task, self.since);
        }
    }

    /// The worker turns to a task that it took at `since`, in ticks. With several in flight, each becomes the current one
    /// again and again.
    #[inline]
    pub fn turn_to_task(&mut self, task: u64, since: u64) {
        self.writer.turn_to_task(task, since);
    }

    /// The current task is done, or, if not `done`, given up.
    #[inline]
    pub fn finish_task(&mut self, done: bool) {
        if let Some(task) = self.writer.task().filter(|_| done) {
            self.log.finished(task, self.since);
        }
        self.writer.finish_task(done);
    }

    /// The task log, for a worker that has several tasks at once.
    pub fn log(&self) -> TaskLog {
        self.log
    }

    /// Ticks since when the open phase is open.
    pub fn since(&self) -> u64 {
        self.since
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
}
