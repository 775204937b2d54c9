//! What guards a threaded kernel: the lock policies, and the marks around them.

pub mod cpython;

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use gild_model::case::LockPolicy;
use gild_model::phase::Phase;

use crate::ledger::layout::SlotId;
use crate::measure::meter::Meter;
use cpython::Gil;

/// A lock policy in force, shared by all workers of a process.
#[derive(Debug)]
pub enum Lock {
    /// Nobody waits for anybody.
    None,
    /// The global interpreter lock of CPython 3.2 and later.
    Cpython(Gil),
}

impl Lock {
    /// Makes the lock of a policy. `attention` are the workers' words, in order: the lock asks its holder to drop it
    /// through them.
    pub fn new(policy: LockPolicy, interval: Duration, attention: Vec<&'static AtomicU32>) -> Lock {
        match policy {
            LockPolicy::None => Lock::None,
            LockPolicy::Cpython => Lock::Cpython(Gil::new(interval, attention)),
        }
    }

    /// Takes the lock, waiting for it as `lock-wait`; afterwards time is booked to `then`.
    #[inline]
    pub fn acquire(&self, worker: usize, meter: &mut Meter<'_>, then: SlotId) {
        if let Lock::Cpython(gil) = self {
            // A lock that is free costs no wait, and leaves none in the accounts.
            if !gil.try_take(worker) {
                meter.mark(Phase::LockWait);
                gil.take(worker, || meter.relieve());
            }
        }
        if meter.slot() != then {
            meter.mark_slot(then);
        }
    }

    /// Gives the lock back without being asked to: before blocking, or for good.
    #[inline]
    pub fn release(&self, worker: usize) {
        if let Lock::Cpython(gil) = self {
            gil.drop_lock(worker);
        }
    }

    /// Gives the lock to whoever asked for it, and waits to have it back; afterwards time is booked to `then`.
    pub fn hand_over(&self, worker: usize, meter: &mut Meter<'_>, then: SlotId) {
        if let Lock::Cpython(gil) = self {
            meter.mark(Phase::SwitchWait);
            gil.drop_on_request(worker);
            meter.mark(Phase::LockWait);
            gil.take(worker, || meter.relieve());
            meter.mark_slot(then);
        }
    }
}
