//! The file of `report_path`: one line of JSON for each thing that is reported, each appended by one write.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use gild_abi::{Error, Result};
use nix::unistd::{getpid, gettid};
use serde::Serialize;

/// A file that lines are appended to. Open in append mode, so that what several processes write keeps apart.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

/// The journal of the newest instance, for those who know of no instance: codecs and fork handlers.
static NEWEST: RwLock<Option<Arc<Journal>>> = RwLock::new(None);

/// A line of something that is no task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Line<T> {
    /// The process.
    pub pid: i32,
    /// The thread.
    pub tid: i32,
    /// What happened.
    #[serde(flatten)]
    pub event: T,
}

impl Journal {
    /// Opens the file, and makes it the newest.
    pub(crate) fn open(path: &Path) -> Result<Arc<Journal>> {
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| named(path, error))?;
        let journal = Arc::new(Journal { path: path.to_owned(), file });
        *NEWEST.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&journal));
        Ok(journal)
    }

    /// The newest journal, if there is one.
    pub(crate) fn newest() -> Option<Arc<Journal>> {
        NEWEST.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Appends a line by one write, so that the lines of all workers keep apart.
    pub(crate) fn append(&self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(line).map_err(Error::new)?;
        text.push('\n');
        match (&self.file).write(text.as_bytes()) {
            Ok(written) if written == text.len() => Ok(()),
            Ok(written) => {
                let short = io::Error::other(format!("{written} of {} bytes were written", text.len()));
                Err(named(&self.path, short))
            }
            Err(error) => Err(named(&self.path, error)),
        }
    }

    /// Appends something that this thread has seen.
    pub(crate) fn note<T: Serialize>(&self, event: T) -> Result<()> {
        self.append(&Line { pid: getpid().as_raw(), tid: gettid().as_raw(), event })
    }
}

fn named(path: &Path, error: io::Error) -> Error {
    io::Error::new(error.kind(), format!("report_path {}: {error}", path.display())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_threads_keep_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let journal = Journal::open(&path).unwrap();
        std::thread::scope(|scope| {
            for letter in ['a', 'b', 'c', 'd'] {
                let journal = &journal;
                scope.spawn(move || {
                    let line = letter.to_string().repeat(999);
                    (0..50).for_each(|_| journal.append(&line).unwrap());
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 200);
        for line in text.lines() {
            let line: String = serde_json::from_str(line).unwrap();
            assert!(line.len() == 999 && line.bytes().all(|byte| byte == line.as_bytes()[0]), "{line}");
        }
    }

    #[test]
    fn a_device_that_is_full_is_an_error_that_names_it() {
        let journal = Journal::open(Path::new("/dev/full")).unwrap();
        let error = journal.append(&1).unwrap_err();
        assert!(error.to_string().starts_with("report_path /dev/full: No space left"), "{error}");
    }
}
