//! What the daemon and its spawner say to each other.
//!
//! Both ends are one Unix socket of type SEQPACKET: one message is one packet, one packet holds one JSON value
//! of at most [`MESSAGE_BYTES_MAX`] bytes. A [`Request::Start`] carries the job's descriptors as SCM_RIGHTS, in
//! the order of [`Job::descriptors`]. End of file means that the other side is dead, and nothing else does.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Most descriptors that one message carries.
pub const DESCRIPTORS_MAX: usize = 8;

/// Number that the daemon gives a job; never used twice.
pub type JobId = u64;

/// What a job is for; decides what is swept up when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// A coordinator. There is one at a time, so whatever is left over when it ends is its own.
    Trial,
    /// A plugin scan; may run beside a trial.
    Scan,
}

/// A program to start: the daemon's own, with other arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What it is for.
    pub kind: JobKind,
    /// Its arguments, without the program's name.
    pub arguments: Vec<String>,
    /// The numbers that the descriptors sent along get in the new process; 0 is always `/dev/null`.
    pub descriptors: Vec<RawFd>,
}

/// From the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Start a job.
    Start {
        /// Its number.
        id: JobId,
        /// What to start.
        job: Job,
    },
    /// Kill a job; no answer but the job's end.
    Kill {
        /// Its number.
        id: JobId,
    },
}

/// From the spawner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum Report {
    /// The job runs: exec succeeded.
    Started {
        /// Its number.
        id: JobId,
        /// Its process id.
        pid: u32,
    },
    /// The job could not be started.
    Refused {
        /// Its number.
        id: JobId,
        /// What failed.
        step: String,
        /// Why, as errno.
        errno: i32,
    },
    /// The job is over and so is everything it started.
    Ended {
        /// Its number.
        id: JobId,
        /// How.
        end: End,
    },
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// What became of its first process.
    pub exit: Exit,
    /// Processes that outlived it and were killed.
    pub strays: u32,
    /// Processes that outlived even SIGKILL for [`super::service::SWEEP_TIME_MAX`] (stuck in the kernel).
    pub left: u32,
    /// CPU time of all its processes that were waited for, by the spawner or by one another, in nanoseconds.
    pub cpu_ns: u64,
}

/// What became of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Signalled(i32),
}

/// Sends one message; returns at once if the socket does not block.
///
/// # Errors
/// The message is too long, or sendmsg(2) failed.
pub fn send(socket: BorrowedFd<'_>, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MESSAGE_BYTES_MAX || descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "message to or from the spawner is too long"));
    }
    let raw: Vec<RawFd> = descriptors.iter().map(|it| it.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    sendmsg::<UnixAddr>(socket.as_raw_fd(), &[IoSlice::new(&bytes)], control, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// Receives one message with its descriptors (close-on-exec); `None`: the other side is dead.
///
/// # Errors
/// recvmsg(2) failed (`WouldBlock` on a socket that does not block), or the message makes no sense.
pub fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let mut space = cmsg_space!([RawFd; DESCRIPTORS_MAX]);
    let (length, cut, descriptors) = {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = match recvmsg::<UnixAddr>(socket.as_fd().as_raw_fd(), &mut parts, Some(&mut space), flags) {
            // The other side died with messages of ours unread.
            Err(Errno::ECONNRESET) => return Ok(None),
            received => received?,
        };
        let cut = message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
        let descriptors: Vec<OwnedFd> = message.cmsgs()?.flat_map(owned).collect();
        (message.bytes, cut, descriptors)
    };
    if length == 0 {
        return Ok(None);
    }
    if cut {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message to or from the spawner was cut"));
    }
    Ok(Some((serde_json::from_slice(&bytes[..length])?, descriptors)))
}

fn owned(message: ControlMessageOwned) -> Vec<OwnedFd> {
    let ControlMessageOwned::ScmRights(raw) = message else { return Vec::new() };
    // SAFETY: recvmsg(2) has just installed these descriptors in this process; nobody else knows their numbers,
    // and each is wrapped exactly once.
    raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use std::io::Read;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }

    #[test]
    fn a_request_arrives_whole_with_its_descriptors() {
        let (here, there) = pair();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let job =
            Job { kind: JobKind::Scan, arguments: vec!["scan".to_owned(), "/x.so".to_owned()], descriptors: vec![1] };
        let request = Request::Start { id: 7, job };
        send(here.as_fd(), &request, &[writer.as_fd()]).unwrap();
        drop(writer);
        let (received, descriptors) = receive::<Request>(there.as_fd()).unwrap().unwrap();
        assert_eq!(received, request);
        assert_eq!(descriptors.len(), 1);
        let mut file = std::fs::File::from(descriptors.into_iter().next().unwrap());
        std::io::Write::write_all(&mut file, b"through").unwrap();
        drop(file);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn a_dead_peer_is_the_end_and_nothing_else_is() {
        let (here, there) = pair();
        send(here.as_fd(), &Request::Kill { id: 1 }, &[]).unwrap();
        drop(here);
        assert!(receive::<Request>(there.as_fd()).unwrap().is_some());
        assert!(receive::<Request>(there.as_fd()).unwrap().is_none());
    }

    #[test]
    fn messages_that_are_too_long_are_refused_by_the_sender() {
        let (here, _there) = pair();
        let job = Job { kind: JobKind::Scan, arguments: vec!["x".repeat(MESSAGE_BYTES_MAX)], descriptors: vec![] };
        let error = send(here.as_fd(), &Request::Start { id: 1, job }, &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
