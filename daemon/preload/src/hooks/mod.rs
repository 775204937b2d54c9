//! The functions that are stood in for.
//!
//! | module | subject |
//! |---|---|
//! | [`conditions`] | signals of condition variables |
//! | [`io`] | calls that may wait for somebody outside: files, sockets, children, the clock |
//! | [`mutexes`] | mutexes, and whose they are |
//! | [`locks`] | condition variables, semaphores and the like |
//! | [`threads`] | threads that start |
//! | [`processes`] | fork, exec, the end of a process |
//! | [`signals`] | signals that end other processes |
//! | [`orders`] | what Python code of ours tells us |
//! | [`spawn`] | processes that are started by posix_spawn(3) |
//! | [`machine`] | where the machine's own conventions matter: vfork(2), syscall(2), execl(3) |
//!
//! Hooks are `extern "C-unwind"`, because cancellation may unwind through them, and none has anything to drop.

mod conditions;
mod io;
mod locks;
#[cfg(target_arch = "x86_64")]
mod machine;
mod mutexes;
mod orders;
mod processes;
mod signals;
mod spawn;
mod threads;

/// Looks up all that is stood in for.
pub fn find_all() {
    let all = [
        conditions::NEXT,
        mutexes::NEXT,
        io::NEXT,
        locks::NEXT,
        locks::FIRST_TRIED,
        threads::NEXT,
        processes::NEXT,
        signals::NEXT,
        orders::NEXT,
        spawn::NEXT,
    ];
    for next in all.into_iter().flatten() {
        next.find();
    }
}
