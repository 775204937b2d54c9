//! Kernels and plugins that misbehave. After each: an error that names the thing, no process left, nothing lost, and a
//! daemon that goes on.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use gild_model::account::WorkerAccount;
use gild_model::phase::Phase;
use gild_model::plugin::PluginList;
use gild_model::run::{Run, RunStatus};
use gild_model::trial::{Trial, TrialStatus};
use gild_tests::accounts::workers;
use gild_tests::compiled::{compile, compile_text};
use gild_tests::experiments::QUICK;
use gild_tests::lab::Lab;
use gild_tests::program::Ran;
use gild_tests::waiting::wait_for;

/// A world with a finished run, to see that it stays as it is.
struct World {
    lab: Lab,
    before: Vec<Trial>,
}

impl World {
    fn new() -> World {
        let lab = Lab::new();
        lab.gilctl(&QUICK).well();
        let before = lab.trials(1);
        assert_eq!(before.len(), 1);
        World { lab, before }
    }

    /// What has to hold after every fault.
    fn is_well(&self) {
        self.lab.assert_no_trial_is_left();
        assert_eq!(self.lab.trials(1), self.before, "what was stored is as it was");
        self.lab.gilctl(&QUICK).well();
    }

    /// Runs the faulty kernel once in every model and gives the run with its trials, one per case.
    fn run(&self, fault: &str, more: &[&str]) -> (Run, Vec<Trial>) {
        let fault = format!("fault={fault}");
        let line = ["run", "faulty", "--param", &fault, "--param", "at=2", "--workers", "2", "--start", "fork,spawn"];
        let models = ["--model", "sequential,threads,processes,subinterpreters,hybrid", "--threads-per-process", "2"];
        let repeat: &[&str] = if more.contains(&"--repeat") { &[] } else { &["--repeat", "1"] };
        let ran = self.lab.gilctl(&[&line[..], &models, repeat, &["--warmups", "0"], more].concat());
        let run = self.lab.show(2);
        let code = if run.head.status == RunStatus::Done { 0 } else { 1 };
        let ran = ran.ended_with(code);
        for trial in &run.trials {
            let error = trial.error.as_deref().unwrap_or_default();
            assert!(ran.stderr.contains(error), "gilctl does not say {error:?}: {ran}");
        }
        (run, self.lab.trials(2))
    }
}

const CASES: [&str; 7] = [
    "sequential",
    "threads-2",
    "processes-2",
    "processes-2-spawn",
    "subinterpreters-2",
    "hybrid-1x2",
    "hybrid-1x2-spawn",
];

/// The fault makes every case fail, each of them is tried, and the error of each has the texts.
fn fails_in_every_model(fault: &str, more: &[&str], texts: impl Fn(&str) -> Vec<&'static str>) -> Vec<Trial> {
    let world = World::new();
    let (run, trials) = world.run(fault, more);
    assert_eq!(run.head.status, RunStatus::Failed, "{fault}");
    let names: Vec<_> = run.experiment.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, CASES);
    assert_eq!(trials.len(), CASES.len(), "a case that fails does not keep the others from being tried");
    for trial in &trials {
        let name = CASES[trial.case as usize];
        let error = trial.error.as_deref().unwrap();
        assert_eq!(trial.status, TrialStatus::Failed, "{fault}, {name}");
        for text in texts(name) {
            assert!(error.contains(text), "{fault}, {name}: no {text:?} in {error:?}");
        }
        let told = run.summary.cases[trial.case as usize].error.as_deref();
        assert_eq!(told, Some(error), "{fault}, {name}");
    }
    let error = run.head.error.unwrap();
    assert!(error.contains("case \"sequential\": ") && error.contains("and 6 more cases failed"), "{error}");
    world.is_well();
    trials
}

fn is_in_processes(case: &str) -> bool {
    case.starts_with("processes") || case.starts_with("hybrid")
}

