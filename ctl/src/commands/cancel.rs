//! `gilctl cancel`: cancels a run.

use gild_model::run::RunHead;

use super::open;
use crate::cli::{CancelArguments, DaemonOptions};
use crate::error::{Error, Exit};
use crate::output;

/// Cancels a run; what was measured is kept.
pub async fn run(daemon: &DaemonOptions, arguments: &CancelArguments) -> Result<Exit, Error> {
    let (client, id) = open(daemon, arguments.run).await?;
    let head: RunHead = client.post_empty(&format!("/v1/runs/{id}/cancel")).await?;
    match arguments.json {
        true => output::print_json(&head)?,
        false if head.status.is_final() => {
            output::print(&format!("run {id} is {}; look at what is there: gilctl show {id}\n", head.status.name()))?;
        }
        false => output::print(&format!("run {id} is being cancelled; wait for its end: gilctl watch {id}\n"))?,
    }
    Ok(Exit::Done)
}
