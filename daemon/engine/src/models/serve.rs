//! A worker at the end of a connection: tasks in, results out, until the coordinator closes it or says that it is over.
//!
//! As in CPython, whatever touches values is done with the lock of the worker's interpreter: decoding, computing, encoding.
//! Bytes are moved without it, and a worker that waits for a task does not hold it.

use std::io::{self, ErrorKind};

use gild_model::phase::Phase;

use super::{between_tasks, run_task};
use crate::ledger::layout::{SlotId, attention};
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::instance::{Instance, KernelError};
use crate::plugin::value::Value;
use crate::transport::channel::Channel;
use crate::transport::frame::{Frame, Kind, Message};

/// The task of an error that a worker has before it can take any.
pub const NO_TASK: u64 = u64::MAX;
/// The exit status of a worker that could not do its work for a reason that it could not tell its coordinator.
pub const EXIT_FAILED: i32 = 70;

/// What a worker works with.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'d> {
    /// Its number.
    pub worker: usize,
    /// Its kernel.
    pub instance: &'d Instance<'d>,
    /// The lock of its interpreter.
    pub lock: &'d Lock,
    /// Its number among those who share the lock.
    pub place: usize,
}

impl Desk<'_> {
    /// Works until the coordinator closes the connection; afterwards the worker is in `teardown`. Gives the exit status.
    pub fn serve(&self, mut channel: Channel, meter: &mut Meter<'_>) -> i32 {
        let ended = loop {
            meter.mark(Phase::Idle);
            match self.serve_message(&mut channel, meter) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        meter.mark(Phase::Teardown);
        match ended {
            // The coordinator has given the trial up, and knows why.
            Err(_) if is_cancelled(meter) => 0,
            Ok(()) => 0,
            Err(error) => {
                eprintln!("worker {}: {error}", self.worker);
                EXIT_FAILED
            }
        }
    }

    /// One message of tasks. `false`: there are no more.
    fn serve_message(&self, channel: &mut Channel, meter: &mut Meter<'_>) -> io::Result<bool> {
        if !channel.receive(meter)? {
            return Ok(false);
        }
        let (mut tasks, answer) = channel.answer()?;
        let first = tasks.next().transpose()?;
        if first.as_ref().is_some_and(|frame| frame.kind == Kind::End) {
            return Ok(false);
        }
        let mut task = next_task(first.map(Ok))?.ok_or_else(|| malformed("a message without a task"))?;
        // It is taken when it is there as a whole: waiting for the lock is a part of its service.
        meter.take_task_now(task.task);
        self.lock.acquire(self.place, meter, SlotId::phase(Phase::Decode));
        let done = loop {
            let done = self.serve_task(&task, answer, meter);
            // After an error the rest is not worth doing: the trial fails.
            let Some(next) = (if done { next_task(tasks.next())? } else { None }) else { break done };
            meter.mark(Phase::Decode);
            meter.result_done();
            meter.finish_task(done);
            between_tasks(self.lock, self.place, meter, Phase::Decode);
            meter.take_task(next.task);
            task = next;
        };
        meter.mark(Phase::Send);
        if done {
            meter.result_done();
        }
        self.lock.release(self.place);
        channel.send()?;
        meter.finish_task(done);
        Ok(true)
    }

    /// Decodes, computes and encodes; afterwards the worker is in `encode`. Whether there is a result.
    fn serve_task(&self, task: &Frame<'_>, answer: &mut Message, meter: &mut Meter<'_>) -> bool {
        let encoded = self.input(task).and_then(|input| {
            let of_task = (task.task as usize, &input);
            let result = run_task(self.instance, meter, self.lock, self.place, of_task, Phase::Encode)?;
            answer.add_value(Kind::Result, task.task, &result)
        });
        let done = encoded.is_ok();
        if let Err(error) = encoded {
            answer.add_bytes(Kind::Error, task.task, error.code, error.message.as_bytes());
        }
        done
    }

    fn input(&self, task: &Frame<'_>) -> Result<Value, KernelError> {
        Value::decode(self.instance.kernel(), task.type_id, task.payload).map_err(|mut error| {
            error.message = format!("the input cannot be decoded: {}", error.message);
            error
        })
    }
}

fn next_task(frame: Option<io::Result<Frame<'_>>>) -> io::Result<Option<Frame<'_>>> {
    match frame.transpose()? {
        Some(frame) if frame.kind != Kind::Task => {
            Err(malformed(&format!("a frame of kind {:?}, not a task", frame.kind)))
        }
        frame => Ok(frame),
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}

fn is_cancelled(meter: &Meter<'_>) -> bool {
    meter.section().attention.0.load(std::sync::atomic::Ordering::Relaxed) & attention::CANCEL != 0
}

/// Tells the coordinator why a worker cannot take any task.
pub fn refuse(channel: &mut Channel, why: &str) {
    channel.start().add_bytes(Kind::Error, NO_TASK, gild_abi::raw::E_INTERNAL, why.as_bytes());
    // A coordinator that is gone need not know.
    let _told = channel.send();
}
