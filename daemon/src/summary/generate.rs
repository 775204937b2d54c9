//! Random trials and experiments for the tests of the store and of the summary.

use std::num::NonZeroU32;

use gild_engine::ledger::task_log::{TaskLogReading, TaskRecord};
use gild_model::account::{CounterReading, PhaseAccount, Role, WorkerAccount};
use gild_model::case::{CounterScope, LockPolicy, Model, Pinning};
use gild_model::choice::CaseChoice;
use gild_model::experiment::Experiment;
use gild_model::host::Tier;
use gild_model::lock_wait::{Holder, HoldingFunction, LockKind, LockWait};
use gild_model::noise::Noise;
use gild_model::phase::Phase;
use gild_model::summary::Shares;
use gild_model::task_times::{Percentiles, TaskTime, TaskTimes};
use gild_model::trial::{AccountingCost, Trial, TrialStatus};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::task_fold::TaskFold;

/// The largest number that the store holds.
const INTEGER_MAX: u64 = i64::MAX as u64;

/// An experiment with a sequential case, then threads, then processes.
pub fn experiment() -> Experiment {
    let case = |name: &str, model, workers, lock| {
        let pinning = Some(Pinning::Cores(vec![0, 2]));
        let workers = NonZeroU32::new(workers);
        let choice = CaseChoice { name: Some(name.to_owned()), workers, lock, pinning, ..CaseChoice::of(model) };
        choice.resolve().expect("the model needs no more than a number of workers")
    };
    Experiment {
        name: "an experiment".to_owned(),
        kernel: "a-kernel".to_owned(),
        python: None,
        plugin: None,
        params: [("n".to_owned(), gild_model::experiment::ParamValue::Float(0.1 + 0.2))].into(),
        cases: vec![
            case("sequential", Model::Sequential, 1, None),
            case("threads-10", Model::Threads, 10, Some(LockPolicy::Cpython)),
            case("processes-10", Model::Processes, 10, None),
        ],
        repetitions: 5,
        until: None,
        warmups: 1,
        counters: CounterScope::Phase,
        max_overhead: gild_model::experiment::MAX_OVERHEAD_DEFAULT,
        timeline: 0,
        task_limit_s: None,
        trial_limit_s: Some(1.5),
    }
}

/// A phase whose states add up to its wall time, as far as they were measured; in nanoseconds of up to 17 minutes.
fn honest_account() -> impl Strategy<Value = PhaseAccount> {
    let time = 0..=1_000_000_000_000_u64;
    let states = (time.clone(), time.clone(), time.clone(), time.clone(), time);
    (select(&Phase::ALL[..]), states, 0..4_u8).prop_map(
        |(phase, (on_cpu, preempted, waking, blocked, stolen), known)| {
            let stolen_known = known > 2;
            let on_cpu_ns = if stolen_known { on_cpu } else { on_cpu + stolen };
            PhaseAccount {
                phase,
                kernel_phase: None,
                entries: 1,
                wall_ns: on_cpu + preempted + waking + blocked + stolen,
                on_cpu_ns: (known > 0).then_some(on_cpu_ns),
                preempted_ns: (known > 1).then_some(preempted),
                waking_ns: (known > 1).then_some(waking),
                run_queue_ns: (known > 0).then_some(preempted + waking),
                blocked_ns: (known > 0).then_some(blocked),
                stolen_ns: stolen_known.then_some(stolen),
                cpu_ns: None,
                counters: Vec::new(),
                lost_records: 0,
                open: false,
            }
        },
    )
}

fn honest_worker(role: Role) -> impl Strategy<Value = WorkerAccount> {
    (vec(honest_account(), 0..8), option::of(0..1_000_000_000_u64)).prop_map(move |(phases, stolen_ns)| {
        let accounted_ns = phases.iter().map(|account| account.wall_ns).sum();
        WorkerAccount {
            role,
            index: 0,
            pid: Some(1),
            tid: Some(1),
            thread: None,
            command: None,
            core: None,
            tasks: 1,
            life_ns: Some(accounted_ns),
            accounted_ns,
            balanced: Some(true),
            cpu_ns: Some(accounted_ns / 2),
            stolen_ns,
            voluntary_switches: None,
            involuntary_switches: None,
            counters: Vec::new(),
            task_counters: Vec::new(),
            phases,
            notes: Vec::new(),
        }
    })
}

