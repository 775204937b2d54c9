//! A process at the other end of shared memory can write anything there: what comes of it is a message or an error.
#![no_main]

use std::fs::File;
use std::os::unix::fs::FileExt;

use arbitrary::Arbitrary;
use gild_engine::transport::channel::Channel;
use gild_engine::transport::memory::Ring;
use gild_model::case::Transport;
use libfuzzer_sys::fuzz_target;

/// What the other side does.
#[derive(Debug, Arbitrary)]
struct Hostile {
    /// Bytes that it writes into both rings, where it likes.
    writes: Vec<(u32, Vec<u8>)>,
    /// Positions that it pretends to be at.
    written: u64,
    read: u64,
    /// What this side sends meanwhile.
    sent: Vec<u8>,
}

fuzz_target!(|hostile: Hostile| {
    let (mut here, there) = Channel::pair(Transport::Shm).expect("there are descriptors");
    let file = there.memory().expect("shared memory has a file").try_clone_to_owned().expect("there are descriptors");
    let file = File::from(file);
    let size = size_of::<Ring>() as u64;
    for (at, bytes) in &hostile.writes {
        let _beyond_the_end = file.write_at(bytes, u64::from(*at) % (2 * size));
    }
    // A ring begins with the position of its writer; that of its reader is two cache lines behind.
    file.write_at(&hostile.written.to_ne_bytes(), size).expect("it is within the file");
    file.write_at(&hostile.read.to_ne_bytes(), 128).expect("it is within the file");
    // Nobody is waited for who has gone; whoever is woken all the same must not end the fuzzer, which has no care for SIGPIPE.
    let _their_bell = there.reader().try_clone_to_owned().expect("there are descriptors");
    drop(there);
    here.start().add_bytes(gild_engine::transport::frame::Kind::Error, 0, 0, &hostile.sent);
    let _refused_or_gone = here.send();
    if here.receive_unaccounted().unwrap_or(false) {
        let _counted = here.received().map(Iterator::count);
    }
});
