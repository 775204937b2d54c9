//! Executors of processes: what each of their threads does, and pickling against what timing it by hand gives.

use std::path::Path;
use std::process::Command;

use gild_model::account::WorkerAccount;
use gild_model::phase::Phase;
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use serde::Deserialize;

use crate::{LOCK, accounts, assert_whole, entries, named, notes, pythons, record, script, share};

/// What a thread of `pickling.py` says.
#[derive(Debug, Deserialize)]
struct ByHand {
    pid: u32,
    tid: u32,
    name: String,
    calls: u64,
    ns: u64,
    cpu_ns: u64,
}

impl ByHand {
    fn phase(&self) -> Phase {
        if self.name == "dumps" { Phase::Encode } else { Phase::Decode }
    }
}

const TASKS: u64 = 60;
const WORKERS: usize = 3;

fn pickling(lab: &Lab, python: &Path, kind: &str, method: &str, items: &str) -> (Vec<ByHand>, Trial) {
    let script = script("pickling.py");
    let line = [python.as_os_str(), script.as_os_str()].into_iter();
    let (tasks, workers) = (TASKS.to_string(), WORKERS.to_string());
    let ran = record(lab, line.chain([kind, method, &workers, &tasks, items].map(AsRef::as_ref))).well();
    let trial = accounts(lab);
    assert_whole(&trial);
    (ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), trial)
}

/// What reading clocks in Python, and telling gild, takes around a call.
const AROUND_NS: f64 = 3_000.0;
/// What the scheduler charges a thread for being given a core again, before it runs.
const SWITCH_NS: f64 = 20_000.0;

/// Encoding and decoding take as long as the program says itself, within 5 %, by the CPU time of the same calls and by their
/// wall time; what lies between the program's clocks and gild's is some steps of Python, in which the thread may lose its core
/// or the lock.
#[track_caller]
fn assert_as_by_hand(by_hand: &[ByHand], trial: &Trial, told: &str) {
    let long = |hand: &&ByHand| hand.cpu_ns as f64 > 20.0 * AROUND_NS * hand.calls as f64 && hand.calls >= 5;
    let (mut in_workers, mut in_parent) = (0, 0);
    for hand in by_hand.iter().filter(long) {
        let row = trial.workers.iter().find(|row| (row.pid, row.tid) == (Some(hand.pid), Some(hand.tid))).unwrap();
        let account = row.phases.iter().find(|account| account.phase == hand.phase()).unwrap();
        let told = format!("{told}: {hand:?} {row:#?}");
        assert!(account.entries >= hand.calls, "{told}");
        let around_ns = AROUND_NS * hand.calls as f64;
        if let Some(on_cpu_ns) = account.on_cpu_ns {
            // A call waits for nothing, but the thread may just have waited; how often it lost its core meanwhile goes by the
            // calls' part of its time on one, and reading its clock, before and after, is a system call, where it loses it first.
            let part = on_cpu_ns as f64 / row.cpu_ns.unwrap() as f64;
            let involuntary = row.involuntary_switches.unwrap_or(0);
            let lost = part * involuntary as f64 + involuntary.min(2 * hand.calls) as f64;
            let began = row.voluntary_switches.unwrap_or(0).min(hand.calls) as f64;
            let around_ns = around_ns + SWITCH_NS * (lost + began);
            // What the hypervisor took is known of the whole life alone, and is still in the phases' time on a CPU.
            let stolen_ns = row.stolen_ns.unwrap_or(0) as f64;
            let (on_cpu_ns, cpu_ns) = (on_cpu_ns as f64, hand.cpu_ns as f64);
            let told = format!("on a CPU for {on_cpu_ns} ns, {told}");
            assert!(
                on_cpu_ns <= cpu_ns * 1.05 + around_ns + stolen_ns && on_cpu_ns >= cpu_ns * 0.95 - around_ns,
                "{told}"
            );
        }
        let lost_ns: u64 = row.phases.iter().filter_map(|it| it.run_queue_ns).sum();
        let lost_ns = lost_ns + LOCK.iter().map(|phase| row.wall_in(*phase)).sum::<u64>();
        let (booked_ns, ns) = (account.wall_ns as f64, hand.ns as f64);
        assert!(booked_ns <= ns * 1.05 && booked_ns >= ns * 0.95 - around_ns - lost_ns as f64, "{told}");
        *if Some(hand.pid) == trial.workers[0].pid { &mut in_parent } else { &mut in_workers } += 1;
    }
    assert!(in_workers > 0 && in_parent > 0, "{told}: workers encode and the parent decodes: {by_hand:#?}");
}

/// The workers: whoever decodes anything outside of the first process.
fn workers(trial: &Trial) -> Vec<&WorkerAccount> {
    let parent = trial.workers[0].pid;
    trial.workers.iter().filter(|row| row.pid != parent && entries(row, Phase::Decode) > 0).collect()
}

/// Workers wait for a task, receive and decode it, compute, encode the result, wait for the lock that they share, and send it.
#[track_caller]
fn assert_are_workers(trial: &Trial, told: &str) {
    let workers = workers(trial);
    assert_eq!(workers.len(), WORKERS, "{told}: {trial:#?}");
    let sum = |phase| workers.iter().map(|row| entries(row, phase)).sum::<u64>();
    for phase in [Phase::Idle, Phase::Receive, Phase::Decode, Phase::Compute, Phase::Encode, Phase::Send] {
        assert!(sum(phase) >= TASKS, "{told}: {phase:?}: {}", sum(phase));
    }
    // One for each result, and at its end a worker may say who it was.
    assert!(sum(Phase::Encode) <= TASKS + 2 * WORKERS as u64, "{told}: {}", sum(Phase::Encode));
    let locked: u64 = workers.iter().map(|row| row.wall_in(Phase::LockWait) + row.wall_in(Phase::SwitchWait)).sum();
    assert_eq!(locked, 0, "{told}: a process with one thread has its lock");
    let computed: u64 = workers.iter().map(|row| row.wall_in(Phase::Compute)).sum();
    assert!(computed >= TASKS * 1_000_000, "{told}: a millisecond a task");
}

