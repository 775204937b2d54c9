//! The shared-memory accounts of a trial.
//!
//! One memfd per trial, created by the daemon, inherited by coordinator and workers:
//!
//! ```text
//! ┌────────┬─────────────────┬───────────┬───────────┬───┬──────────┬───────────┐
//! │ header │ section 0       │ section 1 │ section 2 │ … │ task log │ timelines │
//! │        │ the coordinator │ worker 0  │ worker 1  │   │          │           │
//! └────────┴─────────────────┴───────────┴───────────┴───┴──────────┴───────────┘
//! ```
//!
//! Each section has one writer, which uses plain relaxed stores and makes no system call for the ledger's sake (what is
//! booked to a waiter's row of [`waits`] is written by whoever holds the lock's mutex). A
//! sequence number (odd while a change is being written) lets the daemon read a consistent copy at any time. The
//! memory outlives its writer: after SIGKILL everything up to the last transition is there, and the phase that was
//! open is known.
//!
//! | module | subject |
//! |---|---|
//! | [`layout`] | what lies where |
//! | [`map`] | the shared mapping |
//! | [`writer`] | a worker's hold on its own section |
//! | [`owner`] | the daemon's view: live, and closing the books |
//! | [`snapshot`] | what everybody has done so far, for whoever watches |
//! | [`books`] | raw accounts to nanoseconds and states |
//! | [`notes`] | what could not be had for a worker, in words |
//! | [`waits`] | who made a worker wait for a lock |
//! | [`task_log`] | when each task was taken, done and collected: behind the sections |
//! | [`timeline`] | when a worker went from which phase to which: behind the task log |

pub mod books;
pub mod layout;
pub mod map;
pub mod notes;
pub mod owner;
pub mod snapshot;
pub mod task_log;
pub mod timeline;
pub mod waits;
pub mod writer;

pub use books::{Books, Fault};
pub use owner::{Closed, Ledger, Live, LiveWorker};
