//! A lock that is handed over in the order of asking (first in, first out).
//!
//! A worker that wants the lock draws a ticket; the lock serves the tickets in order. Giving the lock back serves the
//! next ticket, so the longest waiter has the lock from that moment on, even while it is still asleep. Nobody can get
//! ahead of it, least of all the worker that has just given the lock back: it draws a new ticket, behind everybody.
//!
//! As under `cpython`, a holder is asked to drop the lock at its next safe point after one interval. The first in line
//! watches the clock, and nobody else does: its interval begins when the holder takes the lock or when it became first
//! in line, whichever is later. So, however many wait, computing workers hold the lock for one interval each, up to a safe
//! point, and take turns. There is no forced switching, because there is no way to win the lock back.
//!
//! ```text
//! take:   ticket = next_ticket++
//!         until serving == ticket:
//!             first in line (serving + 1 == ticket): wait at the own place for one interval
//!                 timed out, and the same worker holds the lock ─▶ raise the holder's drop request
//!             further behind: wait at the own place, without a limit
//!         holder = me; clear the own drop request; wake the next in line: its interval begins
//! drop:   holder = nobody; serving += 1; wake whoever has that ticket
//! ```

use std::time::Duration;

use super::DROP_LOCK;
use super::sync::{AtomicU32, Condvar, Mutex, MutexGuard, Ordering::Relaxed, now};
use super::waits::Waits;

/// The lock; workers are numbered from 0.
#[derive(Debug)]
pub struct Fair {
    interval: Duration,
    /// The workers' attention words, in order.
    attention: Vec<&'static AtomicU32>,
    state: Mutex<State>,
    /// As many as there are workers. A ticket waits at its number modulo theirs, and alone: tickets that are out follow
    /// one another, and no worker has two.
    places: Vec<Condvar>,
}

#[derive(Debug)]
struct State {
    next_ticket: u64,
    /// Who has this ticket has the lock; nobody has it if it is the next ticket.
    serving: u64,
    /// Who has taken the lock; `None` also while it is handed to a worker that has yet to wake up.
    holder: Option<usize>,
    last_holder: Option<usize>,
    switch_number: u64,
    waits: Waits,
}

impl Fair {
    /// A free lock.
    pub fn new(interval: Duration, attention: Vec<&'static AtomicU32>, waits: Waits) -> Fair {
        let state = State { next_ticket: 0, serving: 0, holder: None, last_holder: None, switch_number: 0, waits };
        Fair {
            // As under `cpython`.
            interval: interval.max(Duration::from_micros(1)),
            places: attention.iter().map(|_| Condvar::new()).collect(),
            attention,
            state: Mutex::new(state),
        }
    }

    /// How often the lock went from one worker to another.
    pub fn switches(&self) -> u64 {
        self.state.lock().switch_number
    }

    /// Takes the lock if it is free, without waiting for anything.
    pub fn try_take(&self, worker: usize) -> bool {
        let Some(mut state) = self.state.try_lock() else { return false };
        let free = state.serving == state.next_ticket;
        if free {
            state.next_ticket += 1;
            self.own(&mut state, worker);
        }
        free
    }

    /// Takes the lock, for which the worker has asked at the instant `asked`, when all who asked earlier have had it. `timed_out` is called after each interval that passed in
    /// vain; it must be quick, for the state's mutex is held.
    pub fn take(&self, worker: usize, asked: u64, mut timed_out: impl FnMut()) {
        let mut state = self.state.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waits.enter(worker, asked);
        while state.serving != ticket {
            state = match state.serving + 1 == ticket {
                true => self.wait_as_first(state, ticket, &mut timed_out),
                false => self.place(ticket).wait(state),
            };
        }
        state.waits.leave(worker, now());
        self.own(&mut state, worker);
    }

    /// Waits for an interval; if it passes and the same worker holds the lock, asks that worker to drop it.
    fn wait_as_first<'s>(
        &self,
        state: MutexGuard<'s, State>,
        ticket: u64,
        timed_out: &mut impl FnMut(),
    ) -> MutexGuard<'s, State> {
        let holder = state.holder;
        let (state, in_vain) = self.place(ticket).wait_timeout(state, self.interval);
        if in_vain {
            timed_out();
            // A holder that has dropped the lock comes back behind this ticket, so it is the same hold.
            if let Some(holder) = state.holder.filter(|it| holder == Some(*it)) {
                self.attention[holder].fetch_or(DROP_LOCK, Relaxed);
            }
        }
        state
    }

    /// The worker's ticket is being served.
    fn own(&self, state: &mut State, worker: usize) {
        state.holder = Some(worker);
        if state.last_holder.replace(worker) != Some(worker) {
            state.switch_number += 1;
        }
        self.attention[worker].fetch_and(!DROP_LOCK, Relaxed);
        let next = state.serving + 1;
        if next < state.next_ticket {
            self.place(next).notify_one();
        }
    }

    /// Gives the lock to the longest waiter, or back if there is none.
    pub fn drop_lock(&self, worker: usize) {
        let mut state = self.state.lock();
        debug_assert_eq!(state.holder, Some(worker), "only the holder drops the lock");
        state.waits.release(worker, now);
        state.holder = None;
        state.serving += 1;
        if state.serving < state.next_ticket {
            self.place(state.serving).notify_one();
        }
    }

    fn place(&self, ticket: u64) -> &Condvar {
        &self.places[(ticket % self.places.len() as u64) as usize]
    }
}
