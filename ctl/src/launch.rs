//! Starts and stops the daemon's process.
//!
//! ```text
//! gilctl ── spawn ──▶ gilctl in-own-session ── setsid, exec ──▶ gild serve
//! ```
//! A second `gilctl` in between makes the session, so that the daemon outlives the terminal and no Ctrl-C
//! reaches it; it becomes the daemon by exec, so the pid stays. The daemon's standard input is `/dev/null`,
//! its outputs go to the log. It is never waited for: it lives on.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gild_model::api::DaemonStatus;

use crate::client::{self, Client};

/// Name of the hidden command that makes a session of its own and becomes the daemon.
pub const SESSION_COMMAND: &str = "in-own-session";
/// Name of the daemon's program.
const PROGRAM: &str = "gild";
/// Longest time until a started daemon answers.
const START_LIMIT: Duration = Duration::from_secs(15);
/// Longest time that the one of two daemons started at once which got the socket may take, once the other gave up.
const RIVAL_LIMIT: Duration = Duration::from_millis(500);
/// Longest time until a daemon is gone that was asked to stop: it first ends its trial.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// A log longer than this is moved to `NAME.old` before a daemon is started.
const LOG_MAX: u64 = 16 << 20;
/// How much of the log is shown when the daemon does not start.
const TAIL_BYTES: u64 = 4 << 10;
const TAIL_LINES: usize = 12;

/// Why there is no daemon, or too much of one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder of the socket, the store or the log.
    #[error("cannot use the folder {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The folder of the socket is somebody else's.
    #[error(
        "the folder {} belongs to uid {owner}, who could put another socket there; give --socket in a folder of your own",
        folder.display()
    )]
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// There is no daemon program.
    #[error("cannot find the program {PROGRAM}: it is neither {} nor in a folder of PATH", beside.display())]
    NoProgram {
        /// Where it should be.
        beside: PathBuf,
    },
    /// The log.
    #[error("cannot use the log {}", log.display())]
    Log {
        /// The log.
        log: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The process could not be started.
    #[error("cannot start {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The daemon ended before it answered.
    #[error("the daemon ended with {status} before it answered; its log {} ends:\n{tail}", log.display())]
    EndedEarly {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The daemon lives, but does not answer.
    #[error(
        "the daemon (pid {pid}) does not answer within {} s; its log {} ends:\n{tail}",
        START_LIMIT.as_secs(), log.display()
    )]
    NoAnswer {
        /// Its pid.
        pid: u32,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The daemon was asked to stop and did not.
    #[error("the daemon (pid {pid}) is still there after {} s; end it: kill {pid}", STOP_LIMIT.as_secs())]
    StillThere {
        /// Its pid.
        pid: u32,
    },
    /// What answers at the socket is no daemon of ours.
    #[error(transparent)]
    Client(#[from] client::Error),
}

/// Everything that a daemon is started with. All paths are absolute.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Where it shall listen.
    pub socket: PathBuf,
    /// Its store; `None`: what its configuration says, else the usual place.
    pub store: Option<PathBuf>,
    /// Its configuration; `None`: the usual one, if it is there.
    pub config: Option<PathBuf>,
    /// Where its standard output and error go.
    pub log: PathBuf,
}

impl Launch {
    fn arguments(&self) -> Vec<&std::ffi::OsStr> {
        let mut arguments = vec!["serve".as_ref(), "--socket".as_ref(), self.socket.as_os_str()];
        for (option, file) in [("--store", &self.store), ("--config", &self.config)] {
            if let Some(file) = file {
                arguments.extend([option.as_ref(), file.as_os_str()]);
            }
        }
        arguments
    }
}

/// The daemon's program: beside this one, else in a folder of `PATH`.
pub fn program() -> Result<PathBuf, Error> {
    let me = std::env::current_exe().map_err(|source| Error::Spawn { program: PROGRAM.into(), source })?;
    let beside = me.with_file_name(PROGRAM);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::iter::once(beside.clone()).chain(std::env::split_paths(&path).map(|it| it.join(PROGRAM)));
    candidates.into_iter().find(|it| it.is_file()).ok_or(Error::NoProgram { beside })
}

