//! What doctor says of machines that are not this one.

use super::*;
use nix::errno::Errno;

/// A machine whose hardware counters all count, in these groups.
fn tried(groups: &[&[usize]]) -> Tried {
    let counters = TrialRun {
        refusals: vec![None; NAMES.len()],
        groups: groups.iter().map(|group| group.to_vec()).collect(),
        split: groups.len() > 2,
        user_space: true,
    };
    Tried { ring: Ok(()), counters, pmus: CorePmus::default(), facts: Facts::default() }
}

/// One whose hardware counters are all refused.
fn refused(refusal: Refusal) -> Tried {
    let mut tried = tried(&[&[7]]);
    tried.counters.refusals[..6].fill(Some(refusal));
    tried
}

#[track_caller]
fn check_hardware(tried: &Tried, verdict: Verdict, found: &str, remedy: Option<&str>) {
    let check = hardware(tried);
    assert_eq!(check.verdict, verdict, "{check:?}");
    assert!(check.found.contains(found), "{check:?}");
    assert_eq!(check.remedy.is_some(), remedy.is_some(), "{check:?}");
    assert!(remedy.is_none_or(|words| check.remedy.as_deref().is_some_and(|it| it.contains(words))), "{check:?}");
}

#[test]
fn every_reason_has_its_own_remedy() {
    let limited = |refusal, found, remedy| check_hardware(&refused(refusal), Verdict::Limited, found, Some(remedy));
    limited(Refusal::NoPmu(Errno::ENOENT), "none: no PMU (ENOENT)", "pmu=on");
    limited(Refusal::Paranoid { level: 3, needed: 2 }, "perf_event_paranoid is 3", "perf_event_paranoid=2");
    limited(Refusal::Seccomp(Errno::EPERM), "seccomp", "--cap-add PERFMON");
    limited(Refusal::CountsTooLittle { counted: 0, least: 200_000 }, "0 of at least 200000", "PMU that counts");
    limited(Refusal::NeverOnPmu, "never gets onto the PMU", "nmi_watchdog=0");
    let check = switch_records(&Err(Refusal::LockedMemory("kernel.perf_event_mlock_kb is 516".to_owned())));
    assert!(check.remedy.is_some_and(|it| it.contains("perf_event_mlock_kb=")) && check.found.contains("516"));
}

#[test]
fn hardware_that_counts_says_how_it_is_read() {
    let mut tried = tried(&[&[0, 1, 2, 3, 4, 5], &[7]]);
    check_hardware(&tried, Verdict::Good, "branch-misses; read in user space (rdpmc)", None);
    assert!(turns(&tried).is_none());
    tried.counters.user_space = false;
    tried.counters.refusals[3] = Some(Refusal::NoPmu(Errno::ENOENT));
    check_hardware(&tried, Verdict::Limited, "system calls", Some("the table of counters"));
    assert!(hardware(&tried).found.ends_with("not cache-misses"));
}

#[test]
fn counters_that_take_turns_are_listed_and_the_watchdog_is_named_if_it_runs() {
    let mut tried = tried(&[&[0, 1], &[2, 3], &[4, 5], &[7, 10]]);
    let check = turns(&tried).unwrap();
    assert!(
        check.found.contains("cycles + instructions | cache-references + cache-misses | branches + branch-misses;"),
        "{check:?}"
    );
    assert!(!check.remedy.unwrap().contains("nmi_watchdog"));
    tried.facts.nmi_watchdog = true;
    assert!(turns(&tried).unwrap().remedy.unwrap().contains("sysctl kernel.nmi_watchdog=0"));
}

#[test]
fn cores_of_several_kinds_are_listed_with_what_to_do() {
    assert!(core_pmus(&CorePmus::default()).is_none());
    let root = tempfile::tempdir().unwrap();
    for (name, kind, cpus) in [("cpu_core", "4", "0-7"), ("cpu_atom", "10", "8-15")] {
        let folder = root.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("type"), kind).unwrap();
        fs::write(folder.join("cpus"), cpus).unwrap();
    }
    let check = core_pmus(&CorePmus::read(root.path())).unwrap();
    assert_eq!(check.found, "cpu_core: cores 0-7; cpu_atom: cores 8-15");
    assert!(check.remedy.unwrap().starts_with("pin a case to cores of one kind"));
}
