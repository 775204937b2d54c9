//! The lock policies under shuttle: drawn schedules of up to four workers. What is checked is said in
//! `lock_model/scenario.rs`.
//!
//! Half of the schedules are uniformly random, half come from PCT, which finds what takes few but awkward preemptions.
//! A failure prints its schedule, which `shuttle::replay` takes.

#[path = "../../daemon/engine/src/locks/cpython.rs"]
mod cpython;
#[path = "../../daemon/engine/src/locks/cpython2.rs"]
mod cpython2;
#[path = "../../daemon/engine/src/locks/fair.rs"]
mod fair;
#[path = "lock_model/scenario.rs"]
mod scenario;
#[path = "lock_model/sync.rs"]
mod sync;
#[path = "../../daemon/engine/src/locks/waits.rs"]
mod waits;

use gild_engine::ledger::layout::attention::DROP_LOCK;
use gild_engine::ledger::waits::WaitRow;
use gild_model::lock_wait::{Holder, LockKind};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

use cpython::Gil;
use cpython2::InterpreterLock;
use fair::Fair;
use scenario::{Convoy, Open, Policy, Room, pass_safe_points, stand_in_line, take_and_drop};
use sync::{Fault, Time};

/// The model checker.
mod base {
    pub use shuttle::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
    pub use shuttle::sync::{Condvar, Mutex, MutexGuard};
    pub use shuttle::thread::{spawn, yield_now};

    use shuttle::rand::Rng;

    /// One of so many, whichever.
    pub fn choose(count: usize) -> usize {
        shuttle::rand::thread_rng().gen_range(0..count)
    }

    /// What is written without an order of its own takes a while here.
    #[derive(Debug, Default)]
    pub struct Cell(());

    impl Cell {
        pub fn write(&self) {
            yield_now();
        }
    }
}

/// Schedules of each kind, per check.
const SCHEDULES: usize = 1_000;
/// No execution here needs nearly as many; who gets that far makes no progress.
const STEPS_MAX: usize = 20_000;

fn check(time: Time, fault: Fault, scenario: fn()) {
    run(RandomScheduler::new(SCHEDULES), time, fault, scenario);
    run(PctScheduler::new(3, SCHEDULES), time, fault, scenario);
}

fn run(scheduler: impl Scheduler + 'static, time: Time, fault: Fault, scenario: fn()) {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || {
        sync::start(time, fault);
        scenario();
    });
}

/// Every worker computes until all have had the lock twice, and drops the lock only on request. Without progress of every
/// waiter this never ends.
fn compute_in_turns<P: Policy>(workers: usize) {
    Room::<P>::new(workers).run(|room, worker| {
        room.enter(worker);
        while room.holds().iter().any(|holds| *holds < 2) {
            base::yield_now();
            room.safe_point(worker);
        }
        room.leave_and_drop(worker);
    });
}

#[test]
fn one_worker_at_a_time_and_no_wake_up_is_lost() {
    for time in [Time::StandsStill, Time::RunsOut(2), Time::Passes] {
        check(time, Fault::None, || take_and_drop::<Gil>(3));
        check(time, Fault::None, || take_and_drop::<Fair>(3));
    }
    check(Time::StandsStill, Fault::None, || take_and_drop::<InterpreterLock>(3));
    check(Time::StandsStill, Fault::None, || pass_safe_points::<InterpreterLock>(4));
    check(Time::RunsOut(2), Fault::None, || pass_safe_points::<Gil>(4));
    check(Time::RunsOut(2), Fault::None, || pass_safe_points::<Fair>(4));
}

#[test]
fn every_waiter_gets_on_and_who_drops_on_request_is_not_next() {
    check(Time::Passes, Fault::None, || compute_in_turns::<Gil>(2));
    check(Time::Passes, Fault::None, || compute_in_turns::<Gil>(3));
    check(Time::Passes, Fault::None, || compute_in_turns::<Fair>(2));
    check(Time::Passes, Fault::None, || compute_in_turns::<Fair>(3));
}

#[test]
fn a_fair_lock_serves_in_the_order_of_asking() {
    check(Time::StandsStill, Fault::None, || stand_in_line::<Fair>(4));
    check(Time::RunsOut(3), Fault::None, || stand_in_line::<Fair>(4));
}

mod what_is_broken_is_found {
    use super::*;

    #[test]
    #[should_panic(expected = "two workers have the lock")]
    fn a_lock_that_is_none() {
        check(Time::StandsStill, Fault::None, || take_and_drop::<Open>(2));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_gil_that_wakes_nobody() {
        check(Time::StandsStill, Fault::LostWakeUp, || take_and_drop::<Gil>(2));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_fair_lock_that_wakes_nobody() {
        check(Time::StandsStill, Fault::LostWakeUp, || take_and_drop::<Fair>(2));
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_lock_of_python_2_that_wakes_nobody() {
        check(Time::StandsStill, Fault::LostWakeUp, || take_and_drop::<InterpreterLock>(2));
    }

    #[test]
    #[should_panic(expected = "won it back")]
    fn the_convoy_of_python_2() {
        check(Time::StandsStill, Fault::None, || pass_safe_points::<Convoy>(3));
    }

    #[test]
    #[should_panic(expected = "exceeded max_steps")]
    fn a_gil_that_does_not_ask_the_holder() {
        check(Time::Passes, Fault::LostRequest, || compute_in_turns::<Gil>(2));
    }

    #[test]
    #[should_panic(expected = "exceeded max_steps")]
    fn a_fair_lock_that_does_not_ask_the_holder() {
        check(Time::Passes, Fault::LostRequest, || compute_in_turns::<Fair>(2));
    }

    #[test]
    #[should_panic(expected = "won it back")]
    fn a_gil_without_forced_switching() {
        check(Time::Passes, Fault::NoWaiting, || compute_in_turns::<Gil>(2));
    }

    #[test]
    #[should_panic(expected = "served out of order")]
    fn a_lock_without_an_order() {
        check(Time::StandsStill, Fault::None, || stand_in_line::<Gil>(3));
    }
}
