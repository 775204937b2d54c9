//! Recordings while they run: seen by whoever watches, ended by whoever cancels, and what happens when somebody dies.

use std::fs::File;
use std::process::Command;

use gild_model::api::DaemonStatus;
use gild_model::run::{RunHead, RunStatus};
use gild_tests::lab::Lab;
use gild_tests::program::{self, Running};
use gild_tests::waiting::wait_for;
use nix::sys::signal::Signal;

use crate::{accounts, assert_whole, pythons};

/// Says that it is there, waits for a file, says that it was there to the end.
const WAITS: &str = "echo > ready; while [ ! -e go ]; do sleep 0.02; done; echo done > finished";

/// Records a shell script, and waits until it runs and the daemon knows.
fn start(lab: &Lab, options: &[&str], script: &str) -> Running {
    let line = [options, &["record", "--", "sh", "-c", script]].concat();
    let running = lab.start_gilctl(&line);
    wait_for("the command is ready", || lab.path("ready").exists().then_some(()));
    wait_for("the daemon knows of it", || (!lab.get::<DaemonStatus>("/v1/status").recording.is_empty()).then_some(()));
    running
}

fn go(lab: &Lab) {
    lab.write("go", "");
}

#[test]
fn a_recording_is_watched_while_it_runs() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let threads = "
import os, threading, time
def wait():
    while not os.path.exists('go'): time.sleep(0.01)
for thread in [threading.Thread(target=wait) for _ in range(3)]: thread.start()
wait()";
    let running = program::start(lab.gilctl_command(&["record", "--"]).arg(&python).args(["-c", threads]));
    wait_for("the daemon knows of it", || (lab.get::<Vec<RunHead>>("/v1/runs").len() == 1).then_some(()));
    lab.gilctl(&["ls"]).well().says(["running", "import os, threading, time"]);
    lab.gilctl(&["daemon", "status"]).well().says(["recording  run 1"]);
    assert_eq!(lab.ask("DELETE", "/v1/runs/1", "").status, 409, "it is not over");
    let seen = lab.path("seen");
    let mut watch: Command = lab.gilctl_command(&["watch", "1"]);
    let mut watch =
        watch.stderr(File::create(&seen).unwrap()).stdout(File::create(lab.path("shown")).unwrap()).spawn().unwrap();
    let text = || std::fs::read_to_string(&seen).unwrap();
    wait_for("its threads are seen", || text().contains("4 threads of 1 process, 4 alive: ").then_some(()));
    assert_eq!(lab.head(1).status, RunStatus::Running);
    go(&lab);
    running.finish().well();
    assert!(watch.wait().unwrap().success(), "{}", text());
    let shown = std::fs::read_to_string(lab.path("shown")).unwrap();
    assert!(shown.contains("recorded") && shown.contains("io-wait"), "{shown}");
    let run = lab.show(1);
    assert_eq!((run.head.status, run.experiment.cases[0].workers), (RunStatus::Done, 4));
    assert_whole(&accounts(&lab));
}

#[test]
fn a_recording_whose_recorder_is_killed_is_interrupted_and_its_program_goes_on() {
    let lab = Lab::new();
    let running = start(&lab, &[], WAITS);
    running.signal(Signal::SIGKILL);
    let run = lab.wait_for_end(1);
    assert_eq!(run.head.status, RunStatus::Interrupted);
    assert!(run.head.error.unwrap().contains("was gone before the program ended"));
    go(&lab);
    wait_for("the program ends as it would have", || lab.path("finished").exists().then_some(()));
    // Not before: the program holds its outputs, too.
    running.finish().ended_with(128 + 9);
}

#[test]
fn a_recording_survives_its_daemon() {
    let mut lab = Lab::new();
    let running = start(&lab, &["--no-start"], WAITS);
    lab.crash_daemon();
    go(&lab);
    let ran = running.finish().well();
    assert!(ran.stderr.contains("process") && ran.stderr.contains("the recording is not kept"), "{ran}");
    assert!(lab.path("finished").exists());
    lab.start_daemon();
    assert_eq!(lab.head(1).status, RunStatus::Interrupted);
}

