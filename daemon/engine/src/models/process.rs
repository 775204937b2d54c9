//! One process with workers: how it is started (fork, or fork + exec).

use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::panic::AssertUnwindSafe;
use std::process::{Command, Stdio};

use gild_model::case::{Start, Transport};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid, fork, getppid};
use serde::{Deserialize, Serialize};

use super::Trial;
use super::crew::Crew;
use super::peers::Peers;
use super::serve::EXIT_FAILED;
use crate::spec::{CONTROL_FD, LEDGER_FD, TrialSpec};
use crate::transport::channel::Channel;
use crate::transport::frame::Kind;

/// Where a spawned process has its first connection: what it reads, what it writes and, over shared memory, the memory. The
/// connections of its other workers follow. Its ledger is at [`LEDGER_FD`].
pub const FIRST_CHANNEL_FD: RawFd = LEDGER_FD + 1;

/// What a spawned process needs to know: the first message to its first worker.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// The trial.
    pub trial: TrialSpec,
    /// The core that each worker binds itself to.
    pub cores: Vec<Option<u32>>,
}

/// Descriptors of a connection.
pub fn descriptors_of(transport: Transport) -> usize {
    match transport {
        Transport::Pipe | Transport::Socketpair => 2,
        Transport::Shm => 3,
    }
}

/// Starts a process with these workers. `peers` are those started before, whose connections it must not keep open.
///
/// # Errors
/// What could not be done, and the system's reason.
pub(super) fn start(trial: &Trial<'_>, workers: Range<usize>, peers: &mut Peers) -> Result<(), String> {
    let case = &trial.spec.case;
    let transport = case.transport.unwrap_or(Transport::Pipe);
    let name = format!("worker {}", workers.start);
    let cannot = |what: &str, error: io::Error| format!("{name} cannot be started: {what}: {error}");
    let pairs: io::Result<Vec<_>> = workers.clone().map(|_| Channel::pair(transport)).collect();
    let (mut here, there): (Vec<_>, Vec<_>) =
        pairs.map_err(|error| cannot("no connection", error))?.into_iter().unzip();
    trial.stamp_birth(workers.start);
    let (pid, here) = match case.start.unwrap_or(Start::Fork) {
        Start::Fork => {
            refuse_threads().map_err(|error| format!("{name} cannot be started: {error}"))?;
            start_by_fork(trial, workers, (here, there), peers).map_err(|error| cannot("fork", error))?
        }
        Start::Forkserver => return Err(format!("{name} cannot be started: forkserver is for kernels in Python")),
        Start::Spawn => {
            let pid = start_by_exec(workers.start, transport, &there).map_err(|error| cannot("exec", error))?;
            let spec = WorkerSpec { trial: trial.spec.clone(), cores: trial.cores[workers].to_vec() };
            let spec = serde_json::to_vec(&spec).map_err(|error| cannot("its spec", error.into()))?;
            here[0].start().add_bytes(Kind::Spec, 0, 0, &spec);
            here[0].send().map_err(|error| cannot("its spec", error))?;
            (pid, here)
        }
    };
    peers.add_process(pid, here);
    Ok(())
}

/// A fork takes only the calling thread along: whatever another one holds would stay held for ever.
fn refuse_threads() -> Result<(), String> {
    match fs::read_dir("/proc/self/task").map(Iterator::count) {
        Ok(1) => Ok(()),
        Ok(count) => Err(format!(
            "the kernel has started {} thread(s) in the coordinator, so it cannot be forked; use start = \"spawn\"",
            count - 1
        )),
        Err(error) => Err(format!("/proc/self/task: {error}")),
    }
}

fn start_by_fork(
    trial: &Trial<'_>,
    workers: Range<usize>,
    (here, there): (Vec<Channel>, Vec<Channel>),
    peers: &mut Peers,
) -> io::Result<(Pid, Vec<Channel>)> {
    flush_stdio();
    let coordinator = nix::unistd::getpid();
    // SAFETY: this process has one thread (`refuse_threads`), so the child may run any code.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok((child, here)),
        ForkResult::Child => {
            let status = match die_with_parent(coordinator) {
                Ok(()) => {
                    // A coordinator's end that stays open here would hide the coordinator's closing it, and an earlier
                    // worker's death.
                    drop(here);
                    peers.close();
                    close_control();
                    // A panic must not unwind into the coordinator's frames, which are not this process's to leave.
                    let work = AssertUnwindSafe(|| forked_crew(trial, workers, there));
                    std::panic::catch_unwind(work).unwrap_or(EXIT_FAILED)
                }
                Err(_) => EXIT_FAILED,
            };
            exit_now(status)
        }
    }
}

