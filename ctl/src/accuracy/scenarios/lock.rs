//! Waiting for the lock.

use std::num::NonZeroU32;

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
        name: "lock of Python 2",
        about: "the same under a lock (cpython2) that is given back and taken again every 100 safe points",
        params: SPIN,
        case: |_| Ok(locked(LockPolicy::Cpython2, WORKERS)),
        // Between giving it back and taking it again nobody has it, so that all but one waiting is not expected.
        findings: in_turns,
        special: Special::None,
    },
    Scenario {
        name: "locks of two processes",
        about: "two processes of five threads compute, each process under a lock (cpython) of its own",
        params: SPIN,
        case: |_| Ok(in_two_processes()),
        findings: computing,
        special: Special::None,
    },
    Scenario {
        name: "sub-interpreters",
        about: "four sub-interpreters compute, each with a lock of its own that nobody else wants",
        params: &[("tasks", 8), ("cpu_us", 30_000)],
        case: |_| Ok(case(Model::Subinterpreters, 4)),
        findings: alone,
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

fn in_two_processes() -> CaseChoice {
    let threads_per_process = NonZeroU32::new(WORKERS / 2);
    CaseChoice { lock: Some(LockPolicy::Cpython), threads_per_process, ..case(Model::Hybrid, WORKERS) }
}

/// Time that is neither waiting for the lock nor computing, as gild says: starting, getting a task, giving its result, ending.
fn around_ns(it: &Evidence<'_>) -> u64 {
    const AROUND: [Phase; 7] =
        [Phase::Startup, Phase::Idle, Phase::Receive, Phase::Decode, Phase::Encode, Phase::Send, Phase::Teardown];
    let around = |it: &PhaseAccount| AROUND.contains(&it.phase);
    it.workers_sum(&around, wall).unwrap_or(0)
}

/// Computing and waiting, by what each thread knows of its own safe points.
fn in_turns(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let waiting = it.workers_sum(&waiting_for_lock, wall);
    let compute = it.workers_sum(&in_phase(Phase::Compute), wall);
    let held_ns = held_ns(it)?;
    let waited_ns = life_ns.saturating_sub(held_ns + around_ns(it));
    Ok(vec![
        Finding::share("compute", "time between two long safe points", compute, held_ns, life_ns),
        Finding::share("lock-wait + switch-wait", "life less the above, start and end", waiting, waited_ns, life_ns),
    ])
}

fn held_ns(it: &Evidence<'_>) -> Result<u64, String> {
    Ok(it.truth("/whole/wall_ns")?.saturating_sub(it.truth("/cpu/host_wall_ns")?))
}

fn computing(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let (life_ns, span_ns) = (it.life_ns()?, it.span_ns()?);
    let without = (span_ns.saturating_sub(held_ns(it)?) + around_ns(it)) as f64 / life_ns.max(1) as f64;
    let busy = (without > WITHOUT_MOST).then(|| {
        let percent = without * 100.0;
        format!(
            "{percent:.1} % of the threads' time the lock was free, or they started or ended late: no core was left"
        )
    });
    // In each process somebody holds the lock from the first task's start to the last one's end; all others wait. Of n threads
    // that end together this is (n-1)/n.
    let expected_ns = life_ns.saturating_sub(span_ns);
    let waiting = it.workers_sum(&waiting_for_lock, wall);
    let mut findings = in_turns(it)?;
    findings.push(
        Finding::share("lock-wait + switch-wait", "all but one wait: (n-1)/n", waiting, expected_ns, life_ns)
            .unless(busy),
    );
    Ok(findings)
}

fn alone(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let compute = it.workers_sum(&in_phase(Phase::Compute), wall);
    let waiting = it.workers_sum(&waiting_for_lock, wall);
    Ok(vec![
        Finding::share("compute", "CLOCK_MONOTONIC", compute, it.truth("/whole/wall_ns")?, life_ns),
        Finding::share("lock-wait + switch-wait", "nobody else wants the lock", waiting, 0, life_ns),
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
