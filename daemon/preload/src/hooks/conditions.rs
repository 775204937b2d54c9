//! Signals of condition variables: of an interpreter's lock, they say who releases it and who takes it.

use libc::{c_int, pthread_cond_t};

use crate::next::Next;
use crate::python;

static SIGNAL: Next = Next::new(c"pthread_cond_signal");

/// What the hooks here stand in for.
pub static NEXT: &[&Next] = &[&SIGNAL];

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_cond_signal(condition: *mut pthread_cond_t) -> c_int {
    python::signalled(condition.addr());
    // SAFETY: it is libc's function of this name, whose type is this one (pthread_cond_signal(3)).
    let signal: unsafe extern "C-unwind" fn(*mut pthread_cond_t) -> c_int =
        unsafe { std::mem::transmute(SIGNAL.get()) };
    // SAFETY: the caller keeps to the contract of the function.
    unsafe { signal(condition) }
}
