//! `gilctl export`: writes the accounts of a run.

use std::io::IsTerminal;
use std::path::Path;

use gild_model::run::{AccountRow, Run, RunId};

use super::open;
use crate::cli::{DaemonOptions, ExportArguments, Format};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::export::{self, Rows, Schema, Target};
use crate::output;

/// Writes the accounts of a run in the format asked for.
pub async fn run(daemon: &DaemonOptions, arguments: &ExportArguments) -> Result<Exit, Error> {
    let file = arguments.output.as_deref().filter(|it| *it != Path::new("-"));
    if arguments.format == Format::Parquet && file.is_none() && std::io::stdout().is_terminal() {
        return Err(export::Error::ParquetToTerminal.into());
    }
    let (client, id) = open(daemon, arguments.run).await?;
    let run: Run = client.get(&format!("/v1/runs/{id}")).await?;
    if !run.head.status.is_final() {
        output::warning(&format!("run {id} is not over; the export has the trials finished so far"));
    }
    // The columns depend on the counters of all rows, so the rows are read twice: nothing is held in memory.
    let schema = schema(&client, &run, arguments.warmups).await?;
    let target = file.map_or_else(|| Ok(Target::stdout()), Target::file)?;
    let mut rows = Rows::new(arguments.format, schema, target)?;
    let mut count = 0;
    let mut lines = client.lines::<AccountRow>(&path(id)).await?;
    while let Some(row) = lines.next().await? {
        if arguments.warmups || !row.warmup {
            rows.write(&row)?;
            count += 1;
        }
    }
    rows.finish()?;
    if let Some(file) = file {
        output::notice(&format!("wrote {count} rows to {}", file.display()));
    }
    Ok(Exit::Done)
}

async fn schema(client: &Client, run: &Run, warmups: bool) -> Result<Schema, Error> {
    let mut schema = Schema::of(&run.experiment);
    let mut lines = client.lines::<AccountRow>(&path(run.head.id)).await?;
    while let Some(row) = lines.next().await? {
        if warmups || !row.warmup {
            schema.see(&row);
        }
    }
    Ok(schema)
}

fn path(id: RunId) -> String {
    format!("/v1/runs/{id}/accounts")
}
