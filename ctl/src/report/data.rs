//! Data for the scripts of the page: JSON in an element that is never run, written so that nothing in it ends the element.

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

/// What the scripts draw.
#[derive(Debug, Default, Serialize)]
pub struct Data {
    /// Timelines.
    pub timelines: Vec<super::timelines::Drawn>,
    /// Curves.
    pub curves: Vec<Curves>,
}

/// A chart of curves over a common axis.
#[derive(Debug, Serialize)]
pub struct Curves {
    /// The element that it is drawn in.
    pub place: String,
    /// What is on the axes.
    pub x: Axis,
    /// See `x`.
    pub y: Axis,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// An axis.
#[derive(Debug, Serialize)]
pub struct Axis {
    /// What it shows.
    pub label: &'static str,
    /// How its numbers are written.
    pub unit: Unit,
    /// Whether equal ratios are equally far apart.
    pub logarithmic: bool,
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds, as a time.
    Ns,
    /// A share, in percent.
    Share,
    /// A plain number.
    Number,
}

/// A curve.
#[derive(Debug, Serialize)]
pub struct Curve {
    /// What it is.
    pub label: String,
    /// How it is drawn.
    pub shape: Shape,
    /// Its colour, by number; curves of one number belong together.
    pub colour: usize,
    /// Its points.
    pub x: Vec<f64>,
    /// Heights of the points.
    pub y: Vec<f64>,
    /// Lower ends of intervals; empty where there are none.
    pub low: Vec<Option<f64>>,
    /// Upper ends of them.
    pub high: Vec<Option<f64>>,
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Steps from point to point.
    Steps,
    /// A line, with its interval as a band.
    Line,
    /// Points, with their intervals as bars.
    Points,
}

impl Data {
    /// The element that has the data.
    pub fn element(&self) -> Markup {
        let json = serde_json::to_string(self).expect("the data have text keys and no failing parts");
        html! { script type="application/json" id="gild-data" { (PreEscaped(inert(&json))) } }
    }
}

/// JSON without the characters that an HTML parser looks for in a script, or that JavaScript takes for the end of a line.
fn inert(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => text += "\\u003c",
            '>' => text += "\\u003e",
            '&' => text += "\\u0026",
            '\u{2028}' => text += "\\u2028",
            '\u{2029}' => text += "\\u2029",
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_their_element() {
        let text = inert(&serde_json::to_string("</script><!--\u{2028}&").unwrap());
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "</script><!--\u{2028}&", "and it is read the same");
    }
}
