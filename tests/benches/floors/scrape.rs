//! A page of metrics: what it costs beside the shortest answer that the daemon has, and whether a store that holds much
//! makes it cost more.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use gild_tests::lab::Lab;
use gild_tests::stored::{Shape, fill};

use crate::paired::paired;
use crate::report::Row;

/// Runs in the store that holds much.
const RUNS: u32 = 2_000;
const ROUNDS: usize = 101;
const REQUESTS: u64 = 10;

/// Both, over connections that stay open.
pub fn rows() -> Vec<Row> {
    let (empty, full) = (lab(0), lab(RUNS));
    let (mut status, mut page) = (Client::of(&empty), Client::of(&empty));
    let beside = paired(
        ROUNDS,
        REQUESTS,
        |count| (0..count).for_each(|_| drop(status.get("/v1/status"))),
        |count| (0..count).for_each(|_| drop(page.get("/metrics"))),
    );
    let mut many = Client::of(&full);
    let growth = paired(
        ROUNDS,
        REQUESTS,
        |count| (0..count).for_each(|_| drop(page.get("/metrics"))),
        |count| (0..count).for_each(|_| drop(many.get("/metrics"))),
    );
    vec![
        Row::ratio("a page of metrics / the daemon's status", beside.measured_ns, beside.floor_ns, 10.0),
        Row::ratio("… with 2 000 runs in the store / with none", growth.measured_ns, growth.floor_ns, 1.3),
    ]
}

/// A daemon that has run every model, with so many runs in its store.
fn lab(runs: u32) -> Lab {
    let mut lab = Lab::empty();
    fill(&lab.store(), runs, Shape { workers: 2, repetitions: 1, counters: false });
    lab.start_daemon();
    let line = ["run", "null", "--tasks", "20", "--repeat", "1", "--workers", "2"];
    lab.gilctl(&[&line[..], &["--model", "sequential,threads,processes,subinterpreters"]].concat()).well();
    lab
}

struct Client(BufReader<UnixStream>);

impl Client {
    fn of(lab: &Lab) -> Client {
        Client(BufReader::new(lab.connect().expect("the daemon listens")))
    }

    /// The body of an answer.
    fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: gild\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).expect("the daemon reads");
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).expect("the daemon answers");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length is a number");
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the daemon answers");
        assert!(!body.is_empty());
        body
    }
}
