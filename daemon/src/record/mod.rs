//! The program behind `gild record`: runs somebody's program as it is, and says where the time of each of its threads went.
//!
//! `gilctl record` starts it in the foreground, as
//!
//! ```text
//! gild record REPORT-FD LOOK-MS SIGNALS COMMAND ARGUMENT…
//! ```
//!
//! with the command's own standard input and outputs, working folder and environment. SIGNALS, numbers with commas between them or 0 for
//! none, are blocked for this program and not to be for the command. It ends with the command's exit status
//! (128 + n for signal n; 127 and 126 as a shell has them if it cannot be run), and writes
//! [`gild_model::look::Report`]s as lines of JSON to the descriptor REPORT-FD: that the command runs, how far it is every LOOK-MS
//! milliseconds (0: never), and what it all came to. Nothing, if the command cannot be run.
//!
//! | module | subject |
//! |---|---|
//! | `program` | the environment and the start of the command |
//! | `watch` | waiting for its end; processes that come and go; signals |
//! | `telling` | what is told meanwhile |
//! | `report` | what it all comes to |

pub(crate) mod program;
mod report;
mod telling;
pub(crate) mod watch;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, RawFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use gild_engine::measure::switch_ring::SwitchRing;
use gild_engine::record::owner::Recording;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

use crate::exit;
use crate::python::files;

/// Places for threads: what nobody uses is no memory.
const PLACES: u32 = 8192;

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The command line.
    #[error("expected REPORT-FD LOOK-MS SIGNALS COMMAND ARGUMENT…; it is started by gilctl record")]
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
    let Asked { out, every, freed, command } = parse(arguments).ok_or(RecordError::Usage)?;
    let library = program::library()?;
    // A program with capabilities of its own is not, and then nobody could open the recording's memory.
    let _ = prctl::set_dumpable(true);
    let resource = |what| move |error| RecordError::Resource { what, error };
    let mut recording = Recording::create(PLACES).map_err(resource("the recording's memory"))?;
    let mut watch = watch::Watch::new(recording.map(), freed).map_err(resource("a descriptor for signals"))?;
    // The kernel switches perf events on and off as a whole, and waits for all cores when it does: as long as there is one,
    // no thread of the program does that.
    let _keeps_events_on = SwitchRing::open_at_most(1);
    let before = report::Before::now();
    let code = files::folder();
    let folder = code.as_deref().ok();
    let mut teller = telling::Teller::new(out, every).map_err(resource("a pipe that never blocks"))?;
    let child = program::start(&recording, &library, folder, command, watch.mask_before())?;
    teller.begun(before.begun(command));
    let ended =
        watch.until_end_of(child, &mut recording, Some(&mut teller)).map_err(resource("a wait for processes"))?;
    let told = report::report(&recording, before, command, ended, code.err());
    let status = told.ended.status();
    // Whoever asked is gone: nobody is told, and the command's status is still right.
    let _ = teller.over(told);
    Ok(status)
}

/// What the command line says.
struct Asked<'a> {
    /// Where to tell.
    out: File,
    /// How often to look; `None`: never.
    every: Option<Duration>,
    /// Signals that are blocked for this program alone.
    freed: SigSet,
    /// What to run.
    command: &'a [OsString],
}

fn parse(arguments: &[OsString]) -> Option<Asked<'_>> {
    let [descriptor, every, freed, command @ ..] = arguments else { return None };
    let every = Duration::from_millis(every.to_str()?.parse().ok()?);
    let descriptor: RawFd = descriptor.to_str()?.parse().ok().filter(|it| *it > 2)?;
    let freed = signals(freed.to_str()?)?;
    let command = Some(command).filter(|it| !it.is_empty())?;
    Some(Asked { out: take(descriptor)?, every: Some(every).filter(|it| !it.is_zero()), freed, command })
}

/// Signals by their numbers; 0 is none.
fn signals(numbers: &str) -> Option<SigSet> {
    let signal = |number: &str| Signal::try_from(number.parse::<i32>().ok()?).ok();
    if numbers == "0" { Some(SigSet::empty()) } else { numbers.split(',').map(signal).collect() }
}

/// Takes over a descriptor that was inherited.
pub(crate) fn take(descriptor: RawFd) -> Option<File> {
    nix::fcntl::fcntl(borrowed(descriptor), nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: it is open (fcntl did not fail), was given to this program to keep, and nobody else here knows it.
    Some(unsafe { File::from_raw_fd(descriptor) })
}

fn borrowed(descriptor: RawFd) -> std::os::fd::BorrowedFd<'static> {
    // SAFETY: it is used for one system call, which tells if it is not open, and is not -1 (the caller checks).
    unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) }
}
