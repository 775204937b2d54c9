//! What may be spent on reading counters, and when it is too much. Pure: ticks in, a verdict out.
//!
//! Reading counters at every mark costs a system call per mark: nothing for tasks of milliseconds, most of the time for
//! tasks of microseconds. A worker holds what its readings have cost against the time it has lived, and reads less often
//! (at tasks instead of phases, then only at both ends of its life) as soon as that is more than the budget allows.

/// Readings that are made before they are judged: the first few say nothing of the rest.
const READINGS_MIN: u64 = 64;

/// A worker's budget for readings.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Most that readings may cost, as a share of the time lived.
    share_max: f64,
    /// What one reading costs, in ticks.
    reading_ticks: u64,
    /// When the readings that are judged began.
    from: u64,
    readings: u64,
}

impl Budget {
    /// A budget that begins now.
    pub fn new(share_max: f64, reading_ticks: u64, now: u64) -> Budget {
        Budget { share_max, reading_ticks, from: now, readings: 0 }
    }

    /// A reading has been made. `true`: they have become too dear.
    pub fn spend(&mut self, now: u64) -> bool {
        self.readings += 1;
        let spent = self.readings as f64 * self.reading_ticks as f64;
        self.readings >= READINGS_MIN && spent > self.share_max * now.saturating_sub(self.from) as f64
    }

    /// Begins anew, after readings have become rarer.
    pub fn restart(&mut self, now: u64) {
        self.from = now;
        self.readings = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many readings, one every `every` ticks, are made until they are too dear; `None`: never.
    fn until_too_dear(share_max: f64, reading_ticks: u64, every: u64) -> Option<u64> {
        let mut budget = Budget::new(share_max, reading_ticks, 0);
        (1..10_000).find(|reading| budget.spend(reading * every))
    }

    #[test]
    fn readings_are_too_dear_when_they_cost_more_than_their_share() {
        assert_eq!(until_too_dear(0.005, 10, 2_000), None, "exactly the share");
        assert_eq!(until_too_dear(0.005, 10, 1_999), Some(READINGS_MIN));
        assert_eq!(until_too_dear(0.5, 10, 1), Some(READINGS_MIN));
        assert_eq!(until_too_dear(1.0, 0, 0), None, "what costs nothing is never too dear");
    }

    #[test]
    fn a_burst_is_paid_from_the_calm_before_it() {
        let mut budget = Budget::new(0.01, 10, 0);
        for reading in 0..500 {
            assert!(!budget.spend(1_000_000 + reading), "a burst of 500 readings after 1 000 000 quiet ticks");
        }
    }
}
