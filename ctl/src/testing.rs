//! Values and a fake daemon for tests.

mod fake_daemon;
pub mod live;
mod summaries;
pub mod timelines;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use gild_model::account::{PhaseAccount, Role, WorkerAccount};
use gild_model::advice::{Advice, Bound, BreakEven, CaseAdvice, Decision, GroupAdvice, Scaling, ScalingPoint, Try};
use gild_model::api::DaemonStatus;
use gild_model::case::{Case, CounterScope, Model};
use gild_model::choice::CaseChoice;
use gild_model::comparison::{self, CaseComparison, Comparison, ShareChange};
use gild_model::experiment::{Experiment, ParamValue};
use gild_model::host::{Check, CoreInfo, CounterStatus, HostReport, Tier, Verdict};
use gild_model::noise::Noise;
use gild_model::phase::Phase;
use gild_model::plugin::{KernelInfo, ParamInfo, ParamKind, PluginInfo};
use gild_model::run::{Run, RunHead, RunStatus};
use gild_model::summary::{Estimate, Ratio};
use gild_model::task_times::{Percentiles, TaskFigures, TaskTime, TaskTimes};
use gild_model::trial::{AccountingCost, Trial, TrialStatus};
use jiff::Timestamp;

pub use fake_daemon::{Answer, FakeDaemon};
use summaries::summary;
pub use summaries::sweep;

/// A moment.
pub fn timestamp() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// A daemon of this version.
pub fn status() -> DaemonStatus {
    DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: 77,
        started_at: timestamp(),
        program: "/opt/gild/gild".into(),
        program_replaced: false,
        store: "/data/gild.db".into(),
        config: None,
        metrics: Some(([127, 0, 0, 1], 9464).into()),
        running: Some(12),
        queued: 1,
        recording: vec![13],
    }
}

/// A case with every other choice left to its default.
pub fn case(name: &str, model: Model, workers: u32) -> Case {
    let workers = NonZeroU32::new(workers);
    let choice = CaseChoice { name: Some(name.to_owned()), workers, ..CaseChoice::of(model) };
    choice.resolve().expect("the model needs no more than a number of workers")
}

/// The article's experiment.
pub fn experiment() -> Experiment {
    Experiment {
        name: "article".to_owned(),
        kernel: "cpu-bound".to_owned(),
        python: None,
        plugin: None,
        params: BTreeMap::from([("n".to_owned(), ParamValue::Int(30)), ("tasks".to_owned(), ParamValue::Int(100))]),
        cases: vec![
            case("sequential", Model::Sequential, 1),
            case("threads-10", Model::Threads, 10),
            case("processes-10", Model::Processes, 10),
        ],
        repetitions: 5,
        until: None,
        warmups: 1,
        counters: CounterScope::Phase,
        max_overhead: gild_model::experiment::MAX_OVERHEAD_DEFAULT,
        timeline: 0,
        task_limit_s: None,
        trial_limit_s: None,
    }
}

/// A machine without PMU.
pub fn host() -> HostReport {
    let check = |name: &str, verdict, found: &str, remedy: Option<&str>| Check {
        name: name.to_owned(),
        verdict,
        found: found.to_owned(),
        remedy: remedy.map(str::to_owned),
    };
    HostReport {
        hostname: "lab".to_owned(),
        kernel: "6.18.0".to_owned(),
        cpu: "AMD EPYC".to_owned(),
        cores: vec![CoreInfo { cpu: 0, core: 0, package: 0 }, CoreInfo { cpu: 1, core: 0, package: 0 }],
        tier: Tier::Software,
        tier_reason: Some("no PMU here".to_owned()),
        clock: "tsc".to_owned(),
        clock_reason: None,
        counters: vec![
            CounterStatus { name: "task-clock".to_owned(), usable: true, reason: None },
            CounterStatus { name: "instructions".to_owned(), usable: false, reason: Some("no PMU".to_owned()) },
        ],
        counter_groups: vec![vec!["task-clock".to_owned()]],
        counts_kernel: true,
        checks: vec![
            check("hardware counters", Verdict::Bad, "perf_event_open: ENOENT, this machine has no PMU", None),
            check(
                "perf_event_paranoid",
                Verdict::Limited,
                "2: events in the kernel need privilege",
                Some("sudo sysctl kernel.perf_event_paranoid=1"),
            ),
        ],
    }
}

/// Two cores for two seconds, of which 0.25 % were stolen and 5 % used by others.
pub fn noise() -> Noise {
    Noise {
        window_ns: 2_000_000_000,
        cpus: 2,
        steal_ns: Some(10_000_000),
        steal_most_ns: Some(10_000_000),
        other_cpu_ns: Some(200_000_000),
        frequency_min_khz: None,
        frequency_max_khz: None,
        throttles: None,
    }
}

