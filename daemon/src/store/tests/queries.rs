//! Lists, rows and views: the right ones, at a cost that does not grow where it must not.

use std::sync::atomic::{AtomicU32, Ordering};

use gild_model::many::RunFilter;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::{at, done, experiment, lab, rows_of, some_trials, steps_of};
use crate::store::{Store, rows, task_times, trials};

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
        assert_eq!(
            (row.run, row.case.name.as_str(), row.case.model),
            (run, "threads-10", gild_model::case::Model::Threads)
        );
        assert_eq!(&row.case, &experiment().cases[1]);
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
    let heads = store.list(&RunFilter::default(), 2_000).unwrap();
    assert_eq!(STATEMENTS.load(Ordering::Relaxed), 1);
    assert_eq!(heads.len(), 2_000);
    assert!(heads.windows(2).all(|pair| pair[0].id > pair[1].id && pair[0].trials_done == 1));
}

#[test]
fn nothing_that_grows_with_a_run_is_sorted_or_searched() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    for sql in
        [trials::TRIALS, trials::WORKERS, trials::ACCOUNTS, rows::ROWS, task_times::TASK_TIMES, task_times::TASK_ROWS]
    {
        let steps = steps_of(&store, sql);
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}: {steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{sql}: {steps:?}");
    }
}

#[test]
fn every_table_view_and_column_is_in_the_documentation() {
    let documentation = include_str!("../../../../docs/store.md");
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let mut statement = store
        .connection
        .prepare(
            "SELECT objects.type, objects.name, columns.name
             FROM sqlite_schema AS objects, pragma_table_info(objects.name) AS columns
             WHERE objects.type IN ('table', 'view') AND objects.name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let columns: Vec<(String, String, String)> = columns.map(Result::unwrap).collect();
    assert!(columns.len() > 80, "{columns:?}");
    for (kind, name, column) in columns {
        if kind == "view" {
            assert!(documentation.contains(&format!("`{name}`")), "{name}");
            continue;
        }
        let section = documentation.split(&format!("### {name}: ")).nth(1).unwrap_or_else(|| panic!("no table {name}"));
        let section = section.split("\n#").next().unwrap();
        assert!(section.contains(&format!("`{column}`")), "{name}.{column}");
    }
}

#[test]
fn the_queries_of_the_documentation_run() {
    let documentation = include_str!("../../../../docs/store.md");
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    let run = store.insert_run(&experiment(), at(1)).unwrap();
    some_trials().iter().for_each(|trial| store.insert_trial(run, trial).unwrap());
    let queries: Vec<_> =
        documentation.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(queries.len(), 3);
    let rows = queries.iter().map(|query| {
        let mut statement = store.connection.prepare(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        statement.query_map([], |_| Ok(())).unwrap().map(Result::unwrap).count()
    });
    assert!(rows.take(2).all(|count| count >= 3), "three cases give at least three rows");
}
