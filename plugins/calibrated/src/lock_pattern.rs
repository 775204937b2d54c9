//! Holds the lock for a known time and gives it away for a known time, many times.

use std::time::Duration;

use gild_abi::{Cx, Result};
use serde::{Deserialize, Serialize};

use crate::block::block;
use crate::burn::burn;
use crate::clocks::{nanoseconds, wall_time};
use crate::settings::{LockPattern, SafePoints};

/// What a lock pattern knows of itself: sums over its rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Rounds gone through.
    pub rounds: u64,
    /// CPU time burnt while the lock was held, without that of the host (see [`crate::Burnt`]).
    pub hold_cpu_ns: u64,
    /// CPU time of safe points at which the host did something.
    pub hold_host_cpu_ns: u64,
    /// Wall time of those of them in which the host made the thread wait, for the lock.
    pub hold_host_wall_ns: u64,
    /// From the start of holding until the lock was to be given away. Without safe points the lock was held all the
    /// time.
    pub hold_wall_ns: u64,
    /// From giving the lock away until it was given.
    pub release_wall_ns: u64,
    /// Resting, without the lock.
    pub rest_wall_ns: u64,
    /// From the end of resting until the lock was held again.
    pub reacquire_wall_ns: u64,
}

/// Goes through the rounds.
pub(crate) fn hold_and_rest(cx: &mut Cx<'_>, pattern: LockPattern, safe_points: SafePoints) -> Result<Held> {
    let mut held = Held::default();
    for _ in 0..pattern.rounds {
        let start = wall_time();
        if pattern.hold > Duration::ZERO {
            let burnt = burn(pattern.hold, || safe_points.pass(cx))?;
            held.hold_cpu_ns += burnt.burnt_ns;
            held.hold_host_cpu_ns += burnt.host_cpu_ns;
            held.hold_host_wall_ns += burnt.host_wall_ns;
        }
        held.hold_wall_ns += nanoseconds(wall_time() - start);
        let rested = block(cx, pattern.rest)?;
        held.release_wall_ns += rested.release_wall_ns;
        held.rest_wall_ns += rested.blocked_wall_ns;
        held.reacquire_wall_ns += rested.reacquire_wall_ns;
        held.rounds += 1;
    }
    Ok(held)
}
