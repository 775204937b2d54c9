//! Switches context: by giving the core away (`yields`), and by sleeping for next to nothing (`naps`). The lock is kept.

use gild_abi::Result;
use nix::errno::Errno;
use nix::sched::sched_yield;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use serde::{Deserialize, Serialize};

use crate::clocks::voluntary_switches;

/// What yielding knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yielded {
    /// Calls of `sched_yield`. Each is an involuntary switch if another thread wants the core, and none if not.
    pub yields: u64,
}

/// What napping knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Napped {
    /// Naps taken.
    pub naps: u64,
    /// Voluntary switches that they were, by `getrusage(RUSAGE_THREAD)`.
    pub nap_switches: u64,
    /// Sleeps that it took: more than naps if a timer ran out before the thread had left its core.
    pub sleeps: u64,
}

/// Offers the core to others that many times.
pub(crate) fn give_way(count: u64, mut safe_point: impl FnMut() -> Result<()>) -> Result<Yielded> {
    for _ in 0..count {
        sched_yield().map_err(std::io::Error::from)?;
        safe_point()?;
    }
    Ok(Yielded { yields: count })
}

/// Switches voluntarily that many times.
pub(crate) fn nap(count: u64, mut safe_point: impl FnMut() -> Result<()>) -> Result<Napped> {
    // Zero is the thread's usual slack: another part may have asked for none.
    nix::sys::prctl::set_timerslack(0).map_err(std::io::Error::from)?;
    let mut napped = Napped { naps: 0, nap_switches: 0, sleeps: 0 };
    while napped.naps < count {
        let before = voluntary_switches();
        let mut after = before;
        while after == before {
            sleep_a_nanosecond()?;
            napped.sleeps += 1;
            after = voluntary_switches();
        }
        napped.naps += 1;
        napped.nap_switches += after - before;
        safe_point()?;
    }
    Ok(napped)
}

/// The timer's slack makes it some 50 µs, so that the thread has left its core long before.
fn sleep_a_nanosecond() -> Result<()> {
    let nanosecond = TimeSpec::new(0, 1);
    match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::empty(), &nanosecond) {
        // A signal that ends the sleep comes after the thread has left its core: that was a switch, too.
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(std::io::Error::from(errno).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::measured;

    #[test]
    fn each_nap_is_a_voluntary_switch() {
        for count in [0, 1, 50] {
            let part = measured(|| nap(count, || Ok(()))).unwrap();
            assert_eq!((part.truth.naps, part.truth.nap_switches), (count, count), "{part:?}");
            // Exact unless something else blocked the thread as well, such as a page that had to be read.
            assert!(part.figures.voluntary_switches >= count, "{part:?}");
            assert!(part.truth.sleeps >= count, "{part:?}");
        }
    }

    #[test]
    fn a_yield_is_no_voluntary_switch() {
        let part = measured(|| give_way(50, || Ok(()))).unwrap();
        assert_eq!(part.truth.yields, 50);
        assert_eq!(part.figures.voluntary_switches, 0, "{part:?}");
    }

    #[test]
    fn both_have_safe_points() {
        let stop = || Err(gild_abi::Error::cancelled());
        assert!(nap(1000, stop).unwrap_err().is_cancelled());
        assert!(give_way(1_000_000, stop).unwrap_err().is_cancelled());
    }
}
