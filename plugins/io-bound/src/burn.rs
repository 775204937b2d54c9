//! Computes for a given time, by the thread's own CPU clock.

use std::hint::black_box;
use std::time::Duration;

use gild_abi::Result;
use nix::time::{ClockId, clock_gettime};

/// Multiplications between two looks at the clock: about a microsecond.
const STEPS: u32 = 512;

/// Burns that much CPU time of the calling thread, and a microsecond or so more. Safe points are passed in between; what
/// they cost, a hand-over of the lock included, is part of it.
pub(crate) fn burn(time: Duration, mut safe_point: impl FnMut() -> Result<()>) -> Result<()> {
    if time.is_zero() {
        return Ok(());
    }
    let start = cpu_time();
    while cpu_time() - start < time {
        spin();
        safe_point()?;
    }
    Ok(())
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux thread has a CPU clock").into()
}

/// Computes something that the compiler cannot foresee.
fn spin() {
    let mut state = black_box(1_u64);
    for _ in 0..STEPS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    black_box(state);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_burnt_with_many_safe_points() {
        let (start, mut safe_points) = (cpu_time(), 0_u64);
        let count = || {
            safe_points += 1;
            Ok(())
        };
        burn(Duration::from_millis(5), count).unwrap();
        assert!(cpu_time() - start >= Duration::from_millis(5));
        assert!(safe_points >= 100, "{safe_points} in 5 ms of CPU time");
    }

    #[test]
    fn nothing_takes_nothing_and_a_safe_point_can_end_it() {
        burn(Duration::ZERO, || Err(gild_abi::Error::cancelled())).unwrap();
        let ended = burn(Duration::from_secs(3600), || Err(gild_abi::Error::cancelled()));
        assert!(ended.unwrap_err().is_cancelled());
    }
}
