//! Tasks in flight on one thread: what is computing, and what is waiting for all of them.

use std::num::NonZeroU32;

use super::{Scenario, Special};
use crate::accuracy::evidence::{Evidence, in_part, in_phase, number, on_cpu, wall};
use crate::accuracy::finding::Finding;
use gild_model::case::Model;
use gild_model::choice::CaseChoice;
use gild_model::phase::Phase;

/// Tasks in flight, of twice as many.
const IN_FLIGHT: u32 = 10;
/// What each burns, and how long it gives way afterwards: when the tenth has burnt its time, the first has still half of
/// its wait before it.
const CPU_US: i64 = 5_000;
const WAIT_US: i64 = 100_000;

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "event loop",
    about: "one thread, ten tasks in flight: each computes for 5 ms and gives way for 100 ms",
    params: &[("tasks", 2 * IN_FLIGHT as i64), ("cpu_us", CPU_US), ("block_us", WAIT_US)],
    case: |_| Ok(CaseChoice { in_flight: NonZeroU32::new(IN_FLIGHT), ..CaseChoice::of(Model::EventLoop) }),
    findings: event_loop,
    special: Special::None,
}];

fn event_loop(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    // The thread is one: whenever no task goes on, it waits for all of them. That a task reports is in no report: it is as
    // gild says, and the last one is after the last task's end.
    let tasks = it.tasks().count() as u64;
    let reporting_ns = it.workers_sum(&in_part("report"), wall).unwrap_or(0) / tasks.max(1) * tasks.saturating_sub(1);
    let waited_ns = it.span_ns()?.saturating_sub(gone_on_ns(it)? + reporting_ns);
    Ok(vec![
        Finding::share(
            "on-cpu while computing",
            "CLOCK_THREAD_CPUTIME_ID",
            it.workers_sum(&in_part("cpu"), on_cpu),
            it.truth("/cpu/cpu_ns")?,
            life_ns,
        ),
        Finding::share(
            "compute",
            "CLOCK_MONOTONIC",
            it.workers_sum(&in_part("cpu"), wall),
            it.truth("/cpu/wall_ns")?,
            life_ns,
        ),
        Finding::share(
            "io-wait",
            "CLOCK_MONOTONIC: no task goes on",
            it.workers_sum(&in_phase(Phase::IoWait), wall),
            waited_ns,
            life_ns,
        ),
    ])
}

/// How long tasks went on, in all, by `CLOCK_MONOTONIC`: from their start to their end, less the time that they gave way.
fn gone_on_ns(it: &Evidence<'_>) -> Result<u64, String> {
    let of_task = |line| Ok(number(line, "/whole/wall_ns")?.saturating_sub(number(line, "/block/blocked_wall_ns")?));
    it.tasks().map(of_task).sum()
}
