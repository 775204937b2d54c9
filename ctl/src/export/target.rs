//! Where an export goes: standard output, or a file that appears only when it is complete.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use super::Error;

/// Where an export goes.
#[derive(Debug)]
pub struct Target(Inner);

#[derive(Debug)]
enum Inner {
    Stdout(BufWriter<Stdout>),
    File(PartialFile),
}

impl Target {
    /// Standard output.
    pub fn stdout() -> Target {
        Target(Inner::Stdout(BufWriter::new(io::stdout())))
    }

    /// The file `path`, by way of `path.partial`.
    pub fn file(path: &Path) -> Result<Target, Error> {
        if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
            return Err(Error::NotRegular { path: path.to_owned() });
        }
        let file = PartialFile::create(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Ok(Target(Inner::File(file)))
    }

    /// Takes the bytes.
    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match &mut self.0 {
            Inner::Stdout(stdout) => stdout,
            Inner::File(file) => &mut file.writer,
        }
    }

    /// Where this goes, for errors.
    pub(super) fn destination(&self) -> Destination {
        Destination(match &self.0 {
            Inner::Stdout(_) => None,
            Inner::File(file) => Some(file.path.clone()),
        })
    }

    /// Writes a document and makes sure that it is there.
    pub fn put(mut self, document: &str) -> Result<(), Error> {
        let written = self.writer().write_all(document.as_bytes());
        written.map_err(|error| self.destination().error(error))?;
        self.commit()
    }

    /// Makes sure that everything is written; a file then appears under its name.
    pub fn commit(mut self) -> Result<(), Error> {
        let committed = match &mut self.0 {
            Inner::Stdout(stdout) => stdout.flush(),
            Inner::File(file) => file.commit(),
        };
        committed.map_err(|error| self.destination().error(error))
    }
}

/// The name of a target: a file, or `None` for standard output.
#[derive(Debug, Clone)]
pub(super) struct Destination(Option<PathBuf>);

impl Destination {
    /// What an error while writing there means.
    pub(super) fn error(&self, source: io::Error) -> Error {
        match &self.0 {
            None => Error::Stdout(source),
            Some(path) => Error::File { path: path.clone(), source },
        }
    }
}

/// A file under another name until it is complete; removed if it never is.
#[derive(Debug)]
struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
    complete: bool,
}

impl PartialFile {
    fn create(path: &Path) -> io::Result<PartialFile> {
        let mut partial = OsString::from(path);
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let writer = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
        Ok(PartialFile { path: path.to_owned(), partial, writer, complete: false })
    }

    /// Syncs the content, then the name: after a crash there is either nothing or all of it.
    fn commit(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        self.complete = true;
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.complete {
            // The error that brought us here is on its way to the user; a file that cannot be removed either
            // still has the name that says what it is.
            _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        fs::write(&path, "old").unwrap();
        let mut target = Target::file(&path).unwrap();
        target.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        target.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["x.csv"]);
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut target = Target::file(&folder.path().join("x.csv")).unwrap();
        target.write_all(&[b'x'; 3 << 20]).unwrap();
        drop(target);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn devices_and_folders_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for path in [Path::new("/dev/null"), folder.path()] {
            let error = Target::file(path).unwrap_err();
            assert!(matches!(error, Error::NotRegular { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let mut full = BufWriter::new(File::options().write(true).open("/dev/full").unwrap());
        full.write_all(b"x").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let partial = folder.path().join("x.csv.partial");
        fs::write(&partial, "").unwrap();
        let file = PartialFile { path: path.clone(), partial, writer: full, complete: false };
        let error = Target(Inner::File(file)).commit().unwrap_err();
        let Error::File { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("x.csv"), "{error}");
        assert!(names(folder.path()).is_empty());
    }
}
