//! Questions in SQL: what may be asked, what may not, and what is said then.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gild_model::query::{SqlLine, SqlValue};

use super::{at, experiment, lab, some_trials};
use crate::store::{Store, StoreError};

const LIMIT: Duration = Duration::from_secs(60);
/// Takes for ever.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

fn store() -> (tempfile::TempDir, Store) {
    let (folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    some_trials().iter().for_each(|trial| store.insert_trial(run, trial).unwrap());
    (folder, store)
}

fn ask(store: &Store, sql: &str) -> Result<(Vec<String>, Vec<Vec<SqlValue>>), StoreError> {
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    store.question(sql, LIMIT, || false).unwrap().answer(&mut |line| {
        match line {
            SqlLine::Columns(names) => columns = names,
            SqlLine::Row(row) => rows.push(row),
            line => panic!("{line:?}"),
        }
        true
    })?;
    Ok((columns, rows))
}

#[track_caller]
fn refused(store: &Store, sql: &str, says: &str) {
    let error = ask(store, sql).unwrap_err();
    assert!(matches!(error, StoreError::Question(_)), "{sql}: {error:?}");
    assert!(error.to_string().contains(says), "{sql}: {error}");
}

#[test]
fn every_kind_of_value_comes_back() {
    let (_folder, store) = store();
    let sql = "SELECT 1 AS a, 2.5 AS a, 'x' AS a, NULL AS b, x'00ff' AS c, 9e999 AS d, -9e999 AS e";
    let (columns, rows) = ask(&store, sql).unwrap();
    assert_eq!(columns, ["a", "a:1", "a:2", "b", "c", "d", "e"]);
    let text = |text: &str| SqlValue::Text(text.to_owned());
    let first = [SqlValue::Integer(1), SqlValue::Real(2.5), text("x"), SqlValue::Null];
    let last = [text("X'00FF'"), text("Infinity"), text("-Infinity")];
    assert_eq!(rows, [[&first[..], &last[..]].concat()]);
}

#[test]
fn views_can_be_asked_and_rows_stop_when_nobody_takes_them() {
    let (_folder, store) = store();
    let (columns, rows) = ask(&store, "SELECT \"case\", count(*) AS n FROM v_trials GROUP BY 1 ORDER BY 1").unwrap();
    assert_eq!((columns.len(), rows.len()), (2, 3));
    let mut seen = 0;
    let question = store.question("SELECT phase FROM v_accounts", LIMIT, || false).unwrap();
    question
        .answer(&mut |_| {
            seen += 1;
            seen < 3
        })
        .unwrap();
    assert_eq!(seen, 3, "the columns and two rows");
}

#[test]
fn nothing_but_reading_is_let_pass() {
    let (folder, store) = store();
    let other = folder.path().join("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    for sql in [
        "DELETE FROM runs",
        "UPDATE runs SET name = 'x' RETURNING id",
        "INSERT INTO notes VALUES (1, 'x') RETURNING note",
        "CREATE TABLE t (x)",
        "CREATE TEMP TABLE t (x)",
        "CREATE TEMP VIEW w AS SELECT 1",
        "DROP TABLE runs",
        "BEGIN IMMEDIATE",
        "SAVEPOINT s",
        "VACUUM",
        "VACUUM INTO '/tmp/never'",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint",
        "PRAGMA incremental_vacuum",
        "SELECT load_extension('x')",
        "EXPLAIN DELETE FROM runs",
        &attach,
    ] {
        let error = ask(&store, sql).unwrap_err();
        assert!(matches!(error, StoreError::Question(_)), "{sql}: {error:?}");
        assert!(error.to_string().contains("gilctl sql --schema"), "{sql}: {error}");
    }
    assert!(fs::metadata(&other).is_err(), "no other file was opened");
    assert_eq!(store.head(1).unwrap().unwrap().name, "an experiment");
    assert!(!ask(&store, "SELECT name FROM pragma_table_info('runs')").unwrap().1.is_empty());
}

#[test]
fn errors_name_the_place_and_what_to_type() {
    let (_folder, store) = store();
    refused(
        &store,
        "SELECT wal_ns FROM v_trials",
        "no such column: wal_ns at line 1, column 8, near \"wal_ns FROM v_trials\"",
    );
    refused(&store, "SELECT 'ä',\n  x FROM v_trials", "no such column: x at line 2, column 3");
    refused(&store, "SELECT * FROM trails", "no such table: trails");
    refused(&store, "SELEC 1", "near \"SELEC\": syntax error at line 1, column 1");
    refused(&store, "SELECT * FROM trails", "gilctl sql --schema");
    refused(&store, "SELECT 1; SELECT 2", "several statements");
    refused(&store, "SELECT ?", "have no values");
    refused(&store, "", "expected one SELECT");
    refused(&store, "SELECT json('{')", "malformed JSON");
    refused(&store, "SELECT zeroblob(100000000)", "too big");
}

#[test]
fn a_question_that_takes_too_long_ends_and_says_so() {
    let (_folder, store) = store();
    let question = store.question(ENDLESS, Duration::from_millis(50), || false).unwrap();
    let error = question.answer(&mut |_| true).unwrap_err().to_string();
    assert!(error.contains("longer than 0.05 s") && error.contains("--time-limit"), "{error}");
}

#[test]
fn time_that_whoever_asks_takes_for_the_rows_is_not_the_question_s() {
    let (_folder, store) = store();
    // A hundred thousand rows, so that SQLite looks at the clock after the pauses.
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n";
    let question = store.question(long, Duration::from_secs(1), || false).unwrap();
    let mut rows = 0;
    let mut slowly = |_| {
        rows += 1;
        if rows <= 30 {
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    };
    question.answer(&mut slowly).unwrap();
    assert_eq!(rows, 100_001, "the columns and the rows");
}

#[test]
fn a_question_that_nobody_waits_for_ends() {
    let (_folder, store) = store();
    let gone = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&gone);
    let question = store.question(ENDLESS, LIMIT, move || seen.load(Ordering::Relaxed)).unwrap();
    let error = question
        .answer(&mut |_| {
            gone.store(true, Ordering::Relaxed);
            true
        })
        .unwrap_err();
    assert!(error.to_string().contains("nobody waits"), "{error}");
}

#[test]
fn every_column_of_every_view_has_a_type_and_a_meaning() {
    let (_folder, store) = store();
    let views = store.views().unwrap();
    assert!(views.iter().any(|view| view.name == "v_accounts") && views.iter().any(|view| view.name == "v_runs"));
    for view in views {
        assert!(!view.row_per.is_empty(), "docs/store.md: the table of views lacks {}", view.name);
        for column in view.columns {
            let described = !column.kind.is_empty() && !column.meaning.is_empty();
            assert!(described, "docs/store.md: no section describes {}.{}", view.name, column.name);
        }
    }
}
