//! The table of who made whom wait: one row per run × case × repetition × lock × waiter × holder.

use gild_model::case::Case;
use gild_model::run::{LockWaitRow, RunId};

use super::table::{Column, Kind, OfTrial, Row, Value, column, columns_of_trial, integer, text};

impl OfTrial for LockWaitRow {
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

impl Row for LockWaitRow {
    const TABLE: &'static str = "waits";

    fn columns() -> Vec<Column<LockWaitRow>> {
        [columns_of_trial(), waiter_columns(), holder_columns()].concat()
    }
}

fn waiter_columns() -> Vec<Column<LockWaitRow>> {
    use Kind::{Integer, Text};
    vec![
        column(
            "lock_kind",
            Text,
            "which lock: `policy` (the case's), `interpreter` (Python's), `other` (any other of a recorded program)",
            |it: &LockWaitRow| text(it.wait.lock.name()),
        ),
        column("waiter", Integer, "number of the worker that waited", |it| Value::Integer(it.wait.waiter.into())),
        column("waiter_pid", Integer, "its process id", |it| integer(it.waiter.pid)),
        column("waiter_tid", Integer, "its thread id; null of threads that were added up", |it| integer(it.waiter.tid)),
        column("waiter_thread", Text, "its thread's name; null unless the program was recorded", |it| {
            it.waiter.thread.as_deref().map_or(Value::Null, text)
        }),
    ]
}

fn holder_columns() -> Vec<Column<LockWaitRow>> {
    use Kind::{Integer, Text};
    vec![
        column(
            "holder_kind",
            Text,
            "`worker`; `nobody`: the lock was free, the waiter on its way; `others`: no room to tell; `unknown`",
            |it: &LockWaitRow| text(it.wait.holder.kind()),
        ),
        column("holder", Integer, "number of the worker that held the lock; null if it was none", |it| {
            integer(it.wait.holder.worker())
        }),
        column("holder_pid", Integer, "its process id", |it| integer(it.holder.pid)),
        column("holder_tid", Integer, "its thread id; null of threads that were added up", |it| integer(it.holder.tid)),
        column("holder_thread", Text, "its thread's name; null unless the program was recorded", |it| {
            it.holder.thread.as_deref().map_or(Value::Null, text)
        }),
        column("waited_ns", Integer, "time waited for it", |it| Value::Integer(it.wait.waited_ns.into())),
        column("entries", Integer, "how often", |it| Value::Integer(it.wait.entries.into())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Schema;
    use crate::export::table::tests::{check_documentation, check_kinds, null_columns};
    use crate::testing;
    use gild_model::case::Model;
    use gild_model::lock_wait::{Holder, LockKind, LockWait};
    use gild_model::run::ThreadId;

    fn row(holder: Holder) -> LockWaitRow {
        LockWaitRow {
            run: 12,
            case: testing::case("threads-2", Model::Threads, 2),
            repetition: 1,
            warmup: false,
            status: "done".to_owned(),
            trial_wall_ns: Some(1_000_000),
            waiter: ThreadId { pid: Some(1), tid: Some(2), thread: Some("python3".to_owned()) },
            holder: ThreadId::default(),
            wait: LockWait { lock: LockKind::Policy, waiter: 1, holder, waited_ns: 5, entries: 1 },
        }
    }

    #[test]
    fn a_row_has_one_value_per_column_of_the_column_s_kind() {
        check_kinds(&Schema::of(&testing::experiment()), &[row(Holder::Worker(0)), row(Holder::Nobody)]);
    }

    #[test]
    fn who_is_nobody_has_no_number() {
        let schema = Schema::of(&testing::experiment());
        let null = null_columns(&schema, &row(Holder::Nobody));
        assert!(["holder", "holder_pid", "holder_tid", "holder_thread"].iter().all(|it| null.iter().any(|n| n == it)));
        assert!(!null_columns(&schema, &row(Holder::Worker(0))).iter().any(|it| it == "holder"));
    }

    #[test]
    fn the_documentation_describes_every_column() {
        check_documentation::<LockWaitRow>("waits");
    }
}
