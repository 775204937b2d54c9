//! Looks at a run in progress: a coordinator and four workers that share a lock.

use gild_model::account::Role;
use gild_model::api::Progress;
use gild_model::live::{LiveAccounts, LiveRow, LiveRun};
use gild_model::look::PhaseTime;
use gild_model::phase::Phase;

/// A look at the trial of this repetition, so long after its beginning, with so many of its hundred tasks done.
pub fn look(repetition: u32, at_ns: u64, tasks_done: u64) -> (Progress, LiveAccounts) {
    let progress = Progress {
        case: 1,
        repetition,
        warmup: false,
        tasks_done,
        tasks_planned: Some(100),
        trials_done: 7,
        trials_planned: 18,
        open_ended: false,
        left_s: Some(83.0),
    };
    let rows = std::iter::once(coordinator(at_ns)).chain((0..4).map(|index| worker(index, at_ns, tasks_done / 4)));
    let hand_overs = Some(at_ns / 10_000_000);
    let accounts = LiveAccounts { at_ns, began_ns: Some(0), hand_overs, rows: rows.collect(), not_shown: 0 };
    (progress, accounts)
}

/// The run of a look.
pub fn run((progress, accounts): (Progress, LiveAccounts)) -> LiveRun {
    let head = super::run().head;
    let head = gild_model::run::RunHead { status: gild_model::run::RunStatus::Running, finished_at: None, ..head };
    LiveRun { head, progress: Some(progress), accounts: Some(accounts) }
}

fn coordinator(at_ns: u64) -> LiveRow {
    LiveRow {
        role: Role::Coordinator,
        has_lock: None,
        tid: Some(4_711),
        ..row(0, Phase::Idle, at_ns, &[(Phase::Idle, at_ns)])
    }
}

/// A quarter of its life it computes, the rest it waits; the first half of a second goes into its start.
fn worker(index: u32, at_ns: u64, tasks_done: u64) -> LiveRow {
    let startup_ns = at_ns.min(500_000_000);
    let compute_ns = (at_ns - startup_ns) / 4;
    let phases = [
        (Phase::Startup, startup_ns),
        (Phase::LockWait, at_ns - startup_ns - compute_ns),
        (Phase::Compute, compute_ns),
    ];
    let now = if index == 2 { Phase::Compute } else { Phase::LockWait };
    LiveRow { tasks_done: Some(tasks_done), has_lock: Some(index == 2), ..row(index, now, at_ns, &phases) }
}

fn row(index: u32, now: Phase, at_ns: u64, phases: &[(Phase, u64)]) -> LiveRow {
    LiveRow {
        role: Role::Worker,
        index,
        pid: Some(4_711),
        tid: Some(4_712 + index),
        thread: None,
        command: None,
        born: true,
        now: Some(now),
        kernel_phase: None,
        since_ns: Some(at_ns.saturating_sub(3_200_000)),
        phases: phases.iter().map(|(phase, wall_ns)| PhaseTime { phase: *phase, wall_ns: *wall_ns }).collect(),
        cpu_ns: None,
        tasks_done: Some(0),
        has_lock: None,
    }
}
