//! Makes the kernel of `module:function` on the command line, and finds the interpreters that an experiment names.

use std::path::{Path, PathBuf};

use gild_model::experiment::Experiment;
use gild_model::python::{INTERPRETER_DEFAULT, Inputs, PythonKernel};
use serde_json::Value;

use crate::cli::PythonArguments;
use crate::error::Error;

/// The kernel that a call and its options make.
pub fn kernel(call: &str, asked: &PythonArguments) -> Result<PythonKernel, Error> {
    Ok(PythonKernel {
        call: call.to_owned(),
        setup: asked.setup.clone(),
        path: asked.path.iter().map(|it| absolute(it)).collect::<Result<_, _>>()?,
        folder: std::env::current_dir().map_err(|source| Error::Setup { what: "the working folder", source })?,
        inputs: inputs(asked)?,
        deterministic: !asked.not_deterministic,
        interpreters: Vec::new(),
    })
}

/// The interpreters of a call, one case of each.
pub fn interpreters(asked: &PythonArguments) -> Vec<PathBuf> {
    if asked.interpreters.is_empty() { vec![INTERPRETER_DEFAULT.into()] } else { asked.interpreters.clone() }
}

fn inputs(asked: &PythonArguments) -> Result<Inputs, Error> {
    if let Some(file) = &asked.inputs_file {
        return Ok(Inputs::File(absolute(file)?));
    }
    if let Some(generator) = &asked.inputs_from {
        return Ok(Inputs::From(generator.clone()));
    }
    let args = asked.args.as_deref().map_or(Ok(Vec::new()), array)?;
    Ok(Inputs::Same { args, tasks: 1 })
}

fn array(text: &str) -> Result<Vec<Value>, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::Usage(format!("--args: expected a JSON array, such as '[30]' or '[\"text\", 1.5, null]': {error}"))
    })
}

/// Sets the number of tasks, where all have the same arguments.
pub fn set_tasks(kernel: &mut PythonKernel, number: i64) -> Result<(), Error> {
    let Inputs::Same { tasks, .. } = &mut kernel.inputs else {
        return Err(Error::Usage("--tasks has no meaning where every task has inputs of its own".to_owned()));
    };
    *tasks = u32::try_from(number).map_err(|_| Error::Usage(format!("--tasks: {number} is not a number of tasks")))?;
    Ok(())
}

/// Turns the interpreters of the cases into paths, as whoever typed them means them: `~` is the home folder, a name is looked
/// up in PATH, a relative path starts from `folder`. The daemon's own PATH and home are somebody else's.
pub fn locate(experiment: &mut Experiment, folder: &Path) -> Result<(), Error> {
    for case in &mut experiment.cases {
        if let Some(python) = &mut case.python {
            *python = located(python, folder)?;
        }
    }
    Ok(())
}

fn located(python: &Path, folder: &Path) -> Result<PathBuf, Error> {
    if let Ok(below) = python.strip_prefix("~")
        && let Some(home) = std::env::var_os("HOME")
    {
        return Ok(Path::new(&home).join(below));
    }
    if python.components().count() > 1 {
        return absolute(&folder.join(python));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(python)).find(|it| it.is_file());
    found.map_or_else(
        || {
            Err(Error::Usage(format!(
                "python: there is no {} in the PATH; --python names another one",
                python.display()
            )))
        },
        |it| absolute(&it),
    )
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::File { verb: "resolve", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_is_found_as_a_shell_would() {
        let lab = Path::new("/lab");
        assert_eq!(located(Path::new("venv/bin/python"), lab).unwrap(), Path::new("/lab/venv/bin/python"));
        assert_eq!(located(Path::new("/opt/python"), lab).unwrap(), Path::new("/opt/python"));
        assert!(located(Path::new("sh"), lab).unwrap().is_absolute(), "there is a shell in every PATH");
        let error = located(Path::new("no-such-python"), lab).unwrap_err().to_string();
        assert!(error.contains("there is no no-such-python in the PATH"), "{error}");
    }

    #[test]
    fn arguments_are_a_json_array() {
        let asked = |args: &str| PythonArguments { args: Some(args.to_owned()), ..PythonArguments::default() };
        let Inputs::Same { args, tasks } = inputs(&asked("[30, \"x\"]")).unwrap() else { panic!("they are the same") };
        assert_eq!((args, tasks), (vec![30.into(), "x".into()], 1));
        for wrong in ["30", "[30", "{}"] {
            assert!(inputs(&asked(wrong)).unwrap_err().to_string().contains("expected a JSON array"), "{wrong}");
        }
    }
}
