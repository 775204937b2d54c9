//! The states: on a core, waiting for one, blocked, stolen.

use super::{Scenario, Special, free_threads, on_one_core, sequential};
use crate::accuracy::evidence::{Evidence, any, in_part, in_phase, not_running, on_cpu, wall};
use crate::accuracy::finding::Finding;
use gild_model::account::PhaseAccount;
use gild_model::phase::Phase;

const CPU_CLOCK: &str = "CLOCK_THREAD_CPUTIME_ID";
const BOTH_CLOCKS: &str = "CLOCK_MONOTONIC less CLOCK_THREAD_CPUTIME_ID";

/// Tasks of `computing` and the CPU time that each burns.
const BURNT: (u64, u64) = (15, 20_000);
/// Workers that want the same core.
const SPINNERS: u32 = 4;
/// Rounds of a sleeper, and how long each sleep is to last.
const SLEEPS: (u64, u64) = (20, 5_000);
/// Blocking regions, and how long each is to last.
const BLOCKS: (u64, u64) = (6, 50_000);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "computing",
        about: "one thread burns CPU time",
        params: &[("tasks", BURNT.0 as i64), ("cpu_us", BURNT.1 as i64)],
        case: sequential,
        findings: computing,
        special: Special::None,
    },
    Scenario {
        name: "stolen",
        about: "one thread burns CPU time on one core, for two seconds",
        params: &[("tasks", 1), ("cpu_us", 2_000_000), ("steal", 1)],
        case: |host| on_one_core(host, free_threads(1)),
        findings: stolen,
        special: Special::None,
    },
    Scenario {
        name: "preempted",
        about: "four threads burn CPU time on one core",
        params: &[("tasks", SPINNERS as i64), ("cpu_us", 150_000)],
        case: |host| on_one_core(host, free_threads(SPINNERS)),
        findings: preempted,
        special: Special::None,
    },
    Scenario {
        name: "waking",
        about: "two threads sleep and compute on one core; one that wakes up has to wait until the other gives way",
        params: &[
            ("tasks", 2),
            ("rounds", SLEEPS.0 as i64),
            ("hold_us", 6_000),
            ("rest_us", SLEEPS.1 as i64),
            ("late_wake", 1),
        ],
        case: |host| on_one_core(host, free_threads(2)),
        findings: waking,
        special: Special::None,
    },
    Scenario {
        name: "blocked",
        about: "one thread sleeps until points in time",
        params: &[("tasks", BLOCKS.0 as i64), ("block_us", BLOCKS.1 as i64)],
        case: sequential,
        findings: blocked,
        special: Special::None,
    },
];

fn computing(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let gild = it.workers_sum(&in_part("cpu"), on_cpu);
    // What was burnt again because a safe point was long is on top of what was asked for.
    let burnt_ns = BURNT.0 * BURNT.1 * 1_000 + it.truth("/cpu/host_cpu_ns")?;
    Ok(vec![
        Finding::share("on-cpu while computing", CPU_CLOCK, gild, it.truth("/cpu/cpu_ns")?, life_ns),
        Finding::share("on-cpu while computing", "burnt loops", gild, burnt_ns, life_ns),
        Finding::share(
            "compute",
            "CLOCK_MONOTONIC",
            it.workers_sum(&in_part("cpu"), wall),
            it.truth("/cpu/wall_ns")?,
            life_ns,
        ),
    ])
}

fn stolen(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    /// Ticks of /proc/stat: it is off by less than one at either end.
    const TICK_NS: f64 = 10_000_000.0;
    let (life_ns, cpu_ns, wall_ns) = (it.life_ns()?, it.truth("/whole/cpu_ns")?, it.truth("/whole/wall_ns")?);
    let gild = it.workers().map(|it| it.stolen_ns).sum();
    let shared = wall_ns.saturating_sub(cpu_ns + it.truth("/core_stolen_ns")?) as f64 / wall_ns.max(1) as f64;
    let busy = (shared > 0.05).then(|| {
        format!("the core was shared with other programs for {:.0} % of the time, and what is stolen from a core is not stolen from one program only", shared * 100.0)
    });
    let finding = Finding::share("stolen", "/proc/stat (ticks of 10 ms)", gild, it.truth("/core_stolen_ns")?, life_ns);
    Ok(vec![finding.with_resolution(TICK_NS / life_ns as f64).unless(busy)])
}

fn preempted(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let (cpu_ns, wall_ns) = (it.truth("/cpu/cpu_ns")?, it.truth("/cpu/wall_ns")?);
    let n = u64::from(SPINNERS);
    let run_queue = it.workers_sum(&any, |it| it.run_queue_ns);
    let others = 1.0 - it.truth("/whole/cpu_ns")? as f64 / it.span_ns()?.max(1) as f64;
    let busy = (others > 0.01).then(|| format!("{:.1} % of the core's time went to other programs", others * 100.0));
    Ok(vec![
        Finding::share(
            "preempted + stolen while computing",
            BOTH_CLOCKS,
            it.workers_sum(&in_part("cpu"), not_running),
            wall_ns.saturating_sub(cpu_ns),
            life_ns,
        ),
        Finding::share("on-cpu while computing", CPU_CLOCK, it.workers_sum(&in_part("cpu"), on_cpu), cpu_ns, life_ns),
        Finding::share("run-queue", "(n-1)/n of n threads on a core", run_queue, life_ns / n * (n - 1), life_ns)
            .unless(busy),
    ])
}

fn waking(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let asked_ns = it.truth("/lock-pattern/rounds")? * SLEEPS.1 * 1_000;
    let rest_ns = it.truth("/lock-pattern/rest_wall_ns")?;
    let region_ns =
        rest_ns + it.truth("/lock-pattern/release_wall_ns")? + it.truth("/lock-pattern/reacquire_wall_ns")?;
    let late_ns = rest_ns.saturating_sub(asked_ns);
    let io_wait = in_phase(Phase::IoWait);
    let of = |figure: fn(&PhaseAccount) -> Option<u64>| it.workers_sum(&io_wait, figure);
    Ok(vec![
        Finding::share(
            "waking after a sleep",
            "how late a timer's sleeper runs",
            of(|it| it.waking_ns),
            late_ns,
            life_ns,
        ),
        Finding::share("blocked in a sleep", "the timer", of(|it| it.blocked_ns), asked_ns, life_ns),
        Finding::share("io-wait", "CLOCK_MONOTONIC", of(wall), region_ns, life_ns),
    ])
}

fn blocked(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let io_wait = in_phase(Phase::IoWait);
    let blocked = it.workers_sum(&io_wait, |it| it.blocked_ns);
    Ok(vec![
        Finding::share("blocked", "timers", blocked, BLOCKS.0 * BLOCKS.1 * 1_000, life_ns),
        Finding::share(
            "io-wait",
            "CLOCK_MONOTONIC",
            it.workers_sum(&io_wait, wall),
            it.truth("/block/blocked_wall_ns")?,
            life_ns,
        ),
    ])
}
