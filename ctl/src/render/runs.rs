//! A list of runs.

use gild_model::run::RunHead;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::grid::{Align, Grid};
use super::{Style, figures, first_line, harmless};

/// Draws a list of runs in the order given, with a column for tags if any run has one, and for notes if they are wanted;
/// times are those of `zone`.
pub fn render(heads: &[RunHead], notes: bool, zone: &TimeZone, style: Style) -> String {
    if heads.is_empty() {
        return "no runs yet; start one: gilctl run FILE.toml\n".to_owned();
    }
    let tags = heads.iter().any(|head| !head.tags.is_empty());
    let mut columns = vec![
        ("run", Align::Right),
        ("name", Align::Left),
        ("kernel", Align::Left),
        ("status", Align::Left),
        ("cases", Align::Right),
        ("trials", Align::Right),
        ("submitted", Align::Left),
        ("took", Align::Right),
        ("error", Align::Left),
    ];
    columns.extend(tags.then_some(("tags", Align::Left)));
    columns.extend(notes.then_some(("note", Align::Left)));
    let mut grid = Grid::new(columns);
    for head in heads {
        let mut cells = vec![
            head.id.to_string(),
            head.name.clone(),
            head.kernel.clone(),
            head.status.name().to_owned(),
            head.cases.to_string(),
            format!("{}/{}", head.trials_done, head.trials_planned),
            minute(head.submitted_at, zone),
            took(head),
            head.error.as_deref().map(first_line).unwrap_or_default().to_owned(),
        ];
        cells.extend(tags.then(|| words(head)));
        cells.extend(notes.then(|| head.note.clone().unwrap_or_default()));
        grid.row(cells);
    }
    grid.wrapped(style)
}

/// What people wrote on a run, in lines of its own; nothing if they wrote nothing.
pub fn labels(head: &RunHead) -> String {
    let tags = (!head.tags.is_empty()).then(|| format!("tags: {}\n", words(head)));
    let lines = |note: &str| note.lines().map(harmless).collect::<Vec<_>>().join("\n      ");
    let note = head.note.as_deref().map(|note| format!("note: {}\n", lines(note)));
    tags.into_iter().chain(note).collect()
}

fn words(head: &RunHead) -> String {
    head.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A point in time, to the minute.
pub fn minute(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

fn took(head: &RunHead) -> String {
    let (Some(start), Some(end)) = (head.started_at, head.finished_at) else {
        return figures::NOT_MEASURED.to_owned();
    };
    let seconds = end.duration_since(start).as_secs_f64();
    // What took a moment has not taken none.
    if seconds < 10.0 { figures::time(seconds * 1e9) } else { figures::time_left(seconds) }
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
        let drawn = render(&[running, done], false, &TimeZone::UTC, Style { colour: false, width: 120 });
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
    fn a_run_of_a_moment_has_not_taken_no_time() {
        let mut head = testing::run().head;
        head.finished_at = head.started_at.map(|at| at + jiff::SignedDuration::from_millis(319));
        assert_eq!(took(&head), "319 ms");
    }

    #[test]
    fn an_empty_list_says_what_to_type() {
        assert!(render(&[], false, &TimeZone::UTC, Style { colour: false, width: 80 }).contains("gilctl run"));
    }

    #[test]
    fn tags_and_notes_have_columns_where_there_are_any() {
        let mut head = testing::run().head;
        assert_eq!(labels(&head), "");
        head.tags = ["a", "b"].map(|tag| tag.parse().unwrap()).to_vec();
        head.note = Some("two\nlines".to_owned());
        let drawn = render(std::slice::from_ref(&head), true, &TimeZone::UTC, Style { colour: false, width: 200 });
        assert!(drawn.lines().next().unwrap().trim_end().ends_with("error  tags  note"), "{drawn}");
        assert!(drawn.contains("a, b  two"), "{drawn}");
        assert_eq!(labels(&head), "tags: a, b\nnote: two\n      lines\n");
    }
}
