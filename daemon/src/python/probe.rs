//! Looking, before a run is accepted, whether it can be run: `gild python` is asked once for each interpreter.
//!
//! As with a plugin's scan, the user's code is imported by a process of its own and never by the daemon.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gild_engine::spec::CONTROL_FD;
use gild_model::case::{Case, Model};
use gild_model::python::{Interpreter, PythonKernel};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::spec::{Ask, Probed, PythonSpec};
use crate::output::{Tail, pipe, read_bounded};
use crate::spawner::protocol::{Exit, Job, JobKind};
use crate::spawner::{Spawner, StartError};
use crate::trial::control_socket;
use crate::verdict::signal_name;

/// How long a look may take: importing a large library takes a while.
pub const PROBE_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why a kernel in Python cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The call, its inputs, the interpreter: in the user's words.
    #[error("{0}")]
    Refused(String),
    /// The look could not be started.
    #[error("cannot look at {}: {error}", python.display())]
    Start {
        /// The interpreter.
        python: PathBuf,
        /// Why.
        error: StartError,
    },
    /// It could not be talked to.
    #[error("cannot look at {}: {error}", python.display())]
    Io {
        /// The interpreter.
        python: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Looks at the interpreters of the cases, each once.
///
/// # Errors
/// One of them cannot run its cases.
pub async fn interpreters(
    spawner: &Arc<Spawner>,
    kernel: &PythonKernel,
    cases: &[Case],
) -> Result<Vec<Interpreter>, ProbeError> {
    let mut found: Vec<Interpreter> = Vec::new();
    for python in cases.iter().filter_map(|case| case.python.as_ref()) {
        if found.iter().any(|it| it.python == *python) {
            continue;
        }
        let mut models: Vec<Model> =
            cases.iter().filter(|it| it.python.as_ref() == Some(python)).map(|it| it.model).collect();
        models.sort();
        models.dedup();
        found.push(one(spawner, kernel, python.clone(), models).await?);
    }
    Ok(found)
}

async fn one(
    spawner: &Arc<Spawner>,
    kernel: &PythonKernel,
    python: PathBuf,
    models: Vec<Model>,
) -> Result<Interpreter, ProbeError> {
    let io = |error| ProbeError::Io { python: python.clone(), error };
    let (output, output_writer) = pipe().map_err(io)?;
    let (mut control, theirs) = control_socket().map_err(io)?;
    let job = Job { kind: JobKind::Scan, arguments: vec!["python".to_owned()], descriptors: vec![1, 2, CONTROL_FD] };
    let descriptors = [output_writer.as_fd(), output_writer.as_fd(), theirs.as_fd()];
    let started = spawner.start(job, &descriptors).await;
    let mut process = started.map_err(|error| ProbeError::Start { python: python.clone(), error })?;
    drop((output_writer, theirs));
    let spec = PythonSpec { kernel: kernel.clone(), ask: Ask::Probe { python: python.clone(), models } };
    let spec = serde_json::to_vec(&spec).expect("a kernel in Python is made of plain values");
    let mut tail = Tail::default();
    let talk = async {
        // One that dies before it has read all of this is judged by its death.
        let _ = control.write_all(&spec).await;
        let _ = control.shutdown().await;
        let (answer, ()) = tokio::join!(read_bounded(control, ANSWER_BYTES_MAX), tail.read(output));
        (answer, process.ended().await)
    };
    // Whoever takes too long is killed when `process` is dropped.
    let talked = timeout(PROBE_TIME_MAX, talk).await;
    let refused = |what: String| ProbeError::Refused(format!("{what}{}", said(&tail)));
    let Ok((answer, end)) = talked else {
        return Err(refused(format!(
            "importing {} with {} took longer than {} s",
            kernel.call,
            python.display(),
            PROBE_TIME_MAX.as_secs()
        )));
    };
    match serde_json::from_slice(&answer.unwrap_or_default()) {
        Ok(Probed::Possible(interpreter)) => Ok(interpreter),
        Ok(Probed::Refused(reason)) => Err(refused(reason)),
        Err(_) => Err(refused(format!(
            "looking at {} ended without an answer: {}",
            python.display(),
            how(end.map(|it| it.exit))
        ))),
    }
}

fn how(exit: Option<Exit>) -> String {
    match exit {
        Some(Exit::Exited(status)) => format!("exit status {status}"),
        Some(Exit::Signalled(signal)) => format!("killed by {}", signal_name(signal)),
        None => "the spawner is gone".to_owned(),
    }
}

/// What the user's modules have printed, which may say more.
fn said(tail: &Tail) -> String {
    tail.text().map_or_else(String::new, |text| format!("\nwhat it printed:\n{}", text.trim_end()))
}
