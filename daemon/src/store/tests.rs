//! What the store promises, checked on real files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use gild_model::host::{CoreInfo, HostReport, Tier};
use gild_model::run::{AccountRow, RunStatus};
use gild_model::trial::Trial;
use jiff::Timestamp;
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use tempfile::TempDir;

use super::schema::{self, MIGRATIONS};
use super::{Store, StoreError};
use crate::summary::generate::{any_trial, done, experiment, honest_trials};
use crate::summary::summarize;

fn lab() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("the system has room for a folder");
    let path = folder.path().join("new/folder/gild.db");
    (folder, path)
}

fn at(second: i64) -> Timestamp {
    Timestamp::new(second, 123_456_789).expect("the time is in range")
}

fn host() -> HostReport {
    HostReport {
        hostname: "h".to_owned(),
        kernel: "6".to_owned(),
        cpu: "c".to_owned(),
        cores: vec![CoreInfo { cpu: 0, core: 0, package: 0 }, CoreInfo { cpu: 1, core: 1, package: 0 }],
        tier: Tier::Software,
        tier_reason: None,
        clock: "tsc".to_owned(),
        clock_reason: None,
        counters: Vec::new(),
        counts_kernel: true,
        checks: Vec::new(),
    }
}

/// A trial with some rows of accounts, from the generator's first draw.
fn some_trials() -> Vec<Trial> {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    honest_trials().new_tree(&mut runner).expect("the generator generates").current()
}

/// A trial that takes some pages of the file.
fn big_trial(repetition: u32) -> Trial {
    Trial { output: Some("x".repeat(100_000)), ..done(0, repetition) }
}

fn without_accounts(trials: &[Trial]) -> Vec<Trial> {
    trials.iter().map(|trial| Trial { workers: Vec::new(), ..trial.clone() }).collect()
}

fn rows_of(store: &Store, run: i64) -> Vec<AccountRow> {
    let mut rows = Vec::new();
    let mut take = |row| {
        rows.push(row);
        true
    };
    store.account_rows(run, &mut take).unwrap();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_trial_comes_back_exactly_as_it_was_stored(trial in any_trial()) {
        let (_folder, path) = lab();
        let store = Store::open(&path).unwrap();
        let run = store.insert_run(&experiment(), at(1)).unwrap();
        store.insert_trial(run, &trial).unwrap();
        prop_assert_eq!(&store.trials(run).unwrap(), std::slice::from_ref(&trial));
        prop_assert_eq!(&store.run(run).unwrap().unwrap().trials, &without_accounts(std::slice::from_ref(&trial)));
        let rows: Vec<_> = rows_of(&store, run).into_iter().map(|row| row.account).collect();
        let accounts: Vec<_> = trial.workers.into_iter().flat_map(|worker| worker.phases).collect();
        prop_assert_eq!(rows, accounts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_stored_run_has_the_summary_of_its_trials(trials in honest_trials()) {
        let (_folder, path) = lab();
        let store = Store::open(&path).unwrap();
        let run = store.insert_run(&experiment(), at(1)).unwrap();
        store.set_running(run, &host(), at(2)).unwrap();
        trials.iter().for_each(|trial| store.insert_trial(run, trial).unwrap());
        let stored = store.run(run).unwrap().unwrap();
        prop_assert_eq!(stored.summary, summarize(&experiment(), &trials, 2));
        prop_assert_eq!(stored.experiment, experiment());
        prop_assert_eq!(stored.host, Some(host()));
    }
}

#[test]
fn a_number_too_large_for_sql_is_refused_and_leaves_no_half_trial() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    let mut trial = some_trials().swap_remove(0);
    trial.workers.last_mut().unwrap().accounted_ns = u64::MAX;
    let error = store.insert_trial(run, &trial).unwrap_err();
    assert!(matches!(error, StoreError::Other { .. }), "{error:?}");
    assert_eq!(store.trials(run).unwrap(), []);
    assert_eq!(store.head(run).unwrap().unwrap().trials_done, 0);
}

#[test]
fn a_run_goes_from_queued_to_its_end() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    let head = store.head(run).unwrap().unwrap();
    assert_eq!((head.id, head.status, head.submitted_at, head.started_at), (1, RunStatus::Queued, at(1), None));
    assert_eq!((head.cases, head.trials_done, head.trials_planned), (3, 0, 18));
    store.set_running(run, &host(), at(2)).unwrap();
    store.insert_trial(run, &done(1, 0)).unwrap();
    store.finish_run(run, RunStatus::Failed, Some("results differ"), at(3)).unwrap();
    let head = store.head(run).unwrap().unwrap();
    assert_eq!((head.status, head.trials_done, head.error.as_deref()), (RunStatus::Failed, 1, Some("results differ")));
    assert_eq!((head.started_at, head.finished_at), (Some(at(2)), Some(at(3))));
    assert_eq!(store.heads().unwrap(), [head]);
}

