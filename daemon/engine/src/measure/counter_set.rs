//! All counters of a thread: groups that are on the PMU each by itself, each with times of its own.
//!
//! Hardware counters are in one group if the PMU has room for it, else in several that take turns. Software events are
//! in a group of their own, which always counts: nobody's use of the PMU can make them stop.

use std::io;

use super::counter_group::{CounterGroup, Way};
use super::counters::{Reading, is_hardware};
use super::perf_error::PerfError;
use crate::ledger::layout::{GROUP_BITS, GROUPS_MAX};

/// The open counters of the thread that opened them.
#[derive(Debug, Default)]
pub struct CounterSet {
    groups: Vec<CounterGroup>,
    /// The first group that could not be opened.
    refused: Option<PerfError>,
}

/// Which counters to open, in which groups.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// Places in [`super::counters::NAMES`], group by group.
    pub groups: &'w [Vec<usize>],
    /// Whether events in the kernel are counted too.
    pub counts_kernel: bool,
    /// The type of the core PMU for hardware events, where there are several.
    pub core_pmu: Option<u32>,
}

impl CounterSet {
    /// Opens and starts the groups, at most [`GROUPS_MAX`]; a group that cannot be opened is left out.
    pub fn open(wanted: Wanted<'_>) -> CounterSet {
        let mut set = CounterSet::default();
        for places in wanted.groups.iter().filter(|places| !places.is_empty()).take(GROUPS_MAX) {
            match CounterGroup::open(places, wanted.counts_kernel, wanted.core_pmu) {
                Ok(group) => set.groups.push(group),
                Err(error) => set.refused = set.refused.or(Some(error)),
            }
        }
        set
    }

    /// Why a group is missing.
    pub fn refused(&self) -> Option<&PerfError> {
        self.refused.as_ref()
    }

    /// The set, or why a group of it is missing.
    ///
    /// # Errors
    /// The first group that could not be opened.
    pub fn complete(mut self) -> Result<CounterSet, PerfError> {
        self.refused.take().map_or(Ok(self), Err)
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Which counters count: bit i for the counter at place i.
    pub fn mask(&self) -> u64 {
        self.members().fold(0, |mask, (_, place)| mask | 1 << place)
    }

    /// The number of each counter's group, [`GROUP_BITS`] bits for the counter at each place.
    pub fn group_numbers(&self) -> u64 {
        self.members().fold(0, |word, (number, place)| word | (number as u64) << (GROUP_BITS * place as u32))
    }

    /// Whether a hardware counter is among them.
    pub fn counts_hardware(&self) -> bool {
        self.members().any(|(_, place)| is_hardware(place))
    }

    /// Size of the mapped pages, in bytes.
    pub fn mapped_bytes(&self) -> usize {
        self.groups.iter().map(CounterGroup::mapped_bytes).sum()
    }

    fn members(&self) -> impl Iterator<Item = (usize, usize)> {
        let numbered = self.groups.iter().enumerate();
        numbered.flat_map(|(number, group)| group.places().map(move |place| (number, place)))
    }

    /// Reads every group, and says whether any of them was read in user space.
    ///
    /// # Errors
    /// A read failed or came short.
    #[inline]
    pub fn read(&self) -> io::Result<(Reading, Way)> {
        let (mut reading, mut way) = (Reading::default(), Way::SystemCall);
        for (number, group) in self.groups.iter().enumerate() {
            if group.read(number, &mut reading)? == Way::UserSpace {
                way = Way::UserSpace;
            }
        }
        Ok((reading, way))
    }
}

#[cfg(test)]
mod tests;
