//! Python's own threads: what they waited for.

use std::path::Path;
use std::process::Command;

use gild_model::account::{PhaseAccount, WorkerAccount};
use gild_model::host::Tier;
use gild_model::phase::Phase;
use gild_tests::lab::Lab;
use gild_tests::skipped;
use serde::Deserialize;

use crate::{LOCK, accounts, assert_whole, blocked_by_lock, pythons, record, script, share, state};

/// What a thread's own clocks said at its end.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// Its number.
    pub tid: u32,
    /// CPU time by its own clock.
    pub cpu_ns: u64,
    /// What it did.
    pub what: String,
}

/// What `threads.py` says.
#[derive(Debug, Deserialize)]
pub struct Said {
    /// The interpreter's version.
    pub version: String,
    /// How often another thread had its turn, if that was counted.
    pub turns: u64,
    /// The threads, in the order in which they ended.
    pub threads: Vec<Told>,
}

/// Records `threads.py`, and gives the rows of its threads beside what they said themselves. `None`: there are no
/// context-switch records here.
fn threads(lab: &Lab, python: &Path, what: &str, count: usize, seconds: &str) -> Option<Vec<(WorkerAccount, u64)>> {
    let count = count.to_string();
    let ran = record(
        lab,
        [python.as_os_str(), script("threads.py").as_os_str(), what.as_ref(), count.as_ref(), seconds.as_ref()],
    );
    let said: Said = ran.well().json();
    let trial = accounts(lab);
    assert_whole(&trial);
    if trial.tier < Tier::Software {
        skipped("states of threads", "there are no context-switch records here");
        return None;
    }
    assert_eq!(trial.workers.len(), said.threads.len() + 1, "{}: the main thread and its threads", said.version);
    let row = |told: &Told| trial.workers.iter().find(|row| row.tid == Some(told.tid)).unwrap().clone();
    let rows: Vec<_> = said.threads.iter().map(|told| (row(told), told.cpu_ns)).collect();
    let mut off: Vec<_> = rows.iter().map(|(row, cpu_ns)| row.cpu_ns.unwrap().abs_diff(*cpu_ns)).collect();
    let median = (off.len() - 1) / 2;
    let off_ns = *off.select_nth_unstable(median).1;
    let cpu_ns = rows[0].1;
    assert!(off_ns <= cpu_ns / 100 + 1_000_000, "half of them are more than {off_ns} ns off their clocks: {rows:#?}");
    Some(rows)
}

/// What a thread does after it has looked at its clock is the rest of its life. That is less than a millisecond of CPU time,
/// except where the memory of its stack is given back and the other core, which has to hear of it, is the hypervisor's.
const END_NS: u64 = 10_000_000;

/// CPU + lock-wait + switch-wait + run-queue + other is the thread's life, and CPU what its own clock says.
#[track_caller]
pub fn assert_complete(row: &WorkerAccount, cpu_ns: u64) {
    let booked_ns = row.cpu_ns.unwrap();
    let within = cpu_ns - cpu_ns / 100..=cpu_ns + cpu_ns / 100 + END_NS;
    assert!(within.contains(&booked_ns), "CPU {booked_ns} ns, by its own clock {cpu_ns} ns: {row:#?}");
    // Where it is not known from which phase the hypervisor took time, that time is still in the phases' time on a CPU. (A
    // thread that its process did not let come to its end has no such figure, and its CPU time is its clock's.)
    let on_cpu_ns = row.phases.iter().filter_map(|it| it.on_cpu_ns).sum::<u64>() - row.stolen_ns.unwrap_or(0);
    // Where switches were too many for records, how much was stolen in all is not known.
    let may_be_more = row.stolen_ns.is_none() && row.notes.iter().any(|note| note.contains("switched too often"));
    let slack_ns = booked_ns / 100 + 1_000_000;
    let is_booked = on_cpu_ns + slack_ns >= booked_ns && (may_be_more || on_cpu_ns <= booked_ns + slack_ns);
    assert!(is_booked, "on a CPU {on_cpu_ns} ns, CPU time {booked_ns} ns: {row:#?}");
    type Part = fn(&PhaseAccount) -> Option<u64>;
    let parts: [Part; 4] = [|it| it.on_cpu_ns, |it| it.run_queue_ns, |it| it.blocked_ns, |it| it.stolen_ns];
    let sum: f64 = parts.into_iter().map(|part| state(row, part)).sum();
    assert!((sum - 1.0).abs() < 0.01, "{sum} of its life: {row:#?}");
}

