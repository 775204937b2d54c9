//! Lists of runs, narrowed in SQL and cut into pages: what a list costs goes with its length, not with the store's.

use gild_model::many::RunFilter;
use gild_model::run::{RunHead, RunId};
use jiff::Timestamp;
use rusqlite::OptionalExtension;
use rusqlite::types::ToSql;

use super::columns::{Columns, Time};
use super::labels::Tags;
use super::{Result, Store};

/// The columns of a [`RunHead`]. SQLite reads a row from its start and stops at the last column asked for, so
/// this never touches the long texts behind them.
pub(super) const HEAD: &str = "SELECT id, name, kernel, status, error,
        (SELECT count(*) FROM cases WHERE cases.run = runs.id),
        (SELECT count(*) FROM trials WHERE trials.run = runs.id),
        trials_planned, submitted_at, started_at, finished_at,
        (SELECT json_group_array(tag) FROM tags WHERE tags.run = runs.id),
        (SELECT note FROM notes WHERE notes.run = runs.id)
    FROM runs";

impl Store {
    /// A run in one line; `None` if there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn head(&self, id: RunId) -> Result<Option<RunHead>> {
        let head = self.connection.prepare_cached(&format!("{HEAD} WHERE id = ?1"));
        head.and_then(|mut statement| statement.query_row([id], head_of).optional()).map_err(|error| self.error(error))
    }

    /// Runs in one line each, newest first: those that `filter` lets pass, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(&self, filter: &RunFilter, limit: u32) -> Result<Vec<RunHead>> {
        let Selection { sql, values } = Selection::of(filter, limit);
        let heads = self.connection.prepare_cached(&sql).and_then(|mut statement| {
            let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_ref())).collect();
            statement.query_map(values.as_slice(), head_of)?.collect()
        });
        heads.map_err(|error| self.error(error))
    }
}

/// A statement with its values.
pub(super) struct Selection {
    /// The statement.
    pub sql: String,
    /// Its values, by name.
    pub values: Vec<(&'static str, Box<dyn ToSql>)>,
}

impl Selection {
    /// The statement that lists runs. Every condition is one that an index answers in the order of runs, or with the
    /// runs in question alone.
    pub(super) fn of(filter: &RunFilter, limit: u32) -> Selection {
        let before = filter.before.unwrap_or(RunId::MAX);
        let mut selection = Selection { sql: format!("{HEAD} WHERE id < :before"), values: Vec::new() };
        selection.values.push((":before", Box::new(before)));
        selection.narrow("kernel = :kernel", ":kernel", filter.kernel.clone());
        selection.narrow("status = :status", ":status", filter.status.map(|it| it.name()));
        let tag = filter.tag.as_ref().map(|it| it.as_str().to_owned());
        selection.narrow("id IN (SELECT run FROM tags WHERE tag = :tag)", ":tag", tag);
        let model = filter.model.map(|it| it.name());
        selection.narrow("id IN (SELECT run FROM cases WHERE model = :model)", ":model", model);
        // Numbers rise with time unless the clock is set back, so the first one bounds the search, and only that.
        let since = "id >= (SELECT min(id) FROM runs WHERE submitted_at >= :since) AND +submitted_at >= :since";
        selection.narrow(since, ":since", filter.since.map(to_the_second));
        selection.sql += " ORDER BY id DESC LIMIT :limit";
        selection.values.push((":limit", Box::new(limit)));
        selection
    }

    fn narrow<T: ToSql + 'static>(&mut self, condition: &str, name: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.sql += &format!(" AND {condition}");
            self.values.push((name, Box::new(value)));
        }
    }
}

/// A time of day without the part below a second and without its `Z`: as text it comes right before every stored time of
/// this second or later, however many digits that one has.
pub(super) fn to_the_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn head_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunHead> {
    let mut columns = Columns::from(row, 0);
    Ok(RunHead {
        id: columns.take()?,
        name: columns.take()?,
        kernel: columns.take()?,
        status: columns.name()?,
        error: columns.take()?,
        cases: columns.take()?,
        trials_done: columns.take()?,
        trials_planned: columns.take()?,
        submitted_at: columns.take::<Time>()?.0,
        started_at: columns.take::<Option<Time>>()?.map(|time| time.0),
        finished_at: columns.take::<Option<Time>>()?.map(|time| time.0),
        tags: columns.take::<Tags>()?.0,
        note: columns.take()?,
    })
}
