//! The server that a trial starts: sends back what it gets, a given time after it has got it.
//!
//! | module | subject |
//! |---|---|
//! | [`process`] | its process: started by `plan`, gone with the instance or its parent |
//! | [`service`] | what it does there: one thread, one epoll instance, one timer |
//! | [`connection`] | one client |

mod connection;
mod process;
mod service;

use std::time::Duration;

pub use process::PROCESS_NAME;
pub(crate) use process::Process;

/// What the server is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Size of a request.
    pub(crate) bytes: usize,
    /// From a request's last byte to its answer's first.
    pub(crate) service: Duration,
    /// The core to run on; `None`: the last that may be used.
    pub(crate) core: Option<usize>,
}
