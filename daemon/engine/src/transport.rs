//! What carries values between coordinator and worker process: framed messages over a pair of pipes or sockets.
//!
//! A frame is a header of 24 bytes, all little-endian, then the type id, then the payload:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | kind: 1 task, 2 result, 3 error, 4 worker spec |
//! | 1 | 1 | length of the type id |
//! | 2 | 2 | 0 |
//! | 4 | 4 | status code of an error, else 0 |
//! | 8 | 8 | index of the task |
//! | 16 | 8 | length of the payload |
//!
//! A worker has one task at a time, so beside the spec no frame follows another unasked. Waiting for the first byte of
//! a frame is `idle`, from the first byte to the last is `receive`. To keep the two apart for large values and still
//! read a small frame with one system call, the first read asks for no more than 512 bytes; copying
//! those is part of the wait.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use gild_model::case::Transport;
use gild_model::phase::Phase;
use nix::fcntl::OFlag;

use crate::measure::meter::Meter;
use crate::plugin::instance::KernelError;
use crate::plugin::value::{ENCODED_MAX, Value};

/// Most bytes that the first read of a frame asks for.
const FIRST_READ: usize = 512;
/// Most memory that is set aside before the bytes are there.
const RESERVE_MAX: usize = 1 << 20;
const HEADER_LEN: usize = 24;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The input of a task, encoded.
    Task = 1,
    /// The result of a task, encoded.
    Result = 2,
    /// A task failed; the payload is the message.
    Error = 3,
    /// What a spawned worker needs to know, as JSON.
    Spec = 4,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        [Kind::Task, Kind::Result, Kind::Error, Kind::Spec].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A received frame; borrows the channel's buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'b> {
    /// What it says.
    pub kind: Kind,
    /// Index of the task.
    pub task: u64,
    /// Status code of an error.
    pub status: i32,
    /// Type id of the payload.
    pub type_id: &'b [u8],
    /// The payload.
    pub payload: &'b [u8],
}

/// One end of a connection.
#[derive(Debug)]
pub struct Channel {
    reader: File,
    writer: File,
    incoming: Vec<u8>,
    /// Length of the current frame, at the start of `incoming`; what follows belongs to the next.
    frame_len: usize,
    outgoing: Vec<u8>,
}

impl Channel {
    /// A channel over two descriptors, or one descriptor twice.
    pub fn new(reader: OwnedFd, writer: OwnedFd) -> Channel {
        let (reader, writer) = (reader.into(), writer.into());
        Channel { reader, writer, incoming: Vec::new(), frame_len: 0, outgoing: Vec::new() }
    }

    /// Two connected channels.
    ///
    /// # Errors
    /// pipe2, socketpair or dup failed (EMFILE: too many open files).
    pub fn pair(transport: Transport) -> io::Result<(Channel, Channel)> {
        match transport {
            Transport::Pipe => {
                let (there_read, here_write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
                let (here_read, there_write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
                Ok((Channel::new(here_read, here_write), Channel::new(there_read, there_write)))
            }
            Transport::Shm => todo!("h-models"),
            Transport::Socketpair => {
                let (here, there) = UnixStream::pair()?;
                let both =
                    |socket: UnixStream| Ok::<_, io::Error>(Channel::new(socket.try_clone()?.into(), socket.into()));
                Ok((both(here)?, both(there)?))
            }
        }
    }

    /// The descriptor that becomes readable when a frame arrives.
    pub fn reader(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// The descriptor that frames are written to.
    pub fn writer(&self) -> BorrowedFd<'_> {
        self.writer.as_fd()
    }

    /// Prepares a frame with an encoded value; the caller is in `encode`.
    ///
    /// # Errors
    /// The kernel's own encoder.
    pub fn load_value(&mut self, kind: Kind, task: u64, value: &Value) -> Result<(), KernelError> {
        let id = value.type_id().to_bytes();
        self.start_frame(kind, task, 0, id);
        value.encode(&mut self.outgoing)?;
        self.end_frame(id.len());
        Ok(())
    }

    /// Prepares a frame with plain bytes.
    pub fn load_bytes(&mut self, kind: Kind, task: u64, status: i32, payload: &[u8]) {
        self.start_frame(kind, task, status, b"");
        self.outgoing.extend_from_slice(payload);
        self.end_frame(0);
    }

    fn start_frame(&mut self, kind: Kind, task: u64, status: i32, id: &[u8]) {
        self.outgoing.clear();
        let id_len = u8::try_from(id.len()).expect("library::value_type bounds type ids by 255");
        self.outgoing.extend_from_slice(&[kind as u8, id_len, 0, 0]);
        self.outgoing.extend_from_slice(&status.to_le_bytes());
        self.outgoing.extend_from_slice(&task.to_le_bytes());
        self.outgoing.extend_from_slice(&[0; 8]);
        self.outgoing.extend_from_slice(id);
    }

    fn end_frame(&mut self, id_len: usize) {
        let length = (self.outgoing.len() - HEADER_LEN - id_len) as u64;
        self.outgoing[16..24].copy_from_slice(&length.to_le_bytes());
    }

    /// Sends the prepared frame; the caller is in `send`.
    ///
    /// # Errors
    /// EPIPE: the other side is gone.
    pub fn send(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.outgoing)
    }

    /// Waits for the next frame, in `idle` until its first byte and in `receive` until its last. `None`: the other
    /// side has closed the connection.
    ///
    /// # Errors
    /// The read failed, the connection broke inside a frame, or the frame is malformed.
    pub fn receive(&mut self, meter: &mut Meter<'_>) -> io::Result<Option<Frame<'_>>> {
        if !self.first_bytes()? {
            return Ok(None);
        }
        meter.mark(Phase::Receive);
        self.read_rest()?;
        self.last().map(Some)
    }

    /// As [`Channel::receive`], for a worker that has no meter yet.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn receive_unaccounted(&mut self) -> io::Result<Option<Frame<'_>>> {
        if !self.first_bytes()? {
            return Ok(None);
        }
        self.read_rest()?;
        self.last().map(Some)
    }

    /// The frame that was received last.
    ///
    /// # Errors
    /// None has been received, or it is malformed.
    pub fn last(&self) -> io::Result<Frame<'_>> {
        parse(&self.incoming[..self.frame_len])
    }

