//! What the recorder tells, and what the daemon is told of it: on a thread of its own, while the first one waits for the command.
//!
//! The daemon may be slow, or go away: looks are left out then, and the recording is given to it as a whole when it is over,
//! or to another daemon. Nothing of that reaches the command.

use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use gild_model::look::{Begun, Look, Order, Report};
use gild_model::recording::Recording;
use gild_model::run::{Run, RunHead, RunId};
use nix::sys::eventfd::EventFd;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::DaemonOptions;
use crate::client::{self, Client, Lines};
use crate::error::Error;
use crate::{output, session};

/// What a recording came to.
#[derive(Debug)]
pub struct Outcome {
    /// The accounts.
    pub recording: Recording,
    /// The run that they are kept as, if they are.
    pub kept: Option<Run>,
}

/// Where recordings are kept.
#[derive(Debug)]
pub struct Keeper<'o> {
    options: &'o DaemonOptions,
    /// A daemon that answered before the command was started; `None`: it may be had when the recording is over.
    client: Option<Client>,
}

impl<'o> Keeper<'o> {
    /// Looks for a daemon, or starts one, before there is anything that this could disturb.
    ///
    /// # Errors
    /// The options make no sense.
    pub fn new(options: &'o DaemonOptions, runtime: &Runtime) -> Result<Keeper<'o>, Error> {
        match runtime.block_on(session::open(options)) {
            Ok(client) => Ok(Keeper { options, client: Some(client) }),
            Err(error @ Error::Usage(_)) => Err(error),
            // That is said when it matters.
            Err(_) => Ok(Keeper { options, client: None }),
        }
    }

    /// Whether somebody will hear of the recording while it runs.
    pub fn is_there(&self) -> bool {
        self.client.is_some()
    }

    /// Keeps a recording that is over; without a daemon it is shown and gone, which is said.
    async fn keep(&self, live: Option<Live>, recording: &Recording) -> Option<Run> {
        let kept = match live {
            Some(live) => live.end(recording).await,
            None => Err(None),
        };
        let kept = match kept {
            Err(None) => self.keep_whole(recording).await,
            Err(Some(error)) => Err(error),
            Ok(run) => Ok(run),
        };
        kept.inspect_err(|error| {
            output::error(error);
            output::warning("the recording is not kept");
        })
        .ok()
    }

    async fn keep_whole(&self, recording: &Recording) -> Result<Run, Error> {
        let client = session::open(self.options).await?;
        let head: RunHead = client.post("/v1/recordings", recording).await?;
        Ok(client.get(&format!("/v1/runs/{}", head.id)).await?)
    }
}

/// Reads what the recorder tells until it ends. `keeper`: who is told of it; `end`: written to when the command shall end.
/// `None`: the command could not be run, which the recorder has said.
///
/// # Errors
/// The recorder was gone before it had told all, or what it told makes no sense.
pub async fn follow(
    report: PipeReader,
    keeper: Option<Keeper<'_>>,
    end: Arc<EventFd>,
) -> Result<Option<Outcome>, Error> {
    let broken = |source: io::Error| Error::Setup { what: "the recorder's report", source };
    let pipe = Receiver::from_owned_fd(OwnedFd::from(report)).map_err(broken)?;
    let mut lines = BufReader::new(pipe).split(b'\n');
    let (mut live, mut has_begun): (Option<Live>, bool) = (None, false);
    loop {
        let line = tokio::select! {
            line = lines.next_segment() => line.map_err(broken)?,
            goes_on = obey(&mut live, &end) => {
                live = live.filter(|_| goes_on);
                continue;
            }
        };
        let Some(line) = line else { return if has_begun { Err(Error::RecorderGone) } else { Ok(None) } };
        match serde_json::from_slice(&line) {
            Ok(Report::Begun(begun)) => {
                has_begun = true;
                live = Live::begin(keeper.as_ref().and_then(|it| it.client.as_ref()), &begun).await;
            }
            Ok(Report::Look(look)) => drop(live.as_ref().map(|live| live.looks.send_replace(Some(look)))),
            Ok(Report::Over(recording)) => {
                let kept = match &keeper {
                    Some(keeper) => keeper.keep(live, &recording).await,
                    None => None,
                };
                return Ok(Some(Outcome { recording: *recording, kept }));
            }
            Err(error) if error.is_eof() => return Err(Error::RecorderGone),
            Err(error) => return Err(broken(error.into())),
        }
    }
}

/// Does what the daemon wants; `false`: it does not know the recording any more. Waits for ever where there is none.
async fn obey(live: &mut Option<Live>, end: &EventFd) -> bool {
    let Some(live) = live else { return std::future::pending().await };
    match live.orders.next().await {
        Ok(Some(Order::Go(_))) => true,
        // A full counter is as good as another one: the wish is there.
        Ok(Some(Order::End)) => {
            let _ = end.write(1);
            true
        }
        Ok(None) | Err(_) => false,
    }
}

/// A recording that the daemon knows of.
struct Live {
    client: Client,
    id: RunId,
    orders: Lines<Order>,
    looks: watch::Sender<Option<Look>>,
    teller: JoinHandle<()>,
}

impl Live {
    /// Tells the daemon; `None`: it does not want to know, or there is none.
    async fn begin(client: Option<&Client>, begun: &Begun) -> Option<Live> {
        let client = client?.clone();
        let mut orders: Lines<Order> = client.ask("/v1/recordings/live", begun).await.ok()?;
        let Ok(Some(Order::Go(head))) = orders.next().await else { return None };
        let (looks, news) = watch::channel(None);
        let teller = tokio::spawn(tell(client.clone(), head.id, news));
        Some(Live { client, id: head.id, orders, looks, teller })
    }

    /// Ends it with what it came to. Without an error: the daemon does not know it any more.
    async fn end(self, recording: &Recording) -> Result<Run, Option<Error>> {
        self.teller.abort();
        match self.client.post::<RunHead>(&format!("/v1/recordings/{}/end", self.id), recording).await {
            Ok(head) => {
                let run = self.client.get(&format!("/v1/runs/{}", head.id)).await;
                run.map_err(|error| Some(error.into()))
            }
            Err(client::Error::Problem(problem)) if problem.status != CONFLICT => {
                Err(Some(client::Error::Problem(problem).into()))
            }
            Err(_) => Err(None),
        }
    }
}

/// The status with which the daemon refuses what does not go with where a run stands.
const CONFLICT: u16 = 409;

/// Tells the daemon how far the program is, whenever that is news; what has been overtaken meanwhile is left out.
async fn tell(client: Client, id: RunId, mut news: watch::Receiver<Option<Look>>) {
    let path = format!("/v1/recordings/{id}/look");
    while news.changed().await.is_ok() {
        let look = news.borrow_and_update().clone();
        // Should the daemon be gone, its orders end, too.
        if let Some(look) = look {
            let _ = client.tell(&path, &look).await;
        }
    }
}
