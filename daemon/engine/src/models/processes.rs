//! n processes: the coordinator encodes each task's input, sends it, and decodes what comes back.
//!
//! ```text
//! coordinator   encode ─ send ─▶ … idle …                       ─▶ receive ─ decode ─ next task
//! worker        idle ─ receive ─ decode ─ compute ─ encode ─ send
//! ```
//!
//! Each worker has one task at a time. A worker that dies closes its connection: its exit status says of what, and
//! its current task is known.

use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use gild_model::phase::Phase;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::process::NO_TASK;
use super::{Trial, process, task_error};
use crate::measure::meter::Meter;
use crate::plugin::instance::KernelError;
use crate::plugin::value::Value;
use crate::transport::{Channel, Kind};

/// A worker process, as the coordinator sees it.
#[derive(Debug)]
pub struct Peer {
    /// Its number.
    pub worker: usize,
    /// Its process.
    pub pid: Pid,
    /// The connection to it.
    pub channel: Channel,
    /// Becomes readable when the process has ended; `None` on a kernel before 5.3.
    ended: Option<OwnedFd>,
    /// The task that it has.
    task: Option<usize>,
    /// It has been waited for: its process id may be somebody else's by now.
    gone: bool,
}

impl Peer {
    /// A worker that has been started and has no task yet.
    pub fn new(worker: usize, pid: Pid, channel: Channel) -> Peer {
        Peer { worker, pid, channel, ended: pidfd(pid), task: None, gone: false }
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

/// Runs all tasks on `workers` processes.
///
/// # Errors
/// The first task that fails, a worker that died, or one that cannot be started.
pub fn run(trial: &Trial<'_>, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    coordinator.mark(Phase::Launch);
    trial.start_wall();
    let mut peers = Vec::new();
    let mut dispatch = Dispatch { trial, meter: coordinator, next: 0, results: Vec::new() };
    let result = dispatch.start(&mut peers).and_then(|()| dispatch.run(&mut peers));
    dispatch.meter.mark(Phase::Idle);
    if result.is_err() {
        // What is left of them is of no use: the trial has failed.
        for peer in peers.iter().filter(|peer| !peer.gone) {
            let _gone_already = kill(peer.pid, Signal::SIGKILL);
        }
    }
    let ended = end(peers);
    trial.stop_wall();
    dispatch.meter.mark(Phase::Teardown);
    result?;
    ended?;
    let taken = |(task, result): (usize, Option<Value>)| result.ok_or_else(|| format!("task {task} has no result"));
    dispatch.results.into_iter().enumerate().map(taken).collect()
}

/// The coordinator at work.
struct Dispatch<'t, 'm> {
    trial: &'t Trial<'t>,
    meter: &'m mut Meter<'static>,
    next: usize,
    results: Vec<Option<Value>>,
}

impl Dispatch<'_, '_> {
    fn start(&mut self, peers: &mut Vec<Peer>) -> Result<(), String> {
        self.results.resize_with(self.trial.tasks.len(), || None);
        for worker in 0..self.trial.cores.len() {
            let peer = process::start(self.trial, worker, peers)?;
            peers.push(peer);
        }
        peers.iter_mut().try_for_each(|peer| self.give(peer))
    }

    fn run(&mut self, peers: &mut [Peer]) -> Result<(), String> {
        while peers.iter().any(|peer| peer.task.is_some()) {
            self.meter.mark(Phase::Idle);
            for (at, news) in wait_for_news(peers)? {
                let peer = &mut peers[at];
                if news == News::Ended {
                    return Err(death(peer, "it ended"));
                }
                self.meter.mark(Phase::Idle);
                self.take(peer)?;
                self.give(peer)?;
            }
        }
        Ok(())
    }

    /// Sends the next task to a worker that has none, if there is one left.
    fn give(&mut self, peer: &mut Peer) -> Result<(), String> {
        let Some(planned) = self.trial.tasks.get(self.next) else {
            return Ok(());
        };
        let task = self.next;
        self.next += 1;
        self.meter.mark(Phase::Encode);
        let encoded = peer.channel.load_value(Kind::Task, task as u64, &planned.input);
        encoded.map_err(|error| format!("the input of task {task} cannot be encoded: {error}"))?;
        self.meter.mark(Phase::Send);
        peer.task = Some(task);
        peer.channel.send().map_err(|error| death(peer, &error.to_string()))
    }

    /// Takes the result of a worker that has one.
    fn take(&mut self, peer: &mut Peer) -> Result<(), String> {
        let received = match peer.channel.receive(self.meter) {
            Ok(Some(frame)) => Ok((frame.kind, frame.task, frame.status)),
            Ok(None) => Err("it closed its connection".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let (kind, task, status) = received.map_err(|error| death(peer, &error))?;
        if kind == Kind::Error && task == NO_TASK {
            let why = peer.channel.last().map(|frame| String::from_utf8_lossy(frame.payload).into_owned());
            return Err(format!("worker {} (pid {}) cannot work: {}", peer.worker, peer.pid, why.unwrap_or_default()));
        }
        let Some(expected) = peer.task.take().filter(|expected| *expected as u64 == task) else {
            return Err(format!(
                "worker {} (pid {}) answered task {task}, which it does not have",
                peer.worker, peer.pid
            ));
        };
        self.meter.mark(Phase::Decode);
        let frame = peer.channel.last().map_err(|error| error.to_string())?;
        match kind {
            Kind::Result => {
                let result = Value::decode(self.trial.kernel, frame.type_id, frame.payload);
                let result = result.map_err(|error| format!("the result of task {task} cannot be decoded: {error}"))?;
                self.results[expected] = Some(result);
                self.trial.plan.log.collected(task, self.meter.clock().now());
                self.meter.add_weight(self.trial.tasks[expected].weight);
                Ok(())
            }
            Kind::Error => {
                let message = String::from_utf8_lossy(frame.payload);
                Err(task_error(expected, &KernelError::new(status, &message)))
            }
            other => Err(format!("worker {} (pid {}) sent a frame of kind {other:?}", peer.worker, peer.pid)),
        }
    }
}

/// What the coordinator wakes up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// A worker has sent something, or closed its connection.
    Sent,
    /// A worker's process has ended and sent nothing more.
    Ended,
}

/// Waits until workers that have a task have news, and gives their places.
fn wait_for_news(peers: &[Peer]) -> Result<Vec<(usize, News)>, String> {
    let busy: Vec<_> = (0..peers.len()).filter(|at| peers[*at].task.is_some()).collect();
    let of = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let sent = busy.iter().map(|at| (*at, News::Sent, of(peers[*at].channel.reader())));
    let ended = busy.iter().filter_map(|at| Some((*at, News::Ended, of(peers[*at].ended.as_ref()?.as_fd()))));
    let (places, mut polled): (Vec<_>, Vec<_>) = sent.chain(ended).map(|(at, news, fd)| ((at, news), fd)).unzip();
    loop {
        match poll(&mut polled, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(format!("cannot wait for the workers: {errno}")),
            Ok(_) => break,
        }
    }
    let mut news: Vec<_> =
        places.into_iter().zip(&polled).filter(|(_, fd)| fd.any().unwrap_or(true)).map(|it| it.0).collect();
    // What a worker sent before it ended counts: its connection says whether there is more.
    let has_sent: Vec<_> = news.iter().filter(|(_, news)| *news == News::Sent).map(|(at, _)| *at).collect();
    news.retain(|(at, news)| *news == News::Sent || !has_sent.contains(at));
    Ok(news)
}

/// Says what became of a worker whose connection broke.
fn death(peer: &mut Peer, symptom: &str) -> String {
    peer.gone = true;
    let who = format!("worker {} (pid {})", peer.worker, peer.pid);
    let during = peer.task.map(|task| format!(" while running task {task}")).unwrap_or_default();
    match ended_by_itself(peer.pid) {
        Some(status) => format!("{who} {}{during}", told(status)),
        None => {
            // It only closed its connection: it is made to end, so that it can be waited for.
            let _gone_already = kill(peer.pid, Signal::SIGKILL);
            let _buried = waitpid(peer.pid, None);
            format!("{who} broke its connection{during}: {symptom}")
        }
    }
}

/// How a worker ended, if it does so within a second: its connection closes a little before it can be waited for.
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

/// Closes all connections and waits for every worker.
fn end(peers: Vec<Peer>) -> Result<(), String> {
    let workers: Vec<_> = peers.into_iter().filter(|peer| !peer.gone).map(|peer| (peer.worker, peer.pid)).collect();
    let mut result = Ok(());
    for (worker, pid) in workers {
        match waitpid(pid, None) {
            Ok(WaitStatus::Exited(_, 0)) => {}
            Err(errno) => {
                result = result.and(Err(format!("worker {worker} (pid {pid}) cannot be waited for: {errno}")))
            }
            Ok(status) => {
                result = result.and(Err(format!("worker {worker} (pid {pid}) {} after its last task", told(status))));
            }
        }
    }
    result
}
