//! When each row of a recording was in which phase.

use gild_model::account::Role;
use gild_model::timeline::WorkerTimeline;

use super::books::{End, kind};
use super::layout::{Kind, Place, RING_CAPACITY};
use super::map::Map;
use crate::clock::{Anchor, Rate};
use crate::ledger::timeline::Reader;

/// Most intervals that the timelines of a recording have together.
pub const INTERVALS_MAX: usize = 1 << 20;

/// The timelines of a recording's rows.
pub(super) struct Timelines<'m> {
    map: &'m Map,
    rate: Rate,
    origin: u64,
    pub kept: Vec<WorkerTimeline>,
    intervals: usize,
    pub left_out: u32,
}

impl<'m> Timelines<'m> {
    /// None so far. `origin`: ticks that times are told from.
    pub fn from(map: &'m Map, rate: Rate, origin: u64) -> Timelines<'m> {
        Timelines { map, rate, origin, kept: Vec::new(), intervals: 0, left_out: 0 }
    }

    /// Adds that of somebody, whose accounts are in this row.
    pub fn add(&mut self, place: &Place, end: End, until: Anchor, row: u32, (role, index): (Role, u32)) {
        if kind(place) == Kind::Ended {
            return;
        }
        let until = end.at(until);
        let (words, capacity) = (self.map.words_of_rings(), RING_CAPACITY);
        let reader = Reader { words, capacity, until, rate: self.rate, origin: self.origin };
        let Some(timeline) = reader.read(&place.section) else { return };
        if self.intervals + timeline.len() > INTERVALS_MAX {
            self.left_out += 1;
            return;
        }
        self.intervals += timeline.len();
        let kernel_phases = Vec::new();
        self.kept.push(WorkerTimeline { row, role, index, kernel_phases, timeline });
    }
}
