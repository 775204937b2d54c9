//! Timelines: that they say what the accounts say, end when their worker ends, and tell what they lack; and that the files
//! made of them show the same to other people's readers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod books;
mod files;

use gild_model::run::TimelineRow;
use gild_model::timeline::Interval;
use gild_tests::lab::Lab;

/// Some tasks that compute in a phase of the kernel's own, under a lock that changes hands every half a millisecond.
const TASKS: [&str; 9] = [
    "run",
    "calibrated",
    "--tasks=12",
    "--param=cpu_us=2000",
    "--param=block_us=200",
    "--repeat=2",
    "--warmups=0",
    "--interval-us=500",
    "--threads-per-process=2",
];

/// The timelines of a run.
fn timelines(lab: &Lab, run: u32) -> Vec<TimelineRow> {
    let answer = lab.ask("GET", &format!("/v1/runs/{run}/timelines"), "");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn intervals(row: &TimelineRow) -> Vec<Interval> {
    row.timeline.intervals().collect()
}
