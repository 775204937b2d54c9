//! The task log of trials in this very process, task by task: what the histograms of the daemon are made of.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use gild_engine::clock::{Anchor, Clock, Rate, raw_ns};
use gild_engine::ledger::map::{Map, memory_file};
use gild_engine::ledger::task_log::{TaskLog, TaskLogReading, TaskRecord, reader};
use gild_engine::ledger::writer::stamp_birth;
use gild_engine::measure::meter::Meter;
use gild_engine::measure::tools::Plan;
use gild_engine::models::Trial;
use gild_engine::plugin::instance::{Instance, Planned};
use gild_engine::plugin::library::Plugin;
use gild_engine::spec::TrialSpec;
use gild_engine::{host, pinning, topology};

const TASKS: u64 = 500;

/// Runs a case of null tasks on this thread, as a coordinator would, and reads its log.
fn records(case: &str) -> (Vec<TaskRecord>, TaskLogReading) {
    let experiment = format!("kernel = 'null'\nparam.tasks = {TASKS}\n[[case]]\n{case}\n");
    let experiment = gild_model::experiment::parse(&experiment, Path::new("/lab/null.toml")).unwrap();
    let spec = TrialSpec {
        plugin: PathBuf::from(gild_null::LIBRARY),
        kernel: experiment.kernel,
        params: experiment.params,
        case: experiment.cases[0].clone(),
        counters: experiment.counters,
        max_overhead: experiment.max_overhead,
        tier: host::probe().tier,
        counter_groups: Vec::new(),
        counts_kernel: false,
        timeline: 0,
    };
    let plugin: &'static Plugin = Box::leak(Box::new(Plugin::load(&spec.plugin).unwrap()));
    let kernel = plugin.kernel(&spec.kernel).unwrap();
    let values = gild_model::params::resolve(&kernel.info, &spec.params).unwrap();
    let instance = Instance::create(kernel, &values).unwrap();
    let Planned { tasks, classes } = instance.plan().unwrap();
    let cores = pinning::place(&spec.case.pinning, spec.case.workers, &topology::allowed_cores().unwrap()).unwrap();
    let file = memory_file(spec.case.workers, 0).unwrap();
    let map: &'static Map = Box::leak(Box::new(Map::create(&file, spec.case.workers, 0).unwrap()));
    map.header().tasks_planned.store(TASKS, Relaxed);
    let log = TaskLog::lay_out(&file, map, &classes, tasks.iter().map(|task| task.class)).unwrap();
    let plan = Plan::of(&spec).with_log(log);
    let from = Anchor::take(Clock::best());
    stamp_birth(map.coordinator(), Clock::best().now(), raw_ns());
    let mut meter = Meter::start(map.coordinator(), &plan);
    let (values, tasks, cores) = (&values[..], &tasks[..], &cores[..]);
    let trial = Trial { spec: &spec, plan: &plan, map, kernel, values, instance: &instance, tasks, cores };
    assert_eq!(trial.run(&mut meter).unwrap().len() as u64, TASKS);
    meter.finish();
    let until = Anchor::take(Clock::best());
    let mut records = Vec::new();
    let rate = Rate::between(from, until).unwrap();
    let reading = reader::read(&file, map, until.ticks, rate, |record| records.push(record));
    (records, reading)
}

#[test]
fn a_sequential_task_waits_for_the_services_of_all_before_it_and_nothing_else() {
    let (records, reading) = records("model = 'sequential'");
    assert_eq!((reading.every, reading.damaged, reading.error), (1, 0, None));
    assert_eq!(records.iter().map(|it| it.task).collect::<Vec<_>>(), (0..TASKS).collect::<Vec<_>>());
    for pair in records.windows(2) {
        assert_eq!(Some(pair[1].taken_ns), pair[0].done_ns, "the next is taken when one is done: {pair:?}");
    }
    for it in &records {
        assert_eq!((it.worker, it.done_ns, it.class), (0, it.collected_ns, None));
    }
}

#[test]
fn a_thread_takes_its_next_task_after_the_last_and_every_task_has_one_worker() {
    let (mut records, reading) = records("model = 'threads'\nworkers = 3");
    assert_eq!((records.len() as u64, reading.damaged), (TASKS, 0));
    records.sort_by_key(|it| (it.worker, it.taken_ns));
    for pair in records.windows(2).filter(|pair| pair[0].worker == pair[1].worker) {
        assert!(Some(pair[1].taken_ns) >= pair[0].done_ns, "{pair:?}");
    }
    assert!(records.iter().all(|it| it.worker < 3 && it.done_ns == it.collected_ns));
    let mut tasks: Vec<u64> = records.iter().map(|it| it.task).collect();
    tasks.sort_unstable();
    assert!(tasks.into_iter().eq(0..TASKS));
}
