//! Where the machine's own conventions matter: a function that returns twice on one stack, and those that take any arguments.

use std::arch::naked_asm;

use gild_model::phase::Phase;
use libc::{c_char, c_int, c_long, pid_t};

use super::processes::{execv, execve, execvp};
use crate::{errno, thread};

/// vfork(2): the child runs on the stack of its parent, and in its memory, until it executes a program or ends. Our hooks
/// write nothing for it, because what they would write to are the accounts of the parent.
///
/// The return address is kept in a register across the system call: the child will have overwritten the stack above it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn vfork() -> pid_t {
    naked_asm!(
        "sub rsp, 8",
        "call {before}",
        "add rsp, 8",
        "pop rdi",
        "mov eax, {number}",
        "syscall",
        "push rdi",
        "test rax, rax",
        "jz 2f",
        "sub rsp, 8",
        "mov rdi, rax",
        "call {after}",
        "add rsp, 8",
        "2:",
        "ret",
        before = sym before_vfork,
        number = const libc::SYS_vfork,
        after = sym after_vfork,
    )
}

extern "C" fn before_vfork() {
    errno::keep(thread::mute_for_vfork);
}

/// In the parent: what the kernel answered becomes what vfork(2) does.
extern "C" fn after_vfork(answer: c_long) -> pid_t {
    thread::unmute();
    result(answer) as pid_t
}

/// Defines a function that takes a program and any number of words, the last of which is null: `WITH` gets them as a list.
///
/// Those in registers are pushed in front of those on the stack, in the place of the return address and below, so that all of
/// them lie one behind the other; then the return address is put back.
macro_rules! listing {
    ($(fn $name:ident => $with:path;)*) => {
        $(
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name() -> c_int {
                naked_asm!(
                    "pop rax",
                    "push r9",
                    "push r8",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "mov rsi, rsp",
                    "push rax",
                    "call {with}",
                    "pop rcx",
                    "add rsp, 40",
                    "push rcx",
                    "ret",
                    with = sym $with,
                )
            }
        )*
    };
}

listing! {
    fn execl => execv;
    fn execlp => execvp;
    fn execle => exec_with_environment;
}

/// execle(3): behind the null pointer comes the environment.
unsafe extern "C-unwind" fn exec_with_environment(file: *const c_char, words: *const *const c_char) -> c_int {
    let mut count = 0;
    // SAFETY: the caller of execle has ended the words with a null pointer.
    while !unsafe { *words.add(count) }.is_null() {
        count += 1;
    }
    // SAFETY: and put the environment behind it.
    let environment = unsafe { *words.add(count + 1) };
    // SAFETY: the words and the environment are the caller's, who answers for them.
    unsafe { execve(file, words, environment.cast()) }
}

/// syscall(2): everything but waiting on a futex goes straight to the kernel.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall() -> c_long {
    naked_asm!(
        "cmp rdi, {number}",
        "je {futex}",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        "cmp rax, -4095",
        "jae 2f",
        "ret",
        "2:",
        "sub rsp, 8",
        "mov rdi, rax",
        "call {failed}",
        "add rsp, 8",
        "ret",
        number = const libc::SYS_futex,
        futex = sym futex,
        failed = sym result,
    )
}

/// The kernel's answer as libc gives it: -1 and errno, if it is an error.
extern "C" fn result(answer: c_long) -> c_long {
    match answer {
        -4095..=-1 => {
            errno::set(-answer as c_int);
            -1
        }
        answer => answer,
    }
}

/// futex(2) out of syscall(2): as the standard library of Rust waits, and others.
extern "C-unwind" fn futex(
    _: c_long,
    word: c_long,
    operation: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let waits = matches!(
        operation as c_int & libc::FUTEX_CMD_MASK,
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET | libc::FUTEX_LOCK_PI | libc::FUTEX_WAIT_REQUEUE_PI
    );
    let phase = waits.then_some(Phase::OtherLock);
    result(thread::around(phase, || call_futex([word, operation, c, d, e, f])))
}

fn call_futex([a, b, c, d, e, f]: [c_long; 6]) -> c_long {
    let mut answer = libc::SYS_futex;
    // SAFETY: the system call is made with the arguments that the program made it with, which answers for them; it clobbers
    // rcx and r11, and the kernel writes no memory that the program has not named.
    unsafe {
        std::arch::asm!(
            "syscall",
            inout("rax") answer,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer
}
