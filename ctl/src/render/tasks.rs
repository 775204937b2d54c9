//! How long tasks waited and took, by case and class: the whole table of `gilctl show --tasks`, and the few lines under a
//! result of a kernel that names classes.

use gild_model::run::Run;
use gild_model::summary::{CaseSummary, Summary};
use gild_model::task_times::{Percentiles, TaskFigures};

use super::grid::{Align, Grid};
use super::{Style, figures};

/// One of the times: its name, and where it comes from.
type Time = (&'static str, fn(&TaskFigures) -> &Percentiles);

const WAIT: Time = ("wait", |it| &it.wait);
const SERVICE: Time = ("service", |it| &it.service);
const TOTAL: Time = ("total", |it| &it.total);

/// Draws the whole table, in one piece where it fits, else time by time.
pub fn render(run: &Run, style: Style) -> String {
    let summary = &run.summary;
    if summary.cases.iter().all(|case| case.task_times.is_empty()) {
        return "The times of tasks were not measured.\n".to_owned();
    }
    let whole = whole(run);
    for (grid, gap) in [(&whole, 2), (&whole, 1)] {
        if grid.width(gap) <= style.width {
            return grid.text(style, gap) + EXPLAINED;
        }
    }
    let blocks = [WAIT, SERVICE, TOTAL]
        .iter()
        .enumerate()
        .map(|(place, time)| grid(summary, Rows::All, place == 0, std::slice::from_ref(time)).text(style, 2));
    blocks.collect::<Vec<_>>().join("\n") + EXPLAINED
}

/// All times of all cases and classes.
pub fn whole(run: &Run) -> Grid {
    grid(&run.summary, Rows::All, true, &[WAIT, SERVICE, TOTAL])
}

/// What the three times are.
pub const EXPLAINED: &str = "
wait: from the start of the wall time until a worker took the task; service: from then until its result was done; total: from
the start of the wall time until the coordinator had the result. Tasks of all repetitions together; – is not measured, or
too few tasks to tell.
";

/// Draws the service times of the classes; nothing for a kernel that names none.
pub fn by_class(run: &Run, style: Style) -> Option<String> {
    let has_classes = run.summary.cases.iter().any(|case| case.task_times.iter().any(|it| it.class.is_some()));
    let table = || grid(&run.summary, Rows::Classes, false, &[SERVICE]).text(style, 2);
    has_classes.then(|| format!("{}gilctl show {} --tasks has their wait and total\n", table(), run.head.id))
}

/// Which rows a table has.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    /// All tasks of a case, then its classes.
    All,
    /// The classes alone.
    Classes,
}

fn grid(summary: &Summary, rows: Rows, with_rate: bool, times: &[Time]) -> Grid {
    let has_classes = summary.cases.iter().any(|case| case.task_times.iter().any(|it| it.class.is_some()));
    let mut columns = vec![("case".to_owned(), Align::Left)];
    if has_classes {
        columns.push(("class".to_owned(), Align::Left));
    }
    columns.push(("tasks".to_owned(), Align::Right));
    if with_rate {
        columns.push(("tasks/s".to_owned(), Align::Right));
    }
    for (name, _) in times {
        let heads = ["p50", "p90", "p99", "max"].map(|head| (format!("{name}\n{head}"), Align::Right));
        columns.extend(heads);
    }
    let mut grid = Grid::new(columns);
    let shown = |it: &&TaskFigures| rows == Rows::All || it.class.is_some();
    for case in &summary.cases {
        for (place, line) in case.task_times.iter().filter(shown).enumerate() {
            let name = if place == 0 { case.case.name.clone() } else { String::new() };
            grid.row(cells(name, line, has_classes, with_rate, times));
        }
        if case.task_times.is_empty() {
            grid.row(unmeasured(case, has_classes, with_rate, times));
        }
    }
    grid
}

