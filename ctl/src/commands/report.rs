//! `gilctl report`: writes a run, or two, as a file for people to look at.

use std::path::{Path, PathBuf};

use gild_model::comparison::Comparison;
use gild_model::run::{Run, RunId, TaskRow, TimelineRow};
use gild_model::trial::Trial;
use jiff::Timestamp;

use super::select;
use crate::cli::{DaemonOptions, ReportArguments};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::export::Target;
use crate::report::material::Material;
use crate::{output, report, session};

/// Writes the report.
pub async fn run(daemon: &DaemonOptions, arguments: &ReportArguments) -> Result<Exit, Error> {
    let client = session::open(daemon).await?;
    let (html, name) = match (arguments.run, arguments.compare.as_slice()) {
        (Some(run), _) => of_run(&client, select(&client, run).await?, arguments).await?,
        (None, [old, new]) => {
            let (old, new) = (select(&client, *old).await?, select(&client, *new).await?);
            of_runs(&client, old, new, arguments).await?
        }
        (None, _) => return Err(Error::Usage("name a run, or two of them with --compare".to_owned())),
    };
    let file = arguments.output.clone().unwrap_or(PathBuf::from(name));
    if file == Path::new("-") {
        output::print(&html)?;
        return Ok(Exit::Done);
    }
    Target::file(&file)?.put(&html)?;
    output::notice(&format!("wrote {} ({} KiB)", file.display(), html.len().div_ceil(1024)));
    Ok(Exit::Done)
}

async fn of_run(client: &Client, id: RunId, arguments: &ReportArguments) -> Result<(String, String), Error> {
    let material = material(client, id, arguments).await?;
    Ok((report::of_run(&material, Timestamp::now()), format!("run-{id}.html")))
}

async fn of_runs(
    client: &Client,
    old: RunId,
    new: RunId,
    arguments: &ReportArguments,
) -> Result<(String, String), Error> {
    let comparison: Comparison = client.get(&format!("/v1/compare?old={old}&new={new}")).await?;
    if old == new {
        return Err(Error::Usage(format!("run {old} cannot be compared with itself; name two runs")));
    }
    let sides = (material(client, old, arguments).await?, material(client, new, arguments).await?);
    let html = report::of_runs(&comparison, &sides.0, &sides.1, Timestamp::now());
    Ok((html, format!("run-{old}-run-{new}.html")))
}

/// A run with what the page shows of its trials. Nothing is held in memory that is not shown.
async fn material(client: &Client, id: RunId, arguments: &ReportArguments) -> Result<Material, Error> {
    let run: Run = client.get(&format!("/v1/runs/{id}")).await?;
    if !run.head.status.is_final() {
        output::warning(&format!("run {id} is not over; the report has the trials finished so far"));
    }
    let mut material = Material::new(run, arguments.timeline.intervals_max());
    if arguments.timeline.intervals_max() != Some(0) {
        let mut timelines = client.lines::<TimelineRow>(&format!("/v1/runs/{id}/timelines")).await?;
        while let Some(row) = timelines.next().await? {
            material.add_timeline(row);
        }
    }
    let mut trials = client.lines::<Trial>(&format!("/v1/runs/{id}/trials")).await?;
    while let Some(trial) = trials.next().await? {
        material.add_trial(trial);
    }
    let mut times = client.lines::<TaskRow>(&format!("/v1/runs/{id}/tasks")).await?;
    while let Some(row) = times.next().await? {
        material.times.add(row);
    }
    Ok(material)
}
