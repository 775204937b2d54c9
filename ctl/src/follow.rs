//! Waits for a run to end, event by event; a broken connection is taken up again where it broke.

use gild_model::api::{Event, EventKind};
use gild_model::experiment::Experiment;
use gild_model::run::{Run, RunHead, RunId};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::client::{self, Client, Lines};
use crate::error::Error;
use crate::progress::Reporter;

/// Ctrl-C, caught instead of ending the program.
#[derive(Debug)]
pub struct Interrupts(Signal);

impl Interrupts {
    /// Catches Ctrl-C from now on, for the rest of the program's life.
    pub fn catch() -> Result<Interrupts, Error> {
        signal(SignalKind::interrupt())
            .map(Interrupts)
            .map_err(|source| Error::Setup { what: "the handling of Ctrl-C", source })
    }

    async fn next(&mut self) {
        // The signal's stream ends only with the runtime that is running this very function.
        _ = self.0.recv().await;
    }

    /// Does something; Ctrl-C ends it.
    pub async fn end<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            done = work => Ok(done),
            () = self.next() => Err(Error::Interrupted),
        }
    }
}

/// Shows how far a run is until it is over.
pub async fn to_the_end(client: &Client, id: RunId, experiment: &Experiment) -> Result<(), Error> {
    let mut events = Events::of(client, id);
    let mut reporter = Reporter::on_stderr(experiment);
    while let Some(event) = events.next().await? {
        reporter.show(&event.what);
    }
    Ok(())
}

/// Shows how far a run is until it is over. The first Ctrl-C asks the daemon to cancel, the second ends the waiting.
/// Says whether the daemon was asked.
pub async fn or_cancel(
    client: &Client,
    id: RunId,
    reporter: &mut Reporter<'_>,
    interrupts: &mut Interrupts,
) -> Result<bool, Error> {
    let mut events = Events::of(client, id);
    let mut asked = false;
    loop {
        tokio::select! {
            event = events.next() => match event? {
                Some(event) => reporter.show(&event.what),
                None => return Ok(asked),
            },
            () = interrupts.next() => {
                if asked {
                    return Err(Error::Interrupted);
                }
                asked = true;
                reporter.say("cancelling; press Ctrl-C again to leave at once");
                if let Some(refusal) = interrupts.end(cancel(client, id)).await?? {
                    reporter.say(&refusal);
                }
            }
        }
    }
}

/// Asks the daemon to cancel a run; returns why it would not. A run that has just ended cannot be cancelled,
/// which is no reason to stop waiting for its last event.
async fn cancel(client: &Client, id: RunId) -> Result<Option<String>, Error> {
    match client.post_empty::<RunHead>(&format!("/v1/runs/{id}/cancel")).await {
        Ok(_) => Ok(None),
        Err(client::Error::Problem(problem)) => Ok(Some(problem.detail)),
        Err(error) => Err(error.into()),
    }
}

/// The run that was followed, as it is now.
pub async fn outcome(client: &Client, id: RunId) -> Result<Run, Error> {
    client.get(&format!("/v1/runs/{id}")).await.map_err(|error| gone(error, id))
}

/// A daemon that was there a moment ago and is not any more has taken the run with it.
fn gone(error: client::Error, run: RunId) -> Error {
    match error {
        client::Error::NoDaemon { .. } | client::Error::Gone { .. } => Error::DaemonGone { run },
        error => error.into(),
    }
}

/// The events of a run, from its first to its last.
struct Events<'a> {
    client: &'a Client,
    id: RunId,
    lines: Option<Lines<Event>>,
    /// Number of the last event that came.
    after: u64,
    /// The stream was opened before.
    opened: bool,
    /// Since the connection last broke, nothing came.
    broken: bool,
    /// The last event came.
    over: bool,
}

