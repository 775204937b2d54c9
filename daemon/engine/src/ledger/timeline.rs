//! The timeline: when a worker went from which phase to which, mark by mark.
//!
//! Every worker, and the coordinator, has a ring of its own behind the task log, in the same memory, so that it outlives its
//! writer like everything in the ledger:
//!
//! ```text
//! ┌────────┬───────────┬─────┬──────────┬───────────────────┬──────────┬───┐
//! │ header │ section 0 │ …   │ task log │ ring 0            │ ring 1   │ … │   ring 0: the coordinator's
//! └────────┴───────────┴─────┴──────────┴───────────────────┴──────────┴───┘
//!                                         ticks │ slot         one word per mark
//! ```
//!
//! A ring has room for a power of two of marks, and keeps the last ones; how many there were is in the section, which counts
//! them in any case. So a mark costs one more store. A trial whose ledger was made without rings writes nothing.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use gild_model::timeline::{Meaning, Timeline};

use super::layout::{SLOTS, Section, SlotId};
use super::map::{Map, map_rings};
use super::writer::read_consistently;
use crate::clock::{Anchor, Rate};

/// Most marks that a ring has room for.
pub const MARKS_MAX: u32 = gild_model::timeline::MARKS_MAX;
/// Bytes of a mark.
pub const MARK_BYTES: usize = size_of::<AtomicU64>();
/// Bits of a mark's word that name the slot which it opens; the others are the lowest bits of the clock's reading.
const SLOT_BITS: u32 = 8;
/// Words on the smallest page that Linux has.
const WORDS_PER_PAGE: usize = 4096 / MARK_BYTES;

const _: () = assert!(SLOTS <= 1 << SLOT_BITS);

/// The room that rings have for so many marks: a power of two, or 0.
pub fn capacity(marks: u32) -> u32 {
    if marks == 0 { 0 } else { marks.min(MARKS_MAX).next_power_of_two() }
}

/// A hold on all rings of a ledger. The default one has none: noting does nothing.
#[derive(Clone, Copy, Default)]
pub struct Rings {
    words: &'static [AtomicU64],
    capacity: usize,
}

impl fmt::Debug for Rings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rings({} marks each)", self.capacity)
    }
}

impl Rings {
    /// Maps the rings of a ledger, for as long as the process lives.
    ///
    /// # Errors
    /// They cannot be mapped, or the file is too short.
    pub fn attach(file: impl AsFd, map: &Map) -> io::Result<Rings> {
        let capacity = map.header().ring_capacity.load(Relaxed);
        if capacity > MARKS_MAX || !(capacity == 0 || capacity.is_power_of_two()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the ledger has no rings of this version of gild"));
        }
        Ok(Rings { words: map_rings(file, map.workers(), capacity)?, capacity: capacity as usize })
    }

    /// Rings of this capacity, which is a power of two, one after the other.
    pub fn of_words(words: &'static [AtomicU64], capacity: u32) -> Rings {
        Rings { words, capacity: capacity as usize }
    }

    /// What reads them once the trial is over. `origin`: ticks that times are told from.
    pub(crate) fn reader(&self, until: Anchor, rate: Rate, origin: u64) -> Reader<'_> {
        Reader { words: self.words, capacity: self.capacity as u32, until, rate, origin }
    }

    /// The ring of a section's worker, with every page there, so that no mark has to wait for one.
    pub fn of(self, section: &Section) -> Ring {
        let start = section.place.load(Relaxed) as usize * self.capacity;
        let words = self.words.get(start..start + self.capacity).unwrap_or_default();
        for word in words.iter().step_by(WORDS_PER_PAGE) {
            std::hint::black_box(word.load(Relaxed));
        }
        Ring { words, marks: section.marks.load(Relaxed) as usize }
    }
}

/// A worker's hold on its ring.
#[derive(Clone, Copy)]
pub struct Ring {
    words: &'static [AtomicU64],
    /// Marks made so far.
    marks: usize,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({} marks in {})", self.marks, self.words.len())
    }
}

