//! Who waits for an interpreter's lock, and who makes them wait.
//!
//! CPython waits for its lock in timed waits on a condition; whoever releases it signals that condition, and whoever takes it
//! signals the second one of the pair ([`super`]). All three are done with the lock's own mutex held, by the very thread that
//! waits, releases or takes. So the list of waiters here is a plain data structure, guarded by a mutex of the program's:
//!
//! ```text
//!  take_gil:  locked? ─▶ timed wait on cond   : enters the list, once      [mutex held before and after]
//!             …       ─▶ signal switch_cond   : has it: leaves the list    [mutex held]
//!  drop_gil:  unlocked  ─▶ signal cond        : books to all in the list   [mutex held]
//! ```
//!
//! What is booked to whom is as under the locks of gild's own models (`gild_engine::locks::waits`). A thread that gives up
//! waiting only ends; then it takes its number out of the list, which is one atomic store, and the next release tidies up.

use std::cell::Cell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};

use gild_engine::clock::Clock;
use gild_engine::record::layout::Place;
use gild_model::lock_wait::{Holder, LockKind};

use super::{PAIR_DISTANCE, functions};
use crate::{errno, process, thread};

/// Interpreters with a lock of their own that are kept apart; the waits for further ones are not known.
const GILS_MAX: usize = 16;
/// Threads that may wait for one lock at once; the waits of further ones are not known.
const WAITERS_MAX: usize = 512;

/// A thread in the list.
#[derive(Debug)]
struct Waiter {
    /// Its place plus one; 0: it has ended.
    number: AtomicU32,
    /// Ticks since when it waits for whoever has the lock.
    since: AtomicU64,
}

/// An interpreter's lock.
#[derive(Debug)]
struct Gil {
    /// Where its condition is; 0: there is no such lock.
    condition: AtomicUsize,
    /// How many are in the list, those first.
    count: AtomicUsize,
    waiters: [Waiter; WAITERS_MAX],
}

static GILS: [Gil; GILS_MAX] = [const { Gil::new() }; GILS_MAX];
/// How many there are.
static USED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The lock in whose list the calling thread is, plus one; 0: in none.
    static WAITING: Cell<usize> = const { Cell::new(0) };
}

/// The calling thread is about to wait for the lock with this condition, whose mutex it holds.
pub fn enter(condition: usize) {
    if WAITING.get() != 0 {
        // It has woken up in vain, and waits on.
        return;
    }
    let Some((number, _)) = thread::place() else { return };
    let Some(index) = index_of(condition) else { return };
    if GILS[index].add(number) {
        WAITING.set(index + 1);
    }
}

/// The calling thread is about to signal a condition.
#[inline]
pub fn signalled(condition: usize) {
    for (index, gil) in GILS[..USED.load(Acquire).min(GILS_MAX)].iter().enumerate() {
        let first = gil.condition.load(Relaxed);
        if condition == first {
            // Who releases it has it, whatever it looked like.
            taken(index);
            return gil.release();
        }
        if condition == first.wrapping_add(PAIR_DISTANCE) {
            return taken(index);
        }
    }
}

/// The calling thread has the lock now.
#[inline]
fn taken(index: usize) {
    match WAITING.get() {
        0 => {}
        waiting if waiting == index + 1 => {
            WAITING.set(0);
            if let Some((number, place)) = thread::place() {
                GILS[index].remove(number, place);
            }
        }
        _ => _ = give_up(),
    }
}

/// The calling thread waits no more and has got nothing. `true`: it was in a list.
#[cold]
pub fn give_up() -> bool {
    let Some(index) = WAITING.replace(0).checked_sub(1) else { return false };
    let own = thread::place().map_or(0, |(number, _)| number + 1);
    for waiter in &GILS[index].waiters {
        let _ = waiter.number.compare_exchange(own, 0, AcqRel, Relaxed);
    }
    true
}

/// Forgets who waits: they are threads of the parent, and this is a child that was just forked.
pub fn forget_waiters() {
    GILS.iter().for_each(|gil| gil.count.store(0, Relaxed));
    WAITING.set(0);
}