/// Trials that are done, of all cases and repetitions of [`experiment`], whose books balance.
pub fn honest_trials() -> impl Strategy<Value = Vec<Trial>> {
    let workers = (honest_worker(Role::Coordinator), vec(honest_worker(Role::Worker), 1..4));
    let wall_ns = 1..10_000_000_000_u64;
    let one = (workers, wall_ns, option::of(0.0..0.1), option::of(honest_noise()), honest_task_times());
    vec(one, 15).prop_map(|trials| {
        let finished =
            trials.into_iter().enumerate().map(|(place, (workers, wall_ns, share, noise, task_times))| Trial {
                task_times,
                wall_ns: Some(wall_ns),
                accounting: share.map(accounting_of),
                noise,
                workers: [vec![workers.0], workers.1].concat(),
                ..done(place as u32 % 3, place as u32 / 3)
            });
        finished.collect()
    })
}

/// The noise of a machine with two CPUs, none of which gave more than it had.
fn honest_noise() -> impl Strategy<Value = Noise> {
    let shares = (0..=100_u64, 0..=100_u64);
    let rest = (option::of(1..5_000_000_u64), option::of(0..3_u64));
    (1..10_000_000_000_u64, option::of(shares), rest).prop_map(|(window_ns, shares, (khz, throttles))| Noise {
        window_ns,
        cpus: 2,
        steal_ns: shares.map(|(steal, _)| window_ns / 100 * steal),
        steal_most_ns: shares.map(|(steal, _)| window_ns / 200 * steal),
        other_cpu_ns: shares.map(|(_, other)| window_ns / 100 * other),
        frequency_min_khz: khz,
        frequency_max_khz: khz.map(|khz| khz + 100_000),
        throttles,
    })
}

fn accounting_of(share: f64) -> AccountingCost {
    AccountingCost {
        marks: 10,
        mark_ns: 20.0,
        counter_reads: 0,
        rdpmc_reads: 0,
        counter_read_ns: None,
        schedstat_reads: 0,
        schedstat_read_ns: None,
        cpu_clock_reads: 0,
        cpu_clock_read_ns: None,
        share,
    }
}

/// A trial that is done and has no accounts.
pub fn done(case: u32, repetition: u32) -> Trial {
    Trial {
        timelines: Vec::new(),
        case,
        repetition,
        warmup: false,
        status: TrialStatus::Done,
        error: None,
        wall_ns: Some(1_000_000),
        tasks_planned: Some(100),
        tasks_done: 100,
        digest: Some("d1".to_owned()),
        verified: Some(true),
        tier: Tier::Software,
        accounting: None,
        noise: None,
        task_times: Vec::new(),
        lock_waits: Some(Vec::new()),
        holders: None,
        workers: Vec::new(),
        output: None,
    }
}

