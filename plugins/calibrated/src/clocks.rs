//! The operating system's own figures of the calling thread: where the truth comes from.
//!
//! Nothing here is shared with gild: no ledger, no perf event, no time-stamp counter.

use std::time::Duration;

use gild_abi::Result;
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// CPU time of the calling thread (`CLOCK_THREAD_CPUTIME_ID`).
pub(crate) fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux thread has a CPU clock").into()
}

/// Time that never jumps (`CLOCK_MONOTONIC`).
pub(crate) fn wall_time() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock").into()
}

/// Voluntary context switches of the calling thread.
pub(crate) fn voluntary_switches() -> u64 {
    Counts::now().voluntary_switches
}

/// A time as a number for a report.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("584 years do not pass")
}

/// What the operating system has seen of the calling thread during a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// When it began, by `CLOCK_MONOTONIC`.
    pub start_ns: u64,
    /// How long it took, by `CLOCK_MONOTONIC`.
    pub wall_ns: u64,
    /// CPU time, by `CLOCK_THREAD_CPUTIME_ID`.
    pub cpu_ns: u64,
    /// Voluntary context switches, by `getrusage(RUSAGE_THREAD)`.
    pub voluntary_switches: u64,
    /// Involuntary context switches, by `getrusage(RUSAGE_THREAD)`. `sched_yield` counts among these.
    pub involuntary_switches: u64,
    /// Page faults without input or output, by `getrusage(RUSAGE_THREAD)`.
    pub minor_faults: u64,
    /// Page faults that had to read, by `getrusage(RUSAGE_THREAD)`.
    pub major_faults: u64,
}

/// A part of a task: what it knows of itself, and what the operating system has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured<T> {
    /// What the part knows of itself.
    #[serde(flatten)]
    pub truth: T,
    /// What the operating system has seen.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Does a part of a task between two looks at the clocks.
pub(crate) fn measured<T>(work: impl FnOnce() -> Result<T>) -> Result<Measured<T>> {
    let start = Start::now();
    let truth = work()?;
    Ok(Measured { truth, figures: start.figures() })
}

/// The first look at the clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    counts: Counts,
    cpu: Duration,
    wall: Duration,
}

impl Start {
    /// Looks at the cheapest clock last, because the cost of the looks that follow it is in its figure.
    pub(crate) fn now() -> Start {
        Start { counts: Counts::now(), cpu: cpu_time(), wall: wall_time() }
    }

    /// CPU time at the first look.
    pub(crate) fn cpu(&self) -> Duration {
        self.cpu
    }

    /// Looks again, in the opposite order.
    pub(crate) fn figures(&self) -> Figures {
        let wall = wall_time();
        let cpu = cpu_time();
        let counts = Counts::now();
        Figures {
            start_ns: nanoseconds(self.wall),
            wall_ns: nanoseconds(wall - self.wall),
            cpu_ns: nanoseconds(cpu - self.cpu),
            voluntary_switches: counts.voluntary_switches - self.counts.voluntary_switches,
            involuntary_switches: counts.involuntary_switches - self.counts.involuntary_switches,
            minor_faults: counts.minor_faults - self.counts.minor_faults,
            major_faults: counts.major_faults - self.counts.major_faults,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    voluntary_switches: u64,
    involuntary_switches: u64,
    minor_faults: u64,
    major_faults: u64,
}

impl Counts {
    fn now() -> Counts {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("every Linux thread has its usage");
        let count = |count: i64| u64::try_from(count).expect("counts are not negative");
        Counts {
            voluntary_switches: count(usage.voluntary_context_switches()),
            involuntary_switches: count(usage.involuntary_context_switches()),
            minor_faults: count(usage.minor_page_faults()),
            major_faults: count(usage.major_page_faults()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of `/proc/thread-self/status`.
    fn status(name: &str) -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().parse().unwrap()
    }

    #[test]
    fn the_switches_are_those_of_procfs() {
        let before = status("voluntary_ctxt_switches");
        let between = voluntary_switches();
        let after = status("voluntary_ctxt_switches");
        assert!(before <= between && between <= after, "{before} <= {between} <= {after}");
    }

    #[test]
    fn cpu_time_is_part_of_wall_time() {
        let part = measured(|| {
            std::thread::sleep(Duration::from_millis(5));
            Ok(())
        })
        .unwrap();
        assert!(part.figures.wall_ns >= 5_000_000, "{part:?}");
        assert!(part.figures.voluntary_switches >= 1, "{part:?}");
        // The CPU clock is read outside the wall clock: the looks themselves are microseconds.
        assert!(part.figures.cpu_ns < part.figures.wall_ns, "{part:?}");
    }
}