/// The lock with this condition, which is noted if it is new; `None`: there are too many.
fn index_of(condition: usize) -> Option<usize> {
    let found = GILS.iter().position(|gil| {
        let known = gil.condition.compare_exchange(0, condition, AcqRel, Acquire);
        known.map_or_else(|other| other == condition, |_| true)
    })?;
    USED.fetch_max(found + 1, AcqRel);
    Some(found)
}

fn now() -> u64 {
    Clock::best().now()
}

impl Waiter {
    const fn new() -> Waiter {
        Waiter { number: AtomicU32::new(0), since: AtomicU64::new(0) }
    }
}

impl Gil {
    const fn new() -> Gil {
        Gil {
            condition: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            waiters: [const { Waiter::new() }; WAITERS_MAX],
        }
    }

    /// Puts a thread into the list; `false`: it is full.
    fn add(&self, number: u32) -> bool {
        let count = self.count.load(Relaxed);
        let Some(waiter) = self.waiters.get(count) else { return false };
        waiter.since.store(now(), Relaxed);
        waiter.number.store(number + 1, Relaxed);
        self.count.store(count + 1, Relaxed);
        true
    }

    /// Takes a thread out, which has got the lock.
    fn remove(&self, number: u32, place: &Place) {
        let count = self.count.load(Relaxed).min(WAITERS_MAX);
        let mut waiting = self.waiters[..count].iter();
        let Some(index) = waiting.position(|it| it.number.load(Relaxed) == number + 1) else { return };
        let waited = now().saturating_sub(self.waiters[index].since.load(Relaxed));
        place.section.waits.book(LockKind::Interpreter, Holder::Nobody, waited, 1);
        self.close_gap(index, count);
    }

    /// The last one takes the place of one that is no more.
    fn close_gap(&self, index: usize, count: usize) {
        let (gap, last) = (&self.waiters[index], &self.waiters[count - 1]);
        gap.since.store(last.since.load(Relaxed), Relaxed);
        gap.number.store(last.number.swap(0, AcqRel), Relaxed);
        self.count.store(count - 1, Relaxed);
    }

    /// The calling thread releases the lock.
    #[inline]
    fn release(&self) {
        if self.count.load(Relaxed) != 0 {
            self.book_release();
        }
    }

    fn book_release(&self) {
        let Some((map, leader)) = process::recording() else { return };
        let now = now();
        let holder =
            thread::place().map_or(Holder::Unknown, |(_, place)| Holder::Worker(place.section.tid.load(Relaxed)));
        let (mut all, mut index) = (0u64, 0);
        while index < self.count.load(Relaxed).min(WAITERS_MAX) {
            let waiter = &self.waiters[index];
            let place = waiter.number.load(Acquire).checked_sub(1).and_then(|number| map.place(number));
            let Some(place) = place else {
                self.close_gap(index, self.count.load(Relaxed));
                continue;
            };
            let waited = now.saturating_sub(waiter.since.load(Relaxed));
            waiter.since.store(now, Relaxed);
            place.section.waits.book(LockKind::Interpreter, holder, waited, 1);
            all = all.saturating_add(waited);
            index += 1;
        }
        if index > 0 {
            errno::keep(|| functions::book(map, leader, all));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_one_lock_and_a_gap_is_closed() {
        let index = index_of(0x7000_1000).unwrap();
        assert_eq!(index_of(0x7000_1000), Some(index));
        let gil = Gil::new();
        assert!((0..WAITERS_MAX as u32).all(|number| gil.add(number)) && !gil.add(999));
        gil.close_gap(3, WAITERS_MAX);
        assert_eq!(gil.waiters[3].number.load(Relaxed), WAITERS_MAX as u32);
        assert_eq!(gil.count.load(Relaxed), WAITERS_MAX - 1);
        gil.close_gap(WAITERS_MAX - 2, WAITERS_MAX - 1);
        assert_eq!(gil.count.load(Relaxed), WAITERS_MAX - 2);
    }

    #[test]
    fn other_conditions_are_nothing_to_us() {
        signalled(0x7000_2000);
        enter(0x7000_3000);
        assert!(!give_up(), "a thread that is not recorded is in no list");
    }
}
