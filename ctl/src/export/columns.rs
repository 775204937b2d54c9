//! The columns of an export: one row per run × case × repetition × worker × phase.
//!
//! `docs/exports.md` describes them for users; a test keeps its table equal to [`COLUMNS`].

use std::borrow::Cow;

use gild_model::account::CounterReading;
use gild_model::case::{Dispatch, LockPolicy, Start, Transport};
use gild_model::noise::Noise;
use gild_model::run::AccountRow;

use super::Error;

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

/// A column that every export has.
#[derive(Debug)]
pub struct Column {
    /// Its name; times end in `_ns`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means, as the documentation says it.
    pub meaning: &'static str,
    /// Its value in a row.
    pub value: for<'a> fn(&'a AccountRow) -> Value<'a>,
}

/// The columns that every export has, in their order.
pub const COLUMNS: [Column; 46] = {
    use Kind::{Boolean, Integer, Text};
    [
        column("run", Integer, "number of the run", |it| Value::Integer(it.run.into())),
        column("case", Text, "name of the case", |it| text(&it.case.name)),
        column("model", Text, "execution model of the case", |it| text(it.case.model.name())),
        column("workers", Integer, "number of workers of the case", |it| Value::Integer(it.case.workers.into())),
        column("in_flight", Integer, "tasks in flight at once; null unless event-loop", |it| {
            integer(it.case.in_flight)
        }),
        column("threads_per_process", Integer, "workers of each process; null unless hybrid", |it| {
            integer(it.case.threads_per_process)
        }),
        column("lock", Text, "lock policy of the case; null unless threads or hybrid", |it| {
            name(it.case.lock.map(LockPolicy::name))
        }),
        column(
            "interval_us",
            Integer,
            "switch interval of the lock, in microseconds; null unless cpython or fair",
            |it| integer(it.case.interval_us),
        ),
        column("check_interval", Integer, "safe points between two releases of the lock; null unless cpython2", |it| {
            integer(it.case.check_interval)
        }),
        column("start", Text, "start method of the case; null unless processes or hybrid", |it| {
            name(it.case.start.map(Start::name))
        }),
        column("transport", Text, "transport of the case; null unless processes, hybrid or subinterpreters", |it| {
            name(it.case.transport.map(Transport::name))
        }),
        column("dispatch", Text, "how tasks get to workers; null for models of one worker", |it| {
            name(it.case.dispatch.map(Dispatch::name))
        }),
        column("chunk", Integer, "tasks dealt out at once; null for models of one worker", |it| integer(it.case.chunk)),
        column("pinning", Text, "pinning of the case", |it| Value::Text(it.case.pinning.to_string().into())),
        column("repetition", Integer, "number of the repetition, from 0; warm-ups have their own", |it| {
            Value::Integer(it.repetition.into())
        }),
        column("warmup", Boolean, "whether the trial was a warm-up", |it| Value::Boolean(it.warmup)),
        column("status", Text, "how the trial ended: `done`, `failed`, `cancelled`", |it| text(&it.status)),
        column("trial_wall_ns", Integer, "wall time of the trial; null if it did not get to the end", |it| {
            integer(it.trial_wall_ns)
        }),
        column(
            "noise_window_ns",
            Integer,
            "time between the readings before and after the trial that noise is the difference of; null: not measured",
            |it| noise(it, |it| Some(it.window_ns)),
        ),
        column("noise_cpus", Integer, "CPUs that were online at both readings", |it| {
            noise(it, |it| Some(it.cpus.into()))
        }),
        column("noise_steal_ns", Integer, "time that the hypervisor took from all CPUs together", |it| {
            noise(it, |it| it.steal_ns)
        }),
        column("noise_steal_most_ns", Integer, "of it: from the CPU that lost most", |it| {
            noise(it, |it| it.steal_most_ns)
        }),
        column("noise_other_cpu_ns", Integer, "CPU time of others than the trial, on all CPUs together", |it| {
            noise(it, |it| it.other_cpu_ns)
        }),
        column("noise_frequency_min_khz", Integer, "lowest frequency of a CPU; null if it is not shown", |it| {
            noise(it, |it| it.frequency_min_khz)
        }),
        column("noise_frequency_max_khz", Integer, "highest frequency of a CPU; null if it is not shown", |it| {
            noise(it, |it| it.frequency_max_khz)
        }),
        column("noise_throttles", Integer, "how often CPUs were slowed down by heat; null if it is not shown", |it| {
            noise(it, |it| it.throttles)
        }),
        column("role", Text, "`coordinator` or `worker`", |it| text(&it.role)),
        column("worker", Integer, "number of the worker, from 0; 0 for the coordinator", |it| {
            Value::Integer(it.worker.into())
        }),
        column("pid", Integer, "process id; null if the worker never started", |it| integer(it.pid)),
        column("tid", Integer, "thread id; null if the worker never started", |it| integer(it.tid)),
        column("thread", Text, "the thread's name; null unless the program was recorded", |it| {
            it.thread.as_deref().map_or(Value::Null, text)
        }),
        column("command", Text, "command line of its process; null unless the program was recorded", |it| {
            it.command.as_deref().map_or(Value::Null, text)
        }),
        column("core", Integer, "core that the worker was pinned to; null if it was free to move", |it| {
            integer(it.core)
        }),
        column("phase", Text, "phase, such as `compute` or `lock-wait`", |it| text(it.account.phase.name())),
        column("kernel_phase", Text, "the kernel's own name for this part of `compute`; null if it gave none", |it| {
            it.account.kernel_phase.as_deref().map_or(Value::Null, text)
        }),
        column("entries", Integer, "how many times the phase was entered", |it| {
            Value::Integer(it.account.entries.into())
        }),
        column("wall_ns", Integer, "wall time in the phase", |it| Value::Integer(it.account.wall_ns.into())),
        column("on_cpu_ns", Integer, "of it: running; holds what was stolen where `stolen_ns` is null", |it| {
            integer(it.account.on_cpu_ns)
        }),
        column("preempted_ns", Integer, "of it: ready, but another thread had the core", |it| {
            integer(it.account.preempted_ns)
        }),
        column("waking_ns", Integer, "of it: woken, waiting for a core", |it| integer(it.account.waking_ns)),
        column(
            "run_queue_ns",
            Integer,
            "`preempted_ns` + `waking_ns`; known even where these are not known apart",
            |it| integer(it.account.run_queue_ns),
        ),
        column("blocked_ns", Integer, "of it: waiting for an event", |it| integer(it.account.blocked_ns)),
        column("stolen_ns", Integer, "of it: the hypervisor ran something else (estimate)", |it| {
            integer(it.account.stolen_ns)
        }),
        column("cpu_ns", Integer, "CPU time of the thread, where it was read at both ends of the phase", |it| {
            integer(it.account.cpu_ns)
        }),
        column("lost_records", Integer, "context-switch records that the kernel dropped in this phase", |it| {
            Value::Integer(it.account.lost_records.into())
        }),
        column("open", Boolean, "the worker died inside this phase", |it| Value::Boolean(it.account.open)),
    ]
};

