//! Runs: queued, started, ended, read, removed.

use gild_model::case::Case;
use gild_model::experiment::Experiment;
use gild_model::host::HostReport;
use gild_model::run::{Run, RunId, RunOutline, RunStatus};
use jiff::Timestamp;
use rusqlite::{named_params, params};

use super::columns::{Columns, Json, Time};
use super::{Result, Store, StoreError};
use crate::summary::Fold;

impl Store {
    /// Takes a run into the queue.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn insert_run(&self, experiment: &Experiment, submitted_at: Timestamp) -> Result<RunId> {
        let insert = || self.try_insert_run(experiment, submitted_at).map_err(|error| self.error(error));
        let id = self.tally.write(insert)?;
        self.tally.count_runs(1);
        Ok(id)
    }

    fn try_insert_run(&self, experiment: &Experiment, submitted_at: Timestamp) -> rusqlite::Result<RunId> {
        let transaction = self.begin_write()?;
        let trials_per_case = u64::from(experiment.repetitions) + u64::from(experiment.warmups);
        let trials = (experiment.cases.len() as u64 * trials_per_case).min(u64::from(u32::MAX));
        transaction.execute(
            "INSERT INTO runs (name, kernel, status, trials_planned, submitted_at, experiment)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                experiment.name,
                experiment.kernel,
                RunStatus::Queued.name(),
                trials,
                Time(submitted_at),
                Json(experiment)
            ],
        )?;
        let id = transaction.last_insert_rowid();
        for (position, case) in experiment.cases.iter().enumerate() {
            insert_case(&transaction, id, position, case)?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Notes that the first trial of a run is about to start, and on what machine.
    ///
    /// # Errors
    /// There is no such run; the store cannot be written.
    pub fn set_running(&self, id: RunId, host: &HostReport, at: Timestamp) -> Result<()> {
        self.change_run(
            id,
            "UPDATE runs SET status = ?2, host = ?3, started_at = ?4 WHERE id = ?1",
            params![id, RunStatus::Running.name(), Json(host), Time(at)],
        )
    }

    /// Notes how many trials a run has in all, now that this has changed.
    ///
    /// # Errors
    /// There is no such run; the store cannot be written.
    pub fn set_planned(&self, id: RunId, trials: u32) -> Result<()> {
        self.change_run(id, "UPDATE runs SET trials_planned = ?2 WHERE id = ?1", params![id, trials])
    }

    /// Notes how many workers the cases of a run had, which of a recording is known at its end.
    ///
    /// # Errors
    /// There is no such run; the store cannot be written.
    pub fn set_workers(&self, id: RunId, experiment: &Experiment) -> Result<()> {
        self.tally.write(|| self.try_set_workers(id, experiment))
    }

    fn try_set_workers(&self, id: RunId, experiment: &Experiment) -> Result<()> {
        let transaction = self.begin_write().map_err(|error| self.error(error))?;
        let changed =
            transaction.execute("UPDATE runs SET experiment = ?2 WHERE id = ?1", params![id, Json(experiment)]);
        self.one_run(id, changed)?;
        let set = |(position, case): (usize, &Case)| {
            let change = "UPDATE cases SET workers = ?3 WHERE run = ?1 AND position = ?2";
            transaction.execute(change, params![id, position, case.workers]).map(drop)
        };
        let set = experiment.cases.iter().enumerate().try_for_each(set);
        set.and_then(|()| transaction.commit()).map_err(|error| self.error(error))
    }

    /// Notes how a run ended.
    ///
    /// # Errors
    /// There is no such run; the store cannot be written.
    pub fn finish_run(&self, id: RunId, status: RunStatus, error: Option<&str>, at: Timestamp) -> Result<()> {
        self.change_run(
            id,
            "UPDATE runs SET status = ?2, error = ?3, finished_at = ?4 WHERE id = ?1",
            params![id, status.name(), error, Time(at)],
        )
    }

    /// Marks the runs that an earlier daemon left unfinished as interrupted, and says how many there were.
    /// Their finished trials stay; when they ended is not known, so no time is written.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn interrupt_unfinished(&self) -> Result<u32> {
        let change = "UPDATE runs SET status = ?1 WHERE status IN (?2, ?3)";
        let statuses = [RunStatus::Interrupted, RunStatus::Queued, RunStatus::Running].map(RunStatus::name);
        let write = || self.connection.execute(change, statuses).map_err(|error| self.error(error));
        let changed = self.tally.write(write)?;
        Ok(u32::try_from(changed).unwrap_or(u32::MAX))
    }

    /// Removes a run with everything that belongs to it; `false` if there is none. Its number stays taken.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_run(&self, id: RunId) -> Result<bool> {
        let remove =
            || self.connection.execute("DELETE FROM runs WHERE id = ?1", [id]).map_err(|error| self.error(error));
        let was_there = self.tally.write(remove)? == 1;
        self.tally.count_runs(if was_there { -1 } else { 0 });
        Ok(was_there)
    }

    /// A run with its trials (without their accounts) and its summary; `None` if there is none. Accounts are read
    /// one trial at a time, so that a long run needs no more memory than a short one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn run(&self, id: RunId) -> Result<Option<Run>> {
        // One transaction: head, trials and summary are of the same moment, also in a reader.
        let _moment = self.connection.unchecked_transaction().map_err(|error| self.error(error))?;
        let Some(head) = self.head(id)? else { return Ok(None) };
        let (experiment, host) = self.asked_for(id).map_err(|error| self.error(error))?;
        let mut fold = Fold::new(&experiment, host.as_ref().map_or(0, |host| host.cores.len()));
        let mut trials = Vec::new();
        self.each_trial_for_summary(id, |mut trial| {
            fold.add(&trial);
            (trial.workers, trial.task_times) = (Vec::new(), Vec::new());
            trial.lock_waits.iter_mut().for_each(Vec::clear);
            trial.holders.iter_mut().for_each(Vec::clear);
            trials.push(trial);
        })?;
        let summary = fold.finish();
        Ok(Some(Run { head, experiment, host, summary, trials }))
    }

    /// A run without anything that has to be made from its trials; `None` if there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn outline(&self, id: RunId) -> Result<Option<RunOutline>> {
        let Some(head) = self.head(id)? else { return Ok(None) };
        let (experiment, _) = self.asked_for(id).map_err(|error| self.error(error))?;
        Ok(Some(RunOutline { head, experiment }))
    }

    fn asked_for(&self, id: RunId) -> rusqlite::Result<(Experiment, Option<HostReport>)> {
        self.connection.query_row("SELECT experiment, host FROM runs WHERE id = ?1", [id], |row| {
            let mut columns = Columns::from(row, 0);
            Ok((columns.json()?, columns.take::<Option<Json<HostReport>>>()?.map(|host| host.0)))
        })
    }

    fn change_run(&self, id: RunId, change: &str, values: impl rusqlite::Params) -> Result<()> {
        self.tally.write(|| self.one_run(id, self.connection.execute(change, values)))
    }

    fn one_run(&self, id: RunId, changed: rusqlite::Result<usize>) -> Result<()> {
        match changed {
            Ok(0) => Err(StoreError::NoSuchRun(id)),
            Ok(_) => Ok(()),
            Err(error) => Err(self.error(error)),
        }
    }
}

fn insert_case(connection: &rusqlite::Connection, run: RunId, position: usize, case: &Case) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO cases (run, position, name, model, workers, in_flight, threads_per_process, lock, interval_us,
             check_interval, start, transport, dispatch, chunk, pinning, params, python)
         VALUES (:run, :position, :name, :model, :workers, :in_flight, :threads_per_process, :lock, :interval_us,
             :check_interval, :start, :transport, :dispatch, :chunk, :pinning, :params, :python)",
    )?;
    statement.execute(named_params! {
        ":run": run,
        ":position": position,
        ":name": case.name,
        ":model": case.model.name(),
        ":workers": case.workers,
        ":in_flight": case.in_flight,
        ":threads_per_process": case.threads_per_process,
        ":lock": case.lock.map(|it| it.name()),
        ":interval_us": case.interval_us,
        ":check_interval": case.check_interval,
        ":start": case.start.map(|it| it.name()),
        ":transport": case.transport.map(|it| it.name()),
        ":dispatch": case.dispatch.map(|it| it.name()),
        ":chunk": case.chunk,
        ":pinning": case.pinning.to_string(),
        ":params": Json(&case.params),
        ":python": case.python.as_ref().map(|it| it.to_string_lossy()),
    })?;
    Ok(())
}
