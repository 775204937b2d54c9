//! What can go wrong with a store, told apart by what its owner has to do about it.

use std::io;
use std::path::{Path, PathBuf};

use gild_model::label::TAGS_MAX;
use gild_model::run::RunId;
use rusqlite::ErrorCode;

/// What the store could not do, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file, its folder or its lock could not be opened or made.
    #[error("cannot open the store {}: {reason}", path.display())]
    Open {
        /// The store.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file system is full. What was stored before is intact.
    #[error(
        "the store {} has no room left: free some room in the file system of {}; once there is a little, \
         `gilctl rm RUN` makes room in the store for later runs; everything stored so far is intact",
        path.display(),
        folder(path).display()
    )]
    Full {
        /// The store.
        path: PathBuf,
    },
    /// The file is not a database, or is damaged.
    #[error(
        "the store {} is damaged ({reason}): move it and the files {0}-wal and {0}-shm away, and gild starts a new \
         one; `sqlite3 MOVED-FILE .recover` gets out what can still be read",
        path.display()
    )]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A later gild made it.
    #[error(
        "the store {} has schema version {found}, and this gild knows versions up to {known}: use the gild that \
         made it or a later one, or give this one another store",
        path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The latest version that this gild knows.
        known: i64,
    },
    /// A database of another program.
    #[error("{} is a database of another program: give gild another path for its store", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the store.
    #[error(
        "the store {} is in use by another process: stop the other gild, or end the sqlite3 session that writes to \
         it, or give this gild another store",
        path.display()
    )]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// There is no such run (any more).
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// A trial names a case that its run does not have.
    #[error("run {run} has no case with index {case}")]
    NoSuchCase {
        /// The run.
        run: RunId,
        /// Index of the case.
        case: u32,
    },
    /// A run cannot have as many tags.
    #[error("run {0} would have more than {TAGS_MAX} tags")]
    TooManyTags(RunId),
    /// A question in SQL that cannot be answered.
    #[error("{0}")]
    Question(String),
    /// Anything else that SQLite reports.
    #[error("cannot use the store {}: {source}", path.display())]
    Other {
        /// The store.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Sorts out what SQLite reports about the store at `path`.
    pub(super) fn from_sqlite(path: &Path, source: rusqlite::Error) -> StoreError {
        let path = path.to_owned();
        if is_conversion(&source) {
            return StoreError::Damaged { path, reason: source.to_string() };
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            // SQLite says "I/O error" where a file cannot grow by other means than write(2): mapping the -shm
            // file, fallocate, fsync with delayed allocation.
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_full(&path) => StoreError::Full { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { path, reason: source.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
            Some(ErrorCode::CannotOpen) => StoreError::Open { path, reason: source.to_string() },
            _ => StoreError::Other { path, source },
        }
    }

    /// Sorts out what the system reports when the files around the store at `path` are made.
    pub(super) fn from_io(path: &Path, doing: &str, error: &io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path: path.to_owned() },
            _ => StoreError::Open { path: path.to_owned(), reason: format!("{doing}: {error}") },
        }
    }
}

/// Reading a value failed because of what is stored, not because of how it is stored.
fn is_conversion(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    matches!(error, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..))
}

/// The file system of the store has no block left for anybody but root.
fn is_full(path: &Path) -> bool {
    nix::sys::statvfs::statvfs(folder(path)).is_ok_and(|it| it.blocks_available() == 0)
}

/// The folder that holds the store.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
