//! The lock policies under loom: every schedule of two workers up to a number of preemptions, with the reorderings that
//! the memory model allows. What is checked is said in `lock_model/scenario.rs`.

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

use cpython::Gil;
use cpython2::InterpreterLock;
use fair::Fair;
use scenario::{Convoy, Open, pass_safe_points, stand_in_line, take_and_drop};
use sync::{Fault, Time};

/// The model checker.
mod base {
    pub use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
    pub use loom::sync::{Condvar, Mutex, MutexGuard};
    pub use loom::thread::{spawn, yield_now};

    /// Of two workers one waits at most, so there is nothing to choose from.
    pub fn choose(count: usize) -> usize {
        assert_eq!(count, 1);
        0
    }

    /// What is written without an order of its own: loom finds accesses that the lock does not order.
    #[derive(Debug, Default)]
    pub struct Cell(loom::cell::UnsafeCell<()>);

    impl Cell {
        pub fn write(&self) {
            self.0.with_mut(|_| {});
        }
    }
}

/// At most so often a worker is interrupted where it could go on. `LOOM_MAX_PREEMPTIONS` overrides it; without any bound
/// all of this ends as well, in a minute.
const PREEMPTIONS: usize = 4;

fn check(time: Time, fault: Fault, scenario: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.check(move || {
        sync::start(time, fault);
        scenario();
    });
}

#[test]
fn one_worker_at_a_time_and_no_wake_up_is_lost() {
    check(Time::StandsStill, Fault::None, || take_and_drop::<Gil>(2));
    check(Time::StandsStill, Fault::None, || take_and_drop::<Fair>(2));
    check(Time::StandsStill, Fault::None, || take_and_drop::<InterpreterLock>(2));
    check(Time::StandsStill, Fault::None, || pass_safe_points::<InterpreterLock>(2));
}

#[test]
fn every_waiter_gets_on_and_who_drops_on_request_is_not_next() {
    for time_outs in [1, 2] {
        check(Time::RunsOut(time_outs), Fault::None, || pass_safe_points::<Gil>(2));
        check(Time::RunsOut(time_outs), Fault::None, || pass_safe_points::<Fair>(2));
    }
}

#[test]
fn a_fair_lock_serves_in_the_order_of_asking() {
    check(Time::StandsStill, Fault::None, || stand_in_line::<Fair>(2));
}

mod what_is_broken_is_found {
    use super::*;

    #[test]
    #[should_panic(expected = "Concurrent write accesses")]
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
        check(Time::StandsStill, Fault::None, || pass_safe_points::<Convoy>(2));
    }

    #[test]
    #[should_panic(expected = "won it back")]
    fn a_gil_without_forced_switching() {
        check(Time::RunsOut(1), Fault::NoWaiting, || pass_safe_points::<Gil>(2));
    }

    #[test]
    #[should_panic(expected = "served out of order")]
    fn a_lock_without_an_order() {
        check(Time::StandsStill, Fault::None, || stand_in_line::<Gil>(2));
    }
}
