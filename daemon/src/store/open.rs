//! Opening a store: the folder, the lock, the file, and how SQLite is to treat it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{StoreError, folder};

/// How long a statement waits for a person's `sqlite3` session that writes, before it gives up.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The write-ahead log is cut back to this size once its content is in the main file.
const LOG_BYTES: i64 = 4 << 20;

/// Makes the folder of the store, for its owner only.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| StoreError::from_io(path, &format!("cannot make the folder {}", folder.display()), &error))
}

/// Locks the store for this process, until the file is closed; also against a second use within the process.
///
/// The lock is on a file of its own: SQLite's locks are POSIX record locks, which a process loses as soon as
/// it closes any descriptor of the same file (fcntl(2), "Record locks").
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed = |doing: &str, error: &io::Error| {
        StoreError::from_io(path, &format!("cannot {doing} {}", name.display()), error)
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&name)
        .map_err(|error| failed("make", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed("lock", &error)),
    }
}

/// Makes the store's file if there is none, readable by its owner only; SQLite gives its other files the same mode.
pub(super) fn make_file(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::from_io(path, "cannot make the file", &error)),
    }
}

/// Opens the file for reading and writing, and changes nothing in it.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let sqlite = |error| StoreError::from_sqlite(path, error);
    // Without SQLITE_OPEN_URI, so that a path may begin with "file:".
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    // A statement is compiled once and not again for every value that it is given: built with STAT4, SQLite otherwise does
    // that on each binding (sqlite.org/c3ref/c_dbconfig_defensive.html, SQLITE_DBCONFIG_ENABLE_QPSG).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sqlite)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Sets how SQLite is to write: a write-ahead log, synced when it is folded into the main file.
pub(super) fn configure(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let sqlite = |error| StoreError::from_sqlite(path, error);
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(sqlite)?;
    if mode != "wal" {
        let reason = format!("the file system of {} cannot hold a write-ahead log", folder(path).display());
        return Err(StoreError::Open { path: path.to_owned(), reason });
    }
    // The pragma answers with the limit that is in force.
    connection
        .pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |row| row.get::<_, i64>(0))
        .map_err(sqlite)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(sqlite)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(sqlite)
}
