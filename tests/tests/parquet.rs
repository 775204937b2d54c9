//! What our Parquet is to other people's readers: pyarrow, pandas, polars and DuckDB have to see the figures of the
//! table, the types, and null where nothing was measured.
//!
//! The readers are installed once into the target folder. Where they cannot be had, the test says so and why.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use gild_model::run::Run;
use gild_tests::lab::Lab;
use gild_tests::program::{self, Ran};
use gild_tests::{python, skipped};

/// A world with an exported run, or why there is no reader for it.
struct Exported {
    lab: Lab,
    run: Run,
    python: Result<std::path::PathBuf, String>,
}

impl Exported {
    fn new() -> Exported {
        let python = python::with_readers();
        let lab = Lab::new();
        let line = ["run", "cpu-bound", "--param", "n=12", "--tasks", "20", "--workers", "3", "--lock", "cpython,none"];
        let run = lab.gilctl(&[&line[..], &["--repeat", "2", "--json"]].concat()).well().json();
        for format in ["parquet", "csv", "jsonl"] {
            let file = format!("run.{format}");
            lab.gilctl(&["export", "1", "--format", format, "-o", &file]).well();
        }
        Exported { lab, run, python }
    }

    /// Runs a script where the exported files lie; `None`: there are no readers.
    fn read(&self, what: &str, script: &str) -> Option<Ran> {
        match &self.python {
            Ok(python) => Some(program::run(self.lab.command(python).args(["-c", script])).well()),
            Err(why) => {
                skipped(what, why);
                None
            }
        }
    }

    /// The script prints the workers' wall time by case and phase as JSON; it has to be what the table was made from.
    fn check(&self, what: &str, script: &str) {
        let Some(ran) = self.read(what, script) else { return };
        let read: BTreeMap<String, BTreeMap<String, u64>> = ran.json();
        assert_eq!(read.len(), self.run.summary.cases.len(), "{ran}");
        for case in &self.run.summary.cases {
            let (shares, phases) = (case.workers.as_ref().unwrap(), &read[&case.case.name]);
            let life_ns: u64 = phases.values().sum();
            let share =
                |names: &[&str]| names.iter().filter_map(|name| phases.get(*name)).sum::<u64>() as f64 / life_ns as f64;
            assert_eq!(life_ns, shares.life_ns, "{what}, {}", case.case.name);
            assert_eq!(share(&["compute"]), shares.compute);
            assert_eq!(share(&["lock-wait", "switch-wait"]), shares.lock_wait);
            assert_eq!(share(&["encode", "decode"]), shares.serialize);
            assert_eq!(share(&["send", "receive"]), shares.transfer);
            assert_eq!(share(&["idle"]), shares.idle);
        }
    }
}

#[test]
fn pandas_sees_the_figures_of_the_table() {
    Exported::new().check(
        "pandas",
        r#"
import json, pandas
t = pandas.read_parquet("run.parquet", engine="pyarrow")
t = t[t.role == "worker"]
sums = {case: {phase: int(ns) for phase, ns in of.groupby("phase").wall_ns.sum().items()} for case, of in t.groupby("case")}
print(json.dumps(sums))
"#,
    );
}

#[test]
fn polars_sees_the_figures_of_the_table() {
    Exported::new().check(
        "polars",
        r#"
import json, polars
t = polars.read_parquet("run.parquet").filter(polars.col("role") == "worker")
sums = {}
for case, phase, ns in t.group_by("case", "phase").agg(polars.col("wall_ns").sum()).iter_rows():
    sums.setdefault(case, {})[phase] = ns
print(json.dumps(sums))
"#,
    );
}

#[test]
fn duckdb_sees_the_figures_of_the_table() {
    Exported::new().check(
        "duckdb",
        r#"
import json, duckdb
rows = duckdb.sql("""SELECT "case", phase, sum(wall_ns) FROM 'run.parquet' WHERE role = 'worker' GROUP BY ALL""").fetchall()
sums = {}
for case, phase, ns in rows:
    sums.setdefault(case, {})[phase] = int(ns)
print(json.dumps(sums))
"#,
    );
}

#[test]
fn types_and_nulls_are_what_the_documentation_says() {
    let exported = Exported::new();
    let script = r#"
import csv, json, pyarrow, pyarrow.parquet
t = pyarrow.parquet.read_table("run.parquet")
rows = t.to_pylist()
lines = [json.loads(line) for line in open("run.jsonl")]
assert rows == lines, "Parquet and JSON lines differ"
with open("run.csv", newline="") as file:
    text = list(csv.DictReader(file))
assert len(text) == len(rows) and list(text[0]) == t.column_names
for told, row in zip(text, rows):
    for name, value in row.items():
        shown = {None: "", True: "true", False: "false"}.get(value, value) if value is None or isinstance(value, bool) else value
        assert told[name] == str(shown) or float(told[name]) == value, (name, told[name], value)
assert all(row["lock"] is None for row in rows if row["model"] != "threads"), "no lock outside threads"
assert all(row["lock"] is not None for row in rows if row["model"] == "threads")
metadata = pyarrow.parquet.read_metadata("run.parquet").metadata
for name in ["wall_ns", "phase", "open"]:
    assert metadata[b"gild:" + name.encode()], name
print(json.dumps({field.name: str(field.type) for field in t.schema}))
"#;
    let Some(ran) = exported.read("types", script) else { return };
    let types: BTreeMap<String, String> = ran.json();
    let documented = std::fs::read_to_string(gild_tests::binaries::repository().join("docs/exports.md")).unwrap();
    let table = documented.split("<!-- columns: start -->").nth(1).unwrap();
    let table = table.split("<!-- columns: end -->").next().unwrap();
    let mut count = 0;
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let expected = match cells[2] {
            "integer" => "int64",
            "number" => "double",
            "text" => "string",
            "boolean" => "bool",
            other => panic!("docs/exports.md has the type {other}"),
        };
        assert_eq!(types.get(cells[1]).map(String::as_str), Some(expected), "{}", cells[1]);
        count += 1;
    }
    assert!(count >= 30, "docs/exports.md has {count} columns");
}
