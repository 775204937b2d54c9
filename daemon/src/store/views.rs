//! What there is to ask: the views, their columns, and what these mean.
//!
//! The meanings are those of `docs/store.md`, which is a part of the program for that: a column of a view is, by SQLite's
//! own word, a column of a table, and the page has a section for each table. What is no table's column (a count, a value
//! out of JSON) has a row in the section of the view itself.

use std::collections::BTreeMap;

use gild_model::query::{ColumnInfo, ViewInfo};
use rusqlite::Connection;

use super::{Result, Store};

const DOCUMENTATION: &str = include_str!("../../../docs/store.md");

/// Type and meaning of columns, by section and name.
type Meanings = BTreeMap<(String, String), (String, String)>;

impl Store {
    /// The views, in order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn views(&self) -> Result<Vec<ViewInfo>> {
        views(&self.connection).map_err(|error| self.error(error))
    }
}

fn views(connection: &Connection) -> rusqlite::Result<Vec<ViewInfo>> {
    let (rows_per, meanings) = (rows_per(), meanings());
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let view = |name: String| {
        let columns = columns(connection, &name, &meanings)?;
        Ok(ViewInfo { row_per: rows_per.get(&name).cloned().unwrap_or_default(), name, columns })
    };
    names.into_iter().map(view).collect()
}

fn columns(connection: &Connection, view: &str, meanings: &Meanings) -> rusqlite::Result<Vec<ColumnInfo>> {
    let statement = connection.prepare(&format!("SELECT * FROM {view}"))?;
    let columns = statement.columns_with_metadata().map(|column| {
        let own = (view.to_owned(), column.name().to_owned());
        let origin =
            column.table_name().zip(column.origin_name()).map(|(table, name)| (table.to_owned(), name.to_owned()));
        let found = meanings.get(&own).or_else(|| meanings.get(&origin?));
        let (kind, meaning) = found.cloned().unwrap_or_default();
        ColumnInfo { name: own.1, kind, meaning }
    });
    Ok(columns.collect())
}

/// What a view has one row for: the table of views.
fn rows_per() -> BTreeMap<String, String> {
    let section = DOCUMENTATION.split("\n## Views").nth(1).unwrap_or_default().split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(cells).filter(|cells| cells.len() >= 2);
    rows.map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1].clone())).collect()
}

/// The rows of every section that describes columns: `### NAME: …`, then `| column | type | meaning |`.
fn meanings() -> Meanings {
    let mut meanings = Meanings::new();
    for section in DOCUMENTATION.split("\n### ").skip(1) {
        let Some((name, _)) = section.split_once(':') else { continue };
        let section = section.split("\n#").next().unwrap_or_default();
        for cells in section.lines().filter_map(cells).filter(|cells| cells.len() == 3) {
            for column in cells[0].split(", ").map(|it| it.trim_matches('`')) {
                let meaning = (cells[1].clone(), cells[2].clone());
                meanings.insert((name.to_owned(), column.to_owned()), meaning);
            }
        }
    }
    meanings
}

/// The cells of a row of a table that begins with something in backquotes.
fn cells(line: &str) -> Option<Vec<String>> {
    let line = line.strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
    cells[0].starts_with('`').then_some(cells)
}
