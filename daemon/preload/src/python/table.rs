//! What is known of addresses that are waited on: a small table that any thread may read and write at any time.
//!
//! An address has one slot. Two that share it push each other out, which costs a look at the interpreters and nothing else.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

const SLOTS: usize = 256;
/// Condition variables and mutexes are aligned to eight bytes at least: these bits of an address are free.
const CLASS_BITS: usize = 0b111;

/// What waits on an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Somebody for the interpreter's lock.
    Lock = 1,
    /// Somebody else, for a time: it may be the interpreter's lock.
    TimedWait = 2,
    /// Somebody else.
    Other = 3,
}

/// The table.
#[derive(Debug)]
pub struct Table([AtomicUsize; SLOTS]);

impl Table {
    /// Nothing is known.
    pub const fn new() -> Table {
        Table([const { AtomicUsize::new(0) }; SLOTS])
    }

    /// What is known of an address.
    pub fn get(&self, address: usize) -> Option<Class> {
        let word = self.0[slot(address)].load(Relaxed);
        if word & !CLASS_BITS != address & !CLASS_BITS {
            return None;
        }
        match word & CLASS_BITS {
            1 => Some(Class::Lock),
            2 => Some(Class::TimedWait),
            3 => Some(Class::Other),
            _ => None,
        }
    }

    /// Notes what an address is.
    pub fn set(&self, address: usize, class: Class) {
        self.0[slot(address)].store(address & !CLASS_BITS | class as usize, Relaxed);
    }
}

fn slot(address: usize) -> usize {
    // Fibonacci hashing: neighbours come to lie far from each other.
    address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - SLOTS.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_was_said_of_it_last_and_others_are_not_known() {
        let table = Table::new();
        assert_eq!(table.get(0x7f00_1000), None);
        table.set(0x7f00_1000, Class::TimedWait);
        assert_eq!(table.get(0x7f00_1000), Some(Class::TimedWait));
        table.set(0x7f00_1000, Class::Lock);
        assert_eq!(table.get(0x7f00_1000), Some(Class::Lock));
        assert_eq!(table.get(0x7f00_1008), None);
        assert_eq!(table.get(0), None);
    }
}
