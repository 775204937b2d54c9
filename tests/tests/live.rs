//! Runs in progress, looked at from outside: what a look says, and what is left of it when the run is over.

use gild_model::account::Role;
use gild_model::live::{LiveRow, LiveRun};
use gild_model::phase::Phase;
use gild_model::run::{RunId, RunStatus};
use gild_tests::experiments::submit_endless;
use gild_tests::lab::Lab;
use gild_tests::waiting::wait_for;
use gild_tests::{program, pythons};

fn look(lab: &Lab, id: RunId) -> LiveRun {
    lab.get(&format!("/v1/runs/{id}/live"))
}

fn workers(look: &LiveRun) -> Vec<&LiveRow> {
    let accounts = look.accounts.as_ref().expect("a trial is in progress");
    accounts.rows.iter().filter(|row| row.role == Role::Worker).collect()
}

/// Threads that compute for an hour under a lock.
fn submit_busy(lab: &Lab) -> RunId {
    let line = ["cpu-bound", "--model=threads", "--workers=3", "--lock=cpython", "--tasks=100000"];
    lab.submit(&[&line[..], &["--repeat=1", "--warmups=0", "--name=busy"]].concat())
}

#[test]
fn a_trial_is_seen_worker_by_worker_and_grows() {
    let lab = Lab::new();
    let id = submit_busy(&lab);
    let first = wait_for("the lock changes hands", || {
        Some(look(&lab, id)).filter(|look| look.accounts.as_ref().is_some_and(|it| it.hand_overs > Some(5)))
    });
    let later = wait_for("tasks are done", || {
        let look = look(&lab, id);
        let done = |look: &LiveRun| look.progress.as_ref().unwrap().tasks_done;
        let since = |look: &LiveRun| look.accounts.as_ref().unwrap().at_ns;
        (done(&look) > done(&first) && since(&look) > since(&first) + 200_000_000).then_some(look)
    });
    let (before, after) = (first.accounts.as_ref().unwrap(), later.accounts.as_ref().unwrap());
    assert!(
        after.hand_overs > before.hand_overs && after.began_ns.unwrap().abs_diff(before.began_ns.unwrap()) < 1_000_000
    );
    let progress = later.progress.as_ref().unwrap();
    assert_eq!((progress.tasks_planned, progress.trials_planned, progress.case), (Some(100_000), 1, 0));
    assert_eq!((workers(&later).len(), after.rows.len(), after.not_shown), (3, 4, 0));
    for (was, is) in workers(&first).into_iter().zip(workers(&later)) {
        assert_eq!((is.index, is.pid, is.tid), (was.index, was.pid, was.tid));
        assert!(is.now.is_some() && is.cpu_ns.is_none() && is.since_ns.is_some_and(|since| since <= after.at_ns));
        let (grown_ns, passed_ns) = (is.life_ns() - was.life_ns(), after.at_ns - before.at_ns);
        // Rows are read one after the other by a thread that may lose its core meanwhile: far less than a look's distance.
        assert!(
            grown_ns.abs_diff(passed_ns) < passed_ns / 2,
            "{grown_ns} ns of {passed_ns} ns are accounted for: {is:?}"
        );
        assert!(is.phases.iter().any(|it| it.phase == Phase::LockWait), "{is:?}");
    }
    let owners = |look: &LiveRun| workers(look).iter().filter(|row| row.has_lock == Some(true)).count();
    assert!(owners(&later) <= 1 && workers(&later).iter().all(|row| row.has_lock.is_some()), "{later:?}");
    lab.gilctl(&["cancel", &id.to_string()]).well();
    lab.wait_for_end(id);
    let over = look(&lab, id);
    assert_eq!((over.head.status, over.progress, over.accounts), (RunStatus::Cancelled, None, None));
    lab.ask("GET", "/v1/runs/99/live", "").refuses(404, ["there is no run 99"]);
}

#[test]
fn processes_are_seen_and_a_run_that_waits_has_nothing_to_show() {
    let lab = Lab::new();
    let id = submit_endless(&lab, "processes");
    let seen = wait_for("both sleep", || {
        let seen = look(&lab, id);
        let busy = seen.accounts.is_some() && workers(&seen).iter().all(|row| row.now == Some(Phase::IoWait));
        busy.then_some(seen)
    });
    let pids: Vec<_> = workers(&seen).iter().map(|row| row.pid.unwrap()).collect();
    assert!(pids[0] != pids[1] && seen.accounts.as_ref().unwrap().hand_overs.is_none(), "{seen:?}");
    assert!(workers(&seen).iter().all(|row| row.has_lock.is_none()));
    let waiting = submit_busy(&lab);
    let waits = look(&lab, waiting);
    assert_eq!((waits.head.status, waits.progress, waits.accounts), (RunStatus::Queued, None, None));
    for run in [waiting, id] {
        lab.gilctl(&["cancel", &run.to_string()]).well();
    }
    lab.wait_for_end(id);
}

#[test]
fn a_kernel_in_python_is_seen_with_its_interpreter_s_lock() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    lab.write("spin.py", "def spin(n):\n    while True: n += 1\n");
    let python = python.to_str().unwrap();
    let line = ["run", "spin:spin", "--python", python, "--args=[0]", "--tasks=2", "--workers=2", "--model=threads"];
    let rest = ["--repeat=1", "--warmups=0", "--detach"];
    let id = lab.gilctl(&[&line[..], &rest].concat()).well().stdout.trim().parse().unwrap();
    let seen = wait_for("the interpreter's lock changes hands", || {
        Some(look(&lab, id)).filter(|look| look.accounts.as_ref().is_some_and(|it| it.hand_overs > Some(3)))
    });
    let rows = workers(&seen);
    assert!(rows.len() == 2 && rows.iter().all(|row| row.thread.is_some() && row.has_lock.is_none()), "{seen:?}");
    assert!(rows.iter().all(|row| row.life_ns() > 0 && row.now.is_some()), "{rows:?}");
    lab.gilctl(&["cancel", &id.to_string()]).well();
    lab.wait_for_end(id);
}

#[test]
fn a_recording_is_seen_thread_by_thread() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let threads = "
import os, threading, time
def wait():
    while not os.path.exists('go'): time.sleep(0.01)
for thread in [threading.Thread(target=wait) for _ in range(3)]: thread.start()
wait()";
    let running = program::start(lab.gilctl_command(&["record", "--"]).arg(&python).args(["-c", threads]));
    let seen = wait_for("its threads are seen", || {
        let answer = lab.ask("GET", "/v1/runs/1/live", "");
        let seen: LiveRun = (answer.status == 200).then(|| answer.json())?;
        (seen.accounts.as_ref()?.rows.len() == 4).then_some(seen)
    });
    let accounts = seen.accounts.as_ref().unwrap();
    assert!(accounts.rows.iter().all(|row| row.tid.is_some() && row.command.is_some() && row.tasks_done.is_none()));
    assert!(accounts.rows.iter().all(|row| row.since_ns.is_some_and(|since| since <= accounts.at_ns)), "{accounts:?}");
    lab.write("go", "");
    running.finish().well();
    assert!(look(&lab, 1).accounts.is_none(), "it is over");
}