impl Ring {
    /// Marks that there is room for.
    pub fn capacity(&self) -> u32 {
        self.words.len() as u32
    }

    /// Notes a mark.
    #[inline(always)]
    pub fn note(&mut self, now: u64, next: SlotId) {
        // Without a ring the place is in no slice; with one it is a power of two long.
        if let Some(word) = self.words.get(self.marks & self.words.len().wrapping_sub(1)) {
            word.store(now << SLOT_BITS | next.index() as u64, Relaxed);
            self.marks = self.marks.wrapping_add(1);
        }
    }
}

/// What the marks of a trial are held against.
pub(crate) struct Reader<'r> {
    /// The words of all rings, one ring after the other.
    pub words: &'r [AtomicU64],
    /// The capacity of each.
    pub capacity: u32,
    /// When the books were closed.
    pub until: Anchor,
    /// Nanoseconds per tick.
    pub rate: Rate,
    /// Ticks that times are told from: the start of the wall time.
    pub origin: u64,
}

impl Reader<'_> {
    /// A worker's timeline; `None`: there is no ring, or nobody wrote to it. Nothing in it is believed: what does not lie between the
    /// trial's ends, one after the other, ends it.
    pub fn read(&self, section: &Section) -> Option<Timeline> {
        let (marks, born) = (section.marks.load(Relaxed), section.born_ticks.load(Relaxed));
        if self.capacity == 0 || marks == 0 || born == 0 {
            return None;
        }
        let capacity = self.capacity as usize;
        let kept = marks.min(capacity as u64);
        let mut timeline = Timeline::new(marks - kept);
        let mut last = born;
        if timeline.dropped == 0 {
            timeline.push(self.ns(born), meaning(SlotId::from_index(0)));
        }
        let start = section.place.load(Relaxed) as usize * capacity;
        let words = self.words.get(start..start + capacity)?;
        let mut end = self.end(section);
        for mark in marks - kept..marks {
            let word = words[mark as usize & (capacity - 1)].load(Relaxed);
            let ticks = whole(word >> SLOT_BITS, born);
            if !(last..=self.until.ticks).contains(&ticks) {
                timeline.dropped += marks - mark;
                // Nobody knows how long the last one was.
                end = last;
                break;
            }
            last = ticks;
            timeline.push(self.ns(ticks), meaning(SlotId::from_index((word & ((1 << SLOT_BITS) - 1)) as usize)));
        }
        timeline.until_ns = self.ns(end.clamp(last, self.until.ticks.max(last)));
        Some(timeline)
    }

    /// When the last interval ends: at the last act, or when the books were closed.
    fn end(&self, section: &Section) -> u64 {
        let ended = section.died_raw_ns.load(Relaxed) != 0;
        let since = read_consistently(section, || section.since.load(Relaxed));
        if ended { since } else { self.until.ticks }
    }

    fn ns(&self, ticks: u64) -> i64 {
        let between = |from: u64, to: u64| i64::try_from(self.rate.to_ns(to - from)).unwrap_or(i64::MAX);
        if ticks >= self.origin { between(self.origin, ticks) } else { -between(ticks, self.origin) }
    }
}

/// A reading of the clock, of which the highest bits are missing, at or after `earlier`.
fn whole(low: u64, earlier: u64) -> u64 {
    let mask = u64::MAX >> SLOT_BITS;
    earlier.wrapping_add(low.wrapping_sub(earlier) & mask)
}

