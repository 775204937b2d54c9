//! Which processes belong to a test.
//!
//! Whatever a test starts, directly or not, inherits an environment variable that names the test's folder. So procfs
//! tells who is left, even of those that are in a session of their own and have lost their parent.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable.
pub const MARK: &str = "GILD_TEST_LAB";

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// Its program's name, as in ps(1).
    pub name: String,
    /// Its command line, with blanks between the arguments.
    pub line: String,
}

impl Process {
    /// Kills it; it may be gone already.
    pub fn kill(&self) {
        let _gone = kill(Pid::from_raw(self.pid.cast_signed()), Signal::SIGKILL);
    }
}

/// The processes of the test with this folder; zombies, which have no environment any more, are not among them.
pub fn of(folder: &Path) -> Vec<Process> {
    let mark = format!("{MARK}={}", folder.display());
    let pids = fs::read_dir("/proc").expect("procfs is mounted").filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    // A process that ends while it is looked at is not there.
    pids.filter(|pid| is_marked(*pid, &mark)).filter_map(describe).collect()
}

/// Whether this process, and so whatever it starts, ignores a signal (proc_pid_status(5)).
pub fn ignores(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("procfs is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("every process says so");
    let set = u64::from_str_radix(line.trim(), 16).expect("it is a set of bits");
    set >> (signal as u32 - 1) & 1 != 0
}

fn is_marked(pid: u32, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

fn describe(pid: u32) -> Option<Process> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    // proc_pid_stat(5): "pid (name) state parent …"; the name may hold anything, so look behind its last bracket.
    let stat = read("stat")?;
    let mut rest = stat.rsplit(") ").next()?.split(' ');
    if rest.next()? == "Z" {
        return None;
    }
    let parent = rest.next()?.parse().ok()?;
    let line = read("cmdline")?.replace('\0', " ").trim_end().to_owned();
    Some(Process { pid, parent, name: read("comm")?.trim_end().to_owned(), line })
}
