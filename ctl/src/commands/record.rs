//! `gilctl record`: runs a program as it is and shows where the time of each of its threads went.
//!
//! ```text
//!  gilctl ── starts ──▶ gild record ── starts ──▶ the command      all three in the terminal's foreground
//!     ◀── the accounts, by a pipe ──┘
//!     └─▶ the daemon keeps them, if there is one to be had
//! ```
//!
//! What the command reads and writes is its own, so everything here goes to standard error, and the exit code is the
//! command's.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use clap::{Args, ValueHint};
use gild_model::lock_wait::top_holder;
use gild_model::recording::Recording;
use gild_model::run::{AccountRow, Run, RunHead, RunId};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use crate::cli::{DaemonOptions, Format};
use crate::error::Error;
use crate::export::{Rows, Schema, Target};
use crate::{launch, output, render, session};

/// Arguments of `record`.
#[derive(Debug, Args)]
pub struct RecordArguments {
    /// Write the accounts into a file, too, as export does: .csv, .jsonl or .parquet
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Do not keep the recording as a run; no daemon is needed
    #[arg(long)]
    pub no_keep: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND",
        value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// What is passed on to the recorder, which passes it on to the command.
const PASSED_ON: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];
/// Sent by the kernel (sigaction(2)), as Ctrl-C is: to the whole of the foreground group.
const SI_KERNEL: i32 = 0x80;

/// Records a program, and gives the exit code to end with.
pub fn run(daemon: &DaemonOptions, arguments: &RecordArguments) -> Result<u8, Error> {
    // Before anything is started: a typing error must not cost a run.
    let format = arguments.output.as_deref().map(format_of).transpose()?;
    let (status, told) = record(arguments)?;
    let Some(recording) = told else { return Ok(status) };
    let kept = match arguments.no_keep {
        true => None,
        false => keep(daemon, &recording)?,
    };
    if let Some((format, path)) = format.zip(arguments.output.as_deref()) {
        export(&recording, kept.as_ref().map_or(0, |run| run.head.id), format, path)?;
    }
    show(&recording, kept.as_ref());
    Ok(status)
}

fn format_of(path: &Path) -> Result<Format, Error> {
    match path.extension().and_then(|it| it.to_str()) {
        Some("csv") => Ok(Format::Csv),
        Some("jsonl") => Ok(Format::Jsonl),
        Some("parquet") => Ok(Format::Parquet),
        _ => Err(Error::Usage(format!("{}: the file's name has to end in .csv, .jsonl or .parquet", path.display()))),
    }
}

/// Runs the command under the recorder. There is nothing to tell if it could not be started, which the recorder has said.
fn record(arguments: &RecordArguments) -> Result<(u8, Option<Recording>), Error> {
    let setup = |what| move |source: io::Error| Error::Setup { what, source };
    let program = launch::program()?;
    let (mut report, writer) = io::pipe().map_err(setup("a pipe"))?;
    // The recorder inherits its end, and nobody else: it is closed here before anything else is started.
    fcntl(&writer, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|errno| setup("a pipe")(errno.into()))?;
    let child =
        Command::new(&program).arg("record").arg(writer.as_raw_fd().to_string()).args(&arguments.command).spawn();
    let child = child.map_err(|source| launch::Error::Spawn { program, source })?;
    drop(writer);
    // Not before: the command would inherit that they are blocked.
    let signals = Signals::take().map_err(setup("signals"))?;
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        report.read_to_end(&mut text).map(|_| text)
    });
    let status = signals.until_end_of(child).map_err(setup("a wait for the recorder"))?;
    let text = reader.join().expect("reading a pipe does not panic").map_err(setup("the recorder's report"))?;
    let told = match text.is_empty() {
        true => None,
        false => Some(serde_json::from_slice(&text).map_err(|error| setup("the recorder's report")(error.into()))?),
    };
    Ok((code(status), told))
}

fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// The signals that this program gets while the command runs.
struct Signals {
    descriptor: SignalFd,
    taken: SigSet,
}

impl Signals {
    fn take() -> io::Result<Signals> {
        let mut taken = SigSet::empty();
        PASSED_ON.into_iter().chain([Signal::SIGCHLD]).for_each(|signal| taken.add(signal));
        taken.thread_block()?;
        Ok(Signals { descriptor: SignalFd::with_flags(&taken, SfdFlags::SFD_CLOEXEC)?, taken })
    }

