//! Python: the code of ours that runs in the user's interpreter, and the trials of kernels in Python.
//!
//! A trial in Python is a recording of the user's own interpreter, which runs a harness of ours (`daemon/python/gild_trial.py`) with
//! the executors that it has:
//!
//! ```text
//!  gild ─▶ spawner ─▶ gild python ─▶ the interpreter, with the library preloaded ─▶ its threads and processes
//!   │                  │ waits for processes that come and go, as gild record does        │
//!   └─ ledger (wall time, tasks, task log) and recording (accounts): memory that all of them share
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`files`] | where our Python code is for an interpreter to find |
//! | [`spec`] | what `gild python` is told and answers |
//! | [`program`] | the program behind `gild python` |
//! | [`interpreter`] | from what the user names to what can be run, or why not |
//! | [`harness`] | what the harness is told and answers |
//! | [`ended`] | what a harness that said nothing, or lost its workers, died of |
//! | [`probe`] | looking, before a run is accepted, whether it can be run |

pub mod ended;
pub mod files;
pub mod harness;
pub mod interpreter;
pub mod probe;
pub mod program;
pub mod spec;
