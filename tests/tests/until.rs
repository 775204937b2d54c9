//! Runs that repeat until their intervals are narrow.
//!
//! How narrow an interval gets is the machine's business; what is asserted is when the repeating stops, and what is said.

use gild_model::run::{Run, RunStatus};
use gild_tests::lab::Lab;

/// Runs two small cases with these options.
fn run(lab: &Lab, options: &[&str]) -> Run {
    let line = ["run", "null", "--tasks=20", "--model=sequential,threads", "--workers=2", "--repeat=3", "--json"];
    let ran = lab.gilctl(&[&line, options].concat()).well();
    let run: Run = serde_json::from_str(&ran.stdout).expect("--json prints a run");
    assert_eq!(run.head.status, RunStatus::Done);
    assert_eq!(run.head.trials_done, run.head.trials_planned, "what was planned on the way is what was done");
    run
}

/// Repetitions of the two cases.
fn repetitions(run: &Run) -> Vec<u32> {
    run.summary.cases.iter().map(|case| case.trials).collect()
}

fn complaints(run: &Run) -> usize {
    run.summary.notes.iter().filter(|note| note.contains("asked for an interval")).count()
}

#[test]
fn what_cannot_be_reached_ends_with_the_most_repetitions_and_a_note() {
    let lab = Lab::new();
    let run = run(&lab, &["--until=0.000001%", "--repeat-max=5"]);
    assert_eq!(repetitions(&run), [5, 5]);
    assert_eq!(complaints(&run), 2, "{:?}", run.summary.notes);
}

#[test]
fn it_ends_after_the_first_round_beyond_the_time_limit() {
    let lab = Lab::new();
    let run = run(&lab, &["--until=0.000001%", "--until-limit=0.0001"]);
    assert_eq!(repetitions(&run), [3, 3]);
}

#[test]
fn it_ends_as_soon_as_every_interval_is_narrow() {
    let lab = Lab::new();
    let run = run(&lab, &["--until=90%", "--repeat-max=40"]);
    let done = repetitions(&run);
    assert!(done[0] == done[1] && (3..=40).contains(&done[0]), "{done:?}");
    let widths = run.summary.cases.iter().map(|case| case.wall_ns.and_then(|wall| wall.half_width()));
    let too_wide = widths.filter(|width| width.is_none_or(|width| width > 0.9)).count();
    assert_eq!(complaints(&run), too_wide);
    assert!(too_wide == 0 || done[0] == 40, "it stopped early: {done:?}");
}
