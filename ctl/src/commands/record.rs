//! `gilctl record`: runs a program as it is and shows where the time of each of its threads went.
//!
//! ```text
//!  gilctl ── starts ──▶ gild record ── starts ──▶ the command      all three in the terminal's foreground
//!     ◀── how far it is, and the accounts, by a pipe ──┘
//!     └─▶ the daemon, if there is one to be had: shows how far it is, keeps the accounts
//! ```
//!
//! What the command reads and writes is its own, so everything here goes to standard error, and the exit code is the
//! command's.
//!
//! | module | subject |
//! |---|---|
//! | [`recorder`] | the recorder's process and the signals that it is sent |
//! | [`live`] | what it tells, and what the daemon is told |

mod live;
mod recorder;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use clap::{Args, ValueHint};
use gild_model::lock_wait::top_holder;
use gild_model::recording::Recording;
use gild_model::run::{AccountRow, Run, RunId};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::cli::{DaemonOptions, Format};
use crate::error::Error;
use crate::export::{Rows, Schema, Target};
use crate::{output, render};

use live::{Keeper, Outcome};
use recorder::Recorder;

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

/// Records a program, and gives the exit code to end with.
pub fn run(daemon: &DaemonOptions, arguments: &RecordArguments) -> Result<u8, Error> {
    // Before anything is started: a typing error must not cost a run.
    let format = arguments.output.as_deref().map(format_of).transpose()?;
    let (code, outcome) = record(daemon, arguments)?;
    let Some(Outcome { recording, kept }) = outcome else { return Ok(code) };
    if let Some((format, path)) = format.zip(arguments.output.as_deref()) {
        export(&recording, kept.as_ref().map_or(0, |run| run.head.id), format, path)?;
    }
    show(&recording, kept.as_ref());
    Ok(code)
}

/// Runs the command under the recorder, and keeps what it tells.
fn record(daemon: &DaemonOptions, arguments: &RecordArguments) -> Result<(u8, Option<Outcome>), Error> {
    let setup = |what| move |source: io::Error| Error::Setup { what, source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(setup("the async runtime"))?;
    let keeper = (!arguments.no_keep).then(|| Keeper::new(daemon, &runtime)).transpose()?;
    let end = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map_err(|it| setup("a descriptor")(it.into()))?);
    let (recorder, report) = Recorder::start(arguments, keeper.as_ref().is_some_and(Keeper::is_there))?;
    thread::scope(|scope| {
        let (runtime, told_to_end) = (&runtime, Arc::clone(&end));
        let follow = move || runtime.block_on(live::follow(report, keeper, told_to_end));
        let following = thread::Builder::new().name("follow".to_owned()).spawn_scoped(scope, follow);
        let following = following.map_err(setup("a thread"))?;
        let code = recorder.wait(&end)?;
        match following.join().expect("following a recorder does not panic") {
            Ok(outcome) => Ok((code, outcome)),
            // The command's exit code is still right.
            Err(error) => {
                output::error(&error);
                Ok((code, None))
            }
        }
    })
}

fn format_of(path: &Path) -> Result<Format, Error> {
    match path.extension().and_then(|it| it.to_str()) {
        Some("csv") => Ok(Format::Csv),
        Some("jsonl") => Ok(Format::Jsonl),
        Some("parquet") => Ok(Format::Parquet),
        _ => Err(Error::Usage(format!("{}: the file's name has to end in .csv, .jsonl or .parquet", path.display()))),
    }
}

fn show(recording: &Recording, kept: Option<&Run>) {
    let style = output::style_of_messages();
    let mut text = render::threads::render(&recording.name(), &recording.trial, render::threads::Shown::AtFirst, style);
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
