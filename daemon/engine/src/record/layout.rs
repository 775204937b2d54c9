//! What lies where in a recording's memory.
//!
//! As in a trial's ledger every field is an atomic, and all zeros are a valid place that nobody has taken.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::functions::{FUNCTIONS, FunctionCell};
use crate::ledger::layout::Section;
use crate::ledger::timeline::MARK_BYTES;

/// First word of a recording's memory: a name and the version of the layout.
pub const MAGIC: u64 = u64::from_le_bytes(*b"gildrec\x04");
/// Bytes kept of a thread's name, as the kernel has it (TASK_COMM_LEN, with its terminator).
pub const NAME_LEN: usize = 16;
/// Bytes kept of a process's command line.
pub const COMMAND_LEN: usize = 512;
/// Processes that may be between an exec and the start of their new program at once.
pub const HANDOVERS: usize = 64;

/// In a handover: not for the process itself, but for a child of it whose id nobody knows yet.
pub const CHILD_OF: u32 = 1 << 31;

/// What concerns the whole recording.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Header {
    /// [`MAGIC`].
    pub magic: AtomicU64,
    /// Places that there are.
    pub capacity: AtomicU32,
    /// Places asked for; above the capacity when there were not enough.
    pub asked: AtomicU32,
    /// Workers that have come to a trial.
    pub workers: AtomicU32,
    /// Functions asked for; above [`FUNCTIONS`] when there was not enough room.
    pub functions: AtomicU32,
    /// Processes that have come: the recorder waits for it to change (a futex word).
    pub arrivals: AtomicU32,
    /// Bits of the parts of Python's standard library in which something is not there that our code wraps
    /// ([`super::orders::PARTS`]).
    pub missing: AtomicU32,
    /// Places that were taken for a program that is about to be executed: the process id in the upper half, the place plus
    /// one in the lower, with [`CHILD_OF`] if it is for a child of that process; 0 is free.
    pub handovers: [AtomicU64; HANDOVERS],
}

/// What somebody in a place is to a trial; to a recording without one, everybody is [`Role::Nobody`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Neither of the others: a thread of an executor's own, the fork server, whoever lived outside of the wall time.
    Nobody,
    /// Gives tasks and takes results.
    Coordinator,
    /// Has run a task; its number.
    Worker(u32),
}

impl Role {
    /// The role with this number in a place.
    pub fn from_number(number: u32) -> Role {
        match number {
            0 => Role::Nobody,
            1 => Role::Coordinator,
            worker => Role::Worker(worker - 2),
        }
    }

    /// Its number.
    pub fn number(self) -> u32 {
        match self {
            Role::Nobody => 0,
            Role::Coordinator => 1,
            Role::Worker(worker) => worker.saturating_add(2),
        }
    }
}

/// What somebody in a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Nobody.
    Free = 0,
    /// The first thread of a process, or the one that forked.
    Leader = 1,
    /// Another thread.
    Thread = 2,
    /// Threads of a process that ended, added up.
    Ended = 3,
}

impl Kind {
    /// The kind with this number; `Free` for a number that none has (damaged memory).
    pub fn from_number(number: u32) -> Kind {
        match number {
            1 => Kind::Leader,
            2 => Kind::Thread,
            3 => Kind::Ended,
            _ => Kind::Free,
        }
    }
}

/// What a process is to Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Python {
    /// There is no interpreter in it.
    None = 0,
    /// There is one.
    Interpreter = 1,
    /// There is one, and it runs our code.
    OurCode = 2,
}

/// Who a section is of.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Who {
    /// A [`Kind`].
    pub kind: AtomicU32,
    /// The place of the process's leader plus one; its own, if it is one.
    pub leader: AtomicU32,
    /// Of a leader: the place plus one where threads that ended are added up, or 0.
    pub ended: AtomicU32,
    /// A [`Role`].
    pub role: AtomicU32,
    /// Of [`Kind::Ended`]: how many threads were added up.
    pub threads: AtomicU32,
    /// Of a leader: a [`Python`].
    pub python: AtomicU32,
    /// Of [`Kind::Ended`]: their lives by the second clock, in nanoseconds.
    pub lives_ns: AtomicU64,
    /// Of a leader: ticks when the process was seen to be gone, or its program replaced; 0: not yet.
    pub gone_ticks: AtomicU64,
    /// Of a leader: the same instant, in raw nanoseconds.
    pub gone_raw_ns: AtomicU64,
    /// Of a leader: ticks when the clocks of its process's threads had been read by whoever was about to end it; 0: nobody did.
    pub read_ticks: AtomicU64,
    /// Of a leader: what its process knows of functions, a [`super::functions::Knowledge`].
    pub functions: AtomicU32,
    /// Of a leader: ticks that others waited for the interpreter's lock while a function held it that is not known.
    pub unknown_ticks: AtomicU64,
    /// Of a leader: how often such a function released it while somebody waited.
    pub unknown_hand_overs: AtomicU64,
    /// The thread's name, zero-padded.
    pub name: [AtomicU64; NAME_LEN / 8],
    /// Of a leader: the command line, its words separated by blanks, zero-padded.
    pub command: [AtomicU64; COMMAND_LEN / 8],
}

/// A thread's place.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Place {
    /// Who it is.
    pub who: Who,
    /// Its accounts.
    pub section: Section,
}

/// Marks that are kept of each thread for its timeline.
pub const RING_CAPACITY: u32 = 4096;

/// Where the functions begin, behind so many places.
pub const fn offset_of_functions(places: u32) -> usize {
    size_of::<Header>() + places as usize * size_of::<Place>()
}

/// Where the rings of this many places begin, behind the functions, in bytes.
pub const fn start_of_rings(places: u32) -> usize {
    (offset_of_functions(places) + FUNCTIONS as usize * size_of::<FunctionCell>()).next_multiple_of(4096)
}

/// Size of the memory for this many places, their rings included, in bytes.
pub const fn size_of_memory(places: u32) -> usize {
    start_of_rings(places) + places as usize * RING_CAPACITY as usize * MARK_BYTES
}

/// Writes text into words: cut to what fits, the rest zero.
pub fn write_text(words: &[AtomicU64], text: &[u8]) {
    for (at, word) in words.iter().enumerate() {
        let mut bytes = [0; 8];
        let rest = text.get(at * 8..).unwrap_or_default();
        for (byte, from) in bytes.iter_mut().zip(rest) {
            *byte = *from;
        }
        word.store(u64::from_le_bytes(bytes), Relaxed);
    }
}

/// Reads what [`write_text`] wrote; bytes that are no UTF-8, such as half a letter at the cut, are marked as such.
pub fn read_text(words: &[AtomicU64]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.load(Relaxed).to_le_bytes()).collect();
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_what_fits_and_leaves_nothing_of_what_was_there() {
        let words: [AtomicU64; 2] = Default::default();
        write_text(&words, b"a name that is longer than that");
        assert_eq!(read_text(&words), "a name that is l");
        write_text(&words, b"short");
        assert_eq!(read_text(&words), "short");
        write_text(&words, b"");
        assert_eq!(read_text(&words), "");
    }
}
