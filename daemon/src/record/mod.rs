//! The program behind `gild record`: runs somebody's program as it is, and says where the time of each of its threads went.
//!
//! `gilctl record` starts it in the foreground, as
//!
//! ```text
//! gild record REPORT-FD COMMAND ARGUMENT…
//! ```
//!
//! with the command's own standard input and outputs, working folder and environment. It ends with the command's exit status
//! (128 + n for signal n; 127 and 126 as a shell has them if it cannot be run), and writes a
//! [`gild_model::recording::Recording`] as JSON to the descriptor REPORT-FD; nothing, if there is nothing to tell.
//!
//! | module | subject |
//! |---|---|
//! | [`program`] | the environment and the start of the command |
//! | [`watch`] | waiting for its end; processes that come and go; signals |
//! | [`report`] | what it all comes to |

mod program;
mod report;
mod watch;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, RawFd};
use std::path::PathBuf;
use std::process::ExitCode;

use gild_engine::record::owner::Recording;
use nix::sys::prctl;

use crate::exit;
use crate::python::files;

/// Places for threads: what nobody uses is no memory.
const PLACES: u32 = 8192;

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The command line.
    #[error("expected REPORT-FD COMMAND ARGUMENT…; it is started by gilctl record")]
    Usage,
    /// The library that is preloaded.
    #[error("cannot find {}: it belongs beside the program gild, or into ../lib/gild", .0.display())]
    NoLibrary(PathBuf),
    /// Its path.
    #[error("cannot preload {}: the dynamic loader takes no blank or colon in a path; install gild elsewhere", .0.display())]
    Path(PathBuf),
    /// Memory, a descriptor, a thread.
    #[error("cannot make {what}: {error}")]
    Resource {
        /// What.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The command.
    #[error("cannot run {}: {error}", command.display())]
    Command {
        /// It.
        command: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl RecordError {
    fn exit_status(&self) -> u8 {
        match self {
            RecordError::Usage => exit::USAGE,
            RecordError::Command { error, .. } if error.kind() == io::ErrorKind::NotFound => exit::NO_COMMAND,
            RecordError::Command { .. } => exit::COMMAND_REFUSED,
            _ => exit::SYSTEM,
        }
    }
}

/// Runs the program.
pub fn main(arguments: &[OsString]) -> ExitCode {
    match record(arguments) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("gild: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}

fn record(arguments: &[OsString]) -> Result<u8, RecordError> {
    let [descriptor, command @ ..] = arguments else { return Err(RecordError::Usage) };
    let descriptor = descriptor.to_str().and_then(|it| it.parse().ok()).filter(|it: &RawFd| *it > 2);
    let mut report = descriptor.and_then(take).filter(|_| !command.is_empty()).ok_or(RecordError::Usage)?;
    let library = program::library()?;
    // A program with capabilities of its own is not, and then nobody could open the recording's memory.
    let _ = prctl::set_dumpable(true);
    let resource = |what| move |error| RecordError::Resource { what, error };
    let mut recording = Recording::create(PLACES).map_err(resource("the recording's memory"))?;
    let mut watch = watch::Watch::new(recording.map()).map_err(resource("a descriptor for signals"))?;
    let before = report::Before::now();
    let code = files::folder();
    let folder = code.as_deref().ok();
    let child = program::start(&recording, &library, folder, command, watch.mask_before())?;
    let ended = watch.until_end_of(child, &mut recording).map_err(resource("a wait for processes"))?;
    let told = report::report(&recording, before, command, ended, code.err());
    // Whoever asked is gone: nobody is told, and the command's status is still right.
    let _ = serde_json::to_writer(&mut report, &told);
    Ok(told.ended.status())
}

/// Takes over a descriptor that was inherited.
fn take(descriptor: RawFd) -> Option<File> {
    nix::fcntl::fcntl(borrowed(descriptor), nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: it is open (fcntl did not fail), was given to this program to keep, and nobody else here knows it.
    Some(unsafe { File::from_raw_fd(descriptor) })
}

fn borrowed(descriptor: RawFd) -> std::os::fd::BorrowedFd<'static> {
    // SAFETY: it is used for one system call, which tells if it is not open, and is not -1 (the caller checks).
    unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) }
}
