//! Accounts as tidy rows, one after the other: run × case × repetition × worker × phase.

use std::borrow::Cow;

use gild_model::account::Role;
use gild_model::case::{Case, Pinning};
use gild_model::run::{AccountRow, RunId};
use gild_model::trial::TrialStatus;
use rusqlite::Row;
use serde::Deserialize;

use super::columns::{Columns, Json, Name};
use super::noise::{noise_columns, noise_of};
use super::trials::{account_columns, account_of};
use super::{Result, Store};

/// The columns of a [`Case`], for [`case_of`].
macro_rules! case_columns {
    () => {
        "cases.name, cases.model, cases.workers, cases.in_flight, cases.threads_per_process, cases.lock,
         cases.interval_us, cases.check_interval, cases.start, cases.transport, cases.dispatch, cases.chunk,
         cases.pinning, cases.params, cases.python"
    };
}
pub(super) use case_columns;

/// The columns of the view `v_accounts`, for one trial. CROSS JOIN keeps the loops in the order written
/// (sqlite.org/optoverview.html, "Manual control of query plans"), so rows come in their order without sorting.
pub(super) const ROWS: &str = concat!(
    "SELECT trials.run, ",
    case_columns!(),
    ", trials.repetition, trials.warmup, trials.status, trials.wall_ns, ",
    noise_columns!(),
    ", workers.role, workers.number, workers.pid, workers.tid, workers.thread, workers.command, workers.core, ",
    account_columns!(),
    " FROM trials
      CROSS JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position
      CROSS JOIN workers ON workers.trial = trials.id
      CROSS JOIN accounts ON accounts.worker = workers.id
      WHERE trials.id = ?1
      ORDER BY workers.id, accounts.id"
);

/// The counters of all accounts of a run; most accounts of a run without any have an empty list.
pub(super) const COUNTERS: &str = "SELECT accounts.counters FROM trials
    CROSS JOIN workers ON workers.trial = trials.id
    CROSS JOIN accounts ON accounts.worker = workers.id
    WHERE trials.run = ?1 AND (?2 OR NOT trials.warmup) AND accounts.counters <> '[]'
    ORDER BY trials.id, workers.id, accounts.id";

/// A counter of which nothing is needed but its name.
#[derive(Deserialize)]
struct NameOnly<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl Store {
    /// Hands over every row of accounts of a run until `visit` answers `false`; none if there is no such run.
    /// Holds one row at a time; `visit` keeps a read transaction open, so that what it sees is of one moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn account_rows(&self, id: RunId, visit: &mut dyn FnMut(AccountRow) -> bool) -> Result<()> {
        self.each_row_of_trials(id, ROWS, |row| Ok(visit(row_of(row)?))).map_err(|error| self.error(error))
    }

    /// The names of the counters that the accounts of a run have, in the order in which they come up; without those that
    /// warm-ups alone have, unless they are asked for.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn counter_names(&self, id: RunId, warmups: bool) -> Result<Vec<String>> {
        self.try_counter_names(id, warmups).map_err(|error| self.error(error))
    }

    fn try_counter_names(&self, id: RunId, warmups: bool) -> rusqlite::Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let mut statement = self.connection.prepare_cached(COUNTERS)?;
        let mut rows = statement.query((id, warmups))?;
        while let Some(row) = rows.next()? {
            let Json(readings) = Json::<Vec<NameOnly<'_>>>::borrowed(row.get_ref(0)?)?;
            for NameOnly { name } in readings {
                if !names.iter().any(|it| *it == name) {
                    names.push(name.into_owned());
                }
            }
        }
        Ok(names)
    }

    /// Hands over what a statement selects of each trial of a run, until `visit` answers `false`.
    pub(super) fn each_row_of_trials(
        &self,
        id: RunId,
        of_trial: &str,
        mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        let mut trials = self.connection.prepare_cached("SELECT id FROM trials WHERE run = ?1 ORDER BY id")?;
        let mut rows = self.connection.prepare_cached(of_trial)?;
        let mut trials = trials.query([id])?;
        while let Some(trial) = trials.next()? {
            let mut rows = rows.query([trial.get::<_, i64>(0)?])?;
            while let Some(row) = rows.next()? {
                if !visit(row)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    let mut columns = Columns::from(row, 0);
    Ok(AccountRow {
        run: columns.take()?,
        case: case_of(&mut columns)?,
        repetition: columns.take()?,
        warmup: columns.take()?,
        status: columns.name::<TrialStatus>()?.name().to_owned(),
        trial_wall_ns: columns.take()?,
        noise: noise_of(&mut columns)?,
        role: columns.name::<Role>()?.name().to_owned(),
        worker: columns.take()?,
        pid: columns.take()?,
        tid: columns.take()?,
        thread: columns.take()?,
        command: columns.take()?,
        core: columns.take()?,
        account: account_of(&mut columns)?,
    })
}

/// Reads what [`case_columns`] selected.
pub(super) fn case_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Case> {
    Ok(Case {
        name: columns.take()?,
        model: columns.name()?,
        workers: columns.take()?,
        in_flight: columns.take()?,
        threads_per_process: columns.take()?,
        lock: columns.name_if_any()?,
        interval_us: columns.take()?,
        check_interval: columns.take()?,
        start: columns.name_if_any()?,
        transport: columns.name_if_any()?,
        dispatch: columns.name_if_any()?,
        chunk: columns.take()?,
        pinning: columns.take::<Name<Pinning>>()?.0,
        params: columns.json()?,
        python: columns.take::<Option<String>>()?.map(Into::into),
    })
}
