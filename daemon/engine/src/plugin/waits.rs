//! What an operation can wait for (`gild_waits`): registered while it is polled, waited for by its loop afterwards.

use gild_abi::raw;
use nix::sys::epoll::EpollFlags;

use super::table::{context, refuse};

/// A wait of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until a descriptor is ready.
    Descriptor {
        /// The kernel's descriptor; not negative.
        fd: i32,
        /// For what; at least one of [`EVENTS`].
        events: EpollFlags,
    },
    /// Until a time of `CLOCK_MONOTONIC`, in nanoseconds.
    Timer {
        /// The time.
        deadline_ns: u64,
    },
}

/// What a descriptor can be waited for; errors and a hang-up of the other side always count. On Linux the bits of
/// epoll(7) are those of poll(2).
pub const EVENTS: EpollFlags =
    EpollFlags::EPOLLIN.union(EpollFlags::EPOLLOUT).union(EpollFlags::EPOLLPRI).union(EpollFlags::EPOLLRDHUP);

const _: () = assert!(
    EpollFlags::EPOLLIN.bits() == libc::POLLIN as i32
        && EpollFlags::EPOLLOUT.bits() == libc::POLLOUT as i32
        && EpollFlags::EPOLLPRI.bits() == libc::POLLPRI as i32
        && EpollFlags::EPOLLRDHUP.bits() == libc::POLLRDHUP as i32
);

/// A table that threads may share.
struct Table(raw::Waits);

// SAFETY: the table is never written, and its pointers are to functions.
unsafe impl Sync for Table {}

static TABLE: Table =
    Table(raw::Waits { size: size_of::<raw::Waits>() as u32, reserved: 0, fd: Some(fd), timer: Some(timer) });

/// The table that every poll gets.
pub(super) fn table() -> *const raw::Waits {
    &TABLE.0
}

unsafe extern "C" fn fd(task: *mut raw::Task, fd: i32, events: u32) -> raw::Status {
    let known = i32::try_from(events).ok().map(EpollFlags::from_bits_retain);
    match known.filter(|events| fd >= 0 && !events.is_empty() && EVENTS.contains(*events)) {
        Some(events) => register(task, Wait::Descriptor { fd, events }),
        None => refuse(
            raw::E_PARAM,
            format!(
                "descriptor {fd} cannot be waited for with events {events:#x}: expected POLLIN, POLLOUT, POLLPRI or POLLRDHUP"
            ),
        ),
    }
}

unsafe extern "C" fn timer(task: *mut raw::Task, deadline_ns: u64) -> raw::Status {
    register(task, Wait::Timer { deadline_ns })
}

fn register(task: *mut raw::Task, wait: Wait) -> raw::Status {
    context(task).map_or(raw::E_INTERNAL, |context| context.register(wait))
}