#[test]
fn what_does_not_exist_is_said_to_be_missing() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.head(7).unwrap(), None);
    assert_eq!(store.run(7).unwrap(), None);
    assert!(!store.remove_run(7).unwrap());
    assert_eq!(store.set_running(7, &host(), at(1)).unwrap_err().to_string(), "there is no run 7");
    assert_eq!(store.finish_run(7, RunStatus::Done, None, at(1)).unwrap_err().to_string(), "there is no run 7");
    assert_eq!(store.insert_trial(7, &done(0, 0)).unwrap_err().to_string(), "there is no run 7");
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    assert_eq!(store.insert_trial(run, &done(3, 0)).unwrap_err().to_string(), "run 1 has no case with index 3");
}

#[test]
fn numbers_of_removed_runs_are_not_used_again() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let first = store.insert_run(&experiment(), at(1)).unwrap();
    for trial in some_trials() {
        store.insert_trial(first, &trial).unwrap();
    }
    assert!(store.remove_run(first).unwrap());
    for table in ["runs", "cases", "trials", "workers", "accounts"] {
        let left: u32 =
            store.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.insert_run(&experiment(), at(2)).unwrap(), first + 1);
}

#[test]
fn unfinished_runs_are_interrupted_and_keep_their_trials() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let [ended, running, queued] = [1, 2, 3].map(|second| store.insert_run(&experiment(), at(second)).unwrap());
    store.finish_run(ended, RunStatus::Done, None, at(4)).unwrap();
    store.set_running(running, &host(), at(5)).unwrap();
    let trials = some_trials();
    trials.iter().for_each(|trial| store.insert_trial(running, trial).unwrap());
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.interrupt_unfinished().unwrap(), 2);
    assert_eq!(store.interrupt_unfinished().unwrap(), 0);
    let status = |run| store.head(run).unwrap().unwrap().status;
    assert_eq!([ended, running, queued].map(status), [RunStatus::Done, RunStatus::Interrupted, RunStatus::Interrupted]);
    assert_eq!(store.trials(running).unwrap(), trials);
}

#[test]
fn a_trial_that_was_not_committed_is_not_there_after_a_crash() {
    let (folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    store.insert_trial(run, &done(0, 0)).unwrap();
    // The files as a killed daemon leaves them: one trial committed to the log, another one begun.
    store.connection.execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE").unwrap();
    super::trials::write_trial(&store.connection, run, &big_trial(1)).unwrap();
    let copy = folder.path().join("copy.db");
    for ending in ["", "-wal"] {
        fs::copy(format!("{}{ending}", path.display()), format!("{}{ending}", copy.display())).unwrap();
    }
    assert!(fs::metadata(folder.path().join("copy.db-wal")).unwrap().len() > 100_000, "the crash comes too early");
    let revived = Store::open(&copy).unwrap();
    assert_eq!(revived.trials(run).unwrap(), [done(0, 0)]);
    revived.insert_trial(run, &big_trial(1)).unwrap();
    assert_eq!(revived.interrupt_unfinished().unwrap(), 1);
}

#[test]
fn a_full_disk_loses_nothing_and_later_writes_work_once_there_is_room() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    store.insert_trial(run, &big_trial(0)).unwrap();
    let pages: u32 = store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |pages: u32| {
        store.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(pages + 3);
    let error = store.insert_trial(run, &big_trial(1)).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    let says = error.to_string();
    let folder = path.parent().unwrap().display().to_string();
    assert!(says.contains(&folder) && says.contains("gilctl rm"), "{says}");
    assert_eq!(store.trials(run).unwrap(), [big_trial(0)]);
    store.finish_run(run, RunStatus::Failed, Some("no room"), at(2)).unwrap();
    limit(1_000_000);
    store.insert_trial(run, &big_trial(1)).unwrap();
    assert_eq!(store.trials(run).unwrap(), [big_trial(0), big_trial(1)]);
}

#[test]
fn room_of_removed_runs_is_used_again() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let pages = || -> u32 { store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap() };
    let mut high = 0;
    for round in 0..5 {
        let run = store.insert_run(&experiment(), at(1)).unwrap();
        store.insert_trial(run, &big_trial(0)).unwrap();
        store.remove_run(run).unwrap();
        if round == 0 {
            high = pages();
        }
    }
    assert_eq!(pages(), high);
}

