//! `gilctl export`: writes the accounts of a run, the times of its tasks, or who made whom wait.

use std::io::IsTerminal;
use std::path::Path;

use gild_model::run::{HolderRow, LockWaitRow, RunOutline, TaskRow};
use gild_model::trial::Trial;
use serde::de::DeserializeOwned;

use super::open;
use crate::cli::{DaemonOptions, ExportArguments, ExportTable, Format};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::export::{self, Row, Rows, Schema, Target};
use crate::output;

/// Writes a table of a run in the format asked for.
pub async fn run(daemon: &DaemonOptions, arguments: &ExportArguments) -> Result<Exit, Error> {
    let file = file(arguments);
    if arguments.format == Format::Parquet && file.is_none() && std::io::stdout().is_terminal() {
        return Err(export::Error::ParquetToTerminal.into());
    }
    let (client, id) = open(daemon, arguments.run).await?;
    let run: RunOutline = client.get(&format!("/v1/runs/{id}/outline")).await?;
    if !run.head.status.is_final() {
        output::warning(&format!("run {id} is not over; the export has the trials finished so far"));
    }
    let count = match arguments.table {
        ExportTable::Accounts => accounts(&client, &run, arguments).await?,
        ExportTable::Tasks => rows::<TaskRow>(&client, &run, "tasks", arguments).await?,
        ExportTable::Waits => rows::<LockWaitRow>(&client, &run, "waits", arguments).await?,
        ExportTable::Holders => rows::<HolderRow>(&client, &run, "holders", arguments).await?,
    };
    if let Some(file) = file {
        output::notice(&format!("wrote {count} rows to {}", file.display()));
    }
    Ok(Exit::Done)
}

fn file(arguments: &ExportArguments) -> Option<&Path> {
    arguments.output.as_deref().filter(|it| *it != Path::new("-"))
}

/// Writes the accounts trial by trial, and says how many rows they are. The daemon says beforehand which counters there are,
/// for the columns depend on it.
async fn accounts(client: &Client, run: &RunOutline, arguments: &ExportArguments) -> Result<u64, Error> {
    let (id, warmups) = (run.head.id, arguments.warmups);
    let counters = client.get(&format!("/v1/runs/{id}/counters?warmups={warmups}")).await?;
    let mut rows =
        Rows::new(arguments.format, Schema::of(&run.experiment).with_counters(counters), target(arguments)?)?;
    let mut trials = client.lines::<Trial>(&format!("/v1/runs/{id}/trials")).await?;
    let mut count = 0;
    while let Some(trial) = trials.next().await? {
        if warmups || !trial.warmup {
            export::accounts::each_row(run, trial, |row| {
                count += 1;
                rows.write(row)
            })?;
        }
    }
    rows.finish()?;
    Ok(count)
}

/// Writes the rows at a place of the API, and says how many they are.
async fn rows<R>(client: &Client, run: &RunOutline, place: &str, arguments: &ExportArguments) -> Result<u64, Error>
where
    R: Row + DeserializeOwned,
{
    let mut rows = Rows::new(arguments.format, Schema::of(&run.experiment), target(arguments)?)?;
    let mut lines = client.lines::<R>(&format!("/v1/runs/{}/{place}", run.head.id)).await?;
    let mut count = 0;
    while let Some(row) = lines.next().await? {
        if arguments.warmups || !row.is_warmup() {
            count += 1;
            rows.write(&row)?;
        }
    }
    rows.finish()?;
    Ok(count)
}

fn target(arguments: &ExportArguments) -> Result<Target, export::Error> {
    file(arguments).map_or_else(|| Ok(Target::stdout()), Target::file)
}
