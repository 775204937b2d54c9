//! A line per worker: who it is, what it does and for how long, and its bar. Pure.

use gild_model::account::Role;
use gild_model::live::LiveRow;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span as Text};

use super::palette::{self, Colours, PARTS};
use super::shares::{self, Times};
use super::state::{Seen, Span};
use crate::render::{figures, harmless};

/// Least columns that a bar needs to say anything beside words.
const BAR_MIN: u16 = 24;
/// Least columns of a part in which its figure stands.
const FIGURE_FITS: u16 = 5;

/// The columns before the bar, with their widths; those that there is no room for have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    who: usize,
    tid: usize,
    now: usize,
    since: usize,
    tasks: usize,
    bar: u16,
}

impl Columns {
    /// Those that fit. The bar gets what is left.
    pub fn for_width(width: u16, seen: &Seen) -> Columns {
        let who = seen.now.rows.iter().map(|row| name(row).chars().count()).max().unwrap_or(0).clamp(4, 16);
        let has_tasks = seen.progress.is_some();
        let mut columns = Columns { who, tid: 0, now: 0, since: 0, tasks: 0, bar: 0 };
        // In the order in which they are worth their room.
        if columns.would_leave(width, 12) >= BAR_MIN {
            columns.now = 11;
        }
        if has_tasks && columns.would_leave(width, 8) >= BAR_MIN {
            columns.tasks = 7;
        }
        if columns.would_leave(width, 9) >= BAR_MIN {
            columns.since = 8;
        }
        if columns.would_leave(width, 9) >= BAR_MIN {
            columns.tid = 8;
        }
        columns.bar = columns.would_leave(width, 0);
        columns
    }

    fn would_leave(&self, width: u16, more: usize) -> u16 {
        let others = [self.tid, self.now, self.since, self.tasks].into_iter().filter(|it| *it > 0);
        // The mark of the owner and a blank stand before the bar.
        let used = self.who + 2 + others.map(|it| it + 1).sum::<usize>() + more;
        width.saturating_sub(u16::try_from(used).unwrap_or(u16::MAX))
    }

    /// What stands above them.
    pub fn heads(&self, span: Span, seen: &Seen) -> String {
        let of = match (span, &seen.before, shares::span_ns(seen)) {
            (Span::Recent, Some(_), Some(ns)) => format!("the last {}", figures::time(ns as f64)),
            _ => "the whole life so far".to_owned(),
        };
        let who = if seen.progress.is_some() { "worker" } else { "thread" };
        self.words([who, "tid", "now", "for", "tasks"], ' ') + &of
    }

    /// Somebody's line.
    pub fn line(&self, seen: &Seen, row: &LiveRow, span: Span, colours: Colours) -> Line<'static> {
        let owns = row.has_lock == Some(true);
        let since_ns = row.since_ns.map(|since| seen.now.at_ns.saturating_sub(since));
        let since = since_ns.map_or_else(|| figures::NOT_MEASURED.to_owned(), |ns| figures::time(ns as f64));
        let since = if row.now.is_some() { since } else { String::new() };
        let doing = match (row.now, &row.kernel_phase) {
            (Some(_), Some(own)) => harmless(own),
            (Some(phase), None) => phase.name().to_owned(),
            (None, _) if row.born => "ended".to_owned(),
            (None, _) => "not started".to_owned(),
        };
        let tid = row.tid.map_or_else(String::new, |tid| tid.to_string());
        let tasks =
            row.tasks_done.filter(|_| row.role != Role::Coordinator).map_or_else(String::new, |it| it.to_string());
        let mark = if owns { '*' } else { ' ' };
        let words = self.words([&name(row), &tid, &doing, &since, &tasks], mark);
        let style = match row.now {
            _ if owns => colours.owner(),
            Some(_) => Style::new(),
            None => Style::new().add_modifier(Modifier::DIM),
        };
        let mut line = vec![Text::styled(words, style)];
        line.extend(bar(&shares::times(seen, row, span), self.bar, colours));
        Line::from(line)
    }

    fn words(&self, [who, tid, now, since, tasks]: [&str; 5], mark: char) -> String {
        let mut text = fit(who, self.who, false) + " ";
        for (word, width, right) in
            [(tid, self.tid, true), (now, self.now, false), (since, self.since, true), (tasks, self.tasks, true)]
        {
            if width > 0 {
                text += &(fit(word, width, right) + " ");
            }
        }
        text.push(mark);
        text
    }
}

fn name(row: &LiveRow) -> String {
    match (row.role, &row.thread) {
        (Role::Coordinator, _) => "coordinator".to_owned(),
        // A recording's threads are known by their names.
        (_, Some(thread)) if row.tasks_done.is_none() => harmless(thread),
        (role, _) => format!("{} {}", role.name(), row.index),
    }
}

/// Text of exactly this width: cut, or filled up with blanks.
fn fit(text: &str, width: usize, right: bool) -> String {
    let cut: String = text.chars().take(width).collect();
    if right { format!("{cut:>width$}") } else { format!("{cut:<width$}") }
}

/// A bar, part by part; each is its letter over and over, with its share in percent where that fits.
fn bar(times: &Times, width: u16, colours: Colours) -> Vec<Text<'static>> {
    let sum = times.iter().fold(0.0, |sum, time| sum + *time as f64);
    let cells = shares::cells(times, width).into_iter().enumerate().filter(|(_, cells)| *cells > 0);
    let part = |(place, cells): (usize, u16)| {
        let percent = format!("{:.0}", times[place] as f64 / sum * 100.0);
        let figure = if cells >= FIGURE_FITS { format!(" {percent} ") } else { String::new() };
        let letter = palette::letter(place);
        let text: String = std::iter::repeat_n(letter, usize::from(cells).saturating_sub(figure.len())).collect();
        // The letters come first, so that the figures of neighbours never touch.
        Text::styled(text + &figure, colours.part(place))
    };
    cells.map(part).collect()
}

/// Which parts occur in any bar.
pub fn occurring(seen: &Seen, span: Span) -> [bool; PARTS] {
    let mut occurs = [false; PARTS];
    for row in &seen.now.rows {
        let times = shares::times(seen, row, span);
        occurs.iter_mut().zip(times).for_each(|(occurs, time)| *occurs |= time > 0);
    }
    occurs
}
