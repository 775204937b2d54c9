//! What cannot be run is refused before anything starts; what fails, fails in the user's words; nobody is left behind.

use gild_model::run::RunStatus;
use gild_tests::pythons;
use gild_tests::waiting::wait_for;

use crate::{call, lab};

#[test]
fn what_cannot_be_run_is_refused_with_the_reason() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    lab.write("wrong.jsonl", "[1]\n{\"a\": 1}\n");
    lab.write("broken.py", "import not_there_at_all\n");
    let refused = |function: &str, options: &str, expected: &str| {
        let ran = call(&lab, function, &python, &format!("{options} --workers 2"));
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.contains(expected), "{expected}: {ran}");
    };
    refused("absent", "", "call: functions has no absent");
    refused("version", "", "is no function but of type");
    refused("nameless", "", "cannot be sent to other processes");
    refused("echo", "--args 30", "expected a JSON array");
    refused("echo", "--inputs-file wrong.jsonl", "wrong.jsonl:2: expected a JSON array of arguments");
    refused("echo", "--inputs-file absent.jsonl", "absent.jsonl: No such file or directory");
    refused("echo", "--inputs-from functions:wrong_inputs", "gave a int; expected a tuple");
    refused("echo", "--setup functions:absent", "setup: functions has no absent");
    refused("echo", "--lock none", "the interpreter has its own lock");
    refused("echo", "--model hybrid", "no executor of Python's");
    let of = |what: &str| lab.gilctl(&["run", what, "--python", python.to_str().unwrap(), "--workers", "2"]);
    let missing = of("no_such_module:f");
    assert!(missing.stderr.contains("there is no module no_such_module in "), "{missing}");
    let broken = of("broken:f");
    let said = "call: broken cannot be imported: ModuleNotFoundError: No module named 'not_there_at_all'";
    assert!(broken.stderr.contains(said) && broken.stderr.contains("broken.py\", line 1"), "{broken}");
    let none = call(&lab, "echo", "/nowhere/python".as_ref(), "--workers 2");
    assert!(none.stderr.contains("there is no /nowhere/python that can be run"), "{none}");
    assert_eq!(lab.get::<Vec<gild_model::run::RunHead>>("/v1/runs"), [], "nothing was started");
}

#[test]
fn what_fails_names_task_process_and_reason() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    lab.write("five.jsonl", "[0]\n[1]\n[2]\n[3]\n[4]\n");
    let fails = |function: &str, options: &str, expected: &[&str]| {
        let ran = call(&lab, function, &python, &format!("--inputs-file five.jsonl {options}"));
        assert_ne!(ran.code, 0, "{ran}");
        assert!(expected.iter().all(|it| ran.stdout.contains(it)), "{expected:?}: {ran}");
        lab.assert_no_trial_is_left();
    };
    let models = "--workers 2 --model sequential,threads,processes,asyncio";
    fails(
        "fails",
        models,
        &["task 3: ValueError: number 3 is bad", "functions.py\", line", "(and 3 more cases failed)"],
    );
    let ends = ["exited with status 7", "was running task 3", "a task must not end its process"];
    fails("ends", "--workers 2 --model threads", &ends);
    let ended = ["exited with status 7 while running task 3", "worker "];
    fails("ends", "--workers 2 --model processes --start spawn", &ended);
    fails("is_killed", "--workers 2 --model processes", &["was killed by SIGKILL while running task 3"]);
    let limit = ["task 3 took longer than the task limit of 1 s"];
    fails("endless", "--workers 2 --model threads,processes --task-limit 1", &limit);
    fails("endless_wait", "--model asyncio --task-limit 1", &limit);
    fails("lock", "--workers 2 --model processes", &["task 0: it, or its result, could not be sent", "cannot pickle"]);
    let setup = ["setup: functions:no_setup failed: RuntimeError: no database"];
    fails("echo", "--workers 2 --model threads,processes --setup functions:no_setup", &setup);
}

#[test]
fn a_run_that_is_cancelled_leaves_nobody_and_so_does_a_daemon_that_dies() {
    let Some(python) = pythons::of_machine() else { return };
    let mut lab = lab();
    lab.write("five.jsonl", "[0]\n[1]\n[2]\n[3]\n[4]\n");
    let python = python.to_str().unwrap().to_owned();
    let options = ["--inputs-file", "five.jsonl", "--model", "processes", "--workers", "2", "--start", "spawn"];
    let line = [&["functions:endless", "--python", &python][..], &options].concat();
    for dies in [false, true] {
        let id = lab.submit(&line);
        let is_busy =
            || lab.processes().iter().filter(|it| it.line.contains("--multiprocessing-fork")).nth(1).map(|_| ());
        wait_for("both workers are there", is_busy);
        if dies {
            lab.crash_daemon();
            lab.assert_nobody_is_left();
        } else {
            lab.gilctl(&["cancel", &id.to_string()]).well();
            assert_eq!(lab.wait_for_end(id).head.status, RunStatus::Cancelled);
            lab.assert_no_trial_is_left();
        }
    }
}
