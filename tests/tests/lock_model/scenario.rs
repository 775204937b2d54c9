//! The lock policies under a model checker: what workers do, and what must hold meanwhile.
//!
//! It is the policies' very source files that are checked, beside a `sync` whose every step is the checker's choice. The
//! workers themselves assert, of what the lock guards (the [`Room`]): mutual exclusion; that no wake-up is lost (where no
//! wait ever times out, every waiter still gets the lock); that nobody is said to have waited for itself; progress of every waiter where holders only drop on request and
//! waits time out at any time; forced switching (who dropped on request is not the next to have the lock); the order of a
//! fair lock. Of the lock of Python 2 only the first two hold, for it promises no more: that its holder can win it
//! back at once is found, too.
//!
//! Checks that cannot fail prove nothing. So each is also run where a part is broken, and has to find it.
//!
//! There is one test program per checker, for each wants the process's panic hook for itself.

use std::sync::Arc;
use std::time::Duration;

use super::DROP_LOCK;
use super::base::{self, AtomicUsize, Cell};
use super::cpython::Gil;
use super::cpython2::InterpreterLock;
use super::fair::Fair;
use super::sync::Ordering::Relaxed;
use super::sync::{self, AtomicU32};
use super::waits::{Seat, Waits};
use super::{Holder, WaitRow};

/// Nobody has been in the room.
const NOBODY: usize = usize::MAX;

/// A lock policy, as a worker uses it.
pub trait Policy: Send + Sync + 'static {
    fn new(attention: Vec<&'static AtomicU32>, waits: Waits) -> Self;
    fn take(&self, worker: usize);
    fn drop_lock(&self, worker: usize);
    /// A safe point of the holder: whether it has to drop the lock.
    fn is_due(&self, attention: &AtomicU32) -> bool {
        attention.load(Relaxed) & DROP_LOCK != 0
    }
    /// Drops the lock at a safe point.
    fn drop_on_request(&self, worker: usize) {
        self.drop_lock(worker);
    }
    /// Whether somebody else has the lock after that.
    const SWITCHES: bool = true;
    /// How often the lock went from one worker to another, as the lock has counted it.
    fn switches(&self) -> u64;
}

impl Policy for Gil {
    fn new(attention: Vec<&'static AtomicU32>, waits: Waits) -> Gil {
        Gil::new(Duration::ZERO, attention, waits)
    }
    fn take(&self, worker: usize) {
        if !self.try_take(worker) {
            self.take(worker, sync::now(), || {});
        }
    }
    fn drop_lock(&self, worker: usize) {
        self.drop_lock(worker);
    }
    fn drop_on_request(&self, worker: usize) {
        self.drop_on_request(worker);
    }
    fn switches(&self) -> u64 {
        self.switches()
    }
}

impl Policy for Fair {
    fn new(attention: Vec<&'static AtomicU32>, waits: Waits) -> Fair {
        Fair::new(Duration::ZERO, attention, waits)
    }
    fn take(&self, worker: usize) {
        if !self.try_take(worker) {
            self.take(worker, sync::now(), || {});
        }
    }
    fn drop_lock(&self, worker: usize) {
        self.drop_lock(worker);
    }
    fn switches(&self) -> u64 {
        self.switches()
    }
}

/// Gives the lock back at every second safe point. Whether anybody else takes it is chance.
impl Policy for InterpreterLock {
    fn new(_: Vec<&'static AtomicU32>, waits: Waits) -> InterpreterLock {
        InterpreterLock::new(2, waits)
    }
    fn take(&self, worker: usize) {
        if !self.try_take(worker) {
            self.take(worker, sync::now(), || {});
        }
    }
    fn drop_lock(&self, worker: usize) {
        self.drop_lock(worker);
    }
    fn is_due(&self, _: &AtomicU32) -> bool {
        self.count_safe_point()
    }
    const SWITCHES: bool = false;
    fn switches(&self) -> u64 {
        self.switches()
    }
}

/// The lock of Python 2, taken for one that lets others in.
pub struct Convoy(InterpreterLock);

impl Policy for Convoy {
    fn new(attention: Vec<&'static AtomicU32>, waits: Waits) -> Convoy {
        Convoy(Policy::new(attention, waits))
    }
    fn take(&self, worker: usize) {
        Policy::take(&self.0, worker);
    }
    fn drop_lock(&self, worker: usize) {
        self.0.drop_lock(worker);
    }
    fn is_due(&self, attention: &AtomicU32) -> bool {
        self.0.is_due(attention)
    }
    fn switches(&self) -> u64 {
        self.0.switches()
    }
}

/// No lock at all, to see that it is found.
pub struct Open;

impl Policy for Open {
    fn new(_: Vec<&'static AtomicU32>, _: Waits) -> Open {
        Open
    }
    fn take(&self, _: usize) {}
    fn drop_lock(&self, _: usize) {}
    fn switches(&self) -> u64 {
        0
    }
}

/// A lock and what it guards.
pub struct Room<P> {
    lock: P,
    attention: Vec<&'static AtomicU32>,
    /// Who waited for whom.
    rows: Vec<&'static WaitRow>,
    /// How many are inside, who was last, and how often that changed.
    inside: AtomicUsize,
    last: AtomicUsize,
    changes: AtomicUsize,
    /// What a worker writes without any order but the lock's.
    written: Cell,
    /// How often each worker had the lock.
    holds: Vec<AtomicUsize>,
}

