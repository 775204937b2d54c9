//! Which run is next, and what may be asked of a run in which state.
//!
//! ```text
//!   admit ──▶ waiting ─start_next─▶ running ──finished──▶ (gone)
//!                │ cancel          │ cancel, close
//!                ▼                 ▼
//!             (gone)            stopping ──finished──▶ (gone)
//! ```
//!
//! Contains no I/O, no clock and no synchronisation: it decides, others act.

use std::collections::VecDeque;

use gild_model::run::RunId;

/// The queue of runs: any number waiting up to a limit, at most one running.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<RunId>,
    running: Option<Running>,
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    id: RunId,
    stopping: bool,
}

/// Why a run is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Too many are waiting.
    #[error("the queue is full: {0} runs are waiting (queue_max); wait for one to end, or cancel one")]
    Full(usize),
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Closed,
}

/// What a cancellation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It was waiting and is gone from the queue; the caller ends it.
    Removed,
    /// It is running and has to be stopped.
    Stop,
    /// It is running and is being stopped already.
    Stopping,
    /// It is neither waiting nor running.
    Unknown,
}

impl Queue {
    /// Whether a run would be taken now.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, limit: usize) -> Result<(), Denied> {
        if self.closed {
            return Err(Denied::Closed);
        }
        if self.waiting.len() >= limit {
            return Err(Denied::Full(self.waiting.len()));
        }
        Ok(())
    }

    /// Takes a run that was admitted. Returns how many are before it.
    pub fn push(&mut self, id: RunId) -> u32 {
        let ahead = self.waiting.len() + usize::from(self.running.is_some());
        self.waiting.push_back(id);
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }

    /// Starts the next run. Nothing is started once the queue is closed.
    ///
    /// # Panics
    /// While a run is running.
    pub fn start_next(&mut self) -> Option<RunId> {
        assert!(self.running.is_none(), "a run is started while {:?} is running", self.running);
        if self.closed {
            return None;
        }
        let id = self.waiting.pop_front()?;
        self.running = Some(Running { id, stopping: false });
        Some(id)
    }

    /// Notes that the running run is over.
    ///
    /// # Panics
    /// When another run, or none, is running.
    pub fn finished(&mut self, id: RunId) {
        assert_eq!(self.running(), Some(id), "a run ended that was not running");
        self.running = None;
    }

    /// Cancels a run.
    pub fn cancel(&mut self, id: RunId) -> Cancelled {
        if let Some(running) = self.running.as_mut().filter(|it| it.id == id) {
            return match std::mem::replace(&mut running.stopping, true) {
                false => Cancelled::Stop,
                true => Cancelled::Stopping,
            };
        }
        match self.waiting.iter().position(|it| *it == id) {
            Some(place) => {
                self.waiting.remove(place);
                Cancelled::Removed
            }
            None => Cancelled::Unknown,
        }
    }

    /// Takes and starts no more runs. Returns whether a run is running and has to be stopped.
    pub fn close(&mut self) -> bool {
        self.closed = true;
        self.running.as_mut().is_some_and(|running| !std::mem::replace(&mut running.stopping, true))
    }

    /// The run in progress.
    pub fn running(&self) -> Option<RunId> {
        self.running.map(|it| it.id)
    }

    /// How many are waiting.
    pub fn waiting(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// The runs waiting, in order, each with the number of those before it.
    pub fn in_line(&self) -> impl Iterator<Item = (u32, RunId)> {
        let first = u32::from(self.running.is_some());
        (first..).zip(self.waiting.iter().copied())
    }

    /// Whether it takes and starts no more runs.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the run is waiting or running: it must not be removed.
    pub fn holds(&self, id: RunId) -> bool {
        self.running() == Some(id) || self.waiting.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn queue(runs: &[RunId]) -> Queue {
        let mut queue = Queue::default();
        for id in runs {
            queue.push(*id);
        }
        queue
    }

    #[test]
    fn runs_start_in_the_order_they_came() {
        let mut queue = queue(&[1, 2]);
        assert_eq!(queue.start_next(), Some(1));
        assert_eq!(queue.push(3), 2, "one running, one waiting");
        queue.finished(1);
        assert_eq!(queue.start_next(), Some(2));
        queue.finished(2);
        assert_eq!(queue.start_next(), Some(3));
        queue.finished(3);
        assert_eq!(queue.start_next(), None);
    }

    #[test]
    fn a_full_queue_denies() {
        let mut queue = queue(&[1, 2]);
        assert_eq!(queue.admit(2), Err(Denied::Full(2)));
        assert_eq!(queue.start_next(), Some(1));
        assert_eq!(queue.admit(2), Ok(()), "a running run does not wait");
    }

    #[test]
    fn cancelling_depends_on_where_the_run_is() {
        let mut queue = queue(&[1, 2]);
        queue.start_next();
        assert_eq!(queue.cancel(2), Cancelled::Removed);
        assert_eq!(queue.cancel(2), Cancelled::Unknown);
        assert_eq!(queue.cancel(1), Cancelled::Stop);
        assert_eq!(queue.cancel(1), Cancelled::Stopping);
        queue.finished(1);
        assert_eq!(queue.cancel(1), Cancelled::Unknown);
    }

    #[test]
    fn a_closed_queue_stops_what_runs_and_starts_nothing() {
        let mut queue = queue(&[1, 2]);
        queue.start_next();
        assert!(queue.close());
        assert!(!queue.close(), "it is being stopped already");
        assert_eq!(queue.admit(10), Err(Denied::Closed));
        queue.finished(1);
        assert_eq!(queue.start_next(), None);
    }

    proptest! {
        /// Whatever is asked in whatever order: no run is lost, none is started twice, at most one runs.
        #[test]
        fn every_run_leaves_exactly_once(steps in prop::collection::vec((0..4_u8, 0..20_i64), 1..200)) {
            let mut queue = Queue::default();
            let (mut submitted, mut left) = (0, std::collections::BTreeSet::new());
            for (step, id) in steps {
                match step {
                    0 if queue.admit(5).is_ok() => {
                        submitted += 1;
                        queue.push(submitted);
                    }
                    1 if queue.running().is_none() => {
                        if let Some(id) = queue.start_next() {
                            prop_assert!(!left.contains(&id));
                        }
                    }
                    2 => {
                        if let Some(id) = queue.running() {
                            queue.finished(id);
                            prop_assert!(left.insert(id));
                        }
                    }
                    3 if queue.cancel(id) == Cancelled::Removed => prop_assert!(left.insert(id)),
                    _ => {}
                }
                prop_assert!(queue.waiting() <= 5);
                let held = (1..=submitted).filter(|id| queue.holds(*id)).count();
                prop_assert_eq!(held + left.len(), submitted as usize);
            }
        }
    }
}
