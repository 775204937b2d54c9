//! The daemon's life: killed and started again, told to stop, a queue of runs, others on its socket.

use std::fs;
use std::os::unix::net::UnixListener;

use gild_model::api::DaemonStatus;
use gild_model::run::{RunId, RunStatus};
use gild_model::trial::TrialStatus;
use gild_tests::experiments::{QUICK, is_well, submit_endless, submit_quick};
use gild_tests::lab::Lab;
use gild_tests::program;
use gild_tests::waiting::wait_for;
use nix::sys::signal::Signal;

/// A run of many short trials; waits until some are stored.
fn submit_many(lab: &Lab) -> RunId {
    let id = lab.submit(&["null", "--tasks", "50", "--workers", "2", "--repeat", "10000", "--warmups", "1"]);
    wait_for("some trials are finished", || (lab.head(id).trials_done >= 9).then_some(()));
    id
}

/// Every trial that is there is whole, and there are at least as many as a client has seen before.
fn check_finished_trials(lab: &Lab, id: RunId, seen: u32) {
    let trials = lab.trials(id);
    assert!(trials.len() >= seen as usize, "{} of {seen} trials are left", trials.len());
    assert_eq!(lab.head(id).trials_done as usize, trials.len());
    for trial in trials.iter().filter(|trial| trial.status == TrialStatus::Done) {
        assert_eq!((trial.tasks_done, trial.tasks_planned), (50, Some(50)), "{trial:?}");
        let rows = if trial.case == 0 { 2 } else { 3 };
        assert_eq!(trial.workers.len(), rows, "coordinator and workers: {trial:?}");
        assert!(trial.digest.is_some() && trial.workers.iter().all(|row| !row.phases.is_empty()), "{trial:?}");
    }
    let unfinished = trials.iter().filter(|trial| trial.status != TrialStatus::Done).count();
    assert!(unfinished <= 1, "only the one in progress was cut short");
}

#[test]
fn a_daemon_killed_in_a_run_leaves_nobody_and_loses_nothing() {
    let mut lab = Lab::new();
    let id = submit_many(&lab);
    let waiting = submit_quick(&lab);
    let seen = lab.head(id).trials_done;
    lab.crash_daemon();
    lab.assert_nobody_is_left();
    lab.start_daemon();
    let run = lab.show(id);
    assert_eq!(run.head.status, RunStatus::Interrupted);
    assert!(run.head.finished_at.is_none() && run.host.is_some(), "nobody saw when it ended: {:?}", run.head);
    assert_eq!(run.summary.cases.len(), 3);
    check_finished_trials(&lab, id, seen);
    assert_eq!(lab.head(waiting).status, RunStatus::Interrupted, "what waited is not started behind the user's back");
    lab.gilctl(&["show", "1"]).well().says(["interrupted"]);
    lab.gilctl(&["export", "1", "--format", "csv"]).well().says(["compute"]);
    is_well(&lab);
}

#[test]
fn whoever_runs_plugin_code_dies_with_the_daemon_in_every_model() {
    for model in ["sequential", "threads", "processes"] {
        let mut lab = Lab::new();
        let id = submit_endless(&lab, model);
        lab.crash_daemon();
        lab.assert_nobody_is_left();
        lab.start_daemon();
        assert_eq!(lab.head(id).status, RunStatus::Interrupted, "{model}");
    }
}

#[test]
fn a_daemon_whose_spawner_dies_says_so_and_leaves_nobody() {
    let mut lab = Lab::new();
    let id = submit_endless(&lab, "processes");
    let spawner = lab.processes().into_iter().find(|it| it.name == "gild-spawner");
    spawner.expect("the daemon has a spawner").kill();
    assert_eq!(lab.wait_for_daemon().code(), Some(6), "{}", lab.log());
    lab.assert_nobody_is_left();
    assert!(lab.log().contains("the process that starts trials has died"), "{}", lab.log());
    lab.start_daemon();
    assert_eq!(lab.head(id).status, RunStatus::Interrupted);
}

#[test]
fn a_daemon_that_is_told_to_stop_interrupts_its_runs_and_keeps_their_trials() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut lab = Lab::new();
        let id = submit_many(&lab);
        let waiting = submit_quick(&lab);
        let seen = lab.head(id).trials_done;
        lab.signal_daemon(signal);
        assert_eq!(lab.wait_for_daemon().code(), Some(0), "{}", lab.log());
        lab.assert_nobody_is_left();
        assert!(!lab.socket().exists(), "the socket is taken away");
        lab.start_daemon();
        assert_eq!([id, waiting].map(|id| lab.head(id).status), [RunStatus::Interrupted; 2]);
        check_finished_trials(&lab, id, seen);
        is_well(&lab);
    }
}

