//! A task of a kernel's asynchronous form.
//!
//! ```text
//! Instance::start ─▶ poll ─▶ None: it waits ─▶ poll ─▶ … ─▶ Some(result) | error ─▶ drop
//! ```
//!
//! It may be dropped in any state, which cancels it. It never leaves the thread that has started it.

use std::ffi::c_void;
use std::marker::PhantomData;

use gild_abi::raw;

use super::instance::{Instance, KernelError};
use super::library::Kernel;
use super::table::checked;
use super::task::TaskContext;
use super::value::Value;
use super::waits;

/// A task in progress. Its kernel's instance and its input outlive it.
#[derive(Debug)]
pub struct Operation<'i> {
    kernel: &'i Kernel,
    form: &'static raw::Async,
    op: *mut c_void,
    _borrowed: PhantomData<(&'i Instance<'i>, &'i Value)>,
}

impl Instance<'_> {
    /// Starts a task in the kernel's asynchronous form, which the kernel must have (see `KernelInfo::asynchronous`).
    ///
    /// # Errors
    /// The kernel's own.
    pub fn start<'i>(
        &'i self,
        context: &mut TaskContext<'_, '_>,
        input: &'i Value,
    ) -> Result<Operation<'i>, KernelError> {
        let none = || KernelError::new(raw::E_UNSUPPORTED, "the kernel has no asynchronous form");
        let form = self.kernel().asynchronous.ok_or_else(none)?;
        let start = form.start.expect("checked by library::asynchronous");
        let mut op = std::ptr::null_mut();
        // SAFETY: instance and input outlive the operation (its lifetime says so); the context is what the functions of
        // `table` expect behind the task, for this call; the operation may be written and is taken only on success.
        let status = unsafe { start(self.this(), context.as_raw(), input.raw(), &mut op) };
        context.close();
        checked(status)?;
        Ok(Operation { kernel: self.kernel(), form, op, _borrowed: PhantomData })
    }
}

impl Operation<'_> {
    /// Goes on as far as possible. `None`: it waits for what the context has collected, and has to be polled again. After
    /// anything else it is over.
    ///
    /// # Errors
    /// The kernel's own, a result of an undeclared type, or it waits without having said what for.
    pub fn poll(&mut self, context: &mut TaskContext<'_, '_>) -> Result<Option<Value>, KernelError> {
        let poll = self.form.poll.expect("checked by library::asynchronous");
        let mut output = raw::Value { r#type: std::ptr::null(), ptr: std::ptr::null_mut() };
        // SAFETY: the operation is alive and not over; context and table are for this call; the output may be written
        // and is taken only on success.
        let status = unsafe { poll(self.op, context.as_raw(), waits::table(), &mut output) };
        context.close();
        checked(status)?;
        match status {
            raw::PENDING if context.has_waits() => Ok(None),
            raw::PENDING => Err(KernelError::new(
                raw::E_INTERNAL,
                "it is pending and has registered no wait, so it would never be polled again",
            )),
            _ => Value::adopt(self.kernel, output).map(Some),
        }
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        let drop = self.form.drop.expect("checked by library::asynchronous");
        // SAFETY: `start` made it, it is dropped once, and instance and input are still alive.
        unsafe { drop(self.op) }
    }
}
