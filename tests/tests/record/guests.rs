//! Programs that must not notice, and processes that come and go.

use std::path::{Path, PathBuf};
use std::process::Command;

use gild_model::account::WorkerAccount;
use gild_model::host::Tier;
use gild_model::phase::Phase;
use gild_model::run::{AccountRow, Run, RunStatus};
use gild_tests::lab::Lab;
use gild_tests::program;
use gild_tests::skipped;
use gild_tests::waiting::wait_for;
use nix::sys::signal::Signal;

use crate::{accounts, assert_whole, pythons, record, script, state};

/// Command lines with the number of rows that each has.
fn commands(trial: &gild_model::trial::Trial) -> Vec<(&str, usize)> {
    let mut rows: Vec<(&str, usize)> = Vec::new();
    for row in &trial.workers {
        match rows.iter_mut().find(|it| Some(it.0) == row.command.as_deref()) {
            Some(known) => known.1 += 1,
            None => rows.push((row.command.as_deref().unwrap(), 1)),
        }
    }
    rows
}

#[test]
fn processes_that_fork_execute_end_and_are_killed_have_whole_accounts() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let ran = record(&lab, [python.as_os_str(), script("processes.py").as_os_str()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (4, "alive\n"), "{ran}");
    let trial = accounts(&lab);
    assert_whole(&trial);
    let rows = commands(&trial);
    let count = |name: &str| rows.iter().filter(|it| it.0.contains(name)).map(|it| it.1).sum::<usize>();
    // The program with its waiting thread, the child that ended, the killed one with its thread; where subprocess does not
    // use vfork, its two children before they became another program.
    assert!([5, 7].contains(&count("processes.py")), "{rows:?}");
    assert_eq!((count("true"), count("exit 4"), count("nonexistent")), (3, 1, 0), "{rows:?}");
    let died_computing = |row: &&WorkerAccount| row.phases.iter().any(|it| it.open && it.phase == Phase::Compute);
    let killed = trial.workers.iter().filter(died_computing).max_by_key(|row| row.life_ns).unwrap();
    assert!(killed.life_ns.unwrap() >= 200_000_000, "who computed when it was killed: {killed:#?}");
    let first = trial.workers[0].pid;
    assert_eq!(
        trial.workers.iter().filter(|row| row.pid == first).count(),
        3,
        "the program, its thread, what it became"
    );
    assert!(trial.workers[0].notes.iter().any(|note| note.contains("exit status 4")), "{:?}", trial.workers[0].notes);
}

/// The rows of a program whose children are killed, if the clocks of all are known.
fn with_known_clocks(lab: &Lab, python: &Path, how: &str) -> Option<Vec<WorkerAccount>> {
    record(lab, [python.as_os_str(), script("killed.py").as_os_str(), how.as_ref()]).well();
    let trial = accounts(lab);
    assert_whole(&trial);
    let known = |row: &&WorkerAccount| row.cpu_ns.is_some() && row.phases.iter().all(|it| it.blocked_ns.is_some());
    let mut unknown = trial.workers.iter().filter(|row| !known(row)).peekable();
    let all_are = unknown.peek().is_none();
    unknown.for_each(|row| assert!(row.notes.iter().any(|note| note.contains("cut off")), "{row:#?}"));
    all_are.then_some(trial.workers)
}

