//! Trials with their accounts, written in one transaction and read back whole.

use gild_model::account::{CounterReading, PhaseAccount, WorkerAccount};
use gild_model::run::RunId;
use gild_model::trial::{AccountingCost, Trial};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::columns::{Columns, Json};
use super::noise::{noise_columns, noise_of};
use super::{Result, Store, StoreError, lock_waits, task_times, timelines};

/// The columns of a [`Trial`] without its workers, after the trial's own id.
pub(super) const TRIALS: &str = concat!(
    "SELECT id, case_position, repetition, warmup, status, error, wall_ns, tasks_planned, tasks_done,
        digest, verified, tier, marks, mark_ns, counter_reads, rdpmc_reads, counter_read_ns, schedstat_reads,
        schedstat_read_ns, cpu_clock_reads, cpu_clock_read_ns, accounting_share, ",
    noise_columns!(),
    ", output, lock_waits_measured, holders_measured FROM trials WHERE run = ?1 ORDER BY id"
);

/// The columns of a [`WorkerAccount`] without its phases, after the worker's own id.
pub(super) const WORKERS: &str =
    "SELECT id, role, number, pid, tid, thread, command, core, tasks, life_ns, accounted_ns, balanced, cpu_ns,
        stolen_ns, voluntary_switches, involuntary_switches, counters, task_counters, notes
    FROM workers WHERE trial = ?1 ORDER BY id";

/// The columns of a [`PhaseAccount`], for [`account_of`].
macro_rules! account_columns {
    () => {
        "accounts.phase, accounts.kernel_phase, accounts.entries, accounts.wall_ns, accounts.on_cpu_ns,
         accounts.preempted_ns, accounts.waking_ns, accounts.run_queue_ns, accounts.blocked_ns, accounts.stolen_ns,
         accounts.cpu_ns, accounts.counters, accounts.lost_records, accounts.open"
    };
}
pub(super) use account_columns;

pub(super) const ACCOUNTS: &str =
    concat!("SELECT ", account_columns!(), " FROM accounts WHERE worker = ?1 ORDER BY id");

/// How much of a trial is read.
#[derive(Clone, Copy, PartialEq)]
enum Detail {
    /// All of it.
    Everything,
    /// All but the counters, which make up most of the bytes and which no figure of the summary needs.
    Times,
}

impl Store {
    /// Stores a finished trial: all of it, or nothing.
    ///
    /// # Errors
    /// The run or its case does not exist; the store cannot be written.
    pub fn insert_trial(&self, id: RunId, trial: &Trial) -> Result<()> {
        self.tally.write(|| {
            let transaction = self.begin_write().map_err(|error| self.error(error))?;
            self.check_case(id, trial.case)?;
            write_trial(&transaction, id, trial).and_then(|()| transaction.commit()).map_err(|error| self.error(error))
        })
    }

    fn check_case(&self, run: RunId, case: u32) -> Result<()> {
        let found: Option<bool> = self
            .connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM cases WHERE run = ?1 AND position = ?2) FROM runs WHERE id = ?1",
                (run, case),
                |row| row.get(0),
            )
            .optional()
            .map_err(|error| self.error(error))?;
        match found {
            None => Err(StoreError::NoSuchRun(run)),
            Some(false) => Err(StoreError::NoSuchCase { run, case }),
            Some(true) => Ok(()),
        }
    }

    /// Every finished trial of a run with its accounts, in the order in which they finished; none if there is no
    /// such run. Holds all accounts in memory; [`Store::stream_trials`] does not.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn trials(&self, id: RunId) -> Result<Vec<Trial>> {
        let mut trials = Vec::new();
        self.stream_trials(id, |trial| {
            trials.push(trial);
            true
        })?;
        Ok(trials)
    }

    /// Hands over every finished trial of a run with its accounts until `visit` answers `false`; none if there is no
    /// such run. Holds one trial at a time; what `visit` sees is of one moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn stream_trials(&self, id: RunId, visit: impl FnMut(Trial) -> bool) -> Result<()> {
        self.each_trial(id, Detail::Everything, visit).map_err(|error| self.error(error))
    }

    /// Hands over the trials of a run one by one, with their accounts but without counters.
    pub(super) fn each_trial_for_summary(&self, id: RunId, mut visit: impl FnMut(Trial)) -> Result<()> {
        let visit = |trial| {
            visit(trial);
            true
        };
        self.each_trial(id, Detail::Times, visit).map_err(|error| self.error(error))
    }

    fn each_trial(&self, id: RunId, detail: Detail, mut visit: impl FnMut(Trial) -> bool) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(TRIALS)?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            let mut trial = trial_of(row)?;
            trial.workers = read_workers(&self.connection, row.get(0)?, detail)?;
            trial.task_times = task_times::read(&self.connection, row.get(0)?)?;
            lock_waits::read(&self.connection, row.get(0)?, &mut trial)?;
            if !visit(trial) {
                break;
            }
        }
        Ok(())
    }
}

