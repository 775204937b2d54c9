//! The machine's own Python, asked through `gil_truth.py`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::unistd::Pid;
use serde::de::DeserializeOwned;

use crate::figures::{Convoy, Spin};

const SCRIPT: &str = include_str!("gil_truth.py");

/// What tells a Python whose lock can be compared: its version, and whether it is built without a lock.
const LOOK: &str = "import sys, sysconfig; print(sys.implementation.name, sys.version.split()[0], \
                    sysconfig.get_config_var('Py_GIL_DISABLED') or 0)";

/// A running Python.
#[derive(Debug)]
pub struct Python {
    /// Such as 3.11.7.
    pub version: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Python {
    /// Starts the machine's `python3`.
    ///
    /// # Errors
    /// There is none, or it has no such lock.
    pub fn start() -> Result<Python, String> {
        let look = Command::new("python3").args(["-c", LOOK]).output().map_err(|error| format!("python3: {error}"))?;
        let said = String::from_utf8_lossy(&look.stdout);
        let version = match said.split_whitespace().collect::<Vec<_>>()[..] {
            ["cpython", version, "0"] => version,
            ["cpython", version, _] => return Err(format!("python3 {version} is built without a global lock")),
            _ => return Err(format!("python3 is no CPython: {said}{}", String::from_utf8_lossy(&look.stderr))),
        };
        let mut child = Command::new("python3")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("python3 has no output")?);
        Ok(Python { version: version.to_owned(), child, input, output })
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("process numbers are small"))
    }

    /// As [`crate::gild::spin`].
    pub fn spin(&mut self, threads: usize, interval: Duration, length: Duration) -> Spin {
        self.ask("spin", threads, interval, length)
    }

    /// As [`crate::gild::convoy`].
    pub fn convoy(&mut self, spinners: usize, interval: Duration, length: Duration) -> Convoy {
        self.ask("convoy", spinners, interval, length)
    }

    fn ask<T: DeserializeOwned>(&mut self, what: &str, threads: usize, interval: Duration, length: Duration) -> T {
        let line = format!("{what} {threads} {} {}\n", interval.as_secs_f64(), length.as_secs_f64());
        let input = self.input.as_mut().expect("its input is open until it is dropped");
        input.write_all(line.as_bytes()).expect("Python reads requests");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("Python answers in UTF-8");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: Python said {answer:?}"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // The end of its input is the end of the script.
        self.input = None;
        if let Err(error) = self.child.wait() {
            eprintln!("python3: {error}");
        }
    }
}
