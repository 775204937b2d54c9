//! What `gilctl doctor` says to users who may do less than root, and what they can measure all the same.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::Command;

use gild_model::host::{HostReport, Tier, Verdict};
use gild_model::trial::TrialStatus;
use gild_tests::lab::Lab;
use gild_tests::privileged::is_root;
use gild_tests::program::{self, Ran};
use gild_tests::skipped;

/// The user without any rights.
const NOBODY: u32 = 65_534;

/// A world that belongs to nobody, where nobody may run the programs; or why there is none.
fn world_of_nobody() -> Result<Lab, String> {
    if !is_root() {
        return Err("only root can become another user".to_owned());
    }
    let lab = Lab::empty();
    for name in ["", "run", "data", "state", "config", "home"] {
        chown(lab.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for program in [lab.binaries().gild(), lab.binaries().gilctl()] {
        let tried = Command::new(&program).arg("--version").uid(NOBODY).gid(NOBODY).output();
        if !tried.as_ref().is_ok_and(|output| output.status.success()) {
            return Err(format!("nobody may not run {}: {tried:?}", program.display()));
        }
    }
    Ok(lab)
}

/// Runs `gilctl` as nobody; it starts a private daemon, which is nobody's too.
fn gilctl(lab: &Lab, arguments: &[&str]) -> Ran {
    program::run(lab.gilctl_command(arguments).env("GILD_CONFIG", lab.path("gild.toml")).uid(NOBODY).gid(NOBODY))
}

fn paranoid() -> Option<i32> {
    fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?.trim().parse().ok()
}

#[test]
fn a_user_without_rights_is_told_what_is_missing_and_measures_the_rest() {
    let what = "doctor as nobody";
    let lab = match world_of_nobody() {
        Ok(lab) => lab,
        Err(why) => return skipped(what, &why),
    };
    let Some(level) = paranoid() else { return skipped(what, "this kernel has no perf events") };
    let report: HostReport = gilctl(&lab, &["doctor", "--json"]).well().json();
    let check = |name: &str| report.checks.iter().find(|it| it.name == name).unwrap();
    let (records, in_kernel) = (check("context-switch records"), check("events in the kernel"));
    match level {
        ..2 => assert!(report.counts_kernel && in_kernel.verdict == Verdict::Good, "{report:#?}"),
        2 => {
            assert!(!report.counts_kernel && records.verdict == Verdict::Good, "{report:#?}");
            assert!(in_kernel.remedy.as_ref().unwrap().contains("perf_event_paranoid=1"), "{in_kernel:?}");
            assert!(report.tier >= Tier::Software, "{report:#?}");
        }
        _ => {
            assert_eq!((report.tier, records.verdict), (Tier::Bare, Verdict::Bad), "{report:#?}");
            assert!(records.remedy.as_ref().unwrap().contains("perf_event_paranoid=2"), "{records:?}");
        }
    }
    assert_eq!(report.counter_groups.concat().len(), report.counters.iter().filter(|it| it.usable).count());
    gilctl(&lab, &["run", "null", "--tasks", "20", "--model", "sequential,processes", "--workers", "2", "--detach"])
        .well();
    let trials = {
        gilctl(&lab, &["watch", "1"]).well();
        lab.trials(1)
    };
    assert!(!trials.is_empty() && trials.iter().all(|trial| trial.status == TrialStatus::Done), "{trials:#?}");
    assert!(trials.iter().all(|trial| trial.tier == report.tier), "every worker measures what doctor promised");
    gilctl(&lab, &["daemon", "stop"]).well();
}

#[test]
fn usable_counters_are_in_one_group_each_and_hardware_is_not_mixed_with_software() {
    let lab = Lab::new();
    let report: HostReport = lab.get("/v1/host");
    let mut grouped = report.counter_groups.concat();
    grouped.sort();
    let mut usable: Vec<_> = report.counters.iter().filter(|it| it.usable).map(|it| it.name.clone()).collect();
    usable.sort();
    assert_eq!(grouped, usable);
    let software = ["tsc-cycles", "task-clock-ns", "context-switches", "cpu-migrations", "page-faults"];
    for group in &report.counter_groups {
        let in_software = group.iter().filter(|name| software.contains(&name.as_str())).count();
        assert!(in_software == 0 || in_software == group.len(), "{group:?}");
    }
    let ran = lab.gilctl(&["doctor"]).well();
    for check in &report.checks {
        assert!(check.verdict == Verdict::Good || check.remedy.is_some(), "a limit without a way out: {check:?}");
        assert!(ran.stdout.contains(&check.name), "{ran}");
    }
}
