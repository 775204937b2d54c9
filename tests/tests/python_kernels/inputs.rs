//! Where arguments come from, what is called before tasks, and what results must be to be compared.

use gild_tests::pythons;

use crate::{call, lab, run, trials};

#[test]
fn arguments_come_from_options_a_file_or_a_function_and_are_the_same() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    lab.write("inputs.jsonl", "[0]\n[1]\n\n[2]\n[3]\n[4]\n");
    let digest = |options: &str| {
        let run = run(&lab, "echo", &python, &format!("{options} --workers 2"));
        assert_eq!(run.summary.results_identical, Some(true));
        let trials = trials(&lab, &run);
        assert_eq!(trials[0].tasks_done, 5);
        trials[0].digest.clone().unwrap()
    };
    let of_file = digest("--inputs-file inputs.jsonl");
    assert_eq!(digest("--inputs-from functions:inputs"), of_file);
    assert_ne!(digest("--args [0] --tasks 5"), of_file);
    let text = format!(
        "repetitions = 1\nwarmups = 0\n[python]\ncall = 'functions:echo'\ninterpreter = '{}'\ninputs = [[0], [1], [2], [3], [4]]\n\
         [[case]]\nmodel = 'processes'\nworkers = 2\nchunk = 2\n",
        python.display()
    );
    let file = lab.write("each.toml", &text);
    let ran = lab.gilctl(&["run", file.to_str().unwrap(), "--json"]).well();
    let run: gild_model::run::Run = ran.json();
    assert_eq!(trials(&lab, &run)[0].digest, Some(of_file));
}

#[test]
fn a_setup_is_called_once_wherever_tasks_run() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let options = "--args [0] --tasks 6 --workers 2 --setup functions:setup --start fork,spawn";
    let run = run(&lab, "is_ready", &python, options);
    let always = crate::run(&lab, "echo", &python, "--args [] --tasks 1 --model sequential");
    assert_eq!(run.summary.results_identical, Some(true), "{:?}", run.summary.notes);
    assert_ne!(trials(&lab, &run)[0].digest, trials(&lab, &always)[0].digest);
}

#[test]
fn results_that_differ_fail_the_run_unless_they_may() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let differs = call(&lab, "number", &python, "--args [0] --tasks 2 --workers 2");
    assert!(differs.code != 0 && differs.stdout.contains("results differ"), "{differs}");
    run(&lab, "number", &python, "--args [0] --tasks 2 --workers 2 --not-deterministic");
    let no_digest = run(&lab, "lock", &python, "--args [0] --tasks 2 --workers 2 --model sequential,threads");
    let notes = no_digest.summary.notes.join("\n");
    assert!(notes.contains("results were not compared: the result of task 0: a lock cannot be taken apart"), "{notes}");
}
