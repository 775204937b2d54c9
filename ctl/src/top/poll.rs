//! Asks the daemon, again and again: which run is in progress, and what is happening in it.
//!
//! ```text
//!  a run is in progress ─▶ look, look, … ─▶ it is over ─▶ look for the next one
//!  the daemon does not answer ─▶ ask again, for LOST_LIMIT ─▶ give up
//! ```

use std::time::Duration;

use gild_model::api::DaemonStatus;
use gild_model::experiment::Experiment;
use gild_model::live::LiveRun;
use gild_model::run::{RunId, RunOutline};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::client::{self, Client};
use crate::error::Error;

/// How long a daemon may not answer; one that is restarted is there again sooner.
const LOST_LIMIT: Duration = Duration::from_secs(5);

/// What an answer comes to.
#[derive(Debug)]
pub enum News {
    /// Another run is looked at from now on: its experiment.
    Follow(Box<Experiment>),
    /// A look.
    Look(Box<LiveRun>),
    /// No run is in progress.
    Nothing,
    /// The daemon does not answer; it is asked again.
    Lost(String),
    /// There is no more to come: why.
    Over(Error),
}

/// Whoever asks.
#[derive(Debug)]
pub struct Poll {
    client: Client,
    /// The only run that is looked at; `None`: whatever is in progress.
    only: Option<RunId>,
    interval: Duration,
    /// The run that is looked at.
    following: Option<RunId>,
    /// It is over.
    over: bool,
    lost_since: Option<Instant>,
}

impl Poll {
    /// Asks for this run, or for whatever is in progress, once per interval.
    pub fn new(client: Client, only: Option<RunId>, interval: Duration) -> Poll {
        Poll { client, only, interval, following: None, over: false, lost_since: None }
    }

    /// Asks until nobody listens; while `paused`, not at all.
    pub async fn run(mut self, mut paused: watch::Receiver<bool>, news: mpsc::Sender<News>) {
        while paused.wait_for(|paused| !paused).await.is_ok() {
            let next = self.next().await;
            let is_last = matches!(next, News::Over(_));
            // What was looked for is found: look at once.
            let at_once = matches!(next, News::Follow(_));
            if news.send(next).await.is_err() || is_last {
                return;
            }
            if !at_once {
                sleep(self.interval).await;
            }
        }
    }

    async fn next(&mut self) -> News {
        match self.ask().await {
            Ok(news) => {
                self.lost_since = None;
                news
            }
            Err(error) => self.judge(error),
        }
    }

    async fn ask(&mut self) -> Result<News, client::Error> {
        let id = match (self.only, self.following) {
            (Some(only), _) => only,
            (None, Some(following)) if !self.over => following,
            (None, before) => match self.in_progress(before).await? {
                Some(id) => id,
                None => return Ok(News::Nothing),
            },
        };
        if self.following != Some(id) {
            let outline: RunOutline = self.client.get(&format!("/v1/runs/{id}/outline")).await?;
            (self.following, self.over) = (Some(id), false);
            return Ok(News::Follow(Box::new(outline.experiment)));
        }
        let look: LiveRun = self.client.get(&format!("/v1/runs/{id}/live")).await?;
        self.over = look.head.status.is_final();
        Ok(News::Look(Box::new(look)))
    }

    /// The run in progress, or else the newest recording; not one that is known to be over.
    async fn in_progress(&self, over: Option<RunId>) -> Result<Option<RunId>, client::Error> {
        let status: DaemonStatus = self.client.get("/v1/status").await?;
        let all = status.running.into_iter().chain(status.recording.into_iter().rev());
        Ok(all.into_iter().find(|id| Some(*id) != over))
    }

    fn judge(&mut self, error: client::Error) -> News {
        use client::Error::{Connect, Gone, NoDaemon};
        let is_lost = matches!(error, NoDaemon { .. } | Connect { .. } | Gone { .. });
        let since = *self.lost_since.get_or_insert_with(Instant::now);
        if is_lost && since.elapsed() < LOST_LIMIT {
            return News::Lost("the daemon went away; asking again".to_owned());
        }
        News::Over(match self.following.filter(|_| is_lost && !self.over) {
            Some(run) => Error::DaemonGone { run },
            None => error.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;
    use crate::testing::live::{look, run};
    use crate::testing::{self, Answer, FakeDaemon};
    use gild_model::run::RunStatus;

    fn json(value: &impl serde::Serialize) -> Answer {
        Answer::json(200, value)
    }

    fn outline() -> RunOutline {
        RunOutline { head: testing::run().head, experiment: testing::experiment() }
    }

    #[tokio::test]
    async fn a_run_is_found_looked_at_and_left_when_it_is_over() {
        let over = LiveRun { head: testing::run().head, progress: None, accounts: None };
        assert!(over.head.status.is_final());
        let idle = DaemonStatus { running: None, recording: vec![], ..testing::status() };
        let (busy, live) = (testing::status(), run(look(0, 5, 1)));
        assert_eq!((busy.running, live.head.status), (Some(12), RunStatus::Running));
        let daemon =
            FakeDaemon::answering([json(&idle), json(&busy), json(&outline()), json(&live), json(&over), json(&busy)]);
        let mut poll = Poll::new(daemon.client(), None, Duration::ZERO);
        assert!(matches!(poll.next().await, News::Nothing));
        assert!(matches!(poll.next().await, News::Follow(_)));
        assert!(matches!(poll.next().await, News::Look(look) if look.accounts.is_some()));
        assert!(matches!(poll.next().await, News::Look(look) if look.head.status.is_final()));
        assert_eq!(poll.in_progress(Some(12)).await.unwrap(), Some(13), "the recording is not over");
        let paths: Vec<_> = daemon.requests().iter().map(|it| it.split(' ').nth(1).unwrap().to_owned()).collect();
        let expected = ["/v1/status", "/v1/status", "/v1/runs/12/outline", "/v1/runs/12/live", "/v1/runs/12/live"];
        assert_eq!(paths[..5], expected);
    }

    #[tokio::test]
    async fn a_daemon_that_is_gone_is_asked_again_for_a_while() {
        let mut poll = Poll::new(FakeDaemon::answering([]).client(), Some(12), Duration::ZERO);
        poll.following = Some(12);
        assert!(matches!(poll.next().await, News::Lost(_)));
        poll.lost_since = Instant::now().checked_sub(LOST_LIMIT);
        let News::Over(error) = poll.next().await else { panic!("it is still asked") };
        assert_eq!((error.exit(), error.to_string().contains("run 12")), (Exit::Daemon, true), "{error}");
    }

    #[tokio::test]
    async fn a_run_that_is_not_there_is_an_error_at_once() {
        let daemon = FakeDaemon::answering([Answer::problem(404, "no such run", "there is no run 99")]);
        let mut poll = Poll::new(daemon.client(), Some(99), Duration::ZERO);
        let News::Over(error) = poll.next().await else { panic!("it is asked again") };
        assert_eq!(error.exit(), Exit::NotFound);
    }
}
