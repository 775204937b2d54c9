//! The program behind `gild python`: the recorder of a trial in Python, or of a look at whether there can be one.
//!
//! ```text
//!  read the spec ─▶ find the interpreter ─▶ start the harness, recorded ─▶ wait, as gild record does ─▶ answer
//! ```

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use gild_engine::ledger::Live;
use gild_engine::record::TRIAL_VARIABLE;
use gild_engine::record::owner::Recording;
use gild_engine::spec::{CONTROL_FD, LEDGER_FD, Outcome, RECORDING_FD};
use gild_engine::{pinning, topology};
use gild_model::case::{Case, Pinning};
use gild_model::plugin::BLOCKS_LOOP;
use gild_model::python::{Interpreter, PythonKernel};
use nix::sys::prctl;
use nix::sys::signal::SigSet;

use super::harness::{self, Harness, Told};
use super::spec::{Answer, Ask, Probed, PythonSpec};
use super::{ended, interpreter};
use crate::exit;
use crate::record::watch::{End, Watch};
use crate::record::{program, take};

/// Places for the threads of a probe.
const PROBE_PLACES: u32 = 256;

/// Runs it, to the end.
pub fn main() -> ExitCode {
    let Some(mut control) = take(CONTROL_FD).map(|file| UnixStream::from(OwnedFd::from(file))) else {
        eprintln!("gild python: it is started by the daemon");
        return ExitCode::from(exit::USAGE);
    };
    // A program with capabilities of its own is not, and then nobody could open the memory that is shared.
    let _ = prctl::set_dumpable(true);
    let told = read(&mut control).map(answer).and_then(|answer| {
        let text = serde_json::to_vec(&answer).map_err(|error| error.to_string())?;
        control.write_all(&text).and_then(|()| control.shutdown(Shutdown::Write)).map_err(|error| error.to_string())
    });
    match told {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => {
            eprintln!("gild python: {error}");
            ExitCode::from(exit::SYSTEM)
        }
    }
}

fn read(control: &mut UnixStream) -> Result<PythonSpec, String> {
    let mut text = String::new();
    control.read_to_string(&mut text).map_err(|error| format!("cannot read the spec: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("the spec: {error}"))
}

fn answer(spec: PythonSpec) -> Answer {
    let kernel = &spec.kernel;
    match spec.ask {
        Ask::Probe { python, models } => {
            let told = Told::to_probe(kernel, models);
            Answer::Probed(probe(kernel, &python, &told).unwrap_or_else(Probed::Refused))
        }
        Ask::Trial { executable, case } => {
            Answer::Outcome(trial(kernel, &executable, &case).unwrap_or_else(|error| Outcome::Failed { error }))
        }
    }
}

fn probe(kernel: &PythonKernel, python: &Path, told: &Told<'_>) -> Result<Probed, String> {
    let found = interpreter::find(python).map_err(|error| error.to_string())?;
    let harness = harness::prepare(&found.executable, kernel, told).map_err(|error| cannot_start(kernel, &error))?;
    let recording = Recording::create(PROBE_PLACES).map_err(|error| format!("no memory for a recording: {error}"))?;
    match run(harness, recording)? {
        Ran { answer: harness::Answer::Possible { gil, .. }, .. } => Ok(Probed::Possible(Interpreter {
            python: python.to_owned(),
            executable: found.executable,
            implementation: "CPython".to_owned(),
            version: found.version,
            gil,
        })),
        ran => Err(ran.failure()),
    }
}

fn trial(kernel: &PythonKernel, executable: &Path, case: &Case) -> Result<Outcome, String> {
    let inherited = "the daemon passes ledger and recording";
    let _ledger = take(LEDGER_FD).ok_or(inherited)?;
    let memory = take(RECORDING_FD).ok_or(inherited)?;
    let recording = Recording::attach(memory.into()).map_err(|error| format!("the recording: {error}"))?;
    let told = Told::to_run(kernel, case, cores(case)?);
    let mut harness = harness::prepare(executable, kernel, &told).map_err(|error| cannot_start(kernel, &error))?;
    harness.command.env(TRIAL_VARIABLE, format!("/proc/{}/fd/{LEDGER_FD}", std::process::id()));
    match run(harness, recording)? {
        Ran { answer: harness::Answer::Done { digest, blocks_loop, mut notes }, .. } => {
            notes.extend(blocks_loop.then(|| BLOCKS_LOOP.to_owned()));
            Ok(Outcome::Done { digest, verified: None, verify_error: None, notes })
        }
        ran => Err(ran.failure()),
    }
}

fn cannot_start(kernel: &PythonKernel, error: &std::io::Error) -> String {
    format!("cannot start an interpreter in {}: {error}", kernel.folder.display())
}

/// The core of each worker; none, where they are free to move.
fn cores(case: &Case) -> Result<Vec<u32>, String> {
    if case.pinning == Pinning::None {
        return Ok(Vec::new());
    }
    let usable = topology::allowed_cores().map_err(|error| format!("sched_getaffinity: {error}"))?;
    Ok(pinning::place(&case.pinning, case.workers, &usable)?.into_iter().flatten().collect())
}

/// What came of a harness that has answered.
struct Ran {
    answer: harness::Answer,
    last: Live,
}

impl Ran {
    /// Why it is not what was wanted.
    fn failure(self) -> String {
        match self.answer {
            harness::Answer::Failed { error } => error,
            harness::Answer::Broken { exits } => ended::broken(&exits, &self.last),
            other => format!("the harness gave an answer that was not asked for: {other:?}"),
        }
    }
}

/// Runs a harness to its end, and sees to it that whoever ends without a last act ends when its process does.
fn run(mut harness: Harness, mut recording: Recording) -> Result<Ran, String> {
    let library = program::library().map_err(|error| error.to_string())?;
    let mut watch =
        Watch::new(recording.map(), SigSet::empty()).map_err(|error| format!("no descriptor for signals: {error}"))?;
    let command = std::mem::replace(&mut harness.command, std::process::Command::new(""));
    let child = program::start_recorded(&recording, &library, command, watch.mask_before());
    let child = child.map_err(|error| error.to_string())?;
    let pid = child.id();
    let End { how, .. } = watch
        .until_end_of(child, &mut recording, None)
        .map_err(|error| format!("cannot wait for the interpreter: {error}"))?;
    let last = Live { workers: recording.live_workers(), ..Live::default() };
    match harness.answer() {
        Ok(Some(answer)) => Ok(Ran { answer, last }),
        Ok(None) => Err(ended::without_answer(pid, how, &last)),
        Err(error) => Err(format!("the harness (pid {pid}) gave no proper answer: {error}")),
    }
}
