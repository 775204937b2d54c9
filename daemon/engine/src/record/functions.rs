//! The functions that held the interpreter's lock while others waited for it: one table for all processes of a recording.
//!
//! An entry is taken when a process first sees such a function, whose text is copied then: later it may be gone. What is
//! beyond the table, and functions that cannot be told, are added up in the place of the process's leader.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

use gild_model::lock_wait::HoldingFunction;

use super::layout::{Kind, read_text, write_text};
use super::map::Map;
use crate::clock::Rate;

/// Functions that there is room for, in all processes together.
pub const FUNCTIONS: u32 = 4096;
/// Bytes kept of a function's name.
pub const FUNCTION_NAME_LEN: usize = 64;
/// Bytes kept of a file's path: the last ones, which say more.
pub const FILE_LEN: usize = 192;

/// A function.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct FunctionCell {
    /// 1 when the text is there.
    is_known: AtomicU32,
    line: AtomicU32,
    ticks: AtomicU64,
    hand_overs: AtomicU64,
    name: [AtomicU64; FUNCTION_NAME_LEN / 8],
    file: [AtomicU64; FILE_LEN / 8],
}

impl FunctionCell {
    /// Writes what function it is. By whoever took the cell, once.
    pub fn describe(&self, name: &[u8], file: &[u8], line: u32) {
        write_text(&self.name, name);
        write_text(&self.file, &file[file.len().saturating_sub(FILE_LEN)..]);
        self.line.store(line, Relaxed);
        self.is_known.store(1, Release);
    }

    /// Others waited for so long, all together, until this function released the lock.
    pub fn book(&self, ticks: u64) {
        self.ticks.fetch_add(ticks, Relaxed);
        self.hand_overs.fetch_add(1, Relaxed);
    }
}

/// What a process knows of its functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Knowledge {
    /// Nobody told the library what the interpreter's structures look like.
    NotTold = 0,
    /// It can tell them.
    Known = 1,
    /// The thread's state cannot be had.
    NoThreadState = 2,
    /// The function that runs was not found from the thread's state.
    NoFrame = 3,
    /// A function's name, file and line were not found in it.
    NoText = 4,
}

impl Knowledge {
    /// The one with this number; `NotTold` for a number that none has.
    pub fn from_number(number: u32) -> Knowledge {
        match number {
            1 => Knowledge::Known,
            2 => Knowledge::NoThreadState,
            3 => Knowledge::NoFrame,
            4 => Knowledge::NoText,
            _ => Knowledge::NotTold,
        }
    }

    /// Why functions are not known; `None`: they are.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Knowledge::Known => None,
            Knowledge::NotTold => Some(
                "the interpreter did not load gild's module at its start (options such as -S and -I keep it from that)",
            ),
            Knowledge::NoThreadState => Some("the interpreter does not say what state a thread has"),
            Knowledge::NoFrame => Some("the function that runs was not found in the interpreter's structures"),
            Knowledge::NoText => Some("names and lines were not found in the interpreter's structures"),
        }
    }
}

/// Functions and what is not known of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Functions {
    /// The functions, the longest first. `None`: no process could tell them.
    pub holders: Option<Vec<HoldingFunction>>,
    /// Why not, with the number of processes in which others waited for the lock all the same.
    pub unknown: Vec<(&'static str, u32)>,
}

