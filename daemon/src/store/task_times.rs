//! The times of a trial's tasks, written with the trial, read with it or as tidy rows.

use gild_model::run::{RunId, TaskRow};
use gild_model::task_times::{Percentiles, TaskTime, TaskTimes};
use gild_model::trial::TrialStatus;
use rusqlite::{Connection, Row, params};

use super::columns::Columns;
use super::rows::{case_columns, case_of};
use super::{Result, Store};

/// The columns of a [`TaskTimes`], for [`task_times_of`].
macro_rules! task_times_columns {
    () => {
        "task_times.class, task_times.planned,
         wait_count, wait_mean_ns, wait_p50_ns, wait_p90_ns, wait_p99_ns, wait_max_ns, wait_histogram,
         service_count, service_mean_ns, service_p50_ns, service_p90_ns, service_p99_ns, service_max_ns,
         service_histogram,
         total_count, total_mean_ns, total_p50_ns, total_p90_ns, total_p99_ns, total_max_ns, total_histogram"
    };
}

/// Those of one trial.
pub(super) const TASK_TIMES: &str =
    concat!("SELECT ", task_times_columns!(), " FROM task_times WHERE trial = ?1 ORDER BY id");

/// The columns of the view `v_task_times`, for one trial; as the rows of accounts, without sorting.
pub(super) const TASK_ROWS: &str = concat!(
    "SELECT trials.run, ",
    case_columns!(),
    ", trials.repetition, trials.warmup, trials.status, trials.wall_ns, ",
    task_times_columns!(),
    " FROM trials
      CROSS JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position
      CROSS JOIN task_times ON task_times.trial = trials.id
      WHERE trials.id = ?1
      ORDER BY task_times.id"
);

impl Store {
    /// Hands over every row of task times of a run until `visit` answers `false`; none if there is no such run.
    /// Holds one row at a time; `visit` keeps a read transaction open, so that what it sees is of one moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn task_rows(&self, id: RunId, visit: &mut dyn FnMut(TaskRow) -> bool) -> Result<()> {
        self.each_row_of_trials(id, TASK_ROWS, |row| Ok(visit(row_of(row)?))).map_err(|error| self.error(error))
    }
}

/// Writes one row, after those written before.
pub(super) fn write(connection: &Connection, trial: i64, times: &TaskTimes) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO task_times (trial, class, planned,
             wait_count, wait_mean_ns, wait_p50_ns, wait_p90_ns, wait_p99_ns, wait_max_ns, wait_histogram,
             service_count, service_mean_ns, service_p50_ns, service_p90_ns, service_p99_ns, service_max_ns,
             service_histogram,
             total_count, total_mean_ns, total_p50_ns, total_p90_ns, total_p99_ns, total_max_ns, total_histogram)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             ?22, ?23, ?24)",
    )?;
    let TaskTimes { class, planned, wait, service, total } = times;
    let (w, s, t) = (&wait.figures, &service.figures, &total.figures);
    statement.execute(params![
        trial,
        class,
        planned,
        w.count,
        w.mean_ns,
        w.p50_ns,
        w.p90_ns,
        w.p99_ns,
        w.max_ns,
        wait.histogram,
        s.count,
        s.mean_ns,
        s.p50_ns,
        s.p90_ns,
        s.p99_ns,
        s.max_ns,
        service.histogram,
        t.count,
        t.mean_ns,
        t.p50_ns,
        t.p90_ns,
        t.p99_ns,
        t.max_ns,
        total.histogram,
    ])?;
    Ok(())
}

/// Reads those of one trial.
pub(super) fn read(connection: &Connection, trial: i64) -> rusqlite::Result<Vec<TaskTimes>> {
    let mut statement = connection.prepare_cached(TASK_TIMES)?;
    let times = statement.query_map([trial], |row| task_times_of(&mut Columns::from(row, 0)))?;
    times.collect()
}

/// Reads what [`task_times_columns`] selected.
fn task_times_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<TaskTimes> {
    Ok(TaskTimes {
        class: columns.take()?,
        planned: columns.take()?,
        wait: time_of(columns)?,
        service: time_of(columns)?,
        total: time_of(columns)?,
    })
}

fn time_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<TaskTime> {
    let figures = Percentiles {
        count: columns.take()?,
        mean_ns: columns.take()?,
        p50_ns: columns.take()?,
        p90_ns: columns.take()?,
        p99_ns: columns.take()?,
        max_ns: columns.take()?,
    };
    Ok(TaskTime { figures, histogram: columns.take()? })
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    let mut columns = Columns::from(row, 0);
    Ok(TaskRow {
        run: columns.take()?,
        case: case_of(&mut columns)?,
        repetition: columns.take()?,
        warmup: columns.take()?,
        status: columns.name::<TrialStatus>()?.name().to_owned(),
        trial_wall_ns: columns.take()?,
        times: task_times_of(&mut columns)?,
    })
}
