//! Both ends in one process.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::thread;

use super::super::frame::Kind;
use super::super::memory::{Memory, RING_BYTES, Ring};
use super::super::stream::FIRST_READ;
use super::*;
use proptest::prelude::*;

fn send(channel: &mut Channel, task: u64, payload: &[u8]) {
    channel.start().add_bytes(Kind::Error, task, -3, payload);
    channel.send().unwrap();
}

/// The task and the payload of the only frame of the next message.
fn receive(channel: &mut Channel) -> Option<(u64, Vec<u8>)> {
    if !channel.receive_unaccounted().unwrap() {
        return None;
    }
    let frames: Vec<_> = channel.received().unwrap().collect::<io::Result<_>>().unwrap();
    let [frame] = &frames[..] else { panic!("{} frames", frames.len()) };
    assert_eq!((frame.kind, frame.status), (Kind::Error, -3));
    Some((frame.task, frame.payload.to_vec()))
}

#[test]
fn messages_that_come_together_are_told_apart() {
    for transport in Transport::ALL {
        let (mut here, mut there) = Channel::pair(*transport).unwrap();
        let payloads = [b"first".to_vec(), Vec::new(), vec![7; 2 * FIRST_READ]];
        for (task, payload) in (1..).zip(&payloads) {
            send(&mut here, task, payload);
        }
        drop(here);
        for (task, payload) in (1..).zip(payloads) {
            assert_eq!(receive(&mut there), Some((task, payload)), "{transport}");
        }
        assert_eq!(receive(&mut there), None, "{transport}");
    }
}

/// Sends payloads of these lengths there, and takes each back before the next.
fn there_and_back(transport: Transport, lengths: &[usize]) {
    let (mut here, mut there) = Channel::pair(transport).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Some((task, payload)) = receive(&mut there) {
                send(&mut there, task, &payload);
            }
        });
        for (task, length) in (0..).zip(lengths) {
            let payload: Vec<u8> = (0..*length).map(|at| (at * 7 + at / 251) as u8).collect();
            send(&mut here, task, &payload);
            assert_eq!(receive(&mut here), Some((task, payload)), "{transport}, {length} bytes");
        }
        drop(here);
    });
}

#[test]
fn messages_of_any_size_cross_every_transport() {
    let lengths = [0, 1, FIRST_READ - HEADER_LEN, FIRST_READ, RING_BYTES - HEADER_LEN, RING_BYTES + 1, 3 << 20];
    Transport::ALL.iter().for_each(|transport| there_and_back(*transport, &lengths));
}

#[test]
fn a_connection_that_breaks_inside_a_message_is_an_error() {
    for transport in Transport::ALL {
        let (mut here, mut there) = Channel::pair(*transport).unwrap();
        here.start().add_bytes(Kind::Result, 0, 0, b"twelve bytes");
        let cut = here.outgoing.bytes()[..30].to_vec();
        match &mut here.link {
            Link::Stream(stream) => stream.send(&cut).unwrap(),
            Link::Shared(shared) => shared.send(&cut).unwrap(),
        }
        drop(here);
        let error = there.receive_unaccounted().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{transport}");
    }
}

#[test]
fn who_sends_to_somebody_who_has_gone_is_told() {
    for transport in Transport::ALL {
        let (mut here, there) = Channel::pair(*transport).unwrap();
        drop(there);
        here.start().add_bytes(Kind::Result, 0, 0, &vec![1; 2 * RING_BYTES]);
        assert_eq!(here.send().unwrap_err().kind(), ErrorKind::BrokenPipe, "{transport}");
    }
}

#[test]
fn a_message_in_shared_memory_is_news_without_a_bell_and_a_bell_without_a_message_is_none() {
    let (mut here, mut there) = Channel::pair(Transport::Shm).unwrap();
    assert!(there.may_sleep().unwrap(), "nothing has come");
    // The note is still there: the bell is rung, once.
    send(&mut here, 1, b"one");
    send(&mut here, 2, b"two");
    assert!(there.has_news(true).unwrap());
    assert_eq!((receive(&mut there), receive(&mut there)), (Some((1, b"one".to_vec())), Some((2, b"two".to_vec()))));
    assert!(!there.has_news(false).unwrap());
    // No note, no bell.
    send(&mut here, 3, b"three");
    assert!(!there.may_sleep().unwrap(), "it need not sleep");
    assert!(there.has_news(false).unwrap());
    assert_eq!(receive(&mut there), Some((3, b"three".to_vec())));
    drop(here);
    assert!(there.may_sleep().unwrap(), "it has not been told yet");
    assert!(there.has_news(true).unwrap(), "the end is news");
    assert_eq!(receive(&mut there), None);
}

#[test]
fn a_process_that_was_started_takes_its_end_over_by_its_descriptors() {
    let (mut here, there) = Channel::pair(Transport::Shm).unwrap();
    let own = |fd: BorrowedFd<'_>| fd.as_fd().try_clone_to_owned().unwrap();
    let memory = there.memory().map(own);
    let mut again = Channel::of_worker(own(there.reader()), own(there.writer()), memory).unwrap();
    drop(there);
    send(&mut here, 5, b"spec");
    assert_eq!(receive(&mut again), Some((5, b"spec".to_vec())));
    send(&mut again, 6, b"done");
    assert_eq!(receive(&mut here), Some((6, b"done".to_vec())));
}

#[test]
fn positions_that_cannot_be_are_refused_on_both_sides_of_a_ring() {
    let refused = |result: io::Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("has damaged the shared memory"), "{error}");
    };
    for position in [1 + (RING_BYTES / 8) as u64, u64::MAX - (RING_BYTES / 8) as u64, 1 << 63] {
        let (mut here, there) = Channel::pair(Transport::Shm).unwrap();
        let file = File::from(there.memory().unwrap().try_clone_to_owned().unwrap());
        // A ring begins with the position of its writer.
        file.write_all_at(&position.to_ne_bytes(), size_of::<Ring>() as u64).unwrap();
        refused(here.may_sleep().map(drop));
        refused(here.has_news(false).map(drop));
        refused(here.receive_unaccounted().map(drop));
        // That of its reader is on the next pair of cache lines.
        file.write_all_at(&position.to_ne_bytes(), 128).unwrap();
        here.start().add_bytes(Kind::Error, 0, 0, b"");
        refused(here.send());
    }
}

#[test]
fn memory_that_could_be_shortened_is_not_mapped() {
    let file = tempfile::tempfile().unwrap();
    let refused = |file: &File| Memory::map(file.try_clone().unwrap().into()).unwrap_err().to_string();
    assert_eq!(refused(&file), "the shared memory is too short");
    let memory = nix::sys::memfd::memfd_create(c"test", nix::sys::memfd::MFdFlags::MFD_ALLOW_SEALING).unwrap();
    let memory = File::from(memory);
    memory.set_len(4 * RING_BYTES as u64).unwrap();
    assert_eq!(refused(&memory), "the shared memory is not sealed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_sent_through_shared_memory_arrives(lengths in prop::collection::vec(0usize..RING_BYTES * 2, 1..8)) {
        there_and_back(Transport::Shm, &lengths);
    }
}
