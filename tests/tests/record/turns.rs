//! Turns under the interpreter's lock: how often it changes hands, and what a thread pays that gives it away for a moment.

use std::path::Path;

use gild_model::account::WorkerAccount;
use gild_model::phase::Phase;
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use gild_tests::skipped;
use serde::Deserialize;

use crate::truths::{Said, assert_complete};
use crate::{LOCK, accounts, assert_whole, blocked_by_lock, entries, pythons, record, script, share, state};

/// What two threads that compute made of a switch interval.
#[derive(Debug)]
struct Turns {
    /// By their own count.
    turns: u64,
    /// Waits for the lock.
    waits: u64,
    /// Waits of a holder for its successor.
    switches: u64,
    /// Time in waits for the lock.
    waited_s: f64,
    /// CPU time of both.
    cpu_s: f64,
    /// The share of time in which they waited for a core.
    queued: f64,
}

/// A share of time in which threads wait for a core, from which on the machine is too busy to tell what the lock does.
const CROWDED: f64 = 0.05;

fn turns(lab: &Lab, python: &Path, interval: &str) -> Turns {
    let script = script("threads.py");
    let line = [python.as_os_str(), script.as_os_str()].into_iter();
    let said: Said = record(lab, line.chain(["spin", "2", "1.5", interval].map(AsRef::as_ref))).well().json();
    let trial = accounts(lab);
    assert_whole(&trial);
    let rows = || trial.workers.iter().filter(|row| said.threads.iter().any(|told| row.tid == Some(told.tid)));
    Turns {
        turns: said.turns,
        waits: rows().map(|row| entries(row, Phase::LockWait)).sum(),
        switches: rows().map(|row| entries(row, Phase::SwitchWait)).sum(),
        waited_s: rows().map(|row| row.wall_in(Phase::LockWait)).sum::<u64>() as f64 / 1e9,
        cpu_s: said.threads.iter().map(|told| told.cpu_ns).sum::<u64>() as f64 / 1e9,
        queued: rows().map(|row| state(row, |it| it.run_queue_ns)).sum::<f64>() / 2.0,
    }
}

#[test]
fn the_lock_changes_hands_as_often_as_the_switch_interval_says() {
    let lab = Lab::new();
    for python in pythons::with_lock() {
        let intervals = [("0.0005", 0.0005), ("0.005", 0.005), ("0.05", 0.05)];
        let found = intervals.map(|(interval, _)| turns(&lab, &python, interval));
        let told = format!("{}: {found:#?}", python.display());
        for (Turns { turns, waits, switches, waited_s, queued, .. }, (_, interval_s)) in found.iter().zip(intervals) {
            // Nobody gets the lock from the other one without having waited for it, and nobody has to give it away before
            // somebody has waited for an interval.
            assert!(waits + 2 >= *turns, "{told}");
            assert!(*turns as f64 <= 1.1 * waited_s / interval_s + 3.0, "{told}");
            // Where cores are wanted by others, a thread may lose its turn before it has said that it had one.
            if *queued < CROWDED {
                // A wait ends with the lock or after an interval; and whoever gives the lock away may meet the one that has just
                // asked for it inside the lock's own mutex, and wait for that.
                assert!(*waits as f64 <= 2.0 * *turns as f64 + 1.1 * waited_s / interval_s + 5.0, "{told}");
                // A holder that finds its successor there already does not wait for it.
                assert!(*switches <= turns + turns / 20 + 3, "{told}");
            }
        }
        // There a turn also lasts until its thread has had a core, whatever the interval.
        let per_second = |of: &Turns| of.waits as f64 / of.cpu_s;
        let [short, preset, long] = found.each_ref().map(per_second);
        let told = format!("{short} {preset} {long} waits a second, {told}");
        assert!(short > long, "{told}");
        let alone = found.iter().all(|it| it.queued < CROWDED);
        assert!(!alone || short >= 4.0 * preset && preset >= 4.0 * long, "{told}");
    }
}

