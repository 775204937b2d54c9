//! The process of the server. One test, because it is about the children of the whole test program.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::time::{Duration, Instant};

use gild_abi::raw;
use gild_abi::testing::{Arg, Failure, Step, run};
use io_bound::{IoBound, PROCESS_NAME};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid};

/// The children of this process that are servers.
fn servers() -> Vec<Pid> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that ends while it is looked at has no children.
    let lists = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default());
    let children: Vec<i32> =
        lists.flat_map(|it| it.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect();
    let name = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    children.into_iter().filter(|pid| name(pid).trim_end() == PROCESS_NAME).map(Pid::from_raw).collect()
}

/// Waits for something that is about to be true.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{what} is not so");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start() -> std::thread::JoinHandle<Result<(), Failure>> {
    let slow: [(&str, Arg); 4] =
        [("tasks", 1.into()), ("service_us", 9_000_000.into()), ("timeout_ms", 60_000.into()), ("bytes", 64.into())];
    std::thread::spawn(move || run::<IoBound>(&slow).map(|_| ()))
}

/// What the descriptors of a process are.
fn descriptors(pid: Pid) -> Vec<String> {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|it| it.unwrap());
    let mut beyond: Vec<_> = folder.filter(|it| it.file_name().to_str().unwrap().parse::<u32>().unwrap() > 2).collect();
    beyond.sort_by_key(|it| it.file_name());
    beyond.iter().map(|it| fs::read_link(it.path()).unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_server_is_a_process_of_its_own_that_goes_with_its_instance() {
    // Something that a coordinator has open and the server must not have.
    let _control = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let _ledger = fs::File::open("/proc/self/exe").unwrap();

    let trial = start();
    let server = wait_for("a server that serves a client", || {
        let one = servers().into_iter().next()?;
        (descriptors(one).len() == 4).then_some(one)
    });
    assert_eq!(getpgid(Some(server)).unwrap(), getpgid(None).unwrap(), "whoever ends the trial ends it");
    let kinds: Vec<String> = descriptors(server).iter().map(|it| it.split(['[', ':']).next().unwrap().into()).collect();
    let sockets = kinds.iter().filter(|kind| *kind == "socket").count();
    assert_eq!((sockets, kinds.iter().filter(|kind| *kind == "anon_inode").count()), (2, 2), "{kinds:?}");
    let (mine, its) = (sched_getaffinity(Pid::from_raw(0)).unwrap(), sched_getaffinity(server).unwrap());
    let cores = |set: &CpuSet| (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap()).collect::<Vec<_>>();
    assert_eq!(cores(&its), [*cores(&mine).last().unwrap()], "the last core");

    // The server dies: the task says so, and of whom.
    kill(server, Signal::SIGKILL).unwrap();
    let failure = trial.join().unwrap().unwrap_err();
    assert_eq!((failure.step, failure.status), (Step::Run, raw::E_IO));
    assert!(failure.text.contains("the server closed the connection after 0 of 64 bytes"), "{failure}");
    assert_eq!(servers(), []);

    // A trial that ends well leaves nobody behind, either: not even a dead child that nobody has waited for.
    run::<IoBound>(&[("tasks", 2.into())]).unwrap();
    assert_eq!(servers(), []);
}
