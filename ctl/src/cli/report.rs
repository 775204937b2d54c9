//! The arguments of `report`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, ValueHint};

use super::RunSelector;

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["run", "compare"]))]
pub struct ReportArguments {
    /// The run's number, or `last`
    pub run: Option<RunSelector>,
    /// Two runs side by side instead: what became faster, what slower
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    pub compare: Vec<RunSelector>,
    /// File to write; `-` is standard output [default: run-RUN.html, run-OLD-run-NEW.html]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Most intervals in the timelines of a run, all cases together (some 5 bytes each): a number, all or none
    #[arg(long, value_name = "N|all|none", default_value = "200000")]
    pub timeline: Intervals,
}

/// How many intervals a report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intervals {
    /// All there are.
    All,
    /// So many at most; none with 0.
    Max(usize),
}

impl Intervals {
    /// So many at most. `None`: all there are.
    pub fn intervals_max(self) -> Option<usize> {
        match self {
            Intervals::All => None,
            Intervals::Max(max) => Some(max),
        }
    }
}

impl FromStr for Intervals {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Intervals::All),
            "none" => Ok(Intervals::Max(0)),
            number => number.parse().map(Intervals::Max).map_err(|_| "expected a number, all or none".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Options;
    use clap::Parser;

    #[test]
    fn a_report_is_of_one_run_or_of_two() {
        let parse = |line: &str| Options::try_parse_from(line.split(' ')).is_ok();
        assert!(parse("gilctl report last") && parse("gilctl report --compare 1 last -o x.html"));
        for line in ["gilctl report", "gilctl report --compare 1", "gilctl report 1 --compare 1 2"] {
            assert!(!parse(line), "{line}");
        }
    }

    #[test]
    fn intervals_are_a_number_all_or_none() {
        let of = |text: &str| text.parse::<Intervals>().map(Intervals::intervals_max);
        assert_eq!([of("7"), of("all"), of("none")], [Ok(Some(7)), Ok(None), Ok(Some(0))]);
        assert!(of("many").is_err());
    }
}
