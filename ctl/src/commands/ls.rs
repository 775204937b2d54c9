//! `gilctl ls`: lists runs.

use gild_model::run::RunHead;
use jiff::tz::TimeZone;

use crate::cli::{DaemonOptions, Json};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Lists runs, newest first.
pub async fn run(daemon: &DaemonOptions, json: Json) -> Result<Exit, Error> {
    let heads: Vec<RunHead> = session::open(daemon).await?.get("/v1/runs").await?;
    match json.json {
        true => output::print_json(&heads)?,
        false => output::print(&render::runs::render(&heads, &TimeZone::system(), output::style()))?,
    }
    Ok(Exit::Done)
}
