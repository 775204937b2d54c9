//! Arguments of `export`.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum, ValueHint};

use super::RunSelector;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The run's number, or `last`
    pub run: RunSelector,
    /// File format
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// What to write [default: accounts]; not for timelines
    #[arg(long, value_enum)]
    pub table: Option<ExportTable>,
    /// This case only; may be repeated [default: all]
    #[arg(long = "case", value_name = "NAME")]
    pub cases: Vec<String>,
    /// File to write; it appears when it is complete [default: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Warm-ups too
    #[arg(long)]
    pub warmups: bool,
}

/// A table of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportTable {
    /// Where the workers' time went: one row per case, repetition, worker and phase
    Accounts,
    /// How long tasks waited and took: one row per case, repetition and class of tasks
    Tasks,
    /// Who made whom wait for a lock: one row per case, repetition, lock, waiter and holder
    Waits,
    /// Functions that held Python's interpreter lock while others waited: one row per case, repetition and function
    Holders,
    /// When a worker was in which phase: one row per interval of the first trial of each case that counts
    Intervals,
}

/// A file format of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Rows.
    Table(Format),
    /// Timelines.
    Timeline(TimelineFormat),
}

/// A file format for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values with a head line; empty where not measured
    Csv,
    /// One JSON object per line; null where not measured
    Jsonl,
    /// Apache Parquet, compressed with zstd
    Parquet,
}

/// A file format for timelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimelineFormat {
    /// Timelines for ui.perfetto.dev: a Perfetto trace (protobuf)
    Perfetto,
    /// Timelines for chrome://tracing and whatever else reads Chrome's JSON (Trace Event Format)
    Chrome,
    /// Timelines for profiler.firefox.com: a processed profile (JSON)
    Firefox,
}

impl ExportFormat {
    /// Whether a terminal can show it.
    pub fn is_text(self) -> bool {
        !matches!(self, ExportFormat::Table(Format::Parquet) | ExportFormat::Timeline(TimelineFormat::Perfetto))
    }
}

impl ValueEnum for ExportFormat {
    fn value_variants<'a>() -> &'a [ExportFormat] {
        use ExportFormat::{Table, Timeline};
        const ALL: [ExportFormat; 6] = [
            Table(Format::Csv),
            Table(Format::Jsonl),
            Table(Format::Parquet),
            Timeline(TimelineFormat::Perfetto),
            Timeline(TimelineFormat::Chrome),
            Timeline(TimelineFormat::Firefox),
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            ExportFormat::Table(format) => format.to_possible_value(),
            ExportFormat::Timeline(format) => format.to_possible_value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_can_be_named() {
        let names = |all: Vec<Option<PossibleValue>>| -> Vec<String> {
            all.into_iter().map(|it| it.unwrap().get_name().to_owned()).collect()
        };
        let tables = Format::value_variants().iter().map(ValueEnum::to_possible_value);
        let timelines = TimelineFormat::value_variants().iter().map(ValueEnum::to_possible_value);
        let all = ExportFormat::value_variants().iter().map(ValueEnum::to_possible_value);
        assert_eq!(names(all.collect()), names(tables.chain(timelines).collect()));
    }
}
