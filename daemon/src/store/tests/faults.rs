//! Full disks, damage, crashes, strangers: what is stored stays, and the error says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use gild_model::many::RunFilter;
use gild_model::run::RunStatus;
use rusqlite::Connection;

use super::{at, big_trial, done, experiment, lab, some_trials};
use crate::store::schema::{self, MIGRATIONS};
use crate::store::{Store, StoreError, trials};

#[test]
fn a_trial_that_was_not_committed_is_not_there_after_a_crash() {
    let (folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    store.insert_trial(run, &done(0, 0)).unwrap();
    // The files as a killed daemon leaves them: one trial committed to the log, another one begun.
    store.connection.execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE").unwrap();
    trials::write_trial(&store.connection, run, &big_trial(1)).unwrap();
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
    assert!(matches!(error, StoreError::Newer { found: 99, known: 4, .. }), "{error:?}");
    let says = error.to_string();
    assert!(says.contains("version 99") && says.contains("up to 4") && says.contains("gild.db"), "{says}");
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
    assert_eq!((colour.as_str(), version), ("red", 6));
    assert!(matches!(schema::check(&store.connection, &path, MIGRATIONS), Err(StoreError::Newer { found: 6, .. })));
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
    assert_eq!(store.list(&RunFilter::default(), 1).unwrap(), [], "reading goes on");
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
