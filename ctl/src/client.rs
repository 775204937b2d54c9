//! The daemon's API from the client's side: HTTP/1.1 with JSON bodies over a Unix socket.
//!
//! One connection per request. Everything that is read has a bound, everything that is waited for has a time
//! limit, except the silence between two lines of a stream: a queued run says nothing for hours. Starts nothing.

mod error;
mod lines;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gild_model::api::{InspectRequest, Problem};
use gild_model::many::RunFilter;
use gild_model::run::RunHead;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

pub use error::Error;
pub use lines::Lines;

/// Longest document that is read.
const DOCUMENT_MAX: usize = 256 << 20;
/// Longest error answer that is read.
const PROBLEM_MAX: usize = 64 << 10;
/// Longest head of an answer.
const HEAD_MAX: usize = 64 << 10;
/// Longest time until the daemon takes a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest time until the head of an answer is there. Looking into a plugin may take the daemon some seconds.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
/// Longest time for the body of a document.
const BODY_LIMIT: Duration = Duration::from_secs(60);

/// A daemon, by its socket.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of the daemon at `socket`. Does not connect yet.
    pub fn new(socket: &Path) -> Client {
        Client { socket: socket.to_owned() }
    }

    /// The daemon's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Gets a document.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let exchange = self.exchange(Method::GET, path);
        exchange.document(exchange.send(None).await?).await
    }

    /// Posts a document and gets one.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let exchange = self.exchange(Method::POST, path);
        exchange.document(exchange.send(Some(encoded(body))).await?).await
    }

    /// Puts a document in place of another and gets what it is a part of.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let exchange = self.exchange(Method::PUT, path);
        exchange.document(exchange.send(Some(encoded(body))).await?).await
    }

    /// Lists runs.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunHead>, Error> {
        let query = serde_urlencoded::to_string(filter).expect("a filter is made of plain values");
        self.get(&format!("/v1/runs?{query}")).await
    }

    /// Posts nothing and gets a document.
    pub async fn post_empty<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let exchange = self.exchange(Method::POST, path);
        exchange.document(exchange.send(None).await?).await
    }

    /// Posts a document, to which there is nothing to answer.
    pub async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Error> {
        self.exchange(Method::POST, path).send(Some(encoded(body))).await.map(drop)
    }

    /// Asks the daemon what a kernel or a library is.
    pub async fn inspect(&self, request: &InspectRequest) -> Result<gild_model::plugin::PluginInfo, Error> {
        self.post("/v1/plugins/inspect", request).await
    }

    /// Deletes something.
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        self.exchange(Method::DELETE, path).send(None).await.map(drop)
    }

    /// Asks the daemon to stop; it answers before it does.
    pub async fn shut_down(&self) -> Result<(), Error> {
        self.exchange(Method::POST, "/v1/shutdown").send(None).await.map(drop)
    }

    /// Opens a stream of newline-delimited JSON.
    pub async fn lines<T: DeserializeOwned>(&self, path: &str) -> Result<Lines<T>, Error> {
        let exchange = self.exchange(Method::GET, path);
        let body = exchange.send(None).await?.into_body();
        Ok(Lines::new(exchange.what, body))
    }

    /// Posts a document and opens a stream of newline-delimited JSON.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<Lines<T>, Error> {
        let exchange = self.exchange(Method::POST, path);
        let body = exchange.send(Some(encoded(body))).await?.into_body();
        Ok(Lines::new(exchange.what, body))
    }

    fn exchange(&self, method: Method, path: &str) -> Exchange<'_> {
        let what = format!("{method} {path}");
        Exchange { socket: &self.socket, method, path: path.to_owned(), what }
    }
}

fn encoded(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("the model's types have text keys and no failing parts")
}

/// One request with its answer.
struct Exchange<'a> {
    socket: &'a Path,
    method: Method,
    path: String,
    /// The request in words, for errors.
    what: String,
}

impl Exchange<'_> {
    /// Sends the request and waits for the head of the answer; an error answer becomes an error.
    async fn send(&self, body: Option<Vec<u8>>) -> Result<Response<Incoming>, Error> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path).header(HOST, "gild");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        let request = request.body(body).expect("method, path and headers are well-formed");
        let stream = self.connect().await?;
        let sent = async {
            let (mut sender, connection) =
                http1::Builder::new().max_buf_size(HEAD_MAX).handshake(TokioIo::new(stream)).await?;
            // The connection's errors come out of the request and of the body as well.
            tokio::spawn(async move { _ = connection.await });
            sender.send_request(request).await
        };
        let response = timeout(HEAD_LIMIT, sent)
            .await
            .map_err(|_| Error::Silent { what: self.what.clone(), limit: HEAD_LIMIT })?
            .map_err(|error| self.broken(error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    async fn connect(&self) -> Result<UnixStream, Error> {
        let socket = self.socket.to_owned();
        match timeout(CONNECT_LIMIT, UnixStream::connect(self.socket)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(source)) => Err(Error::connect(socket, source)),
            Err(_) => Err(Error::Silent { what: format!("connecting to {}", socket.display()), limit: CONNECT_LIMIT }),
        }
    }

    fn broken(&self, error: hyper::Error) -> Error {
        match error.is_parse() {
            true => Error::NotHttp { socket: self.socket.to_owned(), source: error },
            false => Error::Gone { what: self.what.clone(), source: Some(error) },
        }
    }

    /// Reads and decodes the body of an answer.
    async fn document<T: DeserializeOwned>(&self, response: Response<Incoming>) -> Result<T, Error> {
        let body = self.body(response, DOCUMENT_MAX).await?;
        serde_json::from_slice(&body)
            .map_err(|error| Error::Unexpected { what: self.what.clone(), reason: error.to_string() })
    }

    async fn body(&self, response: Response<Incoming>, max: usize) -> Result<Bytes, Error> {
        let collected = timeout(BODY_LIMIT, Limited::new(response.into_body(), max).collect())
            .await
            .map_err(|_| Error::Silent { what: self.what.clone(), limit: BODY_LIMIT })?;
        collected.map(|body| body.to_bytes()).map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => self.broken(*error),
            Err(error) => {
                assert!(error.is::<LengthLimitError>(), "a limited body fails for its source or its length");
                Error::TooLong { what: self.what.clone(), max }
            }
        })
    }

    /// Makes an error of an error answer.
    async fn refusal(&self, response: Response<Incoming>) -> Error {
        let status = response.status();
        let body = match self.body(response, PROBLEM_MAX).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Error::Problem(problem),
            Err(_) => Error::NotGild { socket: self.socket.to_owned(), what: self.what.clone(), status },
        }
    }
}
