//! How long ago: `3d`, `2h`, `1w 12h`, counted back from now.

use std::fmt;
use std::str::FromStr;

use jiff::{Span, SpanFieldwise, Timestamp, Zoned};
use serde::{Deserialize, Serialize};

/// A span of time that lies behind, as people write it. Days and what is longer are those of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Age(SpanFieldwise);

impl Age {
    /// The moment that lies this far behind `now`. One before the calendar's begin is that begin.
    pub fn before(self, now: &Zoned) -> Timestamp {
        now.checked_sub(self.0.0).map_or(Timestamp::MIN, |then| then.timestamp())
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Age, String> {
        let span = text.trim().parse::<Span>().ok().filter(|span| span.is_positive());
        span.map(|span| Age(span.fieldwise()))
            .ok_or_else(|| format!("\"{text}\" is no span of time; expected one such as 90d, 12h or 2w"))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0.0)
    }
}

impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Age, String> {
        text.parse()
    }
}

impl From<Age> for String {
    fn from(age: Age) -> String {
        age.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-11-22T10:00:00+00:00[UTC]".parse().unwrap()
    }

    #[test]
    fn an_age_is_counted_back_from_now() {
        for (text, then) in [
            ("3d", "2026-11-19T10:00:00Z"),
            ("2h", "2026-11-22T08:00:00Z"),
            ("1w 12h", "2026-11-14T22:00:00Z"),
            ("90 minutes", "2026-11-22T08:30:00Z"),
            ("1mo", "2026-10-22T10:00:00Z"),
        ] {
            let age: Age = text.parse().unwrap();
            assert_eq!(age.before(&now()).to_string(), then, "{text}");
            assert_eq!(age.to_string().parse(), Ok(age), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_or_lies_ahead_is_refused() {
        for text in ["", "3", "soon", "0d", "-3d", "3d ago"] {
            assert!(text.parse::<Age>().unwrap_err().contains("such as 90d"), "{text}");
        }
    }

    #[test]
    fn an_age_beyond_the_calendar_is_its_begin() {
        assert_eq!("19000y".parse::<Age>().unwrap().before(&now()), Timestamp::MIN);
    }
}
