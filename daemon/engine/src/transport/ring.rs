//! A ring of words in memory that two processes share: one writes, the other reads, and no system call is made unless one of
//! them sleeps.
//!
//! ```text
//! write:  copy what fits; written += n (release)
//!         fence; the reader sleeps? ─▶ take its note away and ring its bell
//! sleep:  leave a note; fence; is there something after all? ─▶ take the note away
//!                                   otherwise wait for the bell
//! ```
//!
//! Reading and sleeping for room are the same with the sides exchanged. Of the two fences one comes first, so that either the
//! one who sleeps sees what was written, or the one who writes sees the note: no wake-up is lost. Who takes a note away
//! rings the bell, once; a bell that comes too late wakes somebody for nothing, which looks again.
//!
//! The other side may be damaged or hostile. Its position is taken for true only if it is possible, the own position is
//! never read back, and every access to the memory is atomic, so that the worst that can be read is wrong bytes.
//! The bells are the caller's: this module makes no system call.

use super::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use super::sync::{AtomicU32, AtomicU64, fence};

/// Bytes of a word.
pub const WORD: usize = 8;
/// Most words that are copied before the other side is told: so both are at work at once.
const PIECE: usize = 64 * 1024 / WORD;

/// On cache lines of its own: neighbours are fetched in pairs.
#[derive(Debug)]
#[repr(C, align(128))]
struct Line<T>(T);

/// The shared memory of one direction. All zeros is an empty ring.
#[derive(Debug)]
#[repr(C)]
pub struct Ring<const WORDS: usize> {
    /// Words written so far.
    written: Line<AtomicU64>,
    /// Words read so far.
    read: Line<AtomicU64>,
    /// The reader's note that it sleeps.
    reader_sleeps: Line<AtomicU32>,
    /// The writer's note that it sleeps.
    writer_sleeps: Line<AtomicU32>,
    words: Line<[AtomicU64; WORDS]>,
}

/// The other side's position is one that it cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side has damaged the shared memory: {written} words written, {read} read")]
pub struct Damaged {
    written: u64,
    read: u64,
}

impl<const WORDS: usize> Default for Ring<WORDS> {
    /// An empty ring in memory of one's own, for tests and model checks.
    fn default() -> Ring<WORDS> {
        Ring {
            written: Line(AtomicU64::new(0)),
            read: Line(AtomicU64::new(0)),
            reader_sleeps: Line(AtomicU32::new(0)),
            writer_sleeps: Line(AtomicU32::new(0)),
            words: Line(std::array::from_fn(|_| AtomicU64::new(0))),
        }
    }
}

impl<const WORDS: usize> Ring<WORDS> {
    /// Words between the positions.
    fn filled(&self, written: u64, read: u64) -> Result<usize, Damaged> {
        match usize::try_from(written.wrapping_sub(read)) {
            Ok(filled) if filled <= WORDS => Ok(filled),
            _ => Err(Damaged { written, read }),
        }
    }

    /// So many words from a position on: those up to the end of the memory, and those at its start.
    fn span(&self, position: u64, count: usize) -> [&[AtomicU64]; 2] {
        let start = (position % WORDS as u64) as usize;
        let first = count.min(WORDS - start);
        [&self.words.0[start..start + first], &self.words.0[..count - first]]
    }
}

fn store(words: [&[AtomicU64]; 2], mut bytes: &[[u8; WORD]]) {
    for words in words {
        let (now, later) = bytes.split_at(words.len());
        words.iter().zip(now).for_each(|(word, bytes)| word.store(u64::from_ne_bytes(*bytes), Relaxed));
        bytes = later;
    }
}

fn load(words: [&[AtomicU64]; 2], mut bytes: &mut [[u8; WORD]]) {
    for words in words {
        let (now, later) = bytes.split_at_mut(words.len());
        words.iter().zip(now).for_each(|(word, bytes)| *bytes = word.load(Relaxed).to_ne_bytes());
        bytes = later;
    }
}

/// Says that the caller is about to sleep. A note is only ever exchanged, never stored: so the model checker, too, sees all
/// that happens to it in one order.
fn leave_note(note: &AtomicU32) {
    note.swap(1, Relaxed);
    fence(SeqCst);
}

/// Whether the other side sleeps, and has to be woken by the caller: nobody else will.
fn take_note(note: &AtomicU32) -> bool {
    fence(SeqCst);
    note.load(Relaxed) != 0 && note.swap(0, Relaxed) != 0
}

/// The writing side of a ring; there is one.
#[derive(Debug, Default)]
pub struct Writer {
    written: u64,
}

