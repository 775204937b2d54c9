//! What the harness in the interpreter is told, and what it answers. The other side is `daemon/python/gild_trial.py`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use gild_model::case::{Case, Model};
use gild_model::python::{Inputs, PythonKernel};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::{Deserialize, Serialize};

/// The folders that an interpreter looks for modules in first.
const PATH: &str = "PYTHONPATH";

/// What it is told.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    probe: bool,
    call: &'a str,
    setup: Option<&'a str>,
    inputs: &'a Inputs,
    deterministic: bool,
    models: Vec<Model>,
    model: Option<Model>,
    workers: u32,
    in_flight: Option<u32>,
    interval_us: Option<u64>,
    start: Option<&'static str>,
    chunk: Option<u32>,
    /// One per worker; empty: they are free to move.
    cores: Vec<u32>,
}

impl<'a> Told<'a> {
    /// To look whether trials of these models can be run.
    pub fn to_probe(kernel: &'a PythonKernel, models: Vec<Model>) -> Told<'a> {
        Told {
            probe: true,
            call: &kernel.call,
            setup: kernel.setup.as_deref(),
            inputs: &kernel.inputs,
            deterministic: kernel.deterministic,
            models,
            model: None,
            workers: 1,
            in_flight: None,
            interval_us: None,
            start: None,
            chunk: None,
            cores: Vec::new(),
        }
    }

    /// To run a trial of this case, whose workers are pinned to these cores.
    pub fn to_run(kernel: &'a PythonKernel, case: &Case, cores: Vec<u32>) -> Told<'a> {
        Told {
            probe: false,
            model: Some(case.model),
            workers: case.workers,
            in_flight: case.in_flight,
            interval_us: case.interval_us,
            start: case.start.map(|it| it.name()),
            chunk: case.chunk,
            cores,
            ..Told::to_probe(kernel, Vec::new())
        }
    }
}

/// What it answers.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Answer {
    /// Trials can be run.
    Possible {
        /// Whether the interpreter's lock is on, once the user's modules are imported.
        gil: bool,
        /// Number of tasks.
        tasks: u64,
    },
    /// The trial is done.
    Done {
        /// SHA-256 over the results.
        digest: Option<String>,
        /// The function is not asynchronous and was run on an event loop.
        blocks_loop: bool,
        /// What a reader has to know.
        notes: Vec<String>,
    },
    /// It is not possible, or has failed; why, in the user's words.
    Failed {
        /// Why.
        error: String,
    },
    /// Worker processes ended in the middle of it.
    Broken {
        /// Their exit statuses by process id, negative for signals.
        exits: BTreeMap<u32, i32>,
    },
}

/// An interpreter that is about to run the harness, and the file of its answer.
#[derive(Debug)]
pub struct Harness {
    /// To be started.
    pub command: Command,
    /// Kept open for the interpreter until it is started.
    spec: File,
    answer: File,
}

/// Prepares the harness.
///
/// # Errors
/// A file in memory cannot be had, or the folder of our code cannot be made.
pub fn prepare(executable: &Path, kernel: &PythonKernel, told: &Told<'_>) -> io::Result<Harness> {
    let ours = super::files::folder()?;
    let mut spec = memory()?;
    spec.write_all(&serde_json::to_vec(told)?)?;
    spec.rewind()?;
    let answer = memory()?;
    let line = format!("import gild_trial; gild_trial.main({}, {})", spec.as_raw_fd(), answer.as_raw_fd());
    let mut command = Command::new(executable);
    command
        .arg("-c")
        .arg(line)
        .current_dir(&kernel.folder)
        .env(PATH, search_path(ours, kernel, std::env::var_os(PATH))?);
    Ok(Harness { command, spec, answer })
}

impl Harness {
    /// What it has answered, once it is over. `None`: nothing.
    ///
    /// # Errors
    /// The answer cannot be read, or is none.
    pub fn answer(mut self) -> io::Result<Option<Answer>> {
        drop(self.spec);
        let mut text = String::new();
        self.answer.rewind()?;
        self.answer.read_to_string(&mut text)?;
        if text.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str(&text)?)) }
    }
}

/// A file in memory that the interpreter inherits.
fn memory() -> io::Result<File> {
    Ok(memfd_create(c"gild-python", MFdFlags::empty())?.into())
}

/// Ours first, then the user's, then what the environment has.
fn search_path(ours: PathBuf, kernel: &PythonKernel, before: Option<OsString>) -> io::Result<OsString> {
    let before = before.filter(|it| !it.is_empty());
    let before: Vec<PathBuf> = before.iter().flat_map(std::env::split_paths).collect();
    let folders = [ours].into_iter().chain(kernel.path.iter().cloned()).chain([kernel.folder.clone()]).chain(before);
    std::env::join_paths(folders).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