const fn column(
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    value: for<'a> fn(&'a AccountRow) -> Value<'a>,
) -> Column {
    Column { name, kind, meaning, value }
}

fn integer<T: Into<i128>>(value: Option<T>) -> Value<'static> {
    value.map_or(Value::Null, |it| Value::Integer(it.into()))
}

fn noise(row: &AccountRow, figure: impl Fn(&Noise) -> Option<u64>) -> Value<'static> {
    integer(row.noise.as_ref().and_then(figure))
}

fn text(value: &str) -> Value<'_> {
    Value::Text(value.into())
}

fn name(value: Option<&'static str>) -> Value<'static> {
    value.map_or(Value::Null, text)
}

/// The columns of one export: [`COLUMNS`], then two for each counter that any of its rows has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    counters: Vec<String>,
}

impl Schema {
    /// Takes note of the counters of a row.
    pub fn see(&mut self, row: &AccountRow) {
        for reading in &row.account.counters {
            if !self.counters.contains(&reading.name) {
                self.counters.push(reading.name.clone());
            }
        }
    }

    /// Names and kinds of the columns.
    pub fn columns(&self) -> Vec<(String, Kind)> {
        let fixed = COLUMNS.iter().map(|it| (it.name.to_owned(), it.kind));
        let counter = |name: &String| [(name.clone(), Kind::Integer), (format!("{name}_running_ratio"), Kind::Float)];
        fixed.chain(self.counters.iter().flat_map(counter)).collect()
    }

