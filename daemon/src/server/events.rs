//! What happens to runs, for whoever watches.
//!
//! Each run has a [`Log`]: its history and, apart from it, the latest progress. Readers have no queue: a reader is
//! a sequence number, and asks for what came after it when it is ready for more. So a slow reader costs nothing
//! and misses nothing but progress that is out of date. Sequence numbers grow; a gap is progress that was replaced,
//! or history beyond [`HISTORY_MAX`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gild_model::api::{Event, EventKind};
use gild_model::look::Look;
use gild_model::run::RunId;
use jiff::Timestamp;
use tokio::sync::watch;

/// Most events that a log keeps beside the latest progress; the oldest go first.
pub const HISTORY_MAX: usize = 4_096;
/// Logs that are kept of runs that are over.
pub const LOGS_MAX: usize = 16;
/// Most events handed out at once.
const BATCH_MAX: usize = 256;

/// The logs of the runs that are waiting, running, or over since recently.
#[derive(Debug, Default)]
pub struct Logs {
    logs: Mutex<BTreeMap<RunId, Arc<Log>>>,
}

/// What happened to one run.
#[derive(Debug)]
pub struct Log {
    state: Mutex<State>,
    latest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    history: VecDeque<Event>,
    progress: Option<Event>,
    seq: u64,
    over: bool,
}

impl Logs {
    /// The log of a run; `None`: it has been over for long, or never was.
    pub fn get(&self, id: RunId) -> Option<Arc<Log>> {
        self.lock().get(&id).cloned()
    }

    /// Adds an event to the log of a run, which is made if there is none.
    pub fn add(&self, id: RunId, what: EventKind) {
        let over = matches!(what, EventKind::Finished { .. });
        let mut logs = self.lock();
        logs.entry(id).or_default().add(what);
        if over {
            let ended: Vec<RunId> = logs.iter().filter(|(_, log)| log.lock().over).map(|(id, _)| *id).collect();
            for id in ended.iter().take(ended.len().saturating_sub(LOGS_MAX)) {
                logs.remove(id);
            }
        }
    }

    /// Forgets a run.
    pub fn remove(&self, id: RunId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, Arc<Log>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { state: Mutex::default(), latest: watch::Sender::new(0) }
    }
}

impl Log {
    /// A log of one event, the last.
    pub fn ended(event: Event) -> Log {
        let seq = event.seq;
        let state = State { history: VecDeque::from([event]), progress: None, seq, over: true };
        Log { state: Mutex::new(state), latest: watch::Sender::new(seq) }
    }

    /// Adds an event and wakes the readers.
    pub fn add(&self, what: EventKind) {
        let seq = {
            let mut state = self.lock();
            state.seq += 1;
            let progress = matches!(what, EventKind::Progress(_) | EventKind::Look(_));
            let over = matches!(what, EventKind::Finished { .. });
            let event = Event { seq: state.seq, at: Timestamp::now(), what };
            match progress {
                true => state.progress = Some(event),
                false => {
                    // What was under way has come to something, so the progress is out of date.
                    state.progress = None;
                    state.history.push_back(event);
                    if state.history.len() > HISTORY_MAX {
                        state.history.pop_front();
                    }
                }
            }
            state.over |= over;
            state.seq
        };
        self.latest.send_replace(seq);
    }

    /// The next events after `seq`, in order, not necessarily all; and whether they are the last ones ever.
    pub fn after(&self, seq: u64) -> (Vec<Event>, bool) {
        let state = self.lock();
        let start = state.history.partition_point(|event| event.seq <= seq);
        let rest = state.history.range(start..).chain(state.progress.iter().filter(|event| event.seq > seq));
        let events: Vec<Event> = rest.take(BATCH_MAX).cloned().collect();
        let last = events.last().map_or(seq, |event| event.seq);
        (events, state.over && last >= state.seq)
    }

    /// The latest look at a recording that goes on, if it is one.
    pub fn look(&self) -> Option<Look> {
        match self.lock().progress.as_ref().map(|event| &event.what) {
            Some(EventKind::Look(look)) => Some(look.clone()),
            _ => None,
        }
    }

    /// Changes whenever there is a new event.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_model::api::Progress;
    use gild_model::run::RunStatus;

    fn progress(tasks_done: u64) -> EventKind {
        EventKind::Progress(Progress { tasks_done, ..crate::testing::progress() })
    }

    fn finished() -> EventKind {
        EventKind::Finished { status: RunStatus::Done, error: None }
    }

    fn numbers(log: &Log, after: u64) -> (Vec<u64>, bool) {
        let (events, over) = log.after(after);
        (events.iter().map(|event| event.seq).collect(), over)
    }

    #[test]
    fn only_the_latest_progress_is_kept_and_only_while_it_is_news() {
        let log = Log::default();
        log.add(EventKind::Queued { ahead: 0 });
        log.add(EventKind::Started);
        log.add(progress(1));
        log.add(progress(2));
        assert_eq!(numbers(&log, 0), (vec![1, 2, 4], false));
        assert_eq!(numbers(&log, 3), (vec![4], false));
        assert_eq!(numbers(&log, 4), (vec![], false));
        log.add(finished());
        assert_eq!(numbers(&log, 2), (vec![5], true));
        assert_eq!(numbers(&log, 5), (vec![], true), "asking again after the end is answered");
        assert_eq!(numbers(&log, u64::MAX), (vec![], true));
    }

    #[test]
    fn a_long_history_comes_in_parts_and_ends() {
        let log = Log::default();
        for _ in 0..HISTORY_MAX {
            log.add(EventKind::Started);
        }
        log.add(finished());
        let (mut seq, mut count, mut over) = (0, 0, false);
        while !over {
            let (events, last) = log.after(seq);
            assert!(events.len() <= BATCH_MAX && !events.is_empty());
            assert!(events.iter().is_sorted_by_key(|event| event.seq));
            (seq, count, over) = (events.last().unwrap().seq, count + events.len(), last);
        }
        assert_eq!(count, HISTORY_MAX, "the oldest event made room");
        assert_eq!(seq, HISTORY_MAX as u64 + 1);
    }

    #[test]
    fn logs_of_runs_that_are_over_are_forgotten_and_others_are_not() {
        let logs = Logs::default();
        logs.add(0, EventKind::Queued { ahead: 0 });
        for id in 1..=(LOGS_MAX as RunId + 2) {
            logs.add(id, finished());
        }
        assert!(logs.get(0).is_some(), "it is not over");
        assert!(logs.get(1).is_none() && logs.get(2).is_none());
        assert!(logs.get(3).is_some());
    }
}
