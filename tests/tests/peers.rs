//! The script that runs other people's profilers side by side (`tests/peers`): its own tests, which need Python and nothing else.
//!
//! The peers themselves are not run here: they come over the network, and what they cost takes many minutes to measure.

use std::process::Command;

use gild_tests::binaries::repository;
use gild_tests::{program, skipped};

/// A Python that the script supports, or why there is none.
fn python() -> Result<(), String> {
    let asked = Command::new("python3").args(["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).output();
    match asked {
        Err(error) => Err(format!("no python3: {error}")),
        Ok(asked) if !asked.status.success() => Err("python3 is older than 3.8, or does not run".to_owned()),
        Ok(_) => Ok(()),
    }
}

#[test]
fn the_parts_of_the_script_do_what_they_say() {
    if let Err(why) = python() {
        return skipped("the tests of tests/peers", &why);
    }
    let folder = repository().join("tests/peers");
    let ran = program::run(Command::new("python3").args(["-B", "-m", "unittest"]).current_dir(folder)).well();
    // An older Python calls it a success if it finds no test.
    let count = ran.stderr.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= 30), "{ran}");
}

#[test]
fn the_script_says_what_can_be_asked_of_it() {
    if let Err(why) = python() {
        return skipped("the command line of tests/peers/run", &why);
    }
    let script = repository().join("tests/peers/run");
    let run = |words: &[&str]| program::run(Command::new("python3").arg("-B").arg(&script).args(words));
    run(&["--help"]).well().says(["--pairs", "--only", "--json", "--quick"]);
    run(&["--only", "nobody"]).ended_with(2).complains(["there is no peer nobody", "py-spy", "austin"]);
    run(&["--workloads", "nothing"]).ended_with(2).complains(["there is no nothing", "contended"]);
    run(&["--python", "/nowhere/python3"]).ended_with(1).complains(["cannot run /nowhere/python3", "--python"]);
}
