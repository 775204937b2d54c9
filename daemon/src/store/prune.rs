//! Which runs are old enough to go, and how the room of removed runs gets back to the file system.
//!
//! A new store is made with `auto_vacuum = INCREMENTAL`, so that pages which nobody uses can be given back some at a time,
//! between which others have their turn. An older store is rewritten once, when it is opened.

use std::fs;
use std::path::{Path, PathBuf};

use gild_model::many::PruneRequest;
use gild_model::run::RunId;
use rusqlite::{Connection, named_params};

use super::list::to_the_second;
use super::{Result, Store};

/// Pages that are given back at once: some milliseconds' work.
const PAGES_AT_ONCE: u32 = 512;
/// `PRAGMA auto_vacuum`: pages are given back when asked for.
const INCREMENTAL: i64 = 2;

/// The runs that a request is about, oldest first.
const PRUNABLE: &str = "SELECT id FROM runs
    WHERE status NOT IN ('queued', 'running')
        AND (:keep IS NULL OR id IN (SELECT id FROM runs ORDER BY id DESC LIMIT -1 OFFSET coalesce(:keep, 0)))
        AND (:before IS NULL OR submitted_at < :before)
        AND (:up_to IS NULL OR id <= :up_to)
        AND (:tagged OR NOT EXISTS (SELECT 1 FROM tags WHERE tags.run = runs.id))
    ORDER BY id";

impl Store {
    /// The numbers of the runs that `request` is about, oldest first. Runs that are not over are never among them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn prunable(&self, request: &PruneRequest) -> Result<Vec<RunId>> {
        let values = named_params! {
            ":keep": request.keep,
            ":before": request.before.map(to_the_second),
            ":up_to": request.up_to,
            ":tagged": request.tagged,
        };
        let ids = self.connection.prepare_cached(PRUNABLE);
        ids.and_then(|mut statement| statement.query_map(values, |row| row.get(0))?.collect())
            .map_err(|error| self.error(error))
    }

    /// Gives some of the room that nobody uses back to the file system; `false`: there is no more.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn give_back(&self) -> Result<bool> {
        self.tally.write(|| {
            let gave = give_back(&self.connection).map_err(|error| self.error(error))?;
            if !gave {
                // The file gets shorter when the log is folded into it; a reader that holds on to the past puts it off.
                self.connection
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .map_err(|error| self.error(error))?;
            }
            Ok(gave)
        })
    }

    /// Size of the store's files, in bytes.
    pub fn bytes(&self) -> u64 {
        bytes_of(&self.path)
    }
}

/// Size of the files of the store at `path`, in bytes.
pub fn bytes_of(path: &Path) -> u64 {
    let of = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        fs::metadata(PathBuf::from(name)).map_or(0, |file| file.len())
    };
    of("") + of("-wal")
}

fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let free = |connection: &Connection| connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, u32>(0));
    let before = free(connection)?;
    if before == 0 {
        return Ok(false);
    }
    // The pragma frees one page per step.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
    let mut steps = statement.query([])?;
    while steps.next()?.is_some() {}
    drop(steps);
    // A store that could not be rewritten keeps its free pages for later runs.
    Ok(free(connection)? < before)
}

/// Sees to it that the store can give room back. Before its first table this is a flag; later all of it is rewritten.
pub(super) fn let_shrink(connection: &Connection) -> rusqlite::Result<()> {
    let mode: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0))?;
    if mode == INCREMENTAL {
        return Ok(());
    }
    connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match tables {
        0 => Ok(()),
        _ => connection.execute_batch("VACUUM"),
    }
}
