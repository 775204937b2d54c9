//! What can go wrong between the daemon and its client.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use gild_model::api::Problem;
use hyper::StatusCode;

use crate::error::Exit;

/// Title of the problem of a kernel that no plugin has: an experiment with it is invalid, so it is no plain 404.
const NO_KERNEL: &str = "no such kernel";

/// Why a request got no good answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens at the socket.
    #[error("no daemon listens at {}; start one: gilctl daemon start", socket.display())]
    NoDaemon {
        /// The socket.
        socket: PathBuf,
    },
    /// The socket cannot be connected to, though it may be there.
    #[error("cannot connect to {}", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The daemon takes too long.
    #[error("no answer to {what} within {} s; see what the daemon does: gilctl daemon status", limit.as_secs())]
    Silent {
        /// The request.
        what: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection broke before the answer was complete.
    #[error("the answer to {what} broke off: the daemon went away or could not go on; see: gilctl daemon status")]
    Gone {
        /// The request.
        what: String,
        /// What the connection said; `None`: it ended in order, but too early.
        source: Option<hyper::Error>,
    },
    /// Whoever listens there does not speak HTTP.
    #[error("what listens at {} does not speak HTTP; it is not gild", socket.display())]
    NotHttp {
        /// The socket.
        socket: PathBuf,
        /// What was wrong with the answer.
        source: hyper::Error,
    },
    /// Whoever listens there speaks HTTP, but its errors are not gild's.
    #[error("what listens at {} answers {status} to {what}, but not as gild does", socket.display())]
    NotGild {
        /// The socket.
        socket: PathBuf,
        /// The request.
        what: String,
        /// Its HTTP status.
        status: StatusCode,
    },
    /// The answer is not what the API says.
    #[error(
        "the answer to {what} is not what this gilctl knows: {reason}; if the daemon is of another version: gilctl daemon restart"
    )]
    Unexpected {
        /// The request.
        what: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The answer is longer than anything reasonable.
    #[error("the answer to {what} is longer than {max} bytes")]
    TooLong {
        /// The request.
        what: String,
        /// The longest answer that is read.
        max: usize,
    },
    /// The daemon says no.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Problem),
}

impl Error {
    /// Tells a socket that nobody listens at from one that cannot be reached.
    pub(super) fn connect(socket: PathBuf, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::NoDaemon { socket },
            _ => Error::Connect { socket, source },
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Problem(problem) if problem.status == 404 || problem.title == NO_KERNEL => Exit::NotFound,
            Error::Problem(problem) if problem.status == 403 => Exit::Daemon,
            Error::Problem(problem) if (400..500).contains(&problem.status) => Exit::Refused,
            _ => Exit::Daemon,
        }
    }
}