fn decodes(case: &str) -> bool {
    is_in_processes(case) || case.starts_with("subinterpreters")
}

/// Whoever died left its accounts up to its last breath: it was computing task 2.
fn check_last_accounts(trials: &[Trial]) {
    for trial in trials {
        let open = |row: &&WorkerAccount| row.phases.iter().any(|it| it.open && it.phase == Phase::Compute);
        let rows = workers([trial]);
        let dead: Vec<_> = rows.iter().copied().filter(open).collect();
        assert!(!dead.is_empty(), "nobody died computing: {trial:?}");
        let error = trial.error.as_deref().unwrap();
        assert!(dead.iter().any(|row| error.contains(&format!("(pid {})", row.pid.unwrap()))), "{error}: {dead:?}");
        assert!(trial.tasks_done < 4 && trial.tasks_planned == Some(4), "{trial:?}");
        assert_eq!((trial.digest.as_ref(), trial.verified), (None, None));
    }
}

#[test]
fn an_error_of_the_kernel_is_told_with_its_task() {
    fails_in_every_model("error", &[], |_| vec!["task 2 failed", "asked to fail in task 2"]);
}

#[test]
fn a_panic_is_told_with_its_message_and_its_task() {
    fails_in_every_model("panic", &[], |_| vec!["task 2 failed", "panicked: asked to panic in task 2"]);
}

#[test]
fn a_segmentation_fault_is_told_with_its_worker_and_its_task() {
    let trials = fails_in_every_model("segv", &[], |_| vec!["worker ", "was killed by SIGSEGV while running task 2"]);
    check_last_accounts(&trials);
}

#[test]
fn an_abort_is_told_with_its_worker_and_its_task() {
    let trials = fails_in_every_model("abort", &[], |_| vec!["worker ", "was killed by SIGABRT while running task 2"]);
    check_last_accounts(&trials);
}

#[test]
fn a_kernel_that_calls_exit_is_told_so() {
    let trials = fails_in_every_model("exit", &[], |case| match is_in_processes(case) {
        true => vec!["worker", "exited with status 7 while ", "running task 2"],
        false => vec!["the coordinator", "exited with status 7", "was running task 2", "must not call exit()"],
    });
    check_last_accounts(&trials);
}

#[test]
fn a_worker_that_is_killed_by_a_signal_nobody_can_catch_is_named_with_its_task() {
    let trials = fails_in_every_model("kill-worker", &[], |case| match is_in_processes(case) {
        true => vec!["worker", "was killed by SIGKILL while ", "running task 2"],
        false => vec!["the coordinator", "was killed by SIGKILL", "was running task 2", "dmesg"],
    });
    check_last_accounts(&trials);
}

#[test]
fn an_endless_task_is_ended_by_the_task_limit() {
    for fault in ["loop", "loop-polling"] {
        let limit = ["--task-limit", "0.3"];
        let texts = |_: &str| vec!["worker ", "task 2 took longer than the task limit of 0.3 s"];
        check_last_accounts(&fails_in_every_model(fault, &limit, texts));
    }
}

#[test]
fn an_endless_trial_is_ended_by_the_trial_limit() {
    let limit = ["--trial-limit", "0.5"];
    let texts = |_: &str| vec!["the trial limit of 0.5 s", "was running task 2"];
    check_last_accounts(&fails_in_every_model("loop", &limit, texts));
}

#[test]
fn wrong_results_are_found_by_the_kernels_own_check() {
    let trials =
        fails_in_every_model("wrong-result", &[], |_| vec!["the results are wrong", "the result of task 2 is 3"]);
    assert!(trials.iter().all(|trial| trial.verified == Some(false) && trial.tasks_done == 4));
}

#[test]
fn an_instance_that_cannot_be_made_is_told_in_the_kernels_words() {
    fails_in_every_model("create-error", &[], |_| vec!["asked to fail in create"]);
}

