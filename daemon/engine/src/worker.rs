//! The program behind `gild worker`. (Interface first.)

use std::process::ExitCode;

/// Runs as a worker, to the end.
pub fn main() -> ExitCode {
    todo!()
}
