//! What can go wrong in a command, and which exit code it becomes.

use std::io;
use std::path::PathBuf;

use crate::{client, export, launch};

/// How the program ends. The numbers are a promise: `docs/cli.md` and `gilctl --help` list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Done = 0,
    /// The run failed, was cancelled by somebody else, or was interrupted with its daemon.
    RunFailed = 1,
    /// The command line or the experiment was refused, or runs cannot be compared.
    Refused = 2,
    /// No daemon answers, none can be started, or its answer makes no sense.
    Daemon = 3,
    /// There is no such run, kernel or plugin.
    NotFound = 4,
    /// A file could not be read or written.
    File = 5,
    /// A comparison found a case that became slower.
    Slower = 6,
    /// A figure is off by more than its goal.
    Inaccurate = 7,
    /// The advice says that there is not enough evidence.
    NotEnoughEvidence = 8,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code with its meaning, as the help and the documentation say it.
    pub const ALL: [(Exit, &'static str); 10] = [
        (Exit::Done, "all went well"),
        (Exit::RunFailed, "the run failed, was cancelled by somebody else, or ended with its daemon"),
        (Exit::Refused, "the command line or the experiment was refused, or runs cannot be compared"),
        (Exit::Daemon, "no daemon answers, none can be started, or its answer makes no sense"),
        (Exit::NotFound, "there is no such run, kernel or plugin"),
        (Exit::File, "a file could not be read or written"),
        (Exit::Slower, "compare: a case became slower"),
        (Exit::Inaccurate, "doctor --accuracy: a figure is off by more than its goal"),
        (Exit::NotEnoughEvidence, "advise: there is not enough evidence for an answer"),
        (Exit::Interrupted, "interrupted with Ctrl-C"),
    ];
}

/// Why a command did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line makes no sense, beyond what the parser of the command line can see.
    #[error("{0}")]
    Usage(String),
    /// The daemon did not take the experiment.
    #[error("the experiment was refused: {}", .0.detail)]
    ExperimentRefused(gild_model::api::Problem),
    /// A question in SQL was not answered to its end.
    #[error("the question was not answered: {0}")]
    Question(String),
    /// There is no run at all.
    #[error("there is no run yet; start one: gilctl run FILE.toml")]
    NoRuns,
    /// The connection, the protocol, or an error answer.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The daemon's process.
    #[error(transparent)]
    Launch(#[from] launch::Error),
    /// The export.
    #[error(transparent)]
    Export(#[from] export::Error),
    /// A file named by the user.
    #[error("cannot {verb} {}", path.display())]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Standard output.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The async runtime or a signal handler could not be set up.
    #[error("cannot set up {what}")]
    Setup {
        /// What.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// What was recorded is not known.
    #[error("the recorder was gone before it had told what it recorded")]
    RecorderGone,
    /// The daemon ended while a run was followed.
    #[error(
        "the daemon went away while run {run} was in progress; start it again and see what is there: gilctl show {run}"
    )]
    DaemonGone {
        /// The run.
        run: gild_model::run::RunId,
    },
    /// Ctrl-C.
    #[error("interrupted; the daemon was asked to cancel the run: gilctl ls")]
    Interrupted,
}

impl Error {
    /// The reader of our standard output went away (`gilctl ls | head -1`): no error, just the end.
    pub fn is_broken_pipe(&self) -> bool {
        let source = match self {
            Error::Output(source) => Some(source),
            Error::Export(error) => error.output_error(),
            _ => None,
        };
        source.is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            _ if self.is_broken_pipe() => Exit::Done,
            Error::Usage(_) | Error::ExperimentRefused(_) | Error::Question(_) => Exit::Refused,
            Error::NoRuns => Exit::NotFound,
            Error::Client(error) => error.exit(),
            Error::Launch(_) | Error::Setup { .. } | Error::DaemonGone { .. } | Error::RecorderGone => Exit::Daemon,
            Error::Export(error) => error.exit(),
            Error::File { .. } | Error::Output(_) => Exit::File,
            Error::Interrupted => Exit::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_error() {
        let closed = Error::Output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.exit(), Exit::Done);
        let full = Error::Output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit(), Exit::File);
    }

    #[test]
    fn the_documentation_lists_every_exit_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        for (exit, meaning) in Exit::ALL {
            let line = format!("| {} | {meaning} |", exit as u8);
            assert!(documentation.contains(&line), "{path} lacks the line: {line}");
        }
    }
}
