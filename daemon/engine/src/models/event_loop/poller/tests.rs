//! The poller on pipes of the test's own.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Instant;

use nix::fcntl::FcntlArg;

use super::*;

/// A descriptor's number that is free.
const NUMBER: RawFd = 700;

const READ: EpollFlags = EpollFlags::EPOLLIN;
const WRITE: EpollFlags = EpollFlags::EPOLLOUT;

fn descriptor(fd: &impl AsRawFd, events: EpollFlags) -> Wait {
    Wait::Descriptor { fd: fd.as_raw_fd(), events }
}

fn timer_in_ms(ms: u64) -> Wait {
    Wait::Timer { deadline_ns: now_ns() + ms * 1_000_000 }
}

fn fired(poller: &mut Poller) -> Vec<usize> {
    let mut fired = poller.wait().unwrap().to_vec();
    fired.sort_unstable();
    fired.dedup();
    fired
}

fn readable_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(b"x").unwrap();
    (reader, writer)
}

#[test]
fn a_descriptor_that_is_ready_fires_at_once_and_once_per_wait() {
    let mut poller = Poller::new().unwrap();
    let (reader, _writer) = readable_pipe();
    let wait = [descriptor(&reader, READ)];
    for _ in 0..3 {
        poller.register(7, &wait).unwrap();
        assert_eq!(fired(&mut poller), [7]);
        poller.withdraw(7, &wait);
    }
    // It is still readable, and nobody waits for it any more.
    poller.register(8, &[timer_in_ms(5)]).unwrap();
    assert_eq!(fired(&mut poller), [8]);
}

#[test]
fn times_come_in_their_order_and_never_early() {
    let mut poller = Poller::new().unwrap();
    let start = Instant::now();
    poller.register(0, &[timer_in_ms(20)]).unwrap();
    poller.register(1, &[timer_in_ms(3_600_000)]).unwrap();
    poller.register(2, &[timer_in_ms(10)]).unwrap();
    assert_eq!(poller.wait().unwrap()[0], 2);
    assert!(start.elapsed() >= Duration::from_millis(10));
    while !poller.wait().unwrap().contains(&0) {}
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_time_that_has_passed_fires_after_what_is_ready() {
    let mut poller = Poller::new().unwrap();
    let (reader, _writer) = readable_pipe();
    poller.register(0, &[Wait::Timer { deadline_ns: 0 }]).unwrap();
    poller.register(1, &[descriptor(&reader, READ)]).unwrap();
    assert_eq!(poller.wait().unwrap(), [1, 0]);
}

#[test]
fn what_is_withdrawn_never_fires() {
    let mut poller = Poller::new().unwrap();
    let (reader, _writer) = readable_pipe();
    let waits = [descriptor(&reader, READ), timer_in_ms(1)];
    poller.register(0, &waits).unwrap();
    poller.withdraw(0, &waits);
    poller.register(1, &[timer_in_ms(20)]).unwrap();
    assert_eq!(fired(&mut poller), [1]);
}

#[test]
fn a_limit_that_is_withdrawn_leaves_the_timer_alone_until_it_runs_out() {
    let mut poller = Poller::new().unwrap();
    let limit = [timer_in_ms(3_600_000)];
    let (reader, _writer) = readable_pipe();
    poller.register(0, &[limit[0], descriptor(&reader, READ)]).unwrap();
    assert_eq!(fired(&mut poller), [0]);
    let set_ns = poller.timer_ns;
    poller.withdraw(0, &[limit[0], descriptor(&reader, READ)]);
    let later = [timer_in_ms(3_700_000), descriptor(&reader, READ)];
    poller.register(0, &later).unwrap();
    assert_eq!(fired(&mut poller), [0]);
    assert!(set_ns.is_some() && poller.timer_ns == set_ns);
}

#[test]
fn several_tasks_may_wait_for_one_descriptor() {
    let mut poller = Poller::new().unwrap();
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    poller.register(0, &[descriptor(&theirs, READ)]).unwrap();
    poller.register(1, &[descriptor(&theirs, WRITE)]).unwrap();
    poller.register(2, &[descriptor(&theirs, READ)]).unwrap();
    assert_eq!(fired(&mut poller), [1]);
    ours.write_all(b"x").unwrap();
    assert_eq!(fired(&mut poller), [0, 2], "what is left is armed again");
}

#[test]
fn a_hang_up_fires_whatever_was_waited_for() {
    let mut poller = Poller::new().unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    poller.register(0, &[descriptor(&writer, EpollFlags::EPOLLPRI)]).unwrap();
    assert_eq!(fired(&mut poller), [0]);
}

#[test]
fn a_number_that_another_descriptor_has_by_now_is_watched_anew() {
    let mut poller = Poller::new().unwrap();
    for task in 0..3 {
        let (reader, _writer) = readable_pipe();
        let number = nix::fcntl::fcntl(&reader, FcntlArg::F_DUPFD_CLOEXEC(NUMBER)).unwrap();
        assert_eq!(number, NUMBER, "no other test opens descriptors up there");
        // SAFETY: it has just been made and is nobody else's.
        let copy = unsafe { OwnedFd::from_raw_fd(number) };
        let wait = [descriptor(&copy, READ)];
        poller.register(task, &wait).unwrap();
        assert_eq!(fired(&mut poller), [task]);
        poller.withdraw(task, &wait);
    }
}

#[test]
fn a_regular_file_is_always_ready() {
    let mut poller = Poller::new().unwrap();
    let file = File::open("/proc/self/exe").unwrap();
    let wait = [descriptor(&file, READ)];
    poller.register(3, &wait).unwrap();
    assert_eq!(fired(&mut poller), [3]);
    poller.withdraw(3, &wait);
    poller.register(3, &wait).unwrap();
    poller.withdraw(3, &wait);
    poller.register(4, &[timer_in_ms(5)]).unwrap();
    assert_eq!(fired(&mut poller), [4]);
}

#[test]
fn a_descriptor_that_is_not_open_is_named() {
    let mut poller = Poller::new().unwrap();
    // Far above what a test program has open.
    let error = poller.register(0, &[Wait::Descriptor { fd: 1_000_000, events: READ }]).unwrap_err();
    assert_eq!(error.to_string(), "it waits for descriptor 1000000, which cannot be waited for: Bad file number");
}
