//! What was found, in words, and what to do about it.

use std::fs;

use gild_model::host::{Check, CounterStatus, HostReport, Verdict};

use super::facts::Facts;
use super::refusal::Refusal;
use super::trial_run::TrialRun;
use super::{line, schedstat};
use crate::core_pmus::CorePmus;
use crate::measure::counters::{NAMES, is_hardware};

/// What was tried on this machine, and what the system says about it.
#[derive(Debug)]
pub(super) struct Tried {
    /// Context-switch records.
    pub ring: Result<(), Refusal>,
    /// Counters.
    pub counters: TrialRun,
    /// The PMUs of its cores.
    pub pmus: CorePmus,
    /// What explains refusals.
    pub facts: Facts,
}

impl Tried {
    /// Why there is no hardware counter: the reason of the first. `None`: there is one.
    pub fn no_hardware(&self) -> Option<&Refusal> {
        let hardware = (0..NAMES.len()).filter(|place| is_hardware(*place));
        let refusals: Vec<_> = hardware.map(|place| self.counters.refusals[place].as_ref()).collect();
        if refusals.iter().any(Option::is_none) { None } else { refusals[0] }
    }
}

/// Everything that `gilctl doctor` looks at.
pub(super) fn all(report: &HostReport, tried: &Tried) -> Vec<Check> {
    let mut checks = vec![clock(report), switch_records(&tried.ring), schedstat(), software(report), hardware(tried)];
    checks.extend(turns(tried));
    checks.extend(core_pmus(&tried.pmus));
    checks.extend([kernel_events(report), cores(report), steal()]);
    checks
}

fn check(name: &str, verdict: Verdict, found: String, remedy: Option<&str>) -> Check {
    Check { name: name.to_owned(), verdict, found, remedy: remedy.map(str::to_owned) }
}

fn clock(report: &HostReport) -> Check {
    match &report.clock_reason {
        None => check("clock", Verdict::Good, "invariant time-stamp counter".to_owned(), None),
        Some(reason) => check(
            "clock",
            Verdict::Limited,
            format!("CLOCK_MONOTONIC_RAW, which is slower to read: {reason}"),
            Some(
                "nothing to type: it is a property of the machine (or of the clocksource= on the kernel's command line)",
            ),
        ),
    }
}

fn switch_records(ring: &Result<(), Refusal>) -> Check {
    let name = "context-switch records";
    match ring {
        Ok(()) => check(name, Verdict::Good, "arrive in a ring of the thread's own".to_owned(), None),
        Err(refusal) => check(name, Verdict::Bad, refusal.found(), refusal.remedy().as_deref()),
    }
}

fn software(report: &HostReport) -> Check {
    let is_software = |name: &str| NAMES.iter().position(|it| *it == name).is_some_and(|place| !is_hardware(place));
    let (usable, not): (Vec<_>, Vec<_>) =
        report.counters.iter().filter(|it| is_software(&it.name)).partition(|it| it.usable);
    let list = |of: &[&CounterStatus]| of.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    match (usable.is_empty(), not.is_empty()) {
        (_, true) => check("software counters", Verdict::Good, list(&usable), None),
        (true, false) => {
            check("software counters", Verdict::Bad, "none".to_owned(), Some("the table of counters says why of each"))
        }
        (false, false) => {
            let found = format!("{}; not {}", list(&usable), list(&not));
            check("software counters", Verdict::Limited, found, Some("the table of counters says why of each"))
        }
    }
}

