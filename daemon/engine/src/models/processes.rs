//! n processes: the coordinator encodes each task's input, sends it, and decodes what comes back.
//!
//! ```text
//! coordinator   encode ─ send ─▶ … idle …                       ─▶ receive ─ decode ─ next task
//! worker        idle ─ receive ─ decode ─ compute ─ encode ─ send
//! ```
//!
//! Each worker has one task at a time. A worker that dies closes its connection: its exit status says of what, and
//! its current task is known.

use gild_model::phase::Phase;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

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
    /// The task that it has.
    task: Option<usize>,
}

impl Peer {
    /// A worker that has been started and has no task yet.
    pub fn new(worker: usize, pid: Pid, channel: Channel) -> Peer {
        Peer { worker, pid, channel, task: None }
    }
}

/// Runs all tasks on `workers` processes.
///
/// # Errors
/// The first task that fails, a worker that died, or one that cannot be started.
pub fn run(trial: &Trial<'_>, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    trial.start_wall();
    let mut peers = Vec::new();
    let mut dispatch = Dispatch { trial, meter: coordinator, next: 0, results: Vec::new() };
    let result = dispatch.start(&mut peers).and_then(|()| dispatch.run(&mut peers));
    dispatch.meter.mark(Phase::Teardown);
    if result.is_err() {
        // What is left of them is of no use: the trial has failed.
        for peer in &peers {
            let _gone_already = kill(peer.pid, Signal::SIGKILL);
        }
    }
    let ended = end(peers);
    trial.stop_wall();
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
            for ready in ready(peers)? {
                let peer = &mut peers[ready];
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
        let Some(expected) = peer.task.take().filter(|expected| *expected as u64 == task) else {
            return Err(format!(
                "worker {} (pid {}) answered task {task}, which it does not have",
                peer.worker, peer.pid
            ));
        };
        self.meter.mark(Phase::Decode);
        let frame = peer.channel.last().map_err(|error| death(peer, &error.to_string()))?;
        match kind {
            Kind::Result => {
                let result = Value::decode(self.trial.kernel, frame.type_id, frame.payload);
                let result = result.map_err(|error| format!("the result of task {task} cannot be decoded: {error}"))?;
                self.results[expected] = Some(result);
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

/// Waits until workers have something to say, and gives their places.
fn ready(peers: &[Peer]) -> Result<Vec<usize>, String> {
    let busy: Vec<_> = (0..peers.len()).filter(|at| peers[*at].task.is_some()).collect();
    // One worker alone is waited for by the read itself, which saves a system call per task.
    if let [only] = busy[..] {
        return Ok(vec![only]);
    }
    let mut polled: Vec<_> =
        busy.iter().map(|at| PollFd::new(peers[*at].channel.reader(), PollFlags::POLLIN)).collect();
    loop {
        match poll(&mut polled, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(format!("cannot wait for the workers: {errno}")),
            Ok(_) => break,
        }
    }
    let has_news = |(_, fd): &(&usize, &PollFd<'_>)| fd.any().unwrap_or(true);
    Ok(busy.iter().zip(&polled).filter(has_news).map(|(at, _)| *at).collect())
}

/// Says what became of a worker whose connection broke.
fn death(peer: &Peer, symptom: &str) -> String {
    let who = format!("worker {} (pid {})", peer.worker, peer.pid);
    let during = peer.task.map(|task| format!(" while running task {task}")).unwrap_or_default();
    // A worker that only closed its connection is made to end, so that it can be waited for.
    let _gone_already = kill(peer.pid, Signal::SIGTERM);
    match waitpid(peer.pid, None) {
        Ok(WaitStatus::Signaled(_, Signal::SIGTERM, _)) => format!("{who} broke its connection{during}: {symptom}"),
        Ok(status) => format!("{who} {}{during}", told(status)),
        Err(_) => format!("{who} is gone{during}: {symptom}"),
    }
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
    let workers: Vec<_> = peers.into_iter().map(|peer| (peer.worker, peer.pid)).collect();
    let mut result = Ok(());
    for (worker, pid) in workers {
        match waitpid(pid, None) {
            // ECHILD: `death` has waited for it already.
            Ok(WaitStatus::Exited(_, 0)) | Err(_) => {}
            Ok(status) => {
                result = result.and(Err(format!("worker {worker} (pid {pid}) {} after its last task", told(status))));
            }
        }
    }
    result
}
