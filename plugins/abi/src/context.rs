//! What a running task may ask of the host: safe points, blocking regions, phases, messages.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result, check};
use crate::host::Host;
use crate::raw;

/// Importance of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// For the kernel's author.
    Debug = raw::LOG_DEBUG,
    /// Worth knowing.
    Info = raw::LOG_INFO,
    /// Something is not as it should be, and the result is still right.
    Warn = raw::LOG_WARN,
    /// Something is wrong.
    Error = raw::LOG_ERROR,
}

/// The running task. Stays on its thread, because the lock belongs to the worker:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<gild_abi::Cx<'static>>();
/// ```
#[derive(Debug)]
pub struct Cx<'a> {
    host: &'a Host,
    task: *mut raw::Task,
    attention: &'a AtomicU32,
    phase_count: usize,
}

impl<'a> Cx<'a> {
    /// Passes a safe point: one load and a branch, unless the host wants to hand the lock over or to cancel.
    /// Long tasks come by here at least every millisecond or so.
    ///
    /// # Errors
    /// The task is to end: return the error.
    #[inline(always)]
    pub fn poll(&self) -> Result<()> {
        if self.attention.load(Ordering::Relaxed) == 0 { Ok(()) } else { self.checkpoint() }
    }

    #[cold]
    #[inline(never)]
    fn checkpoint(&self) -> Result<()> {
        // SAFETY: `task` is the running task and this is its thread: `Cx` is neither `Send` nor `Sync`, and no
        // other call than this one holds it, because `blocking` and `phase` borrow it exclusively.
        check(unsafe { (self.host.checkpoint)(self.task) })
    }

    /// Gives the lock away while `wait` blocks: reads, sleeps, waits. Other workers run in the meantime, and the time
    /// is accounted as waiting for the outside. The lock is taken back on every way out, a panic included.
    ///
    /// # Errors
    /// The task is to end; what `wait` returned is dropped. Return the error.
    pub fn blocking<R>(&mut self, wait: impl FnOnce() -> R) -> Result<R> {
        // SAFETY: as in `checkpoint`; regions do not nest, because `wait` cannot reach this `Cx`.
        unsafe { (self.host.release)(self.task) };
        let region = BlockingRegion(self);
        let result = wait();
        region.end()?;
        Ok(result)
    }

    fn acquire(&self) -> Result<()> {
        // SAFETY: as in `checkpoint`; called once per release, by the region that made it.
        check(unsafe { (self.host.acquire)(self.task) })
    }

    /// Accounts the time of `work` to the phase with this index in [`crate::Kernel::PHASES`]. Phases nest.
    ///
    /// # Panics
    /// The kernel has no such phase.
    pub fn phase<R>(&mut self, index: usize, work: impl FnOnce(&mut Cx<'a>) -> R) -> R {
        // SAFETY: as in `checkpoint`; dropped before this call returns.
        let _open = unsafe { OpenPhase::enter(self.host, self.task, index, self.phase_count) };
        work(self)
    }

    /// Says something to the person who runs the kernel. One message, no line feed at its end.
    pub fn log(&self, level: Level, message: impl fmt::Display) {
        self.logger().log(level, message);
    }

    /// Returns a handle for messages that may be used on any thread, and in blocking regions.
    pub fn logger(&self) -> Logger<'a> {
        Logger::new(self.host)
    }

    /// # Safety
    /// `task` is null or what the host gave to the running call on this thread.
    pub(crate) unsafe fn new(host: &'a Host, task: *mut raw::Task, phase_count: usize) -> Result<Cx<'a>> {
        if task.is_null() {
            return Err(Error::host("the host gave no task"));
        }
        // SAFETY: not null, and valid during the call (the caller's promise).
        let attention = unsafe { (*task).attention };
        if attention.is_null() {
            return Err(Error::host("the host gave a task without an attention word"));
        }
        // SAFETY: the word is valid as long as the task, and both sides access it atomically; it is only read here.
        let attention = unsafe { AtomicU32::from_ptr(attention.cast_mut()) };
        Ok(Cx { host, task, attention, phase_count })
    }
}

/// Takes the lock back when it goes out of scope.
struct BlockingRegion<'c, 'a>(&'c Cx<'a>);

impl BlockingRegion<'_, '_> {
    fn end(self) -> Result<()> {
        ManuallyDrop::new(self).0.acquire()
    }
}

impl Drop for BlockingRegion<'_, '_> {
    fn drop(&mut self) {
        // Only reached while a panic unwinds: the lock is held again even if the answer is an error, and the panic
        // is the error that will be reported.
        let _cancelled = self.0.acquire();
    }
}

/// Closes a phase when it goes out of scope. Keeps the task itself, because the kernel has the context meanwhile.
pub(crate) struct OpenPhase<'a> {
    host: &'a Host,
    task: *mut raw::Task,
    phase: u32,
}

impl<'a> OpenPhase<'a> {
    /// Enters one of the kernel's `count` phases.
    ///
    /// # Safety
    /// `task` is the running task and this is its thread; the answer is dropped before the call that it was given to
    /// ends, and phases are left in reverse order.
    pub(crate) unsafe fn enter(host: &'a Host, task: *mut raw::Task, index: usize, count: usize) -> OpenPhase<'a> {
        assert!(index < count, "phase {index} of {count} does not exist");
        let phase = u32::try_from(index).expect("phases are few");
        // SAFETY: the caller's promise; the index is one of the kernel's.
        unsafe { (host.phase_enter)(task, phase) };
        OpenPhase { host, task, phase }
    }
}

impl Drop for OpenPhase<'_> {
    fn drop(&mut self) {
        // SAFETY: `enter`'s caller has promised that the task is still running, and the order.
        unsafe { (self.host.phase_exit)(self.task, self.phase) };
    }
}

/// Says something to the person who runs the kernel, from any thread, while the task runs.
#[derive(Debug, Clone, Copy)]
pub struct Logger<'a> {
    host: &'a Host,
}

impl<'a> Logger<'a> {
    pub(crate) fn new(host: &'a Host) -> Logger<'a> {
        Logger { host }
    }

    /// Says one message, without a line feed at its end.
    pub fn log(&self, level: Level, message: impl fmt::Display) {
        let message = message.to_string();
        // SAFETY: `log` may be called by any thread; the text is readable during the call.
        unsafe { (self.host.log)(level as u32, message.as_ptr().cast(), message.len()) };
    }
}