#[test]
fn a_process_pool_executor_is_accounted_for_in_all_four_places() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    for method in ["fork", "spawn", "forkserver"] {
        // 32 KB and 1 MB.
        for items in ["11000", "350000"] {
            let told = format!("{method}, {items} numbers");
            let (by_hand, trial) = pickling(&lab, &python, "executor", method, items);
            assert_as_by_hand(&by_hand, &trial, &told);
            assert_are_workers(&trial, &told);
            let parent = trial.workers[0].pid;
            let [feeder] = named(&trial, "QueueFeeder")[..] else { panic!("{told}: {trial:#?}") };
            let [manager] = named(&trial, "ExecutorManager")[..] else { panic!("{told}: {trial:#?}") };
            assert_eq!((feeder.pid, manager.pid), (parent, parent));
            assert!(entries(feeder, Phase::Encode) >= TASKS && entries(feeder, Phase::Send) >= TASKS, "{feeder:#?}");
            assert!(share(feeder, &[Phase::Idle]) > 0.3, "{told}: {feeder:#?}");
            let received = entries(manager, Phase::Receive).min(entries(manager, Phase::Decode));
            assert!(received >= TASKS, "{told}: {manager:#?}");
            assert!(manager.wall_in(Phase::Idle) > 0 && entries(manager, Phase::Idle) >= TASKS / 2, "{manager:#?}");
            let submitter = &trial.workers[0];
            assert!(submitter.wall_in(Phase::Idle) > submitter.wall_in(Phase::OtherLock), "{told}: {submitter:#?}");
            assert_eq!(entries(submitter, Phase::Decode), 0, "{told}: results are the manager's: {submitter:#?}");
        }
    }
}

#[test]
fn results_of_a_megabyte_wait_for_the_lock_that_workers_share() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let (_, trial) = pickling(&lab, &python, "executor", "fork", "350000");
    let workers = workers(&trial);
    let sum = |phase| workers.iter().map(|row| row.wall_in(phase)).sum::<u64>();
    assert!(workers.iter().map(|row| entries(row, Phase::OtherLock)).sum::<u64>() > 0, "{workers:#?}");
    assert!(sum(Phase::Send) > 0 && sum(Phase::Encode) > 10 * sum(Phase::Decode), "{workers:#?}");
}

#[test]
fn every_interpreters_executor_is_understood() {
    let lab = Lab::new();
    for python in pythons::with_lock().into_iter().chain(pythons::free_threaded()) {
        let told = python.display().to_string();
        let (by_hand, trial) = pickling(&lab, &python, "executor", "fork", "11000");
        assert_as_by_hand(&by_hand, &trial, &told);
        assert_are_workers(&trial, &told);
        assert_eq!((named(&trial, "QueueFeeder").len(), named(&trial, "ExecutorManager").len()), (1, 1), "{told}");
        assert_eq!(notes(&trial), Vec::<&String>::new(), "{told}");
    }
}

#[test]
fn a_pool_of_multiprocessing_is_accounted_for_likewise() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    for method in ["fork", "spawn"] {
        let (by_hand, trial) = pickling(&lab, &python, "pool", method, "11000");
        assert_as_by_hand(&by_hand, &trial, method);
        assert_are_workers(&trial, method);
        let one = |name: &str| {
            let [row] = named(&trial, name)[..] else { panic!("{method}, {name}: {trial:#?}") };
            row
        };
        assert!(entries(one("PoolTasks"), Phase::Encode) >= TASKS);
        assert!(share(one("PoolTasks"), &[Phase::Idle]) > 0.5);
        assert!(entries(one("PoolResults"), Phase::Decode) >= TASKS);
        assert!(share(one("PoolWorkers"), &[Phase::Idle]) > 0.3);
    }
}

#[test]
fn values_that_interpreters_do_not_share_are_encoded_and_decoded() {
    let Some((loader, root)) = pythons::with_own_libc() else { return };
    let lab = Lab::new();
    lab.write(
        "app.py",
        "from concurrent.futures import InterpreterPoolExecutor\n\
         def make(n):\n    return [list(range(n))]\n\
         if __name__ == '__main__':\n    with InterpreterPoolExecutor(2) as pool:\n        \
         print(sum(len(it[0]) for it in pool.map(make, [20000] * 60)))\n",
    );
    let mut command: Command = lab.gilctl_command(&["record", "--"]);
    command.arg(&loader).arg("--library-path").arg(root.join("usr/lib/x86_64-linux-gnu"));
    command.arg(root.join("usr/bin/python3.14")).arg(lab.path("app.py")).env("PYTHONHOME", root.join("usr"));
    assert_eq!(gild_tests::program::run(&mut command).well().stdout, "1200000\n");
    let trial = accounts(&lab);
    assert_whole(&trial);
    let sum = |phase| trial.workers[1..].iter().map(|row| entries(row, phase)).sum::<u64>();
    // What is asked is shared or encoded, by the kind of its value; a list of lists is encoded.
    assert!(sum(Phase::Encode) >= 60 && sum(Phase::Decode) >= 60, "{trial:#?}");
    assert!(trial.workers[1..].iter().all(|row| row.wall_in(Phase::Decode) > 0), "{trial:#?}");
}
