//! What is to be done in a trial, and where its accounts are.

use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::sync::Arc;

use gild_engine::ledger::{Books, Closed, Ledger, Live};
use gild_engine::record::owner::Recording;
use gild_engine::spec::{LEDGER_FD, RECORDING_FD, TrialSpec};
use gild_model::case::Case;
use gild_model::live::LiveAccounts;
use gild_model::lock_wait::HoldingFunction;
use gild_model::task_times::TaskTimes;
use gild_model::timeline::WorkerTimeline;

use super::TrialError;
use crate::python::spec::PythonSpec;
use crate::task_fold::{self, TaskFold};

/// What is to be done in a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// A plugin's kernel is run by a coordinator.
    Kernel(TrialSpec),
    /// A kernel in Python is run by its interpreter's executors, whose accounts are in a recording.
    Python {
        /// What `gild python` is told.
        spec: PythonSpec,
        /// Most workers that there will be.
        workers: u32,
        /// Whether their timelines are kept.
        timeline: bool,
    },
}

impl Work {
    /// The program of this executable that does it.
    pub fn program(&self) -> &'static str {
        match self {
            Work::Kernel(_) => "coordinator",
            Work::Python { .. } => "python",
        }
    }

    /// What that program is told.
    pub fn spec(&self) -> Vec<u8> {
        let text = match self {
            Work::Kernel(spec) => serde_json::to_vec(spec),
            Work::Python { spec, .. } => serde_json::to_vec(spec),
        };
        text.expect("a trial's specification is made of plain values")
    }
}

/// Places for the threads of a trial in Python: what nobody uses is no memory.
const PLACES: u32 = 8192;

/// Who keeps the accounts of the workers.
#[derive(Debug)]
enum Book {
    /// The ledger's own sections, of a trial of this case.
    Sections(Box<Case>),
    /// A recording.
    Recording(Box<Recording>),
}

/// Where the accounts of a trial are.
#[derive(Debug)]
pub struct Accounts {
    /// With a recording: the wall time, the number of tasks and their log.
    ledger: Ledger,
    book: Book,
    /// Of a recording, which always has them.
    has_timelines: bool,
}

impl Accounts {
    /// Makes them.
    ///
    /// # Errors
    /// The shared memory cannot be had.
    pub fn of(work: &Work) -> Result<Accounts, TrialError> {
        let resource = |what| move |error| TrialError::Resource { what, error };
        let (workers, marks, book, has_timelines) = match work {
            Work::Kernel(spec) => {
                (spec.case.workers, spec.timeline, Book::Sections(Box::new(spec.case.clone())), false)
            }
            Work::Python { workers, timeline, .. } => {
                let recording = Recording::create(PLACES).map_err(resource("a recording"))?;
                (*workers, 0, Book::Recording(Box::new(recording)), *timeline)
            }
        };
        let ledger = Ledger::create(workers, marks).map_err(resource("a ledger"))?;
        Ok(Accounts { ledger, book, has_timelines })
    }

    /// What the program inherits, and under which numbers.
    pub fn descriptors(&self) -> Vec<(RawFd, BorrowedFd<'_>)> {
        let recording = self.recording().map(|it| (RECORDING_FD, it.as_fd()));
        [(LEDGER_FD, self.ledger.as_fd())].into_iter().chain(recording).collect()
    }

    fn recording(&self) -> Option<&Recording> {
        match &self.book {
            Book::Sections(_) => None,
            Book::Recording(recording) => Some(recording),
        }
    }

    /// What everybody in the trial has done so far. Unlike [`Accounts::live`] it asks nobody anything.
    pub fn snapshot(&self) -> LiveAccounts {
        match &self.book {
            Book::Sections(case) => self.ledger.snapshot(case),
            Book::Recording(recording) => self.ledger.snapshot_in(recording),
        }
    }

    /// Tasks planned; `None` while planning.
    pub fn tasks_planned(&self) -> Option<u64> {
        self.ledger.tasks_planned()
    }

    /// The trial as it is now. Workers are asked to drain their rings.
    pub fn live(&self) -> Live {
        match self.recording() {
            Some(recording) => self.ledger.live_in(recording),
            None => self.ledger.live(),
        }
    }
}

/// What a ledger says once its trial is over.
pub(super) struct Over {
    /// The books.
    pub books: Books,
    /// Times of its tasks.
    pub task_times: Vec<TaskTimes>,
    /// Its timelines.
    pub timelines: Vec<WorkerTimeline>,
    /// The functions that held Python's lock while others waited.
    pub functions: Option<Vec<HoldingFunction>>,
    /// What could not be read of it.
    pub notes: Vec<String>,
}

/// Closes the books, and folds the task log into times; off this thread, because a log can have a million entries.
pub(super) async fn close(accounts: Arc<Accounts>) -> Over {
    let close = move || {
        let mut fold = TaskFold::default();
        let add = |record| fold.add(record);
        let Accounts { ledger, has_timelines, .. } = &*accounts;
        let Closed { books, tasks, timelines, functions } = match accounts.recording() {
            Some(recording) => ledger.close_in(recording, *has_timelines, add),
            None => ledger.close(add),
        };
        let task_times = fold.finish(&tasks, books.tasks_planned);
        let mut notes = task_fold::notes(&tasks);
        notes.extend(timelines.as_ref().err().map(|error| format!("the timelines could not be read: {error}")));
        Over { books, task_times, timelines: timelines.unwrap_or_default(), functions, notes }
    };
    tokio::task::spawn_blocking(close).await.expect("closing the books does not panic")
}
