//! A connection to the server, and those that wait to be used again.
//!
//! A connection is kept open when its task is done, as an HTTP client does, and the next task of the same process takes
//! it: there are as many as a process has tasks under way at once, one per worker or per task in flight on an event loop. They belong to the instance, not to a
//! thread, so that an instance that is given up closes them. A connection that failed is not kept.

use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::exchange::Exchange;

/// Connections that nobody uses.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// The connection that was used last, if there is one.
    pub(crate) fn take(&self) -> Option<Connection> {
        self.connections().pop()
    }

    /// Keeps a connection for the next task.
    pub(crate) fn put(&self, connection: Connection) {
        self.connections().push(connection);
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list that somebody panicked over is still a list of connections.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection. No call of it waits longer than the time limit.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    limit: Duration,
}

impl Connection {
    /// Connects to the first of the host's addresses that answers.
    pub(crate) fn open(server: &str, limit: Duration) -> io::Result<Connection> {
        let mut outcome = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
        for address in server.to_socket_addrs()? {
            outcome = TcpStream::connect_timeout(&address, limit);
            if outcome.is_ok() {
                break;
            }
        }
        Connection::new(outcome?, limit)
    }

    /// Takes a stream that is connected.
    pub(crate) fn new(stream: TcpStream, limit: Duration) -> io::Result<Connection> {
        // A request is not held back until the answer to the one before is acknowledged.
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Connection { stream, limit })
    }

    /// The socket. It does not block.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// How long it may take to connect, to send a request, to get an answer.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Sends a request; waits while the socket takes no more.
    pub(crate) fn send(&mut self, exchange: &mut Exchange<'_>) -> io::Result<()> {
        let deadline = Instant::now() + self.limit;
        while !exchange.send(&mut self.stream)? {
            self.wait(PollFlags::POLLIN | PollFlags::POLLOUT, deadline, exchange)?;
        }
        Ok(())
    }

    /// Waits for the answer, to its last byte.
    pub(crate) fn receive(&mut self, exchange: &mut Exchange<'_>) -> io::Result<()> {
        let deadline = Instant::now() + self.limit;
        loop {
            self.wait(PollFlags::POLLIN, deadline, exchange)?;
            if exchange.receive(&mut self.stream)? {
                return Ok(());
            }
        }
    }

    fn wait(&self, events: PollFlags, deadline: Instant, exchange: &Exchange<'_>) -> io::Result<()> {
        loop {
            let left_ms = deadline.saturating_duration_since(Instant::now()).as_nanos().div_ceil(1_000_000);
            let timeout = PollTimeout::try_from(left_ms).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.stream.as_fd(), events)], timeout) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(0) => return Err(too_late(self.limit, exchange)),
                Ok(_) => return Ok(()),
            }
        }
    }
}

#[cold]
pub(crate) fn too_late(limit: Duration, exchange: &Exchange<'_>) -> io::Error {
    let (limit_ms, received) = (limit.as_millis(), exchange.received());
    io::Error::new(ErrorKind::TimedOut, format!("no answer within {limit_ms} ms, only {received} bytes of it"))
}
