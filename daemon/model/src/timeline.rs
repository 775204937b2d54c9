//! A worker's timeline: its intervals, one after the other, without a gap between the first and the last.

use serde::{Deserialize, Serialize};

use crate::account::Role;
use crate::phase::Phase;

/// Most marks that a timeline can be asked to keep of each worker.
pub const MARKS_MAX: u32 = 1 << 20;
/// Marks kept of each worker where an experiment does not say.
pub const MARKS_DEFAULT: u32 = 1 << 14;

/// What a worker was in during an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    /// The phase.
    pub phase: Phase,
    /// The number of the kernel's own phase, from 0, in the order in which the kernel names them.
    pub kernel_phase: Option<u8>,
}

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Its start, in nanoseconds since the trial's wall time began; below zero before that.
    pub from_ns: i64,
    /// Its end, and the start of the next one.
    pub until_ns: i64,
    /// What the worker was in.
    pub meaning: Meaning,
}

/// The timeline of one worker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// Starts of the intervals, in nanoseconds since the trial's wall time began, ascending.
    starts_ns: Vec<i64>,
    /// What the worker was in, interval by interval: a phase's number, or the number of phases plus that of a kernel's own.
    slots: Vec<u8>,
    /// End of the last interval.
    pub until_ns: i64,
    /// Intervals that were not kept: those before the first, or, where what was noted is damaged, the rest.
    pub dropped: u64,
}

/// A timeline, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerTimeline {
    /// Its worker's place in the trial's accounts.
    pub row: u32,
    /// The worker's role.
    pub role: Role,
    /// The worker's number.
    pub index: u32,
    /// The kernel's names for its own phases, in their order.
    pub kernel_phases: Vec<String>,
    /// The timeline.
    pub timeline: Timeline,
}

impl Timeline {
    /// One that has no intervals yet, after so many that were not kept.
    pub fn new(dropped: u64) -> Timeline {
        Timeline { dropped, ..Timeline::default() }
    }

    /// Adds an interval at the end.
    pub fn push(&mut self, from_ns: i64, meaning: Meaning) {
        self.starts_ns.push(from_ns);
        self.slots.push(match meaning.kernel_phase {
            None => meaning.phase as u8,
            Some(number) => (Phase::ALL.len() as u8).saturating_add(number),
        });
    }

    /// Number of intervals.
    pub fn len(&self) -> usize {
        self.slots.len().min(self.starts_ns.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The intervals.
    pub fn intervals(&self) -> impl Iterator<Item = Interval> {
        let ends = self.starts_ns.iter().skip(1).chain(std::iter::once(&self.until_ns));
        self.starts_ns.iter().zip(ends).zip(&self.slots).map(|((from_ns, until_ns), slot)| Interval {
            from_ns: *from_ns,
            until_ns: *until_ns,
            meaning: meaning(*slot),
        })
    }

    /// In few bytes: the number of intervals, then of each the time since the one before and its slot, all as
    /// variable-length numbers (LEB128), then the time to the end of the last.
    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() * 4 + 16);
        put(&mut bytes, self.len() as u64);
        put(&mut bytes, zigzag(self.starts_ns.first().copied().unwrap_or(0)));
        let mut last = self.starts_ns.first().copied().unwrap_or(0);
        for (start, slot) in self.starts_ns.iter().zip(&self.slots) {
            put(&mut bytes, start.saturating_sub(last).unsigned_abs());
            bytes.push(*slot);
            last = *start;
        }
        put(&mut bytes, self.until_ns.saturating_sub(last).unsigned_abs());
        bytes
    }

    /// What [`Timeline::pack`] made; `None`: it is no such thing.
    pub fn unpack(mut bytes: &[u8], dropped: u64) -> Option<Timeline> {
        let count = usize::try_from(take(&mut bytes)?).ok()?;
        let mut last = unzigzag(take(&mut bytes)?);
        // A length is never believed before the bytes are there: an interval has two of them at least.
        let room = count.min(bytes.len() / 2);
        let mut timeline =
            Timeline { starts_ns: Vec::with_capacity(room), slots: Vec::with_capacity(room), until_ns: last, dropped };
        for _ in 0..count {
            last = last.checked_add_unsigned(take(&mut bytes)?)?;
            let (slot, rest) = bytes.split_first()?;
            bytes = rest;
            timeline.starts_ns.push(last);
            timeline.slots.push(*slot);
        }
        timeline.until_ns = last.checked_add_unsigned(take(&mut bytes)?)?;
        bytes.is_empty().then_some(timeline)
    }
}

fn meaning(slot: u8) -> Meaning {
    match Phase::from_index(slot.into()) {
        Some(phase) => Meaning { phase, kernel_phase: None },
        None => Meaning { phase: Phase::Compute, kernel_phase: Some(slot - Phase::ALL.len() as u8) },
    }
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(first in -1_000_000_000_000i64..1_000_000_000_000, steps in vec((0u64..1 << 40, 0u8..29), 0..50), rest in 0u64..1 << 40) {
            let mut timeline = Timeline::new(7);
            let mut at = first;
            for (step, slot) in steps {
                at += step as i64;
                timeline.push(at, meaning(slot));
            }
            timeline.until_ns = if timeline.is_empty() { 0 } else { at + rest as i64 };
            prop_assert_eq!(Timeline::unpack(&timeline.pack(), 7), Some(timeline));
        }

        #[test]
        fn bytes_from_elsewhere_are_refused_or_read_without_harm(bytes in vec(any::<u8>(), 0..200)) {
            if let Some(timeline) = Timeline::unpack(&bytes, 0) {
                prop_assert!(timeline.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn intervals_have_no_gaps() {
        let mut timeline = Timeline::default();
        for (at, phase) in [(0, Phase::Startup), (5, Phase::Compute), (9, Phase::Idle)] {
            timeline.push(at, Meaning { phase, kernel_phase: None });
        }
        timeline.until_ns = 12;
        let ends: Vec<_> = timeline.intervals().map(|it| (it.from_ns, it.until_ns)).collect();
        assert_eq!(ends, [(0, 5), (5, 9), (9, 12)]);
    }

    #[test]
    fn a_length_is_not_believed() {
        assert_eq!(Timeline::unpack(&[0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1, 1], 0), None);
        assert_eq!(Timeline::unpack(&[], 0), None);
    }
}