pub(super) fn write_trial(connection: &Connection, run: RunId, trial: &Trial) -> rusqlite::Result<()> {
    let cost = trial.accounting.as_ref();
    let noise = trial.noise.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO trials (run, case_position, repetition, warmup, status, error, wall_ns, tasks_planned,
                 tasks_done, digest, verified, tier, marks, mark_ns, counter_reads, rdpmc_reads, counter_read_ns,
                 schedstat_reads, schedstat_read_ns, cpu_clock_reads, cpu_clock_read_ns, accounting_share,
                 noise_window_ns, noise_cpus, noise_steal_ns, noise_steal_most_ns, noise_other_cpu_ns,
                 noise_frequency_min_khz, noise_frequency_max_khz, noise_throttles, output, lock_waits_measured,
                 holders_measured)
             VALUES (:run, :case, :repetition, :warmup, :status, :error, :wall_ns, :tasks_planned,
                 :tasks_done, :digest, :verified, :tier, :marks, :mark_ns, :counter_reads, :rdpmc_reads,
                 :counter_read_ns, :schedstat_reads, :schedstat_read_ns, :cpu_clock_reads, :cpu_clock_read_ns, :share,
                 :window_ns, :cpus, :steal_ns, :steal_most_ns, :other_cpu_ns, :frequency_min_khz, :frequency_max_khz,
                 :throttles, :output, :lock_waits_measured, :holders_measured)",
        )?
        .execute(named_params! {
            ":run": run,
            ":case": trial.case,
            ":repetition": trial.repetition,
            ":warmup": trial.warmup,
            ":status": trial.status.name(),
            ":error": trial.error,
            ":wall_ns": trial.wall_ns,
            ":tasks_planned": trial.tasks_planned,
            ":tasks_done": trial.tasks_done,
            ":digest": trial.digest,
            ":verified": trial.verified,
            ":tier": trial.tier.name(),
            ":marks": cost.map(|it| it.marks),
            ":mark_ns": cost.map(|it| it.mark_ns),
            ":counter_reads": cost.map(|it| it.counter_reads),
            ":rdpmc_reads": cost.map(|it| it.rdpmc_reads),
            ":counter_read_ns": cost.and_then(|it| it.counter_read_ns),
            ":schedstat_reads": cost.map(|it| it.schedstat_reads),
            ":schedstat_read_ns": cost.and_then(|it| it.schedstat_read_ns),
            ":cpu_clock_reads": cost.map(|it| it.cpu_clock_reads),
            ":cpu_clock_read_ns": cost.and_then(|it| it.cpu_clock_read_ns),
            ":share": cost.map(|it| it.share),
            ":window_ns": noise.map(|it| it.window_ns),
            ":cpus": noise.map(|it| it.cpus),
            ":steal_ns": noise.and_then(|it| it.steal_ns),
            ":steal_most_ns": noise.and_then(|it| it.steal_most_ns),
            ":other_cpu_ns": noise.and_then(|it| it.other_cpu_ns),
            ":frequency_min_khz": noise.and_then(|it| it.frequency_min_khz),
            ":frequency_max_khz": noise.and_then(|it| it.frequency_max_khz),
            ":throttles": noise.and_then(|it| it.throttles),
            ":output": trial.output,
            ":lock_waits_measured": trial.lock_waits.as_ref().map(|_| true),
            ":holders_measured": trial.holders.as_ref().map(|_| true),
        })?;
    let id = connection.last_insert_rowid();
    trial.task_times.iter().try_for_each(|times| task_times::write(connection, id, times))?;
    for (row, worker) in (0..).zip(&trial.workers) {
        let worker = write_worker(connection, id, worker)?;
        if let Some(timeline) = trial.timelines.iter().find(|it| it.row == row) {
            timelines::write(connection, worker, timeline)?;
        }
    }
    lock_waits::write(connection, id, trial)
}

