//! What messages look like in bytes.
//!
//! A message is one frame: a header of 24 bytes, all little-endian, then the type id, then the payload.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | kind: 1 task, 2 result, 3 error, 4 worker spec, 5 batch, 6 end |
//! | 1 | 1 | length of the type id |
//! | 2 | 2 | 0 |
//! | 4 | 4 | status code of an error, else 0 |
//! | 8 | 8 | index of the task |
//! | 16 | 8 | length of the payload |
//!
//! The payload of a batch is frames of other kinds, one after the other: several tasks that go to a worker at once, or the
//! answers to them.

use std::io::{self, ErrorKind};

use crate::plugin::instance::KernelError;
use crate::plugin::value::{ENCODED_MAX, Value};

/// Length of a header.
pub const HEADER_LEN: usize = 24;

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
    /// Frames of other kinds.
    Batch = 5,
    /// There are no more tasks, where closing the connection does not tell.
    End = 6,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        let all = [Kind::Task, Kind::Result, Kind::Error, Kind::Spec, Kind::Batch, Kind::End];
        all.into_iter().find(|kind| *kind as u8 == byte)
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

/// The frames of a message that was received.
#[derive(Debug, Clone)]
pub struct Frames<'b> {
    rest: &'b [u8],
}

impl<'b> Frames<'b> {
    /// The frames of a whole message.
    ///
    /// # Errors
    /// The bytes are not exactly one message.
    pub fn of(message: &'b [u8]) -> io::Result<Frames<'b>> {
        let frame = parse(message)?;
        Ok(Frames { rest: if frame.kind == Kind::Batch { frame.payload } else { message } })
    }

    fn split_first(&mut self) -> io::Result<Frame<'b>> {
        if self.rest.len() < HEADER_LEN {
            return Err(malformed("a batch ends within a header"));
        }
        let length = frame_len(self.rest)?;
        let Some((first, rest)) = self.rest.split_at_checked(length) else {
            return Err(malformed("a batch ends within a frame"));
        };
        self.rest = rest;
        match parse(first)? {
            frame if frame.kind == Kind::Batch => Err(malformed("a batch within a batch")),
            frame => Ok(frame),
        }
    }
}

impl<'b> Iterator for Frames<'b> {
    type Item = io::Result<Frame<'b>>;

    fn next(&mut self) -> Option<io::Result<Frame<'b>>> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.split_first();
        if frame.is_err() {
            self.rest = &[];
        }
        Some(frame)
    }
}

/// A message in the making.
#[derive(Debug)]
pub struct Message {
    /// Room for the header of a batch, then the frames.
    bytes: Vec<u8>,
    frames: usize,
}

impl Default for Message {
    fn default() -> Message {
        Message { bytes: vec![0; HEADER_LEN], frames: 0 }
    }
}

impl Message {
    /// Forgets what is in it.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_LEN);
        self.frames = 0;
    }

    /// Adds a frame with an encoded value; the caller is in `encode`.
    ///
    /// # Errors
    /// The kernel's own encoder; the message is as before.
    pub fn add_value(&mut self, kind: Kind, task: u64, value: &Value) -> Result<(), KernelError> {
        let id = value.type_id().to_bytes();
        let start = self.start_frame(kind, task, 0, id);
        if let Err(error) = value.encode(&mut self.bytes) {
            self.bytes.truncate(start);
            return Err(error);
        }
        self.end_frame(start, id.len());
        Ok(())
    }

    /// Adds a frame with plain bytes.
    pub fn add_bytes(&mut self, kind: Kind, task: u64, status: i32, payload: &[u8]) {
        let start = self.start_frame(kind, task, status, b"");
        self.bytes.extend_from_slice(payload);
        self.end_frame(start, 0);
    }

    fn start_frame(&mut self, kind: Kind, task: u64, status: i32, id: &[u8]) -> usize {
        let start = self.bytes.len();
        let id_len = u8::try_from(id.len()).expect("library::value_type bounds type ids by 255");
        self.bytes.extend_from_slice(&header(kind, id_len, status, task, 0));
        self.bytes.extend_from_slice(id);
        start
    }

    fn end_frame(&mut self, start: usize, id_len: usize) {
        let length = (self.bytes.len() - start - HEADER_LEN - id_len) as u64;
        self.bytes[start + 16..start + HEADER_LEN].copy_from_slice(&length.to_le_bytes());
        self.frames += 1;
    }

    /// The message, ready to be sent.
    pub fn bytes(&mut self) -> &[u8] {
        if self.frames == 1 {
            return &self.bytes[HEADER_LEN..];
        }
        let length = (self.bytes.len() - HEADER_LEN) as u64;
        self.bytes[..HEADER_LEN].copy_from_slice(&header(Kind::Batch, 0, 0, 0, length));
        &self.bytes
    }
}

fn header(kind: Kind, id_len: u8, status: i32, task: u64, length: u64) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..2].copy_from_slice(&[kind as u8, id_len]);
    header[4..8].copy_from_slice(&status.to_le_bytes());
    header[8..16].copy_from_slice(&task.to_le_bytes());
    header[16..24].copy_from_slice(&length.to_le_bytes());
    header
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
pub(super) fn frame_len(bytes: &[u8]) -> io::Result<usize> {
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

    /// A message of one error for each payload, whose task is its place.
    fn message(payloads: &[Vec<u8>]) -> Message {
        let mut message = Message::default();
        for (task, payload) in (0..).zip(payloads) {
            message.add_bytes(Kind::Error, task, -7, payload);
        }
        message
    }

    #[test]
    fn one_frame_is_a_message_without_a_batch_around_it() {
        let mut message = message(&[b"why".to_vec()]);
        assert_eq!(parse(message.bytes()).unwrap().kind, Kind::Error);
        message.clear();
        message.add_bytes(Kind::Spec, 0, 0, b"{}");
        let frame = parse(message.bytes()).unwrap();
        assert_eq!((frame.kind, frame.payload), (Kind::Spec, &b"{}"[..]), "nothing is left of what was there before");
    }

    #[test]
    fn a_batch_that_is_cut_or_nested_is_refused() {
        let refused = |payload: &[u8]| {
            let mut outer = Message::default();
            outer.add_bytes(Kind::Batch, 0, 0, payload);
            Frames::of(outer.bytes()).unwrap().next().unwrap().unwrap_err().to_string()
        };
        assert!(refused(&[1; HEADER_LEN - 1]).ends_with("ends within a header"));
        assert!(refused(&header(Kind::Task, 0, 0, 0, 1)).ends_with("ends within a frame"));
        assert!(refused(&header(Kind::Batch, 0, 0, 0, 0)).ends_with("a batch within a batch"));
    }

    proptest! {
        #[test]
        fn what_was_put_into_a_message_comes_out_in_order(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5)
        ) {
            let mut message = message(&payloads);
            let frames: io::Result<Vec<_>> = Frames::of(message.bytes()).unwrap().collect();
            let frames = frames.unwrap();
            prop_assert_eq!(frames.len(), payloads.len());
            for ((task, frame), payload) in (0..).zip(frames).zip(&payloads) {
                prop_assert_eq!(frame, Frame { kind: Kind::Error, task, status: -7, type_id: b"", payload });
            }
        }

        #[test]
        fn any_bytes_are_a_message_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..96)) {
            if let Ok(frame) = parse(&bytes) {
                prop_assert_eq!(HEADER_LEN + frame.type_id.len() + frame.payload.len(), bytes.len());
                let _looked_at = Frames::of(&bytes).map(Iterator::count);
            }
        }
    }
}
