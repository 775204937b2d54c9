//! The program behind `gild coordinator`. (Interface first.)

use std::process::ExitCode;

/// Runs as a coordinator, to the end.
pub fn main() -> ExitCode {
    todo!()
}