fn cells(name: String, line: &TaskFigures, has_classes: bool, with_rate: bool, times: &[Time]) -> Vec<String> {
    let mut cells = vec![name];
    if has_classes {
        cells.push(line.class.clone().unwrap_or_else(|| "all".to_owned()));
    }
    cells.push(figures::number_or_dash(line.tasks));
    if with_rate {
        cells.push(line.tasks_per_s.as_ref().map_or_else(|| figures::NOT_MEASURED.to_owned(), rate));
    }
    for (_, of) in times {
        let time = of(line);
        let values = [time.p50_ns, time.p90_ns, time.p99_ns, time.max_ns];
        cells.extend(
            values.map(|ns| ns.map_or_else(|| figures::NOT_MEASURED.to_owned(), |ns| figures::time(ns as f64))),
        );
    }
    cells
}

/// `54.6 ± 1.2 %`
fn rate(rate: &gild_model::summary::Estimate) -> String {
    format!("{} {}", figures::rate(rate.median), figures::half_width(rate)).trim_end().to_owned()
}

/// A case that has no times is in the table, because it is in the run.
fn unmeasured(case: &CaseSummary, has_classes: bool, with_rate: bool, times: &[Time]) -> Vec<String> {
    let columns = usize::from(has_classes) + 1 + usize::from(with_rate) + 4 * times.len();
    let mut cells = vec![case.case.name.clone()];
    cells.extend(std::iter::repeat_n(figures::NOT_MEASURED.to_owned(), columns));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, task_figures};

    fn run(with_classes: bool) -> Run {
        let mut run = testing::run();
        for case in &mut run.summary.cases[..2] {
            case.task_times = vec![task_figures(None, 101)];
            if with_classes {
                case.task_times.extend([task_figures(Some("cpu"), 1), task_figures(Some("io"), 100)]);
            }
        }
        run
    }

    #[test]
    fn all_times_stand_side_by_side_by_class() {
        let drawn = render(&run(true), Style { colour: false, width: 200 });
        let head = drawn.lines().next().unwrap();
        assert!(head.starts_with("case          class  tasks  tasks/s     wait "), "{drawn}");
        for (class, tasks) in [("all", "101"), ("cpu", "1"), ("io", "100")] {
            let line = drawn.lines().find(|line| line.contains(&format!(" {class} "))).unwrap();
            let words: Vec<_> = line.split_whitespace().skip_while(|word| *word != class).collect();
            assert_eq!(words[1], tasks, "{drawn}");
            assert!(line.contains("1.00 ms") && line.contains("20.0 µs") && line.ends_with("4.08 ms"), "{drawn}");
        }
        assert!(drawn.contains("\nprocesses-10  –"), "a case without times has a row: {drawn}");
    }

    #[test]
    fn a_narrow_terminal_gets_one_time_after_the_other() {
        let drawn = render(&run(true), Style { colour: false, width: 80 });
        assert!(drawn.lines().take(15).all(|line| line.chars().count() <= 80), "{drawn}");
        assert_eq!(drawn.lines().filter(|line| line.starts_with("case ")).count(), 3, "{drawn}");
        assert_eq!(drawn.matches("tasks/s").count(), 1);
    }

    #[test]
    fn a_kernel_without_classes_has_no_such_column_and_no_block() {
        let drawn = render(&run(false), Style { colour: false, width: 200 });
        let head = drawn.lines().next().unwrap();
        assert!(head.starts_with("case          tasks  tasks/s  "), "{drawn}");
        assert_eq!(by_class(&run(false), Style { colour: false, width: 200 }), None);
    }

    #[test]
    fn a_run_without_times_says_so() {
        let drawn = render(&testing::run(), Style { colour: false, width: 200 });
        assert_eq!(drawn, "The times of tasks were not measured.\n");
    }

    #[test]
    fn the_block_under_a_result_has_the_service_times_of_the_classes() {
        let expected = "\
case          class  tasks  service  service  service  service
                                p50      p90      p99      max
sequential    cpu        1  20.0 µs  40.0 µs  60.0 µs  80.0 µs
              io       100  20.0 µs  40.0 µs  60.0 µs  80.0 µs
threads-10    cpu        1  20.0 µs  40.0 µs  60.0 µs  80.0 µs
              io       100  20.0 µs  40.0 µs  60.0 µs  80.0 µs
processes-10  –          –        –        –        –        –
gilctl show 12 --tasks has their wait and total
";
        let drawn = by_class(&run(true), Style { colour: false, width: 100 }).unwrap();
        assert!(drawn == expected, "expected:\n{expected}\nactual:\n{drawn}");
    }
}
