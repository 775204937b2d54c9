//! Waiting for the lock.

use super::{Scenario, Special, case};
use crate::accuracy::evidence::{Evidence, in_phase, waiting_for_lock, wall};
use crate::accuracy::finding::Finding;
use gild_model::account::PhaseAccount;
use gild_model::case::{LockPolicy, Model};
use gild_model::choice::CaseChoice;
use gild_model::phase::Phase;

/// Workers that want the lock.
const WORKERS: u32 = 10;
/// Most of the lives, as a share, that may have gone by without the lock where all but one are to wait for it at all
/// times: nobody held it, or somebody was still starting or ending. All of it is the error of that expectation.
const WITHOUT_MOST: f64 = 0.003;
/// Computing with the lock, handed over every interval; one task for each worker, so that all end together.
const SPIN: &[(&str, i64)] = &[("tasks", WORKERS as i64), ("cpu_us", 100_000)];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "lock, 5 ms",
        about: "ten threads compute under one lock (cpython), which is handed over every 5 ms",
        params: SPIN,
        case: |_| Ok(locked(LockPolicy::Cpython, WORKERS)),
        findings: computing,
        special: Special::None,
    },
    Scenario {
        name: "fair lock",
        about: "the same under a lock that is handed over in the order of asking",
        params: SPIN,
        case: |_| Ok(locked(LockPolicy::Fair, WORKERS)),
        findings: computing,
        special: Special::None,
    },
    Scenario {
        name: "lock given away",
        about: "four threads hold the lock for 5 ms and give it away for 10 ms, again and again",
        params: &[("tasks", 4), ("rounds", 20), ("hold_us", 5_000), ("rest_us", 10_000)],
        case: |_| Ok(locked(LockPolicy::Cpython, 4)),
        findings: giving_away,
        special: Special::None,
    },
];

fn locked(policy: LockPolicy, workers: u32) -> CaseChoice {
    CaseChoice { lock: Some(policy), ..case(Model::Threads, workers) }
}

/// Time that is neither waiting for the lock nor computing, as gild says: starting, taking a task, ending.
fn around_ns(it: &Evidence<'_>) -> u64 {
    let around = |it: &PhaseAccount| [Phase::Startup, Phase::Idle, Phase::Teardown].contains(&it.phase);
    it.workers_sum(&around, wall).unwrap_or(0)
}

fn computing(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let (life_ns, span_ns) = (it.life_ns()?, it.span_ns()?);
    let waiting = it.workers_sum(&waiting_for_lock, wall);
    let compute = it.workers_sum(&in_phase(Phase::Compute), wall);
    let held_ns = it.truth("/whole/wall_ns")?.saturating_sub(it.truth("/cpu/host_wall_ns")?);
    let waited_ns = life_ns.saturating_sub(held_ns + around_ns(it));
    let without = (span_ns.saturating_sub(held_ns) + around_ns(it)) as f64 / life_ns.max(1) as f64;
    let busy = (without > WITHOUT_MOST).then(|| {
        let percent = without * 100.0;
        format!(
            "{percent:.1} % of the threads' time the lock was free, or they started or ended late: no core was left"
        )
    });
    // Somebody holds the lock from the first task's start to the last one's end; all others wait. Of n threads that end
    // together this is (n-1)/n.
    let expected_ns = life_ns.saturating_sub(span_ns);
    Ok(vec![
        Finding::share("compute", "time between two long safe points", compute, held_ns, life_ns),
        Finding::share("lock-wait + switch-wait", "life less the above, start and end", waiting, waited_ns, life_ns),
        Finding::share("lock-wait + switch-wait", "all but one wait: (n-1)/n", waiting, expected_ns, life_ns)
            .unless(busy),
    ])
}

fn giving_away(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let part = |field: &str| it.truth(&format!("/lock-pattern/{field}"));
    let waited_ns = part("reacquire_wall_ns")? + part("hold_host_wall_ns")?;
    let otherwise_ns = it.truth("/whole/wall_ns")?.saturating_sub(waited_ns);
    // The first wait, before the task, is in none of the kernel's figures: it is what is left of the life.
    let waited_ns = life_ns.saturating_sub(otherwise_ns + around_ns(it));
    let away_ns = part("release_wall_ns")? + part("rest_wall_ns")?;
    Ok(vec![
        Finding::share(
            "lock-wait + switch-wait",
            "life less time with the lock, at rest, start and end",
            it.workers_sum(&waiting_for_lock, wall),
            waited_ns,
            life_ns,
        ),
        Finding::share("io-wait", "CLOCK_MONOTONIC", it.workers_sum(&in_phase(Phase::IoWait), wall), away_ns, life_ns),
    ])
}
