//! Readers of other people: Python with pandas, polars, pyarrow and DuckDB, to see what our Parquet is to them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binaries::binaries;
use crate::program;

/// What is installed.
const PACKAGES: [&str; 4] = ["duckdb", "pandas", "polars", "pyarrow"];

/// A Python that can read Parquet, in a folder of its own beside the programs; it is made the first time, which takes
/// the network, and kept.
///
/// # Errors
/// There is no Python, or the packages cannot be had here.
pub fn with_readers() -> Result<PathBuf, String> {
    let folder = binaries().folder.join("python-readers");
    let python = folder.join("bin/python");
    if imports(&python) {
        return Ok(python);
    }
    let venv = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).output();
    match venv {
        Err(error) => return Err(format!("there is no python3: {error}")),
        Ok(output) if !output.status.success() => {
            return Err(format!("python3 -m venv: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(_) => {}
    }
    let ran = program::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"])
            .args(["--retries", "1", "--timeout", "20"])
            .args(PACKAGES),
    );
    if ran.code != 0 {
        return Err(format!("the packages cannot be installed: {}", ran.stderr.trim()));
    }
    match imports(&python) {
        true => Ok(python),
        false => Err(format!("{} were installed and cannot be imported", PACKAGES.join(", "))),
    }
}

fn imports(python: &Path) -> bool {
    let line = format!("import {}", PACKAGES.join(", "));
    python.is_file() && Command::new(python).args(["-c", &line]).output().is_ok_and(|output| output.status.success())
}
