//! What processes cost: starting them, making bytes of values, moving the bytes, waiting for each other.

use super::{Scenario, Special, processes};
use crate::accuracy::evidence::{Evidence, end, in_phase, number, on_cpu, sum, wall};
use crate::accuracy::finding::Finding;
use gild_model::account::Role;
use gild_model::case::Start;
use gild_model::phase::Phase;
use serde_json::Value;

const CLOCK: &str = "CLOCK_MONOTONIC";
/// Bytes of a message that is held against a bare ping-pong.
const MESSAGE: usize = 256 << 10;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "serialization",
        about: "one worker process; encoding and decoding burn 2 ms each",
        params: &[("tasks", 25), ("cpu_us", 10_000), ("encode_us", 2_000)],
        case: |_| Ok(processes(1, Start::Fork)),
        findings: serialization,
        special: Special::None,
    },
    Scenario {
        name: "transfer",
        about: "one worker process; results of 4 MiB through a pipe",
        params: &[("tasks", 25), ("cpu_us", 10_000), ("encode_us", 1), ("value_bytes", 4 << 20)],
        case: |_| Ok(processes(1, Start::Fork)),
        findings: transfer,
        special: Special::None,
    },
    Scenario {
        name: "ping-pong",
        about: "one worker process; results of 256 KiB through a pipe, beside the same without gild",
        params: &[("tasks", 40), ("cpu_us", 10_000), ("value_bytes", MESSAGE as i64)],
        case: |_| Ok(processes(1, Start::Fork)),
        findings: ping_pong,
        special: Special::PingPong(MESSAGE),
    },
    Scenario {
        name: "start and end",
        about: "two worker processes, fork + exec; making and giving up an instance burn 50 ms each",
        params: &[("tasks", 2), ("cpu_us", 50_000), ("create_us", 50_000), ("destroy_us", 50_000)],
        case: |_| Ok(processes(2, Start::Spawn)),
        findings: start_and_end,
        special: Special::None,
    },
    Scenario {
        name: "launch",
        about: "four worker processes; each fork burns 10 ms in the coordinator",
        params: &[("tasks", 4), ("cpu_us", 50_000), ("fork_us", 10_000)],
        case: |_| Ok(processes(4, Start::Fork)),
        findings: launch,
        special: Special::None,
    },
];

/// Sums a number over lines.
fn total(lines: &[&Value], pointer: &str) -> Result<u64, String> {
    lines.iter().map(|line| number(line, pointer)).sum()
}

/// The line of this task.
fn of_task<'l>(lines: &[&'l Value], field: &str, task: u64) -> Result<&'l Value, String> {
    let line = lines.iter().find(|line| line[field].as_u64() == Some(task));
    line.copied().ok_or_else(|| format!("the kernel has reported nothing of task {task}"))
}

