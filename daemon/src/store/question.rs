//! Questions in SQL: one statement that reads, on a connection that cannot write, within a time and without end of rows.
//!
//! Four things stand between a question and the store, each enough by itself for what it is for: the file is open for
//! reading only; `query_only` is set; an authorizer lets pass nothing but reading (no ATTACH, which opens other files, no
//! PRAGMA that sets anything, no extension); and a handler that SQLite calls every so many steps ends what takes too long
//! or has nobody waiting for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gild_model::query::{SqlLine, SqlValue};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Row, Statement};

use super::{Result, Store, StoreError};

/// Steps of SQLite's machine between two looks at the clock: well below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 4_096;
/// Longest value, in bytes: no function of SQL makes a larger one.
const VALUE_BYTES_MAX: i32 = 64 << 20;
/// Pragmas that tell what there is, and nothing else.
const PRAGMAS: [&str; 9] = [
    "table_list",
    "table_info",
    "table_xinfo",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "user_version",
    "application_id",
];
/// What to type to see what there is.
const HINT: &str = "views and their columns: gilctl sql --schema";

/// A connection for one question.
#[derive(Debug)]
pub struct Question {
    connection: Connection,
    clock: Arc<Clock>,
    sql: String,
}

/// How long the question has been worked on. The handler that looks at it lives in SQLite.
#[derive(Debug)]
struct Clock {
    started: Instant,
    /// Time spent waiting for whoever asks to take rows: it is not the question's.
    waited_ns: AtomicU64,
    limit: Duration,
    out_of_time: AtomicBool,
}

impl Store {
    /// Opens a connection for a question. It ends early when `is_abandoned` says that nobody waits for the answer.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn question(
        &self,
        sql: &str,
        limit: Duration,
        is_abandoned: impl Fn() -> bool + Send + 'static,
    ) -> Result<Question> {
        let clock =
            Clock { started: Instant::now(), waited_ns: AtomicU64::new(0), limit, out_of_time: AtomicBool::new(false) };
        let clock = Arc::new(clock);
        let watch = Arc::clone(&clock);
        let connection = connect(self, move || watch.is_over() || is_abandoned()).map_err(|error| self.error(error))?;
        Ok(Question { connection, clock, sql: sql.to_owned() })
    }
}

fn connect(store: &Store, is_over: impl Fn() -> bool + Send + 'static) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&store.path, flags)?;
    connection.busy_timeout(super::open::BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.authorizer(Some(judge))?;
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_over))?;
    Ok(connection)
}

/// Lets pass what reads.
fn judge(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_name, .. } if PRAGMAS.iter().any(|it| it.eq_ignore_ascii_case(pragma_name)) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

impl Clock {
    fn is_over(&self) -> bool {
        let waited = Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed));
        let over = self.started.elapsed().saturating_sub(waited) > self.limit;
        if over {
            self.out_of_time.store(true, Ordering::Relaxed);
        }
        over
    }

    fn wait<T>(&self, waiting: impl FnOnce() -> T) -> T {
        let since = Instant::now();
        let result = waiting();
        let waited_ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waited_ns.fetch_add(waited_ns, Ordering::Relaxed);
        result
    }
}

impl Question {
    /// Answers: hands over the columns, then row after row until `take` says `false`.
    ///
    /// # Errors
    /// The statement is none that reads, names what there is not, or took too long.
    pub fn answer(&self, take: &mut dyn FnMut(SqlLine) -> bool) -> Result<()> {
        let mut statement = self.connection.prepare(&self.sql).map_err(|error| Question::not_understood(&error))?;
        self.check(&statement)?;
        let names = distinct(&statement);
        let count = names.len();
        let mut go_on = self.clock.wait(|| take(SqlLine::Columns(names)));
        let mut rows = statement.query([]).map_err(|error| self.not_finished(&error))?;
        while go_on && let Some(row) = rows.next().map_err(|error| self.not_finished(&error))? {
            let values = values(row, count).map_err(|error| self.not_finished(&error))?;
            go_on = self.clock.wait(|| take(SqlLine::Row(values)));
        }
        Ok(())
    }

    fn check(&self, statement: &Statement<'_>) -> Result<()> {
        match (statement.column_count(), statement.parameter_count()) {
            (0, _) => Err(StoreError::Question(format!("this gives no rows; expected one SELECT; {HINT}"))),
            (_, 0) => Ok(()),
            (_, count) => Err(StoreError::Question(format!(
                "{count} parameters (?, :name) have no values; write the values into the statement"
            ))),
        }
    }

    /// Why a statement is none that can be asked.
    fn not_understood(error: &Error) -> StoreError {
        let denied = |code: &rusqlite::ffi::Error| code.code == ErrorCode::AuthorizationForStatementDenied;
        let says = match error {
            Error::SqlInputError { error, .. } | Error::SqliteFailure(error, _) if denied(error) => {
                "this does more than read, and nothing but reading is allowed".to_owned()
            }
            Error::SqlInputError { msg, sql, offset, .. } => match usize::try_from(*offset) {
                Ok(offset) => format!("{msg} at {}", place(sql, offset)),
                Err(_) => msg.clone(),
            },
            Error::MultipleStatement => "there are several statements; ask them one by one".to_owned(),
            other => in_words(other),
        };
        StoreError::Question(format!("{says}; {HINT}"))
    }

    /// Why a statement came to no end.
    fn not_finished(&self, error: &Error) -> StoreError {
        StoreError::Question(match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => self.interrupted(),
            _ => in_words(error),
        })
    }

    fn interrupted(&self) -> String {
        match self.clock.out_of_time.load(Ordering::Relaxed) {
            true => format!(
                "it took longer than {} s; narrow it (WHERE run = …), or give it more time (--time-limit)",
                self.clock.limit.as_secs_f64()
            ),
            false => "nobody waits for the answer any more".to_owned(),
        }
    }
}

/// What SQLite says, without its codes.
fn in_words(error: &Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(says)) => says.clone(),
        other => other.to_string(),
    }
}

/// Line and column of a byte in a text, and what stands there.
fn place(sql: &str, offset: usize) -> String {
    let before = sql.get(..offset).unwrap_or(sql);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    let near: String = sql[before.len()..].lines().next().unwrap_or_default().chars().take(24).collect();
    format!("line {line}, column {column}, near \"{near}\"")
}

/// The names of the columns; one that comes again gets a number, so that every value can be told by its name.
fn distinct(statement: &Statement<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in statement.column_names() {
        let numbered = (1..).map(|number| format!("{name}:{number}"));
        let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
        let free = candidates.find(|it| !names.contains(it)).expect("there is no end of numbers");
        names.push(free);
    }
    names
}

fn values(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<SqlValue>> {
    (0..count).map(|index| row.get_ref(index).map(value)).collect()
}

fn value(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(integer) => SqlValue::Integer(integer),
        ValueRef::Real(real) if real.is_finite() => SqlValue::Real(real),
        ValueRef::Real(real) => SqlValue::Text(if real > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            SqlValue::Text(format!("X'{digits}'"))
        }
    }
}
