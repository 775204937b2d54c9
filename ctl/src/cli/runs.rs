//! Arguments of the commands on many runs: which to list, what to write on them, which to be without, what to ask.

use std::num::NonZeroU32;

use clap::Args;
use gild_model::age::Age;
use gild_model::case::Model;
use gild_model::label::Tag;
use gild_model::many::RunFilter;
use gild_model::run::{RunId, RunStatus};
use jiff::civil::DateTime;
use jiff::{Timestamp, Zoned};

use super::RunSelector;

/// Arguments of `ls`.
#[derive(Debug, Args)]
pub struct LsArguments {
    /// Runs of this kernel
    #[arg(long, value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// Runs with a case of this execution model
    #[arg(long, value_name = "MODEL")]
    pub model: Option<Model>,
    /// Runs submitted since then: a date, a time such as 2026-11-22T10:00, or how long ago, such as 3d or 2h
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<Timestamp>,
    /// Runs with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<Tag>,
    /// Runs with this status: queued, running, done, failed, cancelled, interrupted
    #[arg(long, value_name = "STATUS", value_parser = status)]
    pub status: Option<RunStatus>,
    /// Runs with a smaller number than this: the next page of a list that was cut
    #[arg(long, value_name = "RUN")]
    pub before: Option<RunId>,
    /// At most so many runs, the newest, or `all` [default: 50; all with --json]
    #[arg(long, value_name = "N")]
    pub limit: Option<Limit>,
    /// Notes, too
    #[arg(long)]
    pub long: bool,
    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

impl LsArguments {
    /// What the daemon is asked for; paging is not in it.
    pub fn filter(&self) -> RunFilter {
        RunFilter {
            kernel: self.kernel.clone(),
            model: self.model,
            tag: self.tag.clone(),
            status: self.status,
            since: self.since,
            before: self.before,
            limit: None,
        }
    }
}

/// Arguments of `tag`.
#[derive(Debug, Args)]
pub struct TagArguments {
    /// The runs' numbers, or `last`
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<RunSelector>,
    /// Tags that the runs are to have, with commas between them
    #[arg(long, value_name = "TAG,…", value_delimiter = ',', required_unless_present = "remove")]
    pub add: Vec<Tag>,
    /// Tags that they are not to have
    #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
    pub remove: Vec<Tag>,
}

/// Arguments of `note`.
#[derive(Debug, Args)]
pub struct NoteArguments {
    /// The run's number, or `last`
    pub run: RunSelector,
    /// The note; an empty one takes away what was noted before
    pub text: String,
}

/// Arguments of `prune`.
#[derive(Debug, Args)]
pub struct PruneArguments {
    /// Keep so many of the newest runs
    #[arg(long, value_name = "N", required_unless_present = "older_than")]
    pub keep: Option<u32>,
    /// Keep runs that are younger, such as 30d, 12h or 2w
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
    /// Remove runs with tags, too
    #[arg(long)]
    pub tagged: bool,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sql`.
#[derive(Debug, Args)]
pub struct SqlArguments {
    /// One SELECT over the views; `-` reads it from standard input
    #[arg(value_name = "SELECT", required_unless_present = "schema")]
    pub sql: Option<String>,
    /// List the views with their columns and what these mean
    #[arg(long, conflicts_with_all = ["sql", "csv"])]
    pub schema: bool,
    /// Print comma-separated values with a head line; empty where not measured
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print a list of JSON objects; null where not measured
    #[arg(long)]
    pub json: bool,
    /// At most so many rows, or `all` [default: 1000; all with --csv and --json]
    #[arg(long, value_name = "N")]
    pub limit: Option<Limit>,
    /// Longest time that the daemon may work on it, in seconds
    #[arg(long, value_name = "S", default_value_t = gild_model::query::TIME_LIMIT_S_DEFAULT)]
    pub time_limit: f64,
}

/// How many at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// As many as there are.
    All,
    /// So many.
    Count(NonZeroU32),
}

impl Limit {
    /// The number; `None`: there is no limit.
    pub fn count(self) -> Option<u32> {
        match self {
            Limit::All => None,
            Limit::Count(count) => Some(count.get()),
        }
    }
}

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Limit, String> {
        match text {
            "all" => Ok(Limit::All),
            _ => text.parse().map(Limit::Count).map_err(|_| "expected a number from 1, or all".to_owned()),
        }
    }
}

fn status(text: &str) -> Result<RunStatus, String> {
    RunStatus::from_name(text).ok_or_else(|| {
        let names = RunStatus::ALL.map(RunStatus::name).join(", ");
        format!("expected one of: {names}")
    })
}

fn since(text: &str) -> Result<Timestamp, String> {
    moment(text, &Zoned::now())
}

/// A moment, as `now` and its time zone have it: how long ago, a date or a time of day there, or one that says its zone.
fn moment(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(age) = text.parse::<Age>() {
        return Ok(age.before(now));
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let local = text.parse::<DateTime>().ok().and_then(|time| time.to_zoned(now.time_zone().clone()).ok());
    local.map(|time| time.timestamp()).ok_or_else(|| {
        "expected a date such as 2026-11-22, a time such as 2026-11-22T10:00, or how long ago, such as 3d or 2h"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_date_a_time_or_how_long_ago() {
        let now: Zoned = "2026-11-22T10:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (text, expected) in [
            ("3d", "2026-11-19T09:00:00Z"),
            ("2h", "2026-11-22T07:00:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-11-20T12:30", "2026-11-20T11:30:00Z"),
            ("2026-11-20T12:30:00Z", "2026-11-20T12:30:00Z"),
        ] {
            assert_eq!(moment(text, &now).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "-3d"] {
            assert!(moment(text, &now).unwrap_err().contains("expected a date"), "{text}");
        }
    }

    #[test]
    fn a_limit_is_a_number_or_all() {
        assert_eq!("all".parse::<Limit>().map(Limit::count), Ok(None));
        assert_eq!("20".parse::<Limit>().map(Limit::count), Ok(Some(20)));
        assert!("0".parse::<Limit>().is_err() && "some".parse::<Limit>().is_err());
    }
}
