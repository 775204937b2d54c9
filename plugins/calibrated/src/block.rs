//! Gives the lock away and blocks until a point in time.

use std::io;
use std::time::Duration;

use gild_abi::{Cx, Result};
use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use serde::{Deserialize, Serialize};

use crate::clocks::{nanoseconds, wall_time};

/// What a blocking region knows of itself. The three times follow each other without a gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// From before the lock was given away until the region had begun.
    pub release_wall_ns: u64,
    /// Inside the region: at least the time that was asked for.
    pub blocked_wall_ns: u64,
    /// From the end of the region until the lock was held again.
    pub reacquire_wall_ns: u64,
}

/// Gives the lock away, sleeps for that long, and takes the lock back. No time is no sleep: the region is empty then.
pub(crate) fn block(cx: &mut Cx<'_>, time: Duration) -> Result<Blocked> {
    let start = wall_time();
    let region = cx.blocking(|| {
        let entered = wall_time();
        sleep_until(entered, entered + time)?;
        Ok((entered, wall_time()))
    })?;
    let end = wall_time();
    let (entered, left) = region.map_err(|error: io::Error| gild_abi::Error::from(error))?;
    Ok(Blocked {
        release_wall_ns: nanoseconds(entered - start),
        blocked_wall_ns: nanoseconds(left - entered),
        reacquire_wall_ns: nanoseconds(end - left),
    })
}

/// From now on the system does not put the thread's timers off, by 50 µs unless asked not to.
pub(crate) fn wake_on_time() -> Result<()> {
    nix::sys::prctl::set_timerslack(1).map_err(io::Error::from)?;
    Ok(())
}

/// Sleeps until a point on the clock, so that a signal does not make it longer.
fn sleep_until(now: Duration, deadline: Duration) -> io::Result<()> {
    if deadline <= now {
        return Ok(());
    }
    let deadline = TimeSpec::from(deadline);
    loop {
        match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &deadline) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::measured;

    #[test]
    fn a_sleep_lasts_at_least_until_its_deadline_and_uses_a_switch() {
        let start = wall_time();
        let deadline = start + Duration::from_millis(3);
        let part = measured(|| Ok(sleep_until(start, deadline)?)).unwrap();
        assert!(wall_time() >= deadline);
        assert!(part.figures.voluntary_switches >= 1, "{part:?}");
    }

    #[test]
    fn no_time_is_no_sleep() {
        let start = wall_time();
        let part = measured(|| Ok(sleep_until(start, start)?)).unwrap();
        assert_eq!(part.figures.voluntary_switches, 0, "{part:?}");
    }
}