#[test]
fn who_kills_a_process_reads_its_clocks_before() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    record(&lab, ["true"]).well();
    if accounts(&lab).tier < Tier::Software {
        return skipped("the states of who is killed", "there are no context-switch records here");
    }
    for how in ["kill", "killpg", "terminate"] {
        // Where no core is left for it, a process is gone too long after its clocks were read, and they are not taken.
        let rows = (0..20).find_map(|_| with_known_clocks(&lab, &python, how));
        let rows = rows.unwrap_or_else(|| panic!("{how}: the clocks of who was killed are never known"));
        let cut_off: Vec<_> =
            rows.iter().filter(|row| row.pid != rows[0].pid && row.phases.iter().any(|it| it.open)).collect();
        for row in &cut_off {
            let computes = row.phases.iter().any(|it| it.open && it.phase == Phase::Compute);
            let blocked = state(row, |it| it.blocked_ns);
            assert!(if computes { blocked < 0.1 } else { blocked > 0.5 }, "{how}: {row:#?}");
        }
        let computing = |row: &&&WorkerAccount| row.phases.iter().any(|it| it.open && it.phase == Phase::Compute);
        let expected = if how == "terminate" { (cut_off.len(), 0) } else { (2, 1) };
        assert_eq!((cut_off.len(), cut_off.iter().filter(computing).count()), expected, "{how}: {rows:#?}");
    }
}

#[test]
fn thousands_of_short_threads_are_added_up() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    record(&lab, [python.as_os_str(), script("short_threads.py").as_os_str(), "2000".as_ref()]).well();
    let trial = accounts(&lab);
    assert_whole(&trial);
    // The main thread, the first 200 of the others, and the sum of the rest.
    assert_eq!(trial.workers.len(), 202);
    let sum = trial.workers.iter().find(|row| row.tid.is_none()).unwrap();
    assert_eq!(sum.thread.as_deref(), Some("(1800 that ended)"));
    let started = sum.phases.iter().find(|account| account.phase == Phase::Startup).unwrap();
    assert_eq!(started.entries, 1800);
}

#[test]
fn process_pools_of_every_start_method_come_to_their_end() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let ran = record(&lab, [python.as_os_str(), script("pool.py").as_os_str()]).well();
    assert_eq!(ran.stdout, "fork 3200000\nspawn 3200000\nforkserver 3200000\n");
    let trial = accounts(&lab);
    assert_whole(&trial);
    let mut pids: Vec<_> = trial.workers.iter().map(|row| row.pid).collect();
    pids.dedup();
    // Two workers each, the program itself, the resource tracker and the fork server.
    assert!(pids.len() >= 9, "{pids:?}");
}

#[test]
fn a_guest_breaks_nothing_and_sees_every_wait() {
    let lab = Lab::new();
    let program = compiled(&lab, "guest.c");
    record(&lab, [&program]).well();
    let trial = accounts(&lab);
    assert_whole(&trial);
    let waiter = &trial.workers[1];
    let waited = waiter.phases.iter().find(|account| account.phase == Phase::OtherLock).unwrap();
    assert!(waited.wall_ns >= 190_000_000 && waited.entries >= 4, "{waiter:#?}");
    assert_eq!(waiter.wall_in(Phase::LockWait) + waiter.wall_in(Phase::SwitchWait), 0);
    // The unannounced child slept, and the one of vfork became another program.
    let rows = commands(&trial);
    let guest = rows.iter().find(|it| it.0.ends_with("guest")).unwrap();
    assert_eq!(guest.1, 5, "main, three threads, the child that nobody announced: {rows:?}");
    assert!(rows.iter().any(|it| it.0 == "true"), "{rows:?}");
    let child =
        trial.workers.iter().find(|row| row.pid != trial.workers[0].pid && row.wall_in(Phase::Idle) >= 15_000_000);
    assert!(child.is_some(), "{:#?}", trial.workers);
}

/// Compiles one of this test's programs in C.
fn compiled(lab: &Lab, source: &str) -> PathBuf {
    let program = lab.path(source.trim_end_matches(".c"));
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built =
        Command::new(compiler).args(["-std=gnu11", "-O1", "-pthread", "-o"]).arg(&program).arg(script(source)).status();
    assert!(built.expect("a C compiler is installed").success());
    program
}

