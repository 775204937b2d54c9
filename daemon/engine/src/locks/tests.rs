//! The policies on real threads. What no schedule may break is for the model checks (`lock_model_*` among the end-to-end tests).

mod waits;

use std::sync::Barrier;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::thread;
use std::time::Duration;

use super::DROP_LOCK;
use super::cpython::Gil;
use super::cpython2::InterpreterLock;
use super::fair::Fair;
use super::sync::now;
use super::waits::{Seat, Waits};
use super::{Holder, WaitRow};

fn words(count: usize) -> Vec<&'static AtomicU32> {
    (0..count).map(|_| &*Box::leak(Box::new(AtomicU32::new(0)))).collect()
}

fn rows(count: usize) -> Vec<&'static WaitRow> {
    (0..count).map(|_| &*Box::leak(Box::new(WaitRow::new()))).collect()
}

fn books(rows: &[&'static WaitRow]) -> Waits {
    Waits::new((0..).zip(rows).map(|(number, row)| Seat { number, row }).collect())
}

/// Books that nobody reads.
fn unread(count: usize) -> Waits {
    books(&rows(count))
}

/// What the policies have in common.
trait Policy: Sync {
    fn take(&self, worker: usize);
    /// What a safe point does on request, until the worker has the lock again.
    fn hand_over(&self, worker: usize);
    fn drop_lock(&self, worker: usize);
}

impl Policy for Gil {
    fn take(&self, worker: usize) {
        self.take(worker, now(), || {});
    }
    fn hand_over(&self, worker: usize) {
        self.drop_on_request(worker);
        self.take(worker, now(), || {});
    }
    fn drop_lock(&self, worker: usize) {
        self.drop_lock(worker);
    }
}

impl Policy for InterpreterLock {
    fn take(&self, worker: usize) {
        self.take(worker, now(), || {});
    }
    fn hand_over(&self, worker: usize) {
        self.drop_lock(worker);
        self.take(worker, now(), || {});
    }
    fn drop_lock(&self, worker: usize) {
        self.drop_lock(worker);
    }
}

impl Policy for Fair {
    fn take(&self, worker: usize) {
        self.take(worker, now(), || {});
    }
    fn hand_over(&self, worker: usize) {
        self.drop_lock(worker);
        self.take(worker, now(), || {});
    }
    fn drop_lock(&self, worker: usize) {
        self.drop_lock(worker);
    }
}

/// Workers count under the lock, with a safe point after each count, until all have counted `each` times. Gives the sum.
fn contend(lock: &impl Policy, attention: &[&AtomicU32], each: u64) -> u64 {
    let (inside, sum) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for (worker, asked) in attention.iter().enumerate() {
            let (inside, sum) = (&inside, &sum);
            scope.spawn(move || {
                lock.take(worker);
                for _ in 0..each {
                    assert!(!inside.swap(true, Acquire), "two workers inside");
                    sum.store(sum.load(Relaxed) + 1, Relaxed);
                    inside.store(false, Release);
                    if asked.load(Relaxed) & DROP_LOCK != 0 {
                        lock.hand_over(worker);
                    }
                }
                lock.drop_lock(worker);
            });
        }
    });
    sum.into_inner()
}

const SHORT: Duration = Duration::from_micros(200);

#[test]
fn one_worker_at_a_time_and_every_worker_gets_there() {
    let attention = words(4);
    let gil = Gil::new(SHORT, attention.clone(), unread(4));
    assert_eq!(contend(&gil, &attention, 200_000), 800_000);
    assert!(gil.switches() >= 4, "every worker has taken the lock: {} switches", gil.switches());
    assert!(gil.try_take(0), "the lock is free in the end");

    let fair = Fair::new(SHORT, attention.clone(), unread(4));
    assert_eq!(contend(&fair, &attention, 200_000), 800_000);
    assert!(fair.switches() >= 4, "every worker has taken the lock: {} switches", fair.switches());
    assert!(fair.try_take(0), "the lock is free in the end");
}

#[test]
fn a_free_lock_is_taken_at_once_and_a_held_one_is_not() {
    let gil = Gil::new(SHORT, words(2), unread(2));
    assert!(gil.try_take(0));
    assert!(!gil.try_take(1));
    gil.drop_lock(0);
    assert!(gil.try_take(1));
    assert_eq!(gil.switches(), 2);

    let fair = Fair::new(SHORT, words(2), unread(2));
    assert!(fair.try_take(0));
    assert!(!fair.try_take(1));
    fair.drop_lock(0);
    assert!(fair.try_take(1));
    assert_eq!(fair.switches(), 2);

    let plain = InterpreterLock::new(100, unread(2));
    assert!(plain.try_take(0));
    assert!(!plain.try_take(1) && !plain.is_wanted(), "who only tries does not wait");
    plain.drop_lock(0);
    assert!(plain.try_take(1));
    assert_eq!(plain.switches(), 2);
}

