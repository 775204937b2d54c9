//! The C side of the test host: one per thread.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::AtomicU32;
use std::{ptr, slice};

use super::waits::Waits;
use crate::raw::{self, Status};

/// What the host is to do to the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Cancels the trial at the safe point, or the end of a blocking region, with this number, counted from 0.
    pub cancel_at: Option<u64>,
    /// Refuses the task with this number.
    pub refuse_task: Option<usize>,
    /// Polls every other time without waiting for what was registered.
    pub spurious_polls: bool,
    /// Drops each operation after so many polls, done or not: its task has no result.
    pub give_up_after: Option<u64>,
    /// Knows no extensions, as the first hosts did.
    pub no_extensions: bool,
}

/// What the host has seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The last error that a call has named.
    pub failure: Option<(Status, String)>,
    /// Messages of this thread, with their level.
    pub log: Vec<(u32, String)>,
    /// Safe points passed and blocking regions ended.
    pub safe_points: u64,
    /// Times that the lock was given away and taken back.
    pub releases: u64,
    /// See `releases`.
    pub acquires: u64,
    /// Polls of operations.
    pub polls: u64,
    /// Waits registered.
    pub waits: u64,
    /// Phases, in the order in which they were entered.
    pub phases: Vec<u32>,
    /// Phases not closed yet.
    pub open_phases: Vec<u32>,
    /// The classes of the tasks planned; none for a task without one, as for every task on a host that knows no classes.
    pub classes: Vec<Option<String>>,
    /// What the kernel may not do and did.
    pub mistakes: Vec<String>,
}

#[derive(Default)]
pub(super) struct State {
    wishes: Wishes,
    pub(super) record: Record,
    tasks: Vec<(raw::Value, u64)>,
    pub(super) waits: Waits,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Forgets what has been seen on this thread. Tasks that nobody has taken are leaked.
pub fn begin(wishes: Wishes) {
    STATE.set(State { wishes, ..State::default() });
}

/// Returns what has been seen on this thread.
pub fn record() -> Record {
    STATE.with_borrow(|state| state.record.clone())
}

/// What the host of this thread is to do.
pub(super) fn wishes() -> Wishes {
    see(|state| state.wishes)
}

/// Takes the tasks that were planned on this thread, with their weights. The values are the caller's.
pub fn take_tasks() -> Vec<(raw::Value, u64)> {
    STATE.with_borrow_mut(|state| std::mem::take(&mut state.tasks))
}

/// The host's table, for `create`.
pub fn table() -> *const raw::Host {
    &TABLE.0
}

/// A plan, for `plan`.
pub fn plan() -> *mut raw::Plan {
    ptr::dangling_mut()
}

/// A task, for `run`. All its safe points are taken.
#[derive(Debug)]
pub struct Task {
    raw: raw::Task,
}

impl Task {
    /// Makes a task.
    #[expect(clippy::new_without_default, reason = "no task is like another")]
    pub fn new() -> Task {
        static ALWAYS: AtomicU32 = AtomicU32::new(1);
        Task { raw: raw::Task { attention: ALWAYS.as_ptr().cast_const() } }
    }

    /// Returns the C side.
    pub fn as_mut_ptr(&mut self) -> *mut raw::Task {
        &mut self.raw
    }
}

struct Table(raw::Host);

// SAFETY: a constant; nothing behind the pointers is ever written.
unsafe impl Sync for Table {}

static TABLE: Table = Table(raw::Host {
    size: size_of::<raw::Host>() as u32,
    abi_minor: raw::ABI_MINOR,
    name: c"gild-abi's test host".as_ptr(),
    version: c"0".as_ptr(),
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

pub(super) fn see<T>(look: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(look)
}

/// # Safety
/// `msg` points to `len` readable bytes.
unsafe fn text(msg: *const c_char, len: usize) -> String {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice::from_raw_parts(msg.cast::<u8>(), len) };
    String::from_utf8_lossy(bytes).into_owned()
}

unsafe extern "C" fn log(level: u32, msg: *const c_char, len: usize) {
    // SAFETY: the kernel lends the text for the call.
    let message = unsafe { text(msg, len) };
    see(|state| state.record.log.push((level, message)));
}

unsafe extern "C" fn fail(code: Status, msg: *const c_char, len: usize) -> Status {
    // SAFETY: the kernel lends the text for the call.
    let message = unsafe { text(msg, len) };
    see(|state| state.record.failure = Some((code, message)));
    code
}

unsafe extern "C" fn emit(_plan: *mut raw::Plan, input: raw::Value, weight: u64) -> Status {
    see(|state| state.take(input, weight, None))
}

unsafe extern "C" fn emit_as(_plan: *mut raw::Plan, input: raw::Value, weight: u64, name: *const c_char) -> Status {
    // SAFETY: the kernel lends a string for the call.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    see(|state| state.take(input, weight, Some(name)))
}

impl State {
    fn take(&mut self, input: raw::Value, weight: u64, class: Option<String>) -> Status {
        let task = self.tasks.len();
        if weight == 0 {
            self.record.mistakes.push(format!("task {task} has no weight"));
        }
        self.tasks.push((input, weight));
        self.record.classes.push(class);
        if self.wishes.refuse_task == Some(task) { raw::E_NOMEM } else { raw::OK }
    }
}

fn safe_point(state: &mut State) -> Status {
    let cancelled = state.wishes.cancel_at.is_some_and(|number| number <= state.record.safe_points);
    state.record.safe_points += 1;
    if cancelled { raw::E_CANCELLED } else { raw::OK }
}

impl Record {
    /// Notes a call that needs the lock.
    fn needs_lock(&mut self, call: &str) {
        if self.releases != self.acquires {
            self.mistakes.push(format!("{call} in a blocking region"));
        }
    }
}

unsafe extern "C" fn checkpoint(_task: *mut raw::Task) -> Status {
    see(|state| {
        state.record.needs_lock("checkpoint");
        safe_point(state)
    })
}

unsafe extern "C" fn release(_task: *mut raw::Task) {
    see(|state| {
        state.record.needs_lock("release");
        state.record.releases += 1;
    });
}

unsafe extern "C" fn acquire(_task: *mut raw::Task) -> Status {
    see(|state| {
        if state.record.releases != state.record.acquires + 1 {
            state.record.mistakes.push("acquire without a release".to_owned());
        }
        state.record.acquires += 1;
        safe_point(state)
    })
}

unsafe extern "C" fn phase_enter(_task: *mut raw::Task, phase: u32) {
    see(|state| {
        state.record.needs_lock("phase_enter");
        state.record.phases.push(phase);
        state.record.open_phases.push(phase);
    });
}

unsafe extern "C" fn phase_exit(_task: *mut raw::Task, phase: u32) {
    see(|state| {
        state.record.needs_lock("phase_exit");
        if state.record.open_phases.pop() != Some(phase) {
            state.record.mistakes.push(format!("phase {phase} closed, which is not the one opened last"));
        }
    });
}

static CLASSES: raw::Classes =
    raw::Classes { size: size_of::<raw::Classes>() as u32, reserved: 0, emit_as: Some(emit_as) };

unsafe extern "C" fn extension(id: *const c_char) -> *const c_void {
    // SAFETY: the kernel lends a string for the call.
    let known = unsafe { CStr::from_ptr(id) } == raw::EXT_CLASSES;
    if known && !see(|state| state.wishes.no_extensions) { (&raw const CLASSES).cast() } else { ptr::null() }
}