    /// The values of a row, one per column.
    pub fn values<'a>(&self, row: &'a AccountRow) -> Result<Vec<Value<'a>>, Error> {
        let readings = &row.account.counters;
        if let Some(new) = readings.iter().find(|it| !self.counters.contains(&it.name)) {
            return Err(Error::NewCounter { counter: new.name.clone() });
        }
        let fixed = COLUMNS.iter().map(|column| (column.value)(row));
        let counters = self.counters.iter().flat_map(|name| counter(readings.iter().find(|it| it.name == *name)));
        Ok(fixed.chain(counters).collect())
    }
}

fn counter(reading: Option<&CounterReading>) -> [Value<'static>; 2] {
    let ratio = reading.and_then(|it| it.running_ratio).map_or(Value::Null, Value::Float);
    [integer(reading.and_then(|it| it.value)), ratio]
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::testing;
    use gild_model::case::{Case, Model, Pinning};
    use gild_model::phase::Phase;

    /// Two rows: one with everything measured, one with nothing that can be missing.
    pub fn rows() -> [AccountRow; 2] {
        let reading = |name: &str, value, running_ratio| CounterReading { name: name.to_owned(), value, running_ratio };
        let mut account = testing::phase_account(Phase::Compute, 1000, Some([600, 100, 200, 100, 7]));
        account.kernel_phase = Some("multiply, then divide".to_owned());
        account.cpu_ns = Some(593);
        account.counters = vec![reading("task-clock", Some(590), Some(1.0)), reading("instructions", None, Some(0.25))];
        let full = AccountRow {
            run: 12,
            case: Case { pinning: Pinning::Cores(vec![0, 1]), ..testing::case("threads-2", Model::Threads, 2) },
            repetition: 1,
            warmup: false,
            status: "done".to_owned(),
            trial_wall_ns: Some(1_000_000),
            noise: Some(testing::noise()),
            role: "worker".to_owned(),
            worker: 1,
            pid: Some(100),
            tid: Some(101),
            thread: None,
            command: None,
            core: Some(1),
            account,
        };
        let mut bare = AccountRow { status: "failed".to_owned(), trial_wall_ns: None, ..full.clone() };
        (bare.case.lock, bare.pid, bare.tid, bare.core, bare.noise) = (None, None, None, None, None);
        bare.account = testing::phase_account(Phase::Startup, 5, None);
        bare.account.open = true;
        [full, bare]
    }

    /// The schema of [`rows`].
    pub fn schema() -> Schema {
        let mut schema = Schema::default();
        rows().iter().for_each(|row| schema.see(row));
        schema
    }

    #[test]
    fn a_row_has_one_value_per_column_of_the_column_s_kind() {
        let schema = schema();
        for row in rows() {
            let values = schema.values(&row).unwrap();
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

    #[test]
    fn what_was_not_measured_is_null_and_never_zero() {
        let [_, bare] = rows();
        let schema = schema();
        let values = schema.values(&bare).unwrap();
        let null: Vec<_> =
            schema.columns().into_iter().zip(values).filter(|(_, value)| *value == Value::Null).collect();
        let names: Vec<_> = null.into_iter().map(|((name, _), _)| name).collect();
        let expected = "in_flight threads_per_process lock check_interval start transport trial_wall_ns noise_window_ns noise_cpus noise_steal_ns \
            noise_steal_most_ns noise_other_cpu_ns noise_frequency_min_khz noise_frequency_max_khz noise_throttles pid tid thread command core \
            kernel_phase on_cpu_ns preempted_ns waking_ns \
            run_queue_ns blocked_ns stolen_ns cpu_ns task-clock task-clock_running_ratio instructions instructions_running_ratio";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn a_counter_that_the_schema_does_not_know_is_an_error() {
        let error = Schema::default().values(&rows()[0]).unwrap_err().to_string();
        assert!(error.contains("task-clock appeared"), "{error}");
    }

    /// Set `UPDATE_DOCS=1` to write the table anew.
    #[test]
    fn the_documentation_describes_every_column() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/exports.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        let (start, end) = ("<!-- columns: start -->\n", "<!-- columns: end -->");
        let (before, rest) = documentation.split_once(start).expect("there is a start mark");
        let (_, after) = rest.split_once(end).expect("there is an end mark");
        let expected = format!("{before}{start}{}{end}{after}", table());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &expected).unwrap();
        } else {
            assert_eq!(documentation, expected, "{path} differs; run the test with UPDATE_DOCS=1");
        }
    }

    fn table() -> String {
        let mut text = "| column | type | meaning |\n|---|---|---|\n".to_owned();
        for column in &COLUMNS {
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
