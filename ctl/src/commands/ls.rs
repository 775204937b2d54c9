//! `gilctl ls`: lists runs.

use gild_model::many::{LIST_MAX, RunFilter};
use gild_model::run::RunHead;
use jiff::tz::TimeZone;

use crate::cli::{DaemonOptions, LsArguments};
use crate::client::{self, Client};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Runs of a table that says nothing of a limit.
const TABLE_LIMIT: u32 = 50;

/// Lists runs, newest first.
pub async fn run(daemon: &DaemonOptions, arguments: &LsArguments) -> Result<Exit, Error> {
    let limit = match (arguments.limit, arguments.json) {
        (Some(limit), _) => limit.count(),
        (None, true) => None,
        (None, false) => Some(TABLE_LIMIT),
    };
    let client = session::open(daemon).await?;
    let (heads, more) = list(&client, arguments.filter(), limit).await?;
    match arguments.json {
        true => output::print_json(&heads)?,
        false if heads.is_empty() && arguments.filter() != RunFilter::default() => {
            output::print("no run is like that; all of them: gilctl ls\n")?;
        }
        false => {
            output::print(&render::runs::render(&heads, arguments.long, &TimeZone::system(), output::style()))?;
        }
    }
    if let Some(last) = heads.last().filter(|_| more) {
        output::notice(&format!(
            "there are older runs: --before {} goes on from here, --limit all has them all",
            last.id
        ));
    }
    Ok(Exit::Done)
}

/// Runs page by page, and whether there are more of them beyond the limit.
async fn list(
    client: &Client,
    mut filter: RunFilter,
    limit: Option<u32>,
) -> Result<(Vec<RunHead>, bool), client::Error> {
    let mut heads: Vec<RunHead> = Vec::new();
    loop {
        // One more than is wanted tells whether that is all.
        let missing = limit.map(|limit| limit as usize + 1 - heads.len());
        let count = missing.map_or(LIST_MAX, |missing| u32::try_from(missing).unwrap_or(LIST_MAX).min(LIST_MAX));
        filter.limit = Some(count);
        let page = client.runs(&filter).await?;
        let is_last = page.len() < count as usize;
        filter.before = page.last().map(|head| head.id);
        heads.extend(page);
        let more = limit.is_some_and(|limit| heads.len() > limit as usize);
        if more || is_last {
            heads.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
            return Ok((heads, more));
        }
    }
}
