//! A daemon that answers what a test has it answer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, channel};

use gild_model::api::Problem;
use serde::Serialize;

use crate::client::Client;

/// What a fake daemon says to one request.
#[derive(Debug)]
pub struct Answer(Vec<u8>);

impl Answer {
    /// Exactly these bytes.
    pub fn bytes(bytes: &[u8]) -> Answer {
        Answer(bytes.to_vec())
    }

    /// A JSON document.
    pub fn json(status: u16, value: &impl Serialize) -> Answer {
        Answer::document(status, "application/json", &serde_json::to_string(value).unwrap())
    }

    /// An error answer.
    pub fn problem(status: u16, title: &str, detail: &str) -> Answer {
        let problem = Problem { title: title.to_owned(), status, detail: detail.to_owned() };
        Answer::document(status, "application/problem+json", &serde_json::to_string(&problem).unwrap())
    }

    fn document(status: u16, kind: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
        Answer((head + body).into_bytes())
    }

    /// A complete stream of lines, one chunk for every three bytes.
    pub fn lines(lines: &[&str]) -> Answer {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut bytes =
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.as_bytes().chunks(3) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        Answer(bytes)
    }

    /// The same without its last five bytes: the connection breaks before a stream's end.
    pub fn cut(mut self) -> Answer {
        self.0.truncate(self.0.len() - 5);
        self
    }
}

/// Listens at a socket of its own; answers one connection after the other, then is gone.
#[derive(Debug)]
pub struct FakeDaemon {
    folder: tempfile::TempDir,
    requests: Receiver<String>,
}

impl FakeDaemon {
    /// Starts listening.
    pub fn answering<const N: usize>(answers: [Answer; N]) -> FakeDaemon {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read_request(&mut stream);
                // A client may go away before it has read everything.
                _ = stream.write_all(&answer.0);
                _ = sender.send(request);
            }
        });
        FakeDaemon { folder, requests }
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(&self.folder.path().join("s"))
    }

    /// The requests that came, once all answers were given.
    pub fn requests(&self) -> Vec<String> {
        self.requests.iter().collect()
    }
}

/// Reads a head and a body of the length that the head says.
fn read_request(stream: &mut UnixStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).unwrap();
        request.extend(&buffer[..length]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let expected =
            text.split("content-length: ").nth(1).map_or(0, |it| it.split('\r').next().unwrap().parse().unwrap());
        let complete = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= expected);
        if complete || length == 0 {
            return String::from_utf8(request).unwrap();
        }
    }
}
