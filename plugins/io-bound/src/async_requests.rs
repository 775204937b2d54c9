//! What a task does that makes requests, on an event loop: as in `requests`, but that it gives way to others wherever the
//! plain form blocks.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::time::Instant;

use gild_abi::{AsyncCx, Error, Result};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, connect, socket};

use crate::burn::burn;
use crate::connection::{Connection, too_late};
use crate::exchange::Exchange;
use crate::requests::{Client, Phases, checked, failed};
use crate::settings::Settings;
use crate::task::{add, fill};

impl Client {
    /// All requests of a task. Returns the sum over all answers.
    pub(crate) async fn run_async(&self, cx: AsyncCx<'_>, server: &str, task: u64, phases: Phases) -> Result<u64> {
        let settings = &self.settings;
        let mut connection = match self.pool.take() {
            Some(connection) => connection,
            None => open(cx, server, settings).await?.map_err(|error| failed(server, "cannot connect", &error))?,
        };
        let (mut request, mut answer) = (vec![0; settings.bytes], vec![0; settings.bytes]);
        let mut sum = 0;
        for number in 0..settings.requests {
            cx.phase(phases.request, async {
                fill(&mut request, task, number);
                exchange(cx, &mut connection, &request, &mut answer)
                    .await?
                    .map_err(|error| failed(server, &format!("request {number}"), &error))?;
                sum = add(sum, &answer);
                Ok::<(), Error>(())
            })
            .await?;
            cx.phase(phases.compute, async { burn(settings.compute, || cx.poll()) }).await?;
        }
        self.pool.put(connection);
        Ok(sum)
    }
}

/// Connects to the first of the host's addresses that answers. The outer error is the host's.
async fn open(cx: AsyncCx<'_>, server: &str, settings: &Settings) -> Result<io::Result<Connection>> {
    let addresses = match server.parse() {
        Ok(address) => Ok(vec![address]),
        // There is no descriptor that a name can be waited for with: the loop stands still while it is looked up.
        Err(_) => cx.blocking(|| server.to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>))?,
    };
    let addresses = match addresses {
        Ok(addresses) => addresses,
        Err(error) => return Ok(Err(error)),
    };
    let mut outcome = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
    for address in addresses {
        outcome = connected(cx, address, Instant::now() + settings.timeout).await?;
        if outcome.is_ok() {
            break;
        }
    }
    Ok(outcome.and_then(|stream| Connection::new(stream, settings.timeout)))
}

/// Connects to an address without blocking.
async fn connected(cx: AsyncCx<'_>, address: SocketAddr, deadline: Instant) -> Result<io::Result<TcpStream>> {
    let stream = match begin_to_connect(address) {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        cx.writable(&stream).until(deadline).await?;
        match stream.take_error() {
            Ok(None) if stream.peer_addr().is_ok() => return Ok(Ok(stream)),
            Ok(None) if Instant::now() < deadline => {}
            Ok(None) => return Ok(Err(io::Error::new(ErrorKind::TimedOut, "connection timed out"))),
            Ok(Some(error)) | Err(error) => return Ok(Err(error)),
        }
    }
}

fn begin_to_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(family, SockType::Stream, flags, None)?;
    let outcome = match address {
        SocketAddr::V4(address) => connect(socket.as_raw_fd(), &SockaddrIn::from(address)),
        SocketAddr::V6(address) => connect(socket.as_raw_fd(), &SockaddrIn6::from(address)),
    };
    match outcome {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket.into()),
        Err(errno) => Err(errno.into()),
    }
}

/// One request and its answer. The outer error is the host's.
async fn exchange(
    cx: AsyncCx<'_>,
    connection: &mut Connection,
    request: &[u8],
    answer: &mut [u8],
) -> Result<io::Result<()>> {
    let mut exchange = Exchange::new(request, answer);
    if let Err(error) = send(cx, connection, &mut exchange).await? {
        return Ok(Err(error));
    }
    if let Err(error) = receive(cx, connection, &mut exchange).await? {
        return Ok(Err(error));
    }
    Ok(checked(request, answer))
}

async fn send(cx: AsyncCx<'_>, connection: &Connection, exchange: &mut Exchange<'_>) -> Result<io::Result<()>> {
    let (mut stream, deadline) = (connection.stream(), Instant::now() + connection.limit());
    loop {
        match exchange.send(&mut stream) {
            Ok(true) => return Ok(Ok(())),
            Ok(false) if Instant::now() < deadline => {}
            Ok(false) => return Ok(Err(too_late(connection.limit(), exchange))),
            Err(error) => return Ok(Err(error)),
        }
        cx.readable_or_writable(stream).until(deadline).await?;
    }
}

async fn receive(cx: AsyncCx<'_>, connection: &Connection, exchange: &mut Exchange<'_>) -> Result<io::Result<()>> {
    let (mut stream, deadline) = (connection.stream(), Instant::now() + connection.limit());
    loop {
        cx.readable(stream).until(deadline).await?;
        match exchange.receive(&mut stream) {
            Ok(true) => return Ok(Ok(())),
            Ok(false) if Instant::now() < deadline => {}
            Ok(false) => return Ok(Err(too_late(connection.limit(), exchange))),
            Err(error) => return Ok(Err(error)),
        }
    }
}
