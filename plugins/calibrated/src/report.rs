//! What a task says of itself: one line of JSON, as a message, appended to a file, or both.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use gild_abi::{Cx, Error, Level, Result};
use serde::{Deserialize, Serialize};

use crate::block::Blocked;
use crate::burn::Burnt;
use crate::clocks::{Figures, Measured};
use crate::instructions::{Branched, Counted};
use crate::lock_pattern::Held;
use crate::memory::{Faulted, Touched};
use crate::settings::Settings;
use crate::switches::{Napped, Yielded};

/// A line of a report. Parts that are off are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The task's number, counted from 0.
    pub task: u64,
    /// The process that ran it.
    pub pid: i32,
    /// The thread that ran it.
    pub tid: i32,
    /// What the operating system has seen from the task's start to its result, without this report.
    pub whole: Figures,
    /// What the parts know and what the operating system has seen of each.
    #[serde(flatten)]
    pub parts: Parts,
}

/// The parts of a task, in the order in which they are done. Each is also a phase of this name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Parts {
    /// `cpu_us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Measured<Burnt>>,
    /// `rounds`, `hold_us`, `rest_us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_pattern: Option<Measured<Held>>,
    /// `block_us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Measured<Blocked>>,
    /// `working_set_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_set: Option<Measured<Touched>>,
    /// `fault_pages`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Measured<Faulted>>,
    /// `instructions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Measured<Counted>>,
    /// `branches`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<Measured<Branched>>,
    /// `yields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yields: Option<Measured<Yielded>>,
    /// `naps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub naps: Option<Measured<Napped>>,
}

impl Report {
    /// Reads a line.
    ///
    /// # Errors
    /// It is no report.
    pub fn parse(line: &str) -> serde_json::Result<Report> {
        serde_json::from_str(line)
    }

    /// Says it wherever the settings want it.
    pub(crate) fn deliver(&self, cx: &Cx<'_>, settings: &Settings) -> Result<()> {
        let mut line = serde_json::to_string(self).map_err(Error::new)?;
        if settings.report_to_log {
            cx.log(Level::Info, &line);
        }
        if let Some(path) = &settings.report_to_file {
            line.push('\n');
            append(path, line.as_bytes())
                .map_err(|error| io::Error::new(error.kind(), format!("report_path {}: {error}", path.display())))?;
        }
        Ok(())
    }
}

/// Appends a line by one write, so that the lines of all workers keep apart. The file is opened each time, so that an
/// instance keeps nothing open that a fork would share.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let written = file.write(line)?;
    if written != line.len() {
        return Err(io::Error::other(format!("{written} of {} bytes were written", line.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_threads_keep_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        std::thread::scope(|scope| {
            for letter in *b"abcd" {
                let path = &path;
                scope.spawn(move || {
                    let line = [vec![letter; 999], b"\n".to_vec()].concat();
                    (0..50).for_each(|_| append(path, &line).unwrap());
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 200);
        for line in text.lines() {
            assert!(line.len() == 999 && line.bytes().all(|byte| byte == line.as_bytes()[0]), "{line}");
        }
    }

    #[test]
    fn a_device_that_is_full_is_an_error() {
        let error = append(Path::new("/dev/full"), b"line\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
