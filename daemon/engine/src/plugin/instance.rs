//! A kernel made for given arguments: plan, run, verify.

use std::ffi::{CString, c_void};
use std::fmt;

use gild_abi::raw;
use gild_model::experiment::ParamValue;

use super::library::Kernel;
use super::table::{HOST, checked};
use super::task::TaskContext;
use super::value::Value;
use crate::ledger::task_log::layout::{CLASS_NAME_LEN, CLASSES_MAX};

/// Most tasks that a plan may have.
const TASKS_MAX: usize = 100_000_000;

/// An error that a kernel returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelError {
    /// The status code.
    pub code: raw::Status,
    /// What the kernel said; empty if it said nothing.
    pub message: String,
}

impl KernelError {
    /// An error with its message.
    pub fn new(code: raw::Status, message: &str) -> KernelError {
        KernelError { code, message: message.to_owned() }
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.code {
            raw::E_CANCELLED => "cancelled",
            raw::E_PARAM => "bad parameter",
            raw::E_DECODE => "cannot decode",
            raw::E_IO => "input/output error",
            raw::E_NOMEM => "out of memory",
            raw::E_MISMATCH => "wrong result",
            raw::E_UNSUPPORTED => "not supported",
            raw::E_PANIC => "panic",
            raw::E_INTERNAL => "internal error",
            _ => "unknown error",
        };
        write!(f, "{name} ({})", self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl std::error::Error for KernelError {}

/// Arguments in the form of the ABI; the strings live as long as this does.
#[derive(Debug)]
struct Arguments {
    scalars: Vec<raw::Scalar>,
    _texts: Vec<CString>,
}

impl Arguments {
    fn new(values: &[ParamValue]) -> Arguments {
        let mut texts = Vec::new();
        let mut scalar = |value: &ParamValue| match value {
            ParamValue::Int(int) => raw::Scalar { i64: *int },
            ParamValue::Float(float) => raw::Scalar { f64: *float },
            text => {
                let text = CString::new(text.to_string()).expect("params::resolve refuses strings with NUL");
                // The string's bytes stay where they are when the CString is moved.
                let str = text.as_ptr();
                texts.push(text);
                raw::Scalar { str }
            }
        };
        Arguments { scalars: values.iter().map(&mut scalar).collect(), _texts: texts }
    }
}

/// A task as the kernel planned it.
#[derive(Debug)]
pub struct PlannedTask {
    /// What `run` gets.
    pub input: Value,
    /// How much work it is, relative to the others: progress is told by it.
    pub weight: u64,
    /// Its class, as a place in [`Planned::classes`]; `None`: the kernel has not named one.
    pub class: Option<usize>,
}

/// A plan.
#[derive(Debug)]
pub struct Planned {
    /// The tasks, in order.
    pub tasks: Vec<PlannedTask>,
    /// Names of the classes that the kernel sorts them into.
    pub classes: Vec<String>,
}

/// Where a plan's tasks go; behind the `gild_plan` that a kernel sees.
#[derive(Debug)]
pub(super) struct PlanSink<'k> {
    kernel: &'k Kernel,
    planned: Planned,
    error: Option<KernelError>,
}

impl PlanSink<'_> {
    /// Takes a task over, of a class or of none; by the ABI the input is the host's even if this fails.
    pub(super) fn take(&mut self, input: raw::Value, weight: u64, class: Option<&[u8]>) -> raw::Status {
        match self.try_take(input, weight, class) {
            Ok(()) => raw::OK,
            Err(error) => {
                let code = error.code;
                self.error.get_or_insert(error);
                code
            }
        }
    }

    fn try_take(&mut self, input: raw::Value, weight: u64, class: Option<&[u8]>) -> Result<(), KernelError> {
        let input = Value::adopt(self.kernel, input)?;
        if self.planned.tasks.len() >= TASKS_MAX {
            return Err(KernelError::new(raw::E_NOMEM, &format!("the plan has more than {TASKS_MAX} tasks")));
        }
        let class = class.map(|name| self.class(name)).transpose()?;
        self.planned.tasks.push(PlannedTask { input, weight, class });
        Ok(())
    }

    /// The place of a class, which is new or not.
    fn class(&mut self, name: &[u8]) -> Result<usize, KernelError> {
        let classes = &mut self.planned.classes;
        if let Some(place) = classes.iter().position(|known| known.as_bytes() == name) {
            return Ok(place);
        }
        let refuse = |why: String| KernelError::new(raw::E_PARAM, &why);
        let name = checked_class(name).map_err(refuse)?;
        if classes.len() >= CLASSES_MAX {
            return Err(refuse(format!(
                "the class \"{name}\" is one more than the {CLASSES_MAX} that a plan may have"
            )));
        }
        classes.push(name.to_owned());
        Ok(classes.len() - 1)
    }
}

/// The name of a class, if it is one as the header wants it.
fn checked_class(name: &[u8]) -> Result<&str, String> {
    let is_inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    let is_name = name.first().is_some_and(u8::is_ascii_lowercase) && name.iter().all(is_inner);
    let text = str::from_utf8(name).ok().filter(|_| is_name && name.len() < CLASS_NAME_LEN);
    text.ok_or_else(|| {
        let shown = String::from_utf8_lossy(&name[..name.len().min(2 * CLASS_NAME_LEN)]);
        format!("\"{shown}\" is no name of a class: expected [a-z][a-z0-9_-]*, at most {} bytes", CLASS_NAME_LEN - 1)
    })
}

/// A kernel made for given arguments.
#[derive(Debug)]
pub struct Instance<'k> {
    kernel: &'k Kernel,
    this: *mut c_void,
    _arguments: Arguments,
}

