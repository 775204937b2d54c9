//! The state as a picture: who the run is, how fast it goes, a bar per worker, what the letters and the keys mean. Pure.
//!
//! Every piece is a paragraph in a rectangle cut to the screen, so a screen of any size is drawn. What there is no room for is left
//! out from the bottom up: explanations, then heads, and at last all but a line of the run and the bars.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Clear, Paragraph, Wrap};

use super::header;
use super::palette::{self, Colours};
use super::rows;
use super::state::{Daemon, State};

/// The keys, in short.
const KEYS: &str = "q quit  ↑↓ scroll  space pause  s span  ? help";

/// The keys and the marks, explained.
const HELP: [&str; 12] = [
    "q, Esc, Ctrl-C   quit; the run goes on",
    "↑ ↓ PgUp PgDn    scroll (Home, End: first, last)",
    "space            pause: nothing new is shown or asked",
    "s                bars of the time since the last look,",
    "                 or of the whole life so far",
    "? h              this",
    "",
    "*  has the lock",
    "for: how long in the phase; – is not known",
    "Each bar is all of a worker's time, split into its",
    "phases; the letters stand for them, and the figures",
    "are percent.",
];

/// What goes where on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    header: Rect,
    heads: Rect,
    /// Where the rows are; its height is the room for them.
    pub rows: Rect,
    legend: Rect,
    keys: Rect,
}

/// Divides a screen.
pub fn places(area: Rect) -> Places {
    let (header, heads, legend, keys) = match area.height {
        0..=4 => (1, 0, 0, 0),
        5..=8 => (2, 0, 0, 1),
        9..=11 => (3, 1, 0, 1),
        _ => (4, 1, 1, 1),
    };
    let rows = area.height.saturating_sub(header + heads + legend + keys);
    let mut y = area.y;
    let mut take = |height: u16| {
        let place = Rect { x: area.x, y, width: area.width, height }.intersection(area);
        y = y.saturating_add(height);
        place
    };
    Places { header: take(header), heads: take(heads), rows: take(rows), legend: take(legend), keys: take(keys) }
}

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, state: &State, colours: Colours) {
    let places = places(frame.area());
    frame.render_widget(Paragraph::new(header::lines(state, colours, places.header.height)), places.header);
    match &state.seen {
        Some(seen) => {
            let columns = rows::Columns::for_width(places.rows.width, seen);
            let dim = Style::new().add_modifier(Modifier::DIM);
            frame.render_widget(Paragraph::new(columns.heads(state.span, seen)).style(dim), places.heads);
            let shown = seen.now.rows.iter().skip(state.scroll).take(places.rows.height.into());
            let lines: Vec<Line<'_>> = shown.map(|row| columns.line(seen, row, state.span, colours)).collect();
            frame.render_widget(Paragraph::new(lines), places.rows);
        }
        None => frame.render_widget(Paragraph::new(nothing(state)).wrap(Wrap { trim: true }), places.rows),
    }
    frame.render_widget(Paragraph::new(legend(state, colours)), places.legend);
    frame.render_widget(Paragraph::new(keys(state, places.rows.height)), places.keys);
    if state.help {
        help(frame);
    }
}

/// What stands where there are no rows.
fn nothing(state: &State) -> &'static str {
    match (&state.daemon, &state.run) {
        (Daemon::Lost(_), _) => "",
        (Daemon::Idle, None) => {
            "No run is in progress; waiting for one. Start it elsewhere: gilctl run, gilctl record."
        }
        (_, Some(run)) if run.head.status.is_final() => "It was over before anything was seen of it.",
        _ => "Nothing to see of it yet.",
    }
}

/// What the letters mean: those that occur.
fn legend(state: &State, colours: Colours) -> Line<'static> {
    let Some(seen) = &state.seen else { return Line::default() };
    let occurs = rows::occurring(seen, state.span);
    let parts = (0..palette::PARTS).filter(|place| occurs[*place]);
    let words = parts.flat_map(|place| {
        let mark = Text::styled(format!(" {} ", palette::letter(place)), colours.part(place));
        [mark, Text::raw(format!(" {}  ", palette::name(place)))]
    });
    Line::from(words.collect::<Vec<_>>())
}

/// The keys, and which rows are seen if there is no room for all.
fn keys(state: &State, room: u16) -> Line<'static> {
    let seen = state.seen.as_ref();
    let (all, left_out) = seen.map_or((0, 0), |seen| (seen.now.rows.len(), seen.now.not_shown));
    let mut words = vec![Text::styled(KEYS, Style::new().add_modifier(Modifier::DIM))];
    if all > usize::from(room) {
        let last = (state.scroll + usize::from(room)).min(all);
        words.insert(0, Text::raw(format!("rows {}–{last} of {all}  ", state.scroll + 1)));
    }
    if left_out > 0 {
        words.insert(0, Text::raw(format!("{left_out} more are not shown  ")));
    }
    Line::from(words)
}

/// The help, over what is there.
fn help(frame: &mut Frame<'_>) {
    let area = frame.area();
    let width = HELP.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let width = u16::try_from(width + 4).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(HELP.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let place = Rect { x, y, width, height };
    frame.render_widget(Clear, place);
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::raw(*line)).collect();
    frame.render_widget(Paragraph::new(lines).block(ratatui::widgets::Block::bordered().title(" gilctl top ")), place);
}
