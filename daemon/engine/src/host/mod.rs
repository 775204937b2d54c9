//! What this machine can measure, found out by measuring.
//!
//! Support is decided by counting a known loop, not by whether something opens: some hypervisors open hardware
//! counters that count nothing, and `context-switches` without the kernel reads 0.
//!
//! | module | subject |
//! |---|---|
//! | [`trial_run`] | every counter counts something that is known |
//! | [`arrange`] | which hardware counters fit the PMU together (pure) |
//! | [`facts`], [`refusal`] | why an event cannot be used, and what to type |
//! | [`checks`] | what was found, in words, and what to do about it |

pub mod arrange;
pub mod checks;
pub mod facts;
pub mod refusal;
pub mod trial_run;

use std::fs;
use std::time::Duration;

use gild_model::host::{Check, CounterStatus, HostReport, Tier, Verdict};

use self::checks::Tried;
use self::facts::Facts;
use self::refusal::Refusal;
use self::trial_run::TrialRun;
use crate::clock::{Clock, tsc_refusal};
use crate::core_pmus::CorePmus;
use crate::measure::counters::NAMES;
use crate::measure::perf_error::PerfError;
use crate::measure::schedstat::Schedstat;
use crate::measure::switch_ring::SwitchRing;
use crate::topology;

/// Probes clock, perf events, counters, schedstat and topology by using them. Takes some 10 ms.
pub fn probe() -> HostReport {
    // On a thread of its own: the probe moves between cores, and its perf events watch the thread that opens them.
    let probe = || std::thread::Builder::new().name("probe".to_owned()).spawn(probe_here);
    match probe().map(std::thread::JoinHandle::join) {
        Ok(Ok(report)) => report,
        // No thread to be had: the caller's own will do.
        _ => probe_here(),
    }
}

fn probe_here() -> HostReport {
    let (facts, pmus) = (Facts::of_this_thread(), CorePmus::of_machine());
    let ring = ring(&facts);
    let counts_kernel = trial_run::counts_kernel();
    let counters = match &ring {
        Ok(()) => trial_run::counters(counts_kernel, &pmus, &facts),
        Err(refusal) => no_counters(refusal),
    };
    let tried = Tried { ring, counters, pmus, facts };
    let (tier, tier_reason) = match (&tried.ring, tried.no_hardware()) {
        (Err(refusal), _) => (Tier::Bare, Some(format!("no context-switch records: {}", refusal.found()))),
        (Ok(()), Some(refusal)) => (Tier::Software, Some(refusal.in_short().to_owned())),
        (Ok(()), None) => (Tier::Pmu, None),
    };
    let mut report = HostReport {
        hostname: line("/proc/sys/kernel/hostname"),
        kernel: line("/proc/sys/kernel/osrelease"),
        cpu: cpu_model(),
        cores: topology::allowed_cores().unwrap_or_default(),
        tier,
        tier_reason,
        clock: Clock::best().name().to_owned(),
        clock_reason: tsc_refusal(),
        counters: statuses(&tried.counters),
        counter_groups: group_names(&tried.counters),
        counts_kernel,
        checks: Vec::new(),
    };
    report.checks = checks::all(&report, &tried);
    report
}

/// Whether context-switch records arrive: a short sleep must leave some.
fn ring(facts: &Facts) -> Result<(), Refusal> {
    let mut ring = SwitchRing::open().map_err(|error: PerfError| Refusal::of(&error, facts))?;
    ring.drain(drop);
    std::thread::sleep(Duration::from_millis(1));
    if ring.changed() {
        Ok(())
    } else {
        Err(Refusal::Other("the kernel writes none, though the event opens".to_owned()))
    }
}

fn no_counters(refusal: &Refusal) -> TrialRun {
    TrialRun { refusals: vec![Some(refusal.clone()); NAMES.len()], ..TrialRun::default() }
}

fn statuses(trial: &TrialRun) -> Vec<CounterStatus> {
    let status = |(name, refusal): (&&str, &Option<Refusal>)| CounterStatus {
        name: (*name).to_owned(),
        usable: refusal.is_none(),
        reason: refusal.as_ref().map(Refusal::found),
    };
    NAMES.iter().zip(&trial.refusals).map(status).collect()
}

fn group_names(trial: &TrialRun) -> Vec<Vec<String>> {
    let names = |group: &Vec<usize>| group.iter().map(|place| NAMES[*place].to_owned()).collect();
    trial.groups.iter().map(names).collect()
}

/// Whether run delay can be read.
fn schedstat() -> Check {
    let (verdict, found, remedy) = match Schedstat::open() {
        Ok(_) => (Verdict::Good, "/proc/thread-self/schedstat is there".to_owned(), None),
        Err(error) => (
            Verdict::Limited,
            format!("/proc/thread-self/schedstat: {error}: waiting for a core cannot be told from blocking"),
            Some("use a kernel with CONFIG_SCHED_INFO".to_owned()),
        ),
    };
    Check { name: "run delay".to_owned(), verdict, found, remedy }
}

/// A one-line file of /proc; empty if it cannot be read.
fn line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn cpu_model() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_tells_one_story() {
        let report = probe();
        assert_eq!(report.counters.len(), NAMES.len());
        assert!(report.counters.iter().all(|it| it.usable == it.reason.is_none()), "{:?}", report.counters);
        assert_eq!(report.tier == Tier::Pmu, report.tier_reason.is_none());
        assert!(!report.cores.is_empty() && !report.checks.is_empty());
        for check in &report.checks {
            assert!(!check.found.is_empty(), "{check:?}");
        }
    }
}
