//! The global interpreter lock of CPython 3.2 and later, field by field.
//!
//! After Python/ceval_gil.c (read at 3.12, 3.13.5 and main; the same since 3.2 but for where the request is kept). The
//! lock is a flag under a mutex with a condition. A waiter waits one interval; if that passed without any switch, it
//! raises the *drop request* of the holder, which the holder sees at its next safe point. A holder that drops on
//! request then waits until another thread has taken the lock (*forced switching*), so that it cannot win its own
//! lock back.
//!
//! ```text
//! take:   while locked: wait on cond for one interval
//!             timed out, still locked, and no switch meanwhile ─▶ raise the holder's drop request
//!         locked = true; if the last holder was another: switch_number += 1
//!         signal switch_cond; clear the own drop request
//! drop:   locked = false; signal cond
//!         on request: while nobody else has taken it: wait (once) on switch_cond
//! ```

use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ledger::layout::attention::DROP_LOCK;

/// No worker has held the lock yet.
const NOBODY: usize = usize::MAX;

/// The lock; workers are numbered from 0.
#[derive(Debug)]
pub struct Gil {
    interval: Duration,
    /// The workers' attention words, in order.
    attention: Vec<&'static AtomicU32>,
    state: Mutex<State>,
    cond: Condvar,
    /// Who took the lock last; written under `switch_mutex` while the lock is held.
    last_holder: AtomicUsize,
    switch_mutex: Mutex<()>,
    switch_cond: Condvar,
}

#[derive(Debug)]
struct State {
    locked: bool,
    switch_number: u64,
}

impl Gil {
    /// A free lock.
    pub fn new(interval: Duration, attention: Vec<&'static AtomicU32>) -> Gil {
        Gil {
            // CPython waits for at least a microsecond.
            interval: interval.max(Duration::from_micros(1)),
            attention,
            state: Mutex::new(State { locked: false, switch_number: 0 }),
            cond: Condvar::new(),
            last_holder: AtomicUsize::new(NOBODY),
            switch_mutex: Mutex::new(()),
            switch_cond: Condvar::new(),
        }
    }

    /// How often the lock went from one worker to another.
    pub fn switches(&self) -> u64 {
        held(self.state.lock()).switch_number
    }

    /// Takes the lock if it is free.
    pub fn try_take(&self, worker: usize) -> bool {
        let state = held(self.state.lock());
        let free = !state.locked;
        if free {
            self.own(state, worker);
        }
        free
    }

    /// Takes the lock (`take_gil`). `timed_out` is called after each interval that passed in vain; it must be quick, for
    /// the state's mutex is held.
    pub fn take(&self, worker: usize, mut timed_out: impl FnMut()) {
        let mut state = held(self.state.lock());
        while state.locked {
            let switch_number = state.switch_number;
            let (woken, wait) = self.cond.wait_timeout(state, self.interval).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if wait.timed_out() {
                timed_out();
            }
            // Any switch meanwhile restarts the interval without a request.
            if wait.timed_out() && state.locked && state.switch_number == switch_number {
                self.request_drop();
            }
        }
        self.own(state, worker);
    }

    /// The second half of `take_gil`: the lock is free and the state's mutex held.
    fn own(&self, mut state: MutexGuard<'_, State>, worker: usize) {
        let switching = held(self.switch_mutex.lock());
        state.locked = true;
        if self.last_holder.load(Relaxed) != worker {
            self.last_holder.store(worker, Release);
            state.switch_number += 1;
        }
        self.switch_cond.notify_one();
        drop(switching);
        self.attention[worker].fetch_and(!DROP_LOCK, Relaxed);
    }

    fn request_drop(&self) {
        if let Some(holder) = self.attention.get(self.last_holder.load(Acquire)) {
            holder.fetch_or(DROP_LOCK, Relaxed);
        }
    }

    /// Gives the lock back (`drop_gil` without a request: before blocking, or for good).
    pub fn drop_lock(&self, worker: usize) {
        debug_assert_eq!(self.last_holder.load(Relaxed), worker, "only the holder drops the lock");
        held(self.state.lock()).locked = false;
        self.cond.notify_one();
    }

    /// Gives the lock back because a waiter asked for it, and waits until another worker has taken it.
    pub fn drop_on_request(&self, worker: usize) {
        self.drop_lock(worker);
        let switching = held(self.switch_mutex.lock());
        if self.last_holder.load(Acquire) == worker {
            self.attention[worker].fetch_and(!DROP_LOCK, Relaxed);
            // Once, without a loop, as in CPython: a spurious wake-up lets the worker compete again.
            drop(self.switch_cond.wait(switching));
        }
    }
}

/// A mutex here is never poisoned by a panic that matters: nothing is done under it that could leave it half changed.
fn held<'m, T>(lock: Result<MutexGuard<'m, T>, PoisonError<MutexGuard<'m, T>>>) -> MutexGuard<'m, T> {
    lock.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64};

    fn words(count: usize) -> Vec<&'static AtomicU32> {
        (0..count).map(|_| &*Box::leak(Box::new(AtomicU32::new(0)))).collect()
    }

    /// Runs `threads` workers that count under the lock, with a safe point after each count, until all have counted
    /// `each` times. Gives the lock, and what the first counter and its check say.
    fn contend(threads: usize, each: u64) -> (Gil, u64) {
        let attention = words(threads);
        let gil = Gil::new(Duration::from_micros(200), attention.clone());
        let (inside, sum) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for worker in 0..threads {
                let (gil, inside, sum, attention) = (&gil, &inside, &sum, &attention);
                scope.spawn(move || {
                    gil.take(worker, || {});
                    for _ in 0..each {
                        assert!(!inside.swap(true, Acquire), "two workers inside");
                        sum.store(sum.load(Relaxed) + 1, Relaxed);
                        inside.store(false, Release);
                        if attention[worker].load(Relaxed) & DROP_LOCK != 0 {
                            gil.drop_on_request(worker);
                            gil.take(worker, || {});
                        }
                    }
                    gil.drop_lock(worker);
                });
            }
        });
        let total = sum.load(Relaxed);
        (gil, total)
    }

    #[test]
    fn one_worker_at_a_time_and_every_worker_gets_there() {
        let (gil, total) = contend(4, 200_000);
        assert_eq!(total, 800_000);
        assert!(gil.switches() >= 4, "every worker has taken the lock: {} switches", gil.switches());
        assert!(gil.try_take(0), "the lock is free in the end");
    }

    #[test]
    fn a_free_lock_is_taken_at_once_and_a_held_one_is_not() {
        let gil = Gil::new(Duration::from_millis(5), words(2));
        assert!(gil.try_take(0));
        assert!(!gil.try_take(1));
        gil.drop_lock(0);
        assert!(gil.try_take(1));
        assert_eq!(gil.switches(), 2);
    }

    #[test]
    fn a_waiter_asks_for_the_lock_only_after_an_interval_without_a_switch() {
        let attention = words(2);
        let gil = Gil::new(Duration::from_millis(1), attention.clone());
        assert!(gil.try_take(0));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| gil.take(1, || {}));
            while attention[0].load(Relaxed) & DROP_LOCK == 0 {
                std::thread::yield_now();
            }
            gil.drop_on_request(0);
            // Forced switching: the other worker has the lock, or a spurious wake-up let this one go early.
            waiter.join().unwrap();
        });
        assert_eq!(gil.last_holder.load(Relaxed), 1);
        gil.drop_lock(1);
        gil.take(0, || {});
        assert_eq!(attention[0].load(Relaxed), 0, "whoever takes the lock has no request any more");
    }
}
