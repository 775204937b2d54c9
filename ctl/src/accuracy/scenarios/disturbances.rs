//! What disturbs the accounts: lost records, children, threads that vanish, a clock that is stepped.

use super::{Scenario, Special, free_threads, sequential};
use crate::accuracy::evidence::{Evidence, in_part, in_phase, not_running, on_cpu, wall};
use crate::accuracy::finding::Finding;
use gild_model::phase::Phase;

const BOTH_CLOCKS: &str = "CLOCK_MONOTONIC less CLOCK_THREAD_CPUTIME_ID";

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "full ring",
        about: "one thread switches 3000 times within a phase, without a safe point: its ring of records overflows",
        params: &[("tasks", 1), ("cpu_us", 50_000), ("naps", 3_000), ("no_safe_points", 1)],
        case: sequential,
        findings: full_ring,
        special: Special::None,
    },
    Scenario {
        name: "lost records",
        about: "the same, 2500 switches in each of 3 tasks: a ring overflows in one phase, and the system says so in the next",
        params: &[("tasks", 3), ("cpu_us", 5_000), ("naps", 2_500), ("no_safe_points", 1)],
        case: sequential,
        findings: lost_records,
        special: Special::None,
    },
    Scenario {
        name: "a child",
        about: "a task forks a child that burns 20 ms, and waits for it",
        params: &[("tasks", 10), ("cpu_us", 5_000), ("child_us", 20_000)],
        case: sequential,
        findings: child,
        special: Special::None,
    },
    Scenario {
        name: "a vanished thread",
        about: "a worker's thread ends in the middle of a task",
        params: &[("tasks", 2), ("cpu_us", 200_000), ("vanishing_task", 1)],
        case: |_| Ok(free_threads(2)),
        findings: vanished,
        special: Special::Fails,
    },
    Scenario {
        name: "clock steps",
        about: "the machine's clock is stepped by half a second, forth and back, while a thread computes and sleeps",
        params: &[("tasks", 8), ("cpu_us", 20_000), ("block_us", 20_000)],
        case: sequential,
        findings: clock_steps,
        special: Special::ClockSteps,
    },
];

fn full_ring(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let naps = in_part("naps");
    // Which of the switches were preemptions is known of those only that had room.
    let preempted = it.workers_sum(&naps, |it| it.preempted_ns);
    let is_told = preempted.is_none() && it.workers_sum(&naps, |it| it.run_queue_ns).is_some();
    Ok([napping(it)?, vec![told("preempted is null, run-queue is not", is_told)]].concat())
}

fn lost_records(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let lost: u64 = it.workers().flat_map(|it| &it.phases).map(|it| it.lost_records).sum();
    Ok([napping(it)?, vec![told("it says that records were lost", lost > 0)]].concat())
}

/// More switches than a ring holds must be told of.
fn told(quantity: &'static str, is_told: bool) -> Finding {
    Finding::count(quantity, "more switches than a ring holds", Some(u64::from(is_told)), 1)
}

fn napping(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let (life_ns, cpu_ns) = (it.life_ns()?, it.truth("/naps/cpu_ns")?);
    let off_ns = it.truth("/naps/wall_ns")?.saturating_sub(cpu_ns);
    let naps = in_part("naps");
    Ok(vec![
        Finding::share("not running while napping", BOTH_CLOCKS, it.workers_sum(&naps, not_running), off_ns, life_ns),
        Finding::share(
            "on-cpu while napping",
            "CLOCK_THREAD_CPUTIME_ID",
            it.workers_sum(&naps, on_cpu),
            cpu_ns,
            life_ns,
        ),
    ])
}

fn child(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    Ok(vec![
        Finding::share(
            "compute, with a child",
            "CLOCK_MONOTONIC",
            it.workers_sum(&in_part("child"), wall),
            it.truth("/child/wall_ns")?,
            life_ns,
        ),
        Finding::share(
            "on-cpu, without the child",
            "CLOCK_THREAD_CPUTIME_ID",
            it.workers_sum(&in_part("child"), on_cpu),
            it.truth("/child/cpu_ns")?,
            life_ns,
        ),
    ])
}

fn vanished(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let is_told = it.trial.error.as_ref().is_some_and(|error| error.contains("ended: a kernel must not end a thread"));
    let open = it.workers().flat_map(|it| &it.phases).filter(|it| it.open).count() as u64;
    // The other worker lived to its end, and its accounts are whole.
    let whole = it.workers().find(|it| it.life_ns.is_some()).ok_or("no worker lived to its end")?;
    let gild = whole.phases.iter().filter(|it| in_part("cpu")(it)).map(on_cpu).sum();
    Ok(vec![
        Finding::count("it names the thread that ended", "exit(2)", Some(u64::from(is_told)), 1),
        Finding::count("phases that were left open", "exit(2)", Some(open), 1),
        Finding::share(
            "on-cpu of the other worker",
            "CLOCK_THREAD_CPUTIME_ID",
            gild,
            it.truth("/cpu/cpu_ns")?,
            whole.life_ns.unwrap_or(0),
        ),
    ])
}

fn clock_steps(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let io_wait = in_phase(Phase::IoWait);
    Ok(vec![
        Finding::share(
            "compute",
            "CLOCK_MONOTONIC",
            it.workers_sum(&in_part("cpu"), wall),
            it.truth("/cpu/wall_ns")?,
            life_ns,
        ),
        Finding::share(
            "io-wait",
            "CLOCK_MONOTONIC",
            it.workers_sum(&io_wait, wall),
            it.truth("/block/blocked_wall_ns")?,
            life_ns,
        ),
    ])
}