#[test]
fn damage_is_told_from_other_errors() {
    let (_folder, path) = lab();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "this is not a database, but it is long enough to be read as the header of one ".repeat(9))
        .unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("move it"), "{error}");

    fs::remove_file(&path).unwrap();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    some_trials().iter().for_each(|trial| store.insert_trial(run, trial).unwrap());
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 10, "{pages}");
    bytes[4 * 4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = Store::open(&path).and_then(|store| store.trials(run)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_value_that_gild_does_not_know_is_damage() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    store.connection.execute("UPDATE runs SET submitted_at = 'yesterday'", []).unwrap();
    let error = store.head(run).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let before = fs::read(&path).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, known: 1, .. }), "{error:?}");
    let says = error.to_string();
    assert!(says.contains("version 99") && says.contains("up to 1") && says.contains("gild.db"), "{says}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let (_folder, path) = lab();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_older_schema_is_brought_up_to_date_step_by_step() {
    let (_folder, path) = lab();
    let mut store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    let later = [MIGRATIONS, &["ALTER TABLE runs ADD COLUMN colour TEXT", "UPDATE runs SET colour = 'red'"]].concat();
    schema::check(&store.connection, &path, &later).unwrap();
    schema::bring_up_to_date(&mut store.connection, &path, &later).unwrap();
    schema::bring_up_to_date(&mut store.connection, &path, &later).unwrap();
    let (colour, version): (String, i64) = store
        .connection
        .query_row("SELECT colour, user_version FROM runs, pragma_user_version WHERE id = ?1", [run], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((colour.as_str(), version), ("red", 3));
    assert!(matches!(schema::check(&store.connection, &path, MIGRATIONS), Err(StoreError::Newer { found: 3, .. })));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let (_folder, path) = lab();
    let mut store = Store::open(&path).unwrap();
    let broken = [MIGRATIONS, &["CREATE TABLE half (x); SELECT * FROM nowhere"]].concat();
    schema::bring_up_to_date(&mut store.connection, &path, &broken).unwrap_err();
    let tables: u32 = store
        .connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'half'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
    schema::check(&store.connection, &path, MIGRATIONS).unwrap();
}

#[test]
fn only_its_owner_can_read_it_and_only_one_can_open_it() {
    let (folder, path) = lab();
    let store = Store::open(&path).unwrap();
    store.insert_run(&experiment(), at(1)).unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("new"), 0o700);
    for name in ["gild.db", "gild.db-wal", "gild.db-shm", "gild.db.lock"] {
        assert_eq!(mode(&format!("new/folder/{name}")), 0o600, "{name}");
    }
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    drop(store);
    Store::open(&path).unwrap();
}

#[test]
fn a_store_that_somebody_else_writes_to_is_busy() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let person = Connection::open(&path).unwrap();
    person.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let error = store.insert_run(&experiment(), at(1)).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    assert_eq!(store.heads().unwrap(), [], "reading goes on");
    person.execute_batch("ROLLBACK").unwrap();
    store.insert_run(&experiment(), at(1)).unwrap();
}

#[test]
fn a_place_that_cannot_hold_a_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for path in [folder.path().join("file/gild.db"), folder.path().to_owned()] {
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_reader_sees_what_is_committed_and_cannot_write() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let reader = store.reader().unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    let trials = some_trials();
    trials.iter().for_each(|trial| store.insert_trial(run, trial).unwrap());
    let mut seen = 0;
    let mut write_meanwhile = |_| {
        seen += 1;
        store.insert_trial(run, &done(0, 100 + seen)).unwrap();
        seen < 3
    };
    reader.account_rows(run, &mut write_meanwhile).unwrap();
    assert_eq!(seen, 3, "the visitor stops the rows");
    assert_eq!(reader.head(run).unwrap().unwrap().trials_done, 18);
    reader.insert_run(&experiment(), at(1)).unwrap_err();
    reader.remove_run(run).unwrap_err();
}

