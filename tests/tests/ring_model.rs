//! The ring of the transport over shared memory under loom: every schedule of a writer and a reader up to a number of
//! preemptions, with the reorderings that the memory model allows.
//!
//! It is the ring's very source file that is checked. What must hold: whatever is written is read, in order, before
//! anything overwrites it; and nobody sleeps for ever, though a bell is rung only for who has left a note. Checks that
//! cannot fail prove nothing, so each is also run where a part is broken, and has to find it.

#[path = "../../daemon/engine/src/transport/ring.rs"]
mod ring;

use std::cell::Cell;
use std::sync::Arc;

use loom::sync::{Condvar, Mutex};

use ring::{Reader, Ring, WORD, Writer};

/// What is broken, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Nothing.
    None,
    /// Bells are not rung.
    NoBell,
    /// Notes and positions are not ordered by fences.
    NoFence,
    /// Nobody looks again after having left a note.
    NoSecondLook,
}

thread_local! {
    // loom runs all threads of a model on the thread of its test.
    static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
}

/// What the ring is made of here.
mod sync {
    pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    pub fn fence(order: Ordering) {
        if super::FAULT.get() != super::Fault::NoFence {
            loom::sync::atomic::fence(order);
        }
    }
}

/// A pipe with bytes in it.
#[derive(Debug)]
struct Bell {
    rung: Mutex<u32>,
    ringing: Condvar,
}

impl Bell {
    fn new() -> Bell {
        Bell { rung: Mutex::new(0), ringing: Condvar::new() }
    }

    fn ring(&self) {
        if FAULT.get() != Fault::NoBell {
            *self.rung.lock().expect("nobody panics with it") += 1;
            self.ringing.notify_one();
        }
    }

    fn hear(&self) {
        let mut rung = self.rung.lock().expect("nobody panics with it");
        while *rung == 0 {
            rung = self.ringing.wait(rung).expect("nobody panics with it");
        }
        *rung = 0;
    }
}

const WORDS: usize = 1;

struct Connection {
    ring: Ring<WORDS>,
    of_reader: Bell,
    of_writer: Bell,
}

/// Whether to sleep; where the second look is missing, whatever it says.
fn sleeps(may_sleep: bool) -> bool {
    may_sleep || FAULT.get() == Fault::NoSecondLook
}

fn write(connection: &Connection, message: &[u8]) {
    let (ring, mut writer, mut rest) = (&connection.ring, Writer::default(), message);
    while !rest.is_empty() {
        let taken = writer.write(ring, rest).expect("the ring is sound");
        rest = &rest[taken..];
        if taken > 0 && writer.must_wake_reader(ring) {
            connection.of_reader.ring();
        }
        if taken == 0 && sleeps(writer.may_sleep(ring).expect("the ring is sound")) {
            connection.of_writer.hear();
            writer.wakes(ring);
        }
    }
}

fn read(connection: &Connection, length: usize) -> Vec<u8> {
    let (ring, mut reader, mut message) = (&connection.ring, Reader::default(), Vec::new());
    while message.len() < length {
        let missing = length - message.len();
        let read = reader.read(ring, &mut message, missing).expect("the ring is sound");
        if read > 0 && reader.must_wake_writer(ring) {
            connection.of_writer.ring();
        }
        if read == 0 && sleeps(reader.may_sleep(ring).expect("the ring is sound")) {
            connection.of_reader.hear();
            reader.wakes(ring);
        }
    }
    message
}

/// At most so often a side is interrupted where it could go on. `LOOM_MAX_PREEMPTIONS` overrides it.
const PREEMPTIONS: usize = 2;

fn check(fault: Fault, words: usize) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.check(move || {
        FAULT.set(fault);
        let ring = Ring::default();
        let connection = Arc::new(Connection { ring, of_reader: Bell::new(), of_writer: Bell::new() });
        // The last word is not a whole one.
        let message: Vec<u8> = (1..).take(words * WORD - 3).collect();
        let (writers, sent) = (Arc::clone(&connection), message.clone());
        let writer = loom::thread::spawn(move || write(&writers, &sent));
        assert_eq!(read(&connection, message.len()), message);
        writer.join().expect("a side that panics ends the execution");
    });
}

#[test]
fn what_is_written_is_read_and_nobody_sleeps_for_ever() {
    (1..=3).for_each(|words| check(Fault::None, words));
}

mod what_is_broken_is_found {
    use super::*;

    #[test]
    #[should_panic(expected = "deadlock")]
    fn bells_that_are_not_rung() {
        check(Fault::NoBell, 1);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn notes_without_fences() {
        check(Fault::NoFence, 2);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn no_second_look() {
        check(Fault::NoSecondLook, 1);
    }
}
