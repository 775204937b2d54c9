//! The table of intervals: one row per run × case × repetition × worker × interval of the worker's timeline.
//!
//! Of the trial it has what tells it from others; the rest is in the accounts, whose rows have the same columns.

use gild_model::case::Case;
use gild_model::run::{RunId, TimelineRow};
use gild_model::timeline::Interval;

use super::table::{Column, Kind, OfTrial, Row, Value, column, columns_of_trial, integer, text};

/// The columns of a trial that the table has.
const OF_TRIAL: [&str; 6] = ["run", "case", "model", "workers", "repetition", "warmup"];

/// An interval with whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalRow {
    /// Whose it is.
    pub of: TimelineRow,
    /// The interval.
    pub interval: Interval,
}

impl OfTrial for TimelineRow {
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

impl OfTrial for IntervalRow {
    fn run(&self) -> RunId {
        self.of.run
    }

    fn case(&self) -> &Case {
        &self.of.case
    }

    fn repetition(&self) -> u32 {
        self.of.repetition
    }

    fn is_warmup(&self) -> bool {
        self.of.warmup
    }

    fn status(&self) -> &str {
        &self.of.status
    }

    fn trial_wall_ns(&self) -> Option<u64> {
        self.of.trial_wall_ns
    }
}

impl Row for IntervalRow {
    const TABLE: &'static str = "intervals";

    fn columns() -> Vec<Column<IntervalRow>> {
        let of_trial = columns_of_trial().into_iter().filter(|it| OF_TRIAL.contains(&it.name));
        of_trial.chain(worker_columns()).chain(interval_columns()).collect()
    }
}

fn worker_columns() -> Vec<Column<IntervalRow>> {
    use Kind::{Integer, Text};
    vec![
        column("role", Text, "`coordinator` or `worker`", |it| text(&it.of.role)),
        column("worker", Integer, "number of the worker, from 0; 0 for the coordinator", |it| {
            Value::Integer(it.of.worker.into())
        }),
        column("pid", Integer, "process id", |it| integer(it.of.pid)),
        column("tid", Integer, "thread id", |it| integer(it.of.tid)),
        column("thread", Text, "the thread's name; null unless the program was recorded", |it| {
            it.of.thread.as_deref().map_or(Value::Null, text)
        }),
    ]
}

fn interval_columns() -> Vec<Column<IntervalRow>> {
    use Kind::{Integer, Text};
    vec![
        column(
            "from_ns",
            Integer,
            "start of the interval, since the trial's wall time began; below zero for what came before",
            |it| Value::Integer(it.interval.from_ns.into()),
        ),
        column("until_ns", Integer, "its end, which is the start of the worker's next one", |it| {
            Value::Integer(it.interval.until_ns.into())
        }),
        column("phase", Text, "phase, such as `compute` or `lock-wait`", |it| text(it.interval.meaning.phase.name())),
        column("kernel_phase", Text, "the kernel's own name for this part of `compute`; null if it gave none", |it| {
            kernel_phase(&it.of, &it.interval).map_or(Value::Null, text)
        }),
        column(
            "dropped",
            Integer,
            "intervals of this worker that were not kept and have no rows, nearly always those before its first row",
            |it| Value::Integer(it.of.timeline.dropped.into()),
        ),
    ]
}

/// The kernel's name for what a worker was in, if it is one of the kernel's own phases and has one.
pub(super) fn kernel_phase<'a>(of: &'a TimelineRow, interval: &Interval) -> Option<&'a str> {
    let number = interval.meaning.kernel_phase?;
    of.kernel_phases.get(usize::from(number)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Format;
    use crate::export::table::tests::{check_documentation, check_kinds, null_columns};
    use crate::export::{Rows, Schema, Target};
    use crate::testing;
    use gild_model::phase::Phase;
    use gild_model::timeline::Meaning;

    fn rows() -> Vec<IntervalRow> {
        let starts = [(-50, Phase::Compute), (100, Phase::LockWait)];
        let mut of = testing::timelines::row("worker", 1, &starts, 400);
        of.timeline.push(250, Meaning { phase: Phase::Compute, kernel_phase: Some(0) });
        let intervals: Vec<_> = of.timeline.intervals().collect();
        intervals.into_iter().map(|interval| IntervalRow { of: of.clone(), interval }).collect()
    }

    #[test]
    fn a_row_has_one_value_per_column_of_the_column_s_kind() {
        check_kinds(&Schema::of(&testing::experiment()), &rows());
    }

    #[test]
    fn an_interval_ends_where_the_next_one_starts_and_says_how_many_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut writer =
            Rows::new(Format::Csv, Schema::of(&testing::experiment()), Target::file(&path).unwrap()).unwrap();
        rows().iter().for_each(|row| writer.write(row).unwrap());
        writer.finish().unwrap();
        let expected = "\
run,case,model,workers,repetition,warmup,role,worker,pid,tid,thread,from_ns,until_ns,phase,kernel_phase,dropped
12,threads-2,threads,2,0,false,worker,1,100,102,,-50,100,compute,,0
12,threads-2,threads,2,0,false,worker,1,100,102,,100,250,lock-wait,,0
12,threads-2,threads,2,0,false,worker,1,100,102,,250,400,compute,multiply,0
";
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn a_kernel_phase_without_a_name_is_null() {
        let mut row = rows().remove(2);
        assert_eq!(null_columns(&Schema::of(&testing::experiment()), &row), ["thread"]);
        row.of.kernel_phases.clear();
        assert_eq!(null_columns(&Schema::of(&testing::experiment()), &row), ["thread", "kernel_phase"]);
    }

    #[test]
    fn the_documentation_describes_every_column() {
        check_documentation::<IntervalRow>("intervals");
    }
}
