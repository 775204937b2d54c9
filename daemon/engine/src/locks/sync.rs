//! What lock policies are made of: the standard library's mutex, condition and atomic numbers.
//!
//! Policies take these from here and from nowhere else, so that a model checker can put its own in their place: the model
//! checks include the policies' very source files beside another `sync`.

pub use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

pub use std::sync::MutexGuard;
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use crate::clock::Clock;

/// The instant, in ticks.
#[inline]
pub fn now() -> u64 {
    Clock::best().now()
}

/// Mutual exclusion without poisoning: nothing is done under a policy's mutex that could leave what it guards half changed.
#[derive(Debug)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A mutex that nobody holds.
    pub fn new(value: T) -> Mutex<T> {
        Mutex(std::sync::Mutex::new(value))
    }

    /// Holds the mutex until the guard is dropped, if nobody else holds it now.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits until nobody holds the mutex, and holds it until the guard is dropped.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something to wait for, always under the same mutex.
#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    /// A condition that nobody waits for.
    pub fn new() -> Condvar {
        Condvar::default()
    }

    /// Wakes one of those who wait.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Gives the mutex back, waits to be woken, and takes the mutex again. It can also wake up by itself.
    pub fn wait<'m, T>(&self, guard: MutexGuard<'m, T>) -> MutexGuard<'m, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Condvar::wait`], for so long at most. Says whether that time is over.
    pub fn wait_timeout<'m, T>(&self, guard: MutexGuard<'m, T>, longest: Duration) -> (MutexGuard<'m, T>, bool) {
        let (guard, wait) = self.0.wait_timeout(guard, longest).unwrap_or_else(PoisonError::into_inner);
        (guard, wait.timed_out())
    }
}
