//! The API over the socket, and metrics over a port of the loopback device: HTTP/1.1, one task per connection, all on the
//! control thread.
//!
//! What bounds a client: the number of connections, the time for the head of a request and between requests, the
//! size and the time of a body, the time that an answer may lie around untaken. Whoever passes one of these loses
//! a connection, and nobody else notices.
//!
//! | file | subject |
//! |---|---|
//! | `mod.rs` | connections |
//! | [`peer`] | who is at the other end |
//! | [`routes`] | the API |
//! | [`recordings`] | the part of it that is about recordings |
//! | [`metrics`] | figures for a monitoring system, on the socket and on a port of the loopback device |
//! | [`live`] | what is happening in a run right now |
//! | [`body`] | JSON in, newline-delimited JSON out |
//! | [`questions`] | questions in SQL |
//! | [`events`] | what happens to runs, for whoever watches |
//! | [`problem`] | errors as answers |

pub mod body;
pub mod events;
pub mod live;
pub mod metrics;
pub mod peer;
pub mod problem;
pub mod questions;
pub mod recordings;
pub mod routes;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::daemon::Daemon;
use crate::metrics::traffic::{Listener, Refused};

/// How long connections may go on once the daemon is stopping.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(2);
/// Pause after a connection could not be accepted (no descriptors left), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Serves the API until the daemon stops, and then until the last client has its answer or its time is up.
pub async fn serve(daemon: Arc<Daemon>, socket: UnixListener) {
    let router = routes::router(Arc::clone(&daemon));
    let accept = async move || socket.accept().await.map(|(stream, _)| stream);
    serve_all(&daemon, Listener::Socket, accept, |stream| guest(&daemon, &router, stream)).await;
}

/// Serves metrics on a port of the loopback device, within the same limits.
pub async fn serve_metrics(daemon: Arc<Daemon>, port: TcpListener) {
    let router = metrics::router(Arc::clone(&daemon));
    let accept = async move || port.accept().await.map(|(stream, _)| stream);
    serve_all(&daemon, Listener::Metrics, accept, |stream| neighbour(&daemon, &router, stream)).await;
}

/// What a client of the socket gets to talk to; `None`: nothing at all.
fn guest(daemon: &Daemon, router: &Router, stream: &UnixStream) -> Option<Router> {
    match peer::user(stream) {
        Ok(user) if peer::is_allowed(user, &daemon.config().allow_uids) => Some(router.clone()),
        Ok(user) => {
            tracing::warn!(user, "a user who is not allowed was refused");
            daemon.traffic.refused(Listener::Socket, Refused::User);
            Some(routes::forbidden(user))
        }
        Err(error) => {
            tracing::warn!(%error, "a client whose user is unknown was refused");
            daemon.traffic.refused(Listener::Socket, Refused::Unknown);
            None
        }
    }
}

/// What a client of the port gets to talk to. With the sysctl `route_localnet` others than this machine may reach the
/// loopback device.
fn neighbour(daemon: &Daemon, router: &Router, stream: &TcpStream) -> Option<Router> {
    let address = stream.peer_addr().ok().map(|address| address.ip());
    if address.is_some_and(|address| address.is_loopback()) {
        return Some(router.clone());
    }
    tracing::warn!(?address, "a client that is not on this machine was refused");
    daemon.traffic.refused(Listener::Metrics, Refused::Address);
    None
}

/// Takes connections until the daemon stops, each into a task of its own, with whatever `receive` gives it to talk to.
async fn serve_all<S>(
    daemon: &Daemon,
    at: Listener,
    accept: impl AsyncFn() -> io::Result<S>,
    receive: impl Fn(&S) -> Option<Router>,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let count = daemon.config().max_connections;
    daemon.traffic.listens(at, count);
    let slots = Arc::new(Semaphore::new(count));
    let mut stopping = daemon.stopping();
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
            (slot, accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        match accepted {
            Ok(stream) => welcome(daemon, at, receive(&stream), stream, slot),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(accept);
    let all = u32::try_from(count).expect("max_connections is in 1..=4096");
    // Whoever is still there then is cut off with the runtime.
    let _ = timeout(FAREWELL_TIME_MAX, slots.acquire_many(all)).await;
}

/// Hands a connection to a task of its own.
fn welcome<S>(daemon: &Daemon, at: Listener, router: Option<Router>, stream: S, slot: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let open = daemon.traffic.accepted(at);
    let Some(router) = router else { return };
    let (patience, stopping) = (daemon.config().request_timeout(), daemon.stopping());
    tokio::spawn(async move {
        if let Err(error) = converse(router, stream, patience, stopping).await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop((slot, open));
    });
}

async fn converse<S>(
    router: Router,
    stream: S,
    patience: Duration,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(patience));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return Ok(result?),
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    match timeout(FAREWELL_TIME_MAX, connection).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}