/// Starts a daemon and waits until it answers. Also says whether the one that answers is the one started here:
/// when two start at once, the socket is one's and the other uses it.
pub async fn start(launch: &Launch, client: &Client) -> Result<(DaemonStatus, bool), Error> {
    let (log, log_start) = open_log(&launch.log).map_err(|source| Error::Log { log: launch.log.clone(), source })?;
    let mut child = spawn(launch, log).map_err(|source| Error::Spawn { program: launch.program.clone(), source })?;
    let mut deadline = Instant::now() + START_LIMIT;
    let mut end: Option<ExitStatus> = None;
    loop {
        let ended = child.try_wait().map_err(|source| Error::Spawn { program: launch.program.clone(), source })?;
        match client.get::<DaemonStatus>("/v1/status").await {
            Ok(status) => {
                let started = status.pid == child.id();
                return Ok((status, started));
            }
            Err(client::Error::NoDaemon { .. } | client::Error::Gone { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if end.is_none() && ended.is_some() {
            end = ended;
            deadline = Instant::now() + RIVAL_LIMIT;
        }
        if Instant::now() > deadline {
            let (log, tail) = (launch.log.clone(), tail(&launch.log, log_start));
            return Err(match end {
                Some(status) => Error::EndedEarly { status, log, tail },
                None => Error::NoAnswer { pid: child.id(), log, tail },
            });
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn spawn(launch: &Launch, log: File) -> io::Result<Child> {
    // Not current_exe(): that file may have been replaced by a newer build since this program started.
    Command::new("/proc/self/exe")
        .arg(SESSION_COMMAND)
        .arg(&launch.program)
        .args(launch.arguments())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// Opens the log for appending; also returns where the new part starts.
fn open_log(path: &Path) -> io::Result<(File, u64)> {
    if std::fs::metadata(path).is_ok_and(|it| it.len() > LOG_MAX) {
        let mut old = path.as_os_str().to_owned();
        old.push(".old");
        std::fs::rename(path, old)?;
    }
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let length = log.metadata()?.len();
    Ok((log, length))
}

/// The last lines of the log's new part, indented; a log that cannot be read says so.
fn tail(path: &Path, start: u64) -> String {
    let text = match read_tail(path, start) {
        Ok(text) if text.trim().is_empty() => "(nothing)".to_owned(),
        Ok(text) => text,
        Err(error) => format!("(cannot be read: {error})"),
    };
    let lines: Vec<_> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    last.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn read_tail(path: &Path, start: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(start.max(length.saturating_sub(TAIL_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Asks the daemon to stop and waits until it is gone.
pub async fn stop(client: &Client, status: &DaemonStatus) -> Result<(), Error> {
    client.shut_down().await?;
    let deadline = Instant::now() + STOP_LIMIT;
    loop {
        let answers = !matches!(
            client.get::<DaemonStatus>("/v1/status").await,
            Err(client::Error::NoDaemon { .. } | client::Error::Gone { .. })
        );
        if !answers && !is_alive(Path::new("/proc"), status.pid) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::StillThere { pid: status.pid });
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Whether a process is there and not merely waiting to be reaped.
fn is_alive(proc: &Path, pid: u32) -> bool {
    // proc_pid_stat(5): "pid (name) state …"; the name may hold anything, so look behind its last bracket.
    let Ok(stat) = std::fs::read_to_string(proc.join(format!("{pid}/stat"))) else { return false };
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_starts_with_this_start() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("gild.log");
        std::fs::write(&log, "of an earlier start\n").unwrap();
        let (_, start) = open_log(&log).unwrap();
        assert_eq!(tail(&log, start), "  (nothing)");
        let lines: String = (0..20).map(|i| format!("line {i}\n")).collect();
        std::fs::write(&log, format!("of an earlier start\n{lines}")).unwrap();
        let shown = tail(&log, start);
        assert!(shown.starts_with("  line 8\n") && shown.ends_with("  line 19"), "{shown}");
        assert!(tail(&folder.path().join("none"), 0).contains("cannot be read"));
    }

    #[test]
    fn a_long_log_is_moved_away_before_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("gild.log");
        File::create(&log).unwrap().set_len(LOG_MAX + 1).unwrap();
        let (_, start) = open_log(&log).unwrap();
        assert_eq!(start, 0);
        assert_eq!(std::fs::metadata(folder.path().join("gild.log.old")).unwrap().len(), LOG_MAX + 1);
    }

    #[test]
    fn the_daemon_is_told_its_files() {
        let mut launch = Launch {
            program: "/bin/gild".into(),
            socket: "/run/s".into(),
            store: None,
            config: None,
            log: "/state/log".into(),
        };
        assert_eq!(launch.arguments(), ["serve", "--socket", "/run/s"]);
        (launch.store, launch.config) = (Some("/data/db".into()), Some("/etc/gild.toml".into()));
        assert_eq!(launch.arguments()[3..], ["--store", "/data/db", "--config", "/etc/gild.toml"]);
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, stat) in [(7, "7 (gild) S 1 7"), (8, "8 (a) S) Z 1 8")] {
            std::fs::create_dir(proc.path().join(pid.to_string())).unwrap();
            std::fs::write(proc.path().join(format!("{pid}/stat")), stat).unwrap();
        }
        assert!(is_alive(proc.path(), 7));
        assert!(!is_alive(proc.path(), 8));
        assert!(!is_alive(proc.path(), 9));
    }
}
