//! What people write on runs: tags and notes.

use gild_model::label::{TAGS_MAX, Tag, TagChange};
use gild_model::run::RunId;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use rusqlite::{Connection, params};

use super::columns::Json;
use super::{Result, Store, StoreError};

/// The tags of a run, in order.
pub(super) struct Tags(pub Vec<Tag>);

impl FromSql for Tags {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let mut tags = Json::<Vec<Tag>>::column_result(value)?.0;
        tags.sort();
        Ok(Tags(tags))
    }
}

impl Store {
    /// Puts tags on a run and takes others off: all of it, or nothing.
    ///
    /// # Errors
    /// There is no such run, or it would have too many tags; the store cannot be written.
    pub fn change_tags(&self, id: RunId, change: &TagChange) -> Result<()> {
        self.tally.write(|| {
            let transaction = self.begin_write().map_err(|error| self.error(error))?;
            self.check_run(id)?;
            let changed = write_tags(&transaction, id, change).and_then(|()| count_tags(&transaction, id));
            if changed.map_err(|error| self.error(error))? > TAGS_MAX {
                return Err(StoreError::TooManyTags(id));
            }
            transaction.commit().map_err(|error| self.error(error))
        })
    }

    /// Notes something of a run, instead of what was noted before; `None` takes that away.
    ///
    /// # Errors
    /// There is no such run; the store cannot be written.
    pub fn set_note(&self, id: RunId, note: Option<&str>) -> Result<()> {
        self.tally.write(|| {
            let transaction = self.begin_write().map_err(|error| self.error(error))?;
            self.check_run(id)?;
            let written = match note {
                Some(note) => transaction.execute("REPLACE INTO notes (run, note) VALUES (?1, ?2)", params![id, note]),
                None => transaction.execute("DELETE FROM notes WHERE run = ?1", [id]),
            };
            written.and_then(|_| transaction.commit()).map_err(|error| self.error(error))
        })
    }

    fn check_run(&self, id: RunId) -> Result<()> {
        let exists = "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?1)";
        match self.connection.query_row(exists, [id], |row| row.get(0)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::NoSuchRun(id)),
            Err(error) => Err(self.error(error)),
        }
    }
}

fn write_tags(connection: &Connection, id: RunId, change: &TagChange) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached("INSERT OR IGNORE INTO tags (run, tag) VALUES (?1, ?2)")?;
    let mut remove = connection.prepare_cached("DELETE FROM tags WHERE run = ?1 AND tag = ?2")?;
    change.add.iter().try_for_each(|tag| add.execute(params![id, tag.as_str()]).map(drop))?;
    change.remove.iter().try_for_each(|tag| remove.execute(params![id, tag.as_str()]).map(drop))
}

fn count_tags(connection: &Connection, id: RunId) -> rusqlite::Result<usize> {
    connection.query_row("SELECT count(*) FROM tags WHERE run = ?1", [id], |row| row.get(0))
}
