//! The accounts of a program that gild did not write: of every thread and process of it, as they come and go.
//!
//! One memfd per recording, made by the recorder. The preloaded library (`gild-preload`) opens it in every process of the
//! program and gives each thread a *place* in it:
//!
//! ```text
//! ┌────────┬──────────────────────┬──────────────────────┬───┬───────────┐
//! │ header │ place 0              │ place 1              │ … │ functions │   sparse: a page that nobody touched is no memory
//! │        │ who │ section        │ who │ section        │   │           │
//! └────────┴──────────────────────┴──────────────────────┴───┴───────────┘
//!            a process's first thread   a thread, another process, … in the order in which they were born
//! ```
//!
//! A section is the one of every trial ([`crate::ledger`]), written by the same meter. What is different is who it is of
//! (nobody planned it), and that its writer may vanish without a last act: by exec, `_exit`, SIGKILL. Then the *leader*, the
//! place of the process's first thread, says when the process was gone.
//!
//! A place is never given to somebody else, with one exception: of a process with thousands of threads, the accounts of
//! those that ended are added up in one place, and theirs are used again ([`fold`]).
//!
//! | module | subject |
//! |---|---|
//! | [`layout`] | what lies where |
//! | [`map`] | the shared mapping, taking places |
//! | [`fold`] | the accounts of threads that ended, added up |
//! | [`functions`] | which functions held the interpreter's lock while others waited |
//! | `waits` | who made whom wait |
//! | [`books`] | places to rows of accounts, processes to their ends |
//! | [`timelines`] | when each row was in which phase |
//! | [`trial`] | of a trial in a recording: who is the coordinator, a worker, a helper |
//! | [`last_clocks`] | the clocks of threads that will write no last act |
//! | `live` | a recording that goes on: what its threads have done so far |
//! | [`owner`] | the recorder's view |
//! | [`orders`] | what Python code of ours tells the library |

pub mod books;
pub mod fold;
pub mod functions;
pub mod last_clocks;
pub mod layout;
mod live;
pub mod map;
pub mod orders;
pub mod owner;
pub mod timelines;
pub mod trial;
mod waits;

/// The environment variable that names the memory: `/proc/PID/fd/N` of the recorder.
pub const VARIABLE: &str = "GILD_RECORDING";

/// The environment variable that names the ledger of a trial, if the recording is one's, in the same way. The ledger has the
/// trial's wall time, its number of tasks and their log; its sections stay empty.
pub const TRIAL_VARIABLE: &str = "GILD_TRIAL";
