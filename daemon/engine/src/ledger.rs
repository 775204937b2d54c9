//! The shared-memory accounts of a trial. (Interface first; the layout follows.)

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use gild_model::account::WorkerAccount;
use gild_model::case::CounterScope;
use gild_model::host::Tier;
use gild_model::phase::Phase;
use gild_model::trial::AccountingCost;

/// The daemon's view of a trial's ledger: it creates it, reads it live, and closes the books.
#[derive(Debug)]
pub struct Ledger {
    fd: OwnedFd,
}

/// What a worker is doing right now.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveWorker {
    /// Number of the worker.
    pub index: u32,
    /// Its process id, once it has started.
    pub pid: Option<u32>,
    /// The phase it is in.
    pub phase: Phase,
    /// The task it has taken and not finished, and for how long it has had it, in nanoseconds.
    pub task: Option<(u64, u64)>,
    /// Tasks completed.
    pub tasks_done: u64,
}

/// A trial in progress.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Live {
    /// Tasks planned; `None` while planning.
    pub tasks_planned: Option<u64>,
    /// Tasks completed by all workers.
    pub tasks_done: u64,
    /// The workers (not the coordinator), in order.
    pub workers: Vec<LiveWorker>,
}

/// A worker that caught a deadly signal, from the note it left in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Number of the worker; `None`: the coordinator itself.
    pub worker: Option<u32>,
    /// The signal.
    pub signal: i32,
    /// The task it was running.
    pub task: Option<u64>,
}

/// The closed books of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Books {
    /// From the start of the first worker to the end of the work, in nanoseconds; `None`: it did not get there.
    pub wall_ns: Option<u64>,
    /// Tasks planned; `None`: it failed before it had a plan.
    pub tasks_planned: Option<u64>,
    /// Tasks completed.
    pub tasks_done: u64,
    /// The lowest tier of the workers.
    pub tier: Tier,
    /// Cost of the accounting itself.
    pub accounting: Option<AccountingCost>,
    /// The coordinator first, then the workers in order.
    pub workers: Vec<WorkerAccount>,
    /// Deadly signals noted.
    pub faults: Vec<Fault>,
}

impl Ledger {
    /// Creates a ledger for a coordinator and `workers` workers, and stamps the coordinator's birth: call it
    /// just before the coordinator is started.
    ///
    /// # Errors
    /// memfd_create, ftruncate or mmap failed.
    pub fn create(workers: u32, scope: CounterScope) -> io::Result<Ledger> {
        let _ = (workers, scope);
        todo!()
    }

    /// Looks at the trial in progress; costs the workers nothing.
    pub fn live(&self) -> Live {
        todo!()
    }

    /// Closes the books, after the last process of the trial is gone.
    pub fn close(self) -> Books {
        todo!()
    }
}

impl AsFd for Ledger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
