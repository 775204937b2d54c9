//! Standard output and standard error: who may see colours, how wide a line may be, how messages look.
//!
//! Results go to standard output, everything else to standard error. A message that cannot be written to
//! standard error is dropped: there is no third place to say so.

use std::error::Error as _;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::error::Error;
use crate::render::Style;

/// Width of what is written into a pipe or a file.
const PIPE_WIDTH: usize = 160;
/// Lines of a terminal that does not say how many it has.
const PIPE_LINES: usize = 24;

/// How to write to standard output: colours only on a terminal without `NO_COLOR` (<https://no-color.org>).
pub fn style() -> Style {
    let terminal = io::stdout().is_terminal();
    let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| usize::from(width.0));
    Style { colour: terminal && !style_is_plain(), width: width.unwrap_or(PIPE_WIDTH) }
}

/// How to write to standard error.
pub fn style_of_messages() -> Style {
    let terminal = io::stderr().is_terminal();
    let plain = !terminal || style_is_plain();
    let width =
        terminal_size::terminal_size_of(io::stderr()).filter(|_| terminal).map(|(width, _)| usize::from(width.0));
    Style { colour: !plain, width: width.unwrap_or(PIPE_WIDTH) }
}

/// Lines and style of the terminal that standard error is.
pub fn screen_of_messages() -> (usize, Style) {
    let lines = terminal_size::terminal_size_of(io::stderr()).map(|(_, height)| usize::from(height.0));
    (lines.unwrap_or(PIPE_LINES), style_of_messages())
}

/// Colours are not wanted (<https://no-color.org>), or the terminal has none.
fn style_is_plain() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    refused || std::env::var_os("TERM").is_some_and(|it| it == "dumb")
}

/// Writes text of several lines to standard error.
pub fn message(text: &str) {
    _ = io::stderr().write_all(text.as_bytes());
}

/// Writes text to standard output.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Output)
}

/// Writes a value to standard output as indented JSON.
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(value).expect("the model's types have text keys and no failing parts");
    text.push('\n');
    print(&text)
}

/// Writes a message to standard error.
pub fn notice(text: &str) {
    _ = writeln!(io::stderr(), "gilctl: {text}");
}

/// Writes a warning to standard error.
pub fn warning(text: &str) {
    notice(&format!("warning: {text}"));
}

/// Writes an error with its causes to standard error, unless it only says that nobody is reading.
pub fn error(error: &Error) {
    if error.is_broken_pipe() {
        return;
    }
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    notice(&text);
}