#[test]
fn threads_that_compute_wait_for_the_lock_for_all_but_their_turn() {
    let lab = Lab::new();
    for python in pythons::with_lock() {
        for count in [1, 2, 4, 10] {
            let Some(rows) = threads(&lab, &python, "spin", count, "0.8") else { return };
            rows.iter().for_each(|(row, cpu_ns)| assert_complete(row, *cpu_ns));
            let pooled =
                |of: &dyn Fn(&WorkerAccount) -> f64| rows.iter().map(|(row, _)| of(row)).sum::<f64>() / count as f64;
            let (waited, queued) = (pooled(&|row| share(row, LOCK)), pooled(&|row| state(row, |it| it.run_queue_ns)));
            let blocked = pooled(&blocked_by_lock);
            // Until all are there, and from when the first has ended, they are fewer.
            let outside = 1.0 - waited - pooled(&|row| share(row, &[Phase::Compute]));
            let expected = (count - 1) as f64 / count as f64;
            let told = format!(
                "{}, {count} threads: waited {waited:.3} (blocked {blocked:.3}), for a core {queued:.3}, outside {outside:.3}",
                python.display()
            );
            // Who has been given the lock and waits for a core still waits for the lock, and so does who gave it; who waits for
            // a core is not always inside a wait for the lock.
            assert!(blocked <= expected + 0.03, "{told}");
            assert!(waited >= expected - queued - outside - 0.05, "{told}");
        }
    }
}

#[test]
fn threads_that_compute_without_the_lock_do_not_wait_for_it() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let with_numpy = gild_tests::python::with_readers().inspect_err(|why| skipped("kernels of numpy", why)).ok();
    let own = ["checksum", "digest", "compress"].map(|what| (Some(&python), what));
    for (python, what) in own.into_iter().chain([(with_numpy.as_ref(), "array")]) {
        let Some(python) = python else { continue };
        let Some(rows) = threads(&lab, python, what, 3, "0.6") else { return };
        for (row, cpu_ns) in rows {
            assert_complete(&row, cpu_ns);
            // Who loses its core while it has the lock, to look at the clock, lets the others wait for it.
            let margin = 0.03 + 0.15 * state(&row, |it| it.run_queue_ns);
            assert!(blocked_by_lock(&row) < margin, "{what}: {row:#?}");
            assert!(share(&row, &[Phase::Compute]) > 0.97 - 2.0 * margin, "{what}: {row:#?}");
        }
    }
}

#[test]
fn who_sleeps_or_waits_for_something_to_happen_is_idle() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    for what in ["sleep", "event", "queue_get"] {
        let Some(rows) = threads(&lab, &python, what, 3, "0.8") else { return };
        for (row, _) in rows {
            assert!(share(&row, &[Phase::Idle]) > 0.85, "{what}: {row:#?}");
            assert!(blocked_by_lock(&row) < 0.05, "{what}: {row:#?}");
            assert!(state(&row, |it| it.on_cpu_ns) < 0.1, "{what}: {row:#?}");
        }
    }
}

