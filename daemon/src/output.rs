//! Reading what other processes write, with bounds.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::unix::pipe::Receiver;

/// How much of a kernel's output is kept, in bytes.
pub const TAIL_BYTES: usize = 8 * 1024;

/// A pipe: an end to read from here, and one to give to a process.
///
/// # Errors
/// pipe2(2) failed.
pub fn pipe() -> io::Result<(Receiver, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((Receiver::from_owned_fd(reader)?, writer))
}

/// The last [`TAIL_BYTES`] of something.
#[derive(Debug, Default)]
pub struct Tail {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Tail {
    /// Reads to the end and keeps the tail. What was read stays when the caller stops waiting.
    pub async fn read(&mut self, mut reader: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 4 * 1024];
        // A pipe that cannot be read has nothing more to say.
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            self.push(&buffer[..length]);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let excess = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..excess);
        self.dropped += excess as u64;
    }

    /// As text, with a first line that says how much is missing; `None`: there was nothing.
    pub fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        match self.dropped {
            0 => (!text.is_empty()).then(|| text.into_owned()),
            // A character cut in two is no character.
            dropped => Some(format!("[{dropped} bytes before this]\n{}", text.trim_start_matches('\u{fffd}'))),
        }
    }
}

/// Reads to the end, at most `limit` bytes.
///
/// # Errors
/// Reading failed, or there is more.
pub async fn read_bounded(reader: impl AsyncRead + Unpin, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(parts: &[&[u8]]) -> Option<String> {
        let mut tail = Tail::default();
        for part in parts {
            tail.push(part);
        }
        tail.text()
    }

    #[test]
    fn short_output_is_kept_whole() {
        assert_eq!(tail(&[]), None);
        assert_eq!(tail(&[b"a", b"b\n"]).as_deref(), Some("ab\n"));
    }

    #[test]
    fn of_long_output_the_end_is_kept_and_the_loss_counted() {
        let text = tail(&[b"start ", "é".repeat(TAIL_BYTES / 2).as_bytes(), b"!"]).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        assert_eq!(first, "[7 bytes before this]");
        assert!(rest.starts_with('é') && rest.ends_with("é!"), "the first character is cut and left out");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn bounded_reading_takes_the_limit_and_not_a_byte_more() {
        assert_eq!(read_bounded(&b"1234"[..], 4).await.unwrap(), b"1234");
        let error = read_bounded(&b"12345"[..], 4).await.unwrap_err();
        assert_eq!(error.to_string(), "it is longer than 4 bytes");
    }
}