/// Writes a worker with its phases, and gives its id.
fn write_worker(connection: &Connection, trial: i64, worker: &WorkerAccount) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO workers (trial, role, number, pid, tid, thread, command, core, tasks, life_ns, accounted_ns,
                 balanced, cpu_ns, stolen_ns, voluntary_switches, involuntary_switches, counters, task_counters, notes)
             VALUES (:trial, :role, :number, :pid, :tid, :thread, :command, :core, :tasks, :life_ns, :accounted_ns,
                 :balanced, :cpu_ns, :stolen_ns, :voluntary, :involuntary, :counters, :task_counters, :notes)",
        )?
        .execute(named_params! {
            ":trial": trial,
            ":role": worker.role.name(),
            ":number": worker.index,
            ":pid": worker.pid,
            ":tid": worker.tid,
            ":thread": worker.thread,
            ":command": worker.command,
            ":core": worker.core,
            ":tasks": worker.tasks,
            ":life_ns": worker.life_ns,
            ":accounted_ns": worker.accounted_ns,
            ":balanced": worker.balanced,
            ":cpu_ns": worker.cpu_ns,
            ":stolen_ns": worker.stolen_ns,
            ":voluntary": worker.voluntary_switches,
            ":involuntary": worker.involuntary_switches,
            ":counters": Json(&worker.counters),
            ":task_counters": Json(&worker.task_counters),
            ":notes": Json(&worker.notes),
        })?;
    let id = connection.last_insert_rowid();
    worker.phases.iter().try_for_each(|account| write_account(connection, id, account))?;
    Ok(id)
}

fn write_account(connection: &Connection, worker: i64, account: &PhaseAccount) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO accounts (worker, phase, kernel_phase, entries, wall_ns, on_cpu_ns, preempted_ns, waking_ns,
                 run_queue_ns, blocked_ns, stolen_ns, cpu_ns, counters, lost_records, open)
             VALUES (:worker, :phase, :kernel_phase, :entries, :wall_ns, :on_cpu_ns, :preempted_ns, :waking_ns,
                 :run_queue_ns, :blocked_ns, :stolen_ns, :cpu_ns, :counters, :lost_records, :open)",
        )?
        .execute(named_params! {
            ":worker": worker,
            ":phase": account.phase.name(),
            ":kernel_phase": account.kernel_phase,
            ":entries": account.entries,
            ":wall_ns": account.wall_ns,
            ":on_cpu_ns": account.on_cpu_ns,
            ":preempted_ns": account.preempted_ns,
            ":waking_ns": account.waking_ns,
            ":run_queue_ns": account.run_queue_ns,
            ":blocked_ns": account.blocked_ns,
            ":stolen_ns": account.stolen_ns,
            ":cpu_ns": account.cpu_ns,
            ":counters": Json(&account.counters),
            ":lost_records": account.lost_records,
            ":open": account.open,
        })?;
    Ok(())
}

fn trial_of(row: &Row<'_>) -> rusqlite::Result<Trial> {
    let mut columns = Columns::from(row, 1);
    Ok(Trial {
        case: columns.take()?,
        repetition: columns.take()?,
        warmup: columns.take()?,
        status: columns.name()?,
        error: columns.take()?,
        wall_ns: columns.take()?,
        tasks_planned: columns.take()?,
        tasks_done: columns.take()?,
        digest: columns.take()?,
        verified: columns.take()?,
        tier: columns.name()?,
        accounting: accounting_of(&mut columns)?,
        noise: noise_of(&mut columns)?,
        output: columns.take()?,
        lock_waits: columns.take::<Option<bool>>()?.map(|_| Vec::new()),
        holders: columns.take::<Option<bool>>()?.map(|_| Vec::new()),
        workers: Vec::new(),
        task_times: Vec::new(),
        timelines: Vec::new(),
    })
}