/// Any phase, sensible or not: what the store has to give back as it got it.
fn any_account() -> impl Strategy<Value = PhaseAccount> {
    let integer = || 0..=INTEGER_MAX;
    let maybe = || option::of(0..=INTEGER_MAX);
    let times = (integer(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe());
    (select(&Phase::ALL[..]), option::of(any::<String>()), integer(), times, any_counters(), integer(), any::<bool>())
        .prop_map(|(phase, kernel_phase, entries, times, counters, lost_records, open)| PhaseAccount {
            phase,
            kernel_phase,
            entries,
            wall_ns: times.0,
            on_cpu_ns: times.1,
            preempted_ns: times.2,
            waking_ns: times.3,
            run_queue_ns: times.4,
            blocked_ns: times.5,
            stolen_ns: times.6,
            cpu_ns: times.7,
            counters,
            lost_records,
            open,
        })
}

fn any_counters() -> impl Strategy<Value = Vec<CounterReading>> {
    let ratio = option::of(0.0..=1.0_f64);
    let reading = (any::<String>(), option::of(any::<u64>()), ratio);
    vec(reading.prop_map(|(name, value, running_ratio)| CounterReading { name, value, running_ratio }), 0..4)
}

/// Any worker, sensible or not.
fn any_worker() -> impl Strategy<Value = WorkerAccount> {
    let maybe = || option::of(0..=INTEGER_MAX);
    let identity = (
        select(&[Role::Coordinator, Role::Worker][..]),
        any::<u32>(),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
        0..=INTEGER_MAX,
    );
    let life = (maybe(), 0..=INTEGER_MAX, option::of(any::<bool>()), maybe(), maybe(), maybe(), maybe());
    let lists = (any_counters(), any_counters(), vec(any_account(), 0..4), vec(any::<String>(), 0..3));
    (identity, life, lists).prop_map(|(identity, life, lists)| WorkerAccount {
        role: identity.0,
        index: identity.1,
        pid: identity.2,
        tid: identity.3,
        thread: None,
        command: None,
        core: identity.4,
        tasks: identity.5,
        life_ns: life.0,
        accounted_ns: life.1,
        balanced: life.2,
        cpu_ns: life.3,
        stolen_ns: life.4,
        voluntary_switches: life.5,
        involuntary_switches: life.6,
        counters: lists.0,
        task_counters: lists.1,
        phases: lists.2,
        notes: lists.3,
    })
}

fn any_accounting() -> impl Strategy<Value = AccountingCost> {
    let integer = || 0..=INTEGER_MAX;
    let cost = || 0.0..1e9_f64;
    let reads = || (integer(), integer());
    (integer(), cost(), reads(), option::of(cost()), integer(), option::of(cost()), cost()).prop_map(|it| {
        AccountingCost {
            marks: it.0,
            mark_ns: it.1,
            counter_reads: it.2.0,
            rdpmc_reads: it.2.1,
            counter_read_ns: it.3,
            schedstat_reads: it.4,
            schedstat_read_ns: it.5,
            cpu_clock_reads: 0,
            cpu_clock_read_ns: None,
            share: it.6,
        }
    })
}

fn any_noise() -> impl Strategy<Value = Noise> {
    let maybe = || option::of(0..=INTEGER_MAX);
    let times = (0..=INTEGER_MAX, any::<u32>(), maybe(), maybe(), maybe());
    (times, maybe(), maybe(), maybe()).prop_map(|(times, min, max, throttles)| Noise {
        window_ns: times.0,
        cpus: times.1,
        steal_ns: times.2,
        steal_most_ns: times.3,
        other_cpu_ns: times.4,
        frequency_min_khz: min,
        frequency_max_khz: max,
        throttles,
    })
}

/// Any task times, sensible or not.
fn any_task_times() -> impl Strategy<Value = TaskTimes> {
    let maybe = || option::of(0..=INTEGER_MAX);
    let figures = (0..=INTEGER_MAX, option::of(0.0..1e18_f64), maybe(), maybe(), maybe(), maybe());
    let time = (figures, any::<String>()).prop_map(|(it, histogram)| TaskTime {
        figures: Percentiles { count: it.0, mean_ns: it.1, p50_ns: it.2, p90_ns: it.3, p99_ns: it.4, max_ns: it.5 },
        histogram,
    });
    (option::of(any::<String>()), 0..=INTEGER_MAX, vec(time, 3)).prop_map(|(class, planned, times)| {
        let [wait, service, total] = times.try_into().expect("there are three");
        TaskTimes { class, planned, wait, service, total }
    })
}

/// Times of three tasks, and of those of them that are of a class, as a daemon would store them.
fn honest_task_times() -> impl Strategy<Value = Vec<TaskTimes>> {
    let tasks = vec((0..1_000_000_000_u64, 0..1_000_000_000_u64, 0..1_000_000_u64, option::of(0..2_usize)), 3);
    tasks.prop_map(|tasks| {
        let mut fold = TaskFold::default();
        let mut planned = [("io".to_owned(), 0), ("cpu".to_owned(), 0)];
        for (task, (wait, service, rest, class)) in (0..).zip(tasks) {
            class.into_iter().for_each(|class| planned[class].1 += 1);
            let (done, collected) = (wait + service, wait + service + rest);
            let (done_ns, collected_ns) = (Some(done), Some(collected));
            fold.add(TaskRecord { task, worker: 0, class, taken_ns: wait, done_ns, collected_ns });
        }
        fold.finish(&TaskLogReading { classes: planned.to_vec(), every: 1, damaged: 0, error: None }, Some(3))
    })
}

/// Any trial of case 0, sensible or not.
pub fn any_trial() -> impl Strategy<Value = Trial> {
    let maybe = || option::of(0..=INTEGER_MAX);
    let end = (
        any::<u32>(),
        any::<bool>(),
        select(&[TrialStatus::Done, TrialStatus::Failed, TrialStatus::Cancelled][..]),
        option::of(any::<String>()),
        select(&[Tier::Bare, Tier::Software, Tier::Pmu][..]),
    );
    let work = (maybe(), maybe(), 0..=INTEGER_MAX, option::of(any::<String>()), option::of(any::<bool>()));
    let noise = option::of(any_noise());
    let waits = (option::of(vec(any_lock_wait(), 0..4)), option::of(vec(any_holding_function(), 0..4)));
    let workers = (vec(any_worker(), 0..4), vec(any_task_times(), 0..3), waits);
    let accounts = (option::of(any_accounting()), noise, workers, option::of(any::<String>()));
    (end, work, accounts).prop_map(|(end, work, accounts)| Trial {
        timelines: Vec::new(),
        case: 0,
        repetition: end.0,
        warmup: end.1,
        status: end.2,
        error: end.3,
        wall_ns: work.0,
        tasks_planned: work.1,
        tasks_done: work.2,
        digest: work.3,
        verified: work.4,
        tier: end.4,
        accounting: accounts.0,
        noise: accounts.1,
        workers: accounts.2.0,
        task_times: accounts.2.1,
        lock_waits: accounts.2.2.0,
        holders: accounts.2.2.1,
        output: accounts.3,
    })
}

/// Any wait, sensible or not.
fn any_lock_wait() -> impl Strategy<Value = LockWait> {
    let holder = prop_oneof![
        any::<u32>().prop_map(Holder::Worker),
        select(&[Holder::Nobody, Holder::Others, Holder::Unknown][..]),
    ];
    (select(&LockKind::ALL[..]), any::<u32>(), holder, 0..=INTEGER_MAX, 0..=INTEGER_MAX)
        .prop_map(|(lock, waiter, holder, waited_ns, entries)| LockWait { lock, waiter, holder, waited_ns, entries })
}

/// Any function, sensible or not.
fn any_holding_function() -> impl Strategy<Value = HoldingFunction> {
    let text = || option::of(any::<String>());
    (text(), text(), option::of(any::<u32>()), 0..=INTEGER_MAX, 0..=INTEGER_MAX).prop_map(
        |(function, file, line, waited_ns, hand_overs)| HoldingFunction { function, file, line, waited_ns, hand_overs },
    )
}

/// Checks that shares are parts of one whole.
pub fn check_shares(shares: &Shares) -> Result<(), TestCaseError> {
    let phases = [
        shares.compute,
        shares.lock_wait,
        shares.other_lock,
        shares.serialize,
        shares.transfer,
        shares.io_wait,
        shares.idle,
        shares.startup,
        shares.teardown,
    ];
    prop_assert!(phases.iter().all(|share| *share >= 0.0), "{phases:?}");
    prop_assert!((phases.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{phases:?}");
    prop_assert!(shares.switch_wait <= shares.lock_wait);
    let known = [shares.on_cpu, shares.run_queue, shares.blocked, shares.stolen];
    prop_assert!(known.iter().flatten().all(|share| *share >= 0.0), "{known:?}");
    if let [Some(on_cpu), Some(run_queue), Some(blocked), stolen] = known {
        let sum = on_cpu + run_queue + blocked + stolen.unwrap_or(0.0);
        prop_assert!((sum - 1.0).abs() < 1e-12, "{known:?}");
    }
    if let (Some(run_queue), Some(preempted), Some(waking)) = (shares.run_queue, shares.preempted, shares.waking) {
        prop_assert!((run_queue - preempted - waking).abs() < 1e-12);
    }
    Ok(())
}
