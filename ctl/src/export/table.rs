//! What a table of an export is: columns, each with its value in a row, and rows of a trial.
//!
//! `docs/exports.md` describes every column for users; a test in each table's module keeps it true.

use std::borrow::Cow;

use gild_model::account::CounterReading;
use gild_model::case::{Case, Dispatch, LockPolicy, Start, Transport};
use gild_model::experiment::Experiment;
use gild_model::run::RunId;

use super::Error;
use super::params::{self, ParamColumn};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit signed integer.
    Integer,
    /// A 64-bit floating-point number.
    Float,
    /// UTF-8 text.
    Text,
    /// True or false.
    Boolean,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Not measured, or it has no meaning for this case.
    Null,
    /// Wide enough for every integer of the model.
    Integer(i128),
    /// A number.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Boolean(bool),
}

/// A column that every export of a table has.
#[derive(Debug, Clone, Copy)]
pub struct Column<R> {
    /// Its name; times end in `_ns`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means, as the documentation says it.
    pub meaning: &'static str,
    /// Its value in a row.
    pub value: for<'a> fn(&'a R) -> Value<'a>,
}

/// A row of a table.
pub trait Row: OfTrial + Sized {
    /// Name of the table, in the files that have a place for it.
    const TABLE: &'static str;

    /// The columns that every export of the table has, in their order.
    fn columns() -> Vec<Column<Self>>;

    /// Counters of the row: each has two columns in exports that have it.
    fn counters(&self) -> &[CounterReading] {
        &[]
    }
}

/// A row that is of a trial.
pub trait OfTrial {
    /// The run.
    fn run(&self) -> RunId;
    /// The case.
    fn case(&self) -> &Case;
    /// Number of the repetition.
    fn repetition(&self) -> u32;
    /// Whether it was a warm-up.
    fn is_warmup(&self) -> bool;
    /// How the trial ended.
    fn status(&self) -> &str;
    /// The trial's wall time.
    fn trial_wall_ns(&self) -> Option<u64>;
}

/// The columns that say which trial a row is of.
pub fn columns_of_trial<R: OfTrial>() -> Vec<Column<R>> {
    use Kind::{Boolean, Integer, Text};
    vec![
        column("run", Integer, "number of the run", |it| Value::Integer(it.run().into())),
        column("case", Text, "name of the case", |it| text(&it.case().name)),
        column("model", Text, "execution model of the case", |it| text(it.case().model.name())),
        column("workers", Integer, "number of workers of the case", |it| Value::Integer(it.case().workers.into())),
        column("in_flight", Integer, "tasks in flight at once; null unless event-loop", |it| {
            integer(it.case().in_flight)
        }),
        column("threads_per_process", Integer, "workers of each process; null unless hybrid", |it| {
            integer(it.case().threads_per_process)
        }),
        column("lock", Text, "lock policy of the case; null unless threads or hybrid", |it| {
            name(it.case().lock.map(LockPolicy::name))
        }),
        column(
            "interval_us",
            Integer,
            "switch interval of the lock, in microseconds; null unless cpython or fair",
            |it| integer(it.case().interval_us),
        ),
        column("check_interval", Integer, "safe points between two releases of the lock; null unless cpython2", |it| {
            integer(it.case().check_interval)
        }),
        column("start", Text, "start method of the case; null unless processes or hybrid", |it| {
            name(it.case().start.map(Start::name))
        }),
        column("transport", Text, "transport of the case; null unless processes, hybrid or subinterpreters", |it| {
            name(it.case().transport.map(Transport::name))
        }),
        column("dispatch", Text, "how tasks get to workers; null for models of one worker", |it| {
            name(it.case().dispatch.map(Dispatch::name))
        }),
        column("chunk", Integer, "tasks dealt out at once; null for models of one worker", |it| {
            integer(it.case().chunk)
        }),
        column("python", Text, "interpreter, as the user names it; null unless the kernel is one in Python", |it| {
            it.case().python.as_ref().map_or(Value::Null, |it| Value::Text(it.to_string_lossy()))
        }),
        column("pinning", Text, "pinning of the case", |it| Value::Text(it.case().pinning.to_string().into())),
        column("repetition", Integer, "number of the repetition, from 0; warm-ups have their own", |it| {
            Value::Integer(it.repetition().into())
        }),
        column("warmup", Boolean, "whether the trial was a warm-up", |it| Value::Boolean(it.is_warmup())),
        column("status", Text, "how the trial ended: `done`, `failed`, `cancelled`", |it| text(it.status())),
        column("trial_wall_ns", Integer, "wall time of the trial; null if it did not get to the end", |it| {
            integer(it.trial_wall_ns())
        }),
    ]
}

/// Makes a column.
pub fn column<R>(
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    value: for<'a> fn(&'a R) -> Value<'a>,
) -> Column<R> {
    Column { name, kind, meaning, value }
}

/// An integer, or null.
pub fn integer<T: Into<i128>>(value: Option<T>) -> Value<'static> {
    value.map_or(Value::Null, |it| Value::Integer(it.into()))
}