/// The control socket is the coordinator's alone: the daemon takes its closing for the coordinator's end.
fn close_control() {
    // SAFETY: in a coordinator this descriptor is the control socket, owned by the coordinator's main function, which
    // a forked child never returns to.
    unsafe { libc::close(CONTROL_FD) };
}

/// Ends the process at once: a forked child must not run the coordinator's destructors and exit handlers.
fn exit_now(status: i32) -> ! {
    flush_stdio();
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(status) }
}

/// Writes out what a kernel in C has buffered, so that it is neither lost nor written twice.
fn flush_stdio() {
    // SAFETY: a null stream means all of them.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// The kernel kills this process when its parent's thread ends; if that has happened already, so does this.
fn die_with_parent(parent: Pid) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() == parent { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

fn forked_crew(trial: &Trial<'_>, workers: Range<usize>, channels: Vec<Channel>) -> i32 {
    let Trial { spec, plan, map, kernel, values, instance, .. } = *trial;
    let first = workers.start;
    let mut meter = Crew::start(map, plan, first, trial.cores[first]);
    let crew = Crew { spec, plan, map, kernel, values, first, cores: &trial.cores[workers] };
    let status = crew.work(instance, channels, &mut meter);
    meter.finish();
    status
}

fn start_by_exec(first: usize, transport: Transport, there: &[Channel]) -> io::Result<Pid> {
    let parent = nix::unistd::getpid();
    let count = there.len() * descriptors_of(transport);
    let last = FIRST_CHANNEL_FD + RawFd::try_from(count).map_err(io::Error::other)? - 1;
    // No target may be free when std makes its pipe for the errno of exec, or it would put it there.
    let _reserved = reserve(FIRST_CHANNEL_FD..=last)?;
    // Duplicates above every target, so that no dup2 below overwrites a source.
    let above = |fd: BorrowedFd<'_>| duplicate(fd, last + 1);
    let of_channel = |it: &Channel| [Some(it.reader()), Some(it.writer()), it.memory()].map(|fd| fd.map(above));
    let sources: io::Result<Vec<OwnedFd>> = there.iter().flat_map(of_channel).flatten().collect();
    let sources = sources?;
    let ledger = above(trial_ledger())?;
    let targets: Vec<(RawFd, RawFd)> = sources
        .iter()
        .map(AsRawFd::as_raw_fd)
        .zip(FIRST_CHANNEL_FD..)
        .chain([(ledger.as_raw_fd(), LEDGER_FD)])
        .collect();
    let mut command = Command::new("/proc/self/exe");
    command.args(["worker", &first.to_string(), &there.len().to_string(), transport.name()]).stdin(Stdio::null());
    let in_child = move || {
        die_with_parent(parent)?;
        close_control();
        for (source, target) in &targets {
            // SAFETY: dup2 onto a descriptor that nothing in this child uses any more: the coordinator's ledger, and
            // reserved ones.
            nix::errno::Errno::result(unsafe { libc::dup2(*source, *target) })?;
        }
        // SAFETY: marks descriptors only; std's own pipe for the errno of exec is closed by exec anyway.
        let marked = unsafe { libc::close_range(last as u32 + 1, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) };
        nix::errno::Errno::result(marked)?;
        Ok(())
    };
    // SAFETY: the closure makes system calls only (async-signal-safe), and the coordinator has one thread or waits in
    // its workers' scope.
    let child = unsafe { command.pre_exec(in_child) }.spawn()?;
    Ok(Pid::from_raw(child.id() as i32))
}

/// Takes every free number of these, for as long as the result lives.
fn reserve(numbers: std::ops::RangeInclusive<RawFd>) -> io::Result<Vec<OwnedFd>> {
    let mut taken = Vec::new();
    loop {
        let next = duplicate(trial_ledger(), *numbers.start())?;
        if !numbers.contains(&next.as_raw_fd()) {
            return Ok(taken);
        }
        taken.push(next);
    }
}

/// A close-on-exec duplicate whose number is at least `least`.
fn duplicate(fd: BorrowedFd<'_>, least: RawFd) -> io::Result<OwnedFd> {
    let number = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(least))?;
    // SAFETY: fcntl has just made it, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The ledger's descriptor, open in every coordinator.
fn trial_ledger() -> BorrowedFd<'static> {
    // SAFETY: the coordinator's main function holds it open until the process ends.
    unsafe { BorrowedFd::borrow_raw(LEDGER_FD) }
}