#[test]
fn every_way_to_start_a_program_is_seen_from_the_moment_that_it_was_asked_for() {
    let lab = Lab::new();
    let ran = record(&lab, [compiled(&lab, "starts.c")]).well();
    let trial = accounts(&lab);
    assert_whole(&trial);
    let named = |name: &str| {
        let of_name = trial.workers.iter().filter(|row| row.command.as_deref().unwrap().starts_with(name));
        of_name.collect::<Vec<_>>()
    };
    if cfg!(target_arch = "x86_64") {
        for name in ["by-execl -c", "by-execlp -c", "by-execle -c"] {
            let programs = named(name);
            assert_eq!(programs.len(), 1, "{name}: {:#?}", trial.workers);
            // What the child was before has written its own end.
            let before =
                trial.workers.iter().filter(|row| row.pid == programs[0].pid).min_by_key(|row| row.index).unwrap();
            assert!(before.index < programs[0].index && before.phases.iter().all(|it| !it.open), "{before:#?}");
        }
    }
    let waited: Vec<u64> = ran.stdout.lines().map(|line| line.parse().unwrap()).collect();
    let spawned = named("spawned -c");
    assert_eq!(spawned.len(), 2, "{:#?}", trial.workers);
    for (row, waited_ns) in [(spawned[0], waited[0]), (named("vforked -c")[0], waited[1])] {
        let startup_ns = row.wall_in(Phase::Startup);
        // The parent went on when the child's new program had begun, and the dynamic loader is a part of startup, too.
        assert!(startup_ns >= waited_ns - waited_ns / 10, "{startup_ns} of {waited_ns} ns: {row:#?}");
    }
    assert!(trial.workers.iter().all(|row| !row.notes.iter().any(|note| note.contains("not recorded"))));
}

#[test]
fn ordinary_programs_run_unharmed() {
    let lab = Lab::new();
    let ran = record(&lab, ["sh", "-c", "echo out; echo err >&2; read line; echo \"$line\"; exit 7"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (7, "out\n\n"), "{ran}");
    assert!(ran.stderr.starts_with("err\n"), "{ran}");
    record(&lab, ["bash", "-c", "true; /bin/true; (true) | cat; exec /bin/true"]).well();
    assert_whole(&accounts(&lab));
    assert_eq!(record(&lab, ["sh", "-c", "kill -9 $$"]).code, 128 + 9);
    let missing = record(&lab, ["/nonexistent/program"]);
    assert!(missing.code == 127 && missing.stderr.contains("cannot run /nonexistent/program"), "{missing}");
}

#[test]
fn signals_reach_the_command() {
    let lab = Lab::new();
    let script = "trap 'echo told; exit 3' TERM; echo ready > ready; while :; do sleep 0.05; done";
    let running = lab.start_gilctl(&["record", "--no-keep", "--", "sh", "-c", script]);
    wait_for("the command is ready", || lab.path("ready").exists().then_some(()));
    running.signal(Signal::SIGTERM);
    let ran = running.finish();
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "told\n"), "{ran}");
}

