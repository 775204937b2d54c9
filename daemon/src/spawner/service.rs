//! The spawner's own process: it starts jobs, kills them, reaps everything, and outlives no daemon.
//!
//! ```text
//!            Start            first process over           no stray left (or SWEEP_TIME_MAX)
//!   (none) ─────────▶ live ─────────────────────▶ ending ──────────────────────────────────▶ Ended
//!              │        │ Kill: SIGKILL to its group
//!              └ Refused
//! ```
//!
//! The process has one thread, blocks every signal and sleeps in poll(2) on the daemon's socket and a signalfd
//! for SIGCHLD; only while a job is ending does it wake up by itself. It is a session leader, so that no process
//! group of a job is one of the user's shell, and a subreaper, so that whatever a job's processes leave behind,
//! daemonised or not, becomes its child. End of file on the socket is the daemon's death: everything is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, setsid};

use super::child::{self, Program, Step, TARGET_END};
use super::protocol::{End, Exit, Job, JobId, JobKind, Report, Request, receive, send};
use super::reap::{Buried, Found, bury, kill_strays, kill_with_group, look};

/// How long the strays of a job may take to die before it is reported as over without them.
pub const SWEEP_TIME_MAX: Duration = Duration::from_secs(5);
/// How often strays are looked for while a job is ending.
const SWEEP_INTERVAL_MS: u16 = 10;

/// Runs as the spawner until the daemon dies. Called once, in the child of the fork in `main`.
///
/// # Errors
/// The process could not be set up, or the socket failed; jobs are dead in either case.
pub fn run(socket: OwnedFd, program: PathBuf) -> io::Result<()> {
    let mut service = Service::new(socket, program)?;
    let result = service.serve();
    service.kill_everything();
    result
}

struct Service {
    socket: OwnedFd,
    program: CString,
    null: OwnedFd,
    children: SignalFd,
    live: BTreeMap<JobId, Live>,
    ending: Option<Ending>,
    over: Vec<Report>,
}

#[derive(Clone, Copy)]
struct Live {
    pid: Pid,
    kind: JobKind,
    /// CPU time of what it left behind and that is over.
    cpu_ns: u64,
}

/// The jobs whose first process is over while something they left behind may still live.
struct Ending {
    jobs: Vec<(JobId, Buried)>,
    killed: BTreeSet<Pid>,
    strays: u32,
    /// CPU time of what they left behind.
    cpu_ns: u64,
    since: Instant,
}

