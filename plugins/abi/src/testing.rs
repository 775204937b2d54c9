//! A host in one thread, to test kernels without a daemon.
//!
//! [`run`] takes a kernel through its whole life by the doors that a real host uses: create, plan, every input encoded
//! and decoded as if sent to another process, run, every output encoded and decoded, verify, destroy. It sees every
//! safe point and notes what a kernel may not do: an unpaired release, an open phase, a value of an undeclared type.
//! It measures nothing, and everything happens on the calling thread. [`run_async`] does the same with a kernel's
//! asynchronous form: one operation after the other, polled until it is done.
//!
//! [`host`] and [`waits`] are that host's C side, for tests that call the doors one by one.

mod drive;
pub mod host;
mod operation;
pub mod waits;

use std::fmt;

pub use drive::{Form, RawTrial, drive, drive_in};
pub use host::{Record, Wishes};

use crate::async_kernel::AsyncKernel;
use crate::export::Glue;
use crate::kernel::Kernel;
use crate::raw::{self, Status};
use crate::value::{Value, Writer};

/// An argument.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// An integer.
    I64(i64),
    /// A floating-point number.
    F64(f64),
    /// A text.
    Text(String),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Arg {
        Arg::I64(value)
    }
}

impl From<f64> for Arg {
    fn from(value: f64) -> Arg {
        Arg::F64(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Arg {
        Arg::Text(value.to_owned())
    }
}

/// A kernel's life without a fault.
#[derive(Debug)]
pub struct Trial<T> {
    /// The results, in task order, as another process would have decoded them.
    pub outputs: Vec<T>,
    /// The tasks' weights.
    pub weights: Vec<u64>,
    /// Whether the kernel has checked its results.
    pub verified: bool,
    /// What the host has seen.
    pub record: Record,
}

/// The part of a kernel's life that went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The arguments do not fit the kernel's parameters: it has not been called.
    Arguments,
    /// Making an instance.
    Create,
    /// Planning.
    Plan,
    /// Running a task.
    Run,
    /// Writing a value.
    Encode,
    /// Reading a value.
    Decode,
    /// Checking the results.
    Verify,
    /// Keeping the rules of the ABI.
    Rules,
}

/// What went wrong.
#[derive(Debug)]
pub struct Failure {
    /// Where.
    pub step: Step,
    /// In which task.
    pub task: Option<usize>,
    /// The kernel's status.
    pub status: Status,
    /// The kernel's own words, or the test host's.
    pub text: String,
    /// What the host had seen until then.
    pub record: Box<Record>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(task) = self.task {
            write!(f, "task {task}: ")?;
        }
        write!(f, "{:?} failed with status {}: {}", self.step, self.status, self.text)
    }
}

impl std::error::Error for Failure {}

/// Runs all tasks of a kernel. Parameters that are not named keep their preset.
///
/// # Errors
/// The first thing that went wrong.
pub fn run<K: Kernel>(args: &[(&str, Arg)]) -> Result<Trial<K::Out>, Failure> {
    run_with::<K>(args, Wishes::default())
}

/// Runs all tasks of a kernel on a host with wishes of its own, such as to cancel at the third safe point.
///
/// # Errors
/// The first thing that went wrong.
pub fn run_with<K: Kernel>(args: &[(&str, Arg)], wishes: Wishes) -> Result<Trial<K::Out>, Failure> {
    run_in::<K>(Form::Plain, args, wishes)
}

/// Runs all tasks of a kernel by its asynchronous form. Parameters that are not named keep their preset.
///
/// # Errors
/// The first thing that went wrong.
pub fn run_async<K: AsyncKernel>(args: &[(&str, Arg)]) -> Result<Trial<K::Out>, Failure> {
    run_async_with::<K>(args, Wishes::default())
}

/// Runs all tasks of a kernel by its asynchronous form, on a host with wishes of its own, such as to poll for nothing.
///
/// # Errors
/// The first thing that went wrong.
pub fn run_async_with<K: AsyncKernel>(args: &[(&str, Arg)], wishes: Wishes) -> Result<Trial<K::Out>, Failure> {
    run_in::<K>(Form::Async, args, wishes)
}

fn run_in<K: Kernel>(form: Form, args: &[(&str, Arg)], wishes: Wishes) -> Result<Trial<K::Out>, Failure> {
    // SAFETY: the SDK made the table from a safe implementation.
    let trial = unsafe { drive_in(Glue::<K>::TABLE, form, args, wishes) }?;
    let decode = |bytes: &Vec<u8>| K::Out::decode(bytes).expect("`drive` has decoded the same bytes");
    Ok(Trial {
        outputs: trial.outputs.iter().map(decode).collect(),
        weights: trial.weights,
        verified: trial.verified,
        record: trial.record,
    })
}

/// Returns the bytes that a value is sent as.
///
/// # Errors
/// The value's own: the writer takes everything.
pub fn encode<T: Value>(value: &T) -> crate::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let raw = drive::into_vec(&mut bytes);
    // SAFETY: writer and vector live until after the call.
    let mut writer = unsafe { Writer::new(&raw) }?;
    value.encode(&mut writer)?;
    Ok(bytes)
}

/// Returns the C side of a kernel, to call its doors one by one.
pub fn table<K: Kernel>() -> &'static raw::Kernel {
    Glue::<K>::TABLE
}
