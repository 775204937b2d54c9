//! The functions that a kernel may call (`gild_host`), and the error that it names before it returns one.
//!
//! Each function checks the pointers it is given and never unwinds.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};

use gild_abi::raw;

use super::instance::{KernelError, PlanSink};
use super::task::TaskContext;

/// Longest message of a kernel that is kept, in bytes.
const MESSAGE_MAX: usize = 4_096;

thread_local! {
    /// What the plugin call that is running on this thread said of its error.
    static MESSAGE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A host table that threads may share.
pub(super) struct HostTable(pub(super) raw::Host);

// SAFETY: the table is never written, and its pointers are to static data and functions.
unsafe impl Sync for HostTable {}

/// The table that every kernel gets.
pub(super) static HOST: HostTable = HostTable(raw::Host {
    size: size_of::<raw::Host>() as u32,
    abi_minor: raw::ABI_MINOR,
    name: c"gild".as_ptr(),
    version: VERSION.as_ptr(),
    log: Some(log),
    fail: Some(fail),
    emit: Some(emit),
    checkpoint: Some(checkpoint),
    release: Some(release),
    acquire: Some(acquire),
    phase_enter: Some(phase_enter),
    phase_exit: Some(phase_exit),
    extension: Some(extension),
});

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version has no NUL inside"),
};

/// Turns a status into a result, with the message that the kernel left on this thread, if any.
pub(super) fn checked(status: raw::Status) -> Result<(), KernelError> {
    let message = MESSAGE.take();
    if status >= raw::OK {
        return Ok(());
    }
    Err(KernelError::new(status, message.as_deref().unwrap_or("")))
}

/// Refuses a call of the plugin: the reason becomes the message of the error that the plugin returns.
pub(super) fn refuse(code: raw::Status, why: String) -> raw::Status {
    MESSAGE.set(Some(why));
    code
}

/// A message of a plugin; `None` if it has none.
fn message(text: *const c_char, len: usize) -> Option<String> {
    if text.is_null() || len == 0 {
        return None;
    }
    // SAFETY: not null, and by the ABI `len` bytes that stay valid during the call.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len.min(MESSAGE_MAX)) };
    Some(String::from_utf8_lossy(bytes).into_owned())
}

unsafe extern "C" fn log(level: u32, text: *const c_char, len: usize) {
    const LEVELS: [&str; 4] = ["debug", "info", "warning", "error"];
    let level = LEVELS.get(level as usize).copied().unwrap_or("error");
    if let Some(text) = message(text, len) {
        // A pipe that nobody reads any more is no reason to stop the kernel.
        drop(std::io::Write::write_all(&mut std::io::stderr(), format!("{level}: {text}\n").as_bytes()));
    }
}

unsafe extern "C" fn fail(code: raw::Status, text: *const c_char, len: usize) -> raw::Status {
    MESSAGE.set(message(text, len));
    code
}

unsafe extern "C" fn emit(plan: *mut raw::Plan, input: raw::Value, weight: u64) -> raw::Status {
    // SAFETY: `Instance::plan` passes its own sink as the plan, for the duration of the call.
    match unsafe { plan.cast::<PlanSink<'_>>().as_mut() } {
        Some(sink) => sink.take(input, weight, None),
        None => raw::E_INTERNAL,
    }
}

/// The context behind a task pointer.
pub(super) fn context<'t>(task: *mut raw::Task) -> Option<&'t mut TaskContext<'t, 't>> {
    // SAFETY: a kernel has no other `gild_task` than the one that `Instance::run` or an `Operation` passed to it, which
    // is the first field of a `TaskContext` (repr(C)) that lives until that call returns; calls on one task come from
    // its own thread.
    unsafe { task.cast::<TaskContext<'t, 't>>().as_mut() }
}

unsafe extern "C" fn checkpoint(task: *mut raw::Task) -> raw::Status {
    context(task).map_or(raw::E_INTERNAL, TaskContext::checkpoint)
}

unsafe extern "C" fn release(task: *mut raw::Task) {
    if let Some(context) = context(task) {
        context.release();
    }
}

unsafe extern "C" fn acquire(task: *mut raw::Task) -> raw::Status {
    context(task).map_or(raw::E_INTERNAL, TaskContext::acquire)
}

unsafe extern "C" fn phase_enter(task: *mut raw::Task, phase: u32) {
    if let Some(context) = context(task) {
        context.phase_enter(phase);
    }
}

unsafe extern "C" fn phase_exit(task: *mut raw::Task, _phase: u32) {
    if let Some(context) = context(task) {
        context.phase_exit();
    }
}

unsafe extern "C" fn emit_as(
    plan: *mut raw::Plan,
    input: raw::Value,
    weight: u64,
    class: *const c_char,
) -> raw::Status {
    // SAFETY: as in `emit`.
    match unsafe { plan.cast::<PlanSink<'_>>().as_mut() } {
        // SAFETY: not null, and by the ABI a string that is valid during the call.
        Some(sink) if !class.is_null() => sink.take(input, weight, Some(unsafe { CStr::from_ptr(class) }.to_bytes())),
        Some(sink) => sink.take(input, weight, Some(b"")),
        None => raw::E_INTERNAL,
    }
}

/// What the host offers beside its table.
static CLASSES: raw::Classes =
    raw::Classes { size: size_of::<raw::Classes>() as u32, reserved: 0, emit_as: Some(emit_as) };

unsafe extern "C" fn extension(id: *const c_char) -> *const c_void {
    // SAFETY: null, or by the ABI a string that is valid during the call.
    let asks_for = |known: &CStr| !id.is_null() && unsafe { CStr::from_ptr(id) } == known;
    if asks_for(raw::EXT_CLASSES) { (&raw const CLASSES).cast() } else { std::ptr::null() }
}
