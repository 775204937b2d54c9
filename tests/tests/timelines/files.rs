//! Timelines as files, each read by a reader that is not ours and counted anew from the rows.
//!
//! The readers are installed once into the target folder. Where they cannot be had, the test says so and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gild_model::run::Run;
use gild_tests::lab::Lab;
use gild_tests::{program, python, skipped};
use serde::Deserialize;

use super::TASKS;

/// What a script found, once everything was as expected.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Found {
    slices: u64,
    arrows: u64,
    steps: u64,
    holds: u64,
    #[serde(rename = "not kept")]
    not_kept: u64,
}

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/timelines").join(name)
}

/// Cases with a lock and without, threads and processes and both; `timeline`: marks kept of each worker.
fn run(lab: &Lab, timeline: &str) -> Run {
    let models =
        ["--model=sequential,threads,processes,hybrid", "--workers=4", "--lock=cpython,none", timeline, "--json"];
    lab.gilctl(&[&TASKS[..], &models].concat()).well().json()
}

/// Writes the format of this name and has its script hold it against the rows.
fn check(lab: &Lab, run: &Run, format: &str, schema: &str) -> Option<Found> {
    let python = match python::with_trace_readers() {
        Ok(python) => python,
        Err(why) => {
            skipped(&format!("what {format} is to others"), &why);
            return None;
        }
    };
    let id = run.head.id.to_string();
    lab.gilctl(&["export", &id, "--format", format, "-o", "file"]).well();
    lab.gilctl(&["export", &id, "--format=jsonl", "--table=intervals", "-o", "rows.jsonl"]).well();
    let locks = run.experiment.cases.iter().map(|case| (case.name.as_str(), case.lock.map(|it| it.name())));
    let locks = serde_json::to_string(&locks.collect::<BTreeMap<_, _>>()).unwrap();
    let mut command = lab.command(python);
    command.arg(own(&format!("check_{format}.py"))).args(["file", "rows.jsonl", &locks]).arg(own(schema));
    // The scripts lie in the repository, which stays as it is.
    Some(program::run(command.env("PYTHONDONTWRITEBYTECODE", "1")).well().json())
}

/// What every reader has to find.
fn assert_found(lab: &Lab, run: &Run, found: &Found) {
    let rows = super::timelines(lab, run.head.id as u32);
    let intervals: u64 = rows.iter().map(|row| row.timeline.len() as u64).sum();
    assert_eq!(found.slices, intervals);
    assert_eq!(found.not_kept, rows.iter().map(|row| row.timeline.dropped).sum::<u64>());
    assert!(found.holds > found.arrows && found.arrows > 3, "the lock changed hands: {found:?}");
    assert!(found.steps > 20, "{found:?}");
}

fn check_whole_and_cut(format: &str, schema: &str) {
    let lab = Lab::new();
    let whole = run(&lab, "--timeline=16384");
    let Some(found) = check(&lab, &whole, format, schema) else { return };
    assert_eq!(found.not_kept, 0);
    assert_found(&lab, &whole, &found);
    let cut = run(&lab, "--timeline=16");
    let found = check(&lab, &cut, format, schema).expect("the reader was there before");
    assert!(found.not_kept > 0, "{found:?}");
    let rows = super::timelines(&lab, 2);
    assert_eq!(found.slices, rows.iter().map(|row| row.timeline.len() as u64).sum::<u64>());
}

#[test]
fn perfetto_s_own_definition_reads_the_trace() {
    check_whole_and_cut("perfetto", "");
}

#[test]
fn chrome_s_json_is_what_its_format_says() {
    check_whole_and_cut("chrome", "trace-event.schema.json");
}

#[test]
fn the_firefox_profile_is_what_its_format_says() {
    check_whole_and_cut("firefox", "firefox.schema.json");
}

#[test]
fn a_case_can_be_picked() {
    let lab = Lab::new();
    let run = run(&lab, "--timeline=16384");
    lab.gilctl(&["export", "1", "--format=chrome", "--case=threads-4-500us", "-o", "one.json"]).well();
    let text = std::fs::read_to_string(lab.path("one.json")).unwrap();
    let trace: serde_json::Value = serde_json::from_str(&text).unwrap();
    let names = trace["traceEvents"].as_array().unwrap().iter().filter(|it| it["name"] == "process_name");
    assert_eq!(names.map(|it| it["args"]["name"].as_str().unwrap()).collect::<Vec<_>>(), ["threads-4-500us"]);
    let csv = lab.gilctl(&["export", "1", "--format=csv", "--case=threads-4-500us", "--case=sequential"]).well().stdout;
    let cases: std::collections::BTreeSet<_> = csv.lines().skip(1).map(|it| it.split(',').nth(1).unwrap()).collect();
    assert_eq!(cases.into_iter().collect::<Vec<_>>(), ["sequential", "threads-4-500us"]);
    assert_eq!(run.experiment.cases.len(), 6);
}