#[test]
fn a_plan_that_cannot_be_made_is_told_in_the_kernels_words() {
    fails_in_every_model("plan-error", &[], |_| vec!["asked to fail in plan at task 2"]);
    fails_in_every_model("plan-empty", &[], |_| vec!["plan", "no task"]);
}

#[test]
fn a_value_that_cannot_be_decoded_fails_the_cases_that_decode_and_no_other() {
    let world = World::new();
    let (run, trials) = world.run("decode-error", &["--repeat", "3"]);
    assert_eq!(run.head.status, RunStatus::Failed);
    for case in &run.summary.cases {
        let error = case.error.as_deref().unwrap_or_default();
        if decodes(&case.case.name) {
            assert!(error.contains("task 2") && error.contains("asked to fail in decode"), "{error}");
            assert_eq!((case.trials, case.failed), (0, 1), "a case that has failed is not tried again");
            assert!(case.workers.is_none() && case.wall_ns.is_none(), "no figures without a trial: {case:?}");
        } else {
            assert_eq!((case.trials, case.failed, error), (3, 0, ""), "the others go on");
        }
    }
    assert_eq!(trials.len(), 3 + 3 + 5);
    world.is_well();
}

#[test]
fn results_that_differ_between_cases_fail_the_run() {
    let world = World::new();
    let line = ["run", "faulty-deterministic", "--param", "fault=nondeterministic", "--model", "sequential,threads"];
    let ran = world.lab.gilctl(&[&line[..], &["--workers", "2", "--repeat", "1", "--warmups", "0"]].concat());
    let ran = ran.ended_with(1).says(["results differ: case \"sequential\", repetition 0 gave"]);
    assert!(ran.stdout.contains("NOT identical"), "{ran}");
    assert_eq!(world.lab.show(2).summary.results_identical, Some(false));
    world.is_well();
}

#[test]
fn what_a_kernel_leaves_running_is_killed_and_told() {
    let world = World::new();
    let (run, trials) = world.run("orphan", &[]);
    assert_eq!(run.head.status, RunStatus::Done);
    for trial in &trials {
        let notes: Vec<_> = trial.workers.iter().flat_map(|row| &row.notes).collect();
        assert!(notes.iter().any(|note| note.contains("outlived the trial")), "{notes:?}");
    }
    world.is_well();
}

#[test]
fn what_a_kernel_prints_is_kept_with_its_trial() {
    let world = World::new();
    let (_, trials) = world.run("print", &[]);
    for trial in &trials {
        let output = trial.output.as_deref().unwrap_or_default();
        for line in ["faulty: line 1 on standard output\n", "faulty: line 3 on standard error\n"] {
            assert!(output.contains(line), "no {line:?} in {:?} of {}", trial.output, CASES[trial.case as usize]);
        }
    }
    world.is_well();
}

/// A run of two processes whose tasks sleep for an hour.
fn start_sleeping(lab: &Lab) {
    let line = ["faulty", "--param=fault=slow", "--param=ms=3600000", "--model=processes", "--workers=2"];
    lab.submit(&[&line[..], &["--repeat=1", "--warmups=0"]].concat());
    wait_for("a coordinator and two workers are there", || (lab.trial_processes().len() == 3).then_some(()));
    wait_for("both are at work", || {
        let events = lab.ask("GET", "/v1/status", "");
        (events.status == 200 && lab.trials(1).is_empty()).then_some(())
    });
}

#[test]
fn a_worker_killed_from_outside_ends_its_trial_and_is_named() {
    let lab = Lab::new();
    start_sleeping(&lab);
    let processes = lab.trial_processes();
    let is_coordinator = |pid: u32| processes.iter().any(|it| it.parent == pid);
    let worker = processes.iter().find(|it| !is_coordinator(it.pid)).unwrap();
    worker.kill();
    let run = lab.wait_for_end(1);
    let error = run.head.error.unwrap();
    assert!(error.contains(&format!("(pid {}) was killed by SIGKILL", worker.pid)), "{error}");
    lab.assert_no_trial_is_left();
    lab.gilctl(&QUICK).well();
}