/// The cost of the accounting; its number of marks says whether it is known.
fn accounting_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Option<AccountingCost>> {
    let Some(marks) = columns.take()? else {
        columns.skip(9);
        return Ok(None);
    };
    Ok(Some(AccountingCost {
        marks,
        mark_ns: columns.take()?,
        counter_reads: columns.take()?,
        rdpmc_reads: columns.take::<Option<u64>>()?.unwrap_or(0),
        counter_read_ns: columns.take()?,
        schedstat_reads: columns.take()?,
        schedstat_read_ns: columns.take()?,
        cpu_clock_reads: columns.take::<Option<u64>>()?.unwrap_or(0),
        cpu_clock_read_ns: columns.take()?,
        share: columns.take()?,
    }))
}

fn read_workers(connection: &Connection, trial: i64, detail: Detail) -> rusqlite::Result<Vec<WorkerAccount>> {
    let mut statement = connection.prepare_cached(WORKERS)?;
    let mut rows = statement.query([trial])?;
    let mut workers = Vec::new();
    while let Some(row) = rows.next()? {
        let mut worker = worker_of(row, detail)?;
        worker.phases = read_accounts(connection, row.get(0)?, detail)?;
        workers.push(worker);
    }
    Ok(workers)
}

fn worker_of(row: &Row<'_>, detail: Detail) -> rusqlite::Result<WorkerAccount> {
    let mut columns = Columns::from(row, 1);
    Ok(WorkerAccount {
        role: columns.name()?,
        index: columns.take()?,
        pid: columns.take()?,
        tid: columns.take()?,
        thread: columns.take()?,
        command: columns.take()?,
        core: columns.take()?,
        tasks: columns.take()?,
        life_ns: columns.take()?,
        accounted_ns: columns.take()?,
        balanced: columns.take()?,
        cpu_ns: columns.take()?,
        stolen_ns: columns.take()?,
        voluntary_switches: columns.take()?,
        involuntary_switches: columns.take()?,
        counters: counters_of(&mut columns, detail)?,
        task_counters: counters_of(&mut columns, detail)?,
        notes: columns.json()?,
        phases: Vec::new(),
    })
}

fn read_accounts(connection: &Connection, worker: i64, detail: Detail) -> rusqlite::Result<Vec<PhaseAccount>> {
    let mut statement = connection.prepare_cached(ACCOUNTS)?;
    let mut rows = statement.query([worker])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        accounts.push(read_account(&mut Columns::from(row, 0), detail)?);
    }
    Ok(accounts)
}

/// Reads what [`account_columns`] selected, whole.
pub(super) fn account_of(columns: &mut Columns<'_, '_>) -> rusqlite::Result<PhaseAccount> {
    read_account(columns, Detail::Everything)
}

fn read_account(columns: &mut Columns<'_, '_>, detail: Detail) -> rusqlite::Result<PhaseAccount> {
    Ok(PhaseAccount {
        phase: columns.name()?,
        kernel_phase: columns.take()?,
        entries: columns.take()?,
        wall_ns: columns.take()?,
        on_cpu_ns: columns.take()?,
        preempted_ns: columns.take()?,
        waking_ns: columns.take()?,
        run_queue_ns: columns.take()?,
        blocked_ns: columns.take()?,
        stolen_ns: columns.take()?,
        cpu_ns: columns.take()?,
        counters: counters_of(columns, detail)?,
        lost_records: columns.take()?,
        open: columns.take()?,
    })
}

fn counters_of(columns: &mut Columns<'_, '_>, detail: Detail) -> rusqlite::Result<Vec<CounterReading>> {
    match detail {
        Detail::Everything => columns.json(),
        Detail::Times => {
            columns.skip(1);
            Ok(Vec::new())
        }
    }
}
