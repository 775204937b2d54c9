//! A stream of newline-delimited JSON, read line by line.

use std::marker::PhantomData;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::Error;

/// Longest line: a trial with 1024 workers and all their phases and counters stays far below.
const LINE_MAX: usize = 256 << 20;

/// Values, one per line.
#[derive(Debug)]
pub struct Lines<T> {
    /// The request in words, for errors.
    what: String,
    body: Incoming,
    /// What has come; before `start` it was handed out.
    buffer: Vec<u8>,
    start: usize,
    /// Up to here the buffer is known to hold no end of a line that was not handed out.
    searched: usize,
    values: PhantomData<T>,
}

impl<T: DeserializeOwned> Lines<T> {
    pub(super) fn new(what: String, body: Incoming) -> Lines<T> {
        Lines { what, body, buffer: Vec::new(), start: 0, searched: 0, values: PhantomData }
    }

    /// The next value; `None` after the last. May be dropped while it waits and called again: nothing is lost.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(end) = self.end_of_line() {
                let value = self.decode(&self.buffer[self.start..end]);
                self.start = end + 1;
                return value.map(Some);
            }
            self.forget_what_was_handed_out();
            if self.buffer.len() > LINE_MAX {
                return Err(Error::TooLong { what: self.what.clone(), max: LINE_MAX });
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
                Some(Err(source)) => return Err(Error::Gone { what: self.what.clone(), source: Some(source) }),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Error::Gone { what: self.what.clone(), source: None }),
            }
        }
    }

    /// Finds the end of the next line and goes past it.
    fn end_of_line(&mut self) -> Option<usize> {
        let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n').map(|it| it + self.searched);
        self.searched = end.map_or(self.buffer.len(), |it| it + 1);
        end
    }

    fn forget_what_was_handed_out(&mut self) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
    }

    fn decode(&self, line: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(line)
            .map_err(|error| Error::Unexpected { what: self.what.clone(), reason: error.to_string() })
    }
}
