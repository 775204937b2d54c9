//! Questions in SQL: what is asked, and the lines of the answer.

use serde::{Deserialize, Serialize};

/// Longest time that a question may be worked on unless it says otherwise, in seconds.
pub const TIME_LIMIT_S_DEFAULT: f64 = 30.0;
/// The longest that it may say.
pub const TIME_LIMIT_S_MAX: f64 = 600.0;

/// A question to the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlRequest {
    /// One statement that reads.
    pub sql: String,
    /// Most rows of the answer. `None`: all.
    #[serde(default)]
    pub row_limit: Option<u64>,
    /// Longest time for it, in seconds. `None`: [`TIME_LIMIT_S_DEFAULT`].
    #[serde(default)]
    pub time_limit_s: Option<f64>,
}

impl SqlRequest {
    /// The longest time, in seconds.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn time_limit_s(&self) -> Result<f64, String> {
        let limit = self.time_limit_s.unwrap_or(TIME_LIMIT_S_DEFAULT);
        match limit > 0.0 && limit <= TIME_LIMIT_S_MAX {
            true => Ok(limit),
            false => Err(format!("time_limit_s: {limit} is not in 0 (exclusive) to {TIME_LIMIT_S_MAX} seconds")),
        }
    }
}

/// One line of the answer: first the columns, then the rows, then the end or what went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlLine {
    /// The names of the columns.
    Columns(Vec<String>),
    /// A row, one value per column.
    Row(Vec<SqlValue>),
    /// The end.
    End {
        /// How many rows there were.
        rows: u64,
        /// There are more, beyond the limit.
        cut: bool,
    },
    /// The question could not be answered to its end.
    Error(String),
}

/// A value. What JSON cannot say is text: an infinite number as `Infinity`, bytes as `X'00FF'`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SqlValue {
    /// NULL: not measured, or it does not apply.
    Null,
    /// An integer.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
}

/// A view of the store, and what it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewInfo {
    /// Its name.
    pub name: String,
    /// What there is one row for.
    pub row_per: String,
    /// Its columns.
    pub columns: Vec<ColumnInfo>,
}

/// A column of a view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What it holds, with its unit.
    pub kind: String,
    /// What it means.
    pub meaning: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_it_was_sent() {
        let row =
            vec![SqlValue::Null, SqlValue::Integer(i64::MIN), SqlValue::Real(0.5), SqlValue::Text("x".to_owned())];
        for line in [
            SqlLine::Columns(vec!["a".to_owned()]),
            SqlLine::Row(row),
            SqlLine::End { rows: 1, cut: false },
            SqlLine::Error("no".to_owned()),
        ] {
            let text = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<SqlLine>(&text).unwrap(), line, "{text}");
        }
        assert_eq!(serde_json::to_string(&SqlLine::Row(vec![SqlValue::Real(2.0)])).unwrap(), "{\"row\":[2.0]}");
    }

    #[test]
    fn a_time_limit_has_bounds() {
        let of = |limit| SqlRequest { sql: String::new(), row_limit: None, time_limit_s: limit }.time_limit_s();
        assert_eq!(of(None), Ok(TIME_LIMIT_S_DEFAULT));
        for limit in [0.0, -1.0, f64::NAN, 601.0] {
            assert!(of(Some(limit)).is_err(), "{limit}");
        }
    }
}
