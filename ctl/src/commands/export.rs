//! `gilctl export`: writes what a run has measured, as a table or as timelines.

use std::io::IsTerminal;
use std::path::Path;

use gild_model::case::Case;
use gild_model::experiment::Experiment;
use gild_model::run::{HolderRow, LockWaitRow, Run, RunOutline, TaskRow, TimelineRow};
use gild_model::trial::Trial;
use serde::de::DeserializeOwned;

use super::open;
use crate::cli::{DaemonOptions, ExportArguments, ExportFormat, ExportTable, Format, TimelineFormat};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::export::timelines::{self, Scene};
use crate::export::{self, IntervalRow, OfTrial, Row, Rows, Schema, Target};
use crate::output;

/// Writes a run in the format asked for.
pub async fn run(daemon: &DaemonOptions, arguments: &ExportArguments) -> Result<Exit, Error> {
    let what = What::of(arguments)?;
    let file = arguments.output.as_deref().filter(|it| *it != Path::new("-"));
    if !arguments.format.is_text() && file.is_none() && std::io::stdout().is_terminal() {
        return Err(export::Error::BinaryToTerminal.into());
    }
    let (client, id) = open(daemon, arguments.run).await?;
    let run: RunOutline = client.get(&format!("/v1/runs/{id}/outline")).await?;
    check_cases(&run, &arguments.cases)?;
    if !run.head.status.is_final() {
        output::warning(&format!("run {id} is not over; the export has the trials finished so far"));
    }
    let export = Export { client, run, file, arguments };
    let written = match what {
        What::Rows(ExportTable::Accounts, format) => export.accounts(format).await?,
        What::Rows(ExportTable::Tasks, format) => export.rows::<TaskRow>("tasks", format).await?,
        What::Rows(ExportTable::Waits, format) => export.rows::<LockWaitRow>("waits", format).await?,
        What::Rows(ExportTable::Holders, format) => export.rows::<HolderRow>("holders", format).await?,
        What::Rows(ExportTable::Intervals, format) => export.intervals(format).await?,
        What::Timelines(format) => export.timelines(format).await?,
    };
    if let Some(file) = file {
        output::notice(&format!("wrote {written} to {}", file.display()));
    }
    Ok(Exit::Done)
}

/// What is asked for.
enum What {
    Rows(ExportTable, Format),
    Timelines(TimelineFormat),
}

impl What {
    fn of(arguments: &ExportArguments) -> Result<What, Error> {
        match (arguments.format, arguments.table) {
            (ExportFormat::Table(format), table) => Ok(What::Rows(table.unwrap_or(ExportTable::Accounts), format)),
            (ExportFormat::Timeline(format), None) => Ok(What::Timelines(format)),
            (ExportFormat::Timeline(_), Some(_)) => Err(Error::Usage(
                "--table is for csv, jsonl and parquet: this format shows timelines and has no rows; leave --table out, \
                 or write the intervals as rows: --format csv --table intervals"
                    .to_owned(),
            )),
        }
    }
}

/// Every case that the user names has to be there.
fn check_cases(run: &RunOutline, names: &[String]) -> Result<(), Error> {
    let known: Vec<&str> = run.experiment.cases.iter().map(|case| case.name.as_str()).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let (run, known) = (run.head.id, known.join(", "));
            Err(Error::Usage(format!("--case {name}: run {run} has no such case; it has {known}")))
        }
    }
}

/// An export in progress.
struct Export<'a> {
    client: Client,
    run: RunOutline,
    file: Option<&'a Path>,
    arguments: &'a ExportArguments,
}