#[test]
fn threads_that_share_one_core_have_whole_accounts_and_wait_for_the_lock() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    if lab.command("taskset").args(["-c", "0", "true"]).status().is_err() {
        return skipped("threads on one core", "there is no taskset");
    }
    let script = script("threads.py");
    let line = ["taskset".as_ref(), "-c".as_ref(), "0".as_ref(), python.as_os_str(), script.as_os_str()];
    let said: Said = record(&lab, line.into_iter().chain(["spin", "4", "1"].map(AsRef::as_ref))).well().json();
    let trial = accounts(&lab);
    assert_whole(&trial);
    let rows: Vec<&WorkerAccount> =
        said.threads.iter().map(|told| trial.workers.iter().find(|row| row.tid == Some(told.tid)).unwrap()).collect();
    let (mut waited, mut blocked, mut queued) = (0.0, 0.0, 0.0);
    for (row, told) in rows.iter().zip(&said.threads) {
        assert_complete(row, told.cpu_ns);
        waited += share(row, LOCK) / 4.0;
        blocked += blocked_by_lock(row) / 4.0;
        queued += state(row, |it| it.run_queue_ns) / 4.0;
    }
    let told = format!("waited {waited}, blocked {blocked}, for a core {queued}");
    assert!(blocked <= 0.78 && waited >= 0.75 - queued - 0.05, "{told}");
}

/// What a thread of `echo.py` says that asked somebody.
#[derive(Debug, Deserialize)]
struct Asked {
    tid: u32,
    count: u64,
    waited_ns: u64,
}

fn echo(lab: &Lab, python: &Path, arguments: [&str; 4]) -> (Vec<Asked>, Trial) {
    let script = script("echo.py");
    let line = [python.as_os_str(), script.as_os_str()].into_iter();
    let said: Vec<Asked> = record(lab, line.chain(arguments.map(AsRef::as_ref))).well().json();
    let trial = accounts(lab);
    assert_whole(&trial);
    (said, trial)
}

fn row(trial: &Trial, tid: u32) -> &WorkerAccount {
    trial.workers.iter().find(|row| row.tid == Some(tid)).unwrap()
}

#[test]
fn threads_that_wait_for_somebody_outside_do_not_wait_for_the_lock() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let (said, trial) = echo(&lab, &python, ["4", "0", "1", "0.005"]);
    assert_eq!(said.len(), 4);
    for asked in said {
        let row = row(&trial, asked.tid);
        assert!(share(row, &[Phase::IoWait]) > 0.8, "{row:#?}");
        assert!(blocked_by_lock(row) < 0.1, "{row:#?}");
        // A send and a receive each, and nothing else that may wait.
        assert!(entries(row, Phase::IoWait) >= 2 * asked.count, "{row:#?}");
    }
}

#[test]
fn beside_a_thread_that_computes_every_call_that_waits_costs_a_switch_interval() {
    let lab = Lab::new();
    for python in pythons::with_lock() {
        for (interval, interval_ns) in [("0.005", 5e6), ("0.02", 20e6)] {
            let (said, trial) = echo(&lab, &python, ["1", "1", "2", interval]);
            let (asked, row) = (&said[0], row(&trial, said[0].tid));
            let waited_ns = LOCK.iter().map(|phase| row.wall_in(*phase)).sum::<u64>() as f64;
            let told = format!("{}, {interval}: {asked:?} {row:#?}", python.display());
            // What the thread says itself of how long its questions took is waiting for the other process and for the lock.
            let in_calls_ns = waited_ns + row.wall_in(Phase::IoWait) as f64;
            assert!(in_calls_ns > 0.85 * asked.waited_ns as f64, "{told}");
            // Sending gives the lock away as well, but the answer takes a millisecond, and the lock is taken back before it is
            // missed more often than not: one interval a question at least, two at most, and whatever the holder of the
            // lock and the thread itself have to wait for a core.
            let each_ns = waited_ns / asked.count as f64;
            let queued = |row: &WorkerAccount| row.phases.iter().filter_map(|it| it.run_queue_ns).sum::<u64>() as f64;
            let queued_ns: f64 = trial.workers.iter().map(queued).sum::<f64>() / asked.count as f64;
            assert!(each_ns >= 0.8 * interval_ns, "{each_ns} ns a question, {told}");
            assert!(each_ns <= 2.3 * interval_ns + queued_ns + 1e6, "{each_ns} ns a question, {queued_ns}: {told}");
        }
    }
}
