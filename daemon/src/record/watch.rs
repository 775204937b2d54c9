//! Waiting for the end of the command. Meanwhile processes come and go, and signals are passed on.
//!
//! ```text
//!  a process of the program begins ─▶ wakes the thread "arrivals" ─▶ its pidfd is polled, too
//!  a process is gone               ─▶ its pidfd is readable       ─▶ stamped: threads without a last act ended now
//!  a signal for this process       ─▶ the signal descriptor       ─▶ passed on, unless the terminal gave it to all
//! ```
//!
//! Nothing here happens at intervals but looks at how far the program is, where somebody wants them ([`super::telling`]).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gild_engine::clock::raw_ns;
use gild_engine::record::map::Map;
use gild_engine::record::owner::Recording;
use gild_model::recording::Ended;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::telling::Teller;

/// What is passed on.
const PASSED_ON: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// The end of the command.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// How it ended.
    pub how: Ended,
    /// When, in raw nanoseconds.
    pub raw_ns: u64,
}

/// What is waited for.
#[derive(Debug)]
pub struct Watch {
    signals: SignalFd,
    arrivals: Arc<EventFd>,
    /// Processes with their descriptors (pidfd_open(2)).
    processes: Vec<(u32, OwnedFd)>,
    /// The signals that the command finds blocked.
    mask_before: SigSet,
}

impl Watch {
    /// Begins to hear of processes and signals. Blocks these signals; the command must get [`Watch::mask_before`].
    /// `freed`: signals that whoever started this program has blocked for it alone.
    ///
    /// # Errors
    /// A descriptor or the thread cannot be had.
    pub fn new(map: &Arc<Map>, freed: SigSet) -> io::Result<Watch> {
        let mut set = SigSet::empty();
        PASSED_ON.into_iter().chain([Signal::SIGCHLD]).for_each(|signal| set.add(signal));
        let mut mask_before = set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        freed.iter().for_each(|signal| mask_before.remove(signal));
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let arrivals = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let (told, map) = (Arc::clone(&arrivals), Arc::clone(map));
        thread::Builder::new().name("arrivals".to_owned()).spawn(move || wait_for_arrivals(&map, &told))?;
        Ok(Watch { signals, arrivals, processes: Vec::new(), mask_before })
    }

    /// The signals that are blocked for the command: those that were when `gilctl` was started.
    pub fn mask_before(&self) -> SigSet {
        self.mask_before
    }

    /// Waits until the command is over; meanwhile `teller`, if there is one, tells how far it is.
    ///
    /// # Errors
    /// poll(2) or waitpid(2) failed.
    pub fn until_end_of(
        &mut self,
        mut child: Child,
        recording: &mut Recording,
        mut teller: Option<&mut Teller>,
    ) -> io::Result<End> {
        let pid = child.id();
        loop {
            let told = teller.as_deref();
            let due_in = told.map_or(PollTimeout::NONE, Teller::due_in);
            self.wait(recording, due_in, told.and_then(Teller::blocked_on))?;
            if let Some(teller) = &mut teller {
                teller.go_on(recording);
            }
            if let Some(status) = child.try_wait()? {
                let end = End { how: ended(status), raw_ns: raw_ns() };
                recording.gone(pid);
                self.let_linger(recording)?;
                return Ok(end);
            }
            self.pass_signals_on(recording, pid);
        }
    }

    /// Helpers of the command, such as those of multiprocessing, end because it has ended: a moment later.
    fn let_linger(&mut self, recording: &mut Recording) -> io::Result<()> {
        let until = Instant::now() + LINGER_MAX;
        self.wait(recording, PollTimeout::ZERO, None)?;
        while !self.processes.is_empty() && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            self.wait(recording, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO), None)?;
        }
        Ok(())
    }

    /// Waits for something to happen, or for `room` to be there, and takes note of processes that have come or are gone.
    fn wait(
        &mut self,
        recording: &mut Recording,
        timeout: PollTimeout,
        room: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        self.meet(recording);
        let read = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut polled = vec![read(self.signals.as_fd()), read(self.arrivals.as_fd())];
        polled.extend(self.processes.iter().map(|(_, descriptor)| read(descriptor.as_fd())));
        polled.extend(room.map(|fd| PollFd::new(fd, PollFlags::POLLOUT)));
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let is_over: Vec<bool> =
            polled[2..].iter().take(self.processes.len()).map(|it| it.any().unwrap_or(false)).collect();
        drop(polled);
        // EAGAIN: nobody has come.
        let _ = self.arrivals.read();
        let mut is_over = is_over.into_iter();
        self.processes.retain(|(pid, _)| {
            let over = is_over.next().unwrap_or(false);
            if over {
                recording.gone(*pid);
            }
            !over
        });
        self.meet(recording);
        Ok(())
    }

    /// Takes note of processes that have come.
    fn meet(&mut self, recording: &mut Recording) {
        for pid in recording.newcomers() {
            match pidfd(pid) {
                Ok(descriptor) => self.processes.push((pid, descriptor)),
                // It is gone already, or there is no descriptor left; the latter ends it too early, and that is seen in the
                // books: its threads' own last acts count, and where there are none, the life ends here.
                Err(_) => recording.gone(pid),
            }
        }
    }

    fn pass_signals_on(&mut self, recording: &Recording, pid: u32) {
        while let Ok(Some(info)) = self.signals.read_signal() {
            let signal = i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
            // The terminal gives signals to all of its foreground group, the command included.
            let is_for_us = info.ssi_code != SI_KERNEL;
            if let Some(signal) = signal.filter(|it| is_for_us && PASSED_ON.contains(it)) {
                // The command has not been waited for, so the number is still its own.
                recording.about_to_signal(pid);
                let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
            }
        }
    }
}

/// How long processes may outlive the command and still have whole accounts.
const LINGER_MAX: Duration = Duration::from_millis(100);
/// Sent by the kernel (sigaction(2)).
const SI_KERNEL: i32 = 0x80;

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, signal) => Ended::Signalled(signal.unwrap_or_default()),
    }
}

fn wait_for_arrivals(map: &Map, told: &EventFd) {
    let header = map.header();
    let mut seen = 0;
    loop {
        Recording::wait_for_arrival(header, seen);
        let now = header.arrivals.load(std::sync::atomic::Ordering::Acquire);
        if now != seen {
            seen = now;
            // It is full only if nobody has looked for a very long time, and then there is a reason to look.
            let _ = told.write(1);
        }
    }
}

fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open(2) takes two numbers and touches no memory.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, close-on-exec, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(descriptor).map_err(io::Error::other)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_process_is_seen_by_its_descriptor() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let descriptor = pidfd(child.id()).unwrap();
        let mut polled = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut polled, PollTimeout::NONE).unwrap(), 1);
        child.wait().unwrap();
        assert!(pidfd(child.id()).is_err(), "it was waited for");
    }
}
