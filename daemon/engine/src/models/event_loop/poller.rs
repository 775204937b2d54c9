//! What the tasks in flight wait for: descriptors in an epoll instance, points in time in a set.
//!
//! A wait is told once and by level: a descriptor that is ready when it is registered fires at once. So every descriptor
//! is one-shot in the epoll instance (EPOLLONESHOT) and armed anew by every wait, which is one system call; waiting is a
//! second one. Time comes from a timer descriptor, which has no slack, unlike the timeout of epoll_wait(2), and is exact to
//! the nanosecond. It is set only when a wait is due earlier than it would run out: a time limit that is withdrawn, as
//! most are, costs no system call.
//!
//! Descriptors are the kernel's, and closed whenever it likes. epoll(7) forgets a descriptor that is closed, and what is
//! left here is waits that never fire and are withdrawn with their task.

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};

use crate::plugin::waits::Wait;

/// What the timer's events carry; those of descriptors carry their number.
const TIMER: u64 = u64::MAX;
/// Most events that are taken at once.
const EVENTS_MAX: usize = 256;
/// What fires though nobody has asked for it.
const ALWAYS: EpollFlags = EpollFlags::EPOLLERR.union(EpollFlags::EPOLLHUP);

/// Waits for descriptors and points in time on behalf of tasks.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: Epoll,
    timer: TimerFd,
    /// When the timer runs out.
    timer_ns: Option<u64>,
    /// Who waits for a descriptor, and for what.
    descriptors: HashMap<RawFd, Vec<Waiter>>,
    /// When whose time comes.
    deadlines: BTreeSet<(u64, usize)>,
    events: Vec<EpollEvent>,
    fired: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Waiter {
    task: usize,
    events: EpollFlags,
}

/// A descriptor that cannot be waited for.
#[derive(Debug, thiserror::Error)]
#[error("it waits for descriptor {fd}, which cannot be waited for: {}", errno.desc())]
pub(super) struct BadDescriptor {
    fd: RawFd,
    errno: Errno,
}

impl Poller {
    /// # Errors
    /// The system gives no epoll instance or no timer.
    pub(super) fn new() -> Result<Poller, Errno> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(timerfd::ClockId::CLOCK_MONOTONIC, flags)?;
        // Edge-triggered: each time that it runs out is told once, and nothing has to be read.
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, TIMER))?;
        Ok(Poller {
            epoll,
            timer,
            timer_ns: None,
            descriptors: HashMap::new(),
            deadlines: BTreeSet::new(),
            events: vec![EpollEvent::empty(); EVENTS_MAX],
            fired: Vec::new(),
        })
    }

    /// Waits for these on behalf of a task, until they are withdrawn.
    pub(super) fn register(&mut self, task: usize, waits: &[Wait]) -> Result<(), BadDescriptor> {
        for wait in waits {
            match *wait {
                Wait::Timer { deadline_ns } => drop(self.deadlines.insert((deadline_ns, task))),
                Wait::Descriptor { fd, events } => self.watch(task, fd, events)?,
            }
        }
        Ok(())
    }

    fn watch(&mut self, task: usize, fd: RawFd, events: EpollFlags) -> Result<(), BadDescriptor> {
        let waiters = self.descriptors.entry(fd).or_default();
        waiters.push(Waiter { task, events });
        match arm(&self.epoll, fd, waiters) {
            Ok(()) => Ok(()),
            // A regular file is always ready, and epoll does not take it.
            Err(Errno::EPERM) => {
                waiters.clear();
                self.deadlines.insert((0, task));
                Ok(())
            }
            Err(errno) => Err(BadDescriptor { fd, errno }),
        }
    }

    /// A task does not wait for these any more.
    pub(super) fn withdraw(&mut self, task: usize, waits: &[Wait]) {
        for wait in waits {
            match wait {
                Wait::Timer { deadline_ns } => drop(self.deadlines.remove(&(*deadline_ns, task))),
                Wait::Descriptor { fd, .. } => {
                    if let Some(waiters) = self.descriptors.get_mut(fd) {
                        waiters.retain(|waiter| waiter.task != task);
                    }
                    self.deadlines.remove(&(0, task));
                }
            }
        }
    }

    /// Waits until at least one wait has fired, and says whose. A task may be named twice.
    ///
    /// # Errors
    /// The system refuses to wait.
    pub(super) fn wait(&mut self) -> Result<&[usize], Errno> {
        self.fired.clear();
        while self.fired.is_empty() {
            let timeout = match self.deadlines.first() {
                Some((due_ns, _)) if *due_ns <= now_ns() => EpollTimeout::ZERO,
                _ => EpollTimeout::NONE,
            };
            self.set_timer()?;
            let count = match self.epoll.wait(&mut self.events, timeout) {
                Err(Errno::EINTR) => 0,
                outcome => outcome?,
            };
            for at in 0..count {
                let event = self.events[at];
                match event.data() {
                    TIMER => self.timer_ns = None,
                    fd => self.fire(fd as RawFd, event.events()),
                }
            }
            self.fire_due();
        }
        Ok(&self.fired)
    }

    /// Sets the timer, unless it runs out in time anyway.
    fn set_timer(&mut self) -> Result<(), Errno> {
        let Some((due_ns, _)) = self.deadlines.first().copied() else { return Ok(()) };
        if self.timer_ns.is_some_and(|timer_ns| timer_ns <= due_ns) {
            return Ok(());
        }
        // Zero would unset it.
        let time = TimeSpec::from_duration(Duration::from_nanos(due_ns.max(1)));
        self.timer.set(Expiration::OneShot(time), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        self.timer_ns = Some(due_ns);
        Ok(())
    }

    /// A descriptor is ready: everybody who waits for that is told, and for the others it is armed again.
    fn fire(&mut self, fd: RawFd, happened: EpollFlags) {
        let Some(waiters) = self.descriptors.get_mut(&fd) else { return };
        waiters.retain(|waiter| {
            let fires = happened.intersects(waiter.events | ALWAYS);
            if fires {
                self.fired.push(waiter.task);
            }
            !fires
        });
        if !waiters.is_empty() && arm(&self.epoll, fd, waiters).is_err() {
            // Closed in the meantime: whoever waits for it finds out by trying.
            self.fired.extend(waiters.drain(..).map(|waiter| waiter.task));
        }
    }

    fn fire_due(&mut self) {
        let now_ns = now_ns();
        while let Some((_, task)) = self.deadlines.first().copied().filter(|(due_ns, _)| *due_ns <= now_ns) {
            self.deadlines.pop_first();
            self.fired.push(task);
        }
    }
}

/// Has the descriptor fire once for what these wait for.
fn arm(epoll: &Epoll, fd: RawFd, waiters: &[Waiter]) -> Result<(), Errno> {
    let wanted = waiters.iter().fold(EpollFlags::EPOLLONESHOT, |all, waiter| all | waiter.events);
    // SAFETY: the number is not negative (`plugin::waits` has looked), and by the ABI the kernel keeps the descriptor open
    // while an operation waits for it. One that is not open after all is an error of the system call, and nothing else.
    let descriptor = unsafe { BorrowedFd::borrow_raw(fd) };
    let event = || EpollEvent::new(wanted, fd as u64);
    match epoll.modify(descriptor, &mut event()) {
        // The first time, or the number belongs to another descriptor by now.
        Err(Errno::ENOENT) => epoll.add(descriptor, event()),
        outcome => outcome,
    }
}

fn now_ns() -> u64 {
    let now: Duration = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock").into();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
