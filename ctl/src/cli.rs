//! The command line.

mod export;
mod python;
mod report;
mod run;
mod runs;
mod top;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use gild_model::run::RunId;

use crate::accuracy::options::AccuracyOptions;
use crate::error::Exit;
use crate::launch::SESSION_COMMAND;
pub use export::{ExportArguments, ExportFormat, ExportTable, Format, TimelineFormat};
pub use python::PythonArguments;
pub use report::ReportArguments;
pub use run::{CaseArguments, Overrides, RunArguments};
pub use runs::{LsArguments, NoteArguments, PruneArguments, SqlArguments, TagArguments};
pub use top::TopArguments;

/// Run a piece of work under several execution models and see where the time of every worker went.
#[derive(Debug, Parser)]
#[command(name = "gilctl", version, max_term_width = 100, after_help = exit_codes())]
pub struct Options {
    /// Which daemon.
    #[command(flatten)]
    pub daemon: DaemonOptions,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

fn exit_codes() -> String {
    let lines: Vec<_> = Exit::ALL.iter().map(|(exit, meaning)| format!("  {:>3}  {meaning}", *exit as u8)).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// Which daemon a command talks to, and how one is started where none listens.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Daemon")]
pub struct DaemonOptions {
    /// Socket of the daemon [default: $XDG_RUNTIME_DIR/gild/gild.sock, else /tmp/gild-UID/gild.sock]
    #[arg(long, global = true, env = "GILD_SOCKET", hide_env_values = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub socket: Option<PathBuf>,
    /// Store of a daemon started here [default: its configuration's, else $XDG_DATA_HOME/gild/gild.db]
    #[arg(long, global = true, env = "GILD_STORE", hide_env_values = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub store: Option<PathBuf>,
    /// Configuration of a daemon started here [default: $XDG_CONFIG_HOME/gild/gild.toml, if it is there]
    #[arg(long, global = true, env = "GILD_CONFIG", hide_env_values = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Log of a daemon started here [default: $XDG_STATE_HOME/gild/gild.log]
    #[arg(long, global = true, env = "GILD_LOG", hide_env_values = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    /// Do not start a daemon where none listens
    #[arg(long, global = true)]
    pub no_start: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an experiment and show where the time went
    ///
    /// WHAT is a TOML file (anything that exists or ends in .toml) or the name of a kernel. For a kernel, every
    /// model is combined with every number of workers, lock policy, start method and transport that it has a use for.
    Run(Box<RunArguments>),
    /// Record a program as it is: where the time of each of its threads and processes goes
    ///
    /// Every thread and every child process, in unmodified code, is accounted for: computing, waiting for Python's
    /// interpreter lock, for other locks, for input and output. The accounts are shown on standard error and kept as a
    /// run; the exit code is the command's. docs/record.md says what is measured and what is not.
    Record(crate::commands::record::RecordArguments),
    /// List runs, newest first
    Ls(LsArguments),
    /// Show a run: where the time went
    Show(ShowArguments),
    /// Say which case of a run to use and why, what bounds each one, how it scales, and what to try next
    ///
    /// Ends with exit code 8 if there is not enough evidence. docs/advice.md has every rule.
    Advise(AdviseArguments),
    /// Compare a run with an earlier one, case by case: faster, slower or a tie
    ///
    /// Cases are matched by name. Ends with exit code 6 if a case became slower, and with 2 if there is nothing
    /// to be said of a case that both runs have.
    Compare(CompareArguments),
    /// Write a run, or two side by side, as one HTML file to look at: figures, bars, timelines, curves
    ///
    /// The file needs no network and no other file. docs/report.md explains what is in it.
    Report(ReportArguments),
    /// Follow a run to its end, then show it
    Watch(WatchArguments),
    /// Watch the run in progress on a terminal screen: a bar per worker, rates, who has the lock
    ///
    /// Without RUN: whatever is in progress, one run after the other. Watching costs the workers nothing to speak of; docs/top.md
    /// explains the screen. Keys: q quits, ? explains.
    Top(TopArguments),
    /// Cancel a run; what was measured is kept
    Cancel(CancelArguments),
    /// Remove runs from the store
    Rm(RmArguments),
    /// Put tags on runs, or take them off: words to find them by
    ///
    /// Runs with a tag are kept by `gilctl prune` and by the daemon's retention.
    Tag(TagArguments),
    /// Note something of a run
    Note(NoteArguments),
    /// Remove old runs and give their room back to the file system
    ///
    /// Says which and asks before it does. Runs that are waiting or running stay, and so do those with a tag. With --keep
    /// and --older-than, a run goes if it is neither among the newest nor young.
    Prune(PruneArguments),
    /// Ask the store in SQL
    ///
    /// One statement that reads, over the views that --schema lists; docs/analysis.md has examples.
    Sql(SqlArguments),
    /// Write the figures of a run as a table, or its timelines for a trace viewer
    ///
    /// Tables (csv, jsonl, parquet) have the accounts, one row per case, repetition, worker and phase, or what --table names.
    /// Timelines (perfetto, chrome, firefox) show who did what when. docs/exports.md describes every column and track.
    Export(ExportArguments),
    /// Show plugins and their kernels
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Show what this machine can measure, why not more, and what to type
    ///
    /// With --accuracy: hold gild's figures against truths that do not come from gild, figure by figure; takes about a
    /// minute and ends with exit code 7 if one is off by more than its goal. docs/accuracy.md explains every row.
    Doctor(DoctorArguments),
    /// Control the daemon
    #[command(subcommand)]
    Daemon(DaemonCommand),
    /// Print shell completions
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one page per command into a folder
    Man {
        /// Folder for the pages; created if it is missing
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
    /// Make a session of its own and become another program: how a daemon is started
    #[command(name = SESSION_COMMAND, hide = true)]
    InOwnSession {
        /// The program
        program: PathBuf,
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, Args)]
pub struct Json {
    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Measure how far gild's figures are off, here and now
    #[arg(long)]
    pub accuracy: bool,
    /// What is measured
    #[command(flatten)]
    pub options: AccuracyOptions,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The run's number, or `last`
    pub run: RunSelector,
    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
    /// One row per worker and trial instead of one per case
    #[arg(long, group = "what")]
    pub workers: bool,
    /// One row per trial instead of one per case
    #[arg(long, group = "what")]
    pub trials: bool,
    /// How long tasks waited and took: one row per case and class of tasks
    #[arg(long, group = "what")]
    pub tasks: bool,
    /// Who made whom wait for a lock, and which functions held Python's interpreter lock meanwhile
    #[arg(long, group = "what")]
    pub locks: bool,
    /// The experiment as TOML, to be run again
    #[arg(long, group = "what")]
    pub experiment: bool,
    /// A sentence, the coordinator and the classes of tasks of each case, however many there are
    #[arg(long, group = "what")]
    pub all: bool,
    /// Warm-ups too, with --workers, --trials or --locks
    #[arg(long, action = ArgAction::SetTrue)]
    pub warmups: bool,
}

/// Arguments of `advise`.
#[derive(Debug, Args)]
pub struct AdviseArguments {
    /// The run's number, or `last`
    pub run: RunSelector,
    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The run to compare with: its number, or `last`
    #[arg(value_name = "OLD")]
    pub old: RunSelector,
    /// The run to compare: its number, or `last`
    #[arg(value_name = "NEW")]
    pub new: RunSelector,
    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
    /// How much slower a case may become before it decides the exit code, such as 1% or 0.01
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0")]
    pub threshold: f64,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct WatchArguments {
    /// The run's number, or `last`
    pub run: RunSelector,
    /// Print the finished run as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `cancel`.
#[derive(Debug, Args)]
pub struct CancelArguments {
    /// The run's number, or `last`
    pub run: RunSelector,
    /// Print the run's head as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rm`.
#[derive(Debug, Args)]
pub struct RmArguments {
    /// The runs' numbers, or `last`
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<RunSelector>,
}

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List the plugins of the daemon's plugin path
    Ls(Json),
    /// Show one plugin: its kernels and their parameters
    Info {
        /// The name of a kernel, or a library (anything with a slash or that ends in .so)
        #[arg(value_name = "KERNEL-or-LIB", value_hint = ValueHint::AnyPath)]
        what: OsString,
        /// For people or for programs.
        #[command(flatten)]
        json: Json,
    },
}

/// What to do with the daemon.
#[derive(Debug, Subcommand)]
pub enum DaemonCommand {
    /// Start it, unless it runs
    Start,
    /// Stop it; a run in progress is interrupted, its finished trials are kept
    Stop,
    /// Show whether it runs (exit code 3 if not)
    Status(Json),
    /// Stop it and start it anew with the same store and configuration
    Restart,
}

/// A run as the user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunSelector {
    /// The newest.
    Last,
    /// By its number.
    Id(RunId),
}

impl std::str::FromStr for RunSelector {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<RunId>()) {
            ("last", _) => Ok(RunSelector::Last),
            (_, Ok(id)) if id >= 1 => Ok(RunSelector::Id(id)),
            _ => Err("expected the number of a run, or last".to_owned()),
        }
    }
}

/// A share of something: `1%`, `1 %` or `0.01`.
fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().map(|number| number / scale).ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a share of 0 to 1, such as 1% or 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_run_is_named_by_number_or_last() {
        assert_eq!("7".parse(), Ok(RunSelector::Id(7)));
        assert_eq!("last".parse(), Ok(RunSelector::Last));
        for text in ["0", "-1", "seven", ""] {
            assert!(text.parse::<RunSelector>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_a_percentage_or_a_number() {
        assert_eq!(["1%", "1 %", "0.01"].map(share), [Ok(0.01), Ok(0.01), Ok(0.01)]);
        for text in ["", "%", "-1%", "101%", "nan", "1.5", "one"] {
            assert!(share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_documentation_names_every_command() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        for command in Options::command().get_subcommands().filter(|it| !it.is_hide_set()) {
            let name = format!("`gilctl {}", command.get_name());
            assert!(documentation.contains(&name), "{path} does not name {name}`");
        }
    }

    #[test]
    fn the_documentation_names_every_option() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        let mut commands = vec![Options::command()];
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().filter(|it| !it.is_hide_set()).cloned());
            for option in command.get_arguments().filter_map(|it| it.get_long()) {
                assert!(documentation.contains(&format!("`--{option}")), "{path} does not name --{option}");
            }
        }
    }
}
