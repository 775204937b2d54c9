//! Every model: the same results, whole books, and the phases that it must have.

use gild_model::account::Role;
use gild_model::lock_wait::HoldingFunction;
use gild_model::phase::Phase;
use gild_model::trial::Trial;
use gild_tests::pythons;

use crate::{LOCK, lab, rows, run, share, trials};

/// What must hold of every trial.
#[track_caller]
fn assert_whole(trial: &Trial, tasks: u64, workers: usize) {
    assert_eq!((trial.tasks_planned, trial.tasks_done), (Some(tasks), tasks), "{trial:#?}");
    let times = trial.task_times.first().unwrap();
    assert_eq!((times.planned, times.total.figures.count), (tasks, tasks), "{times:?}");
    assert_eq!(rows(trial, Role::Worker).len(), workers, "{trial:#?}");
    for row in &trial.workers {
        assert_eq!(row.balanced, Some(true), "{row:#?}");
        assert_eq!(row.accounted_ns, row.phases.iter().map(|account| account.wall_ns).sum::<u64>());
    }
    // Whoever works lives within the wall time, but for the moments in which it is asked for.
    let wall_ns = trial.wall_ns.unwrap();
    for row in trial.workers.iter().filter(|row| row.role != Role::Helper) {
        assert!(row.accounted_ns < wall_ns + 50_000_000, "{row:#?} of {wall_ns}");
    }
}

#[test]
fn every_model_gives_the_same_results_and_whole_books() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let options =
        "--args [7] --tasks 12 --workers 2 --model sequential,threads,processes,asyncio --start fork,spawn,forkserver";
    let run = run(&lab, "values", &python, options);
    assert_eq!(run.summary.results_identical, Some(true), "{:?}", run.summary.notes);
    let names: Vec<_> = run.experiment.cases.iter().map(|case| case.name.as_str()).collect();
    let processes = ["processes-2", "processes-2-spawn", "processes-2-forkserver"];
    assert_eq!(names, [&["sequential", "threads-2"][..], &processes, &["event-loop-2"]].concat());
    let trials = trials(&lab, &run);
    assert_eq!(trials.len(), 6);
    for (trial, workers) in trials.iter().zip([1, 2, 2, 2, 2, 1]) {
        assert_whole(trial, 12, workers);
        assert!(trial.digest.is_some() && trial.digest == trials[0].digest);
    }
    for trial in [&trials[0], &trials[5]] {
        assert_eq!(trial.workers.len(), 1, "one thread is all there is");
    }
    for trial in &trials[2..5] {
        assert_eq!(rows(trial, Role::Coordinator).len(), 1);
        let helpers: Vec<_> = rows(trial, Role::Helper).into_iter().filter_map(|row| row.thread.as_deref()).collect();
        assert!(["QueueFeeder", "ExecutorManager"].iter().all(|name| helpers.contains(name)), "{helpers:?}");
        let pids: Vec<_> = rows(trial, Role::Worker).into_iter().map(|row| row.pid).collect();
        assert_ne!(pids[0], pids[1], "each is a process");
    }
    let started = |trial: &Trial| rows(trial, Role::Worker).iter().map(|row| row.wall_in(Phase::Startup)).sum::<u64>();
    assert!(started(&trials[3]) > started(&trials[2]), "an interpreter has to be started");
    let [interpreter] = &run.experiment.python.as_ref().unwrap().interpreters[..] else { panic!("there is one") };
    assert!(interpreter.gil && interpreter.version.starts_with("3."), "{interpreter:?}");
}

#[test]
fn threads_wait_for_the_lock_unless_the_function_gives_it_away() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let busy = run(&lab, "burn", &python, "--args [400000] --tasks 16 --workers 4 --model threads");
    let workers = &trials(&lab, &busy)[0];
    // Three of four wait.
    assert!(share(&rows(workers, Role::Worker), LOCK) > 0.5, "{:#?}", busy.summary.cases);
    let free = run(&lab, "release", &python, "--args [400] --tasks 16 --workers 4 --model threads");
    let workers = &trials(&lab, &free)[0];
    assert!(share(&rows(workers, Role::Worker), LOCK) < 0.2, "{:#?}", free.summary.cases);
}

