//! One client of the server.
//!
//! ```text
//!    ┌─────────────────────────── the last byte is written ◀───────────┐
//!    ▼                                                                 │
//! receiving ── the last byte is there ──▶ serving ── time is up ──▶ answering
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

/// A client, with its request, which is also its answer.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    request: Box<[u8]>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Receiving { received: usize },
    Serving,
    Answering { sent: usize },
}

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Its socket's next event.
    Event,
    /// To be served, from now on: its request has just become complete.
    Service,
    /// Nothing any more: it is gone.
    Nothing,
}

impl Connection {
    /// Takes a client whose requests have so many bytes.
    pub(super) fn new(stream: TcpStream, bytes: usize) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Connection { stream, request: vec![0; bytes].into(), stage: Stage::Receiving { received: 0 } })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Its time of service is up.
    pub(super) fn served(&mut self) -> Wants {
        self.stage = Stage::Answering { sent: 0 };
        self.advance()
    }

    /// Goes on as far as possible. A client that breaks its connection is gone; why is its own business.
    pub(super) fn advance(&mut self) -> Wants {
        loop {
            let moved = match self.stage {
                Stage::Receiving { received } => self.stream.read(&mut self.request[received..]),
                Stage::Serving => return Wants::Event,
                Stage::Answering { sent } => self.stream.write(&self.request[sent..]),
            };
            match moved {
                Ok(0) => return Wants::Nothing,
                Ok(count) => {
                    if self.moved(count) {
                        return Wants::Service;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Wants::Event,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Wants::Nothing,
            }
        }
    }

    /// So many bytes more are through. `true`: the request is complete.
    fn moved(&mut self, count: usize) -> bool {
        let whole = self.request.len();
        self.stage = match self.stage {
            Stage::Receiving { received } if received + count == whole => Stage::Serving,
            Stage::Receiving { received } => Stage::Receiving { received: received + count },
            Stage::Answering { sent } if sent + count == whole => Stage::Receiving { received: 0 },
            Stage::Answering { sent } => Stage::Answering { sent: sent + count },
            Stage::Serving => unreachable!("nothing is read or written while a request is served"),
        };
        matches!(self.stage, Stage::Serving)
    }
}
