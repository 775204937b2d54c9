//! What an author implements.

use std::ffi::CStr;

use crate::args::Args;
use crate::async_kernel::AsyncForm;
use crate::context::Cx;
use crate::error::Result;
use crate::param::Param;
use crate::plan::Plan;
use crate::value::Value;

/// The most phases that a kernel may have.
pub const MAX_PHASES: usize = 31;

/// A check of all results, in task order.
pub type Verify<K> = fn(&K, &[&<K as Kernel>::Out]) -> Result<()>;

/// A piece of work that gild runs under every execution model.
///
/// An instance is a function of its arguments: each worker process makes its own, and all of them plan equal tasks
/// and compute alike. `run` may see one input many times, and may be called by several threads at once on one
/// instance (unless [`Kernel::SHARED`] is off), so it takes `&self` and the instance is `Sync`.
///
/// Errors and panics of every function end the trial with their text; a panic never leaves the library.
pub trait Kernel: Send + Sync + Sized + 'static {
    /// Its name: `[a-z][a-z0-9_-]*`, unique in the library.
    const NAME: &'static CStr;
    /// What it does, in one line.
    const SUMMARY: &'static CStr;
    /// Its parameters.
    const PARAMS: &'static [Param] = &[];
    /// Names of its own phases inside computing, for [`Cx::phase`]. At most [`MAX_PHASES`].
    const PHASES: &'static [&'static CStr] = &[];
    /// Whether several workers may use one instance at once. The compiler has proved that they can; switch it off
    /// for a kernel that gets slow or wrong by it.
    const SHARED: bool = true;
    /// Promises that equal arguments and input give equal output bytes. The host then compares all cases.
    const DETERMINISTIC: bool = false;
    /// Promises that it also works in a child that was forked after loading, without exec: no threads and no state
    /// of the process made before `create`.
    const FORK_SAFE: bool = false;
    /// Checks the results against what is known about them. `None` when nothing is.
    const VERIFY: Option<Verify<Self>> = None;
    /// Its asynchronous form: `Some(AsyncForm::new())` for a kernel that implements [`crate::AsyncKernel`]. `None` when
    /// there is none: an event loop then calls `run`, and each task blocks the loop.
    const ASYNC: Option<AsyncForm<Self>> = None;

    /// What a task works on.
    type In: Value;
    /// What a task produces.
    type Out: Value;

    /// Makes an instance. The host has checked each argument alone; combinations are checked here.
    ///
    /// # Errors
    /// The arguments make no sense together.
    fn create(args: &Args<'_>) -> Result<Self>;

    /// Emits every task, at least one, in the same order every time.
    ///
    /// # Errors
    /// The plan's, passed on, or there is no such plan.
    fn plan(&self, tasks: &mut Plan<'_, Self::In>) -> Result<()>;

    /// Runs one task.
    ///
    /// # Errors
    /// Those of `cx`, passed on, or the task failed.
    fn run(&self, cx: &mut Cx<'_>, input: &Self::In) -> Result<Self::Out>;
}
