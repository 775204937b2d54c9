//! Takes a kernel, known by its C table only, through its whole life.

use std::ffi::{CStr, CString, c_void};
use std::{ptr, slice};

use super::host::{self, Record, Task, Wishes};
use super::{Arg, Failure, Step, operation};
use crate::raw::{self, Scalar, Status};

/// Which of its functions a kernel's tasks are run by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `run`.
    Plain,
    /// Its asynchronous form, one operation after the other.
    Async,
}

/// A kernel's life without a fault, for any language.
#[derive(Debug)]
pub struct RawTrial {
    /// The encoded results, in task order.
    pub outputs: Vec<Vec<u8>>,
    /// The tasks' weights.
    pub weights: Vec<u64>,
    /// Whether the kernel has checked its results.
    pub verified: bool,
    /// What the host has seen.
    pub record: Record,
}

/// Runs all tasks of a kernel by its `run`: see the module above.
///
/// # Errors
/// The first thing that went wrong.
///
/// # Safety
/// `kernel` points to a kernel table as the header specifies it.
pub unsafe fn drive(kernel: *const raw::Kernel, args: &[(&str, Arg)], wishes: Wishes) -> Result<RawTrial, Failure> {
    // SAFETY: the caller's promise.
    unsafe { drive_in(kernel, Form::Plain, args, wishes) }
}

/// Runs all tasks of a kernel in one of its forms.
///
/// # Errors
/// The first thing that went wrong.
///
/// # Safety
/// `kernel` points to a kernel table as the header specifies it.
pub unsafe fn drive_in(
    kernel: *const raw::Kernel,
    form: Form,
    args: &[(&str, Arg)],
    wishes: Wishes,
) -> Result<RawTrial, Failure> {
    host::begin(wishes);
    // SAFETY: the caller's promise holds for every call below.
    unsafe {
        let kernel = &*kernel;
        let arguments = Arguments::new(kernel, args)?;
        let instance = Instance::create(kernel, &arguments)?;
        drop(arguments);
        let tasks = instance.plan()?;
        let mut outputs = Vec::new();
        let mut results = Vec::new();
        for (number, (input, _)) in tasks.iter().enumerate() {
            let at = |failure: Failure| Failure { task: Some(number), ..failure };
            let input = resent(kernel, &input.0).map_err(at)?.0;
            let Some(output) = instance.run(form, &input.0).map_err(at)? else { continue };
            let (output, bytes) = resent(kernel, &output.0).map_err(at)?;
            outputs.push(bytes);
            results.push(output);
        }
        let verified = wishes.give_up_after.is_none() && instance.verify(&results)?;
        let weights = tasks.iter().map(|(_, weight)| *weight).collect();
        drop((tasks, results, instance));
        let record = host::record();
        if let Some(mistake) = record.mistakes.first() {
            return Err(broken(mistake.clone()));
        }
        Ok(RawTrial { outputs, weights, verified, record })
    }
}

fn failure(step: Step, status: Status) -> Failure {
    let record = Box::new(host::record());
    let text = record.failure.clone().filter(|(named, _)| *named == status).map_or(String::new(), |(_, text)| text);
    Failure { step, task: None, status, text, record }
}

pub(super) fn broken(text: String) -> Failure {
    Failure { step: Step::Rules, task: None, status: raw::E_INTERNAL, text, record: Box::new(host::record()) }
}

pub(super) fn check(step: Step, status: Status) -> Result<(), Failure> {
    if status < 0 { Err(failure(step, status)) } else { Ok(()) }
}

/// Arguments in C's form, with the texts that they point to.
struct Arguments {
    scalars: Vec<Scalar>,
    _texts: Vec<CString>,
}

impl Arguments {
    /// Presets, then what is given. Bounds and choices are the kernel's word and the tester's risk.
    unsafe fn new(kernel: &raw::Kernel, args: &[(&str, Arg)]) -> Result<Arguments, Failure> {
        let refuse = |text: String| Failure { step: Step::Arguments, ..broken(text) };
        let params = match kernel.n_params {
            0 => &[],
            // SAFETY: a kernel table has that many parameters (`drive`'s contract).
            count => unsafe { slice::from_raw_parts(kernel.params, count) },
        };
        let mut scalars: Vec<Scalar> = params.iter().map(|param| param.preset).collect();
        let mut texts = Vec::new();
        for (name, arg) in args {
            // SAFETY: names are NUL-terminated (`drive`'s contract).
            let is_it = |param: &raw::Param| unsafe { CStr::from_ptr(param.name) }.to_bytes() == name.as_bytes();
            let index = params.iter().position(is_it).ok_or_else(|| refuse(format!("no parameter {name}")))?;
            scalars[index] = match (arg, params[index].kind) {
                (Arg::I64(value), raw::KIND_I64) => Scalar { i64: *value },
                (Arg::F64(value), raw::KIND_F64) => Scalar { f64: *value },
                (Arg::Text(value), raw::KIND_STR) => {
                    let text = CString::new(value.as_str()).map_err(|error| refuse(format!("{name}: {error}")))?;
                    let pointer = text.as_ptr();
                    texts.push(text);
                    Scalar { str: pointer }
                }
                (arg, kind) => return Err(refuse(format!("parameter {name} is of kind {kind}, not {arg:?}"))),
            };
        }
        Ok(Arguments { scalars, _texts: texts })
    }
}

/// A value that is dropped by its own type.
pub(super) struct Owned(pub(super) raw::Value);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: every `Owned` is made from a value that the kernel moved here, and is dropped once.
        unsafe { (*self.0.r#type).drop.expect("every type can drop")(self.0.ptr) };
    }
}

