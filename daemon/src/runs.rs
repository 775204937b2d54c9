//! Everything that can be asked of runs: the queue, the store and the event logs, kept in step.
//!
//! The queue decides ([`crate::queue`]); what it decides is stored first, then told. Locks are taken in the order
//! queue, store, and are never held across an await. Should the end of a run not fit into the store (a full
//! disk), it is kept here, shown to whoever asks, and stored as soon as that works. Recordings (`recordings`) go past
//! the queue.

mod live;
mod recordings;

mod many;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gild_model::api::EventKind;
use gild_model::experiment::Experiment;
use gild_model::run::{Run, RunHead, RunId, RunStatus};
use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::metrics::runs::{RunKind, RunTally};
use crate::metrics::store::StoreTally;
use crate::metrics::trials::TrialTally;
use crate::queue::{Cancelled, Denied, Queue};
use crate::server::events::Logs;
use crate::stage::Stage;
use crate::store::{Store, StoreError};
use crate::trial::StopSignal;
use crate::verdict::Stop;

pub use live::Ends;

/// Why something cannot be done with a run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The queue does not take it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such run.
    #[error("there is no run {0}")]
    Missing(RunId),
    /// It is over.
    #[error("run {id} is {}: there is nothing to cancel", status.name())]
    Over {
        /// The run.
        id: RunId,
        /// How it ended.
        status: RunStatus,
    },
    /// It is not over.
    #[error("run {id} is {}: cancel it first", status.name())]
    Active {
        /// The run.
        id: RunId,
        /// Where it stands.
        status: RunStatus,
    },
    /// It is no recording in progress.
    #[error("run {id} is {}, and nobody is recording it", status.name())]
    NotRecorded {
        /// The run.
        id: RunId,
        /// Where it stands.
        status: RunStatus,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A run that was accepted and has not ended.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// What to do; the library that holds the kernel is filled in.
    pub experiment: Experiment,
    /// Whether the kernel gives equal results for equal input.
    pub deterministic: bool,
}

/// The runs of this daemon.
#[derive(Debug)]
pub struct Runs {
    work: Mutex<Work>,
    store: Mutex<Store>,
    /// What happens to runs.
    pub logs: Logs,
    /// Runs that came and went.
    pub tally: RunTally,
    /// What the accounts of trials add up to.
    pub trials: TrialTally,
    /// Writes to the store; to be looked at without waiting for one.
    pub store_tally: Arc<StoreTally>,
    /// The trial in progress.
    pub stage: Stage,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Work {
    queue: Queue,
    live: live::Live,
    accepted: HashMap<RunId, Arc<Accepted>>,
    stop: Option<watch::Sender<Option<Stop>>>,
    unsaved: BTreeMap<RunId, Ending>,
}

#[derive(Debug, Clone)]
struct Ending {
    status: RunStatus,
    error: Option<String>,
    at: Timestamp,
}

impl Runs {
    /// Starts with an empty queue.
    pub fn new(store: Store) -> Runs {
        Runs {
            work: Mutex::default(),
            store_tally: store.tally(),
            store: Mutex::new(store),
            logs: Logs::default(),
            tally: RunTally::default(),
            trials: TrialTally::default(),
            stage: Stage::default(),
            wake: Notify::new(),
        }
    }

    /// Takes a run into the queue, unless `queue_max` are waiting.
    ///
    /// # Errors
    /// The queue is full or closed; the store failed.
    pub fn submit(&self, accepted: Accepted, queue_max: usize) -> Result<RunHead, RunError> {
        let mut work = self.work();
        work.queue.admit(queue_max)?;
        let submitted_at = Timestamp::now();
        let id = self.store().insert_run(&accepted.experiment, submitted_at)?;
        let ahead = work.queue.push(id);
        let head = new_head(id, &accepted.experiment, submitted_at);
        work.accepted.insert(id, Arc::new(accepted));
        self.tally.accepted(RunKind::Run);
        self.logs.add(id, EventKind::Queued { ahead });
        self.wake.notify_one();
        Ok(head)
    }

    /// Cancels a run: at once if it waits, in a moment if it runs, when its program ends if it is a recording.
    ///
    /// # Errors
    /// There is no such run, or it is over; the store failed.
    pub fn cancel(&self, id: RunId) -> Result<RunHead, RunError> {
        let mut work = self.work();
        match work.queue.cancel(id) {
            Cancelled::Removed => {
                work.accepted.remove(&id);
                self.end(&mut work, id, RunKind::Run, RunStatus::Cancelled, None);
            }
            Cancelled::Stop => work.ask_to_stop(Stop::Cancelled),
            Cancelled::Stopping => {}
            Cancelled::Unknown if work.live.cancel(id) => {}
            Cancelled::Unknown => {
                let head = self.head_with(&work, id)?;
                return Err(RunError::Over { id, status: head.status });
            }
        }
        self.head_with(&work, id)
    }

