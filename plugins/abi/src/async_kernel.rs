//! What an author implements whose kernel can run many tasks on one thread.

use std::fmt;
use std::marker::PhantomData;

use crate::async_context::AsyncCx;
use crate::error::Result;
use crate::kernel::Kernel;
use crate::operation::Operations;
use crate::raw;

/// A kernel with an asynchronous form: an event loop runs many of its tasks on one thread, and goes on with one that
/// waits when its descriptor is ready or its time has come.
///
/// A kernel that implements this says so in [`Kernel::ASYNC`]. The function is written as an `async fn`:
///
/// ```rust
/// # use std::ffi::CStr;
/// # use std::time::Duration;
/// # use gild_abi::{Args, AsyncCx, AsyncForm, AsyncKernel, Cx, Kernel, Plan, Result};
/// # struct Nap;
/// impl Kernel for Nap {
/// #   const NAME: &'static CStr = c"nap";
/// #   const SUMMARY: &'static CStr = c"sleeps";
///     const ASYNC: Option<AsyncForm<Self>> = Some(AsyncForm::new());
///     // …
/// #   type In = u64;
/// #   type Out = u64;
/// #   fn create(_: &Args<'_>) -> Result<Nap> { Ok(Nap) }
/// #   fn plan(&self, tasks: &mut Plan<'_, u64>) -> Result<()> { tasks.emit(3) }
///     fn run(&self, cx: &mut Cx<'_>, ms: &u64) -> Result<u64> {
///         cx.blocking(|| std::thread::sleep(Duration::from_millis(*ms)))?;
///         Ok(*ms)
///     }
/// }
///
/// impl AsyncKernel for Nap {
///     async fn run_async(&self, cx: AsyncCx<'_>, ms: &u64) -> Result<u64> {
///         cx.sleep(Duration::from_millis(*ms)).await?;
///         Ok(*ms)
///     }
/// }
/// # assert_eq!(gild_abi::testing::run_async::<Nap>(&[]).unwrap().outputs, [3]);
/// ```
pub trait AsyncKernel: Kernel {
    /// Runs one task, and gives way to others wherever it waits. The result is that of [`Kernel::run`].
    ///
    /// All tasks of a loop share one thread: what computes for long or blocks holds all of them up. A task that is given
    /// up is dropped where it waits.
    ///
    /// # Errors
    /// Those of `cx`, passed on, or the task failed.
    fn run_async(&self, cx: AsyncCx<'_>, input: &Self::In) -> impl Future<Output = Result<Self::Out>>;
}

/// Says that a kernel has an asynchronous form: see [`Kernel::ASYNC`].
pub struct AsyncForm<K> {
    table: &'static raw::Async,
    kernel: PhantomData<fn(K)>,
}

impl<K: AsyncKernel> AsyncForm<K> {
    /// The kernel's own [`AsyncKernel::run_async`].
    #[expect(clippy::new_without_default, reason = "it stands in a constant")]
    pub const fn new() -> AsyncForm<K> {
        AsyncForm { table: Operations::<K>::TABLE, kernel: PhantomData }
    }
}

impl<K> AsyncForm<K> {
    pub(crate) const fn table(&self) -> &'static raw::Async {
        self.table
    }
}

impl<K> fmt::Debug for AsyncForm<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncForm").finish_non_exhaustive()
    }
}
