//! From what the user names to what can be run.
//!
//! A shim of pyenv or asdf is a shell script that looks for an interpreter and executes it: what it finds is run instead, because a
//! shell and its helpers are not what is to be measured. A path that is no script is kept as it is, because a virtual
//! environment is known by the path of its interpreter.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// The oldest version whose executors and whose lock are known, as (major, minor).
pub const OLDEST: (u32, u32) = (3, 8);
/// What an interpreter is asked. Also for Python 2, which shall be refused in our words and not in its own.
const QUESTION: &str = "\
import json, sys
i = getattr(sys, 'implementation', None)
print('\\n' + json.dumps({'executable': sys.executable or '', 'version': sys.version.split()[0],
    'major': sys.version_info[0], 'minor': sys.version_info[1], 'name': i.name if i else 'cpython'}))";

/// Why an interpreter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// It is nowhere.
    #[error("python: there is no {} {place}", python.display())]
    Missing {
        /// As the user names it.
        python: PathBuf,
        /// Where it was looked for.
        place: String,
    },
    /// It cannot be run.
    #[error("python: cannot run {}: {error}", path.display())]
    Run {
        /// It.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is not a Python, or a broken one.
    #[error("python: {} does not answer like an interpreter: {said}", path.display())]
    Mute {
        /// It.
        path: PathBuf,
        /// What it says.
        said: String,
    },
    /// Too old.
    #[error(
        "python: {} is Python {version}; versions before 3.8 are not supported, because their executors and their lock are not \
         those that are accounted for here",
        path.display()
    )]
    Old {
        /// It.
        path: PathBuf,
        /// What it is.
        version: String,
    },
    /// Another implementation.
    #[error("python: {} is {name}; what its threads wait for is not known here, only CPython's lock is", path.display())]
    Other {
        /// It.
        path: PathBuf,
        /// What it is.
        name: String,
    },
}

/// An interpreter that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is to be run.
    pub executable: PathBuf,
    /// `3.11.2`
    pub version: String,
}

#[derive(Debug, Deserialize)]
struct Said {
    executable: PathBuf,
    version: String,
    major: u32,
    minor: u32,
    name: String,
}

/// Finds what is to be run for an interpreter.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn find(python: &Path) -> Result<Found, InterpreterError> {
    let path = located(python)?;
    let said = ask(&path)?;
    if said.name != "cpython" {
        return Err(InterpreterError::Other { path, name: said.name });
    }
    if (said.major, said.minor) < OLDEST {
        return Err(InterpreterError::Old { path, version: said.version });
    }
    let executable = if is_script(&path) { behind(&said).unwrap_or(path) } else { path };
    Ok(Found { executable, version: said.version })
}

/// A path as it is, and a name wherever PATH has it.
fn located(python: &Path) -> Result<PathBuf, InterpreterError> {
    let missing = |place: String| InterpreterError::Missing { python: python.to_owned(), place };
    if python.components().count() > 1 {
        return if is_program(python) { Ok(python.to_owned()) } else { Err(missing("that can be run".to_owned())) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(python)).find(|it| is_program(it));
    found.ok_or_else(|| missing(format!("in the PATH {}", path.to_string_lossy())))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"#!"
}

/// What a script executes, if that is the same interpreter when it is run by itself.
fn behind(said: &Said) -> Option<PathBuf> {
    let alone = Some(&said.executable).filter(|it| it.is_absolute() && is_program(it) && !is_script(it))?;
    let again = ask(alone).ok()?;
    (again.version == said.version && again.executable == said.executable).then(|| alone.clone())
}

fn ask(path: &Path) -> Result<Said, InterpreterError> {
    let output = Command::new(path).args(["-c", QUESTION]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| InterpreterError::Run { path: path.to_owned(), error })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    serde_json::from_str(last).map_err(|_| InterpreterError::Mute {
        path: path.to_owned(),
        said: match String::from_utf8_lossy(&output.stderr).trim() {
            "" => format!("{}, and no answer", output.status),
            said => said.chars().take(2_000).collect(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A program that says what an interpreter would.
    fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    fn says(executable: &str, version: &str, minor: u32, name: &str) -> String {
        format!(
            "echo chatter; echo '{{\"executable\": \"{executable}\", \"version\": \"{version}\", \"major\": 3, \"minor\": {minor}, \
             \"name\": \"{name}\"}}'"
        )
    }

    fn refused(python: &Path, expected: &str) {
        let error = find(python).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        refused(&folder.join("absent"), "that can be run");
        refused(Path::new("no-such-python"), "python: there is no no-such-python in the PATH");
        refused(
            &script(folder, "mute", "echo no interpreter >&2; exit 3"),
            "does not answer like an interpreter: no interpreter",
        );
        refused(&script(folder, "old", &says("/x", "3.7.16", 7, "cpython")), "is Python 3.7.16; versions before 3.8");
        refused(&script(folder, "other", &says("/x", "3.10.1", 10, "pypy")), "is pypy");
    }

    #[test]
    fn a_script_whose_interpreter_cannot_be_run_alone_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = script(folder.path(), "python", &says("/nowhere/python", "3.14.1", 14, "cpython"));
        assert_eq!(find(&path).unwrap(), Found { executable: path, version: "3.14.1".to_owned() });
    }
}
