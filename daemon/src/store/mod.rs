//! The store: every run with its trials and their accounts, in one SQLite file.
//!
//! The control plane is the only writer. It appends one trial per transaction, so that whatever happens to the
//! daemon or the machine, every finished trial is either there with all its accounts or not there at all. The
//! schema is in `schema.sql` and what `schema_2.sql` to `schema_4.sql` add to it, column by column; `docs/store.md` says how to query it with other tools.
//!
//! | module | subject |
//! |---|---|
//! | `open` | the folder, the lock, the file, how SQLite is to treat it |
//! | `schema` | the schema's versions and the way from one to the next |
//! | `error` | what can go wrong, told apart by what to do about it |
//! | `runs` | runs: queued, started, ended, read, removed |
//! | `list` | runs in one line each: narrowed, in pages |
//! | `labels` | tags and notes |
//! | `prune` | which runs are old enough to go; room for the file system |
//! | `question` | SQL that people ask, which only reads |
//! | `views` | what there is to ask, and what it means |
//! | `trials` | trials with their accounts, written and read back |
//! | `task_times` | the times of a trial's tasks |
//! | `lock_waits` | who made whom wait for a lock, and which functions did |
//! | `noise` | the noise of a trial, a part of its row |
//! | `rows` | accounts as tidy rows, one after the other |
//! | `columns` | values to SQL and back |
//!
//! Calls block: a transaction takes some tens of microseconds, one that waits for a person's `sqlite3` session
//! up to two seconds. A [`Store`] can move between threads and serves one at a time; reads that last, such as an
//! export to a slow client, belong on a [`Store::reader`] of their own.
//!
//! It never measures, never judges what it stores, and never deletes anything unasked.

mod columns;
mod error;
mod labels;
mod list;
mod lock_waits;
mod noise;
mod open;
mod prune;
mod question;
mod rows;
mod runs;
mod schema;
mod task_times;
#[cfg(test)]
mod tests;
mod timelines;
mod trials;
mod views;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use error::StoreError;
pub use prune::bytes_of;
pub use question::Question;

use crate::metrics::store::StoreTally;

/// What a call to the store comes to.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A store that is open.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    tally: Arc<StoreTally>,
    /// Held for as long as the store is open; `None` in a reader, which lives by the lock of its parent.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store at `path`; makes it, and the folder it is in, if there is none. Brings an older schema up
    /// to date. One process can have it open, once.
    ///
    /// # Errors
    /// See [`StoreError`]: everything but `NoSuchRun` and `NoSuchCase` can come of this.
    pub fn open(path: &Path) -> Result<Store> {
        open::make_folder(path)?;
        let lock = open::lock(path)?;
        open::make_file(path)?;
        let mut connection = open::connect(path)?;
        schema::check(&connection, path, schema::MIGRATIONS)?;
        if let Err(error) = prune::let_shrink(&connection) {
            tracing::warn!(store = %path.display(), %error, "the store cannot be made to shrink; it keeps the room of removed runs for later ones");
        }
        open::configure(&connection, path)?;
        schema::bring_up_to_date(&mut connection, path, schema::MIGRATIONS)?;
        let runs = connection
            .query_row("SELECT count(*) FROM runs", [], |row| row.get(0))
            .map_err(|error| StoreError::from_sqlite(path, error))?;
        Ok(Store { connection, path: path.to_owned(), tally: Arc::new(StoreTally::of(runs)), _lock: Some(lock) })
    }

    /// Opens a second connection to the same file, which only reads. It sees what is committed at the start of
    /// each call, and neither waits for the first one nor keeps it waiting; it lives by the first one's lock.
    ///
    /// # Errors
    /// The file cannot be opened again.
    pub fn reader(&self) -> Result<Store> {
        let connection = open::connect(&self.path)?;
        connection.pragma_update(None, "query_only", true).map_err(|error| self.error(error))?;
        Ok(Store { connection, path: self.path.clone(), tally: Arc::clone(&self.tally), _lock: None })
    }

    /// The file that the store is in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is counted of it, for the metrics.
    pub fn tally(&self) -> Arc<StoreTally> {
        Arc::clone(&self.tally)
    }

    /// Begins a transaction that is going to write. IMMEDIATE, because a transaction that reads first and writes
    /// later is refused at once, busy timeout or not, if somebody else wrote in between.
    fn begin_write(&self) -> rusqlite::Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
    }

    fn error(&self, error: rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(&self.path, error)
    }
}
