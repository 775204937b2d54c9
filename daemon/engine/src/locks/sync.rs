//! What lock policies are made of: the C library's mutex and condition, as CPython's lock, and atomic numbers.
//!
//! The standard library's condition would do for correctness, but not for likeness: a thread that is about to fall asleep on
//! it can catch a wake-up that was sent to one that sleeps already. Under CPython's lock that thread is the one that has
//! just asked the holder to drop the lock, at the very moment when the holder does so; it then has the lock time and again
//! before those who came back from blocking calls. With the C library's, who waits already is served first.
//!
//! Policies take all this from here and from nowhere else, so that a model checker can put its own in their place: the
//! model checks include the policies' very source files beside another `sync`.

pub use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// Mutual exclusion (`pthread_mutex_t`). There is no poisoning: nothing is done under a policy's mutex that could leave
/// what it guards half changed.
pub struct Mutex<T> {
    /// At an address of its own, for it must not move.
    raw: Box<UnsafeCell<libc::pthread_mutex_t>>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a guard only, and the C library lets one thread at a time have one.
unsafe impl<T: Send> Sync for Mutex<T> {}
// SAFETY: a mutex that nobody holds belongs to no thread; guards borrow it, so nobody holds one that is being sent.
unsafe impl<T: Send> Send for Mutex<T> {}

impl<T> Mutex<T> {
    /// A mutex that nobody holds.
    pub fn new(value: T) -> Mutex<T> {
        Mutex { raw: Box::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)), value: UnsafeCell::new(value) }
    }

    /// Waits until nobody holds the mutex, and holds it until the guard is dropped. A thread must not hold it already.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        // SAFETY: the mutex is initialised and stays where it is.
        done(unsafe { libc::pthread_mutex_lock(self.raw.get()) }, "pthread_mutex_lock");
        MutexGuard { mutex: self, of_this_thread: PhantomData }
    }
}

impl<T> Drop for Mutex<T> {
    fn drop(&mut self) {
        // SAFETY: no guard is left, so nobody holds the mutex.
        done(unsafe { libc::pthread_mutex_destroy(self.raw.get()) }, "pthread_mutex_destroy");
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

/// A mutex that is held; dropping this gives it back.
#[derive(Debug)]
pub struct MutexGuard<'m, T> {
    mutex: &'m Mutex<T>,
    /// Only the thread that took a mutex may give it back, so this is not `Send`.
    of_this_thread: PhantomData<*const ()>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this thread holds the mutex as long as there is a guard.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and there is one guard at a time.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex.
        done(unsafe { libc::pthread_mutex_unlock(self.mutex.raw.get()) }, "pthread_mutex_unlock");
    }
}

/// Something to wait for (`pthread_cond_t`), always under the same mutex. Its time is `CLOCK_MONOTONIC`.
pub struct Condvar(Box<UnsafeCell<libc::pthread_cond_t>>);

// SAFETY: conditions are there to be shared among threads.
unsafe impl Sync for Condvar {}
// SAFETY: a condition belongs to no thread.
unsafe impl Send for Condvar {}

impl Condvar {
    /// A condition that nobody waits for.
    #[expect(clippy::new_without_default, reason = "it stands beside Mutex::new")]
    pub fn new() -> Condvar {
        let condition = Box::new(UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER));
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: attributes are initialised first, then changed, then used, then destroyed; the condition is where it
        // stays, and nobody else knows of it yet.
        unsafe {
            done(libc::pthread_condattr_init(attributes.as_mut_ptr()), "pthread_condattr_init");
            let clock = libc::pthread_condattr_setclock(attributes.as_mut_ptr(), libc::CLOCK_MONOTONIC);
            done(clock, "pthread_condattr_setclock");
            done(libc::pthread_cond_init(condition.get(), attributes.as_ptr()), "pthread_cond_init");
            done(libc::pthread_condattr_destroy(attributes.as_mut_ptr()), "pthread_condattr_destroy");
        }
        Condvar(condition)
    }

    /// Wakes one of those who wait.
    pub fn notify_one(&self) {
        // SAFETY: the condition is initialised and stays where it is.
        done(unsafe { libc::pthread_cond_signal(self.0.get()) }, "pthread_cond_signal");
    }

    /// Gives the mutex back, waits to be woken, and takes the mutex again. It can also wake up by itself.
    pub fn wait<'m, T>(&self, guard: MutexGuard<'m, T>) -> MutexGuard<'m, T> {
        // SAFETY: both are initialised and stay where they are, and this thread holds the mutex.
        done(unsafe { libc::pthread_cond_wait(self.0.get(), guard.mutex.raw.get()) }, "pthread_cond_wait");
        guard
    }

    /// As [`Condvar::wait`], for so long at most. Says whether that time is over.
    pub fn wait_timeout<'m, T>(&self, guard: MutexGuard<'m, T>, longest: Duration) -> (MutexGuard<'m, T>, bool) {
        let end = after(longest);
        // SAFETY: both are initialised and stay where they are, and this thread holds the mutex.
        let status = unsafe { libc::pthread_cond_timedwait(self.0.get(), guard.mutex.raw.get(), &end) };
        let timed_out = status == libc::ETIMEDOUT;
        if !timed_out {
            done(status, "pthread_cond_timedwait");
        }
        (guard, timed_out)
    }
}

impl Drop for Condvar {
    fn drop(&mut self) {
        // SAFETY: whoever waits borrows the condition, so nobody does.
        done(unsafe { libc::pthread_cond_destroy(self.0.get()) }, "pthread_cond_destroy");
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

/// The point in time after so long.
fn after(wait: Duration) -> libc::timespec {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("Linux has this clock");
    *(now + nix::sys::time::TimeSpec::from_duration(wait)).as_ref()
}

/// These calls fail only when they are used wrongly.
#[track_caller]
fn done(status: libc::c_int, call: &str) {
    assert_eq!(status, 0, "{call}");
}