pub(super) struct Instance<'k> {
    pub(super) kernel: &'k raw::Kernel,
    pub(super) this: *mut c_void,
}

impl Drop for Instance<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `create`, dropped once, after all calls.
        unsafe { self.kernel.destroy.expect("every kernel can be destroyed")(self.this) };
    }
}

/// The functions are unsafe because they call through the table that `drive` was given.
impl<'k> Instance<'k> {
    unsafe fn create(kernel: &'k raw::Kernel, arguments: &Arguments) -> Result<Instance<'k>, Failure> {
        let mut this = ptr::null_mut();
        let create = kernel.create.expect("every kernel can be created");
        // SAFETY: table, arguments and out pointer are as the header wants them.
        check(Step::Create, unsafe { create(host::table(), arguments.scalars.as_ptr(), &mut this) })?;
        Ok(Instance { kernel, this })
    }

    unsafe fn plan(&self) -> Result<Vec<(Owned, u64)>, Failure> {
        // SAFETY: the instance lives.
        let status = unsafe { self.kernel.plan.expect("every kernel plans")(self.this, host::plan()) };
        let tasks: Vec<_> = host::take_tasks().into_iter().map(|(input, weight)| (Owned(input), weight)).collect();
        check(Step::Plan, status)?;
        if tasks.is_empty() { Err(broken("the plan is empty".to_owned())) } else { Ok(tasks) }
    }

    /// Runs a task. `None`: the host gave it up, as was wished.
    unsafe fn run(&self, form: Form, input: &raw::Value) -> Result<Option<Owned>, Failure> {
        // SAFETY: `drive`'s contract; the input is one that the kernel planned and decoded.
        let output = unsafe {
            match form {
                Form::Plain => self.run_plain(input).map(Some),
                Form::Async => operation::run(self, input),
            }
        }?;
        let record = host::record();
        if record.releases != record.acquires || !record.open_phases.is_empty() {
            return Err(broken("a successful run leaves a blocking region or a phase open".to_owned()));
        }
        Ok(output)
    }

    unsafe fn run_plain(&self, input: &raw::Value) -> Result<Owned, Failure> {
        let mut output = raw::Value { r#type: ptr::null(), ptr: ptr::null_mut() };
        let mut task = Task::new();
        let run = self.kernel.run.expect("every kernel runs");
        // SAFETY: instance, task and input live; the output is ours to receive.
        check(Step::Run, unsafe { run(self.this, task.as_mut_ptr(), input, &mut output) })?;
        if output.r#type.is_null() {
            return Err(broken("a successful run has no result".to_owned()));
        }
        Ok(Owned(output))
    }

    unsafe fn verify(&self, results: &[Owned]) -> Result<bool, Failure> {
        let Some(verify) = self.kernel.verify else { return Ok(false) };
        let results: Vec<raw::Value> = results.iter().map(|result| result.0).collect();
        // SAFETY: the values are lent for the call.
        check(Step::Verify, unsafe { verify(self.this, results.as_ptr(), results.len()) })?;
        Ok(true)
    }
}

/// Sends a value to another process and back, so to speak. Returns the new value and the bytes.
///
/// # Safety
/// The kernel's table is valid, and so is the value.
unsafe fn resent(kernel: &raw::Kernel, value: &raw::Value) -> Result<(Owned, Vec<u8>), Failure> {
    // SAFETY: types and their ids are static.
    let kind = unsafe { declared(kernel, CStr::from_ptr((*value.r#type).id)) }?;
    let mut bytes = Vec::new();
    let writer = into_vec(&mut bytes);
    // SAFETY: the value is of this type and is lent; the writer lives until after the call.
    let status = unsafe { kind.encode.expect("every type encodes")(value.ptr, &writer) };
    check(Step::Encode, status)?;
    let mut ptr = ptr::null_mut();
    let src = raw::Bytes { ptr: bytes.as_ptr(), len: bytes.len() };
    // SAFETY: the bytes are lent; the pointer is ours to receive the value.
    check(Step::Decode, unsafe { kind.decode.expect("every type decodes")(src, &mut ptr) })?;
    Ok((Owned(raw::Value { r#type: kind, ptr }), bytes))
}

/// Finds a type as a process that got only the id would.
///
/// # Safety
/// The kernel's table is valid.
unsafe fn declared(kernel: &raw::Kernel, id: &CStr) -> Result<&'static raw::Type, Failure> {
    let mut types = kernel.types;
    // SAFETY: the list ends in a null pointer, and what it points to is static.
    while let Some(kind) = unsafe { (*types).as_ref() } {
        // SAFETY: ids are NUL-terminated and static.
        if unsafe { CStr::from_ptr(kind.id) } == id {
            return Ok(kind);
        }
        // SAFETY: not at the end yet.
        types = unsafe { types.add(1) };
    }
    Err(broken(format!("a value of the type {}, which the kernel does not declare", id.to_string_lossy())))
}

/// A writer that appends to a vector, which must outlive it.
pub(super) fn into_vec(bytes: &mut Vec<u8>) -> raw::Writer {
    raw::Writer { ctx: ptr::from_mut(bytes).cast(), write: Some(append) }
}

unsafe extern "C" fn append(ctx: *mut c_void, src: *const c_void, len: usize) -> Status {
    if len > 0 {
        // SAFETY: `into_vec` put a vector there that still lives, and the type lends that many bytes.
        unsafe { (*ctx.cast::<Vec<u8>>()).extend_from_slice(slice::from_raw_parts(src.cast::<u8>(), len)) };
    }
    raw::OK
}
