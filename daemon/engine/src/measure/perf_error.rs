//! What went wrong with a perf event: which event, at which step, and the system's reason with its number.

use std::io;

/// Why an event cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PerfError {
    /// perf_event_open(2) refused it.
    #[error("{event}: perf_event_open: {source}")]
    Open {
        /// Its name.
        event: &'static str,
        /// Whether events in the kernel were to be counted or recorded too.
        in_kernel: bool,
        /// The system's reason.
        source: io::Error,
    },
    /// It was opened, and its memory could not be mapped.
    #[error("{event}: mmap: {source}")]
    Map {
        /// Its name.
        event: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// It was opened, and could not be started or read.
    #[error("reading counters: {0}")]
    Read(#[from] io::Error),
}
