//! The table of `gilctl doctor --accuracy`.

use super::grid::{Align, Grid};
use super::{Style, count, harmless};
use crate::accuracy::finding::Unit;
use crate::accuracy::report::{Report, Row, Verdict};

/// Draws the report.
pub fn render(report: &Report, style: Style) -> String {
    let trials = count(u64::from(report.repetitions), "trial");
    let mut text = format!("{}\ntier: {}; {trials} of each scenario\n\n", harmless(&report.machine), report.tier);
    text += &table(report, style);
    let reasons = report.rows.iter().filter_map(|row| Some((row, row.reason.as_ref()?)));
    let notes: Vec<_> = reasons.map(|(row, reason)| format!("  {}: {}\n", title(row), harmless(reason))).collect();
    if !notes.is_empty() {
        text += &format!("\nnot measured:\n{}", notes.concat());
    }
    let of = |verdict| report.rows.iter().filter(|row| row.verdict == verdict).count() as u64;
    let (good, off, skipped) = (of(Verdict::Good), of(Verdict::Off), of(Verdict::Skipped));
    text + &format!("\n{good} within the goal, {off} off, {skipped} skipped\n")
}

fn title(row: &Row) -> String {
    match row.quantity {
        "" => row.scenario.to_owned(),
        quantity => format!("{}, {quantity}", row.scenario),
    }
}

fn table(report: &Report, style: Style) -> String {
    let heads = ["scenario", "figure", "truth from", "truth", "gild", "error", "worst", "goal", ""];
    let columns = heads
        .into_iter()
        .enumerate()
        .map(|(at, head)| (head, if (3..8).contains(&at) { Align::Right } else { Align::Left }));
    let mut grid = Grid::new(columns);
    let mut last = "";
    for row in &report.rows {
        let amount = |it: Option<f64>| it.map_or_else(String::new, |it| amount(row.unit, it));
        let error = |it: Option<f64>| it.map_or_else(String::new, |it| difference(row.unit, it));
        let verdict = match row.verdict {
            Verdict::Good => "good",
            Verdict::Off => "OFF",
            Verdict::Skipped => "skipped",
        };
        let scenario = if row.scenario == last { String::new() } else { row.scenario.to_owned() };
        last = row.scenario;
        let goal = if row.trials == 0 { String::new() } else { difference(row.unit, row.goal).replace('+', "") };
        let cells = [
            row.quantity.to_owned(),
            row.source.to_owned(),
            amount(row.truth),
            amount(row.gild),
            error(row.error),
            error(row.worst),
            goal,
            verdict.to_owned(),
        ];
        grid.row([vec![scenario], cells.to_vec()].concat());
    }
    if grid.is_empty() { String::new() } else { grid.text(style, 2) }
}

fn amount(unit: Unit, number: f64) -> String {
    match unit {
        Unit::Share => format!("{:.2} %", number * 100.0),
        Unit::Count => format!("{number:.0}"),
        Unit::Ratio => format!("{number:.6}"),
    }
}

fn difference(unit: Unit, number: f64) -> String {
    match unit {
        Unit::Share => format!("{:+.2} pp", number * 100.0),
        Unit::Count if number == 0.0 => "exact".to_owned(),
        Unit::Count => format!("{number:+.0}"),
        Unit::Ratio => format!("{:+.4} %", number * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accuracy::finding::Finding;
    use crate::accuracy::report::{judge, without_findings};

    #[test]
    fn every_row_says_truth_figure_error_and_goal() {
        let share = Finding::share("blocked", "timers", Some(2_020), 2_000, 10_000);
        let off = Finding::share("compute", "a clock", Some(5_000), 4_000, 10_000);
        let exact = Finding::count("page faults", "getrusage", Some(7), 7);
        let rows = vec![
            judge("sleeping", &[&share]).unwrap(),
            judge("sleeping", &[&off]).unwrap(),
            judge("faults", &[&exact]).unwrap(),
            without_findings("instructions", Verdict::Skipped, "no PMU".to_owned()),
        ];
        let report = Report { machine: "lab".to_owned(), tier: "software".to_owned(), repetitions: 3, rows };
        let drawn = render(&report, Style { colour: false, width: 200 });
        let expected = "\
lab
tier: software; 3 trials of each scenario

scenario      figure       truth from    truth     gild      error      worst     goal
sleeping      blocked      timers      20.00 %  20.20 %   +0.20 pp   +0.20 pp  0.50 pp  good
              compute      a clock     40.00 %  50.00 %  +10.00 pp  +10.00 pp  0.50 pp  OFF
faults        page faults  getrusage         7        7      exact      exact    exact  good
instructions                                                                            skipped

not measured:
  instructions: no PMU

2 within the goal, 1 off, 1 skipped
";
        assert!(drawn == expected, "expected:\n{expected}\nactual:\n{drawn}");
    }
}
