//! The parameters that both kernels have.

use std::time::Duration;

use gild_abi::{Args, Error, Param, Result};

use crate::server;
use crate::task::check_address;

pub(crate) const TASKS: Param = Param::i64(c"tasks", 100, 1..=1_000_000).summary(c"how many tasks");
pub(crate) const REQUESTS: Param =
    Param::i64(c"requests", 5, 1..=1_000_000).summary(c"requests of a task, one after the other");
pub(crate) const BYTES: Param =
    Param::i64(c"bytes", 512, 1..=1 << 20).unit(c"bytes").summary(c"size of a request, and of its answer");
pub(crate) const COMPUTE_US: Param =
    Param::i64(c"compute_us", 50, 0..=10_000_000).unit(c"us").summary(c"CPU time that a task burns after each answer");
pub(crate) const SERVICE_US: Param = Param::i64(c"service_us", 1000, 0..=10_000_000)
    .unit(c"us")
    .summary(c"how long the trial's own server takes for a request; it serves all connections side by side");
pub(crate) const SERVER: Param = Param::text(c"server", c"")
    .summary(c"host:port of a server that sends back what it gets; preset: one that the trial starts");
pub(crate) const SERVER_CORE: Param = Param::i64(c"server_core", -1, -1..=4095)
    .summary(c"the core that the trial's own server is bound to; -1: the last that may be used");
pub(crate) const TIMEOUT_MS: Param = Param::i64(c"timeout_ms", 10_000, 1..=3_600_000)
    .unit(c"ms")
    .summary(c"a task fails that waits longer for a connection, to send a request, or for a whole answer");

/// What the requests of a trial are like.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) requests: u64,
    pub(crate) bytes: usize,
    pub(crate) compute: Duration,
    pub(crate) timeout: Duration,
    pub(crate) server: Server,
}

/// Who answers.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    /// A process of the trial.
    Own(server::Settings),
    /// Somebody with this address.
    Named(String),
}

impl Settings {
    pub(crate) fn read(args: &Args<'_>) -> Result<Settings> {
        let micros = |name| Duration::from_micros(args.u64(name));
        let (bytes, timeout) = (args.usize("bytes"), Duration::from_millis(args.u64("timeout_ms")));
        let core = usize::try_from(args.i64("server_core")).ok();
        let server = match args.text("server") {
            "" => {
                let own = server::Settings { bytes, service: micros("service_us"), core };
                if own.service >= timeout {
                    return Err(Error::new(format!(
                        "service_us: no answer would come within timeout_ms ({} ms)",
                        timeout.as_millis()
                    )));
                }
                Server::Own(own)
            }
            address => {
                check_address(address)?;
                if core.is_some() {
                    return Err(Error::new(format!("server_core: the server {address} is not the trial's to bind")));
                }
                Server::Named(address.to_owned())
            }
        };
        Ok(Settings { requests: args.u64("requests"), bytes, compute: micros("compute_us"), timeout, server })
    }

    /// What a task is expected to cost, in microseconds; a service time that is not known is left out.
    pub(crate) fn cost_us(&self) -> u64 {
        let service = match &self.server {
            Server::Own(own) => own.service,
            Server::Named(_) => Duration::ZERO,
        };
        let each_us = (service + self.compute).as_micros() as u64;
        self.requests.saturating_mul(each_us)
    }
}
