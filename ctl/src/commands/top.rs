//! `gilctl top`: a screen of the run in progress. Watching changes nothing; leaving it leaves the run alone.

use std::io::{IsTerminal, stdout};

use super::select;
use crate::cli::{DaemonOptions, TopArguments};
use crate::error::{Error, Exit};
use crate::{session, top};

/// Shows the screen until the user has seen enough.
///
/// # Errors
/// Standard output is no terminal; no daemon listens; there is no such run.
pub async fn run(daemon: &DaemonOptions, arguments: &TopArguments) -> Result<Exit, Error> {
    if !stdout().is_terminal() {
        let instead =
            "top: standard output is not a terminal; use gilctl watch, or ask for /v1/runs/RUN/live (docs/api.md)";
        return Err(Error::Usage(instead.to_owned()));
    }
    // A daemon that was started for the sake of watching would have nothing to show.
    let client = session::open(&DaemonOptions { no_start: true, ..daemon.clone() }).await?;
    let run = match arguments.run {
        Some(run) => Some(select(&client, run).await?),
        None => None,
    };
    top::show(client, run, arguments.interval).await
}
