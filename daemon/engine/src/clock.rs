//! The clock that marks are taken with, and how its ticks become nanoseconds.
//!
//! A mark stores raw ticks. Ticks are the time-stamp counter where that is trustworthy (invariant, and chosen by
//! the kernel as its own clock source), else nanoseconds of `CLOCK_MONOTONIC_RAW`. One ([`Anchor`]) pair of
//! (ticks, raw nanoseconds) at each end of a trial gives the [`Rate`], so the counter is calibrated over the very
//! interval that it measures and never by a short loop at start.

use std::fs;
use std::sync::OnceLock;

use nix::time::{ClockId, clock_gettime};

/// Where ticks come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The x86 time-stamp counter.
    Tsc,
    /// `clock_gettime(CLOCK_MONOTONIC_RAW)`, a tick being a nanosecond.
    MonotonicRaw,
}

impl Clock {
    /// The best clock of this machine. Looked up once per process.
    pub fn best() -> Clock {
        static BEST: OnceLock<Clock> = OnceLock::new();
        *BEST.get_or_init(|| if tsc_refusal().is_none() { Clock::Tsc } else { Clock::MonotonicRaw })
    }

    /// The clock's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Clock::Tsc => "tsc",
            Clock::MonotonicRaw => "monotonic-raw",
        }
    }

    /// Reads the clock. Not serializing: neighbouring instructions may move across it by some nanoseconds.
    #[inline(always)]
    pub fn now(self) -> u64 {
        match self {
            Clock::Tsc => read_tsc(),
            Clock::MonotonicRaw => raw_ns(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read_tsc() -> u64 {
    // SAFETY: RDTSC has no preconditions on x86-64; `tsc_refusal` has made sure that it is not trapped.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn read_tsc() -> u64 {
    raw_ns()
}

/// Why the time-stamp counter is not used; `None`: it is.
pub fn tsc_refusal() -> Option<String> {
    if cfg!(not(target_arch = "x86_64")) {
        return Some("this architecture has no time-stamp counter that gild knows".to_owned());
    }
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or("");
    let has = |flag: &str| flags.split_whitespace().any(|it| it == flag);
    if !(has("constant_tsc") && has("nonstop_tsc")) {
        return Some("the CPU does not promise an invariant time-stamp counter (constant_tsc, nonstop_tsc)".to_owned());
    }
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    match fs::read_to_string(path) {
        Ok(source) if source.trim() == "tsc" => None,
        Ok(source) => Some(format!("the kernel itself does not trust it: {path} is {}", source.trim())),
        Err(error) => Some(format!("cannot read {path}: {error}")),
    }
}

/// Reads `CLOCK_MONOTONIC_RAW`, in nanoseconds.
pub fn raw_ns() -> u64 {
    read_ns(ClockId::CLOCK_MONOTONIC_RAW)
}

/// Reads the CPU time of the calling thread, in nanoseconds. A real system call, unlike the other clocks.
pub fn thread_cpu_ns() -> u64 {
    read_ns(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn read_ns(id: ClockId) -> u64 {
    let time = clock_gettime(id).expect("the clock exists on every Linux since 2.6.28");
    // Both clocks count up from boot or thread start, so neither field is negative.
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}

/// The same instant on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Ticks.
    pub ticks: u64,
    /// `CLOCK_MONOTONIC_RAW`, in nanoseconds.
    pub raw_ns: u64,
}

impl Anchor {
    /// Reads both clocks, quickly: the first pair between which nothing happened, or the tightest of a few. Whoever is
    /// interrupted between the two would give somebody a life that is off by so much.
    pub fn take_quickly(clock: Clock) -> Anchor {
        const TIGHT_NS: u64 = 2_000;
        const TRIES: usize = 5;
        let mut best = (u64::MAX, Anchor { ticks: 0, raw_ns: 0 });
        for _ in 0..TRIES {
            let (before_ns, ticks, after_ns) = (raw_ns(), clock.now(), raw_ns());
            let window_ns = after_ns.saturating_sub(before_ns);
            if window_ns < best.0 {
                best = (window_ns, Anchor { ticks, raw_ns: before_ns + window_ns / 2 });
            }
            if window_ns < TIGHT_NS {
                break;
            }
        }
        best.1
    }

    /// Reads both clocks: of 200 readings of one between two of the other, the tightest.
    pub fn take(clock: Clock) -> Anchor {
        let mut best = (u64::MAX, Anchor { ticks: 0, raw_ns: 0 });
        for _ in 0..200 {
            let before = clock.now();
            let raw_ns = raw_ns();
            let window = clock.now().saturating_sub(before);
            if window < best.0 {
                best = (window, Anchor { ticks: before + window / 2, raw_ns });
            }
        }
        best.1
    }
}

/// Nanoseconds per tick, as the exact fraction between two anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    ns: u64,
    ticks: u64,
}

impl Rate {
    /// The rate between two anchors; `None` if they are not apart.
    pub fn between(from: Anchor, to: Anchor) -> Option<Rate> {
        let ticks = to.ticks.checked_sub(from.ticks).filter(|it| *it > 0)?;
        let ns = to.raw_ns.checked_sub(from.raw_ns).filter(|it| *it > 0)?;
        Some(Rate { ns, ticks })
    }

    /// Turns a number of ticks into nanoseconds, rounded to the nearest.
    pub fn to_ns(self, ticks: u64) -> u64 {
        let exact = (u128::from(ticks) * u128::from(self.ns) + u128::from(self.ticks) / 2) / u128::from(self.ticks);
        u64::try_from(exact).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ticks_become_the_nanoseconds_that_the_other_clock_saw() {
        let clock = Clock::best();
        let first = Anchor::take(clock);
        std::thread::sleep(Duration::from_millis(20));
        let middle = Anchor::take(clock);
        std::thread::sleep(Duration::from_millis(20));
        let rate = Rate::between(first, Anchor::take(clock)).unwrap();
        let (ns, raw_ns) = (rate.to_ns(middle.ticks - first.ticks), middle.raw_ns - first.raw_ns);
        // 100 ppm is far above the error of either anchor (some 100 ns of 20 ms).
        assert!(ns.abs_diff(raw_ns) <= raw_ns / 10_000 + 500, "{ns} ns by ticks, {raw_ns} ns by the raw clock");
    }

    #[test]
    fn a_quick_anchor_is_of_one_instant() {
        let clock = Clock::best();
        let (before, quick, after) = (raw_ns(), Anchor::take_quickly(clock), raw_ns());
        assert!((before..=after).contains(&quick.raw_ns));
        let rate = Rate::between(quick, Anchor::take(clock));
        assert!(quick.ticks <= clock.now() && rate.is_none_or(|rate| rate.to_ns(1) < 1_000));
    }

    #[test]
    fn a_rate_is_exact_for_large_numbers_and_refused_without_a_distance() {
        let at = |ticks, raw_ns| Anchor { ticks, raw_ns };
        let rate = Rate::between(at(0, 0), at(3, 1)).unwrap();
        assert_eq!(rate.to_ns(3_000_000_000_000_000_000), 1_000_000_000_000_000_000);
        assert_eq!(Rate::between(at(5, 5), at(5, 9)), None);
        assert_eq!(Rate::between(at(5, 5), at(4, 9)), None);
    }
}
