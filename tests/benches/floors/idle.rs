//! An idle daemon: how much memory it holds, and how often it wakes up.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::report::Row;

/// How long the idle daemon is watched.
const WATCH: Duration = Duration::from_secs(5);

/// The daemon with its spawner, once it has answered a request.
pub fn rows() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut daemon = start(folder.path());
    let processes = family(daemon.id());
    std::thread::sleep(Duration::from_millis(500));
    let before: u64 = processes.iter().map(|pid| switches(*pid)).sum();
    std::thread::sleep(WATCH);
    let after: u64 = processes.iter().map(|pid| switches(*pid)).sum();
    let resident_mib = resident_kib(daemon.id()) as f64 / 1024.0;
    stop(&mut daemon);
    let absolute = |what, value: f64, goal, unit| Row {
        what,
        measured: format!("{value:.1} {unit}"),
        floor: String::new(),
        value,
        goal,
        unit,
    };
    vec![
        absolute("resident memory of an idle daemon", resident_mib, 15.0, "MiB"),
        absolute("wake-ups of an idle daemon and its spawner in 5 s", (after - before) as f64, 0.0, ""),
    ]
}

/// With a port for metrics, which nobody asks at.
fn start(folder: &std::path::Path) -> Child {
    let socket = folder.join("gild.sock");
    let config = folder.join("gild.toml");
    fs::write(&config, "[metrics]\nlisten = \"127.0.0.1:0\"\n").expect("the folder is new");
    let daemon = Command::new(gild_tests::binaries::binaries().gild())
        .args(["serve", "--socket"])
        .arg(&socket)
        .arg("--store")
        .arg(folder.join("gild.db"))
        .arg("--config")
        .arg(config)
        .stderr(Stdio::null())
        .spawn()
        .expect("gild starts");
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert!(Instant::now() < deadline, "gild does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    daemon
}

fn stop(daemon: &mut Child) {
    let pid = nix::unistd::Pid::from_raw(daemon.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("the daemon is there");
    assert!(daemon.wait().expect("the daemon ends").success());
}

/// A process and its children.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    std::iter::once(pid).chain(children.split_whitespace().filter_map(|child| child.parse().ok())).collect()
}

/// Context switches of all threads of a process so far.
fn switches(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
    threads.flatten().map(|thread| field(&thread.path().join("status"), "voluntary_ctxt_switches")).sum()
}

fn resident_kib(pid: u32) -> u64 {
    field(std::path::Path::new(&format!("/proc/{pid}/status")), "VmRSS")
}

fn field(path: &std::path::Path, name: &str) -> u64 {
    let status = fs::read_to_string(path).expect("the thread is there");
    let line = status.lines().find(|line| line.starts_with(name)).expect("every status has this field");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}
