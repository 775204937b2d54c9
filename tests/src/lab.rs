//! A test's own world: a folder, an environment, at most one daemon that it started itself, and `gilctl`.
//!
//! When the test ends, its daemons are asked to stop, and whoever is left then is killed and makes the test fail.

use std::fs::{self, File};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use gild_model::run::{Run, RunHead, RunId};
use gild_model::trial::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::api::{self, Answer};
use crate::binaries::{Binaries, binaries};
use crate::processes::{self, MARK, Process};
use crate::program::{self, Ran, Running};
use crate::waiting::{wait_for, within};

/// How long those who were left behind have to be gone by themselves, once the daemon is.
const GRACE: Duration = Duration::from_secs(10);

/// A test's own world.
#[derive(Debug)]
pub struct Lab {
    folder: TempDir,
    /// The daemon that was started here.
    daemon: Option<Child>,
    /// How many daemons were started.
    starts: u32,
}

impl Lab {
    /// A world without a daemon; `gilctl` would start a private one.
    ///
    /// # Panics
    /// The folder cannot be made.
    pub fn empty() -> Lab {
        let folder = tempfile::Builder::new().prefix("gild-lab-").tempdir().expect("a temporary folder can be made");
        let lab = Lab { folder, daemon: None, starts: 0 };
        for name in ["run", "data", "state", "config", "home", "plugins"] {
            fs::create_dir(lab.path(name)).expect("the folder is new");
        }
        for library in binaries().plugins() {
            let name = library.file_name().expect("it is a file");
            std::os::unix::fs::symlink(&library, lab.path("plugins").join(name)).expect("the folder is new");
        }
        lab.write("gild.toml", &lab.config(""));
        lab
    }

    /// A world with a daemon that serves.
    pub fn new() -> Lab {
        let mut lab = Lab::empty();
        lab.start_daemon();
        lab
    }

    /// A world whose daemon has these lines in its configuration.
    pub fn with_config(lines: &str) -> Lab {
        let mut lab = Lab::empty();
        lab.write("gild.toml", &lab.config(lines));
        lab.start_daemon();
        lab
    }

    /// The text of a configuration that finds the plugins of the tests.
    pub fn config(&self, lines: &str) -> String {
        format!("plugin_path = [\"{}\"]\nlog_level = \"debug\"\n{lines}\n", self.path("plugins").display())
    }

    /// A place in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.path("run/gild/gild.sock")
    }

    /// The daemon's store.
    pub fn store(&self) -> PathBuf {
        self.path("data/gild/gild.db")
    }

    /// What the daemons that were started here have logged.
    pub fn log(&self) -> String {
        let logs = (1..=self.starts).filter_map(|start| fs::read_to_string(self.log_path(start)).ok());
        logs.collect::<Vec<_>>().join("--- started again\n")
    }

    /// The end of the log, for a test that failed: its own words are not to be lost among them.
    fn end_of_log(&self) -> String {
        const LINES: usize = 40;
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let left_out = lines.len().saturating_sub(LINES);
        format!("the daemon's log, without its first {left_out} lines:\n{}", lines[left_out..].join("\n"))
    }

    fn log_path(&self, start: u32) -> PathBuf {
        self.path(&format!("daemon-{start}.log"))
    }

    /// A program in this world's environment, which has nothing of the developer's.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.folder.path()).env(MARK, self.folder.path());
        for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let folders = [
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CONFIG_HOME", "config"),
            ("HOME", "home"),
        ];
        command.envs(folders.map(|(variable, name)| (variable, self.path(name))));
        command
    }

    /// `gild` with these arguments.
    pub fn gild(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(binaries().gild());
        command.args(arguments);
        command
    }

    /// `gilctl` with these arguments.
    pub fn gilctl_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(binaries().gilctl());
        command.args(arguments);
        command
    }

    /// Runs `gilctl` to its end.
    pub fn gilctl(&self, arguments: &[&str]) -> Ran {
        program::run(&mut self.gilctl_command(arguments))
    }

    /// Starts `gilctl`.
    pub fn start_gilctl(&self, arguments: &[&str]) -> Running {
        program::start(&mut self.gilctl_command(arguments))
    }

    /// What the tests run.
    pub fn binaries(&self) -> &'static Binaries {
        binaries()
    }
}

impl Default for Lab {
    fn default() -> Lab {
        Lab::new()
    }
}

/// The daemon.
impl Lab {
    /// Starts a daemon and waits until it answers.
    ///
    /// # Panics
    /// It does not.
    pub fn start_daemon(&mut self) {
        let (socket, store, config) = (self.socket(), self.store(), self.path("gild.toml"));
        let mut child = self.spawn_daemon(&socket, &store, &config);
        wait_for("the daemon answers", || {
            if let Some(status) = child.try_wait().expect("it is our child") {
                panic!("the daemon ended with {status}:\n{}", self.log());
            }
            api::ask(&socket, "GET", "/v1/status", "").ok()
        });
        assert!(self.daemon.replace(child).is_none(), "a test has one daemon at a time");
    }

    fn spawn_daemon(&mut self, socket: &Path, store: &Path, config: &Path) -> Child {
        self.starts += 1;
        let log = File::create(self.log_path(self.starts)).expect("the folder is there");
        self.gild(&["serve", "--socket"])
            .arg(socket)
            .arg("--store")
            .arg(store)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor can be copied"))
            .stderr(log)
            .spawn()
            .expect("gild can be started")
    }

