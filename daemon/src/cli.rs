//! The command line.
//!
//! The programs that the daemon or gilctl start (`coordinator`, `worker`, `scan`, `python`, `record`) are told apart before anything else
//! is set up: a trial pays for every microsecond of their start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gild_engine::worker::Place;
use nix::sys::prctl;

use crate::exit;
use crate::serve::{Options, serve};

/// Serves runs, measures them, keeps the results. Talk to it with gilctl.
#[derive(Debug, Parser)]
#[command(
    name = "gild",
    version,
    after_help = "Exit status: 0 stopped when told to, 2 usage, 3 configuration, 4 socket, 5 store, 6 system."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve in the foreground until SIGTERM, SIGINT or a request to stop
    Serve {
        /// The Unix socket to listen on [default: $XDG_RUNTIME_DIR/gild/gild.sock]
        #[arg(long, value_name = "SOCKET", env = "GILD_SOCKET")]
        socket: Option<PathBuf>,
        /// The store [default: $XDG_DATA_HOME/gild/gild.db]
        #[arg(long, value_name = "DB", env = "GILD_STORE")]
        store: Option<PathBuf>,
        /// The configuration file [default: $XDG_CONFIG_HOME/gild/gild.toml, if there is one]
        #[arg(long, value_name = "FILE", env = "GILD_CONFIG")]
        config: Option<PathBuf>,
    },
}

/// Runs the program with these arguments, the first of which is its name.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    match arguments.get(1).and_then(|it| it.to_str()) {
        Some("coordinator") => {
            name_process(c"gild-coord");
            gild_engine::coordinator::main()
        }
        Some("worker") => {
            name_process(c"gild-worker");
            let rest: Option<Vec<_>> = arguments[2..].iter().map(|it| it.to_str()).collect();
            match rest.and_then(|rest| Place::of_arguments(&rest)) {
                Some(place) => gild_engine::worker::main(place),
                None => ExitCode::from(exit::USAGE),
            }
        }
        Some("scan") if arguments.len() == 3 => {
            name_process(c"gild-scan");
            gild_engine::scan::main(Path::new(&arguments[2]))
        }
        Some("python") if arguments.len() == 2 => {
            name_process(c"gild-python");
            crate::python::program::main()
        }
        Some("record") => crate::record::main(&arguments[2..]),
        _ => control(arguments),
    }
}

/// Started through `/proc/self/exe` they would all be called `exe`. Only ps(1) and the like care.
fn name_process(name: &std::ffi::CStr) {
    let _ = prctl::set_name(name);
}

fn control(arguments: Vec<OsString>) -> ExitCode {
    let Command::Serve { socket, store, config } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command,
        Err(error) => {
            // Help and version come here too; a closed terminal is no reason to fail.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK });
        }
    };
    match serve(&Options { socket, store, config }) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => {
            eprintln!("gild: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
