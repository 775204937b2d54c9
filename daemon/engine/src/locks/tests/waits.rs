//! The list of waiters, whatever happens in whatever order.

use proptest::prelude::*;

use super::rows;
use crate::locks::Holder;
use crate::locks::waits::{Seat, Waits};

const WORKERS: usize = 5;

/// What a worker or the lock does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Enter(usize),
    Release(usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<(Step, u64)>> {
    let step = (0..3, 0..WORKERS, 0..1_000u64).prop_map(|(what, worker, passed)| match what {
        0 => (Step::Enter(worker), passed),
        1 => (Step::Release(worker), passed),
        _ => (Step::Leave(worker), passed),
    });
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn a_row_adds_up_to_the_time_in_the_list(steps in steps()) {
        let rows = rows(WORKERS);
        let mut waits = Waits::new((0..).zip(&rows).map(|(number, row)| Seat { number, row }).collect());
        let (mut now, mut waiting, mut in_list) = (0, [false; WORKERS], [0; WORKERS]);
        let everybody_leaves = (0..WORKERS).map(|worker| (Step::Leave(worker), 1));
        for (step, passed) in steps.into_iter().chain(everybody_leaves) {
            now += passed;
            (0..WORKERS).filter(|worker| waiting[*worker]).for_each(|worker| in_list[worker] += passed);
            match step {
                Step::Enter(worker) if !waiting[worker] => {
                    waits.enter(worker, now);
                    waiting[worker] = true;
                }
                // Who holds the lock does not wait for it.
                Step::Release(worker) if !waiting[worker] => waits.release(worker, || now),
                Step::Leave(worker) => {
                    waits.leave(worker, now);
                    waiting[worker] = false;
                }
                Step::Enter(_) | Step::Release(_) => {}
            }
        }
        for (worker, row) in rows.iter().enumerate() {
            let row = row.read();
            prop_assert_eq!(row.iter().map(|it| it.ticks).sum::<u64>(), in_list[worker]);
            prop_assert!(row.iter().all(|it| it.holder != Holder::Worker(worker as u32)));
        }
    }
}

#[test]
fn the_clock_is_not_read_where_nobody_waits() {
    let rows = rows(2);
    let mut waits = Waits::new((0..).zip(&rows).map(|(number, row)| Seat { number, row }).collect());
    waits.release(0, || unreachable!("nobody waits"));
    waits.enter(1, 10);
    waits.release(0, || 25);
    waits.leave(1, 29);
    let cells: Vec<_> = rows[1].read().iter().map(|it| (it.holder, it.ticks, it.entries)).collect();
    assert_eq!(cells, [(Holder::Worker(0), 15, 1), (Holder::Nobody, 4, 1)]);
    waits.leave(1, 99);
    assert_eq!(rows[1].read().len(), 2, "who has left has left");
}