    /// Passes signals on until the recorder has ended; Ctrl-C reaches it without our doing.
    fn until_end_of(self, mut child: Child) -> io::Result<ExitStatus> {
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            let Some(info) = self.descriptor.read_signal()? else { continue };
            let signal = i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
            if let Some(signal) = signal.filter(|it| PASSED_ON.contains(it) && info.ssi_code != SI_KERNEL) {
                // It has not been waited for, so the number is still its own.
                let _ = kill(Pid::from_raw(child.id().cast_signed()), signal);
            }
        };
        // Those that are waiting were meant for the command: they are taken before they could end this program.
        while is_waiting(&self.descriptor)? {
            self.descriptor.read_signal()?;
        }
        self.taken.thread_unblock()?;
        Ok(status)
    }
}

fn is_waiting(signals: &SignalFd) -> io::Result<bool> {
    let mut polled = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut polled, PollTimeout::ZERO)? > 0)
}

/// Gives the recording to the daemon; without one it is shown and gone, which is said.
fn keep(daemon: &DaemonOptions, recording: &Recording) -> Result<Option<Run>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Error::Setup { what: "the async runtime", source })?;
    let kept = runtime.block_on(async {
        let client = session::open(daemon).await?;
        let head: RunHead = client.post("/v1/recordings", recording).await?;
        client.get::<Run>(&format!("/v1/runs/{}", head.id)).await.map_err(Error::from)
    });
    match kept {
        Ok(run) => Ok(Some(run)),
        Err(error @ Error::Usage(_)) => Err(error),
        Err(error) => {
            output::error(&error);
            output::warning("the recording is not kept");
            Ok(None)
        }
    }
}

fn show(recording: &Recording, kept: Option<&Run>) {
    let style = output::style_of_messages();
    let mut text = render::threads::render(&recording.name(), &recording.trial, render::threads::ROWS_AT_FIRST, style);
    // A run that is kept has it among its notes.
    let top = recording.trial.holders.as_deref().filter(|_| kept.is_none()).and_then(top_holder);
    text += &top.map(|top| format!("note: {top}\n")).unwrap_or_default();
    text += &kept.map(|run| render::results::epilogue(run, style)).unwrap_or_default();
    output::message(&text);
}

/// Writes the accounts as `gilctl export` does.
fn export(recording: &Recording, run: RunId, format: Format, path: &Path) -> Result<(), Error> {
    let rows = rows(recording, run);
    let mut writer = Rows::new(format, Schema::of(&recording.experiment()), Target::file(path)?)?;
    rows.iter().try_for_each(|row| writer.write(row))?;
    writer.finish()?;
    output::notice(&format!("wrote {} rows to {}", rows.len(), path.display()));
    Ok(())
}

/// The rows that the daemon would give. `run`: 0 if it has not kept them.
fn rows(recording: &Recording, run: RunId) -> Vec<AccountRow> {
    let (trial, experiment) = (&recording.trial, recording.experiment());
    let row = |worker: &gild_model::account::WorkerAccount, account: &gild_model::account::PhaseAccount| AccountRow {
        run,
        case: experiment.cases[0].clone(),
        repetition: trial.repetition,
        warmup: trial.warmup,
        status: trial.status.name().to_owned(),
        trial_wall_ns: trial.wall_ns,
        noise: trial.noise.clone(),
        role: worker.role.name().to_owned(),
        worker: worker.index,
        pid: worker.pid,
        tid: worker.tid,
        thread: worker.thread.clone(),
        command: worker.command.clone(),
        core: worker.core,
        account: account.clone(),
    };
    trial.workers.iter().flat_map(|worker| worker.phases.iter().map(move |account| row(worker, account))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    #[test]
    fn the_format_is_the_ending_of_the_files_name() {
        assert_eq!(format_of(Path::new("a.csv")).unwrap(), Format::Csv);
        assert_eq!(format_of(Path::new("b/a.parquet")).unwrap(), Format::Parquet);
        let error = format_of(Path::new("a.txt")).unwrap_err();
        assert_eq!(error.exit(), Exit::Refused);
        assert!(error.to_string().contains("a.txt"), "{error}");
    }
}
