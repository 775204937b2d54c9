//! Bodies: JSON in, with bounds on size and time; newline-delimited JSON out, without bounds on length.
//!
//! A stream out holds one part in memory and waits for the client to take it. A client that takes nothing for
//! `request_timeout_s` is cut off by the connection's write timeout, which ends the stream.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gild_model::run::RunId;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

use super::events::Log;
use super::problem::Refusal;
use crate::config::Config;
use crate::store::{Store, StoreError};

/// Media type of newline-delimited JSON.
pub const NDJSON: &str = "application/x-ndjson";
/// Size from which on a part of a stream is sent, in bytes.
const PART_BYTES: usize = 32 * 1024;
/// How much of a body that is too long is still taken, so that its sender gets around to reading the answer.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads a body as JSON.
///
/// # Errors
/// It is too long, too slow, or not what is expected; the field is named.
pub async fn read_json<T: DeserializeOwned>(body: Body, config: &Config) -> Result<T, Refusal> {
    read_json_up_to(body, config.max_body_bytes, config).await
}

/// The same with a limit of its own.
///
/// # Errors
/// As [`read_json`].
pub async fn read_json_up_to<T: DeserializeOwned>(body: Body, limit: usize, config: &Config) -> Result<T, Refusal> {
    let bytes = timeout(config.request_timeout(), read(body, limit)).await.map_err(|_| {
        let detail = format!("the body did not arrive within {} s (request_timeout_s)", config.request_timeout_s);
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "request too slow", detail)
    })??;
    let malformed = |detail: String| Refusal::new(StatusCode::BAD_REQUEST, "malformed body", detail);
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => malformed(error.into_inner().to_string()),
            path => malformed(format!("{path}: {}", error.inner())),
        }
    })?;
    json.end().map_err(|error| malformed(error.to_string()))?;
    Ok(value)
}

async fn read(mut body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match Limited::new(&mut body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            // Whether the rest arrives makes no difference to the answer.
            let _ = Limited::new(body, DISCARD_BYTES_MAX).collect().await;
            let detail =
                format!("the body is longer than {limit} bytes (max_body_bytes; for recordings a limit of their own)");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body too long", detail))
        }
        Err(error) => Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed body", error)),
    }
}

/// Streams what happens to a run, from after `seq` to the end.
pub fn events(log: Arc<Log>, seq: u64) -> Response {
    let (parts, body) = stream();
    tokio::spawn(async move {
        let mut news = log.subscribe();
        let mut seq = seq;
        loop {
            let (events, over) = log.after(seq);
            if let Some(last) = events.last() {
                seq = last.seq;
                let mut part = Vec::new();
                events.iter().for_each(|event| push_line(&mut part, event));
                if parts.send(Ok(part.into())).await.is_err() {
                    return;
                }
            }
            if over {
                return;
            }
            if events.is_empty() {
                tokio::select! {
                    changed = news.changed() => if changed.is_err() { return },
                    () = parts.closed() => return,
                }
            }
        }
    });
    body
}

/// Streams lines that a blocking function makes from the store, on a thread of its own.
pub fn rows<F>(reader: Store, id: RunId, make: F) -> Response
where
    F: FnOnce(&Store, RunId, &mut Lines) -> Result<(), StoreError> + Send + 'static,
{
    let (mut lines, body) = lines();
    tokio::task::spawn_blocking(move || match make(&reader, id, &mut lines) {
        Ok(()) => {
            lines.flush();
        }
        Err(error) => {
            tracing::error!(run = id, %error, "an export was cut short");
            lines.cut_short(&error);
        }
    });
    body
}

/// A stream of lines that are sent one by one.
pub fn speaker() -> (Speaker, Response) {
    let (parts, body) = stream();
    (Speaker { parts }, body)
}

/// Says lines to a client.
#[derive(Debug)]
pub struct Speaker {
    parts: mpsc::Sender<io::Result<Bytes>>,
}

impl Speaker {
    /// Says a line; waits while the client is slow. `false`: the client is gone.
    pub async fn push(&self, value: &impl Serialize) -> bool {
        let mut part = Vec::new();
        push_line(&mut part, value);
        self.parts.send(Ok(part.into())).await.is_ok()
    }

    /// Waits until the client is gone.
    pub async fn closed(&self) {
        self.parts.closed().await;
    }
}

/// An answer of lines, and where they go.
pub fn lines() -> (Lines, Response) {
    let (parts, body) = stream();
    (Lines { part: Vec::new(), parts }, body)
}

/// Lines on their way to a client.
#[derive(Debug)]
pub struct Lines {
    part: Vec<u8>,
    parts: mpsc::Sender<io::Result<Bytes>>,
}

impl Lines {
    /// Adds a line; waits while the client is slow. `false`: the client is gone.
    pub fn push(&mut self, value: &impl Serialize) -> bool {
        push_line(&mut self.part, value);
        self.part.len() < PART_BYTES || self.flush()
    }

    /// Sends what there is. `false`: the client is gone.
    pub fn flush(&mut self) -> bool {
        let part = std::mem::take(&mut self.part);
        self.parts.blocking_send(Ok(part.into())).is_ok()
    }

    /// Ends the body without its end. The status is out already, so this is the only sign left that something is wrong.
    pub fn cut_short(self, error: &impl ToString) {
        // Whether the client is there to see it makes no difference.
        let _ = self.parts.blocking_send(Err(io::Error::other(error.to_string())));
    }

    /// Says whether the client is gone, while nothing is sent.
    pub fn abandonment(&self) -> impl Fn() -> bool + Send + 'static {
        let parts = self.parts.clone();
        move || parts.is_closed()
    }
}

fn push_line(part: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *part, value).expect("the vocabulary has nothing that JSON cannot say");
    part.push(b'\n');
}

fn stream() -> (mpsc::Sender<io::Result<Bytes>>, Response) {
    let (sender, receiver) = mpsc::channel(1);
    let body = Body::from_stream(ReceiverStream::new(receiver));
    (sender, ([(header::CONTENT_TYPE, NDJSON)], body).into_response())
}
