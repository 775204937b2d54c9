//! What processes cost: starting them, making bytes of values, moving the bytes, waiting for each other.

use super::{Scenario, Special, processes};
use crate::accuracy::evidence::{Evidence, end, in_phase, number, on_cpu, sum, wall};
use crate::accuracy::finding::Finding;
use gild_model::account::Role;
use gild_model::case::{Start, Transport};
use gild_model::choice::CaseChoice;
use gild_model::phase::Phase;
use serde_json::Value;

const CLOCK: &str = "CLOCK_MONOTONIC";
/// Two bare ping-pongs that differ by more than this factor say nothing: what waking the reader costs depends on how
/// deep its core sleeps.
const UNSTEADY: f64 = 4.0;
/// Bytes of a message that is held against a bare ping-pong.
const MESSAGE: usize = 48 << 10;

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "serialization",
        about: "one worker process; encoding and decoding burn 2 ms each",
        params: &[("tasks", 25), ("cpu_us", 10_000), ("encode_us", 2_000), ("fork_us", 1_000)],
        case: |_| Ok(processes(1, Start::Fork)),
        findings: serialization,
        special: Special::None,
    },
    Scenario {
        name: "transfer",
        about: "one worker process; results of 32 MiB through a pipe",
        params: &[("tasks", 6), ("cpu_us", 10_000), ("encode_us", 1), ("value_bytes", 32 << 20)],
        case: |_| Ok(processes(1, Start::Fork)),
        findings: transfer,
        special: Special::None,
    },
    Scenario {
        name: "transfer, shared memory",
        about: "one worker process; results of 32 MiB through a ring in shared memory",
        params: &[("tasks", 6), ("cpu_us", 10_000), ("encode_us", 1), ("value_bytes", 32 << 20)],
        case: |_| Ok(CaseChoice { transport: Some(Transport::Shm), ..processes(1, Start::Fork) }),
        findings: transfer,
        special: Special::None,
    },
    Scenario {
        name: "ping-pong",
        about: "one worker process; results of 48 KiB through a pipe, beside the same without gild",
        params: &[("tasks", 30), ("cpu_us", 10_000), ("value_bytes", MESSAGE as i64)],
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
        about: "four worker processes; the coordinator sleeps 30 ms before each fork",
        params: &[("tasks", 4), ("cpu_us", 50_000), ("fork_us", 30_000)],
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
    let coordinator = it.coordinator()?;
    let encode = in_phase(Phase::Encode);
    let worker_between = it.workers_sum(&|it| BETWEEN.contains(&it.phase) || it.phase == Phase::Decode, wall);
    let between = sum(coordinator, &|it| BETWEEN.contains(&it.phase) || it.phase == Phase::Encode, wall);
    let decode = sum(coordinator, &in_phase(Phase::Decode), wall);
    let worker_gaps_ns = worker_gaps(it, &encodes, &decodes)?;
    let gaps_ns = coordinator_gaps(it, &decodes)?;
    Ok(vec![
        Finding::share("encode", CLOCK, it.workers_sum(&encode, wall), total(&encodes, "/wall_ns")?, life_ns),
        Finding::share(
            "on-cpu while encoding",
            "burnt loops",
            it.workers_sum(&encode, on_cpu),
            total(&encodes, "/cpu_ns")?,
            life_ns,
        ),
        Finding::share("decode (coordinator)", CLOCK, decode, total(&decodes, "/wall_ns")?, wall_ns),
        Finding::share(
            "idle, receive, decode, send",
            "from a result's bytes to the next task",
            worker_between,
            worker_gaps_ns,
            life_ns,
        ),
        Finding::share(
            "idle, receive, encode, send (coordinator)",
            "from a value to the next one's bytes",
            between,
            gaps_ns,
            wall_ns,
        ),
    ])
}

/// What lies between two values, beside the codec of the tasks' inputs.
const BETWEEN: [Phase; 3] = [Phase::Idle, Phase::Receive, Phase::Send];

/// From the end of each result's encoding to the start of the next task; after the last one until its value is there, for
/// then the coordinator closes the connection.
fn worker_gaps(it: &Evidence<'_>, encodes: &[&Value], decodes: &[&Value]) -> Result<u64, String> {
    let tasks: Vec<_> = it.tasks().collect();
    let mut gaps_ns = 0;
    for encode in encodes {
        let task = number(encode, "/of_task")?;
        let until = match of_task(&tasks, "task", task + 1) {
            Ok(next) => number(next, "/whole/start_ns")?,
            Err(_) => end(of_task(decodes, "of_task", task)?, "")?,
        };
        gaps_ns += until.saturating_sub(end(encode, "")?);
    }
    Ok(gaps_ns)
}

/// From the end of the fork to the first result's bytes, from each result's value to the next one's bytes, and from the
/// last value until the worker is gone, for then the coordinator compares the results, for which it encodes them.
fn coordinator_gaps(it: &Evidence<'_>, decodes: &[&Value]) -> Result<u64, String> {
    let forks = it.lines_with("moment", "fork", Role::Coordinator)?;
    let compares = it.lines_with("codec", "encode", Role::Coordinator)?;
    let mut free_from = end(forks.first().ok_or("the kernel has reported no fork")?, "")?;
    let mut gaps_ns = 0;
    for decode in decodes {
        gaps_ns += number(decode, "/start_ns")?.saturating_sub(free_from);
        free_from = end(decode, "")?;
    }
    let compared = number(compares.first().ok_or("the kernel has reported no comparison")?, "/start_ns")?;
    Ok(gaps_ns + compared.saturating_sub(free_from))
}

fn transfer(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    const WAY: &str = "from the value's end to the first decoded byte";
    // A worker gives a value up as soon as it has its bytes; that is the end of encoding.
    let given_up = it.lines_with("codec", "drop", Role::Worker)?;
    let decodes = it.lines_with("codec", "decode", Role::Coordinator)?;
    let mut way_ns = 0;
    for value in &given_up {
        let decode = of_task(&decodes, "of_task", number(value, "/of_task")?)?;
        way_ns += number(decode, "/start_ns")?.saturating_sub(end(value, "")?);
    }
    // Neither side waits for a core on a quiet machine: then both are at it for as long as the bytes are under way.
    let busy = it.others_use_the_machine();
    let send = it.workers_sum(&in_phase(Phase::Send), wall);
    let receive = sum(it.coordinator()?, &in_phase(Phase::Receive), wall);
    Ok(vec![
        Finding::share("send", WAY, send, way_ns, it.life_ns()?).unless(busy.clone()),
        Finding::share("receive (coordinator)", WAY, receive, way_ns, it.wall_ns()?).unless(busy),
    ])
}

fn ping_pong(it: &Evidence<'_>) -> Result<Vec<Finding>, String> {
    let bare = it.bare.ok_or("no bare ping-pong was measured")?;
    let apart = (bare.after_ns / bare.before_ns).ln().abs();
    let unsteady = (apart > UNSTEADY.ln()).then(|| {
        let (before_us, after_us) = (bare.before_ns / 1e3, bare.after_ns / 1e3);
        format!(
            "the bare ping-pong took {before_us:.0} µs before and {after_us:.0} µs after: no truth to hold gild against"
        )
    });
    let truth_ns = (bare.before_ns + bare.after_ns) / 2.0 * it.tasks().count() as f64;
    let send = it.workers_sum(&in_phase(Phase::Send), wall);
    let finding = Finding::share("send", "a bare ping-pong", send, truth_ns as u64, it.life_ns()?);
    Ok(vec![finding.unless(unsteady.or(it.others_use_the_machine()))])
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
