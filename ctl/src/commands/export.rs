//! `gilctl export`: writes the accounts of a run, the times of its tasks, or who made whom wait.

use std::io::IsTerminal;
use std::path::Path;

use gild_model::run::{AccountRow, HolderRow, LockWaitRow, Run, TaskRow};
use serde::de::DeserializeOwned;

use super::open;
use crate::cli::{DaemonOptions, ExportArguments, ExportTable, Format};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::export::{self, OfTrial, Row, Rows, Schema, Target};
use crate::output;

/// Writes a table of a run in the format asked for.
pub async fn run(daemon: &DaemonOptions, arguments: &ExportArguments) -> Result<Exit, Error> {
    let file = file(arguments);
    if arguments.format == Format::Parquet && file.is_none() && std::io::stdout().is_terminal() {
        return Err(export::Error::ParquetToTerminal.into());
    }
    let (client, id) = open(daemon, arguments.run).await?;
    let run: Run = client.get(&format!("/v1/runs/{id}")).await?;
    if !run.head.status.is_final() {
        output::warning(&format!("run {id} is not over; the export has the trials finished so far"));
    }
    let count = match arguments.table {
        ExportTable::Accounts => write::<AccountRow>(&client, &run, "accounts", arguments).await?,
        ExportTable::Tasks => write::<TaskRow>(&client, &run, "tasks", arguments).await?,
        ExportTable::Waits => write::<LockWaitRow>(&client, &run, "waits", arguments).await?,
        ExportTable::Holders => write::<HolderRow>(&client, &run, "holders", arguments).await?,
    };
    if let Some(file) = file {
        output::notice(&format!("wrote {count} rows to {}", file.display()));
    }
    Ok(Exit::Done)
}

fn file(arguments: &ExportArguments) -> Option<&Path> {
    arguments.output.as_deref().filter(|it| *it != Path::new("-"))
}

/// Writes the rows at a place of the API, and says how many.
async fn write<R>(client: &Client, run: &Run, place: &str, arguments: &ExportArguments) -> Result<u64, Error>
where
    R: Row + DeserializeOwned,
{
    let path = format!("/v1/runs/{}/{place}", run.head.id);
    // The columns depend on the counters of all rows, so the rows are read twice: nothing is held in memory.
    let mut schema = Schema::of(&run.experiment);
    each_row(client, &path, arguments.warmups, |row: R| {
        schema.see(&row);
        Ok(())
    })
    .await?;
    let target = file(arguments).map_or_else(|| Ok(Target::stdout()), Target::file)?;
    let mut rows = Rows::new(arguments.format, schema, target)?;
    let mut count = 0;
    each_row(client, &path, arguments.warmups, |row: R| {
        count += 1;
        rows.write(&row)
    })
    .await?;
    rows.finish()?;
    Ok(count)
}

/// Hands over the rows of trials that count, and those of warm-ups if they are asked for.
async fn each_row<R: OfTrial + DeserializeOwned>(
    client: &Client,
    path: &str,
    warmups: bool,
    mut take: impl FnMut(R) -> Result<(), export::Error>,
) -> Result<(), Error> {
    let mut lines = client.lines::<R>(path).await?;
    while let Some(row) = lines.next().await? {
        if warmups || !row.is_warmup() {
            take(row)?;
        }
    }
    Ok(())
}
