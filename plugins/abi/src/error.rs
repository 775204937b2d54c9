//! The one error type of kernels: a text for people, and a status for the host.

use std::{fmt, io};

use crate::raw::{self, Status};

/// What a kernel's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call of a kernel failed.
///
/// An error made from a text alone gets the status of the place where it leaves the library: `GILD_E_PARAM` from
/// `create`, `GILD_E_DECODE` from `decode`, `GILD_E_MISMATCH` from `verify`, `GILD_E_INTERNAL` from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    status: Option<Status>,
    text: String,
}

impl Error {
    /// Makes an error from a text: lower case, no full stop, fit to follow "task 3 failed: ".
    pub fn new(text: impl fmt::Display) -> Error {
        Error { status: None, text: text.to_string() }
    }

    /// Makes an error of something that this machine or this build cannot do.
    pub fn unsupported(text: impl fmt::Display) -> Error {
        Error { status: Some(raw::E_UNSUPPORTED), text: text.to_string() }
    }

    /// Makes the error that ends a cancelled task. `cx.poll()` and `cx.blocking()` return it by themselves.
    pub fn cancelled() -> Error {
        Error::from_status(raw::E_CANCELLED)
    }

    /// Whether the host wants the task to end. Everything else is a fault.
    pub fn is_cancelled(&self) -> bool {
        self.status == Some(raw::E_CANCELLED)
    }

    /// An error that the host itself returned: it knows what it means, so there is no text.
    pub(crate) fn from_status(status: Status) -> Error {
        Error { status: Some(status), text: String::new() }
    }

    /// A fault of the host, not of the kernel.
    pub(crate) fn host(text: impl fmt::Display) -> Error {
        Error::with_status(raw::E_INTERNAL, text)
    }

    pub(crate) fn with_status(status: Status, text: impl fmt::Display) -> Error {
        Error { status: Some(status), text: text.to_string() }
    }

    pub(crate) fn status_or(&self, default: Status) -> Status {
        self.status.unwrap_or(default)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Turns a status of the host into a result. Statuses of 0 and above are successes.
pub(crate) fn check(status: Status) -> Result<()> {
    if status < 0 { Err(Error::from_status(status)) } else { Ok(()) }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text.as_str(), self.status) {
            ("", Some(raw::E_CANCELLED)) => f.write_str("cancelled"),
            ("", Some(status)) => write!(f, "the host answered with status {status}"),
            (text, _) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    /// Keeps an [`Error`] that travelled inside an [`io::Error`] (see [`crate::Writer`]) as it was.
    fn from(error: io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(own) => own,
            Err(foreign) => Error { status: Some(raw::E_IO), text: foreign.to_string() },
        }
    }
}

impl From<String> for Error {
    fn from(text: String) -> Error {
        Error::new(text)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Error {
        Error::new(text)
    }
}