#[test]
fn whoever_keeps_others_waiting_in_a_single_operation_is_named_and_nobody_of_ours() {
    for python in pythons::with_lock() {
        let lab = lab();
        for (function, args, file) in [("single", "[3000000]", "functions.py"), ("native", "[20000]", "math")] {
            let run = run(&lab, function, &python, &format!("--args {args} --tasks 16 --workers 4 --model threads"));
            let trial = &trials(&lab, &run)[0];
            let holders = trial.holders.as_ref().unwrap();
            let ours = |it: &HoldingFunction| it.file.as_ref().is_some_and(|file| file.contains("gild_"));
            assert!(!holders.iter().any(ours), "{python:?}: {holders:#?}");
            let name = if function == "native" { "factorial" } else { function };
            let top = &holders[0];
            assert_eq!(top.function.as_deref(), Some(name), "{python:?}: {holders:#?}");
            assert!(top.file.as_ref().is_some_and(|it| it.ends_with(file)), "{python:?}: {top:?}");
            assert_eq!(top.line.is_some(), function == "single", "what is not in Python has no line: {top:?}");
        }
    }
}

#[test]
fn results_are_encoded_by_workers_and_decoded_by_a_thread_of_the_executors() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let options = "--args [4000000] --tasks 8 --workers 2 --model threads,processes";
    let run = run(&lab, "large", &python, options);
    assert_eq!(run.summary.results_identical, Some(true));
    let trials = trials(&lab, &run);
    let in_values = |trial: &Trial, role, phase| rows(trial, role).iter().map(|row| row.wall_in(phase)).sum::<u64>();
    let [threads, processes] = &trials[..] else { panic!("two cases") };
    assert_eq!(in_values(threads, Role::Worker, Phase::Encode), 0, "what stays in memory is not encoded");
    for (role, phase) in [
        (Role::Worker, Phase::Encode),
        (Role::Worker, Phase::Send),
        (Role::Helper, Phase::Receive),
        (Role::Helper, Phase::Decode),
    ] {
        assert!(in_values(processes, role, phase) > 0, "{role:?} {phase}: {processes:#?}");
    }
}

#[test]
fn an_event_loop_waits_for_all_tasks_at_once() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let options = "--args [0.05] --tasks 20 --model sequential,asyncio,threads --workers 20";
    let run = run(&lab, "nap", &python, options);
    let walls: Vec<f64> = run.summary.cases.iter().map(|case| case.wall_ns.as_ref().unwrap().median).collect();
    // Twenty times as fast on an idle machine.
    assert!(walls[0] > 3.0 * walls[1], "{walls:?}");
    let trials = trials(&lab, &run);
    assert!(share(&rows(&trials[1], Role::Worker), &[Phase::IoWait]) > 0.3, "{:#?}", trials[1]);
    let blocked = crate::run(&lab, "burn", &python, "--args [1000] --tasks 4 --model asyncio");
    let notes = blocked.summary.notes.join("\n");
    assert!(notes.contains("blocks the event loop"), "{notes}");
}

#[test]
fn the_articles_experiment_is_a_file() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let configs = gild_tests::binaries::repository().join("configs");
    let text = std::fs::read_to_string(configs.join("article-python.toml")).unwrap();
    std::fs::copy(configs.join("article.py"), lab.path("article.py")).unwrap();
    let interpreter = format!("[python]\ninterpreter = \"{}\"", python.display());
    let file = lab.write("article-python.toml", &text.replace("[python]", &interpreter));
    let ran = lab.gilctl(&["run", file.to_str().unwrap(), "--tasks", "4", "--repeat", "1", "--warmups", "0"]).well();
    for words in ["article:process", "GIL", "sequential", "threads", "processes", "All results are identical"] {
        assert!(ran.stdout.contains(words), "{words}: {ran}");
    }
    let trials = lab.trials(1);
    assert!(
        trials.iter().all(|trial| trial.output.as_ref().is_some_and(|it| it.contains("thread "))),
        "each call prints"
    );
}