#[test]
fn sighup_reads_the_configuration_again_and_a_broken_one_changes_nothing() {
    let lab = Lab::new();
    let plugins = || lab.get::<gild_model::plugin::PluginList>("/v1/plugins").plugins.len();
    assert_eq!(plugins(), lab.binaries().plugins().len());
    let reload = |text: &str, expected: &str| {
        lab.write("gild.toml", text);
        let before = lab.log().len();
        lab.signal_daemon(Signal::SIGHUP);
        wait_for(expected, || lab.log()[before..].contains(expected).then_some(()));
    };
    reload("plugin_path = []\nlog_levle = 'debug'", "gild.toml:2:1: unknown field `log_levle`");
    assert_eq!(plugins(), lab.binaries().plugins().len());
    reload("plugin_path = []\nmax_connections = 7", "max_connections");
    assert!(lab.log().contains("take effect when the daemon is started again"), "{}", lab.log());
    assert_eq!(plugins(), 0);
    reload(&lab.config("task_limit_s = 0.3"), "configuration read again");
    assert_eq!(plugins(), lab.binaries().plugins().len());
    let ran = lab.gilctl(&["run", "faulty", "--param", "fault=slow", "--param", "ms=3600000", "--model", "sequential"]);
    ran.ended_with(1).complains(["task 0 took longer than the task limit of 0.3 s"]);
}

#[test]
fn a_second_daemon_on_the_same_socket_is_refused_and_the_first_goes_on() {
    let lab = Lab::new();
    let (socket, other) = (lab.socket(), lab.path("other.db"));
    let mut second = lab.gild(&["serve", "--socket"]);
    let ran = program::run(second.arg(&socket).arg("--store").arg(&other));
    ran.ended_with(4).complains(["in use by a live daemon", &format!("(pid {})", lab.daemon_pid())]);
    assert!(!other.exists(), "it looked at the socket before the store");
    is_well(&lab);
}

#[test]
fn what_is_no_dead_daemons_socket_is_left_alone() {
    let lab = Lab::empty();
    let path = lab.path("run/gild.sock");
    let serve = || {
        let mut command = lab.gild(&["serve", "--store"]);
        program::run(command.arg(lab.store()).arg("--socket").arg(&path)).ended_with(4)
    };
    fs::write(&path, "precious").unwrap();
    serve().complains(["gild.sock exists and is not a socket"]);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();
    let _listener = UnixListener::bind(&path).unwrap();
    serve().complains(["gild.sock is in use by a live daemon"]);
    assert!(path.exists());
}

#[test]
fn runs_wait_for_their_turn_and_can_be_cancelled_in_the_queue_and_out_of_it() {
    let lab = Lab::with_config("queue_max = 3");
    let first = submit_endless(&lab, "processes");
    let [second, third, fourth] = [0; 3].map(|_| submit_quick(&lab));
    let status: DaemonStatus = lab.get("/v1/status");
    assert_eq!((status.running, status.queued), (Some(first), 3));
    let full = lab.gilctl(&QUICK);
    full.complains(["the queue is full: 3 runs are waiting (queue_max)"]);
    lab.gilctl(&["cancel", &second.to_string()]).well();
    assert_eq!(lab.head(second).status, RunStatus::Cancelled);
    assert_eq!([third, fourth].map(|id| lab.head(id).status), [RunStatus::Queued; 2]);
    lab.gilctl(&["cancel", &first.to_string()]).well();
    let [first, third, fourth] = [first, third, fourth].map(|id| lab.wait_for_end(id).head);
    assert_eq!([first.status, third.status, fourth.status], [RunStatus::Cancelled, RunStatus::Done, RunStatus::Done]);
    assert!(first.finished_at <= third.started_at && third.finished_at <= fourth.started_at, "one at a time, in order");
    assert_eq!(lab.head(second).started_at, None);
    lab.assert_no_trial_is_left();
    lab.gilctl(&["cancel", &third.id.to_string()]).complains(["run 3 is done: there is nothing to cancel"]);
}
