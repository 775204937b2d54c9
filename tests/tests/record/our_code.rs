//! The Python code of gild in somebody else's interpreter: what the program sees of it, and what is said where it is not.

use std::fs;

use gild_tests::lab::Lab;
use gild_tests::program::{self, Ran};

use crate::{accounts, pythons, record, script};

/// All that is said of a recording as a whole.
fn notes(lab: &Lab) -> Vec<String> {
    crate::notes(&accounts(lab)).into_iter().cloned().collect()
}

fn lines_of_errors(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().take(2).collect()
}

#[test]
fn a_program_sees_nothing_of_it() {
    let lab = Lab::new();
    for python in pythons::with_lock().into_iter().chain(pythons::free_threaded()) {
        let script = script("transparent.py");
        let line = [python.as_os_str(), script.as_os_str()];
        let bare = program::run(lab.command(line[0]).arg(line[1])).well();
        let recorded = record(&lab, line).well();
        assert_eq!(recorded.stdout, bare.stdout, "{}", python.display());
        assert_eq!(notes(&lab), Vec::<String>::new(), "{}", python.display());
    }
}

#[test]
fn a_sitecustomize_of_the_users_is_imported_as_without_it() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    for (name, text) in [("good", "import sys\nsys.users_own = __file__\n"), ("bad", "raise ValueError('mine')\n")] {
        fs::create_dir(lab.path(name)).unwrap();
        lab.write(&format!("{name}/sitecustomize.py"), text);
        let look = "import sys; print(sys.users_own, sys.modules['sitecustomize'].__file__) if hasattr(sys, 'users_own') else 0";
        let in_folder = |mut command: std::process::Command| {
            program::run(command.arg(&python).args(["-c", look]).env("PYTHONPATH", lab.path(name))).well()
        };
        let bare = in_folder(lab.command("env"));
        let mut recorded = lab.gilctl_command(&["record", "--no-keep", "--"]);
        recorded.arg("env");
        let recorded = in_folder(recorded);
        assert_eq!(recorded.stdout, bare.stdout, "{name}");
        if name == "bad" {
            assert_eq!(lines_of_errors(&recorded), lines_of_errors(&bare));
            assert!(bare.stderr.contains("ValueError: mine"), "{bare}");
        }
    }
}

#[test]
fn an_interpreter_that_does_not_run_it_is_noted() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    for option in ["-I", "-E", "-S"] {
        record(&lab, [python.as_os_str(), option.as_ref(), "-c".as_ref(), "import threading".as_ref()]).well();
        let notes = notes(&lab);
        assert!(
            notes.iter().any(|it| it.starts_with("1 process of Python did not run gild's code")),
            "{option}: {notes:?}"
        );
    }
    record(&lab, ["true"]).well();
    assert_eq!(notes(&lab), Vec::<String>::new());
}

#[test]
fn a_library_that_lacks_something_is_noted_and_does_not_notice() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    lab.write("queue.py", "SPECIAL = 3\n");
    lab.write("app.py", "import queue\nprint(queue.SPECIAL)\n");
    let ran = record(&lab, [python.as_os_str(), lab.path("app.py").as_os_str()]).well();
    assert_eq!(ran.stdout, "3\n");
    let notes = notes(&lab);
    assert!(notes.iter().any(|it| it.starts_with("this Python's queue lacks something")), "{notes:?}");
}
