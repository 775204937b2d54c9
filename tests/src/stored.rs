//! Large stores, made by the store's own code without running anything: for what lists, questions and exports cost.
//!
//! The figures in them are made up, and alike from one time to the next; nothing is said of any machine.

use std::path::Path;

use gild::store::Store;
use gild_model::account::{CounterReading, PhaseAccount, Role, WorkerAccount};
use gild_model::experiment::{Experiment, parse};
use gild_model::host::{CoreInfo, HostReport, Tier};
use gild_model::phase::Phase;
use gild_model::run::{RunId, RunStatus};
use gild_model::task_times::TaskTimes;
use gild_model::trial::{AccountingCost, Trial, TrialStatus};
use jiff::{SignedDuration, Timestamp};

/// The kernels of made-up runs, in turns.
pub const KERNELS: [&str; 4] = ["cpu-bound", "io-bound", "mixed", "null"];
/// The counters of a machine without a PMU.
const COUNTERS: [&str; 5] = ["tsc-cycles", "task-clock-ns", "context-switches", "cpu-migrations", "page-faults"];
/// The phases of a worker that is sent its tasks.
const PHASES: [Phase; 10] = [
    Phase::Startup,
    Phase::Idle,
    Phase::Receive,
    Phase::Decode,
    Phase::LockWait,
    Phase::SwitchWait,
    Phase::Compute,
    Phase::Encode,
    Phase::Send,
    Phase::Teardown,
];

/// What made-up runs are like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Workers of the cases that have several.
    pub workers: u32,
    /// Trials of each of the three cases.
    pub repetitions: u32,
    /// Whether counters were read at every phase.
    pub counters: bool,
}

impl Shape {
    /// Rows of accounts of a run: per repetition one case of one worker and two of several, each with a coordinator.
    pub fn rows(self) -> u64 {
        let rows = (1 + 1) + 2 * (1 + u64::from(self.workers));
        u64::from(self.repetitions) * rows * PHASES.len() as u64
    }
}

/// Adds `count` runs that are over, a minute apart, the last one submitted now.
///
/// # Panics
/// The store cannot be written.
pub fn fill(path: &Path, count: u32, shape: Shape) -> Vec<RunId> {
    let store = Store::open(path).expect("the store can be opened");
    let host = host();
    let first = Timestamp::now() - SignedDuration::from_mins(i64::from(count));
    let run = |number: u32| {
        let experiment = experiment(number, shape);
        let submitted_at = first + SignedDuration::from_mins(i64::from(number));
        let id = store.insert_run(&experiment, submitted_at).expect("there is room");
        store.set_running(id, &host, submitted_at).expect("the run is there");
        for repetition in 0..shape.repetitions {
            for case in 0..3 {
                store.insert_trial(id, &trial(&experiment, case, repetition, shape)).expect("the case is there");
            }
        }
        let status = if number % 10 == 9 { RunStatus::Failed } else { RunStatus::Done };
        let finished_at = submitted_at + SignedDuration::from_secs(30);
        store.finish_run(id, status, None, finished_at).expect("the run is there");
        id
    };
    (0..count).map(run).collect()
}

/// A sequential case, threads and processes.
fn experiment(number: u32, shape: Shape) -> Experiment {
    let (kernel, workers) = (KERNELS[number as usize % KERNELS.len()], shape.workers);
    let text = format!(
        "name = \"made-up-{number}\"\nkernel = \"{kernel}\"\nrepetitions = {}\nwarmups = 0\n[param]\nn = 30\ntasks = 100\n\
         [[case]]\nmodel = \"sequential\"\n[[case]]\nmodel = \"threads\"\nworkers = {workers}\n\
         [[case]]\nmodel = \"processes\"\nworkers = {workers}\n",
        shape.repetitions
    );
    parse(&text, Path::new("made-up.toml")).expect("the experiment makes sense")
}

