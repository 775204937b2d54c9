//! `gilctl doctor`: shows what this machine can measure.

use gild_model::host::HostReport;

use crate::cli::{DaemonOptions, Json};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Shows the daemon's report on its machine.
pub async fn run(daemon: &DaemonOptions, json: Json) -> Result<Exit, Error> {
    let report: HostReport = session::open(daemon).await?.get("/v1/host").await?;
    match json.json {
        true => output::print_json(&report)?,
        false => output::print(&render::host::render(&report, output::style()))?,
    }
    Ok(Exit::Done)
}
