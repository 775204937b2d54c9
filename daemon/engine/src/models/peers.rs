//! The workers that the coordinator talks to: their connections, what they have to do, and what became of them.

use std::fmt;
use std::ops::Range;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::ledger::map::Map;
use crate::transport::channel::Channel;
use crate::transport::frame::Kind;

/// A worker, as the coordinator sees it.
#[derive(Debug)]
pub struct Peer {
    /// Its number.
    pub(super) worker: usize,
    /// The place of its process among [`Peers::processes`]; `None`: it is a thread of this process.
    pub(super) process: Option<usize>,
    /// The connection to it.
    pub(super) channel: Channel,
    /// The tasks that it has.
    pub(super) chunk: Range<usize>,
}

/// A process with workers.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    /// Its workers.
    workers: Range<usize>,
    /// Becomes readable when the process has ended; `None` on a kernel before 5.3.
    ended: Option<OwnedFd>,
    /// It has been waited for: its process id may be somebody else's by now.
    gone: bool,
}

/// All workers of a trial.
#[derive(Debug)]
pub struct Peers {
    map: &'static Map,
    /// The workers, in order of their numbers.
    pub(super) all: Vec<Peer>,
    processes: Vec<Process>,
}

/// What the coordinator wakes up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// A worker has sent something, or closed its connection.
    Sent,
    /// A worker's process has ended and sent nothing more.
    Ended,
}

impl Peers {
    /// Nobody yet.
    pub(super) fn new(map: &'static Map) -> Peers {
        Peers { map, all: Vec::new(), processes: Vec::new() }
    }

    /// A process was started, with workers at these connections; they follow those that are there.
    pub(super) fn add_process(&mut self, pid: Pid, channels: Vec<Channel>) {
        let first = self.all.len();
        let process = Process { pid, workers: first..first + channels.len(), ended: pidfd(pid), gone: false };
        let place = Some(self.processes.len());
        self.processes.push(process);
        channels.into_iter().for_each(|channel| self.add(place, channel));
    }

    /// A thread of this process was started, as a worker at this connection.
    pub(super) fn add_thread(&mut self, channel: Channel) {
        self.add(None, channel);
    }

    fn add(&mut self, process: Option<usize>, channel: Channel) {
        self.all.push(Peer { worker: self.all.len(), process, channel, chunk: 0..0 });
    }

    /// Closes all connections, of a copy that a forked child has no use for.
    pub(super) fn close(&mut self) {
        self.all.clear();
        self.processes.clear();
    }

    /// Whether any worker has a task.
    pub(super) fn are_busy(&self) -> bool {
        self.all.iter().any(|peer| !peer.chunk.is_empty())
    }

    /// A worker in words: with its process, or its thread.
    pub(super) fn name(&self, at: usize) -> String {
        let peer = &self.all[at];
        match peer.process {
            Some(process) => format!("worker {} (pid {})", peer.worker, self.processes[process].pid),
            None => format!("worker {}", peer.worker),
        }
    }

    /// Waits until workers that have a task have news, and gives their places.
    pub(super) fn wait_for_news(&mut self) -> Result<Vec<(usize, News)>, String> {
        let busy: Vec<_> = (0..self.all.len()).filter(|at| !self.all[*at].chunk.is_empty()).collect();
        loop {
            let sleepers = busy.iter().filter(|at| self.all[**at].channel.may_sleep().unwrap_or(false)).count();
            let readable = if sleepers == busy.len() { self.poll(&busy)? } else { Vec::new() };
            let mut news = Vec::new();
            for at in &busy {
                let has_rung = readable.contains(&(*at, News::Sent));
                // What is wrong with a connection is said by whoever reads from it.
                if self.all[*at].channel.has_news(has_rung).unwrap_or(true) {
                    news.push((*at, News::Sent));
                }
            }
            // What a worker sent before it ended counts: its connection says whether there is more.
            let has_sent: Vec<_> = news.iter().map(|(at, _)| *at).collect();
            news.extend(readable.into_iter().filter(|(at, news)| *news == News::Ended && !has_sent.contains(at)));
            if !news.is_empty() {
                return Ok(news);
            }
        }
    }

    /// Waits until a connection of one of these workers is readable, or their process has ended.
    fn poll(&self, busy: &[usize]) -> Result<Vec<(usize, News)>, String> {
        let of = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let sent = busy.iter().map(|at| (*at, News::Sent, of(self.all[*at].channel.reader())));
        let ended = busy.iter().filter_map(|at| {
            let process = &self.processes[self.all[*at].process?];
            Some((*at, News::Ended, of(process.ended.as_ref()?.as_fd())))
        });
        let (places, mut polled): (Vec<_>, Vec<_>) = sent.chain(ended).map(|(at, news, fd)| ((at, news), fd)).unzip();
        loop {
            match poll(&mut polled, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(format!("cannot wait for the workers: {errno}")),
                Ok(_) => break,
            }
        }
        Ok(places.into_iter().zip(&polled).filter(|(_, fd)| fd.any().unwrap_or(true)).map(|it| it.0).collect())
    }