impl Service {
    fn new(socket: OwnedFd, program: PathBuf) -> io::Result<Service> {
        setsid()?;
        prctl::set_child_subreaper(true)?;
        prctl::set_name(c"gild-spawner")?;
        SigSet::all().thread_block()?;
        let mut interest = SigSet::empty();
        interest.add(Signal::SIGCHLD);
        Ok(Service {
            socket,
            program: CString::new(program.into_os_string().into_vec())?,
            null: child::open_null()?,
            children: SignalFd::with_flags(&interest, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?,
            live: BTreeMap::new(),
            ending: None,
            over: Vec::new(),
        })
    }

    /// Serves until the daemon is dead.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let timeout = match self.ending {
                Some(_) => PollTimeout::from(SWEEP_INTERVAL_MS),
                None => PollTimeout::NONE,
            };
            let mut sources = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut sources, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let asked = sources[0].any().unwrap_or(true);
            while self.children.read_signal()?.is_some() {}
            self.bury();
            self.sweep();
            for report in std::mem::take(&mut self.over) {
                send(self.socket.as_fd(), &report, &[])?;
            }
            if asked && !self.answer()? {
                return Ok(());
            }
        }
    }

    /// Serves one request; `false`: the daemon is dead.
    fn answer(&mut self) -> io::Result<bool> {
        let Some((request, descriptors)) = receive::<Request>(self.socket.as_fd())? else {
            return Ok(false);
        };
        match request {
            Request::Start { id, job } => {
                let report = match self.start(&job, &descriptors) {
                    Ok(pid) => {
                        self.live.insert(id, Live { pid, kind: job.kind, cpu_ns: 0 });
                        Report::Started { id, pid: pid.as_raw().unsigned_abs() }
                    }
                    Err((step, errno)) => Report::Refused { id, step: step.name().to_owned(), errno: errno as i32 },
                };
                send(self.socket.as_fd(), &report, &[])?;
            }
            Request::Kill { id } => {
                // A job that is over has left the map: its number may belong to somebody else by now.
                if let Some(live) = self.live.get(&id) {
                    kill_with_group(live.pid);
                }
            }
        }
        Ok(true)
    }

    fn start(&self, job: &Job, received: &[OwnedFd]) -> Result<Pid, child::Failure> {
        let fits = job.descriptors.iter().all(|target| (0..TARGET_END).contains(target));
        if received.len() != job.descriptors.len() || !fits {
            return Err((Step::Descriptors, Errno::EBADF));
        }
        let mut arguments = vec![c"gild".to_owned()];
        for argument in &job.arguments {
            let argument = OsString::from(argument).into_vec();
            arguments.push(CString::new(argument).map_err(|_| (Step::Exec, Errno::EINVAL))?);
        }
        let mut descriptors = vec![(self.null.as_fd(), 0)];
        descriptors.extend(received.iter().map(OwnedFd::as_fd).zip(job.descriptors.iter().copied()));
        child::start(&Program { file: &self.program, arguments: &arguments, descriptors })
    }

    /// Buries all children that are over.
    fn bury(&mut self) {
        while let Found::Over(pid) = look() {
            let job = self.live.iter().find(|(_, live)| live.pid == pid).map(|(id, live)| (*id, *live));
            if job.is_some() {
                // Before it is buried: until then its number, which is its group's, cannot be anybody else's.
                kill_with_group(pid);
            }
            let Some(buried) = bury(pid) else { continue };
            if let Some((id, live)) = job {
                self.live.remove(&id);
                self.end(id, live.kind, Buried { cpu_ns: live.cpu_ns + buried.cpu_ns, ..buried });
            } else {
                self.count_stray(pid, buried);
            }
        }
    }

    /// Something that a job left behind is over: its CPU time is the job's, in doubt the trial's.
    fn count_stray(&mut self, pid: Pid, buried: Buried) {
        if let Some(ending) = &mut self.ending {
            let killed = ending.killed.contains(&pid) && buried.exit == Exit::Signalled(Signal::SIGKILL as i32);
            ending.strays += u32::from(killed);
            ending.cpu_ns += buried.cpu_ns;
        } else if let Some(trial) = self.live.values_mut().find(|live| live.kind == JobKind::Trial) {
            trial.cpu_ns += buried.cpu_ns;
        }
    }

    /// The first process of a job is over and its group is killed. Has its strays looked for, if they can be
    /// told from another job's: a scan that ends beside a trial leaves them to the end of the trial.
    fn end(&mut self, id: JobId, kind: JobKind, buried: Buried) {
        if kind == JobKind::Scan && !self.live.is_empty() {
            let Buried { exit, cpu_ns } = buried;
            self.over.push(Report::Ended { id, end: End { exit, strays: 0, left: 0, cpu_ns } });
            return;
        }
        let ending = self.ending.get_or_insert_with(|| Ending {
            jobs: Vec::new(),
            killed: BTreeSet::new(),
            strays: 0,
            cpu_ns: 0,
            since: Instant::now(),
        });
        ending.jobs.push((id, buried));
    }

    /// Kills what ended jobs left behind; reports them once there is nothing left.
    fn sweep(&mut self) {
        let Some(ending) = self.ending.as_mut() else { return };
        let spare: Vec<Pid> = self.live.values().map(|live| live.pid).collect();
        // Without a readable /proc the strays can only be waited for, until the time is up.
        let strays = kill_strays(&spare).unwrap_or_default();
        ending.killed.extend(&strays);
        let none_left = strays.is_empty() && (!spare.is_empty() || look() == Found::NoChildren);
        if none_left || ending.since.elapsed() > SWEEP_TIME_MAX {
            let left = u32::try_from(strays.len()).unwrap_or(u32::MAX);
            for (id, Buried { exit, cpu_ns }) in std::mem::take(&mut ending.jobs) {
                let end = End { exit, strays: ending.strays, left, cpu_ns: cpu_ns + ending.cpu_ns };
                self.over.push(Report::Ended { id, end });
            }
            self.ending = None;
        }
    }

    /// The daemon is dead: so is everything it had started, before this process ends.
    fn kill_everything(&mut self) {
        for live in self.live.values() {
            kill_with_group(live.pid);
        }
        let since = Instant::now();
        while since.elapsed() < SWEEP_TIME_MAX {
            match look() {
                Found::NoChildren => return,
                Found::Over(pid) => {
                    bury(pid);
                }
                Found::NoneOver => {
                    // A look that fails is repeated until the time is up.
                    let _ = kill_strays(&[]);
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }
}
