//! Timelines, written with their trial and read worker by worker.

use gild_model::account::Role;
use gild_model::run::{RunId, TimelineRow};
use gild_model::timeline::{Timeline, WorkerTimeline};
use gild_model::trial::TrialStatus;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Json};
use super::rows::{case_columns, case_of};
use super::{Result, Store};

/// The timelines of one trial.
pub(super) const TIMELINES: &str = concat!(
    "SELECT trials.run, ",
    case_columns!(),
    ", trials.case_position, trials.repetition, trials.warmup, trials.status, trials.wall_ns, workers.role,
       workers.number, workers.pid, workers.tid, workers.thread, workers.command, timelines.kernel_phases,
       timelines.dropped, timelines.packed
     FROM trials
     CROSS JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position
     CROSS JOIN workers ON workers.trial = trials.id
     CROSS JOIN timelines ON timelines.worker = workers.id
     WHERE trials.id = ?1
     ORDER BY workers.id"
);

impl Store {
    /// Hands over the timelines of a run, worker by worker, until `visit` answers `false`; none if there is no such run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn timelines(&self, id: RunId, visit: &mut dyn FnMut(TimelineRow) -> bool) -> Result<()> {
        self.each_row_of_trials(id, TIMELINES, |row| Ok(visit(row_of(row)?))).map_err(|error| self.error(error))
    }
}

/// Writes the timeline of the worker that was stored under this id.
pub(super) fn write(connection: &Connection, worker: i64, of: &WorkerTimeline) -> rusqlite::Result<()> {
    let timeline = &of.timeline;
    connection
        .prepare_cached(
            "INSERT INTO timelines (worker, intervals, dropped, kernel_phases, packed) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![worker, timeline.len() as u64, timeline.dropped, Json(&of.kernel_phases), timeline.pack()])?;
    Ok(())
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<TimelineRow> {
    let mut columns = Columns::from(row, 0);
    Ok(TimelineRow {
        run: columns.take()?,
        case: case_of(&mut columns)?,
        case_position: columns.take()?,
        repetition: columns.take()?,
        warmup: columns.take()?,
        status: columns.name::<TrialStatus>()?.name().to_owned(),
        trial_wall_ns: columns.take()?,
        role: columns.name::<Role>()?.name().to_owned(),
        worker: columns.take()?,
        pid: columns.take()?,
        tid: columns.take()?,
        thread: columns.take()?,
        command: columns.take()?,
        kernel_phases: columns.json()?,
        timeline: unpacked(columns.take()?, &columns.take::<Vec<u8>>()?)?,
    })
}

fn unpacked(dropped: u64, packed: &[u8]) -> rusqlite::Result<Timeline> {
    Timeline::unpack(packed, dropped)
        .ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, "a damaged timeline".into()))
}
