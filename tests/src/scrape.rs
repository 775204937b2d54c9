//! What a monitoring system sees of a daemon: its page of figures, read without a library.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use gild_model::api::DaemonStatus;

use crate::api::{self, Answer};
use crate::lab::Lab;
use crate::waiting::LIMIT;

/// Labels with their values.
pub type Labels = BTreeMap<String, String>;

/// A page that was read.
#[derive(Debug, Clone)]
pub struct Page {
    /// As it came.
    pub text: String,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Page {
    /// Reads a page in either format; values of labels have no escapes.
    ///
    /// # Panics
    /// It is something else, or has a series twice.
    pub fn read(text: String) -> Page {
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no labels: {line}"));
            let labels: Labels = labels.split_terminator("\",").map(|label| read_label(label, line)).collect();
            let value = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(samples.insert((name.to_owned(), labels), value).is_none(), "twice: {line}");
        }
        Page { text, samples }
    }

    /// The page of a daemon, over its socket.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn of(lab: &Lab) -> Page {
        let answer = lab.ask("GET", "/metrics", "");
        assert_eq!(answer.status, 200, "{answer:?}");
        Page::read(answer.body)
    }

    /// All series: name, labels, value.
    pub fn samples(&self) -> impl Iterator<Item = (&str, &Labels, f64)> {
        self.samples.iter().map(|((name, labels), value)| (name.as_str(), labels, *value))
    }

    /// The series of this name that have these labels among theirs.
    pub fn those<'p>(&'p self, name: &'p str, labels: &'p [(&str, &str)]) -> impl Iterator<Item = (&'p Labels, f64)> {
        let has = |of: &Labels| labels.iter().all(|(name, value)| of.get(*name).is_some_and(|it| it == value));
        self.samples().filter(move |(it, of, _)| *it == name && has(of)).map(|(_, of, value)| (of, value))
    }

    /// The sum of these series; `None`: there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.those(name, labels).map(|(_, value)| value).reduce(|sum, value| sum + value)
    }
}

fn read_label(label: &str, line: &str) -> (String, String) {
    let (name, value) = label.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
    (name.to_owned(), value.trim_end_matches('"').to_owned())
}

/// Where a daemon serves its page beside the socket.
///
/// # Panics
/// It does not.
#[track_caller]
pub fn address(lab: &Lab) -> SocketAddr {
    lab.get::<DaemonStatus>("/v1/status").metrics.expect("the test has configured a port")
}

/// Connects to that port. Reads and writes that last too long fail, so that a test that hangs ends.
///
/// # Errors
/// Nobody listens.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// Sends bytes to that port on a connection of its own, and reads what comes until its end.
///
/// # Errors
/// Nobody listens, or the connection breaks.
pub fn send(address: SocketAddr, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    api::answer(&answer)
}

/// Asks that port one question, with further lines of a head.
///
/// # Panics
/// There is no answer.
#[track_caller]
pub fn ask(address: SocketAddr, line: &str, head: &str) -> Answer {
    let request = format!("{line} HTTP/1.1\r\nconnection: close\r\n{head}\r\n");
    send(address, request.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart_into_series() {
        let text = "# TYPE a counter\na_total{b=\"/v1/{id}\",c=\"x, y\"} 2\na_total{b=\"z\"} 3e-1\nd 7\n# EOF\n";
        let page = Page::read(text.to_owned());
        assert_eq!(page.sum("a_total", &[("b", "/v1/{id}")]), Some(2.0));
        assert_eq!(page.sum("a_total", &[]), Some(2.3));
        assert_eq!((page.sum("d", &[]), page.sum("e", &[])), (Some(7.0), None));
    }
}
