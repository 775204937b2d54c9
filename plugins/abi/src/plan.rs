//! The list of tasks that a kernel's `plan` fills.

use std::ffi::CStr;
use std::marker::PhantomData;

use crate::error::{Error, Result, check};
use crate::host::{EmitAs, Host};
use crate::raw::{self, Status};
use crate::value::{self, Value};

/// Takes the tasks of a kernel, in order.
#[derive(Debug)]
pub struct Plan<'a, T> {
    host: &'a Host,
    plan: *mut raw::Plan,
    emit_as: Option<EmitAs>,
    refused: Option<Status>,
    inputs: PhantomData<fn(T)>,
}

impl<'a, T: Value> Plan<'a, T> {
    /// Adds a task that costs as much as every other.
    ///
    /// # Errors
    /// The host wants no more tasks: return the error.
    pub fn emit(&mut self, input: T) -> Result<()> {
        self.emit_weighted(input, 1)
    }

    /// Adds a task with its expected cost, at least 1, in any unit: only the ratios between tasks matter.
    ///
    /// # Errors
    /// The host wants no more tasks: return the error.
    pub fn emit_weighted(&mut self, input: T, weight: u64) -> Result<()> {
        self.give(|host, plan| {
            // SAFETY: `plan` is the host's and this is the call it was given to (`new`'s contract); the value moves.
            unsafe { (host.emit)(plan, value::into_raw(input), weight.max(1)) }
        })
    }

    /// Adds a task of a class, with its expected cost: the host then tells how long the tasks of each class took. A class
    /// has a name of the form `[a-z][a-z0-9_-]*` of at most 31 bytes, and a plan at most 16 of them. A host that
    /// knows no classes takes the task without.
    ///
    /// # Errors
    /// The host wants no more tasks, or not of this class: return the error.
    pub fn emit_as(&mut self, class: &CStr, input: T, weight: u64) -> Result<()> {
        let Some(emit_as) = self.emit_as else { return self.emit_weighted(input, weight) };
        self.give(|_, plan| {
            // SAFETY: as in `emit_weighted`; the name is a string during the call.
            unsafe { emit_as(plan, value::into_raw(input), weight.max(1), class.as_ptr()) }
        })
    }

    /// Gives the host a task, unless it has refused one before.
    fn give(&mut self, emit: impl FnOnce(&Host, *mut raw::Plan) -> Status) -> Result<()> {
        if let Some(status) = self.refused {
            return Err(Error::from_status(status));
        }
        let status = emit(self.host, self.plan);
        self.refused = (status < 0).then_some(status);
        check(status)
    }

    /// # Safety
    /// `plan` is what the host gave to the running `plan` call.
    pub(crate) unsafe fn new(host: &'a Host, plan: *mut raw::Plan) -> Plan<'a, T> {
        Plan { host, plan, emit_as: host.emit_as(), refused: None, inputs: PhantomData }
    }

    /// The refusal of a task stands, even if the kernel went on as if nothing had happened.
    pub(crate) fn finish(self) -> Result<()> {
        self.refused.map_or(Ok(()), |status| Err(Error::from_status(status)))
    }
}
