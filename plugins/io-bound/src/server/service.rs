//! What the server does: waits for clients, requests and the ends of service times.
//!
//! The service time is a delay: requests of different clients are served side by side, however many there are, and the
//! server computes nothing. Timers are exact to what the system's clock and scheduler allow (a timer descriptor has no
//! slack); an answer is never early.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::timerfd::{Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};

use super::Settings;
use super::connection::{Connection, Wants};

/// What events are of; smaller numbers are clients.
const LISTENER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// Most events that are looked at in one go.
const EVENTS: usize = 64;

/// A server, ready to serve.
#[derive(Debug)]
pub(super) struct Service {
    settings: Settings,
    listener: TcpListener,
    epoll: Epoll,
    timer: TimerFd,
    /// Clients, at places of their own; a place whose client is gone is given to the next.
    clients: Vec<Option<Connection>>,
    /// When whose time of service is up, the earliest on top.
    due: BinaryHeap<Reverse<(Duration, usize)>>,
    /// When the timer runs out.
    armed: Option<Duration>,
}

impl Service {
    pub(super) fn new(listener: TcpListener, settings: Settings) -> io::Result<Service> {
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(
            nix::sys::timerfd::ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
        )?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        Ok(Service { settings, listener, epoll, timer, clients: Vec::new(), due: BinaryHeap::new(), armed: None })
    }

    /// The descriptors that it cannot do without.
    pub(super) fn descriptors(&self) -> [BorrowedFd<'_>; 3] {
        [self.listener.as_fd(), self.epoll.0.as_fd(), self.timer.as_fd()]
    }

    /// Serves until something fails.
    pub(super) fn run(&mut self) -> io::Error {
        loop {
            if let Err(error) = self.turn() {
                return error;
            }
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => 0,
            outcome => outcome?,
        };
        for event in &events[..count] {
            match event.data() {
                LISTENER => self.accept()?,
                TIMER => self.drain_timer()?,
                client => self.step(client as usize, Connection::advance),
            }
        }
        self.answer();
        self.arm()
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client has gone before it was welcomed.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn welcome(&mut self, stream: TcpStream) -> io::Result<()> {
        let place = self.clients.iter().position(Option::is_none).unwrap_or_else(|| {
            self.clients.push(None);
            self.clients.len() - 1
        });
        // Edge-triggered, so that nothing is told again and again of a client that waits to be served.
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        let client = Connection::new(stream, self.settings.bytes)?;
        self.epoll.add(client.stream(), EpollEvent::new(flags, place as u64))?;
        self.clients[place] = Some(client);
        Ok(())
    }

    /// Takes a client one step further.
    fn step(&mut self, place: usize, step: fn(&mut Connection) -> Wants) {
        // An event of a client that is gone since is nobody's.
        let Some(client) = self.clients.get_mut(place).and_then(Option::as_mut) else { return };
        match step(client) {
            Wants::Event => {}
            Wants::Service => self.due.push(Reverse((now() + self.settings.service, place))),
            // Closing its socket takes it out of the epoll instance.
            Wants::Nothing => self.clients[place] = None,
        }
    }

    /// Answers everybody whose time of service is up.
    fn answer(&mut self) {
        while let Some(Reverse((until, place))) = self.due.peek().copied() {
            if until > now() {
                return;
            }
            self.due.pop();
            self.step(place, Connection::served);
        }
    }

    /// Sets the timer to the next end of a service time.
    fn arm(&mut self) -> io::Result<()> {
        let next = self.due.peek().map(|Reverse((until, _))| *until);
        if next != self.armed {
            match next {
                Some(until) => {
                    self.timer.set(Expiration::OneShot(until.into()), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
                }
                None => self.timer.unset()?,
            }
            self.armed = next;
        }
        Ok(())
    }

    fn drain_timer(&mut self) -> io::Result<()> {
        self.armed = None;
        match self.timer.wait() {
            // It was set anew since the event.
            Ok(()) | Err(Errno::EAGAIN) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock").into()
}
