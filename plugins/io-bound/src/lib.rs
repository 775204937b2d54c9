//! Kernels that wait for the network.
//!
//! A task of `io-bound` makes requests to a server, waits for each answer, and computes a little in between. A task of
//! `mixed` either does that or only computes. The server is one that the trial starts, a process of its own on
//! loopback with a known service time, or one that the user names.
//!
//! | module | subject |
//! |---|---|
//! | `io_bound`, `mixed` | the kernels |
//! | `settings` | the parameters that both have |
//! | `requests` | what a task does: requests, answers, computing in between |
//! | `async_requests` | the same on an event loop |
//! | `task` | what travels between processes; what a request says and which result is right |
//! | `connection` | a connection, and those that wait to be used again |
//! | `exchange` | one request and its answer on a socket, without waiting |
//! | `burn` | computing for a given time |
//! | `server` | the server that a trial starts |

mod async_requests;
mod burn;
mod connection;
mod exchange;
mod io_bound;
mod mixed;
mod requests;
mod server;
mod settings;
mod task;

pub use io_bound::IoBound;
pub use mixed::Mixed;
pub use server::PROCESS_NAME;
pub use task::{Task, Work};

gild_abi::export!(IoBound, Mixed);
