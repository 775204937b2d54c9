//! A store that an earlier gild wrote is brought up to date, and nothing in it changes.

use std::fs;

use gild_model::noise::Noise;
use gild_model::run::RunStatus;
use gild_model::trial::Trial;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{done, lab, rows_of};
use crate::store::Store;

/// A store of version 1, written by the gild of that version.
const VERSION_1: &str = include_str!("version_1.sql");

/// A column of a table: table, column, type, whether it must not be null, place in the key.
type Column = (String, String, String, bool, u32);

fn columns(connection: &Connection) -> Vec<Column> {
    let mut statement = connection
        .prepare(
            "SELECT objects.name, columns.name, columns.type, columns.\"notnull\", columns.pk
             FROM sqlite_schema AS objects, pragma_table_info(objects.name) AS columns
             WHERE objects.type = 'table' ORDER BY objects.name, columns.name",
        )
        .unwrap();
    let columns =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))).unwrap();
    columns.map(Result::unwrap).collect()
}

/// Every value of these columns, column by column.
fn values(connection: &Connection, columns: &[Column]) -> Vec<Vec<Value>> {
    let column = |(table, name, ..): &Column| {
        let mut statement = connection.prepare(&format!("SELECT \"{name}\" FROM {table}")).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    columns.iter().map(column).collect()
}

#[test]
fn a_store_of_version_1_keeps_all_it_has_and_its_noise_is_null() {
    let (_folder, path) = lab();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    let old_columns = columns(&old);
    let old_values = values(&old, &old_columns);
    drop(old);

    let store = Store::open(&path).unwrap();
    let version: i64 = store.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 4);
    assert_eq!(values(&store.connection, &old_columns), old_values);

    let run = store.run(1).unwrap().unwrap();
    assert_eq!((run.head.status, run.head.trials_done, run.summary.cases.len()), (RunStatus::Done, 4, 2));
    let trials = store.trials(1).unwrap();
    let walls: Vec<_> = trials.iter().map(|trial| trial.wall_ns.unwrap()).collect();
    assert_eq!(walls, [41_442, 266_197, 55_132, 338_533]);
    assert!(
        trials.iter().all(|trial| trial.noise.is_none() && trial.workers.len() == 2 && trial.task_times.is_empty()),
        "{trials:?}"
    );
    assert!(trials.iter().all(|trial| trial.lock_waits.is_none() && trial.holders.is_none()), "not measured");
    let rows = rows_of(&store, 1);
    assert_eq!(rows.len(), 30);
    assert!(rows.iter().all(|row| row.noise.is_none()));
}

#[test]
fn a_store_that_was_brought_up_to_date_is_like_a_new_one() {
    let (_folder, path) = lab();
    let (_other_folder, other_path) = lab();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    let [old, new] = [&path, &other_path].map(|path| Store::open(path).unwrap());
    assert_eq!(columns(&old.connection), columns(&new.connection));
    let views = |store: &Store| {
        let mut statement =
            store.connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name").unwrap();
        let views = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        views.map(Result::unwrap).collect::<Vec<(String, String)>>()
    };
    assert_eq!(views(&old), views(&new));

    let noise = Noise {
        window_ns: 1,
        cpus: 2,
        steal_ns: Some(3),
        steal_most_ns: Some(4),
        other_cpu_ns: Some(5),
        frequency_min_khz: Some(6),
        frequency_max_khz: Some(7),
        throttles: Some(8),
    };
    let trial = Trial { noise: Some(noise), ..done(0, 1) };
    old.insert_trial(1, &trial).unwrap();
    assert_eq!(old.trials(1).unwrap().last(), Some(&trial));
    let seen: Vec<i64> = old
        .connection
        .query_row(
            "SELECT noise_window_ns, noise_cpus, noise_steal_ns, noise_steal_most_ns, noise_other_cpu_ns,
                 noise_frequency_min_khz, noise_frequency_max_khz, noise_throttles FROM v_trials WHERE trial = ?1",
            [5],
            |row| (0..8).map(|column| row.get(column)).collect(),
        )
        .unwrap();
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
}