/// Text.
pub fn text(value: &str) -> Value<'_> {
    Value::Text(value.into())
}

fn name(value: Option<&'static str>) -> Value<'static> {
    value.map_or(Value::Null, text)
}

/// The columns of one export: those of its table, then one for each parameter that cases have for themselves, then two for
/// each counter that any of its rows has.
#[derive(Debug, Clone)]
pub struct Schema<R> {
    fixed: Vec<Column<R>>,
    params: Vec<ParamColumn>,
    counters: Vec<String>,
}

impl<R: Row> Schema<R> {
    /// The columns of an experiment's run, without counters.
    pub fn of(experiment: &Experiment) -> Schema<R> {
        Schema { fixed: R::columns(), params: params::columns(experiment), counters: Vec::new() }
    }

    /// The same with columns for these counters.
    pub fn with_counters(self, counters: Vec<String>) -> Schema<R> {
        Schema { counters, ..self }
    }

    /// What each column means, but those of counters.
    pub fn meanings(&self) -> Vec<(String, String)> {
        let fixed = self.fixed.iter().map(|it| (it.name.to_owned(), it.meaning.to_owned()));
        fixed.chain(self.params.iter().map(|it| (it.name(), it.meaning()))).collect()
    }

    /// Names and kinds of the columns.
    pub fn columns(&self) -> Vec<(String, Kind)> {
        let fixed = self.fixed.iter().map(|it| (it.name.to_owned(), it.kind));
        let counter = |name: &String| [(name.clone(), Kind::Integer), (format!("{name}_running_ratio"), Kind::Float)];
        let params = self.params.iter().map(|it| (it.name(), it.kind()));
        fixed.chain(params).chain(self.counters.iter().flat_map(counter)).collect()
    }

    /// The values of a row, one per column.
    pub fn values<'a>(&self, row: &'a R) -> Result<Vec<Value<'a>>, Error> {
        let readings = row.counters();
        if let Some(new) = readings.iter().find(|it| !self.counters.contains(&it.name)) {
            return Err(Error::NewCounter { counter: new.name.clone() });
        }
        let fixed = self.fixed.iter().map(|column| (column.value)(row));
        let counters = self.counters.iter().flat_map(|name| counter(readings.iter().find(|it| it.name == *name)));
        let params = self.params.iter().map(|column| column.value(row.case()));
        Ok(fixed.chain(params).chain(counters).collect())
    }
}

fn counter(reading: Option<&CounterReading>) -> [Value<'static>; 2] {
    let ratio = reading.and_then(|it| it.running_ratio).map_or(Value::Null, Value::Float);
    [integer(reading.and_then(|it| it.value)), ratio]
}

/// Checks that every table has.
#[cfg(test)]
pub mod tests {
    use super::*;

    /// A row has one value per column, of the column's kind.
    #[track_caller]
    pub fn check_kinds<R: Row>(schema: &Schema<R>, rows: &[R]) {
        for row in rows {
            let values = schema.values(row).unwrap();
            let columns = schema.columns();
            assert_eq!(values.len(), columns.len());
            for ((name, kind), value) in columns.iter().zip(values) {
                let fits = matches!(
                    (kind, &value),
                    (_, Value::Null)
                        | (Kind::Integer, Value::Integer(_))
                        | (Kind::Float, Value::Float(_))
                        | (Kind::Text, Value::Text(_))
                        | (Kind::Boolean, Value::Boolean(_))
                );
                assert!(fits, "{name}: {kind:?} {value:?}");
            }
        }
    }

    /// The names of the columns that are null in a row.
    pub fn null_columns<R: Row>(schema: &Schema<R>, row: &R) -> Vec<String> {
        let columns = schema.columns().into_iter().zip(schema.values(row).unwrap());
        columns.filter(|(_, value)| *value == Value::Null).map(|((name, _), _)| name).collect()
    }

    /// The documentation's table between the marks of this name is that of the columns. Set `UPDATE_DOCS=1` to write it
    /// anew.
    #[track_caller]
    pub fn check_documentation<R: Row>(mark: &str) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/exports.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        let (start, end) = (format!("<!-- {mark}: start -->\n"), format!("<!-- {mark}: end -->"));
        let (before, rest) = documentation.split_once(&start).expect("there is a start mark");
        let (_, after) = rest.split_once(&end).expect("there is an end mark");
        let expected = format!("{before}{start}{}{end}{after}", drawn(&R::columns()));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &expected).unwrap();
        } else {
            assert_eq!(documentation, expected, "{path} differs; run the test with UPDATE_DOCS=1");
        }
    }

    fn drawn<R>(columns: &[Column<R>]) -> String {
        let mut text = "| column | type | meaning |\n|---|---|---|\n".to_owned();
        for column in columns {
            let kind = match column.kind {
                Kind::Integer => "integer",
                Kind::Float => "number",
                Kind::Text => "text",
                Kind::Boolean => "boolean",
            };
            text += &format!("| `{}` | {kind} | {} |\n", column.name, column.meaning);
        }
        text
    }
}
