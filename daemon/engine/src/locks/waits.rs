//! Who waits for a lock, and who makes them wait.
//!
//! The lock's own mutex guards this: whoever calls holds it. A worker that begins to wait enters the list. Whoever releases
//! the lock, just before waking anybody, books the time since then (or since the release before) to itself in the row of
//! every waiter. A waiter that leaves the list books the rest to nobody: the lock was free, and it was on its way.
//!
//! ```text
//!  waiter   enters ──────────────┬───────────────────┬──────────── leaves
//!                    booked to A │       to B        │ to nobody
//!  lock     A holds ─── releases ┘ B … ─── releases  ┘ on its way
//! ```
//!
//! So the cells of a row add up to the waiter's time in the list, exactly. (Between A's release and the moment that B has
//! woken up, another waiter waits for B already.) A release costs one look at the list if it is empty, and one reading of
//! the clock if not.

use super::{Holder, LockKind, WaitRow};

/// A worker that may wait.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// Its number in the books.
    pub number: u32,
    /// Its row.
    pub row: &'static WaitRow,
}

/// The list of waiters.
#[derive(Debug)]
pub struct Waits {
    seats: Vec<Seat>,
    /// The workers that wait, as the lock numbers them, and since when they wait for whoever has it.
    waiting: Vec<(usize, u64)>,
}

impl Waits {
    /// Nobody waits. `seats`: the workers in the order in which the lock numbers them.
    pub fn new(seats: Vec<Seat>) -> Waits {
        // So that entering never allocates.
        Waits { waiting: Vec::with_capacity(seats.len()), seats }
    }

    /// A worker begins to wait, or has begun to at this instant, while it could not yet get here.
    pub fn enter(&mut self, worker: usize, now: u64) {
        self.waiting.push((worker, now));
    }

    /// The holder releases the lock. The clock is read only if somebody waits.
    #[inline]
    pub fn release(&mut self, holder: usize, now: impl FnOnce() -> u64) {
        if !self.waiting.is_empty() {
            self.book(holder, now());
        }
    }

    fn book(&mut self, holder: usize, now: u64) {
        let holder = Holder::Worker(self.seats[holder].number);
        for (waiter, since) in &mut self.waiting {
            let waited = now.saturating_sub(*since);
            self.seats[*waiter].row.book(LockKind::Policy, holder, waited, 1);
            *since = now;
        }
    }

    /// A worker waits no more.
    pub fn leave(&mut self, worker: usize, now: u64) {
        let Some(place) = self.waiting.iter().position(|(waiter, _)| *waiter == worker) else { return };
        let (_, since) = self.waiting.swap_remove(place);
        self.seats[worker].row.book(LockKind::Policy, Holder::Nobody, now.saturating_sub(since), 1);
    }
}
