//! Runs a program with a time limit, and holds what it said against what is expected.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::waiting::{LIMIT, within};

/// What came of a program.
#[derive(Debug)]
pub struct Ran {
    /// The command line, for messages.
    pub line: String,
    /// Its exit code; 128 + the signal if it was killed, as shells say it.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ran {
    /// Asserts how it ended.
    ///
    /// # Panics
    /// It ended in another way.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Asserts that it ended well.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn well(self) -> Ran {
        self.ended_with(0)
    }

    /// Asserts that standard error has each of these texts.
    ///
    /// # Panics
    /// It lacks one.
    #[track_caller]
    pub fn complains<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> Ran {
        for text in texts {
            assert!(self.stderr.contains(text), "standard error lacks {text:?}: {self}");
        }
        self
    }

    /// Asserts that standard output has each of these texts.
    ///
    /// # Panics
    /// It lacks one.
    #[track_caller]
    pub fn says<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> Ran {
        for text in texts {
            assert!(self.stdout.contains(text), "standard output lacks {text:?}: {self}");
        }
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// It is something else.
    #[track_caller]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ran { line, code, stdout, stderr } = self;
        write!(f, "{line}\nexit code {code}\n--- standard output\n{stdout}\n--- standard error\n{stderr}\n---")
    }
}

/// A program that was started, with its outputs being read.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

/// Starts a program. Its standard input is empty, its outputs are pipes.
///
/// # Panics
/// It cannot be started.
pub fn start(command: &mut Command) -> Running {
    // Not the whole command: its environment is long, and the same for all.
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
    let stdout = collect(child.stdout.take().expect("standard output is a pipe"));
    let stderr = collect(child.stderr.take().expect("standard error is a pipe"));
    Running { line, child, stdout, stderr }
}

/// Runs a program to its end.
///
/// # Panics
/// It cannot be started, or does not end.
pub fn run(command: &mut Command) -> Ran {
    start(command).finish()
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// It is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("process ids are below 2^22"));
        kill(pid, signal).unwrap_or_else(|error| panic!("cannot send {signal} to {}: {error}", self.line));
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not come.
    pub fn finish(mut self) -> Ran {
        let Some(status) = within(LIMIT, || self.child.try_wait().expect("it is our child")) else {
            self.child.kill().expect("it is our child");
            self.child.wait().expect("it is our child");
            panic!("did not end within {} s: {}", LIMIT.as_secs(), self.ran(124));
        };
        let code = code(status);
        self.ran(code)
    }

    fn ran(self, code: i32) -> Ran {
        let text = |reader: JoinHandle<String>| reader.join().expect("readers do not panic");
        Ran { line: self.line, code, stdout: text(self.stdout), stderr: text(self.stderr) }
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().expect("who did not exit was killed"))
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
