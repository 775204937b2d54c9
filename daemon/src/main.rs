//! The program `gild`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gild::cli::main(std::env::args_os().collect())
}
