//! Who made whom wait, and which functions held the interpreter's lock meanwhile: written with the trial, read with it or as
//! tidy rows.

use gild_model::lock_wait::{Holder, HoldingFunction, LockWait};
use gild_model::run::{HolderRow, LockWaitRow, RunId, ThreadId};
use gild_model::trial::{Trial, TrialStatus};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::columns::Columns;
use super::rows::{case_columns, case_of};
use super::{Result, Store};

/// Those of one trial.
pub(super) const LOCK_WAITS: &str =
    "SELECT lock_kind, waiter, holder_kind, holder, waited_ns, entries FROM lock_waits WHERE trial = ?1 ORDER BY id";
/// Those of one trial.
pub(super) const HOLDERS: &str =
    "SELECT function, file, line, waited_ns, hand_overs FROM holders WHERE trial = ?1 ORDER BY id";

/// The columns that say which trial a row is of, for [`trial_of`].
macro_rules! trial_columns {
    () => {
        concat!(
            "SELECT trials.run, ",
            case_columns!(),
            ", trials.repetition, trials.warmup, trials.status, trials.wall_ns, "
        )
    };
}

/// The columns of the view `v_lock_waits`, for one trial; as the rows of accounts, without sorting.
pub(super) const LOCK_WAIT_ROWS: &str = concat!(
    trial_columns!(),
    "waiters.pid, waiters.tid, waiters.thread, holders.pid, holders.tid, holders.thread,
     lock_waits.lock_kind, lock_waits.waiter, lock_waits.holder_kind, lock_waits.holder, lock_waits.waited_ns,
     lock_waits.entries
     FROM trials
     CROSS JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position
     CROSS JOIN lock_waits ON lock_waits.trial = trials.id
     LEFT JOIN workers AS waiters
       ON waiters.trial = trials.id AND waiters.role = 'worker' AND waiters.number = lock_waits.waiter
     LEFT JOIN workers AS holders
       ON holders.trial = trials.id AND holders.role = 'worker' AND holders.number = lock_waits.holder
     WHERE trials.id = ?1
     ORDER BY lock_waits.id"
);

/// The columns of the view `v_holders`, for one trial.
pub(super) const HOLDER_ROWS: &str = concat!(
    trial_columns!(),
    "holders.function, holders.file, holders.line, holders.waited_ns, holders.hand_overs
     FROM trials
     CROSS JOIN cases ON cases.run = trials.run AND cases.position = trials.case_position
     CROSS JOIN holders ON holders.trial = trials.id
     WHERE trials.id = ?1
     ORDER BY holders.id"
);

impl Store {
    /// Hands over every row of a run that says who made whom wait, until `visit` answers `false`; as
    /// [`Store::task_rows`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn lock_wait_rows(&self, id: RunId, visit: &mut dyn FnMut(LockWaitRow) -> bool) -> Result<()> {
        let visit = |row: &Row<'_>| Ok(visit(lock_wait_row(row)?));
        self.each_row_of_trials(id, LOCK_WAIT_ROWS, visit).map_err(|error| self.error(error))
    }

    /// Hands over every row of a run that says which function held the interpreter's lock, until `visit` answers `false`; as
    /// [`Store::task_rows`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn holder_rows(&self, id: RunId, visit: &mut dyn FnMut(HolderRow) -> bool) -> Result<()> {
        let visit = |row: &Row<'_>| Ok(visit(holder_row(row)?));
        self.each_row_of_trials(id, HOLDER_ROWS, visit).map_err(|error| self.error(error))
    }
}

/// Writes those of a trial.
pub(super) fn write(connection: &Connection, id: i64, trial: &Trial) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO lock_waits (trial, lock_kind, waiter, holder_kind, holder, waited_ns, entries)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for it in trial.lock_waits.iter().flatten() {
        let LockWait { lock, waiter, holder, waited_ns, entries } = it;
        statement.execute(params![id, lock.name(), waiter, holder.kind(), holder.worker(), waited_ns, entries])?;
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO holders (trial, function, file, line, waited_ns, hand_overs) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for it in trial.holders.iter().flatten() {
        statement.execute(params![id, it.function, it.file, it.line, it.waited_ns, it.hand_overs])?;
    }
    Ok(())
}

/// Reads those of one trial; it says of both whether they were measured.
pub(super) fn read(connection: &Connection, id: i64, trial: &mut Trial) -> rusqlite::Result<()> {
    if let Some(waits) = &mut trial.lock_waits {
        let mut statement = connection.prepare_cached(LOCK_WAITS)?;
        let rows = statement.query_map([id], |row| lock_wait_of(&mut Columns::from(row, 0)))?;
        *waits = rows.collect::<rusqlite::Result<_>>()?;
    }
    if let Some(holders) = &mut trial.holders {
        let mut statement = connection.prepare_cached(HOLDERS)?;
        let rows = statement.query_map([id], |row| holder_of(&mut Columns::from(row, 0)))?;
        *holders = rows.collect::<rusqlite::Result<_>>()?;
    }
    Ok(())
}

fn lock_wait_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<LockWait> {
    let (lock, waiter) = (columns.name()?, columns.take()?);
    let (kind, number): (String, Option<u32>) = (columns.take()?, columns.take()?);
    let holder = Holder::of(&kind, number).ok_or_else(|| {
        let error = format!("{kind} {number:?} is no holder");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into())
    })?;
    Ok(LockWait { lock, waiter, holder, waited_ns: columns.take()?, entries: columns.take()? })
}

fn holder_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<HoldingFunction> {
    Ok(HoldingFunction {
        function: columns.take()?,
        file: columns.take()?,
        line: columns.take()?,
        waited_ns: columns.take()?,
        hand_overs: columns.take()?,
    })
}

fn lock_wait_row(row: &Row<'_>) -> rusqlite::Result<LockWaitRow> {
    let mut columns = Columns::from(row, 0);
    Ok(LockWaitRow {
        run: columns.take()?,
        case: case_of(&mut columns)?,
        repetition: columns.take()?,
        warmup: columns.take()?,
        status: columns.name::<TrialStatus>()?.name().to_owned(),
        trial_wall_ns: columns.take()?,
        waiter: thread_of(&mut columns)?,
        holder: thread_of(&mut columns)?,
        wait: lock_wait_of(&mut columns)?,
    })
}

fn thread_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<ThreadId> {
    Ok(ThreadId { pid: columns.take()?, tid: columns.take()?, thread: columns.take()? })
}

fn holder_row(row: &Row<'_>) -> rusqlite::Result<HolderRow> {
    let mut columns = Columns::from(row, 0);
    Ok(HolderRow {
        run: columns.take()?,
        case: case_of(&mut columns)?,
        repetition: columns.take()?,
        warmup: columns.take()?,
        status: columns.name::<TrialStatus>()?.name().to_owned(),
        trial_wall_ns: columns.take()?,
        held: holder_of(&mut columns)?,
    })
}