    /// Says what became of a worker whose connection broke.
    pub(super) fn death(&mut self, at: usize, symptom: &str) -> String {
        let during = self.during(at);
        let broken = |who: String| format!("{who} broke its connection{during}: {symptom}");
        let Some(place) = self.all[at].process else { return broken(self.name(at)) };
        let process = &mut self.processes[place];
        process.gone = true;
        match ended_by_itself(process.pid) {
            Some(status) => self.process_death(place, at, status),
            None => {
                // It only closed its connection: it is made to end, so that it can be waited for.
                let _gone_already = kill(process.pid, Signal::SIGKILL);
                let _buried = waitpid(process.pid, None);
                broken(self.name(at))
            }
        }
    }

    /// A process takes all of its workers with it: the one that was hit is named, if it left a note, and all tasks.
    fn process_death(&self, place: usize, at: usize, status: WaitStatus) -> String {
        let process = &self.processes[place];
        let noted = |worker: &usize| self.map.worker(*worker as u32).fault_signal.load(Relaxed) != 0;
        let hit = process.workers.clone().find(noted).or((process.workers.len() == 1).then_some(at));
        let told = told(status);
        match hit {
            Some(worker) => format!("{} {told}{}", self.name(worker), self.during(worker)),
            None => {
                let running = |worker| Some(format!("worker {worker} was running task {}", self.task_of(worker)?));
                let running: Vec<_> = process.workers.clone().filter_map(running).collect();
                let running = if running.is_empty() { String::new() } else { format!(" while {}", running.join(", ")) };
                format!("{process} {told}{running}")
            }
        }
    }

    fn during(&self, worker: usize) -> String {
        self.task_of(worker).map(|task| format!(" while running task {task}")).unwrap_or_default()
    }

    /// The task that a worker is at: of those that it has, the one in the ledger, or the first.
    fn task_of(&self, worker: usize) -> Option<usize> {
        let mut chunk = self.all[worker].chunk.clone();
        let current = self.map.worker(worker as u32).task.load(Relaxed).checked_sub(1);
        let current = current.and_then(|task| usize::try_from(task).ok()).filter(|task| chunk.contains(task));
        current.or(chunk.next())
    }

    /// Tells the workers of this process that there are no more tasks. Closing their connections might not: whatever the
    /// kernel has started has all of this process's descriptors.
    pub(super) fn dismiss(&mut self) {
        for peer in self.all.iter_mut().filter(|peer| peer.process.is_none()) {
            peer.channel.start().add_bytes(Kind::End, 0, 0, b"");
            let _gone_already = peer.channel.send();
        }
    }

    /// Kills every process that is left.
    pub(super) fn kill(&self) {
        for process in self.processes.iter().filter(|process| !process.gone) {
            let _gone_already = kill(process.pid, Signal::SIGKILL);
        }
    }

    /// Closes all connections and waits for every process.
    ///
    /// # Errors
    /// The first that did not end well.
    pub(super) fn end(self) -> Result<(), String> {
        drop(self.all);
        let mut result = Ok(());
        for process in self.processes.into_iter().filter(|process| !process.gone) {
            let ended = match waitpid(process.pid, None) {
                Ok(WaitStatus::Exited(_, 0)) => Ok(()),
                Err(errno) => Err(format!("{process} cannot be waited for: {errno}")),
                Ok(status) => Err(format!("{process} {} after its last task", told(status))),
            };
            result = result.and(ended);
        }
        result
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.workers.len() {
            1 => write!(f, "worker {} (pid {})", self.workers.start, self.pid),
            _ => write!(
                f,
                "the process of workers {} to {} (pid {})",
                self.workers.start,
                self.workers.end - 1,
                self.pid
            ),
        }
    }
}

/// A descriptor that becomes readable when a child has ended (pidfd_open(2)). A worker's connection alone does not tell:
/// whatever the kernel has started there may keep it open.
fn pidfd(pid: Pid) -> Option<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and makes a descriptor, close-on-exec, that nothing else owns.
    let number = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) }).ok()?;
    let number = RawFd::try_from(number).ok()?;
    // SAFETY: see above.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// How a process ended, if it does so within a second: its connections close a little before it can be waited for.
fn ended_by_itself(pid: Pid) -> Option<WaitStatus> {
    for _ in 0..100 {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(10)),
            Ok(status) => return Some(status),
            Err(_) => return None,
        }
    }
    None
}

fn told(status: WaitStatus) -> String {
    match status {
        WaitStatus::Signaled(_, signal, _) => format!("was killed by {signal}"),
        WaitStatus::Exited(_, code) => format!("exited with status {code}"),
        other => format!("ended as {other:?}"),
    }
}
