//! Starting and ending the processes that run plugin code.
//!
//! A threaded process must not fork, a big one forks slowly, and the parent-death signal belongs to the *thread*
//! that forked. So `main` forks a small single-threaded process, the spawner, before anything else exists; the
//! daemon asks it for jobs over a socket. No job outlives the daemon, however either of them dies:
//!
//! | who dies | what happens |
//! |---|---|
//! | a job's first process | its process group is killed, then every stray it left (the spawner is a subreaper) |
//! | the daemon, by whatever | the spawner reads end of file, kills everything, exits |
//! | the spawner | its jobs get SIGKILL (parent-death signal); the daemon, a subreaper too, kills what is left and ends |
//!
//! | file | subject |
//! |---|---|
//! | `mod.rs` | the daemon's end: [`Spawner`], [`Process`] |
//! | [`protocol`] | the messages |
//! | [`service`] | the spawner's own process |
//! | [`child`] | fork, preparations, exec |
//! | [`reap`] | finding, killing and burying processes |

pub mod child;
pub mod protocol;
pub mod reap;
pub mod service;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::prctl;
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, shutdown, socketpair};
use nix::unistd::{ForkResult, Pid};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use protocol::{End, Job, JobId, Report, Request};

/// Why a job was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The new process did not get as far as the program.
    #[error("cannot start {program}: {step}: {errno}", program = .program.display())]
    Step {
        /// The program.
        program: PathBuf,
        /// What failed.
        step: String,
        /// Why.
        errno: Errno,
    },
    /// The spawner could not be asked.
    #[error("cannot ask the spawner for a process: {0}")]
    Send(#[source] io::Error),
    /// The spawner is dead; the daemon is about to end.
    #[error("cannot start a process: the spawner is gone")]
    Gone,
}

/// The spawner's process, before the runtime exists.
#[derive(Debug)]
pub struct Link {
    socket: OwnedFd,
    pid: Pid,
    program: PathBuf,
}

/// Forks the spawner, which will start `program` for every job. The caller must have one thread.
///
/// # Errors
/// A socket or a process could not be made.
pub fn fork_spawner(program: &Path) -> io::Result<Link> {
    prctl::set_child_subreaper(true)?;
    let (here, there) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    match child::fork()? {
        ForkResult::Parent { child } => Ok(Link { socket: here, pid: child, program: program.to_owned() }),
        ForkResult::Child => {
            drop(here);
            let status = match service::run(there, program.to_owned()) {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("gild: the spawner failed: {error}");
                    1
                }
            };
            child::exit_now(status)
        }
    }
}

