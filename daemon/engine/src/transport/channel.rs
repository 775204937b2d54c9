//! One end of a connection.

use std::io::{self, ErrorKind};
use std::os::fd::{BorrowedFd, OwnedFd};

use gild_model::case::Transport;
use gild_model::phase::Phase;

use super::frame::{Frames, HEADER_LEN, Message, frame_len};
use super::shared::Shared;
use super::stream::Stream;
use crate::measure::meter::Meter;

/// Most memory that is set aside before the bytes are there.
const RESERVE_MAX: usize = 1 << 20;

/// What carries the bytes.
#[derive(Debug)]
enum Link {
    Stream(Stream),
    Shared(Box<Shared>),
}

/// One end of a connection.
#[derive(Debug)]
pub struct Channel {
    link: Link,
    incoming: Vec<u8>,
    /// Length of the current message, at the start of `incoming`; what follows belongs to the next.
    message_len: usize,
    outgoing: Message,
}

impl Channel {
    fn over(link: Link) -> Channel {
        Channel { link, incoming: Vec::new(), message_len: 0, outgoing: Message::default() }
    }

    /// The end of a process that was started with its descriptors: what it reads, what it writes and, for shared memory,
    /// the memory.
    ///
    /// # Errors
    /// The memory cannot be mapped.
    pub fn of_worker(reader: OwnedFd, writer: OwnedFd, memory: Option<OwnedFd>) -> io::Result<Channel> {
        Ok(Channel::over(match memory {
            None => Link::Stream(Stream::new(reader, writer)),
            Some(memory) => Link::Shared(Box::new(Shared::of_worker(memory, reader, writer)?)),
        }))
    }

    /// Two connected channels. Over shared memory the second is the worker's.
    ///
    /// # Errors
    /// A descriptor or memory could not be had (EMFILE: too many open files).
    pub fn pair(transport: Transport) -> io::Result<(Channel, Channel)> {
        let streams = |(here, there)| (Channel::over(Link::Stream(here)), Channel::over(Link::Stream(there)));
        let shared = |end| Channel::over(Link::Shared(Box::new(end)));
        match transport {
            Transport::Pipe => Stream::pipes().map(streams),
            Transport::Socketpair => Stream::sockets().map(streams),
            Transport::Shm => Shared::pair().map(|(here, there)| (shared(here), shared(there))),
        }
    }

    /// The descriptor that becomes readable when a message arrives; over shared memory: if [`Channel::may_sleep`] said so.
    pub fn reader(&self) -> BorrowedFd<'_> {
        match &self.link {
            Link::Stream(stream) => stream.reader(),
            Link::Shared(shared) => shared.bell(),
        }
    }

    /// The descriptor that messages, or bells, are written to.
    pub fn writer(&self) -> BorrowedFd<'_> {
        match &self.link {
            Link::Stream(stream) => stream.writer(),
            Link::Shared(shared) => shared.their_bell(),
        }
    }

    /// The file behind shared memory.
    pub fn memory(&self) -> Option<BorrowedFd<'_>> {
        match &self.link {
            Link::Stream(_) => None,
            Link::Shared(shared) => Some(shared.memory()),
        }
    }

    /// Starts a message.
    pub fn start(&mut self) -> &mut Message {
        self.outgoing.clear();
        &mut self.outgoing
    }

    /// Sends the message; the caller is in `send`.
    ///
    /// # Errors
    /// EPIPE: the other side is gone.
    pub fn send(&mut self) -> io::Result<()> {
        let bytes = self.outgoing.bytes();
        match &mut self.link {
            Link::Stream(stream) => stream.send(bytes),
            Link::Shared(shared) => shared.send(bytes),
        }
    }

    /// Announces that the caller is going to poll [`Channel::reader`]. `false`: it need not, there is news.
    ///
    /// # Errors
    /// The other side has damaged the shared memory.
    pub fn may_sleep(&self) -> io::Result<bool> {
        match &self.link {
            Link::Stream(_) => Ok(self.incoming.len() == self.message_len),
            Link::Shared(shared) => shared.may_sleep(),
        }
    }

    /// The caller has polled; says whether there is news: a message, or the end of all.
    ///
    /// # Errors
    /// The bell cannot be read, or the other side has damaged the shared memory.
    pub fn has_news(&mut self, readable: bool) -> io::Result<bool> {
        match &mut self.link {
            Link::Stream(_) => Ok(readable || self.incoming.len() > self.message_len),
            Link::Shared(shared) => {
                shared.wakes(readable)?;
                shared.has_news()
            }
        }
    }

    /// Waits for the next message, in `idle` until its first byte and in `receive` until its last. `false`: the other side
    /// has closed the connection.
    ///
    /// # Errors
    /// The read failed, the connection broke inside a message, or the message is malformed.
    pub fn receive(&mut self, meter: &mut Meter<'_>) -> io::Result<bool> {
        let is_there = self.first_bytes()?;
        if is_there {
            meter.mark(Phase::Receive);
            self.read_rest()?;
        }
        Ok(is_there)
    }

    /// As [`Channel::receive`], for a worker that has no meter yet.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn receive_unaccounted(&mut self) -> io::Result<bool> {
        let is_there = self.first_bytes()?;
        if is_there {
            self.read_rest()?;
        }
        Ok(is_there)
    }

    /// The frames of the message that was received last.
    ///
    /// # Errors
    /// None has been received, or it is malformed.
    pub fn received(&self) -> io::Result<Frames<'_>> {
        Frames::of(&self.incoming[..self.message_len])
    }

    /// The same, and a new message to answer with.
    ///
    /// # Errors
    /// As [`Channel::received`].
    pub fn answer(&mut self) -> io::Result<(Frames<'_>, &mut Message)> {
        self.outgoing.clear();
        Ok((Frames::of(&self.incoming[..self.message_len])?, &mut self.outgoing))
    }

    /// Waits for the first bytes of the next message. `false`: there will be none.
    fn first_bytes(&mut self) -> io::Result<bool> {
        self.incoming.drain(..self.message_len);
        self.message_len = 0;
        match &mut self.link {
            Link::Stream(_) if !self.incoming.is_empty() => Ok(true),
            Link::Stream(stream) => stream.first_bytes(&mut self.incoming),
            Link::Shared(shared) => shared.first_bytes(),
        }
    }

    fn read_rest(&mut self) -> io::Result<()> {
        self.read_up_to(HEADER_LEN)?;
        let whole = frame_len(&self.incoming)?;
        self.read_up_to(whole)?;
        self.message_len = whole;
        Ok(())
    }

    fn read_up_to(&mut self, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.incoming.len());
        // Memory grows with what really arrives, not with what a header claims.
        self.incoming.reserve(missing.min(RESERVE_MAX));
        match &mut self.link {
            Link::Stream(stream) => stream.read_all(missing, &mut self.incoming)?,
            Link::Shared(shared) => shared.read_all(missing, &mut self.incoming)?,
        }
        if self.incoming.len() < wanted {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection broke inside a frame"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