impl<P: Policy> Room<P> {
    pub fn new(workers: usize) -> Arc<Room<P>> {
        let attention: Vec<_> = (0..workers).map(|_| &*Box::leak(Box::new(AtomicU32::new(0)))).collect();
        let rows: Vec<_> = (0..workers).map(|_| &*Box::leak(Box::new(WaitRow::new()))).collect();
        Arc::new(Room {
            lock: P::new(attention.clone(), waits(&rows)),
            attention,
            rows,
            inside: AtomicUsize::new(0),
            last: AtomicUsize::new(NOBODY),
            changes: AtomicUsize::new(0),
            written: Cell::default(),
            holds: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
        })
    }

    /// Takes the lock; says who had it before.
    pub fn enter(&self, worker: usize) -> usize {
        self.lock.take(worker);
        assert_eq!(self.inside.fetch_add(1, Relaxed), 0, "two workers have the lock");
        self.written.write();
        self.holds[worker].fetch_add(1, Relaxed);
        let before = self.last.swap(worker, Relaxed);
        if before != worker {
            self.changes.fetch_add(1, Relaxed);
        }
        before
    }

    fn leave(&self) {
        self.written.write();
        assert_eq!(self.inside.fetch_sub(1, Relaxed), 1, "two workers have the lock");
    }

    /// Gives the lock back without being asked to.
    pub fn leave_and_drop(&self, worker: usize) {
        self.leave();
        self.lock.drop_lock(worker);
    }

    /// A safe point, as between two bytecodes.
    pub fn safe_point(&self, worker: usize) {
        if self.lock.is_due(self.attention[worker]) {
            self.leave();
            self.lock.drop_on_request(worker);
            let before = self.enter(worker);
            assert!(!P::SWITCHES || before != worker, "who dropped the lock on request won it back");
        }
    }

    /// How often each worker had the lock so far.
    pub fn holds(&self) -> Vec<usize> {
        self.holds.iter().map(|holds| holds.load(Relaxed)).collect()
    }

    /// Nobody waited for itself, and whoever was made to wait got the lock in the end.
    fn check_waits(&self) {
        for (worker, row) in self.rows.iter().enumerate() {
            let waited = row.read();
            assert!(
                waited.iter().all(|it| it.holder != Holder::Worker(worker as u32)),
                "waited for itself: {waited:?}"
            );
            let got_it = waited.iter().filter(|it| it.holder == Holder::Nobody).map(|it| it.entries).sum::<u64>();
            assert!(waited.is_empty() || got_it > 0, "is waiting still: {waited:?}");
        }
    }

    /// Runs each worker on a thread of its own, the first on this one, until all are done.
    pub fn run(self: Arc<Self>, life: fn(&Room<P>, usize)) -> Vec<usize> {
        let spawn = |worker| {
            let room = Arc::clone(&self);
            base::spawn(move || life(&room, worker))
        };
        let threads: Vec<_> = (1..self.holds.len()).map(spawn).collect();
        life(&self, 0);
        for thread in threads {
            thread.join().expect("a worker that panics ends the execution");
        }
        self.check_waits();
        assert_eq!(self.lock.switches(), self.changes.load(Relaxed) as u64, "switches are miscounted");
        self.holds()
    }
}

/// The list of those who wait, with these rows.
fn waits(rows: &[&'static WaitRow]) -> Waits {
    Waits::new((0..).zip(rows).map(|(number, row)| Seat { number, row }).collect())
}

/// Every worker takes the lock twice and gives it back of its own accord.
pub fn take_and_drop<P: Policy>(workers: usize) {
    let holds = Room::<P>::new(workers).run(|room, worker| {
        for _ in 0..2 {
            room.enter(worker);
            room.leave_and_drop(worker);
        }
    });
    assert!(holds.iter().all(|holds| *holds == 2), "{holds:?}");
}

/// Every worker takes the lock, passes a safe point and gives the lock back of its own accord, twice. So requests also
/// come too late, when the lock was given back already.
pub fn pass_safe_points<P: Policy>(workers: usize) {
    Room::<P>::new(workers).run(|room, worker| {
        for _ in 0..2 {
            room.enter(worker);
            room.safe_point(worker);
            room.leave_and_drop(worker);
        }
    });
}

/// Workers get in line one after the other behind a holder, which then drops the lock and gets in line itself.
pub fn stand_in_line<P: Policy>(workers: usize) {
    Room::<P>::new(workers).run(|room, worker| {
        if worker == 0 {
            room.enter(0);
            while sync::waiting() + 1 < room.holds.len() {
                base::yield_now();
            }
            room.leave_and_drop(0);
            assert_eq!(room.enter(0), room.holds.len() - 1, "served out of order");
        } else {
            // Behind the one before it, the first behind the holder.
            while sync::waiting() + 1 < worker || room.holds[0].load(Relaxed) == 0 {
                base::yield_now();
            }
            assert_eq!(room.enter(worker), worker - 1, "served out of order");
        }
        room.leave_and_drop(worker);
    });
}
