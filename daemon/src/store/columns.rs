//! Values to SQL and back: JSON, times of day, closed sets of names, and a row read from left to right.

use std::fmt;

use gild_model::case::Pinning;
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A value that is stored as JSON text.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Json).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl<'a, T: Deserialize<'a>> Json<T> {
    /// Reads a value that holds on to the text of its row.
    pub fn borrowed(value: ValueRef<'a>) -> rusqlite::Result<Self> {
        let text = value.as_str()?;
        serde_json::from_str(text)
            .map(Json)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
    }
}

/// A time of day, stored as RFC 3339 text in UTC.
pub(super) struct Time(pub Timestamp);

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.to_string()))
    }
}

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Time).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// One of a closed set of names.
pub(super) struct Name<T>(pub T);

impl FromSql for Name<Pinning> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Name).map_err(|error: String| FromSqlError::Other(error.into()))
    }
}

/// A type whose values have one name each, in the store as everywhere else.
pub(super) trait Named: Sized {
    /// The value with this name, if there is one.
    fn from_name(name: &str) -> Option<Self>;
}

/// Implements [`Named`] by looking through the given values.
macro_rules! named {
    ($($type:ty: $values:expr;)+) => {
        $(impl Named for $type {
            fn from_name(name: &str) -> Option<Self> {
                $values.into_iter().find(|it| it.name() == name)
            }
        })+
    };
}

named! {
    gild_model::account::Role: [Self::Coordinator, Self::Worker, Self::Helper];
    gild_model::case::Dispatch: Self::ALL.iter().copied();
    gild_model::case::LockPolicy: Self::ALL.iter().copied();
    gild_model::case::Model: Self::ALL.iter().copied();
    gild_model::case::Start: Self::ALL.iter().copied();
    gild_model::case::Transport: Self::ALL.iter().copied();
    gild_model::lock_wait::LockKind: Self::ALL;
    gild_model::host::Tier: [Self::Bare, Self::Software, Self::Pmu];
    gild_model::phase::Phase: Self::ALL;
    gild_model::run::RunStatus: Self::ALL;
    gild_model::trial::TrialStatus: [Self::Done, Self::Failed, Self::Cancelled];
}

/// A name that this version of gild does not know.
#[derive(Debug)]
struct UnknownName(String);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown name \"{}\"", self.0)
    }
}

impl std::error::Error for UnknownName {}

impl<T: Named> FromSql for Name<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        T::from_name(name).map(Name).ok_or_else(|| FromSqlError::Other(Box::new(UnknownName(name.to_owned()))))
    }
}

/// Reads a row column by column, in the order of its SELECT.
pub(super) struct Columns<'row, 'statement> {
    row: &'row Row<'statement>,
    next: usize,
}

impl<'row, 'statement> Columns<'row, 'statement> {
    /// Starts at column `first`.
    pub fn from(row: &'row Row<'statement>, first: usize) -> Self {
        Columns { row, next: first }
    }

    /// The next column.
    pub fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }

    /// Leaves out `count` columns.
    pub fn skip(&mut self, count: usize) {
        self.next += count;
    }

    /// The next column, of a closed set of names.
    pub fn name<T: Named>(&mut self) -> rusqlite::Result<T> {
        self.take::<Name<T>>().map(|name| name.0)
    }

    /// The next column, of a closed set of names, or NULL.
    pub fn name_if_any<T: Named>(&mut self) -> rusqlite::Result<Option<T>> {
        Ok(self.take::<Option<Name<T>>>()?.map(|name| name.0))
    }

    /// The next column, of JSON.
    pub fn json<T: DeserializeOwned>(&mut self) -> rusqlite::Result<T> {
        self.take::<Json<T>>().map(|json| json.0)
    }
}
