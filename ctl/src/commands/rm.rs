//! `gilctl rm`: removes runs from the store.

use super::select;
use crate::cli::{DaemonOptions, RmArguments};
use crate::error::{Error, Exit};
use crate::{output, session};

/// Removes runs, one after the other; stops at the first that cannot be removed.
pub async fn run(daemon: &DaemonOptions, arguments: &RmArguments) -> Result<Exit, Error> {
    let client = session::open(daemon).await?;
    for selector in &arguments.runs {
        let id = select(&client, *selector).await?;
        client.delete(&format!("/v1/runs/{id}")).await?;
        output::print(&format!("removed run {id}\n"))?;
    }
    Ok(Exit::Done)
}