#[test]
fn a_recording_without_its_daemon_starts_another_which_can_be_stopped() {
    let mut lab = Lab::new();
    let running = start(&lab, &[], WAITS);
    lab.crash_daemon();
    go(&lab);
    running.finish().well().complains(["started a private daemon"]);
    assert_eq!([lab.head(1).status, lab.head(2).status], [RunStatus::Interrupted, RunStatus::Done]);
    let pid = lab.get::<DaemonStatus>("/v1/status").pid;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).unwrap();
    lab.assert_nobody_is_left();
}

#[test]
fn a_recording_is_kept_by_the_daemon_that_comes_after_its_own() {
    let mut lab = Lab::new();
    let running = start(&lab, &[], WAITS);
    lab.signal_daemon(Signal::SIGTERM);
    lab.wait_for_daemon();
    lab.start_daemon();
    assert_eq!(lab.head(1).error.as_deref(), Some("the daemon was stopped"));
    go(&lab);
    running.finish().well();
    assert_eq!([lab.head(1).status, lab.head(2).status], [RunStatus::Interrupted, RunStatus::Done]);
}

#[test]
fn a_recording_that_is_cancelled_ends_its_command_and_keeps_what_was_measured() {
    let lab = Lab::new();
    let running = start(&lab, &[], "trap 'echo told; exit 3' TERM; echo > ready; while :; do sleep 0.02; done");
    lab.gilctl(&["cancel", "1"]).well().says(["run 1 is being cancelled"]);
    let ran = running.finish();
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "told\n"), "{ran}");
    let run = lab.wait_for_end(1);
    assert_eq!((run.head.status, run.head.trials_done), (RunStatus::Cancelled, 1));
    assert_whole(&accounts(&lab));
    assert_eq!(lab.ask("POST", "/v1/runs/1/cancel", "").status, 409);
}

#[test]
fn a_run_and_a_recording_at_the_same_time_say_so() {
    let lab = Lab::new();
    let running = start(&lab, &[], WAITS);
    let run = lab.submit(&["null", "--tasks", "50", "--workers", "2", "--repeat", "1", "--warmups", "0"]);
    let measured = lab.wait_for_end(run);
    assert_eq!(measured.head.status, RunStatus::Done, "it does not wait for the recording");
    go(&lab);
    running.finish().well();
    let notes = |id| lab.show(id).summary.notes.join("\n");
    assert!(notes(run).contains("run 1 was measured at the same time"), "{}", notes(run));
    assert!(notes(1).contains(&format!("run {run} was measured at the same time")), "{}", notes(1));
}

#[test]
fn a_command_that_cannot_be_run_leaves_no_run() {
    let lab = Lab::new();
    lab.gilctl(&["record", "--", "/nonexistent/program"]).ended_with(127);
    assert_eq!(lab.get::<Vec<RunHead>>("/v1/runs"), []);
}

#[test]
fn what_is_told_of_a_recording_is_checked() {
    let lab = Lab::new();
    lab.ask("POST", "/v1/recordings/live", r#"{"command":[],"started_at":"2026-01-01T00:00:00Z"}"#)
        .refuses(422, ["command: is empty"]);
    lab.ask("POST", "/v1/recordings/live", "{}").refuses(400, ["command"]);
    let look = r#"{"wall_ns":1,"processes":1,"threads":1,"alive":1,"phases":[],"rows":[]}"#;
    lab.ask("POST", "/v1/recordings/1/look", look).refuses(404, ["there is no run 1"]);
    lab.gilctl(&["record", "--", "true"]).well();
    lab.ask("POST", "/v1/recordings/1/look", look).refuses(409, ["run 1 is done"]);
}
