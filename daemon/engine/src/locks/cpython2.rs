//! The interpreter lock of Python 2: a plain lock that its holder gives back and takes again every so many bytecodes.
//!
//! After Python/ceval.c and Python/thread_pthread.h of 2.7.18. The lock is a semaphore, which remembers nothing but
//! whether it is taken. A counter that all threads share counts bytecodes down (here: safe points); when it is used up,
//! whoever runs posts the semaphore and at once waits for it. There is no time in it, no order and no forced switching.
//! Posting wakes a waiter, but the lock is free only until its holder asks for it again, a moment later: on a machine
//! with several cores the one that wakes up finds it taken and goes back to sleep. All that signalling, for which the
//! holder pays with a system call each time, is the convoy of Python 2.
//!
//! ```text
//! take:       while locked: wait on cond
//!             locked = true
//! drop:       locked = false; if somebody waits: signal cond
//! safe point: ticks -= 1; if none is left: ticks = check_interval; drop; take
//! ```
//!
//! So a waiter is promised nothing but that it is woken: no wake-up is lost, but whether it gets the lock is chance. What
//! differs from CPython 2.7: there the counter goes below zero before it is set anew, which makes its period one
//! bytecode longer, and it can be put off by one bytecode before a `try`.

use super::sync::Ordering::Relaxed;
use super::sync::{AtomicUsize, Condvar, Mutex, MutexGuard, now};
use super::waits::Waits;

/// The lock; workers are numbered from 0.
#[derive(Debug)]
pub struct InterpreterLock {
    check_interval: usize,
    /// Safe points left until the lock is given back; written by its holder alone.
    ticks: AtomicUsize,
    state: Mutex<State>,
    cond: Condvar,
    /// How many wait; written under the state's mutex.
    waiters: AtomicUsize,
}

#[derive(Debug)]
struct State {
    locked: bool,
    last_holder: Option<usize>,
    switch_number: u64,
    waits: Waits,
}

impl InterpreterLock {
    /// A free lock, which is given back every `check_interval` safe points.
    pub fn new(check_interval: u32, waits: Waits) -> InterpreterLock {
        let check_interval = check_interval.max(1) as usize;
        InterpreterLock {
            check_interval,
            ticks: AtomicUsize::new(check_interval),
            state: Mutex::new(State { locked: false, last_holder: None, switch_number: 0, waits }),
            cond: Condvar::new(),
            waiters: AtomicUsize::new(0),
        }
    }

    /// How often the lock went from one worker to another.
    pub fn switches(&self) -> u64 {
        self.state.lock().switch_number
    }

    /// Whether anybody waits for the lock, or did a moment ago.
    pub fn is_wanted(&self) -> bool {
        self.waiters.load(Relaxed) > 0
    }

    /// Counts a safe point of the holder. `true`: the lock is to be given back now, and taken again.
    pub fn count_safe_point(&self) -> bool {
        let left = self.ticks.load(Relaxed) - 1;
        self.ticks.store(if left == 0 { self.check_interval } else { left }, Relaxed);
        left == 0
    }

    /// Takes the lock if it is free, without waiting for anything.
    pub fn try_take(&self, worker: usize) -> bool {
        let Some(state) = self.state.try_lock() else { return false };
        let free = !state.locked;
        if free {
            Self::own(state, worker);
        }
        free
    }

    /// Takes the lock, for which the worker has asked at this instant, as soon as it is found free. `in_vain` is called each time before the worker goes to sleep; it must
    /// be quick, for the state's mutex is held.
    pub fn take(&self, worker: usize, asked: u64, mut in_vain: impl FnMut()) {
        let mut state = self.state.lock();
        state.waits.enter(worker, asked);
        if state.locked {
            self.count_waiters(&state, 1);
            while state.locked {
                in_vain();
                state = self.cond.wait(state);
            }
            self.count_waiters(&state, -1);
        }
        state.waits.leave(worker, now());
        Self::own(state, worker);
    }

    fn count_waiters(&self, _under: &MutexGuard<'_, State>, more: isize) {
        self.waiters.store(self.waiters.load(Relaxed).wrapping_add_signed(more), Relaxed);
    }

    fn own(mut state: MutexGuard<'_, State>, worker: usize) {
        state.locked = true;
        if state.last_holder.replace(worker) != Some(worker) {
            state.switch_number += 1;
        }
    }

    /// Gives the lock back and wakes a waiter, if there is one.
    pub fn drop_lock(&self, worker: usize) {
        let mut state = self.state.lock();
        debug_assert_eq!(state.last_holder, Some(worker), "only the holder drops the lock");
        state.waits.release(worker, now);
        state.locked = false;
        let wanted = self.is_wanted();
        // As a semaphore, which is posted without a mutex: whoever wakes up does not first wait for the poster to go on.
        drop(state);
        if wanted {
            self.cond.notify_one();
        }
    }
}
