//! What bounds a case, by its accounts alone, and how fast it would be at best without that.
//!
//! Every nanosecond that is no computing belongs to one of the parts below. The part that costs most is the bound, if it costs
//! enough; a case that loses nothing worth speaking of computes, on all cores or on some of them.
//!
//! What a case would be *at best* is an upper bound: nothing of the part is left, what remains is spread evenly over the workers,
//! and nothing new takes its place. But the CPU time that remains still has to be had from the cores.

use gild_model::advice::{Bound, CaseAdvice};
use gild_model::case::Model;
use gild_model::phase::Phase;
use gild_model::summary::Ratio;

use super::evidence::{Evidence, Times};

/// A part that takes less of the wall time than this does not bound a case: on most machines an interval of a few
/// repetitions is as wide.
const SHARE_MIN: f64 = 0.05;
/// Cores are full from this share of their time on: the kernel, the daemon and the accounting have the rest.
pub(crate) const CORES_FULL: f64 = 0.9;

/// Moving bytes, waiting for the other end included.
const MOVING: [Phase; 2] = [Phase::Send, Phase::Receive];

/// A part of the wall time that is no computing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    bound: Bound,
    /// What it takes of the wall time, for the average worker.
    wall_ns: f64,
    /// The CPU time that could go with it, of all workers and the coordinator.
    cpu_ns: f64,
}

/// A bound that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    /// What it is.
    pub bound: Bound,
    /// What it takes, as a share of the wall time.
    pub share: f64,
    /// How many times as fast the case would be at best.
    pub at_best: Option<f64>,
}

/// The row of a case in the advice.
pub(crate) fn row(evidence: &Evidence, slower: Option<Ratio>) -> CaseAdvice {
    let found = of(evidence);
    CaseAdvice {
        case: evidence.case.name.clone(),
        bound: found.map(|it| it.bound),
        share: found.map(|it| it.share),
        at_best: found.and_then(|it| it.at_best),
        parallelism: evidence.parallelism,
        slower,
    }
}

/// What bounds a case; `None` without accounts.
pub(crate) fn of(evidence: &Evidence) -> Option<Found> {
    let times = evidence.times.as_ref().filter(|times| times.wall_ns > 0.0)?;
    let saved_ns = |part: &Part| times.wall_ns - (times.wall_ns - part.wall_ns).max(floor_ns(evidence, times, part));
    let parts = parts(evidence, times);
    let largest = parts.iter().max_by(|a, b| saved_ns(a).total_cmp(&saved_ns(b)))?;
    Some(match saved_ns(largest) >= SHARE_MIN * times.wall_ns {
        true => Found {
            bound: largest.bound,
            share: (largest.wall_ns / times.wall_ns).min(1.0),
            at_best: at_best(evidence, times, largest),
        },
        false => computing(evidence, times),
    })
}

/// What encoding, decoding and moving values takes of the wall time.
pub(crate) fn share_of_values(evidence: &Evidence) -> Option<f64> {
    let times = evidence.times.as_ref().filter(|times| times.wall_ns > 0.0)?;
    let values_ns = parts(evidence, times)
        .into_iter()
        .filter(|part| matches!(part.bound, Bound::Serialization | Bound::Transfer))
        .map(|part| part.wall_ns)
        .sum::<f64>();
    Some((values_ns / times.wall_ns).min(1.0))
}

/// What a bound takes of the workers' lives, as the case's sentence has it; `None`: it is not what a worker does, or there are no accounts.
pub(crate) fn share_of_lives(evidence: &Evidence, bound: Bound) -> Option<f64> {
    let worker = &evidence.times.as_ref()?.worker;
    let spent_ns = match bound {
        Bound::Lock => worker.of(&[Phase::LockWait, Phase::SwitchWait]),
        Bound::Cores => worker.run_queue_ns(),
        Bound::Io => worker.of(&[Phase::IoWait]),
        Bound::Computing | Bound::Loop | Bound::Nothing => worker.of(&[Phase::Compute]),
        _ => return None,
    };
    let life_ns = worker.of(&Phase::ALL) + worker.run_queue_ns();
    (life_ns > 0.0).then(|| spent_ns / life_ns)
}

