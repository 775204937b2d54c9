//! Which tasks a worker gets next: so many at once, from a queue that all share or from one of its own.
//!
//! All tasks are known from the start, so a queue is a cursor over chunks of them. Of n workers with queues of their own,
//! worker i gets the chunks i, i + n, i + 2 n, …; nobody else ever does.

use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam::utils::CachePadded;

/// What there is to take.
#[derive(Debug)]
pub(super) struct Queues {
    tasks: usize,
    chunk: usize,
    /// Chunks taken from each queue; on a cache line of its own, for every worker may write it.
    taken: Vec<CachePadded<AtomicUsize>>,
}

impl Queues {
    /// So many tasks in so many queues, given out so many at once.
    pub(super) fn new(tasks: usize, queues: usize, chunk: usize) -> Queues {
        let taken = (0..queues.max(1)).map(|_| CachePadded::default()).collect();
        Queues { tasks, chunk: chunk.max(1), taken }
    }

    /// The next tasks for a worker; none if there are no more.
    pub(super) fn next(&self, worker: usize) -> Range<usize> {
        let queues = self.taken.len();
        let queue = worker % queues;
        let taken = self.taken[queue].fetch_add(1, Relaxed);
        let first = taken.saturating_mul(queues).saturating_add(queue).saturating_mul(self.chunk).min(self.tasks);
        first..first.saturating_add(self.chunk).min(self.tasks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a worker gets until there is no more.
    fn chunks(queues: &Queues, worker: usize) -> Vec<Range<usize>> {
        std::iter::repeat_with(|| queues.next(worker)).take_while(|chunk| !chunk.is_empty()).collect()
    }

    #[test]
    fn a_shared_queue_gives_tasks_in_order_to_whoever_asks() {
        let queue = Queues::new(7, 1, 2);
        assert_eq!(queue.next(5), 0..2);
        assert_eq!(chunks(&queue, 0), [2..4, 4..6, 6..7]);
        assert!(queue.next(1).is_empty());
    }

    #[test]
    fn a_worker_with_a_queue_of_its_own_gets_every_nth_chunk() {
        let queues = Queues::new(9, 3, 2);
        assert_eq!(chunks(&queues, 1), [2..4, 8..9]);
        assert_eq!((queues.next(2), queues.next(2)), (4..6, 9..9));
        assert_eq!(chunks(&queues, 0), [0..2, 6..8]);
        let queues = Queues::new(5, 2, 1);
        assert_eq!(chunks(&queues, 1), [1..2, 3..4]);
    }

    proptest! {
        #[test]
        fn every_task_is_given_to_one_worker_once(tasks in 0usize..200, queues in 1usize..9, chunk in 1usize..20) {
            let all = Queues::new(tasks, queues, chunk);
            let mut given: Vec<_> = (0..queues).flat_map(|worker| chunks(&all, worker)).flatten().collect();
            given.sort_unstable();
            prop_assert_eq!(given, (0..tasks).collect::<Vec<_>>());
        }
    }
}
