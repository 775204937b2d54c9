//! Arguments of `run` for a function in Python.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// The kernel, when WHAT is `module:function`.
#[derive(Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Python (for WHAT like mymodule:func)")]
pub struct PythonArguments {
    /// Interpreters: names in PATH or paths, such as ~/venv/bin/python; several make a case of each [default: python3]
    #[arg(long = "python", value_name = "P,…", value_delimiter = ',', value_hint = ValueHint::CommandName)]
    pub interpreters: Vec<PathBuf>,
    /// The arguments of every task, as a JSON array, such as '[30, 4]' [default: none]
    #[arg(long, value_name = "JSON", conflicts_with_all = ["inputs_file", "inputs_from"])]
    pub args: Option<String>,
    /// A file with the arguments of each task, a JSON array per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "inputs_from")]
    pub inputs_file: Option<PathBuf>,
    /// A generator function that gives a tuple of arguments per task
    #[arg(long, value_name = "MODULE:FUNC")]
    pub inputs_from: Option<String>,
    /// A function that is called once in every worker process and interpreter before tasks
    #[arg(long, value_name = "MODULE:FUNC")]
    pub setup: Option<String>,
    /// A folder in front of sys.path, where the working folder is as well; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub path: Vec<PathBuf>,
    /// Equal inputs may give different results: do not compare them
    #[arg(long)]
    pub not_deterministic: bool,
}