impl Export<'_> {
    fn target(&self) -> Result<Target, export::Error> {
        self.file.map_or_else(|| Ok(Target::stdout()), Target::file)
    }

    /// Writes the accounts trial by trial, and says how many rows they are. The daemon says beforehand which counters there
    /// are, for the columns depend on it.
    async fn accounts(&self, format: Format) -> Result<String, Error> {
        let (id, warmups) = (self.run.head.id, self.arguments.warmups);
        let counters = self.client.get(&format!("/v1/runs/{id}/counters?warmups={warmups}")).await?;
        let mut rows = Rows::new(format, Schema::of(&self.run.experiment).with_counters(counters), self.target()?)?;
        let mut trials = self.client.lines::<Trial>(&format!("/v1/runs/{id}/trials")).await?;
        let mut count = 0u64;
        while let Some(trial) = trials.next().await? {
            let case = self.run.experiment.cases.get(trial.case as usize);
            if (warmups || !trial.warmup) && case.is_some_and(|case| self.is_asked_for(case)) {
                export::accounts::each_row(&self.run, trial, |row| {
                    count += 1;
                    rows.write(row)
                })?;
            }
        }
        rows.finish()?;
        Ok(format!("{count} rows"))
    }

    /// Writes the rows at a place of the API, and says how many.
    async fn rows<R: Row + DeserializeOwned>(&self, place: &str, format: Format) -> Result<String, Error> {
        let mut rows = Rows::new(format, Schema::of(&self.run.experiment), self.target()?)?;
        let mut count = 0u64;
        self.each(place, |row: R| {
            count += 1;
            rows.write(&row)
        })
        .await?;
        rows.finish()?;
        Ok(format!("{count} rows"))
    }

    /// Writes a row per interval, worker by worker.
    async fn intervals(&self, format: Format) -> Result<String, Error> {
        let mut rows = None;
        let (mut count, mut dropped) = (0u64, 0u64);
        self.each("timelines", |of: TimelineRow| {
            let rows = match &mut rows {
                Some(rows) => rows,
                // Not before there is one: a run without leaves no file.
                none => none.insert(Rows::new(format, Schema::of(&self.run.experiment), self.target()?)?),
            };
            dropped += of.timeline.dropped;
            count += of.timeline.len() as u64;
            write_intervals(of, rows)
        })
        .await?;
        rows.ok_or_else(|| self.without_timelines())?.finish()?;
        warn_of_dropped(dropped, &self.run.experiment);
        Ok(format!("{count} rows"))
    }

    /// Writes all timelines as one scene.
    async fn timelines(&self, format: TimelineFormat) -> Result<String, Error> {
        let mut rows = Vec::new();
        self.each("timelines", |row: TimelineRow| {
            rows.push(row);
            Ok(())
        })
        .await?;
        if rows.is_empty() {
            return Err(self.without_timelines());
        }
        let run: Run = self.client.get(&format!("/v1/runs/{}", self.run.head.id)).await?;
        let scene = Scene::of(&run, rows);
        timelines::write(&scene, format, self.target()?)?;
        warn_of_dropped(scene.dropped(), &self.run.experiment);
        Ok(format!("{} intervals", scene.intervals()))
    }

    /// Hands over the rows of trials that count, of the cases asked for, and those of warm-ups if they are asked for.
    async fn each<R: OfTrial + DeserializeOwned>(
        &self,
        place: &str,
        mut take: impl FnMut(R) -> Result<(), export::Error>,
    ) -> Result<(), Error> {
        let mut lines = self.client.lines::<R>(&format!("/v1/runs/{}/{place}", self.run.head.id)).await?;
        while let Some(row) = lines.next().await? {
            if (self.arguments.warmups || !row.is_warmup()) && self.is_asked_for(row.case()) {
                take(row)?;
            }
        }
        Ok(())
    }

    fn is_asked_for(&self, case: &Case) -> bool {
        self.arguments.cases.is_empty() || self.arguments.cases.contains(&case.name)
    }

    fn without_timelines(&self) -> Error {
        let head = &self.run.head;
        let (id, kernel) = (head.id, &head.kernel);
        Error::Usage(match (self.run.experiment.timeline, head.status.is_final()) {
            (0, _) => format!(
                "run {id} has no timelines, because it was run without (timeline = 0, --timeline 0); run it again with: \
                 gilctl show {id} --experiment > again.toml && gilctl run again.toml --timeline {}",
                gild_model::timeline::MARKS_DEFAULT
            ),
            (_, false) => format!(
                "run {id} has no timelines yet: the first trial that counts of a case has one when it is over; \
                 wait for it: gilctl watch {id}"
            ),
            (_, true) => format!(
                "run {id} of {kernel} has no timelines of what was asked for: no first trial that counts got far enough \
                 to have one; see gilctl show {id} --trials"
            ),
        })
    }
}

fn write_intervals(mut of: TimelineRow, rows: &mut Rows<IntervalRow>) -> Result<(), export::Error> {
    let timeline = std::mem::take(&mut of.timeline);
    of.timeline.dropped = timeline.dropped;
    let mut intervals = timeline.intervals();
    let Some(interval) = intervals.next() else { return Ok(()) };
    // One row is used for all intervals: what is not of the interval is the same.
    let mut row = IntervalRow { of, interval };
    rows.write(&row)?;
    intervals.try_for_each(|interval| {
        row.interval = interval;
        rows.write(&row)
    })
}

fn warn_of_dropped(dropped: u64, experiment: &Experiment) {
    if dropped > 0 {
        output::warning(&format!(
            "{dropped} intervals were not kept: a worker's timeline has its last {} changes of phase; more with --timeline N, \
             up to {}",
            experiment.timeline,
            gild_model::timeline::MARKS_MAX
        ));
    }
}
