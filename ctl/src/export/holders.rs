//! The table of functions that held the interpreter's lock while others waited: one row per run × case × repetition × function.

use gild_model::case::Case;
use gild_model::run::{HolderRow, RunId};

use super::table::{Column, Kind, OfTrial, Row, Value, column, columns_of_trial, integer, text};

impl OfTrial for HolderRow {
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

impl Row for HolderRow {
    const TABLE: &'static str = "holders";

    fn columns() -> Vec<Column<HolderRow>> {
        use Kind::{Integer, Text};
        let held = vec![
            column(
                "function",
                Text,
                "name of the function; null: it is not known which ones these were",
                |it: &HolderRow| it.held.function.as_deref().map_or(Value::Null, text),
            ),
            column("file", Text, "the file that it is from; of a long path the end", |it| {
                it.held.file.as_deref().map_or(Value::Null, text)
            }),
            column("line", Integer, "its first line there", |it| integer(it.held.line)),
            column(
                "waited_ns",
                Integer,
                "the time that others waited while it held the interpreter's lock, all of them together",
                |it| Value::Integer(it.held.waited_ns.into()),
            ),
            column("hand_overs", Integer, "how often it released the lock while somebody waited", |it| {
                Value::Integer(it.held.hand_overs.into())
            }),
        ];
        [columns_of_trial(), held].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Schema;
    use crate::export::table::tests::{check_documentation, check_kinds, null_columns};
    use crate::testing;
    use gild_model::case::Model;
    use gild_model::lock_wait::HoldingFunction;

    fn row(function: Option<&str>) -> HolderRow {
        let function = function.map(str::to_owned);
        let (file, line) = (function.clone().map(|it| it + ".py"), function.is_some().then_some(12));
        HolderRow {
            run: 12,
            case: testing::case("threads-2", Model::Threads, 2),
            repetition: 0,
            warmup: false,
            status: "done".to_owned(),
            trial_wall_ns: Some(1_000_000),
            held: HoldingFunction { function, file, line, waited_ns: 5, hand_overs: 1 },
        }
    }

    #[test]
    fn a_row_has_one_value_per_column_of_the_column_s_kind() {
        check_kinds(&Schema::of(&testing::experiment()), &[row(Some("hog")), row(None)]);
    }

    #[test]
    fn a_function_that_is_not_known_has_no_name() {
        let null = null_columns(&Schema::of(&testing::experiment()), &row(None));
        assert!(["function", "file", "line"].iter().all(|it| null.iter().any(|name| name == it)), "{null:?}");
    }

    #[test]
    fn the_documentation_describes_every_column() {
        check_documentation::<HolderRow>("holders");
    }
}
