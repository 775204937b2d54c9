//! The table of task times: one row per run × case × repetition × class of tasks.

use gild_model::case::Case;
use gild_model::run::{RunId, TaskRow};
use gild_model::task_times::{Percentiles, TaskTimes};

use super::table::{Column, Kind, OfTrial, Row, Value, column, columns_of_trial, integer, text};

impl OfTrial for TaskRow {
    fn run(&self) -> RunId {
        self.run
    }

    fn case(&self) -> &Case {
        &self.case
    }

    fn repetition(&self) -> u32 {
        self.repetition
    }

    fn is_warmup(&self) -> bool {
        self.warmup
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn trial_wall_ns(&self) -> Option<u64> {
        self.trial_wall_ns
    }
}

impl Row for TaskRow {
    const TABLE: &'static str = "tasks";

    fn columns() -> Vec<Column<TaskRow>> {
        let class = vec![
            column(
                "class",
                Kind::Text,
                "class of the tasks, as the kernel named it; null: all tasks",
                |it: &TaskRow| it.times.class.as_deref().map_or(Value::Null, text),
            ),
            column("planned", Kind::Integer, "tasks planned", |it| Value::Integer(it.times.planned.into())),
        ];
        [columns_of_trial(), class, wait_columns(), service_columns(), total_columns()].concat()
    }
}

/// The six columns of one of the times, whose figures `$of` gets from the times of a class.
macro_rules! time_columns {
    ($time:literal, $of:expr, $count:literal, $values:literal) => {{
        use Kind::{Float, Integer};
        const OF: fn(&TaskTimes) -> &Percentiles = $of;
        vec![
            column(concat!($time, "_count"), Integer, $count, |it: &TaskRow| {
                Value::Integer(OF(&it.times).count.into())
            }),
            column(concat!($time, "_mean_ns"), Float, concat!("mean of ", $values), |it| {
                OF(&it.times).mean_ns.map_or(Value::Null, Value::Float)
            }),
            column(concat!($time, "_p50_ns"), Integer, "its median; null of fewer than 2 tasks", |it| {
                integer(OF(&it.times).p50_ns)
            }),
            column(concat!($time, "_p90_ns"), Integer, "its 90th percentile; null of fewer than 10 tasks", |it| {
                integer(OF(&it.times).p90_ns)
            }),
            column(concat!($time, "_p99_ns"), Integer, "its 99th percentile; null of fewer than 100 tasks", |it| {
                integer(OF(&it.times).p99_ns)
            }),
            column(concat!($time, "_max_ns"), Integer, "its maximum", |it| integer(OF(&it.times).max_ns)),
        ]
    }};
}

fn wait_columns() -> Vec<Column<TaskRow>> {
    time_columns!(
        "wait",
        |times| &times.wait.figures,
        "tasks that a worker took",
        "the time from the start of the wall time until then"
    )
}

fn service_columns() -> Vec<Column<TaskRow>> {
    time_columns!(
        "service",
        |times| &times.service.figures,
        "tasks whose result was done",
        "the time from when a worker took the task until then"
    )
}

fn total_columns() -> Vec<Column<TaskRow>> {
    time_columns!(
        "total",
        |times| &times.total.figures,
        "tasks whose result the coordinator had",
        "the time from the start of the wall time until then"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Schema;
    use crate::export::table::tests::{check_documentation, check_kinds, null_columns};
    use crate::testing;
    use gild_model::case::Model;

    fn row() -> TaskRow {
        TaskRow {
            run: 12,
            case: testing::case("threads-2", Model::Threads, 2),
            repetition: 1,
            warmup: false,
            status: "done".to_owned(),
            trial_wall_ns: Some(1_000_000),
            times: testing::task_times(Some("io"), 100),
        }
    }

    #[test]
    fn a_row_has_one_value_per_column_of_the_column_s_kind() {
        check_kinds(&Schema::of(&testing::experiment()), &[row()]);
    }

    #[test]
    fn each_time_has_its_own_columns() {
        let (schema, row) = (Schema::of(&testing::experiment()), row());
        let columns = schema.columns();
        let values = schema.values(&row).unwrap();
        let value = |name: &str| columns.iter().position(|(it, _)| it == name).map(|place| values[place].clone());
        let number = |value: u64| Some(Value::Integer(value.into()));
        assert_eq!(value("wait_p50_ns"), number(row.times.wait.figures.p50_ns.unwrap()));
        assert_eq!(value("service_p99_ns"), number(row.times.service.figures.p99_ns.unwrap()));
        assert_eq!(value("total_max_ns"), number(row.times.total.figures.max_ns.unwrap()));
        let distinct: std::collections::BTreeSet<_> = columns.iter().map(|(name, _)| name).collect();
        assert_eq!(distinct.len(), columns.len());
    }

    #[test]
    fn what_was_not_measured_is_null_and_never_zero() {
        let mut bare = TaskRow { times: TaskTimes { planned: 3, ..TaskTimes::default() }, ..row() };
        bare.trial_wall_ns = None;
        let null = null_columns(&Schema::of(&testing::experiment()), &bare);
        let expected = "trial_wall_ns class wait_mean_ns wait_p50_ns wait_p90_ns wait_p99_ns wait_max_ns service_mean_ns \
            service_p50_ns service_p90_ns service_p99_ns service_max_ns total_mean_ns total_p50_ns total_p90_ns \
            total_p99_ns total_max_ns";
        let expected: Vec<_> = expected.split_whitespace().collect();
        assert!(expected.iter().all(|name| null.iter().any(|it| it == name)), "{null:?}");
        assert!(null.iter().all(|name| !name.ends_with("_count") && name != "planned"), "{null:?}");
    }

    #[test]
    fn the_documentation_describes_every_column() {
        check_documentation::<TaskRow>("tasks");
    }
}