    /// Waits for the first bytes of the next frame. `false`: there will be none.
    fn first_bytes(&mut self) -> io::Result<bool> {
        self.incoming.drain(..self.frame_len);
        self.frame_len = 0;
        if !self.incoming.is_empty() {
            return Ok(true);
        }
        self.incoming.resize(FIRST_READ, 0);
        loop {
            match self.reader.read(&mut self.incoming) {
                Ok(length) => {
                    self.incoming.truncate(length);
                    return Ok(length > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.incoming.clear();
                    return Err(error);
                }
            }
        }
    }

    fn read_rest(&mut self) -> io::Result<()> {
        self.read_up_to(HEADER_LEN)?;
        let whole = frame_len(&self.incoming)?;
        self.read_up_to(whole)?;
        self.frame_len = whole;
        Ok(())
    }

    fn read_up_to(&mut self, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.incoming.len());
        // Memory grows with what really arrives, not with what a header claims.
        self.incoming.reserve(missing.min(RESERVE_MAX));
        let read = (&self.reader).take(missing as u64).read_to_end(&mut self.incoming)?;
        if read < missing {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection broke inside a frame"));
        }
        Ok(())
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("malformed frame: {what}"))
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Length of the frame whose header starts `bytes`, which hold at least the header.
fn frame_len(bytes: &[u8]) -> io::Result<usize> {
    match usize::try_from(word(bytes, 16)) {
        Ok(length) if length <= ENCODED_MAX => Ok(HEADER_LEN + usize::from(bytes[1]) + length),
        _ => Err(malformed("the payload is longer than any value may be")),
    }
}

/// Reads a whole frame.
///
/// # Errors
/// The bytes are not exactly one frame.
pub fn parse(bytes: &[u8]) -> io::Result<Frame<'_>> {
    if bytes.len() < HEADER_LEN {
        return Err(malformed("shorter than its header"));
    }
    if bytes.len() != frame_len(bytes)? {
        return Err(malformed("something follows it"));
    }
    let kind = Kind::from_byte(bytes[0]).ok_or_else(|| malformed("unknown kind"))?;
    let status = i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let (type_id, payload) = bytes[HEADER_LEN..].split_at(usize::from(bytes[1]));
    Ok(Frame { kind, task: word(bytes, 8), status, type_id, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_that_come_together_are_told_apart() {
        let (mut here, mut there) = Channel::pair(Transport::Socketpair).unwrap();
        for (task, payload) in [(1, &b"first"[..]), (2, b""), (3, &[7; 2 * FIRST_READ])] {
            here.load_bytes(Kind::Task, task, 0, payload);
            here.send().unwrap();
        }
        drop(here);
        for (task, length) in [(1, 5), (2, 0), (3, 2 * FIRST_READ)] {
            let frame = there.receive_unaccounted().unwrap().unwrap();
            assert_eq!((frame.task, frame.payload.len()), (task, length));
        }
        assert!(there.receive_unaccounted().unwrap().is_none());
    }

    fn round_trip(transport: Transport, payload: &[u8]) {
        let (mut here, mut there) = Channel::pair(transport).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                here.load_bytes(Kind::Error, 7, -3, payload);
                here.send().unwrap();
                drop(here);
            });
            let frame = there.receive_unaccounted().unwrap().unwrap();
            assert_eq!((frame.kind, frame.task, frame.status, frame.payload), (Kind::Error, 7, -3, payload));
            assert!(there.receive_unaccounted().unwrap().is_none(), "closed");
        });
    }

    #[test]
    fn frames_of_any_size_cross_both_transports() {
        for transport in [Transport::Pipe, Transport::Socketpair] {
            for length in [0, 1, FIRST_READ - HEADER_LEN, FIRST_READ, 1 << 20] {
                round_trip(transport, &vec![5; length]);
            }
        }
    }

    #[test]
    fn a_connection_that_breaks_inside_a_frame_is_an_error() {
        let (mut here, mut there) = Channel::pair(Transport::Pipe).unwrap();
        here.load_bytes(Kind::Result, 0, 0, b"twelve bytes");
        here.writer.write_all(&here.outgoing[..30]).unwrap();
        drop(here);
        assert_eq!(there.receive_unaccounted().unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(frame) = parse(&bytes) {
                prop_assert_eq!(HEADER_LEN + frame.type_id.len() + frame.payload.len(), bytes.len());
            }
        }
    }
}