/// Adds up what is known of a recording's functions.
pub(super) fn read(map: &Map, rate: Rate) -> Functions {
    let mut sums: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
    let mut add = |key: Key, ticks: u64, hand_overs: u64| {
        let sum = sums.entry(key).or_default();
        *sum = (sum.0.saturating_add(ticks), sum.1.saturating_add(hand_overs));
    };
    for cell in (0..map.functions_taken()).filter_map(|number| map.function(number)) {
        let is_known = cell.is_known.load(Acquire) != 0;
        // What is not written in Python has no line.
        let line = is_known.then(|| cell.line.load(Relaxed)).filter(|line| *line > 0);
        let text = |words: &[AtomicU64]| is_known.then(|| read_text(words));
        add((text(&cell.name), text(&cell.file), line), cell.ticks.load(Relaxed), cell.hand_overs.load(Relaxed));
    }
    let (mut unknown, mut is_told) = (BTreeMap::<Knowledge, u32>::new(), false);
    for place in (0..map.taken()).filter_map(|number| map.place(number)) {
        if Kind::from_number(place.who.kind.load(Acquire)) != Kind::Leader {
            continue;
        }
        let knowledge = Knowledge::from_number(place.who.functions.load(Relaxed));
        let hand_overs = place.who.unknown_hand_overs.load(Relaxed);
        is_told |= knowledge == Knowledge::Known;
        add((None, None, None), place.who.unknown_ticks.load(Relaxed), hand_overs);
        if hand_overs > 0 && knowledge != Knowledge::Known {
            *unknown.entry(knowledge).or_default() += 1;
        }
    }
    let mut holders: Vec<_> = sums.into_iter().filter(|(_, sum)| sum.1 > 0).map(|it| holder(it, rate)).collect();
    holders.sort_by_key(|it| std::cmp::Reverse(it.waited_ns));
    let unknown = unknown.into_iter().filter_map(|(it, count)| Some((it.reason()?, count))).collect();
    Functions { holders: is_told.then_some(holders), unknown }
}

/// A function's name, file and first line; nothing, where they are not known.
type Key = (Option<String>, Option<String>, Option<u32>);

/// A function with its ticks and hand-overs.
fn holder(((function, file, line), (ticks, hand_overs)): (Key, (u64, u64)), rate: Rate) -> HoldingFunction {
    HoldingFunction { function, file, line, waited_ns: rate.to_ns(ticks), hand_overs }
}

impl Map {
    /// Takes an entry for another function; `None`: there is none left.
    pub fn take_function(&self) -> Option<(u32, &FunctionCell)> {
        let number = self.header().functions.fetch_add(1, AcqRel);
        Some((number, self.function(number)?))
    }

    /// Functions that have been taken.
    fn functions_taken(&self) -> u32 {
        self.header().functions.load(Acquire).min(FUNCTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Anchor;

    #[test]
    fn the_same_function_in_several_processes_is_one_and_what_is_not_known_has_its_reason() {
        let (map, _file) = Map::create(3).unwrap();
        let at = Anchor { ticks: 1, raw_ns: 1 };
        let rate = Rate::between(Anchor { ticks: 0, raw_ns: 0 }, at).unwrap();
        let leader = || {
            let number = map.take_place().unwrap();
            &map.be_born(number, Kind::Leader, number, at).unwrap().who
        };
        let (first, second, third) = (leader(), leader(), leader());
        assert_eq!(read(&map, rate), Functions::default());
        first.functions.store(Knowledge::Known as u32, Relaxed);
        second.functions.store(Knowledge::NoFrame as u32, Relaxed);
        third.functions.store(Knowledge::NoText as u32, Relaxed);
        for (name, ticks) in [("hog", 5), ("work", 9), ("hog", 6)] {
            let (_, cell) = map.take_function().unwrap();
            cell.describe(name.as_bytes(), b"/x/app.py", 12);
            cell.book(ticks);
        }
        second.unknown_ticks.store(3, Relaxed);
        second.unknown_hand_overs.store(1, Relaxed);
        let read = read(&map, rate);
        let rows: Vec<_> = read.holders.iter().flatten().map(|it| (it.function.as_deref(), it.waited_ns)).collect();
        assert_eq!(rows, [(Some("hog"), 11), (Some("work"), 9), (None, 3)]);
        assert_eq!(read.unknown, [(Knowledge::NoFrame.reason().unwrap(), 1)], "in the third nobody waited");
    }

    #[test]
    fn of_a_long_path_its_end_is_kept() {
        let (map, _file) = Map::create(1).unwrap();
        let (_, cell) = map.take_function().unwrap();
        cell.describe(b"f", format!("/{}/app.py", "x".repeat(300)).as_bytes(), 1);
        let file = read_text(&cell.file);
        assert!(file.len() == FILE_LEN && file.ends_with("/app.py"), "{file}");
        assert!((1..FUNCTIONS).all(|_| map.take_function().is_some()));
        assert!(map.take_function().is_none());
    }
}
