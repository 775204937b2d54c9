//! What guards a threaded kernel: the lock policies, and the marks around them.
//!
//! | module | subject |
//! |---|---|
//! | [`cpython`] | the global interpreter lock of CPython 3.2 and later |
//! | [`cpython2`] | the interpreter lock of Python 2 |
//! | [`fair`] | a lock that is handed over in the order of asking |
//! | [`waits`] | who waits, and who makes them wait |
//! | [`sync`] | what they are made of |
//!
//! The end-to-end tests hold `cpython` beside the lock of a real CPython (`cpython_lock`), and put all of them under
//! model checkers (`lock_model_loom`, `lock_model_shuttle`).

pub mod cpython;
pub mod cpython2;
pub mod fair;
pub mod sync;
#[cfg(test)]
mod tests;
pub mod waits;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use gild_model::case::{Case, LockPolicy};
use gild_model::choice::{CHECK_INTERVAL_DEFAULT, INTERVAL_US_DEFAULT};
use gild_model::lock_wait::{Holder, LockKind};
use gild_model::phase::Phase;

use crate::ledger::layout::attention::{COUNT_SAFE_POINTS, DROP_LOCK};
use crate::ledger::layout::{Section, SlotId};
use crate::ledger::waits::WaitRow;
use crate::measure::meter::Meter;
use cpython::Gil;
use cpython2::InterpreterLock;
use fair::Fair;
use waits::{Seat, Waits};

/// A lock policy in force, shared by all workers of a process.
#[derive(Debug)]
pub enum Lock {
    /// Nobody waits for anybody.
    None,
    /// The global interpreter lock of CPython 3.2 and later.
    Cpython(Gil),
    /// The interpreter lock of Python 2.
    Cpython2(InterpreterLock),
    /// First in, first out.
    Fair(Fair),
}

impl Lock {
    /// Makes the lock of a case. `workers` are those that share it, in order: the lock asks its holder to drop it through
    /// the attention word, and books who waited for whom.
    pub fn of_case(case: &Case, workers: &[&'static Section]) -> Lock {
        let attention = || workers.iter().map(|section| &section.attention.0).collect();
        let interval = Duration::from_micros(case.interval_us.unwrap_or(INTERVAL_US_DEFAULT));
        match case.lock.unwrap_or(LockPolicy::None) {
            LockPolicy::None => Lock::None,
            LockPolicy::Cpython => Lock::Cpython(Gil::new(interval, attention(), waits(workers))),
            LockPolicy::Cpython2 => {
                // Every safe point is to be seen.
                for section in workers {
                    section.attention.0.fetch_or(COUNT_SAFE_POINTS, Relaxed);
                }
                let check_interval = case.check_interval.unwrap_or(CHECK_INTERVAL_DEFAULT);
                Lock::Cpython2(InterpreterLock::new(check_interval, waits(workers)))
            }
            LockPolicy::Fair => Lock::Fair(Fair::new(interval, attention(), waits(workers))),
        }
    }

    /// The lock of an interpreter that has one worker: taken and given back, and never waited for.
    pub fn of_one(worker: &'static Section) -> Lock {
        let interval = Duration::from_micros(INTERVAL_US_DEFAULT);
        Lock::Cpython(Gil::new(interval, vec![&worker.attention.0], waits(&[worker])))
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
            Lock::Cpython2(lock) => lock.drop_lock(worker),
            Lock::Fair(fair) => fair.drop_lock(worker),
        }
    }

    /// A safe point of the holder, whose attention word this is: whether it has to hand the lock over.
    #[inline]
    pub fn is_due(&self, attention: u32) -> bool {
        match self {
            Lock::None => false,
            Lock::Cpython2(lock) => lock.count_safe_point(),
            Lock::Cpython(_) | Lock::Fair(_) => attention & DROP_LOCK != 0,
        }
    }

    /// Gives the lock to whoever wants it, and waits to have it back; afterwards time is booked to `then`.
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
            Lock::Cpython2(lock) => {
                // Waking somebody is what is dear about it. Nobody there: as for a free lock, no wait and none in the accounts.
                if lock.is_wanted() {
                    meter.mark(Phase::LockWait);
                }
                lock.drop_lock(worker);
                return self.acquire(worker, meter, then);
            }
        }
        self.take(worker, meter);
        meter.mark_slot(then);
    }

    fn try_take(&self, worker: usize) -> bool {
        match self {
            Lock::None => true,
            Lock::Cpython(gil) => gil.try_take(worker),
            Lock::Cpython2(lock) => lock.try_take(worker),
            Lock::Fair(fair) => fair.try_take(worker),
        }
    }

    fn take(&self, worker: usize, meter: &mut Meter<'_>) {
        // The mark at which the worker began to wait, so that its row adds up to that phase.
        let asked = meter.since();
        match self {
            Lock::None => {}
            Lock::Cpython(gil) => gil.take(worker, asked, || meter.relieve()),
            Lock::Cpython2(lock) => lock.take(worker, asked, || meter.relieve()),
            Lock::Fair(fair) => fair.take(worker, asked, || meter.relieve()),
        }
    }
}

/// The list of those who wait, with the rows of these workers.
fn waits(workers: &[&'static Section]) -> Waits {
    let seat = |section: &&'static Section| Seat { number: section.number.load(Relaxed), row: &section.waits };
    Waits::new(workers.iter().map(seat).collect())
}
