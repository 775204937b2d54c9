//! The list of tasks that a kernel's `plan` fills.

use std::marker::PhantomData;

use crate::error::{Error, Result, check};
use crate::host::Host;
use crate::raw::{self, Status};
use crate::value::{self, Value};

/// Takes the tasks of a kernel, in order.
#[derive(Debug)]
pub struct Plan<'a, T> {
    host: &'a Host,
    plan: *mut raw::Plan,
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
        if let Some(status) = self.refused {
            return Err(Error::from_status(status));
        }
        // SAFETY: `plan` is the host's and this is the call it was given to (`new`'s contract); the value moves.
        let status = unsafe { (self.host.emit)(self.plan, value::into_raw(input), weight.max(1)) };
        self.refused = (status < 0).then_some(status);
        check(status)
    }

    /// # Safety
    /// `plan` is what the host gave to the running `plan` call.
    pub(crate) unsafe fn new(host: &'a Host, plan: *mut raw::Plan) -> Plan<'a, T> {
        Plan { host, plan, refused: None, inputs: PhantomData }
    }

    /// The refusal of a task stands, even if the kernel went on as if nothing had happened.
    pub(crate) fn finish(self) -> Result<()> {
        self.refused.map_or(Ok(()), |status| Err(Error::from_status(status)))
    }
}
