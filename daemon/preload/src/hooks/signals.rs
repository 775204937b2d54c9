//! Signals to other processes: who ends one that is recorded reads its clocks before, for it cannot do that itself.

use libc::{SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, c_int, c_void, pid_t};

use crate::next::Next;
use crate::{errno, process, thread};

static KILL: Next = Next::new(c"kill");
static KILLPG: Next = Next::new(c"killpg");

/// What the hooks here stand in for.
pub static NEXT: &[&Next] = &[&KILL, &KILLPG];

type Kill = unsafe extern "C-unwind" fn(pid_t, c_int) -> c_int;

/// What a process is sent that is to end.
const ENDING: [c_int; 6] = [SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGQUIT, SIGABRT];

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn kill(whom: pid_t, signal: c_int) -> c_int {
    // SAFETY: it is libc's function of this name, whose type is this one (kill(2)).
    let next = unsafe { std::mem::transmute::<*mut c_void, Kill>(KILL.get()) };
    read_clocks(whom, signal);
    // SAFETY: it takes any two numbers.
    unsafe { next(whom, signal) }
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn killpg(group: pid_t, signal: c_int) -> c_int {
    // SAFETY: it is libc's function of this name, whose type is this one (killpg(3)).
    let next = unsafe { std::mem::transmute::<*mut c_void, Kill>(KILLPG.get()) };
    read_clocks(group.saturating_neg(), signal);
    // SAFETY: it takes any two numbers.
    unsafe { next(group, signal) }
}

/// Reads the clocks of a process (`whom` > 0), of the caller's group (0) or of another one (< -1), as kill(2) has it.
fn read_clocks(whom: pid_t, signal: c_int) {
    // Muted: the child of a vfork, whose memory is its parent's, or a handler of signals that came while a mark was made.
    if !ENDING.contains(&signal) || whom == -1 || thread::is_muted() {
        return;
    }
    errno::keep(|| process::read_clocks_of(whom));
}