#[test]
fn rows_say_whose_they_are() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    let trial = some_trials().into_iter().find(|trial| trial.case == 1).unwrap();
    store.insert_trial(run, &trial).unwrap();
    let rows = rows_of(&store, run);
    let expected = trial.workers.iter().flat_map(|worker| worker.phases.iter().map(move |phase| (worker, phase)));
    let expected: Vec<_> = expected.collect();
    assert!(!expected.is_empty());
    assert_eq!(rows.len(), expected.len());
    for (row, (worker, phase)) in rows.iter().zip(expected) {
        assert_eq!((row.run, row.case.as_str(), row.model.as_str()), (run, "threads-10", "threads"));
        assert_eq!((row.case_workers, row.lock.as_deref(), row.pinning.as_str()), (10, Some("cpython"), "0,2"));
        assert_eq!((row.repetition, row.warmup, row.status.as_str()), (0, false, "done"));
        assert_eq!((row.trial_wall_ns, row.role.as_str(), row.pid), (trial.wall_ns, worker.role.name(), worker.pid));
        assert_eq!(row.account, *phase);
    }
}

#[test]
fn views_have_the_same_sums_as_the_shares() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    some_trials().iter().for_each(|trial| store.insert_trial(run, trial).unwrap());
    let summary = store.run(run).unwrap().unwrap().summary;
    let mut statement = store
        .connection
        .prepare("SELECT phase, sum(wall_ns) FROM v_accounts
                  WHERE run = ?1 AND \"case\" = ?2 AND role = 'worker' AND NOT warmup AND status = 'done' GROUP BY phase")
        .unwrap();
    for line in summary.cases {
        let rows = statement.query_map((run, line.case.name), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let sums: std::collections::HashMap<String, u64> = rows.map(Result::unwrap).collect();
        let shares = line.workers.unwrap();
        assert_eq!(sums.values().sum::<u64>(), shares.life_ns);
        let compute = sums.get("compute").copied().unwrap_or(0) as f64 / shares.life_ns as f64;
        assert_eq!(compute, shares.compute);
    }
}

#[test]
fn the_view_of_counters_has_one_row_each_and_knows_null() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    let mut trial = some_trials().into_iter().find(|trial| !trial.workers[0].phases.is_empty()).unwrap();
    let reading = |name: &str, value| gild_model::account::CounterReading {
        name: name.to_owned(),
        value,
        running_ratio: Some(0.5),
    };
    trial.workers[0].phases[0].counters = vec![reading("cycles", Some(7)), reading("instructions", None)];
    store.insert_trial(run, &trial).unwrap();
    let mut statement = store.connection.prepare("SELECT counter, value, running_ratio FROM v_counters").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let rows: Vec<(String, Option<u64>, f64)> = rows.map(Result::unwrap).collect();
    assert_eq!(rows, [("cycles".to_owned(), Some(7), 0.5), ("instructions".to_owned(), None, 0.5)]);
}

static STATEMENTS: AtomicU32 = AtomicU32::new(0);

#[test]
fn a_list_of_2000_runs_takes_one_statement() {
    let (_folder, path) = lab();
    let mut store = Store::open(&path).unwrap();
    for second in 0..2_000 {
        let run = store.insert_run(&experiment(), at(second)).unwrap();
        store.insert_trial(run, &done(0, 0)).unwrap();
    }
    let count = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, sql) = event {
            assert!(!sql.contains("experiment") && !sql.contains("accounts"), "{sql}");
            STATEMENTS.fetch_add(1, Ordering::Relaxed);
        }
    };
    store.connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count)).unwrap();
    let heads = store.heads().unwrap();
    assert_eq!(STATEMENTS.load(Ordering::Relaxed), 1);
    assert_eq!(heads.len(), 2_000);
    assert!(heads.windows(2).all(|pair| pair[0].id > pair[1].id && pair[0].trials_done == 1));
}

#[test]
fn nothing_that_grows_with_a_run_is_sorted_or_searched() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    for sql in
        [super::runs::HEAD, super::trials::TRIALS, super::trials::WORKERS, super::trials::ACCOUNTS, super::rows::ROWS]
    {
        let mut statement = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = vec![1; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}: {steps:?}");
        let scans = steps.iter().filter(|step| step.starts_with("SCAN") && *step != "SCAN runs");
        assert_eq!(scans.count(), 0, "{sql}: {steps:?}");
    }
}