    /// Removes a run with its results.
    ///
    /// # Errors
    /// There is no such run, or it is not over; the store failed.
    pub fn remove(&self, id: RunId) -> Result<(), RunError> {
        let mut work = self.work();
        if work.queue.holds(id) || work.live.holds(id) {
            let is_running = work.queue.running() == Some(id) || work.live.holds(id);
            let status = if is_running { RunStatus::Running } else { RunStatus::Queued };
            return Err(RunError::Active { id, status });
        }
        if !self.store().remove_run(id)? {
            return Err(RunError::Missing(id));
        }
        work.unsaved.remove(&id);
        self.logs.remove(id);
        Ok(())
    }

    /// A run in one line.
    ///
    /// # Errors
    /// There is no such run; the store failed.
    pub fn head(&self, id: RunId) -> Result<RunHead, RunError> {
        self.head_with(&self.work(), id)
    }

    /// Brings a run read from the store up to what is known here.
    pub fn correct(&self, run: Run) -> Run {
        Run { head: self.work().corrected(run.head), ..run }
    }

    /// A second connection to the store, for reads that last.
    ///
    /// # Errors
    /// The store failed.
    pub fn reader(&self) -> Result<Store, RunError> {
        Ok(self.store().reader()?)
    }

    /// The run in progress and the number of those waiting.
    pub fn standing(&self) -> (Option<RunId>, u32) {
        let work = self.work();
        (work.queue.running(), work.queue.waiting())
    }

    /// How many ends of runs did not fit into the store yet.
    pub fn unsaved(&self) -> usize {
        self.work().unsaved.len()
    }

