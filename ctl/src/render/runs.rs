//! A list of runs.

use gild_model::run::RunHead;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::grid::{Align, Grid};
use super::{Style, figures, first_line};

/// Draws a list of runs in the order given; times are those of `zone`.
pub fn render(heads: &[RunHead], zone: &TimeZone, style: Style) -> String {
    if heads.is_empty() {
        return "no runs yet; start one: gilctl run FILE.toml\n".to_owned();
    }
    let mut grid = Grid::new([
        ("run", Align::Right),
        ("name", Align::Left),
        ("kernel", Align::Left),
        ("status", Align::Left),
        ("cases", Align::Right),
        ("trials", Align::Right),
        ("submitted", Align::Left),
        ("took", Align::Right),
        ("error", Align::Left),
    ]);
    for head in heads {
        grid.row(vec![
            head.id.to_string(),
            head.name.clone(),
            head.kernel.clone(),
            head.status.name().to_owned(),
            head.cases.to_string(),
            format!("{}/{}", head.trials_done, head.trials_planned),
            minute(head.submitted_at, zone),
            took(head),
            head.error.as_deref().map(first_line).unwrap_or_default().to_owned(),
        ]);
    }
    grid.wrapped(style)
}

/// A point in time, to the minute.
pub fn minute(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

fn took(head: &RunHead) -> String {
    let (Some(start), Some(end)) = (head.started_at, head.finished_at) else {
        return figures::NOT_MEASURED.to_owned();
    };
    figures::time_left(end.duration_since(start).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use gild_model::run::RunStatus;

    #[test]
    fn one_row_per_run() {
        let done = testing::run().head;
        let mut running = done.clone();
        (running.id, running.status, running.trials_done, running.finished_at) = (13, RunStatus::Running, 4, None);
        let drawn = render(&[running, done], &TimeZone::UTC, Style { colour: false, width: 120 });
        let expected = "\
run  name     kernel     status   cases  trials  submitted            took  error
 13  article  cpu-bound  running      3    4/18  2026-11-22 10:00        –
 12  article  cpu-bound  done         3   18/18  2026-11-22 10:00  1 min 23 s
";
        let cut = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(cut(&drawn), cut(expected));
    }

    #[test]
    fn an_empty_list_says_what_to_type() {
        assert!(render(&[], &TimeZone::UTC, Style { colour: false, width: 80 }).contains("gilctl run"));
    }
}
