//! What an operation waits for on the test host: the C side of registering it, and the waiting itself.

use std::time::Duration;

use super::host::see;
use crate::raw::{self, Status};
use crate::time::monotonic_ns;

/// Events that may be waited for: POLLIN, POLLPRI, POLLOUT, POLLRDHUP.
const EVENTS: u32 = 0x2007;

/// What the poll in progress has registered.
#[derive(Debug, Default)]
pub(super) struct Waits {
    fds: Vec<libc::pollfd>,
    deadlines_ns: Vec<u64>,
}

impl Waits {
    pub(super) fn is_empty(&self) -> bool {
        self.fds.is_empty() && self.deadlines_ns.is_empty()
    }

    /// Waits until one of them fires.
    pub(super) fn wait(mut self) {
        loop {
            let first_ns = self.deadlines_ns.iter().min();
            let left = first_ns.map(|ns| Duration::from_nanos(ns.saturating_sub(monotonic_ns())));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            let timeout = left.map(|left| libc::timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            let (fds, count) = (self.fds.as_mut_ptr(), self.fds.len() as libc::nfds_t);
            // SAFETY: so many entries may be written, the timeout is null or readable, and no signal mask is given.
            if unsafe { libc::ppoll(fds, count, timeout, std::ptr::null()) } > 0 {
                return;
            }
            // Interrupted, or the time is up, which the loop sees.
        }
    }
}

struct Table(raw::Waits);

// SAFETY: a constant; nothing behind the pointers is ever written.
unsafe impl Sync for Table {}

static TABLE: Table =
    Table(raw::Waits { size: size_of::<raw::Waits>() as u32, reserved: 0, fd: Some(wait_fd), timer: Some(wait_timer) });

/// The table of waits, for `poll`.
pub fn table() -> *const raw::Waits {
    &TABLE.0
}

unsafe extern "C" fn wait_fd(_task: *mut raw::Task, fd: i32, events: u32) -> Status {
    if fd < 0 || events == 0 || events & !EVENTS != 0 {
        return raw::E_PARAM;
    }
    see(|state| {
        state.record.waits += 1;
        state.waits.fds.push(libc::pollfd { fd, events: events as i16, revents: 0 });
        raw::OK
    })
}

unsafe extern "C" fn wait_timer(_task: *mut raw::Task, deadline_ns: u64) -> Status {
    see(|state| {
        state.record.waits += 1;
        state.waits.deadlines_ns.push(deadline_ns);
        raw::OK
    })
}