fn host() -> HostReport {
    HostReport {
        hostname: "made-up".to_owned(),
        kernel: "6".to_owned(),
        cpu: "made up".to_owned(),
        cores: (0..8).map(|cpu| CoreInfo { cpu, core: cpu, package: 0 }).collect(),
        tier: Tier::Software,
        tier_reason: Some("made up".to_owned()),
        clock: "tsc".to_owned(),
        clock_reason: None,
        counters: Vec::new(),
        counter_groups: Vec::new(),
        counts_kernel: false,
        checks: Vec::new(),
    }
}

fn trial(experiment: &Experiment, case: u32, repetition: u32, shape: Shape) -> Trial {
    let workers = experiment.cases[case as usize].workers;
    let coordinator = std::iter::once(worker(Role::Coordinator, 0, repetition, shape));
    let workers = coordinator.chain((0..workers).map(|index| worker(Role::Worker, index, repetition, shape)));
    Trial {
        timelines: Vec::new(),
        lock_waits: None,
        holders: None,
        case,
        repetition,
        warmup: false,
        status: TrialStatus::Done,
        error: None,
        wall_ns: Some(1_000_000_000 + u64::from(repetition) * 1_000_000 + u64::from(case) * 10_000_000),
        tasks_planned: Some(100),
        tasks_done: 100,
        digest: Some("5a".repeat(32)),
        verified: Some(true),
        tier: Tier::Software,
        accounting: Some(AccountingCost {
            marks: 1_000,
            mark_ns: 10.0,
            counter_reads: 100,
            rdpmc_reads: 0,
            counter_read_ns: Some(1_000.0),
            schedstat_reads: 10,
            schedstat_read_ns: Some(500.0),
            cpu_clock_reads: 10,
            cpu_clock_read_ns: Some(200.0),
            share: 0.001,
        }),
        noise: None,
        workers: workers.collect(),
        task_times: vec![TaskTimes { planned: 100, ..TaskTimes::default() }],
        output: None,
    }
}

fn worker(role: Role, index: u32, repetition: u32, shape: Shape) -> WorkerAccount {
    let counters = |place: u64| match shape.counters {
        true => counters(place),
        false => Vec::new(),
    };
    let seed = u64::from(repetition) * 1_000 + u64::from(index);
    let phases = PHASES.iter().zip(seed..);
    let phases: Vec<_> = phases.map(|(phase, place)| account(*phase, place, counters(place))).collect();
    let life_ns = phases.iter().map(|it| it.wall_ns).sum();
    WorkerAccount {
        role,
        index,
        pid: Some(1_000 + index),
        tid: Some(1_000 + index),
        thread: None,
        command: None,
        core: None,
        tasks: 100,
        life_ns: Some(life_ns),
        accounted_ns: life_ns,
        balanced: Some(true),
        cpu_ns: Some(life_ns / 2),
        stolen_ns: Some(0),
        voluntary_switches: Some(7),
        involuntary_switches: Some(3),
        counters: counters(seed),
        task_counters: Vec::new(),
        notes: Vec::new(),
        phases,
    }
}

fn account(phase: Phase, place: u64, counters: Vec<CounterReading>) -> PhaseAccount {
    let [on_cpu, preempted, waking, blocked, stolen] = [7, 3, 2, 5, 1].map(|share| 1_000_000 * share + place % 997);
    PhaseAccount {
        phase,
        kernel_phase: None,
        entries: 1 + place % 100,
        wall_ns: on_cpu + preempted + waking + blocked + stolen,
        on_cpu_ns: Some(on_cpu),
        preempted_ns: Some(preempted),
        waking_ns: Some(waking),
        run_queue_ns: Some(preempted + waking),
        blocked_ns: Some(blocked),
        stolen_ns: Some(stolen),
        cpu_ns: Some(on_cpu),
        counters,
        lost_records: 0,
        open: false,
    }
}

fn counters(place: u64) -> Vec<CounterReading> {
    let reading = |(name, scale): (&&str, u64)| CounterReading {
        name: (*name).to_owned(),
        value: Some(place * scale),
        running_ratio: Some(1.0),
    };
    COUNTERS.iter().zip([2_450_000, 1_000_000, 7, 1, 3]).map(reading).collect()
}