impl<'a> Events<'a> {
    fn of(client: &'a Client, id: RunId) -> Events<'a> {
        Events { client, id, lines: None, after: 0, opened: false, broken: false, over: false }
    }

    /// The next event; `None` after the last. May be dropped while it waits and called again.
    async fn next(&mut self) -> Result<Option<Event>, Error> {
        while !self.over {
            let lines = match &mut self.lines {
                Some(lines) => lines,
                closed => closed.insert(open(self.client, self.id, self.after, self.opened).await?),
            };
            self.opened = true;
            match lines.next().await {
                Ok(Some(event)) => {
                    self.after = event.seq;
                    self.broken = false;
                    self.over = matches!(event.what, EventKind::Finished { .. });
                    return Ok(Some(event));
                }
                Ok(None) | Err(client::Error::Gone { .. }) if !self.broken => {
                    self.broken = true;
                    self.lines = None;
                }
                Ok(None) => return Err(Error::DaemonGone { run: self.id }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

async fn open(client: &Client, id: RunId, after: u64, opened: bool) -> Result<Lines<Event>, Error> {
    let lines = client.lines(&format!("/v1/runs/{id}/events?after={after}")).await;
    lines.map_err(|error| if opened { gone(error, id) } else { error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, FakeDaemon};

    const FIRST: &str = r#"{"seq":1,"at":"2026-01-01T00:00:00Z","event":"started"}"#;
    const LAST: &str = r#"{"seq":2,"at":"2026-01-01T00:00:00Z","event":"finished","status":"done","error":null}"#;

    async fn events(daemon: &FakeDaemon) -> (Vec<u64>, Option<Error>) {
        let client = daemon.client();
        let mut events = Events::of(&client, 3);
        let mut seen = Vec::new();
        loop {
            match events.next().await {
                Ok(Some(event)) => seen.push(event.seq),
                Ok(None) => return (seen, None),
                Err(error) => return (seen, Some(error)),
            }
        }
    }

    #[tokio::test]
    async fn a_stream_ends_with_the_last_event() {
        let daemon = FakeDaemon::answering([Answer::lines(&[FIRST, LAST])]);
        let (seen, error) = events(&daemon).await;
        assert_eq!(seen, [1, 2]);
        assert!(error.is_none(), "{error:?}");
    }

    #[tokio::test]
    async fn a_broken_stream_is_taken_up_where_it_broke() {
        let daemon = FakeDaemon::answering([Answer::lines(&[FIRST]).cut(), Answer::lines(&[LAST])]);
        let (seen, error) = events(&daemon).await;
        assert_eq!(seen, [1, 2]);
        assert!(error.is_none(), "{error:?}");
        let requests = daemon.requests();
        assert!(requests[0].starts_with("GET /v1/runs/3/events?after=0 "), "{}", requests[0]);
        assert!(requests[1].starts_with("GET /v1/runs/3/events?after=1 "), "{}", requests[1]);
    }

    #[tokio::test]
    async fn a_daemon_that_is_gone_for_good_is_an_error() {
        let daemon = FakeDaemon::answering([Answer::lines(&[FIRST]).cut()]);
        let (seen, error) = events(&daemon).await;
        assert_eq!(seen, [1]);
        let error = error.unwrap();
        assert_eq!(error.exit(), crate::error::Exit::Daemon);
        assert!(error.to_string().contains("went away") && error.to_string().contains("gilctl show 3"), "{error}");
    }

    #[tokio::test]
    async fn a_daemon_that_stops_with_the_run_is_gone_too() {
        let client = FakeDaemon::answering([]).client();
        let error = outcome(&client, 3).await.unwrap_err();
        assert!(matches!(error, Error::DaemonGone { run: 3 }), "{error:?}");
    }

    #[tokio::test]
    async fn a_run_that_cannot_be_cancelled_is_still_waited_for() {
        let daemon = FakeDaemon::answering([Answer::problem(409, "conflict", "run 3 is over")]);
        assert_eq!(cancel(&daemon.client(), 3).await.unwrap().as_deref(), Some("run 3 is over"));
    }
}
