//! The server's process: a child of the process that plans.
//!
//! It is forked, not executed, because a plugin has no program. It shares nothing with its parent: it has its own signal
//! handlers (none), no descriptor but its own and the standard ones, and never returns to the code that forked it. It
//! stays in the trial's process group, so that whoever ends a trial ends it, too; and it dies with its parent. In the
//! usual case the instance that started it ends it and waits for it, which makes its CPU time the trial's.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::AssertUnwindSafe;

use gild_abi::{Error, Result};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

use super::Settings;
use super::service::Service;

/// What the server is called in ps(1).
pub const PROCESS_NAME: &str = "gild-io-server";
/// The calling thread.
const SELF: Pid = Pid::from_raw(0);
/// Signals that a host may have given handlers of its own: a fault of the server is no fault of the host.
const FAULTS: [Signal; 5] = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGABRT];

/// A server that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    address: SocketAddr,
    pid: Pid,
    parent: Pid,
}

impl Process {
    /// Starts a server; it takes connections as soon as this returns.
    pub(crate) fn start(settings: &Settings) -> Result<Process> {
        let core = choose_core(settings.core)?;
        let failed = |error: io::Error| Error::from(io::Error::new(error.kind(), format!("the server: {error}")));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let service = Service::new(listener, *settings).map_err(failed)?;
        let parent = getpid();
        // SAFETY: the child calls nothing that needs another thread of this process, whose locks may be held: the system,
        // and the allocator, which glibc makes usable after fork. In a coordinator there is no other thread.
        match unsafe { fork() }.map_err(|errno| failed(errno.into()))? {
            ForkResult::Parent { child } => Ok(Process { address, pid: child, parent }),
            ForkResult::Child => live(service, core, parent),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process forked since has a copy of this, and the server is not its child.
        if getpid() == self.parent {
            // Both fail only if there is no such child, and then it is over.
            let _gone = kill(self.pid, Signal::SIGKILL);
            let _buried = waitpid(self.pid, None);
        }
    }
}

/// The core to run on. Workers are placed from the first core on, so the last one is the least likely to be theirs.
fn choose_core(wanted: Option<usize>) -> Result<usize> {
    let allowed = sched_getaffinity(SELF).map_err(io::Error::from)?;
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect();
    match wanted {
        None => Ok(*cores.last().expect("a thread that runs may use the core that it runs on")),
        Some(core) if cores.contains(&core) => Ok(core),
        Some(core) => {
            let usable: Vec<_> = cores.iter().map(ToString::to_string).collect();
            let text = format!("server_core: core {core} cannot be used here; usable: {}", usable.join(", "));
            Err(Error::new(text))
        }
    }
}

/// The child's life, to its end.
fn live(mut service: Service, core: usize, parent: Pid) -> ! {
    // A panic must not unwind into the parent's frames, which are not this process's to leave.
    let life = AssertUnwindSafe(|| prepare(&service, core, parent).err().unwrap_or_else(|| service.run()));
    match std::panic::catch_unwind(life) {
        Ok(error) => eprintln!("{PROCESS_NAME}: {error}"),
        Err(_panic) => eprintln!("{PROCESS_NAME}: it panicked"),
    }
    // SAFETY: _exit has no preconditions. Destructors and exit handlers are the parent's.
    unsafe { libc::_exit(1) }
}

fn prepare(service: &Service, core: usize, parent: Pid) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != parent {
        return Err(io::Error::other("its parent is gone"));
    }
    prctl::set_name(&std::ffi::CString::new(PROCESS_NAME)?)?;
    for fault in FAULTS {
        // SAFETY: SIG_DFL installs no code.
        unsafe { signal(fault, SigHandler::SigDfl) }?;
    }
    close_all_but(&service.descriptors())?;
    let mut only = CpuSet::new();
    only.set(core)?;
    sched_setaffinity(SELF, &only)?;
    Ok(())
}

/// Closes every descriptor but the standard ones and these.
fn close_all_but(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut kept: Vec<RawFd> = kept.iter().map(AsRawFd::as_raw_fd).collect();
    kept.sort_unstable();
    let mut first = libc::STDERR_FILENO + 1;
    for last in kept.iter().map(|fd| fd - 1).chain([RawFd::MAX]) {
        if first <= last {
            // SAFETY: whoever owns one of these descriptors is a frame of the parent, to which this process does not
            // return.
            Errno::result(unsafe { libc::close_range(first.cast_unsigned(), last.cast_unsigned(), 0) })?;
        }
        first = last.saturating_add(2);
    }
    Ok(())
}
