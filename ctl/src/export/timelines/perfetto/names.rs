//! Names that return in every event are written once, and then as numbers.

use std::collections::HashMap;

use super::messages::{Interned, InternedData};
use super::{LOCK, Scene};

/// All names of a scene.
pub struct Names<'s> {
    categories: Numbered<'s>,
    events: Numbered<'s>,
}

/// Names with numbers from 1.
#[derive(Default)]
struct Numbered<'s>(HashMap<&'s str, u64>);

impl<'s> Numbered<'s> {
    fn add(&mut self, name: &'s str) {
        let next = self.0.len() as u64 + 1;
        self.0.entry(name).or_insert(next);
    }

    fn interned(&self) -> Vec<Interned> {
        self.0.iter().map(|(name, iid)| Interned { iid: Some(*iid), name: Some((*name).to_owned()) }).collect()
    }
}

impl<'s> Names<'s> {
    /// Finds them.
    pub fn of(scene: &'s Scene) -> Names<'s> {
        let mut names = Names { categories: Numbered::default(), events: Numbered::default() };
        names.categories.add(LOCK);
        for track in scene.tracks() {
            names.events.add(&track.name);
            for interval in track.row.timeline.intervals() {
                names.categories.add(interval.meaning.phase.name());
                names.events.add(track.slice_name(interval.meaning));
            }
        }
        names
    }

    /// As the packets' reader wants to have them before.
    pub fn interned(&self) -> InternedData {
        InternedData { event_categories: self.categories.interned(), event_names: self.events.interned() }
    }

    /// The number of a category.
    pub fn category(&self, name: &str) -> u64 {
        self.categories.0[name]
    }

    /// The number of an event's name.
    pub fn event(&self, name: &str) -> u64 {
        self.events.0[name]
    }
}
