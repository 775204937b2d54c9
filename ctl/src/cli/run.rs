//! Arguments of `run`: what to run, and the cases of a kernel.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use gild_model::case::{CounterScope, Dispatch, LockPolicy, Model, Pinning, Start, Transport};
use gild_model::experiment::ParamValue;

use super::{PythonArguments, share};

/// Arguments of `run`.
#[derive(Debug, Default, Args)]
pub struct RunArguments {
    /// An experiment's TOML file, the name of a kernel, or a function in Python: MODULE:FUNCTION
    #[arg(value_name = "WHAT", value_hint = ValueHint::AnyPath)]
    pub what: OsString,
    /// Print the run's number and return at once
    #[arg(long, conflicts_with = "json")]
    pub detach: bool,
    /// Print the finished run as JSON
    #[arg(long)]
    pub json: bool,
    /// Settings that a file has as well; given here, they win.
    #[command(flatten)]
    pub overrides: Overrides,
    /// The cases, when WHAT is a kernel.
    #[command(flatten)]
    pub cases: CaseArguments,
    /// The kernel, when WHAT is a function in Python.
    #[command(flatten)]
    pub python: PythonArguments,
}

/// Settings that a file has as well.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Experiment (wins over a file)")]
pub struct Overrides {
    /// Library that holds the kernel [default: looked up in the daemon's plugin path]
    #[arg(long, value_name = "LIB", value_hint = ValueHint::FilePath)]
    pub plugin: Option<PathBuf>,
    /// A parameter of the kernel; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub params: Vec<(String, ParamValue)>,
    /// Number of tasks: short for --param tasks=N; of a function in Python, calls with the same --args
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub tasks: Option<i64>,
    /// Trials per case that count [default: 5]
    #[arg(long, value_name = "N")]
    pub repeat: Option<u32>,
    /// Repeat until the interval of every case is this narrow, such as 1% (±); --repeat is the least number
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub until: Option<f64>,
    /// Most trials per case, with --until [default: 100]
    #[arg(long, value_name = "N")]
    pub repeat_max: Option<u32>,
    /// Repeat no more when the run has lasted this long, with --until, in seconds
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub until_limit: Option<f64>,
    /// Trials per case that are run first and dropped [default: 1]
    #[arg(long, value_name = "N")]
    pub warmups: Option<u32>,
    /// How often counters are read at most: phase, task or trial [default: phase]
    #[arg(long, value_name = "SCOPE")]
    pub counters: Option<CounterScope>,
    /// Most that reading counters may cost, as a share of a worker's time; beyond it they are read less often
    /// [default: 0.005]
    #[arg(long, value_name = "SHARE")]
    pub max_overhead: Option<f64>,
    /// Changes of phase kept of each worker for its timeline, in the first trial of each case that counts; 0: none
    /// [default: 16384]
    #[arg(long, value_name = "N")]
    pub timeline: Option<u32>,
    /// Longest time for one task, in seconds [default: the daemon's]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub task_limit: Option<f64>,
    /// Longest time for one trial, in seconds [default: the daemon's]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub trial_limit: Option<f64>,
    /// Name of the experiment [default: the file's stem, or the kernel's name]
    #[arg(long)]
    pub name: Option<String>,
}

/// The cases of an experiment from the command line.
#[derive(Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Cases (for a kernel); several values make a case of each")]
pub struct CaseArguments {
    /// Execution models: sequential, threads, processes, event-loop (or asyncio), subinterpreters, hybrid
    /// [default: sequential,threads,processes]
    #[arg(long = "model", value_name = "M,…", value_delimiter = ',')]
    pub models: Vec<Model>,
    /// Numbers of workers [default: one per core]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub workers: Vec<NonZeroU32>,
    /// Tasks in flight at once, for event-loop [default in Python: --workers, else all]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub in_flight: Vec<NonZeroU32>,
    /// Workers of each process, for hybrid; --workers counts all of them
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub threads_per_process: Vec<NonZeroU32>,
    /// Lock policies, for threads and hybrid: cpython, cpython2, fair, none [default: cpython]
    #[arg(long = "lock", value_name = "L,…", value_delimiter = ',')]
    pub locks: Vec<LockPolicy>,
    /// Switch intervals of the lock policies cpython and fair, in microseconds [default: 5000]; in Python that of
    /// sys.setswitchinterval
    #[arg(long = "interval-us", visible_alias = "switch-interval", value_name = "US,…", value_delimiter = ',')]
    pub intervals_us: Vec<u64>,
    /// Safe points between two releases of the lock policy cpython2 [default: 100]
    #[arg(long = "check-interval", value_name = "N,…", value_delimiter = ',')]
    pub check_intervals: Vec<u32>,
    /// Start methods, for processes and hybrid: fork, spawn; in Python forkserver, too [default: fork]
    #[arg(long = "start", value_name = "S,…", value_delimiter = ',')]
    pub starts: Vec<Start>,
    /// Transports, for processes, hybrid and subinterpreters: pipe, socketpair, shm
    /// [default: pipe; shm for subinterpreters]
    #[arg(long = "transport", value_name = "T,…", value_delimiter = ',')]
    pub transports: Vec<Transport>,
    /// How tasks get to several workers: shared, per-worker [default: shared]
    #[arg(long = "dispatch", value_name = "D,…", value_delimiter = ',')]
    pub dispatches: Vec<Dispatch>,
    /// Tasks that are dealt out to a worker at once [default: 1]; in Python the chunksize of processes
    #[arg(long = "chunk", value_name = "N,…", value_delimiter = ',')]
    pub chunks: Vec<NonZeroU32>,
    /// A parameter of the kernel with several values: every case is run with each of them; may be repeated
    #[arg(long = "sweep", value_name = "NAME=VALUE,…", value_parser = sweep)]
    pub sweeps: Vec<(String, Vec<ParamValue>)>,
    /// Cores of the workers: none, compact, scatter, or a list such as 0,2 [default: none]
    #[arg(long, value_name = "P")]
    pub pinning: Option<Pinning>,
}

fn parameter(text: &str) -> Result<(String, ParamValue), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), ParamValue::from_argument(value))),
        _ => Err("expected NAME=VALUE, such as n=30".to_owned()),
    }
}

fn sweep(text: &str) -> Result<(String, Vec<ParamValue>), String> {
    match text.split_once('=') {
        Some((name, values)) if !name.is_empty() && !values.is_empty() => {
            Ok((name.to_owned(), values.split(',').map(ParamValue::from_argument).collect()))
        }
        _ => Err("expected NAME=VALUE,…, such as n=10,20,30".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_a_name_and_a_value() {
        assert_eq!(parameter("n=30"), Ok(("n".to_owned(), ParamValue::Int(30))));
        assert_eq!(parameter("text=a=b"), Ok(("text".to_owned(), ParamValue::Text("a=b".to_owned()))));
        assert!(parameter("n").is_err() && parameter("=3").is_err());
        let values = vec![ParamValue::Int(10), ParamValue::Float(0.5), ParamValue::Text("x".to_owned())];
        assert_eq!(sweep("n=10,0.5,x"), Ok(("n".to_owned(), values)));
        assert!(sweep("n").is_err() && sweep("n=").is_err() && sweep("=3").is_err());
    }
}
