//! Holds the lock for a known time and gives it away for a known time, many times.

use std::time::Duration;

use gild_abi::{Cx, Result};
use serde::{Deserialize, Serialize};

use crate::block::{Blocked, block};
use crate::burn::{Burnt, burn};
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

impl Held {
    /// The first half of a round, without its wall time.
    pub(crate) fn add_burnt(&mut self, burnt: &Burnt) {
        self.hold_cpu_ns += burnt.burnt_ns;
        self.hold_host_cpu_ns += burnt.host_cpu_ns;
        self.hold_host_wall_ns += burnt.host_wall_ns;
    }

    /// The second half, which ends the round.
    pub(crate) fn add_rest(&mut self, rested: &Blocked) {
        self.release_wall_ns += rested.release_wall_ns;
        self.rest_wall_ns += rested.blocked_wall_ns;
        self.reacquire_wall_ns += rested.reacquire_wall_ns;
        self.rounds += 1;
    }
}

/// Goes through the rounds.
pub(crate) fn hold_and_rest(cx: &mut Cx<'_>, pattern: LockPattern, safe_points: SafePoints) -> Result<Held> {
    let mut held = Held::default();
    for _ in 0..pattern.rounds {
        let start = wall_time();
        if pattern.hold > Duration::ZERO {
            held.add_burnt(&burn(pattern.hold, || safe_points.pass(cx))?);
        }
        held.hold_wall_ns += nanoseconds(wall_time() - start);
        held.add_rest(&block(cx, pattern.rest)?);
    }
    Ok(held)
}