fn hardware(tried: &Tried) -> Check {
    let name = "hardware counters";
    if let Some(refusal) = tried.no_hardware() {
        return check(name, Verdict::Limited, format!("none: {}", refusal.found()), refusal.remedy().as_deref());
    }
    let of_hardware = |refused: bool| {
        let places = (0..NAMES.len()).filter(|place| is_hardware(*place));
        places.filter(move |place| tried.counters.refusals[*place].is_some() == refused).map(|place| NAMES[place])
    };
    let way = if tried.counters.user_space {
        "read in user space (rdpmc)"
    } else {
        "read by system calls: their pages cannot be read in user space, or do not tell the time"
    };
    let found = format!("{}; {way}", of_hardware(false).collect::<Vec<_>>().join(", "));
    match of_hardware(true).collect::<Vec<_>>().join(", ") {
        missing if missing.is_empty() => check(name, Verdict::Good, found, None),
        missing => check(
            name,
            Verdict::Limited,
            format!("{found}; not {missing}"),
            Some("the table of counters says why of each"),
        ),
    }
}

/// Whether hardware counters have to take turns, and whether the watchdog is why.
fn turns(tried: &Tried) -> Option<Check> {
    if !tried.counters.split || tried.no_hardware().is_some() {
        return None;
    }
    let hardware = tried.counters.groups.iter().filter(|group| group.iter().all(|place| is_hardware(*place)));
    let names = |group: &Vec<usize>| group.iter().map(|place| NAMES[*place]).collect::<Vec<_>>().join(" + ");
    let groups = hardware.map(names).collect::<Vec<_>>().join(" | ");
    let found = format!("do not fit the PMU together and take turns: {groups}; counts are scaled and say so");
    let remedy = if tried.facts.nmi_watchdog {
        "sysctl kernel.nmi_watchdog=0: the watchdog holds one of the PMU's counters"
    } else {
        "end other profilers; with hyper-threads each has half of the core's counters (on some processors)"
    };
    Some(check("sharing of the PMU", Verdict::Limited, found, Some(remedy)))
}

fn core_pmus(pmus: &CorePmus) -> Option<Check> {
    let remedy = "pin a case to cores of one kind (pinning = \"0,1\") to have its hardware counters: cores of several kinds are not summed";
    pmus.is_hybrid().then(|| check("kinds of cores", Verdict::Limited, pmus.describe(), Some(remedy)))
}

fn kernel_events(report: &HostReport) -> Check {
    let paranoid = line("/proc/sys/kernel/perf_event_paranoid");
    if report.counts_kernel {
        return check("events in the kernel", Verdict::Good, format!("counted (perf_event_paranoid {paranoid})"), None);
    }
    check(
        "events in the kernel",
        Verdict::Limited,
        format!("not counted (perf_event_paranoid {paranoid}): context-switches and cpu-migrations cannot be counted"),
        Some("sysctl kernel.perf_event_paranoid=1, or give gild CAP_PERFMON"),
    )
}

fn cores(report: &HostReport) -> Check {
    let mut physical: Vec<_> = report.cores.iter().map(|it| (it.package, it.core)).collect();
    physical.sort_unstable();
    physical.dedup();
    let found = format!("{} hardware thread(s) on {} core(s) may be used", report.cores.len(), physical.len());
    if report.cores.len() > 1 {
        return check("cores", Verdict::Good, found, None);
    }
    check("cores", Verdict::Limited, format!("{found}: nothing can run in parallel"), Some("give gild more cores"))
}

/// Whether a hypervisor has ever taken time from this machine (`steal` of /proc/stat, see proc_stat(5)).
fn steal() -> Check {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> = stat.lines().next().unwrap_or("").split_whitespace().skip(1).flat_map(str::parse).collect();
    let (all, stolen) = (fields.iter().take(8).sum::<u64>(), fields.get(7).copied().unwrap_or(0));
    if stolen == 0 {
        return check("stolen time", Verdict::Good, "none since boot".to_owned(), None);
    }
    let share = stolen as f64 * 100.0 / all.max(1) as f64;
    let remedy = "watch the stolen column; repeat when the host is quieter";
    check("stolen time", Verdict::Limited, format!("{share:.2} % of all CPU time since boot"), Some(remedy))
}

#[cfg(test)]
mod tests;
