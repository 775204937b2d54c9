//! Timelines.

use gild_model::case::Model;
use gild_model::phase::Phase;
use gild_model::run::TimelineRow;
use gild_model::timeline::{Meaning, Timeline};

use super::case;
use crate::export::timelines::Scene;

/// One whose intervals begin so.
pub fn timeline(starts: &[(i64, Phase)], until_ns: i64) -> Timeline {
    let mut timeline = Timeline::default();
    starts.iter().for_each(|(at_ns, phase)| timeline.push(*at_ns, Meaning { phase: *phase, kernel_phase: None }));
    timeline.until_ns = until_ns;
    timeline
}

/// A row of the case `threads-2` of run 12.
pub fn row(role: &str, worker: u32, starts: &[(i64, Phase)], until_ns: i64) -> TimelineRow {
    TimelineRow {
        run: 12,
        case: case("threads-2", Model::Threads, 2),
        case_position: 0,
        repetition: 0,
        warmup: false,
        status: "done".to_owned(),
        trial_wall_ns: Some(1000),
        role: role.to_owned(),
        worker,
        pid: Some(100),
        tid: Some(if role == "worker" { 101 + worker } else { 100 }),
        thread: None,
        command: None,
        kernel_phases: vec!["multiply".to_owned()],
        timeline: timeline(starts, until_ns),
    }
}

/// Two threads that hand the lock over, once each way, and their coordinator: 12 intervals.
pub fn rows() -> Vec<TimelineRow> {
    use Phase::{Compute, Idle, Launch, LockWait, Startup, SwitchWait, Teardown};
    let coordinator = [(-200, Startup), (0, Launch), (50, Idle), (900, Teardown)];
    let first = [(10, Startup), (60, Compute), (300, SwitchWait), (310, LockWait), (500, Compute)];
    let second = [(40, Startup), (90, LockWait)];
    let mut second = row("worker", 1, &second, 480);
    second.timeline.push(305, Meaning { phase: Compute, kernel_phase: Some(0) });
    vec![row("coordinator", 0, &coordinator, 1000), row("worker", 0, &first, 800), second]
}

/// The scene of [`rows`].
pub fn scene() -> Scene {
    Scene::of(&super::run(), rows())
}
