//! The recordings in progress, and what is measured at the same time. Pure but for the channels to those who record.
//!
//! A recording has no place in the queue: its program has been started already. So it may run beside a trial, and beside
//! other recordings; they take time from each other, which each of them has to say.

use std::collections::{BTreeMap, BTreeSet};

use gild_model::run::RunId;
use tokio::sync::watch;

/// How often the end of a recording was asked for; changes with each time, and is closed with the recording.
pub type Ends = watch::Receiver<u32>;

/// The recordings in progress, and the trial.
#[derive(Debug, Default)]
pub(super) struct Live {
    recordings: BTreeMap<RunId, Recording>,
    /// The run whose trial is under way, and the recordings that it overlaps with.
    trial: Option<(RunId, BTreeSet<RunId>)>,
}

#[derive(Debug)]
struct Recording {
    ends: watch::Sender<u32>,
    beside: BTreeSet<RunId>,
}

/// A recording that is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Somebody asked for it.
    pub cancelled: bool,
    /// The runs that were measured or recorded at the same time.
    pub beside: BTreeSet<RunId>,
}

impl Live {
    /// A recording begins.
    pub fn begin(&mut self, id: RunId) -> Ends {
        let (sender, ends) = watch::channel(0);
        let mut beside: BTreeSet<RunId> = self.recordings.keys().copied().collect();
        for other in self.recordings.values_mut() {
            other.beside.insert(id);
        }
        if let Some((run, overlapping)) = &mut self.trial {
            overlapping.insert(id);
            beside.insert(*run);
        }
        self.recordings.insert(id, Recording { ends: sender, beside });
        ends
    }

    /// A recording is over; `None`: it is not in progress.
    pub fn end(&mut self, id: RunId) -> Option<Ended> {
        let Recording { ends, beside } = self.recordings.remove(&id)?;
        let cancelled = *ends.borrow() > 0;
        Some(Ended { cancelled, beside })
    }

    /// Asks for the end of a recording; `false`: it is not in progress.
    pub fn cancel(&self, id: RunId) -> bool {
        let recording = self.recordings.get(&id);
        recording.inspect(|it| it.ends.send_modify(|times| *times = times.saturating_add(1)));
        recording.is_some()
    }

    /// A trial of a run begins.
    pub fn begin_trial(&mut self, run: RunId) {
        for recording in self.recordings.values_mut() {
            recording.beside.insert(run);
        }
        self.trial = Some((run, self.recordings.keys().copied().collect()));
    }

    /// The trial is over: the recordings that ran beside it.
    pub fn end_trial(&mut self) -> BTreeSet<RunId> {
        self.trial.take().map(|(_, beside)| beside).unwrap_or_default()
    }

    /// Whether a recording is in progress.
    pub fn holds(&self, id: RunId) -> bool {
        self.recordings.contains_key(&id)
    }

    /// Those in progress.
    pub fn ids(&self) -> Vec<RunId> {
        self.recordings.keys().copied().collect()
    }
}

/// What a run or a recording has to say of another one that was measured at the same time.
pub(super) fn note(other: RunId) -> String {
    format!("run {other} was measured at the same time: they took time from each other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(ended: Option<Ended>) -> Vec<RunId> {
        ended.unwrap().beside.into_iter().collect()
    }

    #[test]
    fn what_overlaps_is_known_to_both_sides() {
        let mut live = Live::default();
        let _first = live.begin(1);
        live.begin_trial(2);
        let _second = live.begin(3);
        assert_eq!(beside(live.end(3)), [1, 2]);
        assert_eq!(live.end_trial().into_iter().collect::<Vec<_>>(), [1, 3]);
        let _alone = live.begin(4);
        assert_eq!(beside(live.end(1)), [2, 3, 4]);
        live.begin_trial(5);
        assert_eq!(live.end_trial().into_iter().collect::<Vec<_>>(), [4]);
        assert_eq!((beside(live.end(4)), live.end(4)), (vec![1, 5], None));
    }

    #[test]
    fn an_end_that_is_asked_for_is_heard_and_remembered() {
        let mut live = Live::default();
        let ends = live.begin(1);
        assert!(live.holds(1) && live.cancel(1) && live.cancel(1) && !live.cancel(2));
        assert_eq!((*ends.borrow(), live.ids()), (2, vec![1]));
        assert!(live.end(1).unwrap().cancelled);
        assert!(ends.has_changed().is_err(), "the channel is closed with it");
    }
}
