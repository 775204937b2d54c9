//! What a running task of an event loop may ask the host for.

use std::fmt;
use std::future::poll_fn;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::context::{Level, Logger, OpenPhase};
use crate::error::{Result, check};
use crate::operation::{Call, Shared, Wait};
use crate::time::monotonic_ns;

/// Events of poll(2); the numbers are those of Linux.
const POLLIN: u32 = 0x001;
const POLLOUT: u32 = 0x004;

/// The running task of an event loop. A handle: copy it into whatever part of the task needs it. It works while the task
/// is polled, which is whenever its code runs but in a destructor and in a blocking region, and stays on its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<gild_abi::AsyncCx<'static>>();
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AsyncCx<'a> {
    shared: &'a Shared,
}

impl<'a> AsyncCx<'a> {
    pub(crate) fn new(shared: &'a Shared) -> AsyncCx<'a> {
        AsyncCx { shared }
    }

    /// Waits until a descriptor can be read. It may be over though nothing has come, so the descriptor must not block, and
    /// who finds nothing waits again.
    pub fn readable<'f>(self, fd: &'f impl AsFd) -> Readiness<'a, 'f> {
        self.ready(fd, POLLIN)
    }

    /// Waits until a descriptor can be written; otherwise like [`AsyncCx::readable`].
    pub fn writable<'f>(self, fd: &'f impl AsFd) -> Readiness<'a, 'f> {
        self.ready(fd, POLLOUT)
    }

    /// Waits until a descriptor can be read or written; otherwise like [`AsyncCx::readable`].
    pub fn readable_or_writable<'f>(self, fd: &'f impl AsFd) -> Readiness<'a, 'f> {
        self.ready(fd, POLLIN | POLLOUT)
    }

    fn ready<'f>(self, fd: &'f impl AsFd, events: u32) -> Readiness<'a, 'f> {
        Readiness { cx: self, fd: fd.as_fd(), events, deadline: None, has_waited: false }
    }

    /// Waits until a point in time, and never less.
    ///
    /// # Errors
    /// The task is to end: return the error.
    pub async fn sleep_until(self, deadline: Instant) -> Result<()> {
        poll_fn(|context| match Instant::now() >= deadline {
            true => Poll::Ready(Ok(())),
            false => pending(self.register(Wait::Timer(on_host_clock(deadline)), context)),
        })
        .await
    }

    /// Waits for a time, and never less.
    ///
    /// # Errors
    /// The task is to end: return the error.
    pub async fn sleep(self, time: Duration) -> Result<()> {
        self.sleep_until(Instant::now() + time).await
    }

    /// Lets every other task that is ready go on first.
    ///
    /// # Errors
    /// The task is to end: return the error.
    pub async fn yield_now(self) -> Result<()> {
        let mut has_yielded = false;
        poll_fn(|context| match std::mem::replace(&mut has_yielded, true) {
            true => Poll::Ready(Ok(())),
            false => pending(self.register(Wait::Timer(0), context)),
        })
        .await
    }

    /// Passes a safe point: where the host may cancel, as in [`crate::Cx::poll`]. It gives way to no other task.
    ///
    /// # Errors
    /// The task is to end: return the error.
    #[inline(always)]
    pub fn poll(self) -> Result<()> {
        let call = self.shared.call()?;
        if call.is_wanted() { self.checkpoint(call) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn checkpoint(self, call: Call) -> Result<()> {
        // SAFETY: the task is the one of the running call, on whose thread this is: `AsyncCx` is neither `Send` nor
        // `Sync`.
        check(unsafe { (self.shared.host.checkpoint)(call.task()) })
    }

    /// Blocks, and with it the whole loop: every other task stands still until `wait` returns. For what cannot be waited
    /// for in another way, such as looking up a host's name. The time is accounted as waiting.
    ///
    /// # Errors
    /// The task is to end; what `wait` returned is dropped. Return the error.
    pub fn blocking<R>(self, wait: impl FnOnce() -> R) -> Result<R> {
        let call = self.shared.suspend()?;
        // SAFETY: as in `checkpoint`; regions do not nest, because there is no call to be found inside.
        unsafe { (self.shared.host.release)(call.task()) };
        let region = BlockingRegion { shared: self.shared, call };
        let result = wait();
        region.end()?;
        Ok(result)
    }

    /// Accounts the time that `work` computes to the phase with this index in [`crate::Kernel::PHASES`]. While it waits,
    /// the task is in no phase. Phases nest.
    ///
    /// # Panics
    /// The kernel has no such phase.
    pub async fn phase<F: Future>(self, index: usize, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| {
            // Without a call there is nothing to account for; the work will say so where it asks the host.
            let _open = self.shared.call().ok().map(|call| self.enter(call, index));
            work.as_mut().poll(context)
        })
        .await
    }

    fn enter(self, call: Call, index: usize) -> OpenPhase<'a> {
        // SAFETY: the task is the one of the running call, as in `checkpoint`, and what comes back is dropped before the
        // call returns.
        unsafe { OpenPhase::enter(&self.shared.host, call.task(), index, self.shared.phase_count) }
    }

    /// Says something to the person who runs the kernel. One message, no line feed at its end.
    pub fn log(self, level: Level, message: impl fmt::Display) {
        self.logger().log(level, message);
    }

    /// Returns a handle for messages that may be used on any thread, and in blocking regions.
    pub fn logger(self) -> Logger<'a> {
        Logger::new(&self.shared.host)
    }

    fn register(self, wait: Wait, context: &Context<'_>) -> Result<()> {
        self.shared.register(wait, context.waker())
    }
}

