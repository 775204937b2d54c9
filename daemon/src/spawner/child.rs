//! From a job to a running process: fork, the new process's own preparations, exec.
//!
//! Only the spawner calls this. It has one thread, so the child may run ordinary code between fork and exec.
//! What fails there comes back through a close-on-exec pipe: end of file is success, five bytes are the number
//! of the step (one byte) and errno (four, native order).

use std::ffi::{CStr, CString};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{ForkResult, Pid, execv, getpid, getppid, pipe2, setpgid, write};

/// Jobs may ask for descriptor numbers below this one.
pub const TARGET_END: RawFd = 16;

/// What the child does before it is somebody else, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// fork(2), or the pipe that reports what follows.
    Fork,
    /// A process group of its own, so that it can be killed with all of its own.
    Group,
    /// SIGKILL when the spawner dies.
    DeathSignal,
    /// Default dispositions, nothing blocked.
    Signals,
    /// The descriptors it is meant to have, and no others.
    Descriptors,
    /// The program itself.
    Exec,
}

impl Step {
    const ALL: [Step; 6] = [Step::Fork, Step::Group, Step::DeathSignal, Step::Signals, Step::Descriptors, Step::Exec];

    /// In words, to follow "cannot start it: ".
    pub fn name(self) -> &'static str {
        match self {
            Step::Fork => "fork",
            Step::Group => "setpgid",
            Step::DeathSignal => "prctl(PR_SET_PDEATHSIG)",
            Step::Signals => "resetting signals",
            Step::Descriptors => "passing descriptors",
            Step::Exec => "exec",
        }
    }
}

/// The step that failed and why.
pub type Failure = (Step, Errno);

/// What to execute with which descriptors.
#[derive(Debug)]
pub struct Program<'a> {
    /// The program file.
    pub file: &'a CStr,
    /// Its arguments, the name first.
    pub arguments: &'a [CString],
    /// Descriptors and the numbers they get there.
    pub descriptors: Vec<(BorrowedFd<'a>, RawFd)>,
}

/// Splits this process in two.
///
/// # Errors
/// fork(2) failed.
pub fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the two callers are the daemon's `main`, before it starts a runtime or any other thread, and the
    // spawner, which never has a second thread: no lock can be held by a thread that the child lacks.
    unsafe { nix::unistd::fork() }
}

/// Ends this process without running destructors or exit handlers, which belong to the parent.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit(2) takes any status, touches no memory of ours and does not return.
    unsafe { libc::_exit(status) }
}

/// Starts a program and waits until it is executed, or is known not to be.
///
/// # Errors
/// The step that failed, in the child or here.
pub fn start(program: &Program<'_>) -> Result<Pid, Failure> {
    let spawner = getpid();
    let (report_in, report_out) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| (Step::Fork, errno))?;
    let report_out = duplicate_above(report_out).map_err(|errno| (Step::Fork, errno))?;
    match fork().map_err(|errno| (Step::Fork, errno))? {
        ForkResult::Parent { child } => {
            drop(report_out);
            // The child does this too; whoever comes first, it is done before anybody can ask for a kill.
            // It fails once the child has executed, and then it is done already.
            let _ = setpgid(child, child);
            match failure(report_in) {
                None => Ok(child),
                Some(failure) => Err(failure),
            }
        }
        ForkResult::Child => {
            drop(report_in);
            let (step, errno) = transform(program, spawner);
            let mut message = [step as u8, 0, 0, 0, 0];
            message[1..].copy_from_slice(&(errno as i32).to_ne_bytes());
            // Should even this fail, the exit status is left to say that exec did not happen.
            let _ = write(&report_out, &message);
            exit_now(127)
        }
    }
}

fn failure(report: OwnedFd) -> Option<Failure> {
    let mut message = Vec::with_capacity(5);
    match std::fs::File::from(report).read_to_end(&mut message) {
        Ok(0) => None,
        Ok(5) => {
            let step = Step::ALL.get(usize::from(message[0])).copied().unwrap_or(Step::Fork);
            let errno = i32::from_ne_bytes(message[1..].try_into().expect("four bytes follow the first"));
            Some((step, Errno::from_raw(errno)))
        }
        Ok(_) => Some((Step::Fork, Errno::EPROTO)),
        Err(error) => Some((Step::Fork, Errno::from_raw(error.raw_os_error().unwrap_or(0)))),
    }
}

/// Runs in the child; returns only if something failed.
fn transform(program: &Program<'_>, spawner: Pid) -> Failure {
    let prepare = || -> Result<(), Failure> {
        setpgid(Pid::from_raw(0), Pid::from_raw(0)).map_err(|errno| (Step::Group, errno))?;
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| (Step::DeathSignal, errno))?;
        if getppid() != spawner {
            // The spawner died before the death signal was armed; nobody is left to read an errno.
            exit_now(127);
        }
        default_signals().map_err(|errno| (Step::Signals, errno))?;
        place_descriptors(program).map_err(|errno| (Step::Descriptors, errno))
    };
    match prepare() {
        Err(failure) => failure,
        Ok(()) => match execv(program.file, program.arguments) {
            Err(errno) => (Step::Exec, errno),
            Ok(never) => match never {},
        },
    }
}

/// Undoes what the Rust runtime (SIGPIPE), a shell (SIGINT of a background job), nohup (SIGHUP) and the spawner
/// (everything blocked) changed: an ignored or blocked signal survives exec.
fn default_signals() -> nix::Result<()> {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL installs no code. The call fails for SIGKILL, SIGSTOP and the two signals that glibc
        // keeps for itself, whose dispositions cannot have been changed either.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// Puts each descriptor at its number and marks everything else close-on-exec.
fn place_descriptors(program: &Program<'_>) -> nix::Result<()> {
    // First out of the way, so that no target number is a source that is still needed.
    let mut moved = Vec::with_capacity(program.descriptors.len());
    for (source, target) in &program.descriptors {
        moved.push((duplicate_above(*source)?, *target));
    }
    for (source, target) in &moved {
        // SAFETY: `source` is open; `target` is below TARGET_END, where this process, about to execute another
        // program, has nothing that it will use again (the report pipe is above).
        Errno::result(unsafe { libc::dup2(source.as_raw_fd(), *target) })?;
    }
    close_on_exec_from(program.descriptors.iter().map(|(_, target)| target + 1).max().unwrap_or(0))
}

/// Duplicates a descriptor, close-on-exec, to a number that no job asks for.
fn duplicate_above(descriptor: impl AsFd) -> nix::Result<OwnedFd> {
    let raw = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(TARGET_END))?;
    // SAFETY: fcntl(2) has just opened this descriptor, and only this call knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

fn close_on_exec_from(first: RawFd) -> nix::Result<()> {
    let first = u32::try_from(first).expect("descriptor numbers are not negative");
    // SAFETY: marking descriptors close-on-exec closes none now, so no owner in this process is affected.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).map(drop)
}

/// Opens `/dev/null` for the jobs' standard input.
///
/// # Errors
/// open(2) failed.
pub fn open_null() -> io::Result<OwnedFd> {
    Ok(std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?.into())
}
