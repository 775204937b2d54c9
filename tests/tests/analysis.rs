//! The examples of docs/analysis.md, run as they stand against real runs: in SQL, pandas and polars, which have to agree.
//!
//! The readers are installed once into the target folder. Where they cannot be had, the test says so and why, and SQL alone
//! is run.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use gild_tests::binaries::repository;
use gild_tests::lab::Lab;
use gild_tests::{program, python, skipped};
use serde_json::Value;

/// Shares and ratios are rounded to four digits, by three libraries.
const ROUNDING: f64 = 2e-4;

type Row = BTreeMap<String, Value>;

/// A section of the page: its heading, and its blocks of code with their languages.
struct Section {
    heading: String,
    blocks: Vec<(String, String)>,
}

impl Section {
    /// The blocks of one language.
    fn code(&self, language: &str) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter(move |(it, _)| it == language).map(|(_, code)| code.as_str())
    }
}

fn sections() -> Vec<Section> {
    let page = std::fs::read_to_string(repository().join("docs/analysis.md")).unwrap();
    let section = |text: &str| {
        let (heading, rest) = text.split_once('\n').unwrap();
        let blocks = rest.split("\n```").skip(1).step_by(2);
        let block = |block: &str| block.split_once('\n').map(|(language, code)| (language.to_owned(), code.to_owned()));
        Section { heading: heading.to_owned(), blocks: blocks.map(|it| block(it).unwrap()).collect() }
    };
    page.split("\n## ").map(section).collect()
}

/// A world with the three runs that the page speaks of, and its files: two runs alike, and one whose workers share a core.
fn lab(preparations: &Section) -> Lab {
    let lab = Lab::new();
    let work = ["run", "cpu-bound", "--param", "n=16", "--tasks", "120", "--repeat", "3", "--name", "alike"];
    let cases = ["--model", "sequential,threads,processes", "--workers", "1,2,4"];
    for _ in 0..2 {
        lab.gilctl(&[&work[..], &cases].concat()).well();
    }
    let crowded = ["--model", "processes", "--workers", "4", "--pinning", "0"];
    lab.gilctl(&[&work[..9], &["crowded"], &crowded].concat()).well();
    lab.gilctl(&["tag", "1", "--add", "baseline"]).well();
    for line in preparations.code("sh").flat_map(str::lines) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "gilctl", "{line}");
        lab.gilctl(&words[1..]).well();
    }
    lab
}

fn in_sql(lab: &Lab, sql: &str) -> Vec<Row> {
    lab.gilctl(&["sql", "--json", sql]).well().json()
}

