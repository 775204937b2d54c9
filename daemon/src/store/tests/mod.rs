//! What the store promises, checked on real files: here, what goes in comes out.

mod faults;
mod many;
mod migration;
mod queries;
mod questions;

use std::path::PathBuf;

use gild_model::host::{CoreInfo, HostReport, Tier};
use gild_model::many::{LIST_MAX, RunFilter};
use gild_model::run::{AccountRow, RunStatus};
use gild_model::trial::Trial;
use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

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
        counter_groups: Vec::new(),
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
    let mut trials = trials.to_vec();
    for trial in &mut trials {
        (trial.workers, trial.task_times) = (Vec::new(), Vec::new());
        trial.lock_waits.iter_mut().for_each(Vec::clear);
        trial.holders.iter_mut().for_each(Vec::clear);
    }
    trials
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

/// What SQLite says it does for a statement.
fn steps_of(store: &Store, sql: &str) -> Vec<String> {
    let mut statement = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = vec![1; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get(3)).unwrap();
    steps.map(Result::unwrap).collect()
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
        let accounts: Vec<_> = trial.workers.clone().into_iter().flat_map(|worker| worker.phases).collect();
        prop_assert_eq!(rows, accounts);
        let mut rows = Vec::new();
        store.task_rows(run, &mut |row| { rows.push(row.times); true }).unwrap();
        prop_assert_eq!(rows, trial.task_times);
        let mut waits = Vec::new();
        store.lock_wait_rows(run, &mut |row| { waits.push(row.wait); true }).unwrap();
        prop_assert_eq!(waits, trial.lock_waits.unwrap_or_default());
        let mut holders = Vec::new();
        store.holder_rows(run, &mut |row| { holders.push(row.held); true }).unwrap();
        prop_assert_eq!(holders, trial.holders.unwrap_or_default());
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
    assert_eq!(store.list(&RunFilter::default(), LIST_MAX).unwrap(), [head]);
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
    for table in ["runs", "cases", "trials", "workers", "accounts", "task_times", "lock_waits", "holders"] {
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
