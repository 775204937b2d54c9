//! Burns CPU time, by the clock of the operating system.
//!
//! The clock is read every microsecond or so, with a safe point after each reading. A safe point at which the host
//! hands the lock over costs CPU time too, which is not the task's: it is measured and burnt again.

use std::hint::black_box;
use std::time::Duration;

use gild_abi::Result;
use serde::{Deserialize, Serialize};

use crate::clocks::{cpu_time, nanoseconds, voluntary_switches, wall_time};

/// A safe point that takes longer has done more than a load and a branch.
const HANDOVER: Duration = Duration::from_micros(2);
/// Multiplications between two looks at the clock: well below a microsecond.
const STEPS: u32 = 256;

/// What a burner knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burnt {
    /// CPU time burnt, without that of safe points at which the host did something.
    pub burnt_ns: u64,
    /// CPU time of safe points at which the host did something: a hand-over of the lock, or a drained ring.
    pub host_cpu_ns: u64,
    /// Time in them that was the host's: their wall time where the host made the thread wait, for the lock; their CPU time where
    /// it did not, which is what the host did itself.
    pub host_wall_ns: u64,
    /// Safe points that took longer than 2 µs, by the wall clock.
    pub long_safe_points: u64,
}

/// Burns that much CPU time of the calling thread, and at most a few microseconds more.
pub(crate) fn burn(time: Duration, mut safe_point: impl FnMut() -> Result<()>) -> Result<Burnt> {
    let start = cpu_time();
    let (mut host, mut host_wall) = (Duration::ZERO, Duration::ZERO);
    let mut long_safe_points = 0;
    let mut voluntary = voluntary_switches();
    loop {
        spin();
        let now = cpu_time();
        if now - start - host >= time {
            return Ok(Burnt {
                burnt_ns: nanoseconds(now - start - host),
                host_cpu_ns: nanoseconds(host),
                host_wall_ns: nanoseconds(host_wall),
                long_safe_points,
            });
        }
        let before = wall_time();
        safe_point()?;
        let passed = wall_time() - before;
        if passed > HANDOVER {
            let in_host = cpu_time() - now;
            host += in_host;
            // Who was only pushed off the core did not wait for the host.
            let waits = std::mem::replace(&mut voluntary, voluntary_switches());
            host_wall += if voluntary > waits { passed } else { in_host.min(passed) };
            long_safe_points += 1;
        }
    }
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
    use crate::clocks::measured;

    const ASKED: Duration = Duration::from_millis(5);
    /// Both are CPU times, so that only system calls and interrupts lie between them, and what a hypervisor takes without
    /// saying so.
    const MARGIN_NS: u64 = 20_000_000;

    #[test]
    fn the_clock_of_the_thread_has_seen_the_burnt_time() {
        let part = measured(|| burn(ASKED, || Ok(()))).unwrap();
        assert!(part.truth.burnt_ns >= nanoseconds(ASKED), "{part:?}");
        let total = part.truth.burnt_ns + part.truth.host_cpu_ns;
        assert!(part.figures.cpu_ns >= total, "{part:?}");
        assert!(part.figures.cpu_ns - total < MARGIN_NS, "{part:?}");
        assert!(part.truth.burnt_ns - nanoseconds(ASKED) < MARGIN_NS, "{part:?}");
    }

    #[test]
    fn procfs_has_seen_it_too() {
        // First field: time on a core in nanoseconds. It is brought up to date at ticks and switches, so sleep first.
        let on_core = || {
            std::thread::sleep(Duration::from_millis(1));
            let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
            text.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        let before = on_core();
        burn(ASKED, || Ok(())).unwrap();
        let seen = on_core() - before;
        assert!(seen >= nanoseconds(ASKED), "{seen}");
    }

    #[test]
    fn the_hosts_own_work_is_not_counted_as_burnt() {
        let mut calls = 0_u64;
        let part = measured(|| {
            burn(ASKED, || {
                calls += 1;
                if calls == 10 { burn(ASKED, || Ok(())).map(|_| ()) } else { Ok(()) }
            })
        })
        .unwrap();
        assert!(part.truth.host_cpu_ns >= nanoseconds(ASKED), "{part:?}");
        assert!(part.truth.long_safe_points >= 1, "{part:?}");
        assert!(part.figures.cpu_ns >= 2 * nanoseconds(ASKED), "{part:?}");
    }

    #[test]
    fn safe_points_are_many_and_can_end_it() {
        let mut calls = 0_u64;
        burn(ASKED, || {
            calls += 1;
            Ok(())
        })
        .unwrap();
        // A safe point every 10 µs is what the documents promise; the loop is far faster, built for release or not.
        assert!(calls >= 500, "{calls} safe points in 5 ms of CPU time");
        let cancelled = burn(Duration::from_secs(3600), || Err(gild_abi::Error::cancelled()));
        assert!(cancelled.unwrap_err().is_cancelled());
    }
}