impl Link {
    /// The spawner's process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Makes the asynchronous end of it; needs a runtime.
    ///
    /// # Errors
    /// The socket cannot be registered with the runtime.
    pub fn connect(&self) -> io::Result<Arc<Spawner>> {
        let socket = self.socket.try_clone()?;
        let flags = OFlag::from_bits_retain(fcntl(&socket, FcntlArg::F_GETFL)?);
        fcntl(&socket, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        let jobs = Mutex::new(Jobs { next: 1, waiting: HashMap::new(), gone: false });
        // SAFETY: an OwnedFd is open and keeps its number for as long as it lives; it moves into the AsyncFd, which
        // drops it last.
        let socket = unsafe { AsyncFd::register(socket)? };
        Ok(Arc::new(Spawner { socket, program: self.program.clone(), jobs }))
    }

    /// Lets the spawner go, waits until it has ended and kills what it left, if it could leave something.
    /// Returns whether everything is gone.
    pub fn close(self) -> bool {
        // Not just closed: another copy may be held by a runtime that is still being taken down.
        // The call fails only if the spawner is dead.
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Both);
        // The spawner needs SWEEP_TIME_MAX at most; from then on, or if it is dead, the daemon does its work.
        let patience = service::SWEEP_TIME_MAX + Duration::from_secs(1);
        let since = Instant::now();
        let mut spawner_over = false;
        while since.elapsed() < patience * 2 {
            match reap::look() {
                reap::Found::NoChildren => return true,
                reap::Found::Over(pid) => {
                    reap::bury(pid);
                    spawner_over |= pid == self.pid;
                }
                reap::Found::NoneOver => {
                    if spawner_over || since.elapsed() > patience {
                        // A look that fails is repeated until the time is up.
                        let _ = reap::kill_strays(&[]);
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        false
    }
}

/// The daemon's end of the spawner.
#[derive(Debug)]
pub struct Spawner {
    socket: AsyncFd<OwnedFd>,
    program: PathBuf,
    jobs: Mutex<Jobs>,
}

#[derive(Debug)]
struct Jobs {
    next: JobId,
    waiting: HashMap<JobId, Waiting>,
    gone: bool,
}

#[derive(Debug)]
struct Waiting {
    started: Option<oneshot::Sender<Result<u32, StartError>>>,
    ended: oneshot::Sender<End>,
}

impl Spawner {
    /// One that has lost its process, for tests of what needs none.
    #[cfg(test)]
    pub fn disconnected() -> Arc<Spawner> {
        let kind = SockType::SeqPacket;
        let (socket, _) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).expect("a socket");
        let link = Link { socket, pid: Pid::this(), program: PathBuf::from("/nowhere/gild") };
        link.connect().expect("a runtime")
    }

    /// Passes the spawner's reports on to those who wait for them; returns why it cannot any more.
    pub async fn run(&self) -> io::Error {
        let error = loop {
            match self.receive().await {
                Ok(Some(report)) => self.pass_on(report),
                Ok(None) => break io::Error::new(io::ErrorKind::UnexpectedEof, "the spawner is gone"),
                Err(error) => break error,
            }
        };
        let mut jobs = self.jobs();
        jobs.gone = true;
        jobs.waiting.clear();
        error
    }

    /// Whether the spawner's process is known to be gone; nothing can be started any more.
    pub fn is_gone(&self) -> bool {
        self.jobs().gone
    }

    /// Starts a job; returns when its program runs.
    ///
    /// # Errors
    /// The spawner, or the new process, could not do what is needed; nothing is left of it.
    pub async fn start(self: &Arc<Self>, job: Job, descriptors: &[BorrowedFd<'_>]) -> Result<Process, StartError> {
        let (started_in, started) = oneshot::channel();
        let (ended_in, ended) = oneshot::channel();
        let id = {
            let mut jobs = self.jobs();
            if jobs.gone {
                return Err(StartError::Gone);
            }
            let id = jobs.next;
            jobs.next += 1;
            jobs.waiting.insert(id, Waiting { started: Some(started_in), ended: ended_in });
            id
        };
        // From here on a dropped `process` kills the job, also while it is still being started.
        let mut process = Process { spawner: Arc::clone(self), id, pid: 0, ended: Some(ended) };
        let request = Request::Start { id, job };
        protocol::send(self.socket.as_fd(), &request, descriptors).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => StartError::Gone,
            _ => StartError::Send(error),
        })?;
        process.pid = started.await.map_err(|_| StartError::Gone)??;
        Ok(process)
    }

    async fn receive(&self) -> io::Result<Option<Report>> {
        loop {
            let mut guard = self.socket.readable().await?;
            if let Ok(result) = guard.try_io(|socket| protocol::receive::<Report>(socket.as_fd())) {
                return Ok(result?.map(|(report, _)| report));
            }
        }
    }

    /// Whoever does not wait any more has dropped its receiver, which is fine.
    fn pass_on(&self, report: Report) {
        let mut jobs = self.jobs();
        match report {
            Report::Started { id, pid } => {
                if let Some(started) = jobs.waiting.get_mut(&id).and_then(|it| it.started.take()) {
                    let _ = started.send(Ok(pid));
                }
            }
            Report::Refused { id, step, errno } => {
                if let Some(started) = jobs.waiting.remove(&id).and_then(|it| it.started) {
                    let errno = Errno::from_raw(errno);
                    let _ = started.send(Err(StartError::Step { program: self.program.clone(), step, errno }));
                }
            }
            Report::Ended { id, end } => {
                if let Some(waiting) = jobs.waiting.remove(&id) {
                    let _ = waiting.ended.send(end);
                }
            }
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that was started. Dropped before it has ended, it is killed.
#[derive(Debug)]
pub struct Process {
    spawner: Arc<Spawner>,
    id: JobId,
    pid: u32,
    ended: Option<oneshot::Receiver<End>>,
}

impl Process {
    /// The process id of its first process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills it and everything it started; [`Process::ended`] tells when that is done.
    pub fn kill(&self) {
        if let Err(error) = protocol::send(self.spawner.socket.as_fd(), &Request::Kill { id: self.id }, &[]) {
            // The spawner is dead, and with it the job.
            tracing::warn!(pid = self.pid, %error, "cannot ask the spawner to kill a process");
        }
    }

    /// Waits until it is over, with everything it started. `None`: the spawner died, and the job with it.
    ///
    /// # Panics
    /// When called again after it has returned.
    pub async fn ended(&mut self) -> Option<End> {
        let end = self.ended.as_mut().expect("the end of a process is waited for once").await.ok();
        self.ended = None;
        end
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_some() {
            self.kill();
        }
    }
}
