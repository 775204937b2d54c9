//! What a part that does not wait needs of the host: the same in a plain task and in one of an event loop.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use gild_abi::{AsyncCx, Cx, Level, Result};

/// The host of a running task.
pub(crate) trait Host {
    /// Passes a safe point.
    fn safe_point(&self) -> Result<()>;
    /// Does something in the phase with this index.
    fn within<R>(&mut self, phase: usize, work: impl FnOnce(&mut Self) -> R) -> R;
    /// Says something to the person who runs the kernel.
    fn say(&self, message: String);
}

impl Host for Cx<'_> {
    #[inline(always)]
    fn safe_point(&self) -> Result<()> {
        self.poll()
    }

    fn within<R>(&mut self, phase: usize, work: impl FnOnce(&mut Self) -> R) -> R {
        self.phase(phase, work)
    }

    fn say(&self, message: String) {
        self.log(Level::Info, message);
    }
}

impl Host for AsyncCx<'_> {
    #[inline(always)]
    fn safe_point(&self) -> Result<()> {
        self.poll()
    }

    fn within<R>(&mut self, phase: usize, work: impl FnOnce(&mut Self) -> R) -> R {
        let cx = *self;
        let future = pin!(cx.phase(phase, async { work(self) }));
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => unreachable!("there is nothing in it that waits"),
        }
    }

    fn say(&self, message: String) {
        self.log(Level::Info, message);
    }
}
