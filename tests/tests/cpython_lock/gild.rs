//! The engine's lock under the same threads as in `gil_truth.py`.

use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gild_engine::ledger::layout::attention::DROP_LOCK;
use gild_engine::ledger::waits::WaitRow;
use gild_engine::locks::cpython::Gil;
use gild_engine::locks::sync::now;
use gild_engine::locks::waits::{Seat, Waits};

use crate::figures::{Convoy, Spin, median};

/// As `SLEEP_S` in the script.
const SLEEP: Duration = Duration::from_micros(500);

/// What the threads share.
struct Shared {
    gil: Gil,
    attention: Vec<&'static AtomicU32>,
    stopping: AtomicBool,
    last: AtomicUsize,
    took: Mutex<Vec<Instant>>,
}

impl Shared {
    fn new(threads: usize, interval: Duration) -> Shared {
        let attention: Vec<_> = (0..threads).map(|_| &*Box::leak(Box::new(AtomicU32::new(0)))).collect();
        Shared {
            gil: Gil::new(interval, attention.clone(), waits(threads)),
            attention,
            stopping: AtomicBool::new(false),
            last: AtomicUsize::new(usize::MAX),
            took: Mutex::new(Vec::new()),
        }
    }

    fn took(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.took.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A few bytecodes' worth of computing, 50 to 100 ns, and a safe point. How soon a holder sees a request decides
    /// whether the waiter that made it is asleep again when the lock is dropped, and with it who gets the lock.
    fn step(&self, me: usize) {
        let mut value = me;
        for _ in 0..64 {
            value = black_box(value.wrapping_mul(31).wrapping_add(7));
        }
        if self.attention[me].load(Relaxed) & DROP_LOCK != 0 {
            self.gil.drop_on_request(me);
            self.gil.take(me, now(), || {});
        }
    }

    /// Computes, and notes when it finds that another thread had the lock since.
    fn spin(&self, me: usize) {
        self.gil.take(me, now(), || {});
        while !self.stopping.load(Relaxed) {
            if self.last.load(Relaxed) != me {
                self.last.store(me, Relaxed);
                self.took().push(Instant::now());
            }
            self.step(me);
        }
        self.gil.drop_lock(me);
    }

    /// Gives the lock up to sleep, and takes it again. How long each round took.
    fn rounds(&self, me: usize, length: Duration) -> Vec<f64> {
        self.gil.take(me, now(), || {});
        let end = Instant::now() + length;
        let mut lengths_ns = Vec::new();
        loop {
            let start = Instant::now();
            if start >= end {
                break;
            }
            self.gil.drop_lock(me);
            thread::sleep(SLEEP);
            self.gil.take(me, now(), || {});
            lengths_ns.push(start.elapsed().as_nanos() as f64);
        }
        self.stopping.store(true, Relaxed);
        self.gil.drop_lock(me);
        lengths_ns
    }
}

/// The books are kept, as under every lock of gild's.
fn waits(threads: usize) -> Waits {
    let seat = |number| Seat { number, row: Box::leak(Box::new(WaitRow::new())) };
    Waits::new((0..threads as u32).map(seat).collect())
}

/// Threads that only compute.
pub fn spin(threads: usize, interval: Duration, length: Duration) -> Spin {
    // The last one is the main thread of a Python, which sleeps and then stops the others.
    let shared = Shared::new(threads + 1, interval);
    thread::scope(|scope| {
        for me in 0..threads {
            let shared = &shared;
            scope.spawn(move || shared.spin(me));
        }
        thread::sleep(length);
        shared.gil.take(threads, now(), || {});
        shared.stopping.store(true, Relaxed);
        shared.gil.drop_lock(threads);
    });
    let took = shared.took();
    // While the threads are being started, the main thread of a Python wants the lock as well.
    let steady = took.get(2 * threads..).unwrap_or_default();
    let holds_ns: Vec<f64> = steady.windows(2).map(|it| (it[1] - it[0]).as_nanos() as f64).collect();
    if holds_ns.is_empty() {
        return Spin { hand_overs_per_s: 0.0, hold_ns: length.as_nanos() as f64 };
    }
    let hand_overs_per_s = holds_ns.len() as f64 / (holds_ns.iter().sum::<f64>() / 1e9);
    Spin { hand_overs_per_s, hold_ns: median(&holds_ns) }
}

/// One thread that sleeps beside threads that only compute.
pub fn convoy(spinners: usize, interval: Duration, length: Duration) -> Convoy {
    let shared = Shared::new(spinners + 1, interval);
    let lengths_ns = thread::scope(|scope| {
        for me in 0..spinners {
            let shared = &shared;
            scope.spawn(move || shared.spin(me));
        }
        shared.rounds(spinners, length)
    });
    Convoy { p50_ns: median(&lengths_ns) }
}
