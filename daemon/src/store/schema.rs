//! The schema's versions: `PRAGMA user_version` says which one a file has; each migration brings it one further.
//!
//! A migration is written once and never edited after a release: version n is what migrations 1 to n make of an
//! empty file. Each runs in its own transaction, so a file is always in exactly one version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

/// Migration i (from 0) turns version i into version i + 1.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// `PRAGMA application_id` of a store: "gild" in ASCII.
const APPLICATION_ID: i64 = 0x6769_6c64;

/// Refuses a file that is of another program or of a later version, before anything in it is changed.
///
/// # Errors
/// The file is one of these, or cannot be read.
pub(super) fn check(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let (application, found, objects): (i64, i64, i64) = connection
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                    (SELECT count(*) FROM sqlite_schema)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .map_err(|error| StoreError::from_sqlite(path, error))?;
    let known = i64::try_from(migrations.len()).expect("a program holds few migrations");
    let path = path.to_owned();
    match (application, found) {
        (0, 0) if objects == 0 => Ok(()),
        (APPLICATION_ID, 1..) if found <= known => Ok(()),
        (APPLICATION_ID, 1..) => Err(StoreError::Newer { path, found, known }),
        (APPLICATION_ID, _) => Err(StoreError::Damaged { path, reason: format!("its schema version is {found}") }),
        _ => Err(StoreError::Foreign { path }),
    }
}

/// Brings a file that [`check`] let pass to the latest version.
///
/// # Errors
/// The file is damaged or cannot be written.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let sqlite = |error| StoreError::from_sqlite(path, error);
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
        let version: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(sqlite)?;
        let Some(migration) = migrations.get(version) else { return Ok(()) };
        transaction.execute_batch(migration).map_err(sqlite)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
        transaction.pragma_update(None, "user_version", version + 1).map_err(sqlite)?;
        transaction.commit().map_err(sqlite)?;
    }
}
