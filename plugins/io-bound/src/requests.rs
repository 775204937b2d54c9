//! What a task does that makes requests: the same for both kernels.
//!
//! As in CPython's `socket` module, each call that may block is a blocking region of its own: connecting, sending, and
//! waiting for the answer. So a request gives the lock away twice and has to get it back twice, and under a lock that
//! somebody computing holds, each of the two takes up to an interval: the convoy.

use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};

use gild_abi::{Cx, Error, Result};

use crate::burn::burn;
use crate::connection::{Connection, Pool};
use crate::exchange::Exchange;
use crate::server;
use crate::settings::{Server, Settings};
use crate::task::{add, fill};

/// What the tasks of an instance share.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    /// In the process that planned only.
    own: Mutex<Option<server::Process>>,
}

/// The kernel's phases that parts of such a task belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phases {
    /// Making a request, looking at its answer.
    pub(crate) request: usize,
    /// Computing after an answer.
    pub(crate) compute: usize,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Client {
        Client { settings, pool: Pool::default(), own: Mutex::new(None) }
    }

    /// The server's address; starts the server if it is the trial's own and does not run yet.
    pub(crate) fn server(&self) -> Result<String> {
        let settings = match &self.settings.server {
            Server::Named(address) => return Ok(address.clone()),
            Server::Own(settings) => settings,
        };
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let process = match own.take() {
            Some(process) => process,
            None => server::Process::start(settings)?,
        };
        Ok(own.insert(process).address().to_string())
    }

    /// All requests of a task. Returns the sum over all answers.
    pub(crate) fn run(&self, cx: &mut Cx<'_>, server: &str, task: u64, phases: Phases) -> Result<u64> {
        let settings = &self.settings;
        let mut connection = match self.pool.take() {
            Some(connection) => connection,
            None => cx
                .blocking(|| Connection::open(server, settings.timeout))?
                .map_err(|error| failed(server, "cannot connect", &error))?,
        };
        let (mut request, mut answer) = (vec![0; settings.bytes], vec![0; settings.bytes]);
        let mut sum = 0;
        for number in 0..settings.requests {
            cx.phase(phases.request, |cx| {
                fill(&mut request, task, number);
                exchange(cx, &mut connection, &request, &mut answer)?
                    .map_err(|error| failed(server, &format!("request {number}"), &error))?;
                sum = add(sum, &answer);
                Ok::<(), Error>(())
            })?;
            cx.phase(phases.compute, |cx| burn(settings.compute, || cx.poll()))?;
        }
        self.pool.put(connection);
        Ok(sum)
    }
}

/// One request and its answer. The outer error is the host's.
fn exchange(cx: &mut Cx<'_>, connection: &mut Connection, request: &[u8], answer: &mut [u8]) -> Result<io::Result<()>> {
    let mut exchange = Exchange::new(request, answer);
    if let Err(error) = cx.blocking(|| connection.send(&mut exchange))? {
        return Ok(Err(error));
    }
    if let Err(error) = cx.blocking(|| connection.receive(&mut exchange))? {
        return Ok(Err(error));
    }
    Ok(checked(request, answer))
}

/// An echo server has sent back what it got.
pub(crate) fn checked(request: &[u8], answer: &[u8]) -> io::Result<()> {
    let wrong = || io::Error::new(ErrorKind::InvalidData, "the answer is not the request: this is no echo server");
    if answer == request { Ok(()) } else { Err(wrong()) }
}

/// An error of the task that names the server.
#[cold]
pub(crate) fn failed(server: &str, what: &str, error: &io::Error) -> Error {
    io::Error::new(error.kind(), format!("{server}: {what}: {error}")).into()
}
