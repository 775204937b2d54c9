//! Two runs held against each other: one row per case that both have, then what else differs.

use gild_model::comparison::{CaseComparison, Comparison, ShareChange};
use gild_model::run::RunHead;
use gild_model::summary::Estimate;

use super::grid::{Align, Grid};
use super::{Style, figures, harmless};

/// Draws a comparison.
pub fn render(comparison: &Comparison, style: Style) -> String {
    let Comparison { old, new, .. } = comparison;
    let heading = format!("{}: {} against {}, medians, 95 % CI", new.kernel, run(new), run(old));
    let mut text = harmless(&heading) + "\n" + &table(comparison, style);
    let lines = differences(comparison);
    if !lines.is_empty() {
        text += &format!("\n{}\n", lines.iter().map(|line| harmless(line)).collect::<Vec<_>>().join("\n"));
    }
    text
}

/// What only one of the runs has, and what else differs between them.
pub fn differences(comparison: &Comparison) -> Vec<String> {
    let Comparison { old, new, .. } = comparison;
    let lines = [only(old, &comparison.only_old), only(new, &comparison.only_new)].into_iter().flatten();
    lines.chain(comparison.warnings.iter().map(|it| format!("warning: {it}"))).collect()
}

/// `run 12 (article, failed)`
pub fn run(head: &RunHead) -> String {
    match head.error.is_some() || head.status != gild_model::run::RunStatus::Done {
        true => format!("run {} ({}, {})", head.id, head.name, head.status.name()),
        false => format!("run {} ({})", head.id, head.name),
    }
}

fn table(comparison: &Comparison, style: Style) -> String {
    let grid = grid(comparison);
    if grid.width(2) <= style.width { grid.text(style, 2) } else { grid.wrapped(style) }
}

/// One row per case that both runs have.
pub fn grid(comparison: &Comparison) -> Grid {
    let mut grid = Grid::new([
        ("case".to_owned(), Align::Left),
        (format!("run {}", comparison.old.id), Align::Right),
        (format!("run {}", comparison.new.id), Align::Right),
        ("ratio".to_owned(), Align::Right),
        ("95 % CI".to_owned(), Align::Left),
        ("verdict".to_owned(), Align::Left),
        ("shares of time that changed".to_owned(), Align::Left),
    ]);
    for case in &comparison.cases {
        grid.row(row(case));
    }
    grid
}

fn row(case: &CaseComparison) -> Vec<String> {
    let medians: Vec<_> = [case.old_wall_ns, case.new_wall_ns].iter().flatten().map(|wall| wall.median).collect();
    let mut times = figures::times(&medians).into_iter();
    let mut wall = |wall: &Option<Estimate>| match wall {
        Some(wall) => {
            let median = times.next().expect("there is one time per run that has a wall time");
            format!("{median} {}", figures::half_width(wall)).trim_end().to_owned()
        }
        None => figures::NOT_MEASURED.to_owned(),
    };
    let walls = [wall(&case.old_wall_ns), wall(&case.new_wall_ns)];
    let ratio = case.ratio.map(|ratio| figures::ratio(ratio.median));
    let interval = case.ratio.and_then(|ratio| Some(format!("{:.3} to {:.3}", ratio.low?, ratio.high?)));
    let verdict = case.verdict.map(|verdict| verdict.name());
    let changes: Vec<_> = case.changes.iter().map(change).collect();
    let mut cells = vec![case.case.clone()];
    cells.extend(walls);
    cells.push(figures::number_or_dash(ratio));
    cells.push(figures::number_or_dash(interval));
    cells.push(figures::number_or_dash(verdict));
    cells.push(changes.join(", "));
    cells
}

/// `lock-wait +12.3 pp`
fn change(change: &ShareChange) -> String {
    format!("{} {:+.1} pp", change.share, change.change() * 100.0)
}

fn only(head: &RunHead, cases: &[String]) -> Option<String> {
    (!cases.is_empty()).then(|| format!("only in run {}: {}", head.id, cases.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_comparison_is_one_row_per_case_and_what_else_differs() {
        let expected = "\
cpu-bound: run 13 (article, failed) against run 12 (article), medians, 95 % CI
case              run 12           run 13  ratio  95 % CI         verdict  shares of time that changed
sequential  2.00 s ± 1.0 %   1.00 s ± 1.0 %  2.00×  1.950 to 2.050  faster
threads-10  2.00 s ± 1.0 %   2.50 s ± 1.0 %  0.80×  0.780 to 0.820  slower   lock-wait +12.3 pp, compute -12.0 pp

only in run 12: processes-10
warning: tasks: 100 in the old run, 50 in the new one
";
        let actual = render(&testing::comparison(), Style { colour: false, width: 160 });
        assert!(squeezed(&actual) == squeezed(expected), "expected:\n{expected}\nactual:\n{actual}");
    }

    /// One blank for many: the grid's own tests see to the columns.
    fn squeezed(text: &str) -> Vec<Vec<&str>> {
        text.lines().map(|line| line.split_whitespace().collect()).collect()
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let mut comparison = testing::comparison();
        let case = &mut comparison.cases[0];
        (case.new_wall_ns, case.ratio, case.verdict) = (None, None, None);
        let cells = row(case);
        assert_eq!(cells[2..6], ["–", "–", "–", "–"].map(str::to_owned));
        let case = &mut comparison.cases[1];
        case.ratio = case.ratio.map(|ratio| Estimate { low: None, high: None, ..ratio });
        assert_eq!(row(case)[3..5], ["0.80×", "–"].map(str::to_owned));
    }
}