/// The share of the wall time that the average worker waits for something that the kernel asked for.
pub(crate) fn share_of_io(evidence: &Evidence) -> Option<f64> {
    let times = evidence.times.as_ref().filter(|times| times.wall_ns > 0.0)?;
    Some((times.worker.of(&[Phase::IoWait]) / times.wall_ns).min(1.0))
}

/// The share of the wall time that the average worker waits for a core.
pub(crate) fn share_of_run_queue(evidence: &Evidence) -> Option<f64> {
    let times = evidence.times.as_ref().filter(|times| times.wall_ns > 0.0)?;
    Some((times.worker.run_queue_ns() / times.wall_ns).min(1.0))
}

fn parts(evidence: &Evidence, times: &Times) -> [Part; 8] {
    let workers = f64::from(evidence.case.workers);
    let Times { worker, coordinator, imbalance_ns, .. } = times;
    let both = |bound, phases: &[Phase]| {
        let (of_worker, of_coordinator) = (worker.of(phases), coordinator.of(phases));
        Part { bound, wall_ns: of_worker + of_coordinator, cpu_ns: workers * of_worker + of_coordinator }
    };
    let waiting = |bound, wall_ns| Part { bound, wall_ns, cpu_ns: 0.0 };
    let serialization = both(Bound::Serialization, &[Phase::Encode, Phase::Decode]);
    // Who sends and who receives wait for each other, so that time is counted once.
    let (sends, receives) = (worker.of(&MOVING), coordinator.of(&MOVING));
    let transfer = Part { bound: Bound::Transfer, wall_ns: sends.max(receives), cpu_ns: workers * sends + receives };
    let coordinator_ns = coordinator.of(&[Phase::Encode, Phase::Decode, Phase::Send, Phase::Receive]);
    let idle_ns = worker.of(&[Phase::Idle]);
    [
        waiting(Bound::Lock, worker.of(&[Phase::LockWait, Phase::SwitchWait])),
        serialization,
        transfer,
        waiting(Bound::Dispatch, (idle_ns - imbalance_ns - coordinator_ns).max(0.0)),
        waiting(Bound::Cores, worker.run_queue_ns()),
        both(Bound::StartUp, &[Phase::Startup, Phase::Teardown, Phase::Launch]),
        waiting(Bound::Io, worker.of(&[Phase::IoWait])),
        waiting(Bound::Imbalance, *imbalance_ns),
    ]
}

/// The least wall time that the CPU time takes which remains without a part; 0 where it is not known.
fn floor_ns(evidence: &Evidence, times: &Times, part: &Part) -> f64 {
    match evidence.parallelism {
        // More cores are what the case would be without waiting for one.
        Some(_) if part.bound == Bound::Cores => 0.0,
        Some(parallelism) if evidence.cores > 0 => {
            let cpu_ns = parallelism * times.wall_ns - part.cpu_ns;
            (cpu_ns / evidence.cores as f64).clamp(0.0, times.wall_ns)
        }
        _ => 0.0,
    }
}

fn at_best(evidence: &Evidence, times: &Times, part: &Part) -> Option<f64> {
    let balanced_ns = times.wall_ns - times.imbalance_ns;
    let without_ns = if part.bound == Bound::Imbalance { balanced_ns } else { balanced_ns - part.wall_ns };
    let remaining_ns = without_ns.max(floor_ns(evidence, times, part));
    (remaining_ns > 0.0).then(|| times.wall_ns / remaining_ns)
}

/// Nothing is lost: the case computes, with free cores or without.
fn computing(evidence: &Evidence, times: &Times) -> Found {
    let share = (times.worker.of(&[Phase::Compute]) / times.wall_ns).min(1.0);
    let cores = evidence.cores as f64;
    let used = evidence.parallelism.filter(|used| cores > 0.0 && *used > 0.0);
    let at_best = used.map(|used| (cores / used).max(1.0));
    match used {
        Some(used) if used >= CORES_FULL * cores => Found { bound: Bound::Nothing, share, at_best: None },
        _ if evidence.case.model == Model::EventLoop => Found { bound: Bound::Loop, share, at_best },
        _ => Found { bound: Bound::Computing, share, at_best },
    }
}
