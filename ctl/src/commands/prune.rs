//! `gilctl prune`: removes old runs, after it has said which.

use std::io::{self, BufRead, IsTerminal, Write};

use gild_model::many::{PruneEvent, PruneRequest};
use gild_model::run::RunHead;
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::{DaemonOptions, PruneArguments};
use crate::client::{self, Client};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Most runs that are shown before it is asked.
const SHOWN_MAX: usize = 20;

/// What was removed, or would be.
#[derive(Debug, Serialize)]
struct Pruned {
    dry_run: bool,
    runs: Vec<RunHead>,
    bytes_before: u64,
    bytes_after: u64,
}

/// Removes old runs.
pub async fn run(daemon: &DaemonOptions, arguments: &PruneArguments) -> Result<Exit, Error> {
    let client = session::open(daemon).await?;
    let before = arguments.older_than.map(|age| age.before(&Zoned::now()));
    let request = PruneRequest { keep: arguments.keep, before, tagged: arguments.tagged, ..PruneRequest::default() };
    let rehearsal = prune(&client, &PruneRequest { dry_run: true, ..request.clone() }).await?;
    let Some(newest) = rehearsal.runs.last().map(|head| head.id) else {
        return report(arguments, &rehearsal);
    };
    if arguments.dry_run {
        return report(arguments, &rehearsal);
    }
    if !arguments.yes {
        output::message(&shown(&rehearsal.runs));
        if !is_wanted(rehearsal.runs.len())? {
            output::notice("nothing was removed");
            return Ok(Exit::Done);
        }
    }
    // Runs that have come since then stay, whatever the number of those to keep.
    let pruned = prune(&client, &PruneRequest { up_to: Some(newest), ..request }).await?;
    report(arguments, &pruned)
}

async fn prune(client: &Client, request: &PruneRequest) -> Result<Pruned, client::Error> {
    let mut lines = client.ask::<PruneEvent>("/v1/prune", request).await?;
    let mut pruned = Pruned { dry_run: request.dry_run, runs: Vec::new(), bytes_before: 0, bytes_after: 0 };
    while let Some(event) = lines.next().await? {
        match event {
            PruneEvent::Removed { run } => pruned.runs.push(run),
            PruneEvent::Done { bytes_before, bytes_after, .. } => {
                (pruned.bytes_before, pruned.bytes_after) = (bytes_before, bytes_after);
            }
        }
    }
    Ok(pruned)
}

fn shown(runs: &[RunHead]) -> String {
    let part = &runs[..runs.len().min(SHOWN_MAX)];
    let text = render::runs::render(part, false, &TimeZone::system(), output::style_of_messages());
    match runs.len() - part.len() {
        0 => text,
        more => format!("{text}and {more} more\n"),
    }
}

/// Asks on a terminal; elsewhere nobody can answer.
fn is_wanted(count: usize) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Usage(format!("nobody can be asked here; to remove {}: --yes", runs(count))));
    }
    output::message(&format!("remove {} with all that was measured? [y/N] ", runs(count)));
    _ = io::stderr().flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|source| Error::Setup { what: "the question", source })?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn report(arguments: &PruneArguments, pruned: &Pruned) -> Result<Exit, Error> {
    if arguments.json {
        output::print_json(pruned)?;
        return Ok(Exit::Done);
    }
    let count = pruned.runs.len();
    let text = match pruned.dry_run {
        _ if count == 0 => "there is nothing to remove\n".to_owned(),
        true => {
            let table = render::runs::render(&pruned.runs, false, &TimeZone::system(), output::style());
            format!("{table}{} would be removed\n", runs(count))
        }
        false => {
            let sizes = [pruned.bytes_before, pruned.bytes_after].map(render::figures::bytes);
            format!("removed {}; the store had {}, now it has {}\n", runs(count), sizes[0], sizes[1])
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn runs(count: usize) -> String {
    format!("{count} run{}", if count == 1 { "" } else { "s" })
}
