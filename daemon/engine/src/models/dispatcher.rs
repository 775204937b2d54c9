//! The coordinator at work: it encodes inputs, sends them, and decodes what comes back.
//!
//! ```text
//! coordinator   encode ─ send ─▶ … idle …                       ─▶ receive ─ decode ─ next message
//! worker        idle ─ receive ─ decode ─ compute ─ encode ─ send
//! ```
//!
//! A worker has one message at a time, of as many tasks as the case's `chunk` says, and answers it with one message. A
//! worker that dies closes its connection: its exit status says of what, and its current task is known.

use std::ops::Range;

use gild_model::phase::Phase;

use super::peers::{News, Peer, Peers};
use super::queue::Queues;
use super::serve::NO_TASK;
use super::{Trial, task_error};
use crate::measure::meter::Meter;
use crate::plugin::instance::KernelError;
use crate::plugin::value::Value;
use crate::transport::frame::{Frame, Kind};

/// The coordinator at work.
pub(super) struct Dispatcher<'t, 'm> {
    trial: &'t Trial<'t>,
    pub(super) meter: &'m mut Meter<'static>,
    queues: Queues,
    results: Vec<Option<Value>>,
}

/// What came of a message.
enum Answer {
    /// All results are there.
    Taken,
    /// The connection broke, and how it showed.
    Broken(String),
}

impl<'t, 'm> Dispatcher<'t, 'm> {
    /// Before any worker is started.
    pub(super) fn new(trial: &'t Trial<'t>, meter: &'m mut Meter<'static>) -> Dispatcher<'t, 'm> {
        let mut results = Vec::new();
        results.resize_with(trial.tasks.len(), || None);
        Dispatcher { trial, meter, queues: trial.queues(), results }
    }

    /// Gives all tasks to the workers and takes all results.
    ///
    /// # Errors
    /// The first task that fails, or a worker that died.
    pub(super) fn run(&mut self, peers: &mut Peers) -> Result<(), String> {
        (0..peers.all.len()).try_for_each(|at| self.give(peers, at))?;
        while peers.are_busy() {
            self.meter.mark(Phase::Idle);
            for (at, news) in peers.wait_for_news()? {
                if news == News::Ended {
                    return Err(peers.death(at, "it ended"));
                }
                self.meter.mark(Phase::Idle);
                match self.take(peers, at)? {
                    Answer::Taken => self.give(peers, at)?,
                    Answer::Broken(symptom) => return Err(peers.death(at, &symptom)),
                }
            }
        }
        Ok(())
    }

    /// Sends the next tasks to a worker that has none, if there are any left.
    fn give(&mut self, peers: &mut Peers, at: usize) -> Result<(), String> {
        let peer = &mut peers.all[at];
        peer.chunk = self.queues.next(peer.worker);
        if peer.chunk.is_empty() {
            return Ok(());
        }
        self.meter.mark(Phase::Encode);
        self.encode(peer)?;
        self.meter.mark(Phase::Send);
        match peer.channel.send() {
            Ok(()) => Ok(()),
            Err(error) => Err(peers.death(at, &error.to_string())),
        }
    }

    fn encode(&self, peer: &mut Peer) -> Result<(), String> {
        let message = peer.channel.start();
        for task in peer.chunk.clone() {
            let encoded = message.add_value(Kind::Task, task as u64, &self.trial.tasks[task].input);
            encoded.map_err(|error| format!("the input of task {task} cannot be encoded: {error}"))?;
        }
        Ok(())
    }

    /// Takes the results of a worker that has answered.
    fn take(&mut self, peers: &mut Peers, at: usize) -> Result<Answer, String> {
        match peers.all[at].channel.receive(self.meter) {
            Ok(true) => {}
            Ok(false) => return Ok(Answer::Broken("it closed its connection".to_owned())),
            Err(error) => return Ok(Answer::Broken(error.to_string())),
        }
        self.meter.mark(Phase::Decode);
        let name = peers.name(at);
        let peer = &mut peers.all[at];
        for frame in peer.channel.received().map_err(|error| format!("{name}: {error}"))? {
            let frame = frame.map_err(|error| format!("{name}: {error}"))?;
            self.take_one(&name, &mut peer.chunk, &frame)?;
        }
        match peer.chunk.next() {
            None => Ok(Answer::Taken),
            Some(task) => Err(format!("{name} did not answer task {task}")),
        }
    }

    fn take_one(&mut self, name: &str, chunk: &mut Range<usize>, frame: &Frame<'_>) -> Result<(), String> {
        if frame.kind == Kind::Error && frame.task == NO_TASK {
            return Err(format!("{name} cannot work: {}", String::from_utf8_lossy(frame.payload)));
        }
        let Some(task) = chunk.next().filter(|expected| *expected as u64 == frame.task) else {
            return Err(format!("{name} answered task {}, which it does not have", frame.task));
        };
        match frame.kind {
            Kind::Result => {
                let result = Value::decode(self.trial.kernel, frame.type_id, frame.payload);
                let result = result.map_err(|error| format!("the result of task {task} cannot be decoded: {error}"))?;
                self.results[task] = Some(result);
                self.trial.plan.log.collected(frame.task, self.meter.clock().now());
                self.meter.add_weight(self.trial.tasks[task].weight);
                Ok(())
            }
            Kind::Error => {
                let message = String::from_utf8_lossy(frame.payload);
                Err(task_error(task, &KernelError::new(frame.status, &message)))
            }
            other => Err(format!("{name} sent a frame of kind {other:?}")),
        }
    }

    /// All results, in task order.
    ///
    /// # Errors
    /// A task that has none.
    pub(super) fn results(self) -> Result<Vec<Value>, String> {
        let taken = |(task, result): (usize, Option<Value>)| result.ok_or_else(|| format!("task {task} has no result"));
        self.results.into_iter().enumerate().map(taken).collect()
    }
}
