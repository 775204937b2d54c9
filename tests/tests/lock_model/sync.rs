//! What lock policies are made of, as the model has it. `super::base` is the model checker.
//!
//! Neither loom nor shuttle lets a timed wait time out, so the condition here is our own: a list of who waits, and a bell.
//! Time is part of the model ([`Time`]), and so is what is broken on purpose ([`Fault`]).

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Duration;

use super::base;
pub use super::base::{AtomicUsize, Ordering};

/// When a timed wait times out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Time {
    /// Never: whoever waits gets on by being woken, or not at all.
    StandsStill,
    /// At any moment, or not for long: the checker chooses.
    Passes,
    /// At once, but only so many times; then it stands still.
    RunsOut(u32),
}

/// What is broken, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Whoever is waited for forgets to tell.
    LostWakeUp,
    /// The request to drop the lock does not reach the holder.
    LostRequest,
    /// Waiting without a limit ends at once, without a wake-up.
    NoWaiting,
}

thread_local! {
    // A checker runs all threads of a model on the thread of its test.
    static TIME: Cell<Time> = const { Cell::new(Time::StandsStill) };
    static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
    static WAITING: Cell<usize> = const { Cell::new(0) };
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// Starts a world. To be called at the beginning of each execution.
pub fn start(time: Time, fault: Fault) {
    TIME.set(time);
    FAULT.set(fault);
    WAITING.set(0);
    NOW.set(0);
}

/// The instant: it moves on with every look at the clock.
pub fn now() -> u64 {
    NOW.set(NOW.get() + 1);
    NOW.get()
}

/// How many threads wait at conditions.
pub fn waiting() -> usize {
    WAITING.get()
}

/// Whoever panics ends the execution, so nothing is poisoned for long.
fn held<G>(lock: Result<G, PoisonError<G>>) -> G {
    lock.unwrap_or_else(PoisonError::into_inner)
}

/// An attention word.
#[derive(Debug)]
pub struct AtomicU32(base::AtomicU32);

impl AtomicU32 {
    pub fn new(value: u32) -> AtomicU32 {
        AtomicU32(base::AtomicU32::new(value))
    }

    pub fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    /// Raises a request.
    pub fn fetch_or(&self, bits: u32, order: Ordering) {
        if FAULT.get() != Fault::LostRequest {
            self.0.fetch_or(bits, order);
        }
    }

    /// Clears a request.
    pub fn fetch_and(&self, bits: u32, order: Ordering) {
        self.0.fetch_and(bits, order);
    }
}

/// A mutex whose guard knows it, so that the condition can release it and take it again.
#[derive(Debug)]
pub struct Mutex<T>(base::Mutex<T>);

#[derive(Debug)]
pub struct MutexGuard<'m, T> {
    mutex: &'m Mutex<T>,
    guard: base::MutexGuard<'m, T>,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Mutex<T> {
        Mutex(base::Mutex::new(value))
    }

    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let guard = self.0.try_lock().ok()?;
        Some(MutexGuard { mutex: self, guard })
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, guard: held(self.0.lock()) }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A condition. Being woken is kept apart from the bell, which everybody hears.
#[derive(Debug)]
pub struct Condvar {
    waiters: base::Mutex<Waiters>,
    bell: base::Condvar,
}

#[derive(Debug)]
struct Waiters {
    next: u64,
    waiting: Vec<u64>,
}

impl Condvar {
    pub fn new() -> Condvar {
        Condvar { waiters: base::Mutex::new(Waiters { next: 0, waiting: Vec::new() }), bell: base::Condvar::new() }
    }

    /// Wakes one of those who wait, whichever the checker chooses.
    pub fn notify_one(&self) {
        if FAULT.get() == Fault::LostWakeUp {
            return;
        }
        let mut waiters = held(self.waiters.lock());
        let count = waiters.waiting.len();
        if count > 0 {
            waiters.waiting.remove(base::choose(count));
            self.bell.notify_all();
        }
    }

    pub fn wait<'m, T>(&self, guard: MutexGuard<'m, T>) -> MutexGuard<'m, T> {
        if FAULT.get() == Fault::NoWaiting {
            let mutex = guard.mutex;
            drop(guard);
            base::yield_now();
            return mutex.lock();
        }
        self.wait_for(guard, false).0
    }

    pub fn wait_timeout<'m, T>(&self, guard: MutexGuard<'m, T>, _: Duration) -> (MutexGuard<'m, T>, bool) {
        self.wait_for(guard, true)
    }

    /// Releases the mutex, waits until woken or timed out, and takes the mutex again. Says whether it timed out.
    fn wait_for<'m, T>(&self, guard: MutexGuard<'m, T>, timed: bool) -> (MutexGuard<'m, T>, bool) {
        let mutex = guard.mutex;
        let mut waiters = held(self.waiters.lock());
        let me = waiters.next;
        waiters.next += 1;
        waiters.waiting.push(me);
        WAITING.set(WAITING.get() + 1);
        // From here on a wake-up finds this thread.
        drop(guard);
        let mut timed_out = false;
        while waiters.waiting.contains(&me) {
            if timed && time_is_up() {
                waiters.waiting.retain(|it| *it != me);
                timed_out = true;
            } else if timed && TIME.get() == Time::Passes {
                drop(waiters);
                base::yield_now();
                waiters = held(self.waiters.lock());
            } else {
                waiters = held(self.bell.wait(waiters));
            }
        }
        drop(waiters);
        WAITING.set(WAITING.get() - 1);
        (mutex.lock(), timed_out)
    }
}

fn time_is_up() -> bool {
    match TIME.get() {
        Time::StandsStill | Time::RunsOut(0) => false,
        Time::Passes => base::choose(4) == 0,
        Time::RunsOut(left) => {
            TIME.set(Time::RunsOut(left - 1));
            true
        }
    }
}