    /// Waits for the next run to be run, together with the signal to stop it. `None`: there will be none.
    /// Called by the driver alone, after [`Runs::finish`] of the one before.
    pub async fn next(&self) -> Option<(RunId, Arc<Accepted>, StopSignal)> {
        loop {
            {
                let mut work = self.work();
                if let Some(id) = work.queue.start_next() {
                    let (sender, signal) = watch::channel(None);
                    work.stop = Some(sender);
                    let accepted = Arc::clone(work.accepted.get(&id).expect("every queued run was accepted"));
                    return Some((id, accepted, signal));
                }
                if work.queue.is_closed() {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Does something with the store for the run in progress.
    ///
    /// # Errors
    /// The store failed.
    pub fn record<T>(&self, action: impl FnOnce(&Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        action(&self.store())
    }

    /// Ends the run in progress.
    pub fn finish(&self, id: RunId, status: RunStatus, error: Option<String>) {
        let mut work = self.work();
        work.queue.finished(id);
        work.accepted.remove(&id);
        work.stop = None;
        self.end(&mut work, id, RunKind::Run, status, error);
        for (ahead, waiting) in work.queue.in_line() {
            self.logs.add(waiting, EventKind::Queued { ahead });
        }
    }

    /// Takes and starts no more runs, stops the one in progress, and interrupts those waiting and recordings.
    pub fn close(&self) {
        let mut work = self.work();
        if work.queue.close() {
            work.ask_to_stop(Stop::Shutdown);
        }
        let waiting: Vec<RunId> = work.queue.in_line().map(|(_, id)| id).collect();
        for id in waiting {
            work.queue.cancel(id);
            work.accepted.remove(&id);
            self.end(&mut work, id, RunKind::Run, RunStatus::Interrupted, Some("the daemon was stopped".to_owned()));
        }
        for id in work.live.ids() {
            work.live.end(id);
            let why = Some("the daemon was stopped".to_owned());
            self.end(&mut work, id, RunKind::Recording, RunStatus::Interrupted, why);
        }
        self.wake.notify_one();
    }

    /// Stores the end of a run, and earlier ends that did not fit; tells the watchers.
    fn end(&self, work: &mut Work, id: RunId, kind: RunKind, status: RunStatus, error: Option<String>) {
        self.tally.finished(kind, status);
        work.unsaved.insert(id, Ending { status, error: error.clone(), at: Timestamp::now() });
        work.unsaved.retain(|id, ending| {
            let saved = self.store().finish_run(*id, ending.status, ending.error.as_deref(), ending.at);
            match saved {
                Ok(()) | Err(StoreError::NoSuchRun(_)) => false,
                Err(error) => {
                    tracing::error!(run = id, %error, "the end of a run could not be stored; it is kept in memory");
                    true
                }
            }
        });
        self.logs.add(id, EventKind::Finished { status, error });
    }

    fn head_with(&self, work: &Work, id: RunId) -> Result<RunHead, RunError> {
        let head = self.store().head(id)?.ok_or(RunError::Missing(id))?;
        Ok(work.corrected(head))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    fn ask_to_stop(&self, why: Stop) {
        if let Some(stop) = &self.stop {
            stop.send_replace(Some(why));
        }
    }

    fn corrected(&self, head: RunHead) -> RunHead {
        match self.unsaved.get(&head.id) {
            None => head,
            Some(Ending { status, error, at }) => {
                RunHead { status: *status, error: error.clone(), finished_at: Some(*at), ..head }
            }
        }
    }
}

fn new_head(id: RunId, experiment: &Experiment, submitted_at: Timestamp) -> RunHead {
    let cases = u32::try_from(experiment.cases.len()).unwrap_or(u32::MAX);
    RunHead {
        id,
        name: experiment.name.clone(),
        kernel: experiment.kernel.clone(),
        status: RunStatus::Queued,
        error: None,
        cases,
        trials_done: 0,
        trials_planned: cases.saturating_mul(experiment.warmups + experiment.repetitions),
        submitted_at,
        started_at: None,
        finished_at: None,
        tags: Vec::new(),
        note: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{accepted, host};
    use tempfile::TempDir;

    pub fn runs() -> (TempDir, Runs) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("gild.db")).unwrap();
        (folder, Runs::new(store))
    }

    pub fn events(runs: &Runs, id: RunId) -> Vec<EventKind> {
        runs.logs.get(id).unwrap().after(0).0.into_iter().map(|event| event.what).collect()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_run_goes_through_the_queue_and_is_stored_at_each_step() {
        let (_folder, runs) = runs();
        let first = runs.submit(accepted(), 8).unwrap();
        assert_eq!(runs.head(first.id).unwrap(), first, "what is answered is what is stored");
        let second = runs.submit(accepted(), 8).unwrap();
        let (id, _, _stop) = runs.next().await.unwrap();
        assert_eq!((id, runs.standing()), (first.id, (Some(first.id), 1)));
        runs.record(|store| store.set_running(id, &host(), Timestamp::now())).unwrap();
        assert_eq!(runs.head(id).unwrap().status, RunStatus::Running);
        runs.finish(id, RunStatus::Done, None);
        assert_eq!(runs.head(id).unwrap().status, RunStatus::Done);
        assert_eq!(
            events(&runs, second.id),
            [EventKind::Queued { ahead: 1 }, EventKind::Queued { ahead: 0 }],
            "who waits hears that it goes on"
        );
    }

    #[tokio::test(flavor = "current_thread")]
    async fn cancelling_ends_a_waiting_run_and_stops_a_running_one() {
        let (_folder, runs) = runs();
        let first = runs.submit(accepted(), 8).unwrap().id;
        let second = runs.submit(accepted(), 8).unwrap().id;
        let (_, _, stop) = runs.next().await.unwrap();
        assert_eq!(runs.cancel(second).unwrap().status, RunStatus::Cancelled);
        assert!(matches!(runs.cancel(second), Err(RunError::Over { status: RunStatus::Cancelled, .. })));
        assert!(matches!(runs.cancel(99), Err(RunError::Missing(99))));
        assert_eq!(*stop.borrow(), None);
        runs.cancel(first).unwrap();
        assert_eq!(*stop.borrow(), Some(Stop::Cancelled));
        runs.cancel(first).unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn only_runs_that_are_over_can_be_removed() {
        let (_folder, runs) = runs();
        let id = runs.submit(accepted(), 8).unwrap().id;
        assert!(matches!(runs.remove(id), Err(RunError::Active { status: RunStatus::Queued, .. })));
        runs.next().await.unwrap();
        assert!(matches!(runs.remove(id), Err(RunError::Active { status: RunStatus::Running, .. })));
        runs.finish(id, RunStatus::Done, None);
        runs.remove(id).unwrap();
        assert!(matches!(runs.head(id), Err(RunError::Missing(_))));
        assert!(matches!(runs.remove(id), Err(RunError::Missing(_))));
        assert!(runs.logs.get(id).is_none());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn closing_stops_the_running_run_and_interrupts_the_others() {
        let (_folder, runs) = runs();
        let first = runs.submit(accepted(), 8).unwrap().id;
        let second = runs.submit(accepted(), 8).unwrap().id;
        let (_, _, stop) = runs.next().await.unwrap();
        runs.close();
        assert_eq!(*stop.borrow(), Some(Stop::Shutdown));
        assert_eq!(runs.head(second).unwrap().status, RunStatus::Interrupted);
        assert!(matches!(runs.submit(accepted(), 8), Err(RunError::Denied(Denied::Closed))));
        runs.finish(first, RunStatus::Interrupted, None);
        assert!(runs.next().await.is_none());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_end_that_cannot_be_stored_is_shown_and_stored_later() {
        let (folder, runs) = runs();
        let id = runs.submit(accepted(), 8).unwrap().id;
        let other = runs.submit(accepted(), 8).unwrap().id;
        runs.next().await.unwrap();
        // A writer beside the daemon keeps the store locked until it is dropped.
        let path = folder.path().join("gild.db");
        let writer = rusqlite::Connection::open(&path).unwrap();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        runs.finish(id, RunStatus::Failed, Some("disk".to_owned()));
        let head = runs.head(id).unwrap();
        assert_eq!((head.status, head.error.as_deref()), (RunStatus::Failed, Some("disk")));
        let stored = |id| runs.reader().unwrap().head(id).unwrap().unwrap().status;
        assert_eq!(stored(id), RunStatus::Queued, "it could not be stored");
        assert_eq!(runs.unsaved(), 1);
        drop(writer);
        runs.cancel(other).unwrap();
        assert_eq!(stored(id), RunStatus::Failed, "the next write stored it too");
        assert_eq!(runs.unsaved(), 0);
    }
}
