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

use std::time::Duration;

use super::DROP_LOCK;
use super::sync::Ordering::{Acquire, Relaxed, Release};
use super::sync::{AtomicU32, AtomicUsize, Condvar, Mutex, MutexGuard, now};
use super::waits::Waits;

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
    waits: Waits,
}

impl Gil {
    /// A free lock.
    pub fn new(interval: Duration, attention: Vec<&'static AtomicU32>, waits: Waits) -> Gil {
        Gil {
            // CPython waits for at least a microsecond.
            interval: interval.max(Duration::from_micros(1)),
            attention,
            state: Mutex::new(State { locked: false, switch_number: 0, waits }),
            cond: Condvar::new(),
            last_holder: AtomicUsize::new(NOBODY),
            switch_mutex: Mutex::new(()),
            switch_cond: Condvar::new(),
        }
    }

    /// How often the lock went from one worker to another.
    pub fn switches(&self) -> u64 {
        self.state.lock().switch_number
    }

    /// Takes the lock if it is free, without waiting for anything: who drops the lock holds the state's mutex while it wakes
    /// a waiter, who may push it off its core at that moment.
    pub fn try_take(&self, worker: usize) -> bool {
        let Some(state) = self.state.try_lock() else { return false };
        let free = !state.locked;
        if free {
            self.own(state, worker);
        }
        free
    }

    /// Takes the lock (`take_gil`), for which the worker has asked at this instant. `timed_out` is called after each interval that passed in vain; it must be quick, for
    /// the state's mutex is held.
    pub fn take(&self, worker: usize, asked: u64, mut timed_out: impl FnMut()) {
        let mut state = self.state.lock();
        state.waits.enter(worker, asked);
        while state.locked {
            let switch_number = state.switch_number;
            let (woken, in_vain) = self.cond.wait_timeout(state, self.interval);
            state = woken;
            if in_vain {
                timed_out();
            }
            // Any switch meanwhile restarts the interval without a request.
            if in_vain && state.locked && state.switch_number == switch_number {
                self.request_drop();
            }
        }
        state.waits.leave(worker, now());
        self.own(state, worker);
    }

    /// The second half of `take_gil`: the lock is free and the state's mutex held.
    fn own(&self, mut state: MutexGuard<'_, State>, worker: usize) {
        let switching = self.switch_mutex.lock();
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
        let mut state = self.state.lock();
        state.waits.release(worker, now);
        state.locked = false;
        // Under the mutex, as in CPython.
        self.cond.notify_one();
    }

    /// Gives the lock back because a waiter asked for it, and waits until another worker has taken it.
    pub fn drop_on_request(&self, worker: usize) {
        self.drop_lock(worker);
        let switching = self.switch_mutex.lock();
        if self.last_holder.load(Acquire) == worker {
            self.attention[worker].fetch_and(!DROP_LOCK, Relaxed);
            // Once, without a loop, as in CPython: a spurious wake-up lets the worker compete again.
            drop(self.switch_cond.wait(switching));
        }
    }
}
