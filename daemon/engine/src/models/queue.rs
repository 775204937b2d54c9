//! Which tasks a worker gets next: from one queue, or from a lane of its own; so many at once.
//!
//! All tasks are known from the start, so a lane is a cursor. Lane i of n holds the tasks i, i + n, i + 2 n, …; a queue
//! that all workers share is the only lane of one.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam::utils::CachePadded;

/// What there is to take.
#[derive(Debug)]
pub(super) struct Queue {
    tasks: usize,
    chunk: usize,
    /// How many tasks of each lane are taken; each on a cache line of its own, for every worker may write it.
    taken: Vec<CachePadded<AtomicUsize>>,
}

impl Queue {
    /// So many tasks in so many lanes, given out so many at once.
    pub(super) fn new(tasks: usize, lanes: usize, chunk: usize) -> Queue {
        let taken = (0..lanes.max(1)).map(|_| CachePadded::default()).collect();
        Queue { tasks, chunk: chunk.max(1), taken }
    }

    /// The next tasks for a worker; none if there are no more.
    pub(super) fn next(&self, worker: usize) -> Batch {
        let lanes = self.taken.len();
        let lane = worker % lanes;
        let taken = self.taken[lane].fetch_add(self.chunk, Relaxed);
        let task = |of_lane: usize| of_lane.saturating_mul(lanes).saturating_add(lane).min(self.tasks);
        Batch { next: task(taken), end: task(taken.saturating_add(self.chunk)), step: lanes }
    }
}

/// Tasks that a worker gets at once, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    next: usize,
    end: usize,
    step: usize,
}

impl Batch {
    /// No tasks.
    pub(super) const NONE: Batch = Batch { next: 0, end: 0, step: 1 };

    /// Whether there is no task left in it.
    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.end
    }
}

impl Iterator for Batch {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let task = self.next;
        self.next = task.saturating_add(self.step);
        Some(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a worker gets, message for message, until there is no more.
    fn batches(queue: &Queue, worker: usize) -> Vec<Vec<usize>> {
        std::iter::repeat_with(|| queue.next(worker)).take_while(|batch| !batch.is_empty()).map(Batch::collect).collect()
    }

    #[test]
    fn a_shared_queue_gives_tasks_in_order_to_whoever_asks() {
        let queue = Queue::new(7, 1, 2);
        assert_eq!(queue.next(5).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(batches(&queue, 0), [vec![2, 3], vec![4, 5], vec![6]]);
        assert!(queue.next(1).is_empty());
    }

    #[test]
    fn a_worker_with_a_lane_of_its_own_gets_every_nth_task() {
        let queue = Queue::new(8, 3, 2);
        assert_eq!(batches(&queue, 1), [vec![1, 4], vec![7]]);
        assert_eq!(batches(&queue, 2), [[2, 5]]);
        assert_eq!(batches(&queue, 0), [vec![0, 3], vec![6]]);
    }

    proptest! {
        #[test]
        fn every_task_is_given_to_one_worker_once(tasks in 0usize..200, lanes in 1usize..9, chunk in 1usize..20) {
            let queue = Queue::new(tasks, lanes, chunk);
            let mut given: Vec<_> = (0..lanes).flat_map(|worker| batches(&queue, worker)).flatten().collect();
            given.sort_unstable();
            prop_assert_eq!(given, (0..tasks).collect::<Vec<_>>());
        }
    }
}
