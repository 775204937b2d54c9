//! One worker process: how it is started (fork, or fork + exec), and what it does.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::panic::AssertUnwindSafe;
use std::process::{Command, Stdio};

use gild_model::case::{Start, Transport};
use gild_model::phase::Phase;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid, fork, getppid};
use serde::{Deserialize, Serialize};

use super::processes::Peer;
use super::{Trial, run_task, start_pinned};
use crate::ledger::layout::Section;
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::instance::Instance;
use crate::plugin::value::Value;
use crate::spec::{CONTROL_FD, LEDGER_FD, TrialSpec};
use crate::transport::{Channel, Kind};

/// Where a spawned worker reads frames; its ledger is at [`LEDGER_FD`].
pub const READ_FD: RawFd = 3;
/// Where a spawned worker writes frames.
pub const WRITE_FD: RawFd = 5;

/// The task of an error that a spawned worker has before it can take any.
pub const NO_TASK: u64 = u64::MAX;

/// What a spawned worker needs to know: the first frame it gets.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// The trial.
    pub trial: TrialSpec,
    /// The core that the worker binds itself to.
    pub core: Option<u32>,
}

/// Starts a worker process. `earlier` are the workers started before it, whose connections it must not keep open.
///
/// # Errors
/// What could not be done, and the system's reason.
pub fn start(trial: &Trial<'_>, worker: usize, earlier: &mut Vec<Peer>) -> Result<Peer, String> {
    let case = &trial.spec.case;
    let cannot = |what: &str, error: io::Error| format!("worker {worker} cannot be started: {what}: {error}");
    let pair = Channel::pair(case.transport.unwrap_or(Transport::Pipe));
    let (mut here, there) = pair.map_err(|error| cannot("no connection", error))?;
    let section = trial.stamp_birth(worker);
    match case.start.unwrap_or(Start::Fork) {
        Start::Fork => {
            refuse_threads().map_err(|error| format!("worker {worker} cannot be started: {error}"))?;
            let started = start_by_fork(trial, worker, section, (here, there), earlier);
            let (pid, here) = started.map_err(|error| cannot("fork", error))?;
            Ok(Peer::new(worker, pid, here))
        }
        Start::Spawn => {
            let pid = start_by_exec(worker, &there).map_err(|error| cannot("exec", error))?;
            let spec = WorkerSpec { trial: trial.spec.clone(), core: trial.cores[worker] };
            let spec = serde_json::to_vec(&spec).map_err(|error| cannot("its spec", error.into()))?;
            here.load_bytes(Kind::Spec, 0, 0, &spec);
            here.send().map_err(|error| cannot("its spec", error))?;
            Ok(Peer::new(worker, pid, here))
        }
    }
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
    worker: usize,
    section: &'static Section,
    (here, there): (Channel, Channel),
    earlier: &mut Vec<Peer>,
) -> io::Result<(Pid, Channel)> {
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
                    earlier.clear();
                    close_control();
                    // A panic must not unwind into the coordinator's frames, which are not this process's to leave.
                    let work = AssertUnwindSafe(|| forked_worker(trial, worker, section, there));
                    std::panic::catch_unwind(work).unwrap_or(EXIT_FAILED)
                }
                Err(_) => EXIT_FAILED,
            };
            exit_now(status)
        }
    }
}

/// The exit status of a worker that could not do its work for a reason that it could not tell its coordinator.
const EXIT_FAILED: i32 = 70;

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

fn forked_worker(trial: &Trial<'_>, worker: usize, section: &'static Section, channel: Channel) -> i32 {
    crate::fault::watch(section);
    let mut meter = start_pinned(section, trial.plan, trial.cores[worker]);
    let status = serve(trial.instance, worker, channel, &mut meter);
    meter.finish();
    status
}

fn start_by_exec(worker: usize, there: &Channel) -> io::Result<Pid> {
    let parent = nix::unistd::getpid();
    // Duplicates above every target, so that no dup2 below overwrites a source. The first only sees to it that the last
    // target is taken (the others are the coordinator's own): std must not put its pipe for the errno of exec there.
    let _reserved = duplicate(trial_ledger(), WRITE_FD)?;
    let above = |fd: BorrowedFd<'_>| duplicate(fd, WRITE_FD + 1);
    let sources = [above(there.reader())?, above(trial_ledger())?, above(there.writer())?];
    let numbers = sources.each_ref().map(AsRawFd::as_raw_fd);
    let targets = [READ_FD, LEDGER_FD, WRITE_FD];
    let mut command = Command::new("/proc/self/exe");
    command.arg("worker").arg(worker.to_string()).stdin(Stdio::null());
    let in_child = move || {
        die_with_parent(parent)?;
        for (source, target) in numbers.into_iter().zip(targets) {
            // SAFETY: dup2 onto a descriptor that nothing in this child uses any more: the coordinator's control socket
            // and ledger, and the reserved one.
            nix::errno::Errno::result(unsafe { libc::dup2(source, target) })?;
        }
        // SAFETY: marks descriptors only; std's own pipe for the errno of exec is closed by exec anyway.
        let marked = unsafe { libc::close_range(WRITE_FD as u32 + 1, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) };
        nix::errno::Errno::result(marked)?;
        Ok(())
    };
    // SAFETY: the closure makes system calls only (async-signal-safe), and the coordinator has one thread or waits in
    // its workers' scope.
    let child = unsafe { command.pre_exec(in_child) }.spawn()?;
    Ok(Pid::from_raw(child.id() as i32))
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

/// A worker's life after its start: tasks in, results out, until the coordinator closes the connection. Afterwards it is
/// in `teardown`. Gives the exit status.
pub fn serve(instance: &Instance<'_>, worker: usize, mut channel: Channel, meter: &mut Meter<'_>) -> i32 {
    let ended = loop {
        meter.mark(Phase::Idle);
        match serve_one(instance, worker, &mut channel, meter) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    meter.mark(Phase::Teardown);
    match ended {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("worker {worker}: {error}");
            EXIT_FAILED
        }
    }
}

/// One task. `false`: there are no more.
fn serve_one(instance: &Instance<'_>, worker: usize, channel: &mut Channel, meter: &mut Meter<'_>) -> io::Result<bool> {
    let Some(frame) = channel.receive(meter)? else { return Ok(false) };
    if frame.kind != Kind::Task {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a frame of kind {:?}, not a task", frame.kind),
        ));
    }
    let task = frame.task;
    // It is taken when it is there as a whole.
    meter.mark(Phase::Decode);
    meter.take_task(task);
    let answer = Value::decode(instance.kernel(), frame.type_id, frame.payload)
        .map_err(|mut error| {
            error.message = format!("the input cannot be decoded: {}", error.message);
            error
        })
        .and_then(|input| {
            let result = run_task(instance, meter, &Lock::None, worker, (task as usize, &input), Phase::Encode)?;
            channel.load_value(Kind::Result, task, &result)
        });
    let done = answer.is_ok();
    if let Err(error) = answer {
        channel.load_bytes(Kind::Error, task, error.code, error.message.as_bytes());
    }
    meter.mark(Phase::Send);
    if done {
        meter.result_done();
    }
    channel.send()?;
    meter.finish_task(done);
    Ok(true)
}
