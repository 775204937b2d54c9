//! What this machine can measure, found out by measuring.
//!
//! Support is decided by counting a known loop, not by whether something opens: some hypervisors open hardware
//! counters that count nothing, and `context-switches` without the kernel reads 0.
//!
//! | module | subject |
//! |---|---|
//! | [`trial_run`] | every counter counts something that is known |
//! | [`checks`] | what was found, in words, and what to do about it |

pub mod checks;
pub mod trial_run;

use std::fs;
use std::time::Duration;

use gild_model::host::{Check, CounterStatus, HostReport, Tier, Verdict};

use crate::clock::{Clock, tsc_refusal};
use crate::measure::counters::{NAMES, is_hardware};
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
    let ring = ring();
    let counts_kernel = trial_run::counts_kernel();
    let counters = if ring.is_ok() { trial_run::counters(counts_kernel) } else { no_counters() };
    let hardware =
        |it: &CounterStatus| it.usable && NAMES.iter().position(|name| *name == it.name).is_some_and(is_hardware);
    let tier = match &ring {
        Err(_) => Tier::Bare,
        Ok(()) if counters.iter().any(hardware) => Tier::Pmu,
        Ok(()) => Tier::Software,
    };
    let tier_reason = match (&ring, tier) {
        (Err(reason), _) => Some(format!("no context-switch records: {reason}")),
        (Ok(()), Tier::Software) => Some(checks::no_pmu_reason(&counters)),
        _ => None,
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
        counters,
        counts_kernel,
        checks: Vec::new(),
    };
    report.checks = checks::all(&report, &ring);
    report
}

/// Whether context-switch records arrive: a short sleep must leave some.
fn ring() -> Result<(), String> {
    let mut ring = SwitchRing::open().map_err(|error| checks::perf_error(&error))?;
    ring.drain(drop);
    std::thread::sleep(Duration::from_millis(1));
    if ring.changed() { Ok(()) } else { Err("the kernel writes none, though the event opens".to_owned()) }
}

fn no_counters() -> Vec<CounterStatus> {
    let reason = Some("perf events are not available".to_owned());
    NAMES.iter().map(|name| CounterStatus { name: (*name).to_owned(), usable: false, reason: reason.clone() }).collect()
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