fn trial(case: u32, wall_ns: u64) -> Trial {
    Trial {
        timelines: Vec::new(),
        case,
        repetition: 0,
        warmup: false,
        status: TrialStatus::Done,
        error: None,
        wall_ns: Some(wall_ns),
        tasks_planned: Some(100),
        tasks_done: 100,
        digest: Some("0123456789abcdef".repeat(4)),
        verified: Some(true),
        tier: Tier::Software,
        accounting: Some(AccountingCost {
            marks: 1000,
            mark_ns: 20.0,
            counter_reads: 0,
            rdpmc_reads: 0,
            counter_read_ns: None,
            schedstat_reads: 0,
            schedstat_read_ns: None,
            cpu_clock_reads: 0,
            cpu_clock_read_ns: None,
            share: 0.001,
        }),
        noise: Some(noise()),
        task_times: Vec::new(),
        lock_waits: None,
        holders: None,
        workers: Vec::new(),
        output: None,
    }
}

/// Times of tasks of a class, each kind with figures of its own.
pub fn task_times(class: Option<&str>, planned: u64) -> TaskTimes {
    let time = |from: u64| TaskTime {
        figures: Percentiles {
            count: planned,
            mean_ns: Some(from as f64 + 0.5),
            p50_ns: Some(from),
            p90_ns: Some(2 * from),
            p99_ns: Some(3 * from),
            max_ns: Some(4 * from),
        },
        histogram: "HISTF".to_owned(),
    };
    let (wait, service, total) = (time(1_000_000), time(20_000), time(1_020_000));
    TaskTimes { class: class.map(str::to_owned), planned, wait, service, total }
}

/// The figures of such a class in a case.
pub fn task_figures(class: Option<&str>, tasks: u64) -> TaskFigures {
    let TaskTimes { class, wait, service, total, .. } = task_times(class, tasks);
    TaskFigures {
        class,
        tasks: Some(tasks),
        tasks_per_s: Some(Estimate { median: tasks as f64 / 2.0, low: Some(tasks as f64 / 2.1), high: None }),
        wait: wait.figures,
        service: service.figures,
        total: total.figures,
    }
}

/// A finished run of the article's experiment.
pub fn run() -> Run {
    let experiment = experiment();
    let head = RunHead {
        id: 12,
        name: experiment.name.clone(),
        kernel: experiment.kernel.clone(),
        status: RunStatus::Done,
        error: None,
        cases: 3,
        trials_done: 18,
        trials_planned: 18,
        submitted_at: timestamp(),
        started_at: Some(timestamp()),
        finished_at: Some(timestamp() + jiff::SignedDuration::from_secs(83)),
        tags: Vec::new(),
        note: None,
    };
    let trials = vec![trial(0, 1_830_000_000), trial(1, 1_860_000_000), trial(2, 970_000_000)];
    Run { head, summary: summary(&experiment.cases), experiment, host: Some(host()), trials }
}

/// What one phase took; without `states` none were measured.
pub fn phase_account(phase: Phase, wall_ns: u64, states: Option<[u64; 5]>) -> PhaseAccount {
    PhaseAccount {
        phase,
        kernel_phase: None,
        entries: 3,
        wall_ns,
        on_cpu_ns: states.map(|it| it[0]),
        preempted_ns: states.map(|it| it[1]),
        waking_ns: states.map(|it| it[2]),
        run_queue_ns: states.map(|it| it[1] + it[2]),
        blocked_ns: states.map(|it| it[3]),
        stolen_ns: states.map(|it| it[4]),
        cpu_ns: None,
        counters: Vec::new(),
        lost_records: 0,
        open: false,
    }
}

fn worker(role: Role, tid: u32, phases: Vec<PhaseAccount>) -> WorkerAccount {
    let is_worker = role == Role::Worker;
    WorkerAccount {
        role,
        index: 0,
        pid: Some(100),
        tid: Some(tid),
        thread: None,
        command: None,
        core: is_worker.then_some(1),
        tasks: if is_worker { 10 } else { 0 },
        life_ns: Some(1_000_000_000),
        accounted_ns: phases.iter().map(|it| it.wall_ns).sum(),
        balanced: Some(!is_worker),
        cpu_ns: None,
        stolen_ns: None,
        voluntary_switches: None,
        involuntary_switches: None,
        counters: Vec::new(),
        task_counters: Vec::new(),
        phases,
        notes: if is_worker { vec!["the ring could not be mapped".to_owned()] } else { Vec::new() },
    }
}

/// A trial of ten threads with the accounts of its coordinator and one worker.
pub fn trial_with_accounts() -> Trial {
    let idle = phase_account(Phase::Idle, 1_000_000_000, Some([10_000_000, 0, 400_000, 989_000_000, 0]));
    let lock = phase_account(Phase::LockWait, 800_000_000, None);
    let switch = phase_account(Phase::SwitchWait, 100_000_000, Some([0, 0, 0, 100_000_000, 0]));
    let compute = phase_account(Phase::Compute, 100_000_000, None);
    let workers =
        vec![worker(Role::Coordinator, 100, vec![idle]), worker(Role::Worker, 101, vec![lock, switch, compute])];
    Trial { workers, ..trial(1, 1_860_000_000) }
}

