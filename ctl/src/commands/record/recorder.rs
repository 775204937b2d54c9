//! The recorder's process: how it is started, what it is sent, how it ends.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::RecordArguments;
use crate::error::Error;
use crate::launch;

/// What is passed on to the recorder, which passes it on to the command.
const PASSED_ON: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];
/// Sent by the kernel (sigaction(2)), as Ctrl-C is: to the whole of the foreground group.
const SI_KERNEL: i32 = 0x80;
/// How often the recorder looks how far the program is, in milliseconds, where somebody may want to know.
const LOOK_MS: u32 = 500;

/// A recorder that runs.
#[derive(Debug)]
pub struct Recorder {
    child: Child,
    signals: Signals,
}

impl Recorder {
    /// Starts it, and gives what it will tell. `looks`: also while the command runs.
    pub fn start(arguments: &RecordArguments, looks: bool) -> Result<(Recorder, PipeReader), Error> {
        let setup = |what| move |source: io::Error| Error::Setup { what, source };
        let program = launch::program()?;
        let (report, writer) = io::pipe().map_err(setup("a pipe"))?;
        // The recorder inherits its end, and nobody else: it is closed here before anything else is started.
        fcntl(&writer, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|errno| setup("a pipe")(errno.into()))?;
        // Before it is started: a signal that comes in between would end this program and reach nobody.
        let signals = Signals::take().map_err(setup("signals"))?;
        let mut command = Command::new(&program);
        command.arg("record").arg(writer.as_raw_fd().to_string()).arg(if looks { LOOK_MS } else { 0 }.to_string());
        // It inherits that they are blocked, as is right for it; the command must not.
        let child = command.arg(signals.blocked_here()).args(&arguments.command).spawn();
        let child = child.map_err(|source| launch::Error::Spawn { program, source })?;
        Ok((Recorder { child, signals }, report))
    }

    /// Passes signals on until the recorder has ended, and gives the exit code. Ctrl-C reaches it without our doing; what comes
    /// by `end` is the wish that the command ends.
    pub fn wait(self, end: &EventFd) -> Result<u8, Error> {
        let status = self.signals.until_end_of(self.child, end);
        status.map(code).map_err(|source| Error::Setup { what: "a wait for the recorder", source })
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// The signals that this program gets while the command runs.
#[derive(Debug)]
struct Signals {
    descriptor: SignalFd,
    /// Those that were not blocked before.
    taken: SigSet,
}

impl Signals {
    fn take() -> io::Result<Signals> {
        let mut heard = SigSet::empty();
        PASSED_ON.into_iter().chain([Signal::SIGCHLD]).for_each(|signal| heard.add(signal));
        let before = heard.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let taken = heard.iter().filter(|signal| !before.contains(*signal)).collect();
        Ok(Signals { descriptor: SignalFd::with_flags(&heard, SfdFlags::SFD_CLOEXEC)?, taken })
    }

    /// The numbers of the signals that are blocked only because of this, as the recorder takes them; 0 is none.
    fn blocked_here(&self) -> String {
        let numbers: Vec<String> = self.taken.iter().map(|signal| (signal as i32).to_string()).collect();
        if numbers.is_empty() { "0".to_owned() } else { numbers.join(",") }
    }

    fn until_end_of(self, mut child: Child, end: &EventFd) -> io::Result<ExitStatus> {
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            // It has not been waited for, so the number is still its own.
            let pid = Pid::from_raw(child.id().cast_signed());
            if let Some(signal) = self.next(end)? {
                let _ = kill(pid, signal);
            }
        };
        // Those that are waiting were meant for the command: they are taken before they could end this program.
        while is_readable(&self.descriptor)? {
            self.descriptor.read_signal()?;
        }
        self.taken.thread_unblock()?;
        Ok(status)
    }

    /// Waits for something to happen, and gives what is to be passed on.
    fn next(&self, end: &EventFd) -> io::Result<Option<Signal>> {
        let mut polled = [self.descriptor.as_fd(), end.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        poll(&mut polled, PollTimeout::NONE)?;
        if polled[1].any().unwrap_or(false) {
            end.read()?;
            return Ok(Some(Signal::SIGTERM));
        }
        if !polled[0].any().unwrap_or(false) {
            return Ok(None);
        }
        let Some(info) = self.descriptor.read_signal()? else { return Ok(None) };
        let signal = i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
        Ok(signal.filter(|it| PASSED_ON.contains(it) && info.ssi_code != SI_KERNEL))
    }
}

fn is_readable(file: &impl AsFd) -> io::Result<bool> {
    let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut polled, PollTimeout::ZERO)? > 0)
}