impl Writer {
    /// Copies as many of the bytes as there is room for, a piece at most, and gives their number. Only the last
    /// piece of a message may end within a word, which is filled up with zeros.
    ///
    /// # Errors
    /// The reader's position is impossible.
    pub fn write<const WORDS: usize>(&mut self, ring: &Ring<WORDS>, bytes: &[u8]) -> Result<usize, Damaged> {
        let room = self.room(ring)?.min(PIECE);
        let taken = bytes.len().min(room * WORD);
        let (whole, rest) = bytes[..taken].as_chunks::<WORD>();
        store(ring.span(self.written, whole.len()), whole);
        self.written += whole.len() as u64;
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last[..rest.len()].copy_from_slice(rest);
            store(ring.span(self.written, 1), &[last]);
            self.written += 1;
        }
        ring.written.0.store(self.written, Release);
        Ok(taken)
    }

    /// Words that there is room for.
    ///
    /// # Errors
    /// The reader's position is impossible.
    pub fn room<const WORDS: usize>(&self, ring: &Ring<WORDS>) -> Result<usize, Damaged> {
        Ok(WORDS - ring.filled(self.written, ring.read.0.load(Acquire))?)
    }

    /// After writing: whether the reader's bell has to be rung.
    pub fn must_wake_reader<const WORDS: usize>(&self, ring: &Ring<WORDS>) -> bool {
        take_note(&ring.reader_sleeps.0)
    }

    /// The caller sleeps from now on if there is still no room: `true`. It looks again after its bell has rung.
    ///
    /// # Errors
    /// The reader's position is impossible.
    pub fn may_sleep<const WORDS: usize>(&self, ring: &Ring<WORDS>) -> Result<bool, Damaged> {
        leave_note(&ring.writer_sleeps.0);
        let full = self.room(ring)? == 0;
        if !full {
            self.wakes(ring);
        }
        Ok(full)
    }

    /// The caller does not sleep any more.
    pub fn wakes<const WORDS: usize>(&self, ring: &Ring<WORDS>) {
        ring.writer_sleeps.0.swap(0, Relaxed);
    }
}

/// The reading side of a ring; there is one.
#[derive(Debug, Default)]
pub struct Reader {
    read: u64,
}

impl Reader {
    /// Appends at most so many bytes, a piece at most, and gives their number. Only the last piece of a message may
    /// end within a word, the rest of which is skipped.
    ///
    /// # Errors
    /// The writer's position is impossible.
    pub fn read<const WORDS: usize>(
        &mut self,
        ring: &Ring<WORDS>,
        into: &mut Vec<u8>,
        most: usize,
    ) -> Result<usize, Damaged> {
        let words = self.filled(ring)?.min(PIECE).min(most.div_ceil(WORD));
        let from = into.len();
        let taken = most.min(words * WORD);
        into.resize(from + words * WORD, 0);
        load(ring.span(self.read, words), into[from..].as_chunks_mut().0);
        into.truncate(from + taken);
        self.read += words as u64;
        ring.read.0.store(self.read, Release);
        Ok(taken)
    }

    /// Words that can be read.
    ///
    /// # Errors
    /// The writer's position is impossible.
    pub fn filled<const WORDS: usize>(&self, ring: &Ring<WORDS>) -> Result<usize, Damaged> {
        ring.filled(ring.written.0.load(Acquire), self.read)
    }

    /// After reading: whether the writer's bell has to be rung. It sleeps on while most of the ring is full, for a wake-up is
    /// dearer than copying a piece: there is more to read, and the last of it wakes the writer.
    pub fn must_wake_writer<const WORDS: usize>(&self, ring: &Ring<WORDS>) -> bool {
        self.filled(ring).is_ok_and(|filled| filled <= WORDS / 2) && take_note(&ring.writer_sleeps.0)
    }

    /// The caller sleeps from now on if there is still nothing to read: `true`. It looks again after its bell has rung.
    ///
    /// # Errors
    /// The writer's position is impossible.
    pub fn may_sleep<const WORDS: usize>(&self, ring: &Ring<WORDS>) -> Result<bool, Damaged> {
        leave_note(&ring.reader_sleeps.0);
        let empty = self.filled(ring)? == 0;
        if !empty {
            self.wakes(ring);
        }
        Ok(empty)
    }

    /// The caller does not sleep any more.
    pub fn wakes<const WORDS: usize>(&self, ring: &Ring<WORDS>) {
        ring.reader_sleeps.0.swap(0, Relaxed);
    }
}
