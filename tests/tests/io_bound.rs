//! The kernels that wait for the network, end to end: what threads gain, where the time goes, and whose the server is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use gild_model::account::WorkerAccount;
use gild_model::phase::Phase;
use gild_model::run::{Run, RunStatus};
use gild_model::summary::{CaseSummary, Shares};
use gild_model::trial::Trial;
use gild_tests::accounts::{in_phases, of_case, wall_ns, workers};
use gild_tests::lab::Lab;
use gild_tests::processes::Process;
use gild_tests::waiting::wait_for;

/// What the server's process is called.
const SERVER: &str = "gild-io-server";

fn servers(lab: &Lab) -> Vec<Process> {
    lab.processes().into_iter().filter(|it| it.name == SERVER).collect()
}

fn shares(case: &CaseSummary) -> &Shares {
    case.workers.as_ref().unwrap()
}

fn run(lab: &Lab, experiment: &str) -> Run {
    lab.write("experiment.toml", experiment);
    let run: Run = lab.gilctl(&["run", "experiment.toml", "--json"]).well().json();
    assert_eq!(run.head.status, RunStatus::Done);
    assert_eq!((run.summary.verified, run.summary.results_identical), (Some(true), Some(true)));
    run
}

/// Waiting is exaggerated, so that a busy machine makes no difference: 40 requests of 20 ms, 800 ms one after the other.
const NETWORK_BOUND: &str = r#"
kernel = "io-bound"
repetitions = 1
warmups = 0
param = { tasks = 20, requests = 2, bytes = 64, compute_us = 100, service_us = 20_000 }

[[case]]
model = "sequential"

[[case]]
model = "threads"
workers = 10

[[case]]
model = "processes"
workers = 10

[[case]]
model = "processes"
workers = 2
start = "spawn"
"#;

#[test]
fn threads_under_the_lock_are_worth_it_when_the_work_waits_for_the_network() {
    let lab = Lab::new();
    let run = run(&lab, NETWORK_BOUND);
    let cases = &run.summary.cases;
    let wall = |case: usize| cases[case].wall_ns.as_ref().unwrap().median;
    let walls: Vec<f64> = (0..4).map(wall).collect();
    // Ten times as fast on an idle machine, and twice with two processes.
    assert!(walls[0] > 3.0 * walls[1], "threads: {walls:?}");
    assert!(walls[0] > 3.0 * walls[2], "processes: {walls:?}");
    assert!(walls[0] > 1.3 * walls[3], "spawned processes: {walls:?}");
    for case in &cases[..2] {
        let shares = shares(case);
        assert!(shares.io_wait > 0.7, "{}: {shares:?}", case.case.name);
        assert!(shares.lock_wait < 0.2, "{}: {shares:?}", case.case.name);
        assert!(shares.compute < 0.2, "{}: {shares:?}", case.case.name);
    }
    // Every one of 40 answers was waited for in every case: 20 ms each, and no timer of the server runs out early.
    let trials = lab.trials(1);
    for trial in &trials {
        let waited_ns = wall_ns(&in_phases(&workers([trial]), &[Phase::IoWait]));
        assert!(waited_ns >= 40.0 * 20e6, "case {}: {waited_ns} ns", trial.case);
    }
    let notes: Vec<_> = trials.iter().flat_map(|it| &it.workers).flat_map(|it| &it.notes).collect();
    assert!(notes.iter().all(|note| !note.contains("outlived")), "{notes:?}");
    assert_eq!(servers(&lab), [], "each trial's server has gone with it");
}

/// One task computes, twenty make requests; the answer comes after a millisecond.
const CONVOY: &str = r#"
kernel = "mixed"
repetitions = 1
warmups = 0
param = { tasks = 21, cpu_tasks = 1, cpu_us = 1_500_000, requests = 2, bytes = 64, compute_us = 0, service_us = 1000 }

[[case]]
model = "threads"
workers = 2
interval_us = 1000

[[case]]
model = "threads"
workers = 2
interval_us = 20_000

[[case]]
model = "threads"
workers = 2
lock = "none"
"#;

#[test]
fn requests_beside_computing_wait_for_the_lock_an_interval_long() {
    let lab = Lab::new();
    let run = run(&lab, CONVOY);
    let trials = lab.trials(1);
    let waits_ns: Vec<f64> = (0..3).map(|case| lock_wait_of_requests_ns(of_case(&trials, case)[0])).collect();
    // 40 requests take the lock back twice: 80 intervals of 1 ms, or the whole 1.5 s in pieces of 20 ms.
    assert!(waits_ns[1] > 2.0 * waits_ns[0], "{waits_ns:?}");
    assert!(waits_ns[0] > 0.0, "{waits_ns:?}");
    assert_eq!(waits_ns[2], 0.0, "without a lock nobody waits for one");
    let share = shares(&run.summary.cases[1]);
    assert!(share.lock_wait > share.io_wait, "the convoy costs more than the network: {share:?}");
}

