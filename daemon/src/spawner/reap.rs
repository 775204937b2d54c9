//! Finding, killing and burying processes. Only direct children are ever signalled by number: an unreaped child
//! keeps its process id, so no signal can hit a stranger. What a killed child leaves behind becomes a direct
//! child in turn, because the caller is a subreaper, and is found by the next look.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::time::TimeVal;
use nix::unistd::{Pid, getpgid, getpgrp};

use super::protocol::Exit;

/// The children of all threads of a process, from `<process>/task/*/children` (`process` is `/proc/self`).
///
/// The kernel may leave out a child while one of its siblings exits: an empty answer is not yet a proof.
///
/// # Errors
/// The files cannot be read.
pub fn children(process: &Path) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for task in fs::read_dir(process.join("task"))? {
        let text = fs::read_to_string(task?.path().join("children"))?;
        found.extend(text.split_ascii_whitespace().filter_map(|it| it.parse().ok()).map(Pid::from_raw));
    }
    Ok(found)
}

/// What [`look`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A child that is over and still keeps its process id; to be buried with [`bury`].
    Over(Pid),
    /// All children live.
    NoneOver,
    /// There are no children.
    NoChildren,
}

/// Looks for a child that is over; neither waits nor buries.
pub fn look() -> Found {
    match wait(libc::P_ALL, 0, libc::WNOHANG | libc::WNOWAIT) {
        Ok(Some((pid, _))) => Found::Over(pid),
        Ok(None) => Found::NoneOver,
        // The call knows no other error but EINTR, and it does not sleep.
        Err(_) => Found::NoChildren,
    }
}

/// A child that was buried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buried {
    /// What became of it.
    pub exit: Exit,
    /// Its CPU time, and that of the descendants that it and they waited for, in nanoseconds.
    pub cpu_ns: u64,
}

/// Buries a child that [`look`] found; `None`: there is no such child. The caller has one thread.
pub fn bury(child: Pid) -> Option<Buried> {
    let before_ns = cpu_of_buried_ns();
    let (_, exit) = wait(libc::P_PID, child.as_raw().unsigned_abs(), libc::WNOHANG).ok().flatten()?;
    Some(Buried { exit, cpu_ns: cpu_of_buried_ns().saturating_sub(before_ns) })
}

/// CPU time of all children that were ever waited for, with their descendants. The kernel scales user and system time so
/// that their sum is exact (getrusage(2) tells it in microseconds).
fn cpu_of_buried_ns() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage knows RUSAGE_CHILDREN");
    let ns = |time: TimeVal| {
        let us = time.tv_sec().saturating_mul(1_000_000).saturating_add(time.tv_usec());
        u64::try_from(us).unwrap_or(0).saturating_mul(1000)
    };
    ns(usage.user_time()).saturating_add(ns(usage.system_time()))
}

/// waitid(2) by hand, because nix cannot name a real-time signal that ended a child and loses the child over it.
fn wait(kind: libc::idtype_t, id: u32, flags: i32) -> nix::Result<Option<(Pid, Exit)>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the pointer is valid for one siginfo_t, which the call fills in or leaves zeroed.
    Errno::result(unsafe { libc::waitid(kind, id, info.as_mut_ptr(), libc::WEXITED | flags) })?;
    // SAFETY: all-zero bytes are a valid siginfo_t (plain integers), whether or not the call wrote to it.
    let info = unsafe { info.assume_init() };
    // SAFETY: the record is zeroed or was written for SIGCHLD; both have the fields of SIGCHLD.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    let exit = if info.si_code == libc::CLD_EXITED { Exit::Exited(status) } else { Exit::Signalled(status) };
    Ok((pid != 0).then_some((Pid::from_raw(pid), exit)))
}

/// Kills a child that has not been buried (it may be over), with all of its process group.
pub fn kill_with_group(child: Pid) {
    // Either call fails only if there is nobody left to kill.
    let _ = killpg(child, Signal::SIGKILL);
    let _ = kill(child, Signal::SIGKILL);
}

/// Kills children that are strays: all that are not in `spare`. Returns those that were found.
///
/// A whole process group goes at once, because killing a group, unlike killing one process after the other,
/// leaves no gap in which a member can fork out of reach. Groups of `spare` and the caller's own are left alone.
///
/// # Errors
/// The list of children cannot be read.
pub fn kill_strays(spare: &[Pid]) -> io::Result<Vec<Pid>> {
    let mut strays = children(Path::new("/proc/self"))?;
    strays.retain(|pid| !spare.contains(pid));
    for stray in &strays {
        if let Ok(group) = getpgid(Some(*stray))
            && group != getpgrp()
            && !spare.contains(&group)
        {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let _ = kill(*stray, Signal::SIGKILL);
    }
    Ok(strays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_of_all_threads_are_listed() {
        let process = tempfile::tempdir().unwrap();
        for (task, text) in [("10", "11 12 "), ("13", ""), ("14", "15")] {
            fs::create_dir_all(process.path().join("task").join(task)).unwrap();
            fs::write(process.path().join("task").join(task).join("children"), text).unwrap();
        }
        let mut found: Vec<i32> = children(process.path()).unwrap().into_iter().map(Pid::as_raw).collect();
        found.sort_unstable();
        assert_eq!(found, [11, 12, 15]);
    }

    #[test]
    fn a_process_that_is_gone_is_an_error_not_an_empty_list() {
        let process = tempfile::tempdir().unwrap();
        assert!(children(process.path()).is_err());
    }
}