/// A plugin with one kernel.
pub fn plugin() -> PluginInfo {
    let param = |name: &str, kind, preset, summary: &str| ParamInfo {
        name: name.to_owned(),
        summary: summary.to_owned(),
        unit: None,
        kind,
        preset,
        min: None,
        max: None,
        choices: Vec::new(),
    };
    let mut n = param("n", ParamKind::Integer, ParamValue::Int(30), "size of the product");
    (n.min, n.max) = (Some(ParamValue::Int(1)), Some(ParamValue::Int(5000)));
    let mut mode = param("mode", ParamKind::String, ParamValue::Text("fast".to_owned()), "how");
    (mode.choices, mode.unit) = (vec!["fast".to_owned(), "slow".to_owned()], Some("x".to_owned()));
    PluginInfo {
        path: "/opt/gild/libcpu_bound.so".into(),
        name: "cpu-bound".to_owned(),
        version: "0.1.0".to_owned(),
        license: "MIT OR Apache-2.0".to_owned(),
        abi: "1.0".to_owned(),
        kernels: vec![KernelInfo {
            name: "cpu-bound".to_owned(),
            summary: "multiplies big integers".to_owned(),
            params: vec![n, mode],
            phases: Vec::new(),
            shared: true,
            deterministic: true,
            fork_safe: true,
            verifies: true,
            asynchronous: false,
        }],
    }
}

/// Two runs of the article's experiment: one case became faster, one slower, one is missing.
pub fn comparison() -> Comparison {
    let estimate = |median: f64, low, high| Some(Estimate { median, low: Some(low), high: Some(high) });
    let wall = |s: f64| estimate(s * 1e9, s * 0.99e9, s * 1.01e9);
    let case = |name: &str, new_s, ratio, verdict, changes| CaseComparison {
        case: name.to_owned(),
        old_trials: 5,
        new_trials: 5,
        old_wall_ns: wall(2.0),
        new_wall_ns: wall(new_s),
        ratio,
        verdict: Some(verdict),
        changes,
    };
    let change = |share: &str, old, new| ShareChange { share: share.to_owned(), old, new };
    let changes = vec![change("lock-wait", 0.6, 0.723), change("compute", 0.32, 0.2)];
    let old = run().head;
    Comparison {
        new: RunHead { id: 13, status: RunStatus::Failed, ..old.clone() },
        old,
        cases: vec![
            case("sequential", 1.0, estimate(2.0, 1.95, 2.05), comparison::Verdict::Faster, Vec::new()),
            case("threads-10", 2.5, estimate(0.8, 0.78, 0.82), comparison::Verdict::Slower, changes),
        ],
        only_old: vec!["processes-10".to_owned()],
        only_new: Vec::new(),
        warnings: vec!["tasks: 100 in the old run, 50 in the new one".to_owned()],
    }
}

/// Advice on a run of the article's experiment.
pub fn advice() -> Advice {
    let estimate = |median, low, high| Estimate { median, low: Some(low), high: Some(high) };
    let case = |case: &str, bound, share, at_best, parallelism, slower| CaseAdvice {
        case: case.to_owned(),
        bound,
        share,
        at_best,
        parallelism,
        slower,
    };
    let slower = Ratio { estimate: estimate(1.89, 1.8, 2.0), tie: false };
    let point = |workers, tasks_per_s, speedup, serial_fraction| ScalingPoint {
        case: format!("processes-{workers}"),
        workers,
        tasks_per_s,
        speedup,
        serial_fraction,
        past_cores: false,
    };
    let sentences = [
        "Use 2 processes (processes-2): 1.89× as fast as sequential (95 % CI 1.80 to 2.00).",
        "threads-10's workers spend 89.7 % of their time waiting for the lock.",
    ];
    let group = GroupAdvice {
        params: BTreeMap::new(),
        decision: Decision::Use,
        case: Some("processes-2".to_owned()),
        tied_with: Vec::new(),
        sentences: sentences.map(str::to_owned).to_vec(),
        tries: vec![Try {
            reason: "more repetitions".to_owned(),
            command: Some("gilctl show RUN --experiment > again.toml && gilctl run again.toml --until 2%".to_owned()),
        }],
        cases: vec![
            case("sequential", Some(Bound::Computing), Some(0.999), Some(2.0), Some(1.0), Some(slower)),
            case("processes-2", None, None, None, None, None),
        ],
        scaling: vec![Scaling {
            cases: "processes, fork, pipe".to_owned(),
            base: Some("processes-1".to_owned()),
            points: vec![
                point(1, 50.0, None, None),
                point(2, 95.0, Some(estimate(1.9, 1.8, 2.0)), Some(estimate(0.0526, 0.0, 0.1111))),
            ],
            fit: None,
            no_fit: Some("2 numbers of workers are fewer than 6".to_owned()),
        }],
        break_even: vec![BreakEven {
            case: "processes-2".to_owned(),
            at_once: 2,
            compute_ns: 20e6,
            worker_ns: 80e3,
            coordinator_ns: 40e3,
            start_ns: 1.2e6,
            tasks: 100,
            break_even_ns: 104e3,
        }],
    };
    Advice { groups: vec![group] }
}
