//! Threads that start: their birth is stamped by the thread that starts them.

use std::ffi::c_void;

use libc::{c_int, pthread_attr_t, pthread_t};

use gild_engine::record::layout::Python;

use crate::next::Next;
use crate::thread::{Routine, Thread};
use crate::{errno, process, python, start};

static CREATE: Next = Next::new(c"pthread_create");

/// What the hooks here stand in for.
pub static NEXT: &[&Next] = &[&CREATE];

type Create = unsafe extern "C-unwind" fn(*mut pthread_t, *const pthread_attr_t, Routine, *mut c_void) -> c_int;

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_create(
    handle: *mut pthread_t,
    attributes: *const pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: it is libc's function of this name, whose type is this one (pthread_create(3)).
    let create: Create = unsafe { std::mem::transmute(CREATE.get()) };
    let Some((map, leader)) = process::recording() else {
        // SAFETY: the caller keeps to the contract of the function.
        return unsafe { create(handle, attributes, routine, argument) };
    };
    let born = errno::keep(|| {
        look_for_interpreter();
        process::new_thread(map, leader)
    });
    let Some((number, ordinal)) = born else {
        // SAFETY: as above; there is no place for this thread, which has been counted.
        return unsafe { create(handle, attributes, routine, argument) };
    };
    let thread = Box::into_raw(Thread::boxed(number, ordinal, routine, argument));
    // SAFETY: as above; `begin` takes what `thread` points to, which nobody else has.
    let answer = unsafe { create(handle, attributes, begin, thread.cast()) };
    if answer != 0 {
        errno::keep(|| process::recycle(number));
        // SAFETY: there is no thread that could have taken it.
        drop(unsafe { Box::from_raw(thread) });
    }
    answer
}

/// A program may have loaded one since it was started.
fn look_for_interpreter() {
    if !python::is_here() {
        python::look_for_it();
        if python::is_here() {
            process::is_python(Python::Interpreter);
        }
    }
}

extern "C-unwind" fn begin(thread: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` leaked it for this thread, at whose end it is freed and not before.
    let thread = unsafe { &*thread.cast::<Thread>() };
    let (routine, argument) = thread.routine().expect("threads in boxes have something to run");
    if let Some((map, _)) = process::recording()
        && let Some(place) = map.place(thread.number())
    {
        // SAFETY: as above, and this is its thread.
        unsafe { thread.begin(thread.number(), place) };
        start::watch_end();
    }
    routine(argument)
}
