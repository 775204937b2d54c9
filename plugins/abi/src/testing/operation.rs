//! Takes a task through its asynchronous form: start, poll as often as it takes, drop.

use std::ffi::c_void;
use std::ptr;

use super::drive::{Instance, Owned, broken, check};
use super::host::{self, Task, see};
use super::{Failure, Step, waits};
use crate::raw;

/// An operation, as a host holds it.
struct Operation {
    form: raw::Async,
    op: *mut c_void,
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: made by `start`, dropped once, after all polls.
        unsafe { self.form.drop.expect("every operation can be dropped")(self.op) };
    }
}

/// The kernel's asynchronous form.
///
/// # Safety
/// The kernel's table is valid.
pub(super) unsafe fn form(kernel: &raw::Kernel) -> Result<raw::Async, Failure> {
    // SAFETY: a kernel's function, given a text; what it answers is static.
    let table = kernel.extension.map(|extension| unsafe { extension(raw::EXT_ASYNC.as_ptr()) });
    // SAFETY: null or, by the header, a table of this type.
    let form = table.and_then(|table| unsafe { table.cast::<raw::Async>().as_ref() });
    form.copied().ok_or_else(|| broken("the kernel has no asynchronous form".to_owned()))
}

/// Runs a task as an operation. It is given up after so many polls, if the host wishes that; then there is no result.
///
/// # Safety
/// The instance's table is valid, and the input is a value of the kernel's.
pub(super) unsafe fn run(instance: &Instance<'_>, input: &raw::Value) -> Result<Option<Owned>, Failure> {
    // SAFETY: the caller's promise.
    let form = unsafe { form(instance.kernel) }?;
    let wishes = host::wishes();
    let (mut op, mut task) = (ptr::null_mut(), Task::new());
    let start = form.start.expect("every operation can be started");
    // SAFETY: instance, task and input live; the operation is ours to receive.
    check(Step::Run, unsafe { start(instance.this, task.as_mut_ptr(), input, &mut op) })?;
    let mut operation = Operation { form, op };
    for polls in 0_u64.. {
        if wishes.give_up_after == Some(polls) {
            return Ok(None);
        }
        // SAFETY: the operation is not over.
        let outcome = unsafe { poll(&mut operation) };
        // Those of a poll that is not pending are void.
        let waits = see(|state| std::mem::take(&mut state.waits));
        if let Some(output) = outcome? {
            return Ok(Some(output));
        }
        if waits.is_empty() {
            return Err(broken("a poll is pending and has registered no wait".to_owned()));
        }
        let is_given_up = wishes.give_up_after == Some(polls + 1);
        let is_spurious = wishes.spurious_polls && polls % 2 == 0;
        if !is_given_up && !is_spurious {
            waits.wait();
        }
    }
    unreachable!("nobody polls so often");
}

/// # Safety
/// The operation is not over.
unsafe fn poll(operation: &mut Operation) -> Result<Option<Owned>, Failure> {
    let mut output = raw::Value { r#type: ptr::null(), ptr: ptr::null_mut() };
    // A task of its own for every call: a pointer that was kept would be found out.
    let mut task = Task::new();
    see(|state| state.record.polls += 1);
    let poll = operation.form.poll.expect("every operation can be polled");
    // SAFETY: the operation lives and is not over, and so do task, table and the place for the output.
    let status = unsafe { poll(operation.op, task.as_mut_ptr(), waits::table(), &mut output) };
    check(Step::Run, status)?;
    match status {
        raw::PENDING => Ok(None),
        _ if output.r#type.is_null() => Err(broken("a successful poll has no result".to_owned())),
        _ => Ok(Some(Owned(output))),
    }
}
