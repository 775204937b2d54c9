//! posix_spawn(3): the child's life begins when its parent asks for it.
//!
//! Nobody knows its process id yet, so its place is left to a child of this process; once the id is known, and if the child
//! has not come for the place before, to that one.

use libc::{c_char, c_int, c_void, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t};

use crate::next::Next;
use crate::{errno, process};

static SPAWN: Next = Next::new(c"posix_spawn");
static SPAWNP: Next = Next::new(c"posix_spawnp");

/// What the hooks here stand in for.
pub static NEXT: &[&Next] = &[&SPAWN, &SPAWNP];

type Words = *const *const c_char;
type Spawn = unsafe extern "C-unwind" fn(
    *mut pid_t,
    *const c_char,
    *const posix_spawn_file_actions_t,
    *const posix_spawnattr_t,
    Words,
    Words,
) -> c_int;

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn posix_spawn(
    pid: *mut pid_t,
    path: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: Words,
    environment: Words,
) -> c_int {
    // SAFETY: the caller keeps to the contract of the function.
    unsafe { spawn(&SPAWN, pid, |pid, next| next(pid, path, actions, attributes, arguments, environment)) }
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn posix_spawnp(
    pid: *mut pid_t,
    file: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: Words,
    environment: Words,
) -> c_int {
    // SAFETY: the caller keeps to the contract of the function.
    unsafe { spawn(&SPAWNP, pid, |pid, next| next(pid, file, actions, attributes, arguments, environment)) }
}

/// # Safety
/// `told` must be null or where a process id may be written; `call` must keep to the contract of `next`.
unsafe fn spawn(next: &Next, told: *mut pid_t, call: impl FnOnce(*mut pid_t, Spawn) -> c_int) -> c_int {
    // SAFETY: it is libc's function of one of these names, whose type is this one (posix_spawn(3)).
    let next = unsafe { std::mem::transmute::<*mut c_void, Spawn>(next.get()) };
    let expected = errno::keep(process::expect_child);
    let mut pid = 0;
    let answer = call(&mut pid, next);
    if answer == 0 && !told.is_null() {
        // SAFETY: by the contract of this function.
        unsafe { told.write(pid) };
    }
    if let Some(number) = expected {
        errno::keep(|| process::settle_child(number, (answer == 0).then_some(pid)));
    }
    answer
}
