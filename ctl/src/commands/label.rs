//! `gilctl tag` and `gilctl note`: what people write on runs.

use gild_model::label::{NoteChange, TagChange};
use gild_model::run::RunHead;

use super::{open, select};
use crate::cli::{DaemonOptions, NoteArguments, TagArguments};
use crate::error::{Error, Exit};
use crate::{output, session};

/// Puts tags on runs and takes others off; stops at the first run that is not there.
pub async fn tag(daemon: &DaemonOptions, arguments: &TagArguments) -> Result<Exit, Error> {
    let change = TagChange { add: arguments.add.clone(), remove: arguments.remove.clone() };
    change.check().map_err(Error::Usage)?;
    let client = session::open(daemon).await?;
    for selector in &arguments.runs {
        let id = select(&client, *selector).await?;
        let head: RunHead = client.post(&format!("/v1/runs/{id}/tags"), &change).await?;
        let tags: Vec<_> = head.tags.iter().map(ToString::to_string).collect();
        match tags.is_empty() {
            true => output::print(&format!("run {id} has no tags\n"))?,
            false => output::print(&format!("run {id} has the tags {}\n", tags.join(", ")))?,
        }
    }
    Ok(Exit::Done)
}

/// Notes something of a run.
pub async fn note(daemon: &DaemonOptions, arguments: &NoteArguments) -> Result<Exit, Error> {
    let (client, id) = open(daemon, arguments.run).await?;
    let change = NoteChange { note: Some(arguments.text.clone()) };
    let head: RunHead = client.put(&format!("/v1/runs/{id}/note"), &change).await?;
    match head.note {
        Some(_) => output::print(&format!("noted on run {id}\n"))?,
        None => output::print(&format!("run {id} has no note\n"))?,
    }
    Ok(Exit::Done)
}
