//! What travels between processes, what a request says, and which result is right.
//!
//! | type | bytes |
//! |---|---|
//! | `gild.io-bound.task/1` | the task's number, 8 bytes, little-endian; then the server's address as text: nothing for a task that only computes |
//! | `gild.u64/1` | a result: the sum over all answers, or the task's number for one that only computes |
//!
//! A request is a sequence of pseudo-random 64-bit numbers (splitmix64, little-endian, the last one cut short) that
//! depends on the task and on the request's number. The server sends the same bytes back.

use std::ffi::CStr;

use gild_abi::{Error, Result, Value, Writer};

/// Longest address: a host name has 253 characters at most, and there are a colon and a port.
const ADDRESS_MAX: usize = 300;

/// An input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its place in the plan.
    pub number: u64,
    /// What it does.
    pub work: Work,
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Makes requests to the server with this address, `host:port`.
    Requests(String),
    /// Computes.
    Compute,
}

impl Value for Task {
    const ID: &'static CStr = c"gild.io-bound.task/1";

    fn encode(&self, out: &mut Writer<'_>) -> Result<()> {
        out.put(&self.number.to_le_bytes())?;
        match &self.work {
            Work::Requests(server) => out.put(server.as_bytes()),
            Work::Compute => Ok(()),
        }
    }

    fn decode(src: &[u8]) -> Result<Task> {
        let (number, server) =
            src.split_first_chunk().ok_or_else(|| Error::new(format!("a task has 8 bytes, found {}", src.len())))?;
        if server.len() > ADDRESS_MAX {
            return Err(Error::new(format!("an address of {} bytes, at most {ADDRESS_MAX} are allowed", server.len())));
        }
        let server = str::from_utf8(server).map_err(|error| Error::new(format!("the server's address: {error}")))?;
        let work = if server.is_empty() { Work::Compute } else { Work::Requests(server.to_owned()) };
        Ok(Task { number: u64::from_le_bytes(*number), work })
    }
}

/// Checks the address of a server that a user names, `host:port`.
pub(crate) fn check_address(address: &str) -> Result<()> {
    let wrong = || Error::new(format!("server: {address:?}: expected host:port, such as 127.0.0.1:7"));
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || port == 0 || address.len() > ADDRESS_MAX { Err(wrong()) } else { Ok(()) }
}

/// Fills a buffer with what a request says.
pub(crate) fn fill(request: &mut [u8], task: u64, number: u64) {
    let mut state = splitmix(task).wrapping_add(number);
    for chunk in request.chunks_mut(8) {
        state = splitmix(state);
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
}

/// Adds an answer to the sum over all answers. Neither order nor content can change without changing the sum.
pub(crate) fn add(sum: u64, answer: &[u8]) -> u64 {
    answer.chunks(8).fold(sum, |sum, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        splitmix(sum ^ u64::from_le_bytes(word))
    })
}

/// The result that is right for a task with so many requests of so many bytes.
pub(crate) fn expected(task: u64, requests: u64, bytes: usize) -> u64 {
    let mut request = vec![0; bytes];
    (0..requests).fold(0, |sum, number| {
        fill(&mut request, task, number);
        add(sum, &request)
    })
}

/// One step of splitmix64: a bijection of 64-bit numbers that looks random.
fn splitmix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use gild_abi::testing;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_number_of_splitmix64_is_the_published_one() {
        assert_eq!(splitmix(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn requests_differ_by_task_and_number() {
        let request = |task, number| {
            let mut bytes = [0; 20];
            fill(&mut bytes, task, number);
            bytes
        };
        assert_eq!(request(3, 5), request(3, 5));
        for other in [request(3, 6), request(4, 5), request(5, 3)] {
            assert_ne!(request(3, 5), other);
        }
    }

    #[test]
    fn the_sum_depends_on_every_answer_and_their_order() {
        let (a, b) = ([1_u8; 9], [2_u8; 9]);
        assert_ne!(add(add(0, &a), &b), add(add(0, &b), &a));
        let mut changed = a;
        changed[8] = 7;
        assert_ne!(add(0, &a), add(0, &changed));
        assert_ne!(expected(1, 2, 9), expected(1, 3, 9));
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:7", "[::1]:80", "db.example:5432"] {
            check_address(good).unwrap();
        }
        for bad in ["127.0.0.1", ":80", "host:", "host:0", "host:65536", "host:http"] {
            let error = check_address(bad).unwrap_err().to_string();
            assert_eq!(error, format!("server: {bad:?}: expected host:port, such as 127.0.0.1:7"));
        }
    }

    #[test]
    fn bad_bytes_are_no_task() {
        for bad in [&b""[..], b"1234567", b"12345678\xff", &[b'1'; 8 + ADDRESS_MAX + 1]] {
            Task::decode(bad).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(task) = Task::decode(&bytes) {
                prop_assert_eq!(testing::encode(&task)?, bytes);
            }
        }

        #[test]
        fn tasks_survive_the_way(number in any::<u64>(), server in "[a-z.]{1,20}:[0-9]{1,5}") {
            for work in [Work::Requests(server), Work::Compute] {
                let task = Task { number, work };
                prop_assert_eq!(Task::decode(&testing::encode(&task)?), Ok(task));
            }
        }
    }
}
