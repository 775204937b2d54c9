//! The host's functions, checked once at `create`, and the way to say something when there is no instance.

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::raw::{self, Status};

type Log = unsafe extern "C" fn(level: u32, msg: *const c_char, len: usize);
type Fail = unsafe extern "C" fn(code: Status, msg: *const c_char, len: usize) -> Status;

/// The functions of a host table that v1.0 promises, none of them null.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    pub(crate) log: Log,
    pub(crate) fail: Fail,
    pub(crate) emit: unsafe extern "C" fn(plan: *mut raw::Plan, input: raw::Value, weight: u64) -> Status,
    pub(crate) checkpoint: unsafe extern "C" fn(task: *mut raw::Task) -> Status,
    pub(crate) release: unsafe extern "C" fn(task: *mut raw::Task),
    pub(crate) acquire: unsafe extern "C" fn(task: *mut raw::Task) -> Status,
    pub(crate) phase_enter: unsafe extern "C" fn(task: *mut raw::Task, phase: u32),
    pub(crate) phase_exit: unsafe extern "C" fn(task: *mut raw::Task, phase: u32),
    extension: unsafe extern "C" fn(id: *const c_char) -> *const c_void,
}

/// `gild_classes.emit_as`
pub(crate) type EmitAs =
    unsafe extern "C" fn(plan: *mut raw::Plan, input: raw::Value, weight: u64, name: *const c_char) -> Status;

impl Host {
    /// Copies the functions out of the host's table.
    ///
    /// # Safety
    /// `table` is null or points to a host table whose first `size` bytes are readable.
    pub(crate) unsafe fn read(table: *const raw::Host) -> Result<Host> {
        if table.is_null() {
            return Err(mismatch("the host gave no table of its functions".into()));
        }
        // SAFETY: not null, and every table starts with its size (the caller's promise).
        let size = unsafe { (&raw const (*table).size).read() };
        if (size as usize) < size_of::<raw::Host>() {
            return Err(mismatch(format!("the host's table has {size} bytes, expected {}", size_of::<raw::Host>())));
        }
        // SAFETY: the table has at least as many bytes as are read here, as just checked.
        let table = unsafe { table.read() };
        Host::complete(&table).ok_or_else(|| mismatch("a function in the host's table is null".into()))
    }

    fn complete(table: &raw::Host) -> Option<Host> {
        Some(Host {
            log: table.log?,
            fail: table.fail?,
            emit: table.emit?,
            checkpoint: table.checkpoint?,
            release: table.release?,
            acquire: table.acquire?,
            phase_enter: table.phase_enter?,
            phase_exit: table.phase_exit?,
            extension: table.extension?,
        })
    }

    /// The host's way to take tasks with their class, if it has one.
    pub(crate) fn emit_as(&self) -> Option<EmitAs> {
        let table: *const raw::Classes = self.extension(raw::EXT_CLASSES)?.cast();
        // SAFETY: by the ABI a table that is static and starts with its size; a host that knows the id has made it at
        // least as large as its first revision.
        let (size, emit_as) = unsafe { ((&raw const (*table).size).read(), &raw const (*table).emit_as) };
        let has_it = size as usize >= size_of::<raw::Classes>();
        // SAFETY: the table is large enough to have the field, as just checked.
        has_it.then(|| unsafe { emit_as.read() }).flatten()
    }

    fn extension(&self, id: &CStr) -> Option<*const c_void> {
        // SAFETY: a function of the host's table, callable by any thread; the id is a string during the call.
        let table = unsafe { (self.extension)(id.as_ptr()) };
        (!table.is_null()).then_some(table)
    }
}

fn mismatch(text: String) -> Error {
    Error::with_status(raw::E_MISMATCH, text)
}

/// `log` and `fail` of the first host seen. The header promises that they can be called until the process ends,
/// because values are encoded, decoded and dropped without an instance.
static VOICE: OnceLock<(Log, Fail)> = OnceLock::new();

/// Makes `log` and `fail` known to doors that have no instance. The first host wins; a process has only one.
pub(crate) fn remember(host: &Host) {
    VOICE.get_or_init(|| (host.log, host.fail));
}

/// Names the error of the call running on this thread and returns its status. Before the first `create` there is
/// nobody to tell, and the status says it all.
pub(crate) fn fail(status: Status, text: &str) -> Status {
    if let Some((_, fail)) = VOICE.get()
        && !text.is_empty()
    {
        // SAFETY: a function of the host's table, callable for ever; the text is readable during the call.
        unsafe { fail(status, text.as_ptr().cast(), text.len()) };
    }
    status
}

/// Says something from a place that cannot fail.
pub(crate) fn log(level: u32, text: &str) {
    if let Some((log, _)) = VOICE.get() {
        // SAFETY: as in `fail`.
        unsafe { log(level, text.as_ptr().cast(), text.len()) };
    }
}