/// A wait that could be registered is pending.
fn pending(registered: Result<()>) -> Poll<Result<()>> {
    match registered {
        Ok(()) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }
}

/// A point in time on the host's clock, never earlier: what passes between the two readings makes it later.
fn on_host_clock(deadline: Instant) -> u64 {
    let left = deadline.saturating_duration_since(Instant::now());
    let left_ns = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
    monotonic_ns().saturating_add(left_ns)
}

/// Waits until a descriptor is ready. Made by [`AsyncCx::readable`] and its like.
#[derive(Debug)]
#[must_use = "a wait does nothing unless it is awaited"]
pub struct Readiness<'a, 'f> {
    cx: AsyncCx<'a>,
    fd: BorrowedFd<'f>,
    events: u32,
    deadline: Option<Instant>,
    has_waited: bool,
}

impl Readiness<'_, '_> {
    /// Waits until then at the longest; who comes back looks at the clock.
    pub fn until(self, deadline: Instant) -> Self {
        Readiness { deadline: Some(deadline), ..self }
    }

    fn register(&self, context: &Context<'_>) -> Result<()> {
        if let Some(deadline) = self.deadline {
            self.cx.register(Wait::Timer(on_host_clock(deadline)), context)?;
        }
        self.cx.register(Wait::Fd(self.fd.as_raw_fd(), self.events), context)
    }
}

impl Future for Readiness<'_, '_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match std::mem::replace(&mut self.has_waited, true) {
            // The host does not say what has fired, and need not: the task tries.
            true => Poll::Ready(Ok(())),
            false => pending(self.register(context)),
        }
    }
}

/// Takes the lock back, so to speak, when it goes out of scope: as in [`crate::Cx::blocking`].
struct BlockingRegion<'s> {
    shared: &'s Shared,
    call: Call,
}

impl BlockingRegion<'_> {
    fn end(self) -> Result<()> {
        std::mem::ManuallyDrop::new(self).acquire()
    }

    fn acquire(&self) -> Result<()> {
        self.shared.resume(self.call);
        // SAFETY: as in `checkpoint`; called once per release, by the region that made it.
        check(unsafe { (self.shared.host.acquire)(self.call.task()) })
    }
}

impl Drop for BlockingRegion<'_> {
    fn drop(&mut self) {
        // Only reached while a panic unwinds, which is the error that will be reported.
        let _cancelled = self.acquire();
    }
}
