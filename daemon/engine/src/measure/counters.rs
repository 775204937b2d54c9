//! Every counter that gild knows, and what they say at one instant.
//!
//! Hardware counters where there is a PMU; reference cycles (the `msr/tsc/` event) and software events everywhere.
//! What is not open is not measured: its place in a [`Reading`] stays 0 and its bit in the mask is not set, so that
//! nobody takes it for a count.

use crate::ledger::layout::{COUNTERS_MAX, GROUPS_MAX};

/// Every counter; its place here is its place in ledgers and readings.
pub const NAMES: [&str; 11] = [
    "cycles",
    "instructions",
    "cache-references",
    "cache-misses",
    "branches",
    "branch-misses",
    "tsc-cycles",
    "task-clock-ns",
    "context-switches",
    "cpu-migrations",
    "page-faults",
];

/// Place of `task-clock-ns` in [`NAMES`]: the thread's CPU time, which splits `stolen` from `on-cpu`.
pub const TASK_CLOCK: usize = 7;

/// Hardware counters that belong together, because people divide one by the other: a group that does not fit the PMU
/// is split into these.
pub const FAMILIES: [&[usize]; 3] = [&[0, 1], &[2, 3], &[4, 5]];

const _: () = assert!(NAMES.len() <= COUNTERS_MAX);
// The families, and the software events.
const _: () = assert!(FAMILIES.len() < GROUPS_MAX);

/// The place of a counter in [`NAMES`].
pub fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|it| *it == name)
}

/// Whether the counter at this place needs a PMU.
pub fn is_hardware(place: usize) -> bool {
    place < 6
}

/// How long a group of counters was enabled, and how long of it it really counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Enabled, in nanoseconds.
    pub enabled_ns: u64,
    /// Running, in nanoseconds: less, where the PMU was shared.
    pub running_ns: u64,
}

/// The counts of a thread's counters at one instant, unscaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// By number of the group.
    pub times: [Times; GROUPS_MAX],
    /// By place in [`NAMES`].
    pub values: [u64; COUNTERS_MAX],
}

impl Reading {
    /// This reading, as if what was counted from one to another had never happened.
    pub fn without(mut self, from: &Reading, to: &Reading) -> Reading {
        for (group, times) in self.times.iter_mut().enumerate() {
            let (from, to) = (from.times[group], to.times[group]);
            times.enabled_ns += to.enabled_ns.saturating_sub(from.enabled_ns);
            times.running_ns += to.running_ns.saturating_sub(from.running_ns);
        }
        for (place, value) in self.values.iter_mut().enumerate() {
            *value += to.values[place].saturating_sub(from.values[place]);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_place() {
        for (index, name) in NAMES.iter().enumerate() {
            assert_eq!(place(name), Some(index));
        }
        assert_eq!(place("task-clock-ns"), Some(TASK_CLOCK));
        assert_eq!(place("nonsense"), None);
    }

    #[test]
    fn every_hardware_counter_is_in_one_family() {
        let mut places: Vec<usize> = FAMILIES.concat();
        places.sort_unstable();
        assert_eq!(places, (0..NAMES.len()).filter(|place| is_hardware(*place)).collect::<Vec<_>>());
    }
}
