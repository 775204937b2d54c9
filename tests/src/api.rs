//! The daemon's API over a bare socket: what `curl --unix-socket` would see, and what no proper client would send.
//!
//! It is written apart from the client of `gilctl`, so that a mistake that both sides share is found.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::waiting::LIMIT;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Status line and header lines, as sent.
    pub head: String,
    /// The body, put together if it came in chunks.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// It is something else.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it is an error with this status whose detail has these texts.
    ///
    /// # Panics
    /// It is something else.
    #[track_caller]
    pub fn refuses<'t>(&self, status: u16, texts: impl IntoIterator<Item = &'t str>) {
        assert_eq!(self.status, status, "{self:?}");
        let head = self.head.to_lowercase();
        assert!(head.contains("content-type: application/problem+json"), "{self:?}");
        let problem: gild_model::api::Problem = self.json();
        assert_eq!(problem.status, status, "{problem:?}");
        for text in texts {
            assert!(problem.detail.contains(text), "the detail lacks {text:?}: {problem:?}");
        }
    }
}

/// Connects. Reads and writes that last too long fail, so that a test that hangs ends.
///
/// # Errors
/// Nobody listens.
pub fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// Asks one question on a connection of its own.
///
/// # Errors
/// Nobody listens, or the connection breaks.
pub fn ask(socket: &Path, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: gild\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    send(socket, request.as_bytes())
}

/// Sends bytes on a connection of its own and reads what comes until its end.
///
/// # Errors
/// Nobody listens, or the connection breaks.
pub fn send(socket: &Path, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(socket)?;
    stream.write_all(bytes)?;
    read_answer(&mut stream)
}

/// Reads to the end of the connection and takes it for an answer.
///
/// # Errors
/// The connection breaks, or what comes is no HTTP.
pub fn read_answer(stream: &mut UnixStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    answer(&bytes)
}

/// Takes bytes for an answer.
///
/// # Errors
/// They are no HTTP.
pub fn answer(bytes: &[u8]) -> io::Result<Answer> {
    let text = String::from_utf8_lossy(bytes);
    parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {text:?}")))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { join_chunks(body)? } else { body.to_owned() };
    Some(Answer { status, head: head.to_owned(), body })
}

/// RFC 9112, 7.1: length in hexadecimal digits, the chunk, and so on until a chunk of length 0.
fn join_chunks(mut text: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (length, rest) = text.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..length)?);
        text = rest.get(length..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_chunks_is_put_together() {
        let answer =
            parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n");
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "abc0123456789"));
        assert!(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").is_none(), "cut short");
    }
}
