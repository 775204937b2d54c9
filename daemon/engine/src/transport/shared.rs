//! Shared memory: both ends copy to and from rings, and no byte of a value goes through the kernel.
//!
//! Beside the memory there is a pipe in each direction, a bell: a byte in it wakes the other side, which has left a note that
//! it sleeps. A bell can be polled together with others, and it closes when the other side dies.
//!
//! Nobody spins, not even inside a frame: where the other side has no core, which is when there is time to lose, looking for
//! it keeps it from getting one, and costs more CPU time than all copying.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use super::memory::{Memory, Ring};
use super::ring::{Damaged, Reader, Writer};

/// Bells that are taken out of the pipe at once.
const BELLS: usize = 64;

/// One end.
#[derive(Debug)]
pub(super) struct Shared {
    memory: Memory,
    /// The ring that this end writes; it reads the other.
    outgoing: usize,
    writer: Writer,
    reader: Reader,
    bell: File,
    their_bell: File,
    /// The other side has closed its end of the bell.
    closed: bool,
}

impl From<Damaged> for io::Error {
    fn from(damaged: Damaged) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, damaged)
    }
}

impl Shared {
    /// Two ends.
    pub(super) fn pair() -> io::Result<(Shared, Shared)> {
        let memory = Memory::create()?;
        let theirs = Memory::map(memory.file().try_clone_to_owned()?)?;
        let (there_read, here_write) = bell()?;
        let (here_read, there_write) = bell()?;
        Ok((Shared::end(memory, 0, here_read, here_write), Shared::end(theirs, 1, there_read, there_write)))
    }

    /// The end of the process that was started: its descriptors.
    pub(super) fn of_worker(memory: OwnedFd, bell: OwnedFd, their_bell: OwnedFd) -> io::Result<Shared> {
        Ok(Shared::end(Memory::map(memory)?, 1, bell, their_bell))
    }

    fn end(memory: Memory, outgoing: usize, bell: OwnedFd, their_bell: OwnedFd) -> Shared {
        let (writer, reader) = (Writer::default(), Reader::default());
        Shared { memory, outgoing, writer, reader, bell: bell.into(), their_bell: their_bell.into(), closed: false }
    }

    /// The file behind the memory.
    pub(super) fn memory(&self) -> BorrowedFd<'_> {
        self.memory.file()
    }

    /// Becomes readable when this end is woken, or the other side is gone.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// What wakes the other side.
    pub(super) fn their_bell(&self) -> BorrowedFd<'_> {
        self.their_bell.as_fd()
    }

    fn to_write(&self) -> &Ring {
        self.memory.ring(self.outgoing)
    }

    fn to_read(&self) -> &Ring {
        self.memory.ring(1 - self.outgoing)
    }

    /// Whether there is something to read, or will never be.
    pub(super) fn has_news(&self) -> io::Result<bool> {
        Ok(self.closed || self.reader.filled(self.to_read())? > 0)
    }

    /// Announces that the caller is going to wait for [`Shared::bell`]. `false`: it need not, there is something to read.
    pub(super) fn may_sleep(&self) -> io::Result<bool> {
        Ok(!self.closed && self.reader.may_sleep(self.to_read())?)
    }

    /// The caller has waited; its bell has rung if it was `readable`.
    pub(super) fn wakes(&mut self, readable: bool) -> io::Result<()> {
        self.reader.wakes(self.to_read());
        if readable { self.hear() } else { Ok(()) }
    }

    /// Waits for the bell, and stops it.
    fn hear(&mut self) -> io::Result<()> {
        loop {
            match self.bell.read(&mut [0; BELLS]) {
                Ok(bells) => {
                    self.closed = bells == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn wake(&mut self) -> io::Result<()> {
        match self.their_bell.write(&[1]) {
            // The pipe is full: it rings already.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            result => result.map(drop),
        }
    }

    /// Waits until there is something to read. `false`: there will be nothing.
    pub(super) fn first_bytes(&mut self) -> io::Result<bool> {
        while self.may_sleep()? {
            self.hear()?;
            self.reader.wakes(self.to_read());
        }
        Ok(self.reader.filled(self.to_read())? > 0)
    }

    /// Appends so many bytes, or fewer if the other side has closed the connection.
    pub(super) fn read_all(&mut self, wanted: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let whole = into.len() + wanted;
        while into.len() < whole {
            let ring = self.memory.ring(1 - self.outgoing);
            let read = self.reader.read(ring, into, whole - into.len())?;
            if read == 0 && !self.first_bytes()? {
                return Ok(());
            }
            if read > 0 && self.reader.must_wake_writer(self.to_read()) {
                self.wake_a_writer()?;
            }
        }
        Ok(())
    }

    /// A writer that has gone meanwhile is no matter: what it wrote is there.
    fn wake_a_writer(&mut self) -> io::Result<()> {
        match self.wake() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Writes a message.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let ring = self.memory.ring(self.outgoing);
            let taken = self.writer.write(ring, bytes)?;
            bytes = &bytes[taken..];
            if taken > 0 && self.writer.must_wake_reader(self.to_write()) {
                self.wake()?;
            }
            if taken == 0 {
                self.wait_for_room()?;
            }
        }
        Ok(())
    }

    fn wait_for_room(&mut self) -> io::Result<()> {
        while self.writer.may_sleep(self.to_write())? {
            if self.closed {
                return Err(ErrorKind::BrokenPipe.into());
            }
            self.hear()?;
            self.writer.wakes(self.to_write());
        }
        Ok(())
    }
}

/// A pipe that whoever rings it never waits for.
fn bell() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, writer))
}