#[test]
fn a_coordinator_killed_from_outside_takes_its_workers_with_it_and_is_named() {
    let lab = Lab::new();
    start_sleeping(&lab);
    let processes = lab.trial_processes();
    let coordinator = processes.iter().find(|it| processes.iter().any(|other| other.parent == it.pid)).unwrap();
    coordinator.kill();
    let run = lab.wait_for_end(1);
    let error = run.head.error.unwrap();
    assert!(error.contains(&format!("the coordinator (pid {}) was killed by SIGKILL", coordinator.pid)), "{error}");
    lab.assert_no_trial_is_left();
    lab.gilctl(&QUICK).well();
}

/// A library is refused before anything starts: by `run`, which names it, what was found and what is expected.
fn refused(lab: &Lab, library: &Path, kernel: &str, texts: &[&str]) -> Ran {
    let path = library.to_str().unwrap();
    lab.gilctl(&["plugin", "info", path]).ended_with(2).complains([path]).complains(texts.iter().copied());
    let ran = lab.gilctl(&["run", kernel, "--plugin", path, "--model", "sequential"]);
    assert_eq!(lab.get::<Vec<gild_model::run::RunHead>>("/v1/runs"), [], "nothing was started");
    ran.ended_with(2).complains(["the experiment was refused", path]).complains(texts.iter().copied())
}

#[test]
fn libraries_that_are_no_plugins_are_refused_with_the_reason() {
    let lab = Lab::new();
    let folder = lab.path("home");
    let library = |name: &str| compile(name, &folder);
    refused(&lab, &lab.path("libmissing.so"), "k", &["No such file"]);
    refused(&lab, &lab.write("libtext.so", "not a library"), "k", &["cannot be opened as a library"]);
    refused(&lab, &library("wrong_major"), "k", &["wrong ABI version", "found 2", "expected 1"]);
    refused(&lab, &library("needs_newer_minor"), "k", &["1.9", "1.0"]);
    refused(&lab, &library("no_kernels"), "k", &["has no kernels"]);
    refused(&lab, &library("no_symbol"), "k", &["is not a gild plugin", "gild_plugin_v1"]);
    let mut cut = fs::read(lab.binaries().folder.join("libcpu_bound.so")).unwrap();
    cut.truncate(4096);
    fs::write(lab.path("libcut.so"), cut).unwrap();
    refused(&lab, &lab.path("libcut.so"), "k", &["libcut.so"]);
    refused(&lab, &lab.path("home"), "k", &["home"]);
    lab.gilctl(&QUICK).well();
}

