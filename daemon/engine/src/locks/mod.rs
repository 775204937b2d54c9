//! What guards a threaded kernel: the lock policies, and the marks around them.
//!
//! | module | subject |
//! |---|---|
//! | [`cpython`] | the global interpreter lock of CPython 3.2 and later |
//! | [`fair`] | a lock that is handed over in the order of asking |
//! | [`sync`] | what both are made of |
//!
//! The end-to-end tests hold `cpython` beside the lock of a real CPython (`cpython_lock`), and put both under model
//! checkers (`lock_model_loom`, `lock_model_shuttle`).

pub mod cpython;
pub mod fair;
pub mod sync;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use gild_model::case::LockPolicy;
use gild_model::phase::Phase;

use crate::ledger::layout::SlotId;
use crate::ledger::layout::attention::DROP_LOCK;
use crate::measure::meter::Meter;
use cpython::Gil;
use fair::Fair;

/// A lock policy in force, shared by all workers of a process.
#[derive(Debug)]
pub enum Lock {
    /// Nobody waits for anybody.
    None,
    /// The global interpreter lock of CPython 3.2 and later.
    Cpython(Gil),
    /// First in, first out.
    Fair(Fair),
}

impl Lock {
    /// Makes the lock of a policy. `attention` are the workers' words, in order: the lock asks its holder to drop it
    /// through them.
    pub fn new(policy: LockPolicy, interval: Duration, attention: Vec<&'static AtomicU32>) -> Lock {
        match policy {
            LockPolicy::None => Lock::None,
            LockPolicy::Cpython2 => todo!("h-models"),
            LockPolicy::Cpython => Lock::Cpython(Gil::new(interval, attention)),
            LockPolicy::Fair => Lock::Fair(Fair::new(interval, attention)),
        }
    }

    /// Takes the lock, waiting for it as `lock-wait`; afterwards time is booked to `then`.
    #[inline]
    pub fn acquire(&self, worker: usize, meter: &mut Meter<'_>, then: SlotId) {
        // A lock that is free costs no wait, and leaves none in the accounts.
        if !self.try_take(worker) {
            meter.mark(Phase::LockWait);
            self.take(worker, meter);
        }
        if meter.slot() != then {
            meter.mark_slot(then);
        }
    }

    /// Gives the lock back without being asked to: before blocking, or for good.
    #[inline]
    pub fn release(&self, worker: usize) {
        match self {
            Lock::None => {}
            Lock::Cpython(gil) => gil.drop_lock(worker),
            Lock::Fair(fair) => fair.drop_lock(worker),
        }
    }

    /// Gives the lock to whoever asked for it, and waits to have it back; afterwards time is booked to `then`.
    pub fn hand_over(&self, worker: usize, meter: &mut Meter<'_>, then: SlotId) {
        match self {
            Lock::None => return,
            Lock::Cpython(gil) => {
                meter.mark(Phase::SwitchWait);
                gil.drop_on_request(worker);
                meter.mark(Phase::LockWait);
            }
            Lock::Fair(fair) => {
                meter.mark(Phase::LockWait);
                fair.drop_lock(worker);
            }
        }
        self.take(worker, meter);
        meter.mark_slot(then);
    }

    fn try_take(&self, worker: usize) -> bool {
        match self {
            Lock::None => true,
            Lock::Cpython(gil) => gil.try_take(worker),
            Lock::Fair(fair) => fair.try_take(worker),
        }
    }

    fn take(&self, worker: usize, meter: &mut Meter<'_>) {
        match self {
            Lock::None => {}
            Lock::Cpython(gil) => gil.take(worker, || meter.relieve()),
            Lock::Fair(fair) => fair.take(worker, || meter.relieve()),
        }
    }
}
