//! fork, exec, and the end of a process.

use libc::{c_char, c_int, c_void, pid_t};

use crate::next::Next;
use crate::{errno, exec, process, start, thread};

static FORK: Next = Next::new(c"fork");
static EXIT: Next = Next::new(c"_exit");
static EXECVE: Next = Next::new(c"execve");
static EXECV: Next = Next::new(c"execv");
static EXECVP: Next = Next::new(c"execvp");
static EXECVPE: Next = Next::new(c"execvpe");
static FEXECVE: Next = Next::new(c"fexecve");
static EXECVEAT: Next = Next::new(c"execveat");

/// What the hooks here stand in for.
pub static NEXT: &[&Next] = &[&FORK, &EXIT, &EXECVE, &EXECV, &EXECVP, &EXECVPE, &FEXECVE, &EXECVEAT];

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn fork() -> pid_t {
    // SAFETY: it is libc's function of this name, whose type is this one (fork(2)).
    let fork: unsafe extern "C-unwind" fn() -> pid_t = unsafe { std::mem::transmute(FORK.get()) };
    let number = errno::keep(|| process::recording().and_then(|(map, _)| process::new_leader(map)));
    // SAFETY: the caller keeps to the contract of the function.
    let child = unsafe { fork() };
    errno::keep(|| match (child, number) {
        (0, _) => process::adopt(number),
        (..0, Some(number)) => process::recycle(number),
        _ => {}
    });
    child
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn _exit(status: c_int) -> ! {
    // The child of a vfork has no accounts of its own, and its parent's go on.
    if !thread::is_muted() {
        start::leave();
    }
    // SAFETY: it is libc's function of this name, whose type is this one (_exit(2)).
    let exit: unsafe extern "C-unwind" fn(c_int) -> ! = unsafe { std::mem::transmute(EXIT.get()) };
    // SAFETY: it takes any status.
    unsafe { exit(status) }
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn _Exit(status: c_int) -> ! {
    // SAFETY: it is the same function (_Exit(2)).
    unsafe { _exit(status) }
}

/// Defines hooks for functions that execute another program.
macro_rules! executing {
    ($($next:ident => fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name($($argument: $type),*) -> c_int {
                // SAFETY: it is libc's function of this name, whose type is this one by its manual page.
                let next = unsafe {
                    std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($($type),*) -> c_int>($next.get())
                };
                // SAFETY: the caller keeps to the contract of the function.
                exec::around(|| unsafe { next($($argument),*) })
            }
        )*
    };
}

/// A list of words that ends with a null pointer.
type Words = *const *const c_char;

executing! {
    EXECVE => fn execve(file: *const c_char, arguments: Words, environment: Words);
    EXECV => fn execv(file: *const c_char, arguments: Words);
    EXECVP => fn execvp(file: *const c_char, arguments: Words);
    EXECVPE => fn execvpe(file: *const c_char, arguments: Words, environment: Words);
    FEXECVE => fn fexecve(file: c_int, arguments: Words, environment: Words);
    EXECVEAT => fn execveat(folder: c_int, file: *const c_char, arguments: Words, environment: Words, flags: c_int);
}
