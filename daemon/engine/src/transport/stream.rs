//! A pair of pipes, or a socket twice: the kernel copies the bytes and wakes whoever waits for them.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::fcntl::OFlag;

/// Most bytes that the first read of a frame asks for.
pub(super) const FIRST_READ: usize = 512;

/// One end.
#[derive(Debug)]
pub(super) struct Stream {
    reader: File,
    writer: File,
}

impl Stream {
    /// An end over two descriptors.
    pub(super) fn new(reader: OwnedFd, writer: OwnedFd) -> Stream {
        Stream { reader: reader.into(), writer: writer.into() }
    }

    /// Two ends with a pipe in each direction.
    pub(super) fn pipes() -> io::Result<(Stream, Stream)> {
        let (there_read, here_write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        let (here_read, there_write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        Ok((Stream::new(here_read, here_write), Stream::new(there_read, there_write)))
    }

    /// Two ends of a connected pair of sockets.
    pub(super) fn sockets() -> io::Result<(Stream, Stream)> {
        let (here, there) = UnixStream::pair()?;
        let both = |socket: UnixStream| Ok::<_, io::Error>(Stream::new(socket.try_clone()?.into(), socket.into()));
        Ok((both(here)?, both(there)?))
    }

    pub(super) fn reader(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    pub(super) fn writer(&self) -> BorrowedFd<'_> {
        self.writer.as_fd()
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    /// Waits for bytes, and appends the first of them. `false`: there will be none.
    pub(super) fn first_bytes(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let mut first = [0; FIRST_READ];
        loop {
            match self.reader.read(&mut first) {
                Ok(length) => {
                    into.extend_from_slice(&first[..length]);
                    return Ok(length > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Appends so many bytes, or fewer if the other side has closed the connection.
    pub(super) fn read_all(&mut self, wanted: usize, into: &mut Vec<u8>) -> io::Result<()> {
        (&self.reader).take(wanted as u64).read_to_end(into).map(drop)
    }
}
