//! What was measured, as files for other programs: rows of accounts, of task times, of who made whom wait, or of intervals (CSV,
//! JSON lines, Parquet), and timelines for trace viewers (Perfetto, Chrome, Firefox).
//!
//! A file appears under its name when it is complete: it is written as `NAME.partial`, synced and renamed, and
//! removed if anything fails. Rows are handed on one by one; only Parquet holds some back (a row group).

pub mod accounts;
mod holders;
mod intervals;
mod params;
mod parquet;
mod rows;
pub mod table;
mod target;
mod tasks;
pub mod timelines;
mod waits;

use std::io;
use std::path::PathBuf;

use crate::error::Exit;

pub use intervals::IntervalRow;
pub use rows::Rows;
pub use table::{OfTrial, Row, Schema};
pub use target::Target;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard output.
    #[error("cannot write to standard output")]
    Stdout(#[source] io::Error),
    /// The file.
    #[error("cannot write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is a device, a folder or the like, which must not be replaced.
    #[error("{} is there and is no regular file; to write into it, send standard output there", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// The format is no text.
    #[error("the format is no text for a terminal; give -o FILE or a pipe")]
    BinaryToTerminal,
    /// A value is beyond what the format holds.
    #[error("{column} = {value} does not fit into 64 bits with sign")]
    TooLarge {
        /// The column.
        column: String,
        /// The value.
        value: i128,
    },
    /// The format's own library.
    #[error("cannot make a Parquet file")]
    Parquet(#[source] ::parquet::errors::ParquetError),
    /// The run got a counter while it was exported.
    #[error("the counter {counter} appeared while the run was exported; wait for its end and export it again")]
    NewCounter {
        /// The counter.
        counter: String,
    },
}

impl Error {
    /// The error of standard output, if it is one.
    pub fn output_error(&self) -> Option<&io::Error> {
        match self {
            Error::Stdout(source) => Some(source),
            _ => None,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Error::BinaryToTerminal | Error::NotRegular { .. } => Exit::Refused,
            _ => Exit::File,
        }
    }
}
