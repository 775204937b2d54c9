//! One request and its answer on a socket that does not block: goes on as far as possible, and never waits.

use std::io::{self, ErrorKind, Read, Write};

/// A request on its way, and as much of its answer as has come. Both have the same length.
#[derive(Debug)]
pub(crate) struct Exchange<'b> {
    request: &'b [u8],
    sent: usize,
    answer: &'b mut [u8],
    received: usize,
}

impl<'b> Exchange<'b> {
    pub(crate) fn new(request: &'b [u8], answer: &'b mut [u8]) -> Exchange<'b> {
        assert_eq!(request.len(), answer.len(), "the server sends back what it gets");
        Exchange { request, sent: 0, answer, received: 0 }
    }

    /// How many bytes of the answer have come.
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// Writes as much as the socket takes. `true`: the request is sent.
    ///
    /// A server may answer before it has got all of the request, and take no more until somebody reads: while the request
    /// is on its way, what has come of the answer is read, too.
    pub(crate) fn send(&mut self, stream: &mut (impl Read + Write)) -> io::Result<bool> {
        while self.sent < self.request.len() {
            match ready(stream.write(&self.request[self.sent..]))? {
                Some(count) => self.sent += count,
                None => {
                    self.receive(stream)?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Reads as much as has come. `true`: the answer is complete.
    pub(crate) fn receive(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        while self.received < self.answer.len() {
            match ready(stream.read(&mut self.answer[self.received..]))? {
                Some(0) => return Err(self.closed()),
                Some(count) => self.received += count,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    #[cold]
    fn closed(&self) -> io::Error {
        let text = format!("the server closed the connection after {} of {} bytes", self.received, self.answer.len());
        io::Error::new(ErrorKind::UnexpectedEof, text)
    }
}

/// `None`: not now. An interrupted call, which moved nothing, is not worth a word: the caller comes again.
fn ready(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A peer that takes and gives what its script says; `None`: not now.
    struct Script {
        takes: VecDeque<Option<usize>>,
        gives: VecDeque<Option<&'static [u8]>>,
        taken: Vec<u8>,
    }

    impl Script {
        fn new(takes: &[Option<usize>], gives: &[Option<&'static [u8]>]) -> Script {
            Script { takes: takes.iter().copied().collect(), gives: gives.iter().copied().collect(), taken: Vec::new() }
        }
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.gives.pop_front().flatten() {
                None => Err(ErrorKind::WouldBlock.into()),
                Some(bytes) => {
                    buffer[..bytes.len()].copy_from_slice(bytes);
                    Ok(bytes.len())
                }
            }
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.takes.pop_front().flatten() {
                None => Err(ErrorKind::WouldBlock.into()),
                Some(count) => {
                    self.taken.extend_from_slice(&bytes[..count]);
                    Ok(count)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_request_goes_out_and_its_answer_comes_in_pieces() {
        let mut peer = Script::new(&[Some(2), None, Some(2)], &[None, Some(b"ab"), None, Some(b"cd")]);
        let mut answer = [0; 4];
        let mut exchange = Exchange::new(b"abcd", &mut answer);
        assert!(!exchange.send(&mut peer).unwrap());
        assert!(exchange.send(&mut peer).unwrap());
        assert!(!exchange.receive(&mut peer).unwrap());
        assert_eq!(exchange.received(), 2);
        assert!(exchange.receive(&mut peer).unwrap());
        assert_eq!((&answer, peer.taken.as_slice()), (b"abcd", &b"abcd"[..]));
    }

    #[test]
    fn an_answer_is_taken_while_the_request_does_not_get_on() {
        let mut peer = Script::new(&[Some(1), None], &[Some(b"a"), None]);
        let mut answer = [0; 2];
        let mut exchange = Exchange::new(b"ab", &mut answer);
        assert!(!exchange.send(&mut peer).unwrap());
        assert_eq!(exchange.received(), 1);
    }

    #[test]
    fn a_server_that_goes_away_is_an_error_that_says_how_far_it_got() {
        let mut peer = Script::new(&[Some(4)], &[Some(b"ab"), Some(b"")]);
        let mut answer = [0; 4];
        let mut exchange = Exchange::new(b"abcd", &mut answer);
        assert!(exchange.send(&mut peer).unwrap());
        let error = exchange.receive(&mut peer).unwrap_err();
        assert_eq!(error.to_string(), "the server closed the connection after 2 of 4 bytes");
    }
}
