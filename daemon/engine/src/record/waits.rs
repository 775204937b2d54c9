//! Who made whom wait in a recorded program: rows of waiters, with the holders' thread ids turned into rows.
//!
//! A holder is booked under its thread id, because a place can be used again by another thread: whoever's accounts were added
//! to those of threads that ended is found there.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use gild_model::account::WorkerAccount;
use gild_model::lock_wait::{Holder, LockKind, LockWait};
use gild_model::phase::Phase;

use super::layout::{Kind, Place};
use crate::clock::Rate;
use crate::ledger::waits::Waited;

/// The rows of a recording, in their order: whose process each is of, and its accounts.
pub(super) fn read(places: &[&Place], rows: &[WorkerAccount], rate: Rate) -> Vec<LockWait> {
    let mut threads = BTreeMap::new();
    let mut ended = BTreeMap::new();
    for (place, row) in places.iter().zip(rows) {
        let leader = place.who.leader.load(Relaxed);
        match Kind::from_number(place.who.kind.load(Relaxed)) {
            Kind::Ended => ended.insert(leader, row.index),
            _ => threads.insert((leader, place.section.tid.load(Relaxed)), row.index),
        };
    }
    let worker = |leader: u32, tid: u32| threads.get(&(leader, tid)).or_else(|| ended.get(&leader)).copied();
    let mut waits = Vec::new();
    for (place, row) in places.iter().zip(rows) {
        let leader = place.who.leader.load(Relaxed);
        let mut cells: BTreeMap<(LockKind, Holder), (u64, u64)> = BTreeMap::new();
        for it in place.section.waits.read() {
            let holder = match it.holder {
                Holder::Worker(tid) => worker(leader, tid).map_or(Holder::Unknown, Holder::Worker),
                other => other,
            };
            let cell = cells.entry((lock(it), holder)).or_default();
            *cell = (cell.0 + rate.to_ns(it.ticks), cell.1 + it.entries);
        }
        add_unknown(row, &mut cells);
        let wait =
            |((lock, holder), (waited_ns, entries))| LockWait { lock, waiter: row.index, holder, waited_ns, entries };
        waits.extend(cells.into_iter().map(wait));
    }
    waits
}

fn lock(waited: Waited) -> LockKind {
    if waited.is_other_lock { LockKind::Other } else { LockKind::Interpreter }
}

/// What of the phase `other-lock` has no holder: semaphores, condition variables and futexes do not say who has them.
fn add_unknown(row: &WorkerAccount, cells: &mut BTreeMap<(LockKind, Holder), (u64, u64)>) {
    let Some(phase) = row.phases.iter().find(|it| it.phase == Phase::OtherLock) else { return };
    let others = cells.iter().filter(|((lock, _), _)| *lock == LockKind::Other).map(|(_, cell)| *cell);
    let known = others.fold((0u64, 0u64), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
    let rest = (phase.wall_ns.saturating_sub(known.0), phase.entries.saturating_sub(known.1));
    if rest.1 > 0 {
        let cell = cells.entry((LockKind::Other, Holder::Unknown)).or_default();
        *cell = (cell.0 + rest.0, cell.1 + rest.1);
    }
}