#[test]
fn a_waiter_asks_the_holder_to_drop_the_lock_and_gets_it() {
    let attention = words(2);
    let wait_until_asked = || {
        while attention[0].load(Relaxed) & DROP_LOCK == 0 {
            thread::yield_now();
        }
    };
    let gil = Gil::new(SHORT, attention.clone(), unread(2));
    gil.take(0, now(), || {});
    thread::scope(|scope| {
        scope.spawn(|| gil.take(1, now(), || {}));
        wait_until_asked();
        // Forced switching: the other worker has the lock, or a spurious wake-up let this one go early.
        gil.drop_on_request(0);
    });
    assert_eq!(gil.switches(), 2);
    gil.drop_lock(1);
    gil.take(0, now(), || {});
    assert_eq!(attention[0].load(Relaxed), 0, "whoever takes the lock has no request any more");

    let fair = Fair::new(SHORT, attention.clone(), unread(2));
    fair.take(0, now(), || {});
    thread::scope(|scope| {
        scope.spawn(|| {
            fair.take(1, now(), || {});
            fair.drop_lock(1);
        });
        wait_until_asked();
        fair.drop_lock(0);
        fair.take(0, now(), || {});
        assert_eq!(fair.switches(), 3, "the other worker had it between");
        assert_eq!(attention[0].load(Relaxed), 0, "whoever takes the lock has no request any more");
    });
}

#[test]
fn the_lock_of_python_2_is_given_back_every_so_many_safe_points_of_all_workers_together() {
    const EACH: u64 = 100_000;
    for (workers, check_interval) in [(1, 1), (1, 100), (3, 7), (4, 100)] {
        let lock = InterpreterLock::new(check_interval, unread(workers));
        let released = AtomicU64::new(0);
        let work = |worker| {
            lock.take(worker, now(), || {});
            for _ in 0..EACH {
                if lock.count_safe_point() {
                    // Only the holder writes.
                    released.store(released.load(Relaxed) + 1, Relaxed);
                    lock.drop_lock(worker);
                    lock.take(worker, now(), || {});
                }
            }
            lock.drop_lock(worker);
        };
        thread::scope(|scope| {
            for worker in 0..workers {
                scope.spawn(move || work(worker));
            }
        });
        assert_eq!(released.into_inner(), workers as u64 * EACH / u64::from(check_interval));
        assert!(lock.switches() >= workers as u64 && lock.try_take(0), "free in the end, after every worker had it");
    }
}

/// Four workers have the lock in turns for a while each; gives what each of them waited by its own clock, and its row's sum.
fn waited(lock: &impl Policy, rows: &[&'static WaitRow]) -> Vec<(u64, u64)> {
    let together = Barrier::new(rows.len());
    let life = |worker| {
        let mut waited_ticks = 0;
        together.wait();
        for _ in 0..20 {
            let from = now();
            lock.take(worker);
            waited_ticks += now() - from;
            thread::sleep(SHORT);
            lock.drop_lock(worker);
        }
        waited_ticks
    };
    let waited = thread::scope(|scope| {
        let life = &life;
        let start = |worker| scope.spawn(move || life(worker));
        let threads: Vec<_> = (0..rows.len()).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let booked = rows.iter().map(|row| row.read().iter().map(|it| it.ticks).sum::<u64>());
    waited.into_iter().zip(booked).collect()
}

#[test]
fn a_waiter_s_row_adds_up_to_what_it_waited_and_nobody_waits_for_itself() {
    fn check(what: &str, lock: &impl Policy, rows: &[&'static WaitRow]) {
        let sums = waited(lock, rows);
        for (worker, (waited, booked)) in sums.iter().enumerate() {
            let read = rows[worker].read();
            assert!(booked <= waited, "{what}, worker {worker}: {booked} of {waited} ticks");
            assert!(read.iter().all(|it| it.holder != Holder::Worker(worker as u32)), "{what}: {read:?}");
        }
        // From before the lock was asked for until after it was had is a little longer.
        let all = sums.iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        assert!(all.1 > all.0 / 2, "{what}: {all:?} of {sums:?} ticks");
        // Who wins the lock back every time waits for nobody, but then the others do.
        let made_to_wait = rows.iter().filter(|row| row.read().iter().any(|it| it.holder.worker().is_some()));
        assert!(made_to_wait.count() >= 2, "{what}: {sums:?}");
    }
    let attention = words(4);
    let of = || rows(4);
    let (gil, fair, plain) = (of(), of(), of());
    check("cpython", &Gil::new(SHORT, attention.clone(), books(&gil)), &gil);
    check("fair", &Fair::new(SHORT, attention, books(&fair)), &fair);
    check("cpython2", &InterpreterLock::new(100, books(&plain)), &plain);
}
