//! Runs that tests need again and again.

use gild_model::run::{RunId, RunStatus};

use crate::lab::Lab;
use crate::waiting::wait_for;

/// `gilctl run` of something that takes a moment.
pub const QUICK: [&str; 7] =
    ["run", "null", "--tasks=20", "--model=sequential", "--repeat=1", "--warmups=0", "--name=quick"];

/// Runs something quick, which a world that is well can do.
///
/// # Panics
/// It fails.
#[track_caller]
pub fn is_well(lab: &Lab) {
    lab.gilctl(&QUICK).well();
}

/// Gives the daemon something quick.
pub fn submit_quick(lab: &Lab) -> RunId {
    lab.submit(&QUICK[1..])
}

/// Gives the daemon a run of one trial whose tasks sleep for an hour, and waits until it is under way.
pub fn submit_endless(lab: &Lab, model: &str) -> RunId {
    let line = ["faulty", "--tasks=2", "--param=fault=slow", "--param=ms=3600000", "--repeat=1", "--warmups=0"];
    let limits = ["--task-limit=9999", "--trial-limit=9999", "--name=endless", "--model", model];
    let workers: &[&str] = if model == "sequential" { &[] } else { &["--workers=2"] };
    let id = lab.submit(&[&line[..], &limits, workers].concat());
    wait_for_work(lab, id);
    id
}

/// Waits until a trial of a run is under way.
pub fn wait_for_work(lab: &Lab, id: RunId) {
    wait_for("a trial is under way", || {
        (lab.head(id).status == RunStatus::Running && !lab.trial_processes().is_empty()).then_some(())
    });
}
