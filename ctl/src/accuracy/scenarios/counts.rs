//! What is counted: context switches, page faults, migrations, instructions, branches.

use super::{Scenario, Special, free_threads, sequential};
use crate::accuracy::evidence::{Evidence, in_part, not_running};
use crate::accuracy::finding::Finding;
use gild_model::host::{HostReport, Tier};

/// Largest error of counted instructions: what stands between two pieces of a counted loop is 0.03 %.
const INSTRUCTIONS_GOAL: f64 = 0.001;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "switches and faults",
        about: "one thread naps 200 times, offers its core 20 times and touches 2000 fresh pages",
        params: &[("tasks", 1), ("cpu_us", 50_000), ("naps", 200), ("yields", 20), ("fault_pages", 2_000)],
        case: |_| Ok(free_threads(1)),
        findings: switches_and_faults,
        special: Special::None,
    },
    Scenario {
        name: "migrations",
        about: "one thread is moved from core to core 200 times",
        params: &[("tasks", 1), ("cpu_us", 50_000), ("migrations", 200)],
        case: |host| match host.cores.len() {
            0 | 1 => Err("the daemon may use one core only".to_owned()),
            _ => Ok(free_threads(1)),
        },
        findings: migrations,
        special: Special::None,
    },
    Scenario {
        name: "instructions",
        about: "one thread runs loops that were counted by hand",
        params: &[("tasks", 5), ("instructions", 200_000_000), ("branches", 20_000_000)],
        case: with_pmu,
        findings: instructions,
        special: Special::None,
    },
];

fn with_pmu(host: &HostReport) -> Result<gild_model::choice::CaseChoice, String> {
    match host.tier {
        Tier::Pmu => sequential(host),
        _ => Err(host.tier_reason.clone().unwrap_or_else(|| "no PMU".to_owned())),
    }
}

fn switches_and_faults(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    const STATUS: &str = "/proc/thread-self/status";
    let voluntary = it.workers().map(|it| it.voluntary_switches).sum();
    let involuntary = it.workers().map(|it| it.involuntary_switches).sum();
    let in_naps = it.truth("/naps/voluntary_switches")? + it.truth("/naps/involuntary_switches")?;
    let faults = it.truth("/faults/minor_faults")? + it.truth("/faults/major_faults")?;
    Ok(vec![
        Finding::count("voluntary switches, life", STATUS, voluntary, it.truth("/switches/voluntary_ctxt_switches")?),
        Finding::count(
            "involuntary switches, life",
            STATUS,
            involuntary,
            it.truth("/switches/nonvoluntary_ctxt_switches")?,
        ),
        Finding::count(
            "context switches while napping",
            "getrusage(RUSAGE_THREAD)",
            it.counter("naps", "context-switches"),
            in_naps,
        ),
        Finding::count(
            "page faults while touching",
            "getrusage(RUSAGE_THREAD)",
            it.counter("faults", "page-faults"),
            faults,
        ),
    ])
}

fn migrations(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let away_ns = it.truth("/migrations/wall_ns")?.saturating_sub(it.truth("/migrations/cpu_ns")?);
    let gild = it.workers_sum(&in_part("migrations"), not_running);
    Ok(vec![
        Finding::count(
            "migrations",
            "sched_setaffinity",
            it.counter("migrations", "cpu-migrations"),
            it.truth("/migrations/moves")?,
        ),
        Finding::share(
            "not running while moving",
            "CLOCK_MONOTONIC less CLOCK_THREAD_CPUTIME_ID",
            gild,
            away_ns,
            life_ns,
        ),
    ])
}

fn instructions(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    const BY_HAND: &str = "counted by hand";
    let ratio = |quantity, part: &str, counter: &str, truth: u64| {
        let gild = it.counter(part, counter).map(|it| it as f64);
        Finding::ratio(quantity, BY_HAND, INSTRUCTIONS_GOAL, gild, truth as f64)
    };
    Ok(vec![
        ratio("instructions", "instructions", "instructions", it.truth("/instructions/instructions")?),
        ratio("instructions with branches", "branches", "instructions", it.truth("/branches/instructions")?),
        ratio("branches", "branches", "branches", it.truth("/branches/branch_instructions")?),
    ])
}
