//! What disturbs an account: moves to another core, a child process in the middle of a task, a thread that ends there.

use std::io;
use std::time::Duration;

use gild_abi::{Error, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use serde::{Deserialize, Serialize};

use crate::burn::burn;
use crate::clocks::{nanoseconds, wall_time};

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// What moving knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Moves to another core: each a migration.
    pub moves: u64,
}

/// Moves the calling thread from core to core that many times.
pub(crate) fn migrate(count: u64, mut safe_point: impl FnMut() -> Result<()>) -> Result<Moved> {
    let allowed = sched_getaffinity(SELF).map_err(io::Error::from)?;
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect();
    if cores.len() < 2 {
        let text =
            "migrations: the worker may run on one core only; leave pinning out, or use a machine with two cores";
        return Err(Error::unsupported(text));
    }
    let moved = move_around(&cores, count, &mut safe_point);
    sched_setaffinity(SELF, &allowed).map_err(io::Error::from)?;
    moved.map(|()| Moved { moves: count })
}

fn move_around(cores: &[usize], count: u64, safe_point: &mut impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 0..count {
        let here = nix::sched::sched_getcpu().map_err(io::Error::from)?;
        let next = *cores.iter().find(|core| **core != here).expect("there are two cores");
        let mut only = CpuSet::new();
        only.set(next).map_err(io::Error::from)?;
        sched_setaffinity(SELF, &only).map_err(io::Error::from)?;
        safe_point()?;
    }
    Ok(())
}

/// What having a child knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// From before the fork until the child was gone.
    pub child_wall_ns: u64,
    /// The part of it that was waiting for the child.
    pub wait_wall_ns: u64,
}

/// Forks a child that burns CPU time, and waits for its end.
pub(crate) fn raise_child(time: Duration) -> Result<Raised> {
    let start = wall_time();
    // SAFETY: the child makes system calls and arithmetic only (`burn` reads clocks), and ends without running anything
    // else of this process.
    match unsafe { fork() }.map_err(io::Error::from)? {
        ForkResult::Child => {
            let status = i32::from(burn(time, || Ok(())).is_err());
            // SAFETY: _exit has no preconditions.
            unsafe { libc::_exit(status) }
        }
        ForkResult::Parent { child } => {
            let forked = wall_time();
            match waitpid(child, None).map_err(io::Error::from)? {
                WaitStatus::Exited(_, 0) => {}
                other => return Err(Error::new(format!("the child of a task ended as {other:?}"))),
            }
            let end = wall_time();
            Ok(Raised { child_wall_ns: nanoseconds(end - start), wait_wall_ns: nanoseconds(end - forked) })
        }
    }
}

/// Ends the calling thread and nothing else: nobody is told, nothing is tidied up.
pub(crate) fn vanish() -> ! {
    // SAFETY: exit(2), not exit(3), ends the calling thread. What it owned is leaked, as if it slept for ever.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("exit(2) does not return")
}

/// From now on the thread does not push others off its core when it wakes up, so that it has to wait for one.
pub(crate) fn wake_late() -> Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the structure outlives the call, and the calling thread may always give up privileges.
    nix::errno::Errno::result(unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &parameters) })
        .map_err(io::Error::from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::measured;

    #[test]
    fn moves_end_where_they_were_allowed_before() {
        let before = sched_getaffinity(SELF).unwrap();
        match migrate(4, || Ok(())) {
            Ok(moved) => assert_eq!(moved.moves, 4),
            Err(error) => eprintln!("skipped: {error}"),
        }
        assert_eq!(sched_getaffinity(SELF).unwrap(), before);
        assert!(migrate(1_000_000, || Err(Error::cancelled())).is_err());
        assert_eq!(sched_getaffinity(SELF).unwrap(), before);
    }

    #[test]
    fn a_childs_time_is_not_its_parents() {
        let time = Duration::from_millis(20);
        let part = measured(|| raise_child(time)).unwrap();
        assert!(part.truth.wait_wall_ns <= part.truth.child_wall_ns, "{part:?}");
        assert!(part.truth.child_wall_ns >= nanoseconds(time) && part.figures.wall_ns >= nanoseconds(time), "{part:?}");
        assert!(part.figures.voluntary_switches >= 1, "{part:?}");
    }

    #[test]
    fn only_the_thread_vanishes() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            sender.send(nix::unistd::gettid()).unwrap();
            vanish()
        });
        let tid = receiver.recv().unwrap();
        let path = format!("/proc/self/task/{tid}");
        while std::path::Path::new(&path).exists() {
            std::thread::yield_now();
        }
        // Its result was never written, so that joining it would be wrong.
        std::mem::forget(thread);
    }
}