#[test]
fn a_library_that_misbehaves_while_it_is_loaded_harms_nobody() {
    let lab = Lab::new();
    let check = |name: &str, body: &str, expected: &str| {
        let text = format!(
            "#include <stdlib.h>\n#include <signal.h>\nstatic __attribute__((constructor)) void at_load(void) {{ {body} }}\n"
        );
        let library = compile_text(name, &text, &lab.path("home"));
        let path = library.to_str().unwrap();
        let ran = lab.gilctl(&["run", "k", "--plugin", path, "--model", "sequential"]);
        ran.ended_with(2).complains([path, expected]);
        lab.gilctl(&QUICK).well();
    };
    check("aborts", "abort();", "killed by SIGABRT");
    check("faults", "*(volatile int *)8 = 1;", "killed by SIGSEGV");
    check("exits", "_Exit(7);", "exit status 7");
    check("hangs", "for (volatile int i = 0;;) i = 1;", "took longer than");
    let left: Vec<_> = lab.processes().into_iter().filter(|it| it.name == "gild-scan").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_folder_of_plugins_is_listed_with_those_that_cannot_be_used() {
    let lab = Lab::new();
    for name in ["wrong_major", "no_symbol"] {
        compile(name, &lab.path("plugins"));
    }
    let list: PluginList = lab.gilctl(&["plugin", "ls", "--json"]).well().json();
    assert_eq!(list.plugins.len(), lab.binaries().plugins().len());
    let refused: Vec<_> = list.refused.iter().map(|it| it.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(refused, ["libwrong_major.so"], "a library that does not claim to be a plugin is no news");
    lab.gilctl(&["plugin", "ls"]).well().says(["libwrong_major.so", "wrong ABI version"]);
    lab.gilctl(&["run", "nul", "--model", "sequential"]).ended_with(2).complains(["libwrong_major.so cannot be used"]);
}

#[test]
fn a_library_that_was_replaced_is_looked_at_again() {
    let lab = Lab::new();
    let library = lab.path("home/libnull.so");
    fs::copy(compile("wrong_major", &lab.path("home")), &library).unwrap();
    let path = library.to_str().unwrap();
    lab.gilctl(&["plugin", "info", path]).ended_with(2);
    fs::remove_file(&library).unwrap();
    fs::copy(lab.binaries().folder.join("libnull.so"), &library).unwrap();
    lab.gilctl(&["plugin", "info", path]).well().says(["null"]);
}

#[test]
fn a_kernel_that_the_library_does_not_have_is_refused_with_those_it_has() {
    let lab = Lab::new();
    let library = lab.path("plugins/libfaulty.so");
    let path = library.to_str().unwrap();
    let ran = lab.gilctl(&["run", "cpu-bound", "--plugin", path, "--model", "sequential"]);
    ran.ended_with(2).complains([path, "cpu-bound", "faulty, faulty-deterministic"]);
}

#[test]
fn parameters_that_do_not_fit_are_refused_before_anything_starts() {
    let lab = Lab::new();
    let check = |kernel: &str, param: &str, texts: &[&str]| {
        let ran = lab.gilctl(&["run", kernel, "--param", param, "--model", "sequential"]).ended_with(2);
        ran.complains(texts.iter().copied());
    };
    check("faulty", "colour=1", &["param.colour", "no such parameter", "fault, tasks, at, ms"]);
    check("faulty", "tasks=0", &["param.tasks: found 0, expected 1 to 1000000"]);
    check("faulty", "ms=3600001", &["param.ms: found 3600001, expected 0 to 3600000 ms"]);
    check("faulty", "fault=fire", &["param.fault: found \"fire\"", "none, error, panic"]);
    check("faulty", "tasks=many", &["param.tasks: found many, expected an integer"]);
    check("faulty", "tasks=1.5", &["param.tasks: found 1.5, expected an integer"]);
    assert_eq!(lab.get::<Vec<gild_model::run::RunHead>>("/v1/runs"), []);
    assert!(lab.trial_processes().is_empty());
}

#[test]
fn a_kernel_that_does_not_survive_a_fork_is_refused_there_with_the_way_out() {
    let lab = Lab::new();
    let library = compile("not_fork_safe", &lab.path("home"));
    let run = |more: &[&str]| {
        let line = ["run", "timid", "--plugin", library.to_str().unwrap(), "--workers", "3", "--repeat", "2"];
        lab.gilctl(&[&line[..], more].concat())
    };
    run(&["--model", "processes"]).ended_with(2).complains(["case \"processes-3\"", "timid", "use start = \"spawn\""]);
    let ran = run(&["--model", "sequential,threads,processes", "--start", "spawn", "--lock", "cpython,none"]).well();
    ran.says(["All results are identical and equal the known answer of timid."]);
}

#[test]
fn cores_that_are_not_there_are_refused_with_those_that_are() {
    let lab = Lab::new();
    let ran = lab.gilctl(&["run", "null", "--model", "sequential", "--pinning", "4000"]).ended_with(2);
    ran.complains(["pinning: found core 4000, expected one of: "]);
}