/// Waiting for the lock of the worker that did not compute, or did it less.
fn lock_wait_of_requests_ns(trial: &Trial) -> f64 {
    let computed_ns = |row: &WorkerAccount| {
        let cpu = row.phases.iter().filter(|it| it.kernel_phase.as_deref() == Some("cpu"));
        cpu.map(|it| it.wall_ns).sum::<u64>()
    };
    let rows = workers([trial]);
    let row = rows.into_iter().min_by_key(|row| computed_ns(row)).unwrap();
    assert_eq!(computed_ns(row), 0, "one task computes, on one worker");
    wall_ns(&in_phases(&[row], &[Phase::LockWait, Phase::SwitchWait]))
}

/// A run whose server takes so long that it is there to be looked at.
fn submit_long(lab: &Lab) -> Process {
    let line = ["io-bound", "--model=threads", "--workers=2", "--repeat=1", "--warmups=0", "--tasks=2"];
    let slow = ["--param=service_us=9000000", "--param=timeout_ms=60000"];
    lab.submit(&[&line[..], &slow].concat());
    wait_for("the trial's server", || servers(lab).into_iter().next())
}

#[test]
fn no_server_outlives_its_trial_however_that_ends() {
    for (end, how) in [("cancel", true), ("the coordinator dies", false)] {
        let lab = Lab::new();
        let server = submit_long(&lab);
        let coordinator = lab.trial_processes().into_iter().find(|it| it.pid == server.parent);
        let coordinator = coordinator.expect("the server is the coordinator's child");
        if how {
            lab.gilctl(&["cancel", "1"]).well();
        } else {
            coordinator.kill();
        }
        lab.wait_for_end(1);
        lab.assert_no_trial_is_left();
        assert_eq!(servers(&lab), [], "{end}");
    }
}

#[test]
fn a_server_that_dies_fails_its_task_by_name() {
    let lab = Lab::new();
    let server = submit_long(&lab);
    server.kill();
    let run = lab.wait_for_end(1);
    assert_eq!(run.head.status, RunStatus::Failed);
    let error = run.summary.cases[0].error.as_deref().unwrap();
    assert!(error.contains("failed: input/output error") && error.contains("127.0.0.1:"), "{error}");
    // The second worker may not have been connected, or have been about to send.
    let reasons = ["the server closed the connection after 0 of 512 bytes", "(os error "];
    assert!(reasons.iter().any(|text| error.contains(text)), "{error}");
    lab.assert_no_trial_is_left();
}

/// What a server of the test's own has seen.
#[derive(Default)]
struct Seen {
    clients: AtomicUsize,
    bytes: AtomicUsize,
}

/// A server that sends back what it gets. It listens as long as the test program lives.
fn echo_server() -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    thread::spawn(move || {
        for client in listener.incoming() {
            shared.clients.fetch_add(1, Relaxed);
            let shared = Arc::clone(&shared);
            thread::spawn(move || echo(client.unwrap(), &shared));
        }
    });
    (address, seen)
}

fn echo(mut client: TcpStream, seen: &Seen) {
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        seen.bytes.fetch_add(count, Relaxed);
        if client.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

#[test]
fn a_named_server_gets_the_requests_of_every_model() {
    let lab = Lab::new();
    let (address, seen) = echo_server();
    let server = format!("--param=server={address}");
    let line = ["run", "io-bound", "--model=sequential,threads,processes", "--workers=2", "--start=fork,spawn"];
    let small =
        ["--tasks=8", "--param=requests=3", "--param=bytes=100", "--repeat=1", "--warmups=0", "--json", &server];
    let run: Run = lab.gilctl(&[&line[..], &small].concat()).well().json();
    assert_eq!((run.head.status, run.summary.verified), (RunStatus::Done, Some(true)));
    assert_eq!(run.summary.results_identical, Some(true));
    assert_eq!(run.experiment.cases.len(), 4);
    assert_eq!(seen.bytes.load(Relaxed), 4 * 8 * 3 * 100);
    // A worker connects once and keeps the connection; one that is late may find nothing to do.
    let clients = seen.clients.load(Relaxed);
    assert!((4..=1 + 2 + 2 + 2).contains(&clients), "{clients} connections");
}

#[test]
fn a_server_that_is_not_there_is_named_with_the_reason() {
    let lab = Lab::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("--param=server={address}");
    let models = ["run", "io-bound", "--model=sequential,threads,processes", "--workers=2", "--tasks=2", "--repeat=1"];
    let ran = lab.gilctl(&[&models[..], &["--warmups=0", &server]].concat()).ended_with(1);
    ran.complains([format!("{address}: cannot connect: Connection refused (os error 111)").as_str()]);
    let errors: Vec<_> = lab.trials(1).into_iter().map(|trial| trial.error.unwrap()).collect();
    assert_eq!(errors.len(), 3, "every model was tried");
    assert!(errors.iter().all(|error| error.contains("cannot connect: Connection refused")), "{errors:?}");
    let line = ["run", "io-bound", "--repeat=1", "--model=sequential", "--param=server=nowhere"];
    lab.gilctl(&line).ended_with(1).complains(["server: \"nowhere\": expected host:port"]);
}
