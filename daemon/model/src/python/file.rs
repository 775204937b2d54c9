//! The table `[python]` of an experiment's file.

use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{INTERPRETER_DEFAULT, Inputs, PythonKernel};

/// The table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonFile {
    call: String,
    interpreter: Option<String>,
    #[serde(default)]
    path: Vec<PathBuf>,
    folder: Option<PathBuf>,
    setup: Option<String>,
    args: Option<OrJson<Vec<Value>>>,
    tasks: Option<u32>,
    inputs: Option<OrJson<Vec<Vec<Value>>>>,
    inputs_file: Option<PathBuf>,
    inputs_from: Option<String>,
    deterministic: Option<bool>,
}

/// A list, or the JSON of one in a text, which can hold null.
#[derive(Debug)]
struct OrJson<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrJson<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Value::deserialize(deserializer)? {
            Value::String(json) => serde_json::from_str(&json).map_err(D::Error::custom)?,
            value => value,
        };
        serde_json::from_value(value).map(OrJson).map_err(D::Error::custom)
    }
}

impl PythonFile {
    /// The kernel, with relative paths taken from the file's folder, and the interpreter of the cases that name none.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub fn complete(self, folder: &Path) -> Result<(PythonKernel, PathBuf), String> {
        let absolute = |path: &Path| {
            std::path::absolute(folder.join(path)).map_err(|error| format!("python: {}: {error}", path.display()))
        };
        let (args, inputs) = (self.args.map(|it| it.0), self.inputs.map(|it| it.0));
        let inputs = match (args, inputs, self.inputs_file, self.inputs_from) {
            (args, None, None, None) => Inputs::Same { args: args.unwrap_or_default(), tasks: self.tasks.unwrap_or(1) },
            (None, Some(inputs), None, None) => Inputs::Each(inputs),
            (None, None, Some(file), None) => Inputs::File(absolute(&file)?),
            (None, None, None, Some(generator)) => Inputs::From(generator),
            _ => {
                return Err(
                    "python: expected one of args, inputs, inputs_file and inputs_from, and only one".to_owned()
                );
            }
        };
        if self.tasks.is_some() && !matches!(inputs, Inputs::Same { .. }) {
            return Err("python.tasks: has no meaning where every task has inputs of its own".to_owned());
        }
        let path = self.path.iter().map(|it| absolute(it)).collect::<Result<_, _>>()?;
        let folder = absolute(&self.folder.unwrap_or_default())?;
        let interpreter = self.interpreter.unwrap_or_else(|| INTERPRETER_DEFAULT.to_owned()).into();
        let kernel = PythonKernel {
            call: self.call,
            setup: self.setup,
            path,
            folder,
            inputs,
            deterministic: self.deterministic.unwrap_or(true),
            interpreters: Vec::new(),
        };
        Ok((kernel, interpreter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Model, Start};
    use crate::experiment::{Experiment, parse};

    fn check(text: &str) -> Result<Experiment, String> {
        parse(text, Path::new("/lab/x.toml"))
    }

    fn refused(text: &str, expected: &str) {
        let error = check(text).unwrap_err();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    const CASES: &str =
        "[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'processes'\nworkers = 2\nstart = 'forkserver'\n";

    #[test]
    fn paths_start_from_the_files_folder() {
        let text = "[python]\ncall = 'm:f'\npath = ['src', '/opt']\nargs = [30, 'x', [1.5]]\ntasks = 100\n";
        let it = check(&format!("{text}{CASES}")).unwrap();
        assert_eq!(it.kernel, "m:f");
        let python = it.python.unwrap();
        assert_eq!((python.path, python.folder), (vec!["/lab/src".into(), "/opt".into()], "/lab".into()));
        let args = vec![30.into(), "x".into(), vec![1.5].into()];
        assert_eq!(python.inputs, Inputs::Same { args, tasks: 100 });
        assert_eq!((it.cases[1].model, it.cases[1].start), (Model::Processes, Some(Start::Forkserver)));
        assert!(it.cases.iter().all(|case| case.python.as_deref() == Some(Path::new("python3"))));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let python = |keys: &str| format!("[python]\ncall = 'm:f'\n{keys}\n{CASES}");
        refused(&python("args = [1]\ninputs = [[1]]"), "python: expected one of args, inputs");
        refused(&python("inputs = [[1]]\ntasks = 3"), "python.tasks: has no meaning");
        refused(&python("inputs = []"), "python.inputs: 0 are not in 1..=1048576");
        refused(&python("tasks = 0"), "python.tasks: 0 is not in");
        refused(&python("setup = 'x'"), "python.setup: expected MODULE:FUNCTION");
        refused(&format!("[python]\ncall = 'm:<lambda>'\n{CASES}"), "such as a lambda");
        refused(&format!("kernel = 'k'\n{}", python("")), "one of kernel and the table [python]");
        refused(CASES, "one of kernel and the table [python]");
        refused(&format!("param.n = 1\n{}", python("")), "param: a call in Python has none");
    }
}
