//! What was found, in words, and what to do about it.

use std::fs;
use std::io;

use gild_model::host::{Check, CounterStatus, HostReport, Tier, Verdict};
use nix::errno::Errno;

use super::{line, schedstat};

const NOT_ALLOWED: &str = "not allowed";
const NO_SUCH_EVENT: &str = "no such event here";

/// Why perf_event_open(2) or the mmap of its ring failed, and what helps.
pub fn perf_error(error: &io::Error) -> String {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or_else(|| raw_errno(error)));
    match errno {
        Errno::EACCES => format!(
            "{NOT_ALLOWED} (EACCES): kernel.perf_event_paranoid is {}; sysctl kernel.perf_event_paranoid=1, or give gild CAP_PERFMON",
            line("/proc/sys/kernel/perf_event_paranoid")
        ),
        Errno::EPERM => format!(
            "{NOT_ALLOWED} (EPERM): a container's seccomp filter, or the locked-memory budget is spent; kernel.perf_event_mlock_kb is {}",
            line("/proc/sys/kernel/perf_event_mlock_kb")
        ),
        Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP => {
            format!("{NO_SUCH_EVENT} ({errno:?}): this machine shows no PMU, as most virtual machines")
        }
        Errno::ENOSYS => "the kernel was built without perf events (ENOSYS)".to_owned(),
        _ => error.to_string(),
    }
}

/// Errors that were given a name in front have lost their number, but not their kind.
fn raw_errno(error: &io::Error) -> i32 {
    match error.kind() {
        io::ErrorKind::NotFound => libc::ENOENT,
        io::ErrorKind::PermissionDenied => libc::EACCES,
        _ => 0,
    }
}

/// Why there is no hardware counter, in a few words: they stand above every table. The long form is in the checks.
pub fn no_pmu_reason(counters: &[CounterStatus]) -> String {
    let reason = counters.iter().find(|it| it.name == "cycles").and_then(|it| it.reason.as_deref()).unwrap_or("");
    match reason {
        reason if reason.starts_with(NO_SUCH_EVENT) => "no PMU".to_owned(),
        reason if reason.starts_with(NOT_ALLOWED) => "hardware counters are not allowed".to_owned(),
        _ => "hardware counters do not count".to_owned(),
    }
}

/// Everything that `gilctl doctor` looks at.
pub(super) fn all(report: &HostReport, ring: &Result<(), String>) -> Vec<Check> {
    vec![
        clock(report),
        switch_records(ring),
        schedstat(),
        hardware(report),
        kernel_events(report),
        cores(report),
        steal(),
    ]
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

fn switch_records(ring: &Result<(), String>) -> Check {
    match ring {
        Ok(()) => {
            check("context-switch records", Verdict::Good, "arrive in a ring of the thread's own".to_owned(), None)
        }
        Err(reason) => check(
            "context-switch records",
            Verdict::Bad,
            reason.clone(),
            Some("sysctl kernel.perf_event_paranoid=2 (in a container: allow perf_event_open in the seccomp profile)"),
        ),
    }
}

fn hardware(report: &HostReport) -> Check {
    let usable: Vec<_> = report.counters.iter().filter(|it| it.usable).map(|it| it.name.as_str()).collect();
    if report.tier == Tier::Pmu {
        return check("counters", Verdict::Good, usable.join(", "), None);
    }
    let cycles = report.counters.iter().find(|it| it.name == "cycles").and_then(|it| it.reason.as_deref());
    let usable = if usable.is_empty() { "none".to_owned() } else { usable.join(", ") };
    let found = format!("{usable} only; cycles: {}", cycles.unwrap_or("not usable"));
    let remedy =
        "run on bare metal, or on a virtual machine with a virtual PMU; in a container see perf_event_open above";
    check("counters", Verdict::Limited, found, Some(remedy))
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
