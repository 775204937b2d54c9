//! The task log: when each task of a trial was taken by a worker, when its result was done, and when the coordinator had it.
//!
//! It lies behind the sections of the ledger, in the same memory, and outlives its writers like them:
//!
//! ```text
//! ┌────────┬───────────┬─────┬╌╌╌╌╌╌╌╌╌╌╌┬─────────┬─────────┬───┐
//! │ header │ section 0 │ …   │ padding   │ entry 0 │ entry 1 │ … │
//! └────────┴───────────┴─────┴╌╌╌╌╌╌╌╌╌╌╌┴─────────┴─────────┴───┘
//! ```
//!
//! The file has room for the largest log from the start, because its size is sealed; pages that nobody writes take no
//! memory. The coordinator lays the log out once it has a plan. An entry has one writer at a time: the coordinator before
//! the first worker starts, the worker that has the task, then whoever takes its result. Stamps are plain stores.
//!
//! A plan of more than [`ENTRIES_MAX`] tasks is thinned: of every k tasks one has an entry, see [`thinning`].
//!
//! | module | subject |
//! |---|---|
//! | [`layout`] | what an entry is, and where the log lies |
//! | [`thinning`] | which tasks have an entry |
//! | [`writer`] | laying it out, attaching to it, stamping |
//! | [`reader`] | reading it after the trial, trusting nothing in it |

pub mod layout;
pub mod reader;
pub mod thinning;
pub mod writer;

pub use layout::{CLASSES_MAX, ENTRIES_MAX};
pub use reader::{TaskLogReading, TaskRecord};
pub use writer::TaskLog;