#[test]
fn waiting_for_a_core_is_never_waiting_for_the_lock() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    // Two others want the only core that the thread may use.
    let pinned = |program: &Path, arguments: &[&str]| {
        let mut command = lab.command("taskset");
        command.args(["-c", "0"]).arg(program).args(arguments);
        command
    };
    let busy = || pinned(Path::new("sh"), &["-c", "while :; do :; done"]).spawn();
    let Ok(mut others) = (0..2).map(|_| busy()).collect::<Result<Vec<_>, _>>() else {
        return skipped("a thread with two others on one core", "there is no taskset");
    };
    let script = script("threads.py");
    let line = ["taskset".as_ref(), "-c".as_ref(), "0".as_ref(), python.as_os_str(), script.as_os_str()];
    let ran = record(&lab, line.into_iter().chain(["spin", "1", "1"].map(AsRef::as_ref)));
    others.iter_mut().for_each(|other| {
        other.kill().unwrap();
        other.wait().unwrap();
    });
    let said: Said = ran.well().json();
    let trial = accounts(&lab);
    let row = trial.workers.iter().find(|row| row.tid == Some(said.threads[0].tid)).unwrap();
    assert_whole(&trial);
    if trial.tier >= Tier::Software {
        assert!(state(row, |it| it.run_queue_ns) > 0.4, "{row:#?}");
        assert!(blocked_by_lock(row) < 0.02, "{row:#?}");
        assert!(share(row, &[Phase::Compute]) > 0.9, "{row:#?}");
    }
}

#[test]
fn an_interpreter_without_the_lock_never_waits_for_it() {
    let Some(python) = pythons::free_threaded() else { return };
    let lab = Lab::new();
    let Some(rows) = threads(&lab, &python, "spin", 2, "0.6") else { return };
    for (row, cpu_ns) in rows {
        assert_complete(&row, cpu_ns);
        assert_eq!(LOCK.iter().map(|phase| row.wall_in(*phase)).sum::<u64>(), 0, "{row:#?}");
    }
}

#[test]
fn the_locks_of_an_interpreter_without_the_lock_are_other_locks() {
    let Some(python) = pythons::free_threaded() else { return };
    let lab = Lab::new();
    // A lock of the program's own, that of a list, and being stopped by the collector of another thread.
    for (what, waiter) in [("contend", "contend"), ("append", "append"), ("spin,collect", "spin")] {
        let ran = record(
            &lab,
            [python.as_os_str(), script("threads.py").as_os_str(), what.as_ref(), "2".as_ref(), "1".as_ref()],
        );
        let said: Said = ran.well().json();
        let trial = accounts(&lab);
        assert_whole(&trial);
        let waiters: Vec<_> = said.threads.iter().filter(|told| told.what == waiter).map(|told| told.tid).collect();
        let rows = || trial.workers.iter().filter(|row| row.tid.is_some_and(|tid| waiters.contains(&tid)));
        assert!(rows().map(|row| crate::entries(row, Phase::OtherLock)).sum::<u64>() > 0, "{what}: {trial:#?}");
        assert_eq!(trial.workers.iter().map(|row| share(row, LOCK)).sum::<f64>(), 0.0, "{what}: {trial:#?}");
    }
}

#[test]
fn an_interpreter_with_a_libc_of_its_own_is_recorded_too() {
    let Some((loader, root)) = pythons::with_own_libc() else { return };
    let lab = Lab::new();
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let python = root.join("usr/bin/python3.14");
    let mut command: Command = lab.gilctl_command(&["record", "--"]);
    command.arg(&loader).arg("--library-path").arg(libraries).arg(python).arg(script("threads.py"));
    command.args(["spin", "4", "0.8"]).env("PYTHONHOME", root.join("usr"));
    let said: Said = gild_tests::program::run(&mut command).well().json();
    let trial = accounts(&lab);
    assert_whole(&trial);
    let rows = trial.workers.iter().filter(|row| said.threads.iter().any(|told| row.tid == Some(told.tid)));
    let waited: Vec<f64> = rows.map(|row| share(row, LOCK)).collect();
    assert_eq!(waited.len(), 4, "{}", said.version);
    assert!(waited.iter().sum::<f64>() / 4.0 > 0.3, "{waited:?}");
}