    /// The daemon's process id.
    ///
    /// # Panics
    /// None was started.
    pub fn daemon_pid(&self) -> u32 {
        self.daemon.as_ref().expect("the test has started a daemon").id()
    }

    /// Sends the daemon a signal.
    ///
    /// # Panics
    /// It is gone.
    pub fn signal_daemon(&self, signal: Signal) {
        kill(Pid::from_raw(self.daemon_pid().cast_signed()), signal).expect("the daemon has not been waited for");
    }

    /// Waits until the daemon is gone.
    ///
    /// # Panics
    /// It stays.
    pub fn wait_for_daemon(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().expect("the test has started a daemon");
        wait_for("the daemon ends", || daemon.try_wait().expect("it is our child"))
    }

    /// Kills the daemon as a crash would, and waits until it is gone.
    pub fn crash_daemon(&mut self) {
        self.signal_daemon(Signal::SIGKILL);
        self.wait_for_daemon();
    }

    /// Asks the daemon something.
    ///
    /// # Panics
    /// There is no answer.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        api::ask(&self.socket(), method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}; the daemon's log:\n{}", self.log()))
    }

    /// Asks the daemon for something that is there.
    ///
    /// # Panics
    /// It is not.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let answer = self.ask("GET", path, "");
        assert_eq!(answer.status, 200, "GET {path}: {answer:?}");
        answer.json()
    }

    /// A connection to the daemon.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn connect(&self) -> io::Result<UnixStream> {
        api::connect(&self.socket())
    }
}

/// Runs.
impl Lab {
    /// Gives the daemon an experiment and returns the number of its run.
    ///
    /// # Panics
    /// It is refused.
    #[track_caller]
    pub fn submit(&self, arguments: &[&str]) -> RunId {
        let line: Vec<&str> = ["run"].iter().chain(arguments).chain(&["--detach"]).copied().collect();
        let ran = self.gilctl(&line).well();
        ran.stdout.trim().parse().unwrap_or_else(|error| panic!("{error}: {ran}"))
    }

    /// A run in one line.
    pub fn head(&self, id: RunId) -> RunHead {
        self.get::<Run>(&format!("/v1/runs/{id}")).head
    }

    /// A run.
    pub fn show(&self, id: RunId) -> Run {
        self.get(&format!("/v1/runs/{id}"))
    }

    /// The trials of a run with their accounts.
    ///
    /// # Panics
    /// The daemon does not give them.
    pub fn trials(&self, id: RunId) -> Vec<Trial> {
        let answer = self.ask("GET", &format!("/v1/runs/{id}/trials"), "");
        assert_eq!(answer.status, 200, "{answer:?}");
        let lines = answer.body.lines();
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// Waits until a run is over.
    pub fn wait_for_end(&self, id: RunId) -> Run {
        wait_for(&format!("run {id} is over"), || Some(self.show(id)).filter(|run| run.head.status.is_final()))
    }
}

/// Processes.
impl Lab {
    /// Every process of this test.
    pub fn processes(&self) -> Vec<Process> {
        processes::of(self.folder.path())
    }

    /// The processes that run plugin code or a function in Python: coordinators, interpreters, and their workers.
    pub fn trial_processes(&self) -> Vec<Process> {
        // Whatever comes of a coordinator keeps its name; the spawner is what its daemon is.
        let names = ["gild-coord", "gild-worker", "gild-python"];
        let lines = ["gild_trial", "multiprocessing"];
        let is_trial =
            |it: &Process| names.contains(&it.name.as_str()) || lines.iter().any(|line| it.line.contains(line));
        self.processes().into_iter().filter(is_trial).collect()
    }

    /// Waits until no process of this test is left.
    ///
    /// # Panics
    /// Some stay.
    #[track_caller]
    pub fn assert_nobody_is_left(&self) {
        let left = self.who_is_left();
        assert!(left.is_empty(), "left behind: {left:#?}\nthe daemon's log:\n{}", self.log());
    }

    /// Waits until no process that runs plugin code is left.
    ///
    /// # Panics
    /// Some stay.
    #[track_caller]
    pub fn assert_no_trial_is_left(&self) {
        let gone = within(GRACE, || self.trial_processes().is_empty().then_some(()));
        assert!(gone.is_some(), "left behind: {:#?}\nthe daemon's log:\n{}", self.trial_processes(), self.log());
    }

    fn who_is_left(&self) -> Vec<Process> {
        match within(GRACE, || self.processes().is_empty().then_some(())) {
            Some(()) => Vec::new(),
            None => self.processes(),
        }
    }

    /// Asks every daemon of this test to stop, those that `gilctl` started too.
    fn stop_daemons(&mut self) {
        let servers = || self.processes().into_iter().filter(|it| it.line.contains("gild serve "));
        for server in servers() {
            // Spawners end with their daemons; a signal that they got as well would hide it if they did not.
            if !servers().any(|other| other.pid == server.parent) {
                let _gone = kill(Pid::from_raw(server.pid.cast_signed()), Signal::SIGTERM);
            }
        }
        if let Some(mut daemon) = self.daemon.take() {
            // It has to be reaped. One that does not stop is found among those who are left.
            let _reaped = within(GRACE, || daemon.try_wait().ok().flatten());
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.end_of_log());
        }
        self.stop_daemons();
        let left = self.who_is_left();
        left.iter().for_each(Process::kill);
        if !left.is_empty() && !std::thread::panicking() {
            panic!("left behind when the test ended: {left:#?}\n{}", self.end_of_log());
        }
    }
}
