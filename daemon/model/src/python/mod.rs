//! A kernel that is a function in Python: what is called, with which inputs, by which interpreters.
//!
//! ```toml
//! [python]
//! call = "mymodule:func"          # or "package.module:object.method"
//! interpreter = "python3"         # optional; a case may name its own with the key `python`
//! path = ["src"]                  # optional: folders in front of sys.path; relative ones start from the file's folder
//! folder = "."                    # optional: the trials' working folder, in sys.path as well; the file's own otherwise
//! setup = "mymodule:setup"        # optional: called once in every worker process and interpreter before tasks
//! args = [30]                     # the arguments of every task (a text with JSON, for null: '[null]'),
//! tasks = 100                     # of which there are so many; default 1
//! inputs = [[30], [31]]           # or: the arguments of each task
//! inputs_file = "inputs.jsonl"    # or: a file with a JSON array per line
//! inputs_from = "mymodule:inputs" # or: a generator function that gives tuples
//! deterministic = false           # optional: results of equal inputs may differ; default true
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`mod@file`] | the table `[python]` of an experiment's file |
//! | [`cases`] | the choices that a case in Python has a use for, and telling interpreters apart in names |

pub mod cases;
pub mod file;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::Case;

/// The interpreter of an experiment that names none.
pub const INTERPRETER_DEFAULT: &str = "python3";
/// Most tasks of a trial.
pub const TASKS_MAX: u32 = 1 << 20;

/// A kernel in Python.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonKernel {
    /// What a task calls: `module:function`.
    pub call: String,
    /// What is called once in every worker process and interpreter before tasks: `module:function`.
    pub setup: Option<String>,
    /// Folders in front of `sys.path`, absolute.
    pub path: Vec<PathBuf>,
    /// The working folder of the trials, absolute; it is in `sys.path`, behind `path`.
    pub folder: PathBuf,
    /// The arguments of the tasks.
    pub inputs: Inputs,
    /// Whether equal inputs give equal results, which are then compared.
    pub deterministic: bool,
    /// The interpreters of the cases, as the daemon found them when it accepted the run; what a client says here is not used.
    #[serde(default)]
    pub interpreters: Vec<Interpreter>,
}

/// Where the arguments of the tasks come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Inputs {
    /// The same for all tasks.
    Same {
        /// The arguments.
        args: Vec<Value>,
        /// Number of tasks.
        tasks: u32,
    },
    /// One list of arguments per task.
    Each(Vec<Vec<Value>>),
    /// A file with a JSON array per line, absolute.
    File(PathBuf),
    /// A generator function, `module:function`, that gives a tuple per task.
    From(String),
}

/// An interpreter, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpreter {
    /// As the cases name it.
    pub python: PathBuf,
    /// What is run for it: a script that only starts another interpreter is resolved.
    pub executable: PathBuf,
    /// `CPython`.
    pub implementation: String,
    /// `3.11.2`.
    pub version: String,
    /// Whether its global lock is on.
    pub gil: bool,
}

impl Interpreter {
    /// `CPython 3.11.2, GIL`
    pub fn in_words(&self) -> String {
        let lock = if self.gil { "GIL" } else { "free-threaded, no GIL" };
        format!("{} {}, {lock}", self.implementation, self.version)
    }
}

impl PythonKernel {
    /// Checks what types cannot, together with the cases.
    ///
    /// # Errors
    /// The offending key and what it may be.
    pub fn check(&self, cases: &[Case]) -> Result<(), String> {
        check_call("call", &self.call)?;
        self.setup.as_deref().map_or(Ok(()), |setup| check_call("setup", setup))?;
        for folder in self.path.iter().chain([&self.folder]) {
            check_absolute("path", folder)?;
        }
        match &self.inputs {
            Inputs::Same { tasks, .. } if !(1..=TASKS_MAX).contains(tasks) => {
                Err(format!("python.tasks: {tasks} is not in 1..={TASKS_MAX}"))
            }
            Inputs::Each(inputs) if !(1..=TASKS_MAX as usize).contains(&inputs.len()) => {
                Err(format!("python.inputs: {} are not in 1..={TASKS_MAX}", inputs.len()))
            }
            Inputs::File(path) => check_absolute("inputs_file", path),
            Inputs::From(generator) => check_call("inputs_from", generator),
            _ => Ok(()),
        }?;
        match cases.iter().find(|case| case.python.is_none()) {
            Some(case) => Err(format!("case \"{}\": python: is missing; it needs an interpreter", case.name)),
            None => Ok(()),
        }
    }

    /// The interpreter of a case, if the daemon has looked at it.
    pub fn interpreter_of(&self, case: &Case) -> Option<&Interpreter> {
        self.interpreters.iter().find(|it| Some(&it.python) == case.python.as_ref())
    }
}

fn check_absolute(key: &str, path: &Path) -> Result<(), String> {
    match path.is_absolute() {
        true => Ok(()),
        false => Err(format!("python.{key}: {} is not an absolute path", path.display())),
    }
}

/// Whether a word has the form `module:function`, which no file and no plugin's kernel has.
pub fn is_call(word: &str) -> bool {
    let names = |text: &str| !text.is_empty() && text.split('.').all(is_name);
    word.split_once(':').is_some_and(|(module, object)| names(module) && names(object))
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|it| it.is_alphabetic() || it == '_')
        && letters.all(|it| it.is_alphanumeric() || it == '_')
}

fn check_call(key: &str, word: &str) -> Result<(), String> {
    match is_call(word) {
        true => Ok(()),
        false => Err(format!(
            "python.{key}: expected MODULE:FUNCTION, such as mymodule:func; found \"{word}\" (a function that has no name \
             in its module, such as a lambda, cannot be found by other processes)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_a_module_and_something_in_it() {
        for call in ["m:f", "package.module:Class.method", "_m1:_f2", "größe:maß"] {
            assert!(is_call(call), "{call}");
        }
        for other in ["m", "m:", ":f", "m:f()", "m/n:f", "m:<lambda>", "a:b:c", "1m:f", "m.:f", "m: f"] {
            assert!(!is_call(other), "{other}");
        }
    }

    #[test]
    fn an_interpreter_says_whether_it_has_the_lock() {
        let it = Interpreter {
            python: "python3".into(),
            executable: "/usr/bin/python3".into(),
            implementation: "CPython".to_owned(),
            version: "3.11.2".to_owned(),
            gil: true,
        };
        assert_eq!(it.in_words(), "CPython 3.11.2, GIL");
        assert_eq!(Interpreter { gil: false, ..it }.in_words(), "CPython 3.11.2, free-threaded, no GIL");
    }
}
