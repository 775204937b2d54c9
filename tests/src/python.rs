//! Readers of other people: Python with pandas, polars, pyarrow and DuckDB, to see what our Parquet is to them; with Perfetto's
//! definition of its traces and a validator of JSON schemas, to see what our timelines are; and with Prometheus's own parser of OpenMetrics
//! and Grafana's own types of dashboards, to see what our metrics are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::binaries::binaries;
use crate::program;

/// A set of packages in a folder of its own.
struct Readers {
    folder: &'static str,
    packages: &'static [&'static str],
    /// What is imported to see whether they are there.
    modules: &'static str,
}

const OF_TABLES: Readers = Readers {
    folder: "python-readers",
    packages: &["duckdb", "pandas", "polars", "pyarrow"],
    modules: "duckdb, pandas, polars, pyarrow",
};

const OF_TIMELINES: Readers = Readers {
    folder: "python-trace-readers",
    packages: &["jsonschema", "perfetto"],
    modules: "jsonschema, perfetto.protos.perfetto.trace.perfetto_trace_pb2",
};

const OF_METRICS: Readers = Readers {
    folder: "python-metrics-readers",
    packages: &["prometheus-client", "grafana-foundation-sdk"],
    modules: "prometheus_client.openmetrics.parser, grafana_foundation_sdk.models.dashboard",
};

/// A Python that can read Parquet, in a folder of its own beside the programs; it is made the first time, which takes
/// the network, and kept.
///
/// # Errors
/// There is no Python, or the packages cannot be had here.
pub fn with_readers() -> Result<PathBuf, String> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(|| OF_TABLES.get()).clone()
}

/// The same for what reads timelines: Perfetto's definition of its format, and JSON schemas.
///
/// # Errors
/// As [`with_readers`].
pub fn with_trace_readers() -> Result<PathBuf, String> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(|| OF_TIMELINES.get()).clone()
}

/// The same for the official client of Prometheus, which has a parser of OpenMetrics, and Grafana's own types.
///
/// # Errors
/// As [`with_readers`].
pub fn with_metrics_readers() -> Result<PathBuf, String> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(|| OF_METRICS.get()).clone()
}

impl Readers {
    /// Two tests of a program must not install at the same time: see the callers.
    fn get(&self) -> Result<PathBuf, String> {
        let folder = binaries().folder.join(self.folder);
        let python = folder.join("bin/python");
        if self.are_there(&python) {
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
                .args(self.packages),
        );
        if ran.code != 0 {
            return Err(format!("the packages cannot be installed: {}", ran.stderr.trim()));
        }
        match self.are_there(&python) {
            true => Ok(python),
            false => Err(format!("{} were installed and cannot be imported", self.packages.join(", "))),
        }
    }

    fn are_there(&self, python: &Path) -> bool {
        let line = format!("import {}", self.modules);
        let imported = || Command::new(python).args(["-c", &line]).output();
        python.is_file() && imported().is_ok_and(|output| output.status.success())
    }
}
