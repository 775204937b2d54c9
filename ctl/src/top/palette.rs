//! What a part of a bar looks like: the letter and the colour of a phase.
//!
//! The parts, their names and their order are the report's ([`parts::PHASES`]), and so are the colours where the terminal has
//! them all. Every part has a letter, too, so that a bar reads without colours.

use ratatui::style::{Color, Modifier, Style};

use crate::report::parts;

/// Parts that there are.
pub const PARTS: usize = parts::PHASES.len();

/// The letters, in the order of [`parts::PHASES`].
const LETTERS: [char; PARTS] = ['#', 'L', 'O', 'S', 'T', 'I', '.', '+', '-'];

/// Ground and letter as in `assets/report`: `--compute`, `--compute-text` and so on of the light page.
const TRUE: [(u32, u32); PARTS] = [
    (0x16_68b8, 0xff_ffff),
    (0xf5_a623, 0x1b_1300),
    (0xd7_9bc4, 0x26_081d),
    (0x1a_a37a, 0x00_150e),
    (0x7c_c4ee, 0x04_202f),
    (0xef_e07a, 0x24_2000),
    (0xdd_e2ea, 0x2a_3342),
    (0x8a_6d5f, 0xff_ffff),
    (0x5b_463d, 0xff_ffff),
];

/// The nearest of the colours that every terminal with colours has.
const BASIC: [(Color, Color); PARTS] = [
    (Color::Blue, Color::White),
    (Color::Yellow, Color::Black),
    (Color::Magenta, Color::Black),
    (Color::Green, Color::Black),
    (Color::Cyan, Color::Black),
    (Color::LightYellow, Color::Black),
    (Color::Gray, Color::Black),
    (Color::Red, Color::White),
    (Color::DarkGray, Color::White),
];

/// The colours that a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None, or none are wanted (<https://no-color.org>).
    None,
    /// Sixteen.
    Basic,
    /// All.
    True,
}

impl Colours {
    /// What these variables of the environment say: `NO_COLOR`, `COLORTERM` and `TERM`.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Colours {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let colorterm = variable("COLORTERM").unwrap_or_default();
        let term = variable("TERM").unwrap_or_default();
        match () {
            () if is_set("NO_COLOR") || term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") => {
                Colours::None
            }
            () if colorterm == "truecolor" || colorterm == "24bit" || term.ends_with("-direct") => Colours::True,
            () => Colours::Basic,
        }
    }

    /// How a part of a bar is drawn.
    pub fn part(self, place: usize) -> Style {
        match self {
            Colours::None => Style::new(),
            Colours::Basic => {
                BASIC.get(place).map_or(Style::new(), |(ground, text)| Style::new().fg(*text).bg(*ground))
            }
            Colours::True => {
                TRUE.get(place).map_or(Style::new(), |(ground, text)| Style::new().fg(rgb(*text)).bg(rgb(*ground)))
            }
        }
    }

    /// How somebody who has the lock is drawn.
    pub fn owner(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        if self == Colours::None { style } else { style.fg(Color::Yellow) }
    }

    /// How what has gone wrong is drawn.
    pub fn alarm(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        if self == Colours::None { style.add_modifier(Modifier::REVERSED) } else { style.fg(Color::Red) }
    }
}

fn rgb(hex: u32) -> Color {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color::Rgb(red, green, blue)
}

/// The letter of a part.
pub fn letter(place: usize) -> char {
    LETTERS.get(place).copied().unwrap_or('?')
}

/// The name of a part: its column in the tables of results.
pub fn name(place: usize) -> &'static str {
    parts::PHASES.get(place).map_or("?", |part| part.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_environment_says_which_colours_there_are() {
        let of = |set: &[(&str, &str)]| {
            Colours::of(|name| set.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Colours::True);
        assert_eq!(of(&[("TERM", "xterm"), ("NO_COLOR", "")]), Colours::Basic);
        assert_eq!(of(&[("TERM", "xterm"), ("NO_COLOR", "1"), ("COLORTERM", "truecolor")]), Colours::None);
        assert_eq!(of(&[("TERM", "vt100")]), Colours::None);
        assert_eq!(of(&[]), Colours::Basic);
    }

    #[test]
    fn parts_are_told_apart_by_their_letters_alone_and_by_their_colours_alone() {
        assert_eq!(LETTERS.iter().collect::<BTreeSet<_>>().len(), PARTS);
        for colours in [Colours::Basic, Colours::True] {
            let grounds: BTreeSet<_> = (0..PARTS).map(|place| format!("{:?}", colours.part(place).bg)).collect();
            assert_eq!(grounds.len(), PARTS);
        }
        assert_eq!(Colours::None.part(0), Style::new());
    }

    #[test]
    fn the_colours_are_the_report_s() {
        let styles = include_str!("../../assets/report/report.css");
        for (place, (ground, text)) in TRUE.iter().enumerate() {
            let key = parts::PHASES[place].key;
            for expected in [format!("--{key}: #{ground:06x};"), format!("--{key}-text: #{text:06x};")] {
                assert!(styles.contains(&expected), "the report has no {expected}");
            }
        }
    }
}
