//! Model types to text for people. Pure: no clock, no terminal, no file; the width and the colours are given.

pub mod accuracy;
pub mod advice;
pub mod axes;
pub mod comparison;
pub mod daemon;
pub mod experiment;
pub mod figures;
pub mod grid;
pub mod host;
pub mod locks;
pub mod look;
pub mod plugins;
pub mod results;
pub mod runs;
pub mod scaling;
mod sentences;
pub mod table;
pub mod tasks;
pub mod threads;
pub mod trials;
pub mod views;
pub mod workers;

/// How text may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Bold and dim text may be used.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// Makes text from elsewhere harmless for a terminal: control characters become spaces.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The first line of an error, which says what; a traceback may follow.
fn first_line(error: &str) -> &str {
    error.lines().find(|line| !line.trim().is_empty()).unwrap_or(error)
}

/// `1 trial`, `2 trials`
pub fn count(n: u64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}