// SAFETY: by the ABI an instance may be used from any thread, one at a time.
unsafe impl Send for Instance<'_> {}
// SAFETY: the only method that the models call on one instance from several threads is `run`, and only if the kernel
// is GILD_KERNEL_SHARED (`models::threads` makes an instance per worker otherwise). An `Operation` is not `Send`, so all
// calls on those of an instance come from the thread of the loop that has started them.
unsafe impl Sync for Instance<'_> {}

impl<'k> Instance<'k> {
    /// Makes an instance. `values` come from `gild_model::params::resolve`.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn create(kernel: &'k Kernel, values: &[ParamValue]) -> Result<Instance<'k>, KernelError> {
        let create = kernel.raw.create.expect("checked by library::kernel");
        let arguments = Arguments::new(values);
        let mut this = std::ptr::null_mut();
        // SAFETY: the table is static, the arguments match the kernel's declaration in number and kind and live as long
        // as the instance, and `this` may be written.
        let status = unsafe { create(&HOST.0, arguments.scalars.as_ptr(), &mut this) };
        checked(status)?;
        Ok(Instance { kernel, this, _arguments: arguments })
    }

    /// The kernel.
    pub fn kernel(&self) -> &'k Kernel {
        self.kernel
    }

    /// What the kernel knows it by.
    pub(super) fn this(&self) -> *mut c_void {
        self.this
    }

    /// Plans the tasks.
    ///
    /// # Errors
    /// The kernel's own, a value of an undeclared type, or no task at all.
    pub fn plan(&self) -> Result<Planned, KernelError> {
        let plan = self.kernel.raw.plan.expect("checked by library::kernel");
        let planned = Planned { tasks: Vec::new(), classes: Vec::new() };
        let mut sink = PlanSink { kernel: self.kernel, planned, error: None };
        // SAFETY: the instance is alive, and the sink is what `table::emit` expects behind the plan, for this call.
        let status = unsafe { plan(self.this, std::ptr::from_mut(&mut sink).cast()) };
        let result = checked(status);
        if let Some(error) = sink.error {
            return Err(error);
        }
        result?;
        if sink.planned.tasks.is_empty() {
            return Err(KernelError::new(raw::E_INTERNAL, "the plan has no tasks"));
        }
        Ok(sink.planned)
    }

    /// Runs one task.
    ///
    /// # Errors
    /// The kernel's own, or a result of an undeclared type.
    pub fn run(&self, context: &mut TaskContext<'_, '_>, input: &Value) -> Result<Value, KernelError> {
        let run = self.kernel.raw.run.expect("checked by library::kernel");
        let mut output = raw::Value { r#type: std::ptr::null(), ptr: std::ptr::null_mut() };
        // SAFETY: the instance and the input are alive; the context is what the functions of `table` expect behind the
        // task, for this call; the output may be written and is taken only on success.
        let status = unsafe { run(self.this, context.as_raw(), input.raw(), &mut output) };
        context.close();
        checked(status)?;
        Value::adopt(self.kernel, output)
    }

    /// Checks all results against the kernel's known answer. `None`: the kernel has none.
    pub fn verify(&self, results: &[Value]) -> Option<Result<(), KernelError>> {
        let verify = self.kernel.raw.verify?;
        let results: Vec<raw::Value> = results.iter().map(|value| *value.raw()).collect();
        // SAFETY: the instance and every result are alive, and verify does not take them over.
        Some(checked(unsafe { verify(self.this, results.as_ptr(), results.len()) }))
    }
}

impl Drop for Instance<'_> {
    fn drop(&mut self) {
        let destroy = self.kernel.raw.destroy.expect("checked by library::kernel");
        // SAFETY: `create` made it, and it is destroyed once.
        unsafe { destroy(self.this) }
    }
}
