//! The interpreters that are here: every version, a free-threaded one, sub-interpreters, virtual environments, shims.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gild_model::account::Role;
use gild_tests::lab::Lab;
use gild_tests::{pythons, skipped};

use crate::{LOCK, call, lab, rows, run, share, trials};

/// The second number of a version.
fn minor(python: &Path) -> u32 {
    let output = Command::new(python).args(["-c", "import sys; print(sys.version_info[1])"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn several_interpreters_are_compared_in_one_run() {
    let pythons: Vec<PathBuf> = pythons::with_lock().into_iter().chain(pythons::free_threaded()).collect();
    let Some(all) = pythons.iter().map(|it| it.to_str()).collect::<Option<Vec<_>>>().filter(|it| !it.is_empty()) else {
        return;
    };
    let lab = lab();
    let options = "--args [3] --tasks 6 --workers 2 --model sequential,threads,processes,asyncio --start fork,spawn";
    let run = run(&lab, "values", Path::new(&all.join(",")), options);
    assert_eq!(run.summary.results_identical, Some(true), "{:?}", run.summary.notes);
    let interpreters = &run.experiment.python.as_ref().unwrap().interpreters;
    assert_eq!(interpreters.len(), all.len());
    for trial in trials(&lab, &run) {
        assert_eq!(trial.tasks_done, 6);
        assert!(trial.workers.iter().all(|row| row.balanced == Some(true)), "{trial:#?}");
    }
    let text = lab.gilctl(&["show", "1"]).well().stdout;
    assert!(interpreters.iter().all(|it| text.contains(&it.in_words())), "{text}");
    let csv = lab.gilctl(&["export", "1", "--format", "csv"]).well().stdout;
    assert!(all.iter().all(|python| csv.contains(&format!(",{python},"))), "the export says whose row it is");
}

#[test]
fn a_free_threaded_interpreter_has_no_lock_to_wait_for() {
    let Some(python) = pythons::free_threaded() else { return };
    let lab = lab();
    let run = run(&lab, "burn", &python, "--args [400000] --tasks 8 --workers 4 --model threads");
    assert!(!run.experiment.python.as_ref().unwrap().interpreters[0].gil);
    assert!(share(&rows(&trials(&lab, &run)[0], Role::Worker), LOCK) < 0.02);
}

/// An interpreter with its own loader, as a script that starts it.
fn with_own_loader(lab: &Lab) -> Option<PathBuf> {
    let (loader, root) = pythons::with_own_libc()?;
    let (loader, root) = (loader.display(), root.display());
    let line = format!("{loader} --library-path {root}/usr/lib/x86_64-linux-gnu {root}/usr/bin/python3.14");
    let path = lab.write("python3.14", &format!("#!/bin/sh\nPYTHONHOME={root}/usr exec {line} \"$@\"\n"));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    Some(path)
}

#[test]
fn sub_interpreters_have_a_lock_each_from_3_12_on() {
    let lab = lab();
    let (new, old): (Vec<_>, Vec<_>) = pythons::with_lock().into_iter().partition(|it| minor(it) >= 12);
    let new: Vec<_> = new.into_iter().chain(with_own_loader(&lab)).collect();
    if new.is_empty() {
        skipped("sub-interpreters", "there is no Python 3.12 or later");
    }
    for python in new {
        let options =
            "--args [300000] --tasks 8 --workers 2 --model sequential,subinterpreters --setup functions:setup";
        let run = run(&lab, "burn", &python, options);
        assert_eq!(run.summary.results_identical, Some(true), "{}", python.display());
        let trials = trials(&lab, &run);
        let workers = rows(&trials[1], Role::Worker);
        assert_eq!((workers.len(), trials[1].tasks_done), (2, 8));
        assert!(share(&workers, LOCK) < 0.2, "{}: {workers:#?}", python.display());
    }
    for python in old.iter().take(1) {
        let refused = call(&lab, "burn", python, "--args [1] --workers 2 --model subinterpreters");
        assert!(refused.stderr.contains("from CPython 3.12 on"), "{refused}");
    }
}

#[test]
fn a_virtual_environment_is_kept_and_a_shim_is_resolved() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = lab();
    let shim = lab.write("shim", &format!("#!/bin/sh\nexec {} \"$@\"\n", python.display()));
    std::fs::set_permissions(&shim, PermissionsExt::from_mode(0o755)).unwrap();
    let executable = |python: &Path| {
        let run = run(&lab, "echo", python, "--args [1] --model sequential,processes --workers 1 --start spawn");
        run.experiment.python.unwrap().interpreters[0].executable.clone()
    };
    assert_eq!(executable(&shim), python);
    let venv = Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(lab.path("venv")).output().unwrap();
    if !venv.status.success() {
        return skipped("virtual environments", &String::from_utf8_lossy(&venv.stderr));
    }
    let inside = lab.path("venv/bin/python");
    assert_eq!(executable(&inside), inside);
}