fn meaning(slot: SlotId) -> Meaning {
    let (phase, kernel_phase) = slot.meaning();
    Meaning { phase, kernel_phase: kernel_phase.map(|number| number as u8) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::map::memory_file;
    use crate::ledger::writer::stamp_birth;
    use gild_model::phase::Phase;

    const UNTIL: Anchor = Anchor { ticks: 1 << 40, raw_ns: 1 << 40 };

    fn ledger(marks: u32) -> (Map, Rings) {
        let file = memory_file(1, capacity(marks)).unwrap();
        let map = Map::create(&file, 1, capacity(marks)).unwrap();
        let rings = Rings::attach(&file, &map).unwrap();
        stamp_birth(map.worker(0), 100, 100);
        (map, rings)
    }

    fn read(map: &Map, rings: Rings) -> Option<Timeline> {
        let from = Anchor { ticks: 0, raw_ns: 0 };
        let rate = Rate::between(from, UNTIL).unwrap();
        Reader { words: rings.words, capacity: rings.capacity as u32, until: UNTIL, rate, origin: 1000 }
            .read(map.worker(0))
    }

    fn note(map: &Map, ring: &mut Ring, at: u64, phase: Phase) {
        ring.note(at, SlotId::phase(phase));
        let section = map.worker(0);
        section.marks.store(section.marks.load(Relaxed) + 1, Relaxed);
        section.since.store(at, Relaxed);
    }

    #[test]
    fn marks_come_back_in_nanoseconds_since_the_wall_time_began() {
        let (map, rings) = ledger(8);
        let mut ring = rings.of(map.worker(0));
        note(&map, &mut ring, 1500, Phase::LockWait);
        note(&map, &mut ring, 2500, Phase::Compute);
        map.worker(0).died_raw_ns.store(4000, Relaxed);
        map.worker(0).since.store(4000, Relaxed);
        let timeline = read(&map, rings).unwrap();
        let intervals: Vec<_> = timeline.intervals().map(|it| (it.from_ns, it.until_ns, it.meaning.phase)).collect();
        let expected = [(-900, 500, Phase::Startup), (500, 1500, Phase::LockWait), (1500, 3000, Phase::Compute)];
        assert_eq!(intervals, expected);
        assert_eq!(timeline.dropped, 0);
    }

    #[test]
    fn a_full_ring_keeps_the_last_marks_and_says_how_many_are_gone() {
        let (map, rings) = ledger(3);
        let mut ring = rings.of(map.worker(0));
        for mark in 0..10 {
            note(&map, &mut ring, 1000 + mark * 10, if mark % 2 == 0 { Phase::Compute } else { Phase::IoWait });
        }
        let timeline = read(&map, rings).unwrap();
        assert_eq!((timeline.dropped, timeline.intervals().count()), (6, 4));
        let first = timeline.intervals().next().unwrap();
        assert_eq!((first.from_ns, first.meaning.phase), (60, Phase::Compute));
        assert_eq!(timeline.until_ns, UNTIL.ticks as i64 - 1000, "it was killed");
    }

    #[test]
    fn what_no_clock_could_have_read_ends_the_timeline() {
        let (map, rings) = ledger(8);
        let mut ring = rings.of(map.worker(0));
        note(&map, &mut ring, 2000, Phase::Compute);
        note(&map, &mut ring, 1999, Phase::IoWait);
        note(&map, &mut ring, 3000, Phase::Compute);
        let timeline = read(&map, rings).unwrap();
        assert_eq!((timeline.dropped, timeline.intervals().count()), (2, 2));
        assert_eq!(timeline.until_ns, 1000, "what it was in last began then, and nobody knows for how long");
    }

    #[test]
    fn without_rings_nothing_is_noted() {
        let (map, rings) = ledger(0);
        let mut ring = rings.of(map.worker(0));
        note(&map, &mut ring, 2000, Phase::Compute);
        assert!(read(&map, rings).is_none());
        assert_eq!([0, 1, 5, u32::MAX].map(capacity), [0, 1, 8, MARKS_MAX]);
    }

    #[test]
    fn the_highest_bits_of_the_clock_are_made_up_for() {
        let mask = u64::MAX >> SLOT_BITS;
        for ticks in [5u64, (1 << 56) - 3, (1 << 56) + 9] {
            assert_eq!(whole(ticks & mask, ticks.saturating_sub(1_000_000)), ticks);
        }
    }
}