fn serialization(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let (life_ns, wall_ns) = (it.life_ns()?, it.wall_ns()?);
    let encodes = it.lines_with("codec", "encode", Role::Worker)?;
    let decodes = it.lines_with("codec", "decode", Role::Coordinator)?;
    let tasks: Vec<_> = it.tasks().collect();
    let coordinator = it.coordinator()?;
    let (mut worker_idle_ns, mut coordinator_idle_ns) = (0, 0);
    for task in 1..tasks.len() as u64 {
        let result_there = end(of_task(&encodes, "of_task", task - 1)?, "")?;
        worker_idle_ns += number(of_task(&tasks, "task", task)?, "/whole/start_ns")?.saturating_sub(result_there);
        let free_again = end(of_task(&decodes, "of_task", task - 1)?, "")?;
        coordinator_idle_ns += end(of_task(&encodes, "of_task", task)?, "")?.saturating_sub(free_again);
    }
    // The first task's time is in neither of the sums above, and in gild's figures: it is taken off by the clock.
    let first = of_task(&encodes, "of_task", 0)?;
    coordinator_idle_ns += end(first, "")? - number(of_task(&tasks, "task", 0)?, "/whole/start_ns")?;
    let between = |it: &gild_model::account::PhaseAccount| {
        [Phase::Idle, Phase::Receive, Phase::Decode, Phase::Send].contains(&it.phase)
    };
    Ok(vec![
        Finding::share(
            "encode",
            CLOCK,
            it.workers_sum(&in_phase(Phase::Encode), wall),
            total(&encodes, "/wall_ns")?,
            life_ns,
        ),
        Finding::share(
            "on-cpu while encoding",
            "burnt loops",
            it.workers_sum(&in_phase(Phase::Encode), on_cpu),
            total(&encodes, "/cpu_ns")?,
            life_ns,
        ),
        Finding::share(
            "decode (coordinator)",
            CLOCK,
            sum(coordinator, &in_phase(Phase::Decode), wall),
            total(&decodes, "/wall_ns")?,
            wall_ns,
        ),
        Finding::share(
            "idle and the way of values",
            "from a result's bytes to the next task",
            it.workers_sum(&between, wall),
            worker_idle_ns,
            life_ns,
        ),
        Finding::share(
            "idle (coordinator)",
            "from a result's value to the next one's bytes",
            sum(coordinator, &in_phase(Phase::Idle), wall),
            coordinator_idle_ns,
            wall_ns,
        ),
    ])
}

fn transfer(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    const WAY: &str = "from the last encoded byte to the first decoded one";
    let encodes = it.lines_with("codec", "encode", Role::Worker)?;
    let decodes = it.lines_with("codec", "decode", Role::Coordinator)?;
    let mut way_ns = 0;
    for encode in &encodes {
        let decode = of_task(&decodes, "of_task", number(encode, "/of_task")?)?;
        way_ns += number(decode, "/start_ns")?.saturating_sub(end(encode, "")?);
    }
    let receive = sum(it.coordinator()?, &in_phase(Phase::Receive), wall);
    Ok(vec![
        Finding::share("send", WAY, it.workers_sum(&in_phase(Phase::Send), wall), way_ns, it.life_ns()?),
        Finding::share("receive (coordinator)", WAY, receive, way_ns, it.wall_ns()?),
    ])
}

fn ping_pong(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let bare = it.bare.ok_or("no bare ping-pong was measured")?;
    let apart = (bare.after_ns / bare.before_ns).ln().abs();
    let unsteady = (apart > 0.25).then(|| {
        format!(
            "the bare ping-pong took {:.0} µs before and {:.0} µs after: no truth to hold gild against",
            bare.before_ns / 1e3,
            bare.after_ns / 1e3
        )
    });
    let truth_ns = (bare.before_ns + bare.after_ns) / 2.0 * it.tasks().count() as f64;
    let send = it.workers_sum(&in_phase(Phase::Send), wall);
    Ok(vec![Finding::share("send", "a bare ping-pong", send, truth_ns as u64, it.life_ns()?).unless(unsteady)])
}

fn start_and_end(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let life_ns = it.life_ns()?;
    let created = it.lines_with("moment", "create", Role::Worker)?;
    let destroyed = it.lines_with("moment", "destroy", Role::Worker)?;
    Ok(vec![
        Finding::share(
            "on-cpu while starting",
            "CLOCK_PROCESS_CPUTIME_ID",
            it.workers_sum(&in_phase(Phase::Startup), on_cpu),
            total(&created, "/process_cpu_ns")?,
            life_ns,
        ),
        Finding::share(
            "teardown",
            CLOCK,
            it.workers_sum(&in_phase(Phase::Teardown), wall),
            total(&destroyed, "/wall_ns")?,
            life_ns,
        ),
    ])
}

fn launch(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let forks = it.lines_with("moment", "fork", Role::Coordinator)?;
    let launch = sum(it.coordinator()?, &in_phase(Phase::Launch), wall);
    Ok(vec![Finding::share(
        "launch (coordinator)",
        "pthread_atfork",
        launch,
        total(&forks, "/wall_ns")?,
        it.wall_ns()?,
    )])
}