/// What a block of Python has in `result`, after it has printed it.
fn in_python(lab: &Lab, python: &std::path::Path, code: &str) -> Vec<Row> {
    let dump = "
import json, sys
rows = result.to_dict(\"records\") if hasattr(result, \"to_dict\") and hasattr(result, \"iloc\") else result.to_dicts()
clean = lambda it: None if it is None or it != it else it.item() if hasattr(it, \"item\") else it
print(\"\\0\" + json.dumps([{name: clean(value) for name, value in row.items()} for row in rows]))
";
    let ran = program::run(lab.command(python).args(["-c", &format!("{code}{dump}")])).well();
    let (printed, rows) = ran.stdout.split_once('\0').unwrap();
    assert!(printed.lines().count() >= 2, "the example prints no table: {ran}");
    serde_json::from_str(rows).unwrap_or_else(|error| panic!("{error}: {ran}"))
}

/// What both have has to be equal; columns that one of them lacks are named by the page.
#[track_caller]
fn agree(heading: &str, sql: &[Row], other: &[Row]) {
    assert_eq!(sql.len(), other.len(), "{heading}: {sql:#?} {other:#?}");
    for (left, right) in sql.iter().zip(other) {
        let mut common = 0;
        for (name, value) in right {
            let expected = &left[name];
            let equal = match (expected.as_f64(), value.as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() <= ROUNDING,
                _ => expected == value,
            };
            assert!(equal, "{heading}: {name}: {left:?} {right:?}");
            common += 1;
        }
        assert!(common >= 2, "{heading}: {right:?}");
    }
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].as_f64().unwrap_or_else(|| panic!("{column} is no number in {row:?}"))
}

/// What each answer has to be like, whatever the machine.
fn check(heading: &str, rows: &[Row]) {
    let is = |row: &Row, column: &str, text: &str| row[column].as_str() == Some(text);
    match heading {
        "Where did the time go, model by model?" => {
            for model in ["sequential", "threads", "processes"] {
                let shares = rows.iter().filter(|row| is(row, "model", model)).map(|row| number(row, "share"));
                assert!((shares.sum::<f64>() - 1.0).abs() < 0.002, "{model}: {rows:#?}");
            }
            let share = |model: &str, doing: &str| {
                let row = rows.iter().find(|row| is(row, "model", model) && is(row, "doing", doing));
                row.map_or(0.0, |row| number(row, "share"))
            };
            assert!(share("sequential", "compute") > 0.8, "one thread does little else: {rows:#?}");
            assert!(share("threads", "lock-wait") > 0.2 && share("processes", "lock-wait") == 0.0, "{rows:#?}");
        }
        "How does waiting for the lock grow with workers?" => {
            let workers: Vec<_> = rows.iter().map(|row| number(row, "workers")).collect();
            assert_eq!(workers, [1.0, 2.0, 4.0]);
            let waits: Vec<_> = rows.iter().map(|row| number(row, "lock_wait")).collect();
            assert!(waits[0] < 0.2 && waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
        }
        "How much faster is run 2 than run 1?" => {
            assert_eq!(rows.len(), 7);
            assert!(rows.iter().all(|row| (0.1..10.0).contains(&number(row, "ratio"))), "the same work: {rows:#?}");
        }
        "How long did a task take?" => {
            assert_eq!(rows.len(), 7 * 3);
            for row in rows {
                let [p50, p90, p99, max] = ["p50_us", "p90_us", "p99_us", "max_us"].map(|it| number(row, it));
                assert!(
                    number(row, "tasks") == 120.0 && 0.0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= max,
                    "{row:?}"
                );
            }
        }
        "In which runs did workers wait for a core?" => {
            let crowded = rows.iter().find(|row| number(row, "run") == 3.0);
            let crowded = crowded.unwrap_or_else(|| panic!("four workers shared a core: {rows:#?}"));
            assert!(number(crowded, "run_queue") > 0.3 && number(crowded, "known") > 0.5, "{crowded:?}");
        }
        "Runs by what was written on them" => {
            assert_eq!(rows.len(), 1);
            assert!(number(&rows[0], "run") == 1.0 && is(&rows[0], "run_name", "alike"), "{rows:#?}");
        }
        other => panic!("docs/analysis.md has a section that nothing is known of: {other}"),
    }
}

#[test]
fn the_examples_run_and_their_answers_make_sense_and_agree() {
    let sections = sections();
    let (preparations, examples) = sections.split_first().unwrap();
    let lab = lab(preparations);
    let python = python::with_readers();
    if let Err(why) = &python {
        skipped("the examples in Python", why);
    }
    assert!(examples.len() >= 6);
    for section in examples {
        let sql: Vec<_> = section.code("sql").collect();
        let [sql] = sql[..] else { panic!("{}: one question in SQL", section.heading) };
        let rows = in_sql(&lab, sql);
        check(&section.heading, &rows);
        let Ok(python) = &python else { continue };
        for code in section.code("python") {
            agree(&section.heading, &rows, &in_python(&lab, python, code));
        }
    }
    let blocks = |language| examples.iter().flat_map(|section| section.code(language)).count();
    assert_eq!((blocks("sql"), blocks("python")), (6, 10), "nothing is left out");
}
