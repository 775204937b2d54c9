//! Calls that may wait for somebody outside the process: `io-wait`, whether they do or not.
//!
//! What libc does inside its own functions (stdio, the resolver) does not come by here; where a whole function is known to
//! wait, such as getaddrinfo(3), it is stood in for itself.

use libc::{
    addrinfo, c_char, c_int, c_uint, c_void, clockid_t, epoll_event, fd_set, id_t, idtype_t, iovec, mmsghdr, msghdr,
    nfds_t, off_t, off64_t, pid_t, pollfd, rusage, siginfo_t, sigset_t, size_t, sockaddr, socklen_t, ssize_t, timespec,
    timeval,
};

use Phase::{Idle, IoWait};
use gild_model::phase::Phase;

use crate::next::waiting;

waiting! {
    IoWait => fn read(file: c_int, into: *mut c_void, length: size_t) -> ssize_t;
    IoWait => fn __read_chk(file: c_int, into: *mut c_void, length: size_t, room: size_t) -> ssize_t;
    IoWait => fn pread(file: c_int, into: *mut c_void, length: size_t, at: off_t) -> ssize_t;
    IoWait => fn pread64(file: c_int, into: *mut c_void, length: size_t, at: off64_t) -> ssize_t;
    IoWait => fn readv(file: c_int, into: *const iovec, count: c_int) -> ssize_t;
    IoWait => fn preadv(file: c_int, into: *const iovec, count: c_int, at: off_t) -> ssize_t;
    IoWait => fn preadv64(file: c_int, into: *const iovec, count: c_int, at: off64_t) -> ssize_t;
    IoWait => fn preadv2(file: c_int, into: *const iovec, count: c_int, at: off_t, flags: c_int) -> ssize_t;
    IoWait => fn preadv64v2(file: c_int, into: *const iovec, count: c_int, at: off64_t, flags: c_int) -> ssize_t;
    IoWait => fn write(file: c_int, from: *const c_void, length: size_t) -> ssize_t;
    IoWait => fn pwrite(file: c_int, from: *const c_void, length: size_t, at: off_t) -> ssize_t;
    IoWait => fn pwrite64(file: c_int, from: *const c_void, length: size_t, at: off64_t) -> ssize_t;
    IoWait => fn writev(file: c_int, from: *const iovec, count: c_int) -> ssize_t;
    IoWait => fn pwritev(file: c_int, from: *const iovec, count: c_int, at: off_t) -> ssize_t;
    IoWait => fn pwritev64(file: c_int, from: *const iovec, count: c_int, at: off64_t) -> ssize_t;
    IoWait => fn sendfile(out: c_int, from: c_int, at: *mut off_t, count: size_t) -> ssize_t;
    IoWait => fn sendfile64(out: c_int, from: c_int, at: *mut off64_t, count: size_t) -> ssize_t;
    IoWait => fn splice(from: c_int, from_at: *mut off64_t, to: c_int, to_at: *mut off64_t, length: size_t, flags: c_uint) -> ssize_t;
    IoWait => fn copy_file_range(from: c_int, from_at: *mut off64_t, to: c_int, to_at: *mut off64_t, length: size_t, flags: c_uint) -> ssize_t;
    IoWait => fn fsync(file: c_int) -> c_int;
    IoWait => fn fdatasync(file: c_int) -> c_int;
    IoWait => fn flock(file: c_int, operation: c_int) -> c_int;
    IoWait => fn lockf(file: c_int, command: c_int, length: off_t) -> c_int;
    IoWait => fn lockf64(file: c_int, command: c_int, length: off64_t) -> c_int;

    IoWait => fn recv(socket: c_int, into: *mut c_void, length: size_t, flags: c_int) -> ssize_t;
    IoWait => fn __recv_chk(socket: c_int, into: *mut c_void, length: size_t, room: size_t, flags: c_int) -> ssize_t;
    IoWait => fn recvfrom(socket: c_int, into: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr, from_length: *mut socklen_t) -> ssize_t;
    IoWait => fn __recvfrom_chk(socket: c_int, into: *mut c_void, length: size_t, room: size_t, flags: c_int, from: *mut sockaddr, from_length: *mut socklen_t) -> ssize_t;
    IoWait => fn recvmsg(socket: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    IoWait => fn recvmmsg(socket: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, time: *mut timespec) -> c_int;
    IoWait => fn send(socket: c_int, from: *const c_void, length: size_t, flags: c_int) -> ssize_t;
    IoWait => fn sendto(socket: c_int, from: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t) -> ssize_t;
    IoWait => fn sendmsg(socket: c_int, message: *const msghdr, flags: c_int) -> ssize_t;
    IoWait => fn sendmmsg(socket: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int;
    IoWait => fn accept(socket: c_int, from: *mut sockaddr, length: *mut socklen_t) -> c_int;
    IoWait => fn accept4(socket: c_int, from: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int;
    IoWait => fn connect(socket: c_int, to: *const sockaddr, length: socklen_t) -> c_int;
    IoWait => fn getaddrinfo(node: *const c_char, service: *const c_char, hints: *const addrinfo, result: *mut *mut addrinfo) -> c_int;

    polled(count as usize, time != 0) => fn poll(files: *mut pollfd, count: nfds_t, time: c_int) -> c_int;
    polled(count as usize, time != 0) => fn __poll_chk(files: *mut pollfd, count: nfds_t, time: c_int, room: size_t) -> c_int;
    polled(count as usize, true) => fn ppoll(files: *mut pollfd, count: nfds_t, time: *const timespec, signals: *const sigset_t) -> c_int;
    polled(count as usize, true) => fn __ppoll_chk(files: *mut pollfd, count: nfds_t, time: *const timespec, signals: *const sigset_t, room: size_t) -> c_int;
    polled(count as usize, true) => fn select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, time: *mut timeval) -> c_int;
    polled(count as usize, true) => fn pselect(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, time: *const timespec, signals: *const sigset_t) -> c_int;
    if_any(time != 0) => fn epoll_wait(epoll: c_int, events: *mut epoll_event, count: c_int, time: c_int) -> c_int;
    if_any(time != 0) => fn epoll_pwait(epoll: c_int, events: *mut epoll_event, count: c_int, time: c_int, signals: *const sigset_t) -> c_int;
    IoWait => fn epoll_pwait2(epoll: c_int, events: *mut epoll_event, count: c_int, time: *const timespec, signals: *const sigset_t) -> c_int;

    // Who sleeps waits for nobody.
    Idle => fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int;
    Idle => fn clock_nanosleep(clock: clockid_t, flags: c_int, time: *const timespec, left: *mut timespec) -> c_int;
    Idle => fn usleep(time: c_uint) -> c_int;
    Idle => fn sleep(time: c_uint) -> c_uint;
    IoWait => fn pause() -> c_int;
    IoWait => fn sigsuspend(signals: *const sigset_t) -> c_int;
    IoWait => fn sigwait(signals: *const sigset_t, signal: *mut c_int) -> c_int;
    IoWait => fn sigwaitinfo(signals: *const sigset_t, info: *mut siginfo_t) -> c_int;
    IoWait => fn sigtimedwait(signals: *const sigset_t, info: *mut siginfo_t, time: *const timespec) -> c_int;

    IoWait => fn wait(status: *mut c_int) -> pid_t;
    IoWait => fn waitpid(process: pid_t, status: *mut c_int, options: c_int) -> pid_t;
    IoWait => fn wait3(status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t;
    IoWait => fn wait4(process: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t;
    IoWait => fn waitid(kind: idtype_t, process: id_t, info: *mut siginfo_t, options: c_int) -> c_int;
    IoWait => fn system(command: *const c_char) -> c_int;
    IoWait => fn pclose(stream: *mut libc::FILE) -> c_int;
    IoWait => fn msgrcv(queue: c_int, message: *mut c_void, length: size_t, kind: libc::c_long, flags: c_int) -> ssize_t;
    IoWait => fn msgsnd(queue: c_int, message: *const c_void, length: size_t, flags: c_int) -> c_int;
    IoWait => fn mq_receive(queue: libc::mqd_t, message: *mut c_char, length: size_t, priority: *mut c_uint) -> ssize_t;
    IoWait => fn mq_send(queue: libc::mqd_t, message: *const c_char, length: size_t, priority: c_uint) -> c_int;
}

/// A wait for one of so many files; for none of them, it is a sleep.
fn polled(files: usize, waits: bool) -> Option<Phase> {
    waits.then_some(if files == 0 { Idle } else { IoWait })
}

/// A wait of no time is none.
fn if_any(waits: bool) -> Option<Phase> {
    waits.then_some(IoWait)
}