#[test]
fn a_recording_is_kept_like_every_run_and_written_like_every_export() {
    let lab = Lab::new();
    let ran = lab.gilctl(&["record", "-o", "rows.jsonl", "--", "sh", "-c", "sleep 0.5"]).well();
    assert!(ran.stderr.contains("sh -c sleep 0.5") && ran.stderr.contains("gilctl show 1"), "{ran}");
    let run: Run = lab.show(1);
    assert_eq!(
        (run.head.status, run.head.name.as_str(), run.head.kernel.as_str()),
        (RunStatus::Done, "sh -c sleep 0.5", "record")
    );
    let line = &run.summary.cases[0];
    assert_eq!((line.tasks, line.tasks_per_s), (None, None), "a program is not cut into tasks");
    let shares = line.workers.as_ref().unwrap();
    assert!(shares.io_wait + shares.idle > 0.75, "the shell waits for its child, which sleeps: {shares:?}");
    lab.gilctl(&["ls"]).well().says(["sh -c sleep 0.5"]);
    lab.gilctl(&["show", "1", "--workers"]).well().says(["sleep 0.5", "io-wait", "balance"]);
    lab.gilctl(&["watch", "1"]).well();
    let advised = lab.gilctl(&["advise", "1"]).ended_with(8);
    let advised = advised.says(["The program used 0.0", "its threads spent", "gilctl show 1 --workers"]);
    assert!(!advised.stdout.contains("Not enough evidence"), "{advised}");
    let exported = lab.gilctl(&["export", "1", "--format", "jsonl"]).well();
    assert_eq!(std::fs::read_to_string(lab.path("rows.jsonl")).unwrap(), exported.stdout);
    let rows: Vec<AccountRow> = {
        let answer = lab.ask("GET", "/v1/runs/1/accounts", "");
        answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert!(rows.iter().all(|row| row.thread.is_some() && row.command.is_some()));
    let again = lab.ask("POST", "/v1/runs", &serde_json::to_string(&run.experiment).unwrap());
    assert_eq!(again.status, 422, "what was recorded cannot be run: {again:?}");
}

#[test]
fn a_recording_that_does_not_add_up_is_refused() {
    let lab = Lab::new();
    let refused = |body: &str| lab.ask("POST", "/v1/recordings", body);
    assert_eq!(refused("{}").status, 400);
    record(&lab, ["true"]).well();
    let trial = accounts(&lab);
    let mut body = serde_json::json!({
        "command": ["true"], "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z",
        "ended": { "exited": 0 }, "trial": trial,
    });
    assert_eq!(refused(&body.to_string()).status, 201);
    body["trial"]["workers"][0]["accounted_ns"] = 1.into();
    let answer = refused(&body.to_string());
    assert!(answer.status == 422 && answer.body.contains("accounted_ns: is not the sum"), "{answer:?}");
}

#[test]
fn without_a_daemon_a_recording_is_shown_and_written() {
    let lab = Lab::empty();
    let ran = lab.gilctl(&["record", "--no-keep", "-o", "rows.csv", "--", "true"]).well();
    assert!(ran.stderr.contains("1 thread of 1 process"), "{ran}");
    assert!(std::fs::read_to_string(lab.path("rows.csv")).unwrap().lines().count() > 1);
    let ran = lab.gilctl(&["--no-start", "record", "--", "true"]).well();
    assert!(ran.stderr.contains("the recording is not kept"), "{ran}");
    assert!(!lab.socket().exists(), "no daemon was started");
    let refused = lab.gilctl(&["record", "-o", "rows.txt", "--", "touch", "mark"]);
    assert!(refused.code == 2 && !lab.path("mark").exists(), "{refused}");
}

#[test]
fn whoever_finds_no_recording_runs_as_if_nothing_were_there() {
    let lab = Lab::empty();
    let library = lab.binaries().preload();
    for address in [None, Some("/proc/1/fd/99999"), Some("/dev/null"), Some("")] {
        let mut command = lab.command("sh");
        command.args(["-c", "echo $(echo fine)"]).env("LD_PRELOAD", &library);
        command.envs(address.map(|it| ("GILD_RECORDING", it)));
        let ran = program::run(&mut command);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "fine\n", ""), "{ran}");
    }
}

#[test]
fn other_peoples_programs_run_under_it() {
    let lab = Lab::new();
    lab.write("hello.c", "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n");
    record(&lab, ["cc", "-O1", "hello.c", "-o", "hello"]).well();
    assert_eq!(record(&lab, ["./hello"]).well().stdout, "hello\n");
    let static_program = record(&lab, ["cc", "-static", "hello.c", "-o", "static"]);
    if static_program.code != 0 {
        return skipped("a static program", "there is no static libc");
    }
    let ran = record(&lab, ["./static"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{ran}");
    assert_eq!(accounts(&lab).workers, [], "nothing can be said of it");
    assert_eq!(record(&lab, ["sh", "-c", "./static; true"]).well().stdout, "hello\n");
    let notes: Vec<_> = accounts(&lab).workers.iter().flat_map(|row| row.notes.clone()).collect();
    assert!(notes.iter().any(|note| note.starts_with("1 program not recorded")), "{notes:?}");
}
