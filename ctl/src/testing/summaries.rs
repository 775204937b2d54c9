//! Runs in figures: summaries, and a sweep.

use std::collections::BTreeMap;

use gild_model::advice::Advice;
use gild_model::case::Case;
use gild_model::experiment::ParamValue;
use gild_model::run::Run;
use gild_model::summary::{CaseSummary, Estimate, Group, Ratio, Shares, Summary};

use super::{run, trial};

/// Shares in the order of the table: eight phases, then on-cpu, run-queue, blocked, stolen.
fn shares(phases: [f64; 8], states: [Option<f64>; 4]) -> Shares {
    let [compute, lock_wait, serialize, transfer, io_wait, idle, startup, teardown] = phases;
    let [on_cpu, run_queue, blocked, stolen] = states;
    Shares {
        life_ns: 1_000_000_000,
        compute,
        lock_wait,
        switch_wait: 0.0,
        other_lock: 0.0,
        serialize,
        transfer,
        io_wait,
        idle,
        startup,
        teardown,
        on_cpu,
        run_queue,
        preempted: run_queue,
        waking: run_queue.map(|_| 0.0),
        blocked,
        stolen,
    }
}

fn case_summary(case: &Case, wall_s: f64, half_width: f64, sentence: &str) -> CaseSummary {
    let wall_ns = wall_s * 1e9;
    let (low, high) = (wall_ns * (1.0 - half_width), wall_ns * (1.0 + half_width));
    CaseSummary {
        case: case.clone(),
        trials: 5,
        failed: 0,
        error: None,
        wall_ns: Some(Estimate { median: wall_ns, low: Some(low), high: Some(high) }),
        baseline: 0,
        versus: None,
        tasks: Some(100),
        tasks_per_s: Some(100.0 / wall_s),
        task_times: Vec::new(),
        workers: None,
        coordinator: None,
        parallelism: None,
        unbalanced: 0,
        lost_records: 0,
        accounting: Some(0.001),
        noise: None,
        sentence: sentence.to_owned(),
    }
}

/// Cases of equal parameters whose results are right.
fn group(params: BTreeMap<String, Option<ParamValue>>, cases: Vec<u32>) -> Group {
    Group { params, baseline: cases[0], cases, results_identical: Some(true), verified: Some(true) }
}

fn ratio(median: f64, tie: bool) -> Option<Ratio> {
    let estimate = Estimate { median, low: Some(median - 0.05), high: Some(median + 0.05) };
    Some(Ratio { estimate, tie })
}

pub(super) fn summary(cases: &[Case]) -> Summary {
    let mut sequential =
        case_summary(&cases[0], 1.83, 0.004, "sequential: one worker computed for 99.9 % of its life.");
    let states = [Some(0.99), Some(0.005), Some(0.0), Some(0.005)];
    sequential.workers = Some(shares([0.9992, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0004, 0.0004], states));
    let mut threads = case_summary(&cases[1], 1.86, 0.006, "threads-10: as fast as sequential.");
    threads.workers = Some(shares([0.101, 0.897, 0.0, 0.0, 0.0, 0.001, 0.0006, 0.0004], [Some(1.0), None, None, None]));
    (threads.versus, threads.accounting) = (ratio(0.98, true), Some(0.002));
    let mut processes = case_summary(&cases[2], 0.97, 0.012, "processes-10: 1.89 times as fast as sequential.");
    let states = [Some(0.55), Some(0.40), Some(0.045), Some(0.005)];
    processes.workers = Some(shares([0.8996, 0.0, 0.02, 0.03, 0.0, 0.04, 0.01, 0.0004], states));
    let states = [Some(0.02), Some(0.005), Some(0.975), Some(0.0)];
    processes.coordinator = Some(shares([0.0, 0.0, 0.015, 0.005, 0.0, 0.98, 0.0, 0.0], states));
    processes.versus = ratio(1.89, false);
    Summary {
        groups: vec![group(BTreeMap::new(), vec![0, 1, 2])],
        cases: vec![sequential, threads, processes],
        results_identical: Some(true),
        verified: Some(true),
        noise: Some("noise: steal 0.3 % of 2 cores, other programs 1.2 %".to_owned()),
        advice: Advice::default(),
        notes: vec!["10 workers share 2 cores.".to_owned()],
    }
}

/// A run over n and chunk: for each n one thread, then two processes with chunks of 1 and of 8.
pub fn sweep() -> Run {
    let text = "kernel = 'cpu-bound'\nname = 'sweep'\nparam.tasks = 100\n[[case]]\nmodel = 'sequential'\nparam.n = [10, 20]\n\
                [[case]]\nmodel = 'processes'\nworkers = 2\nchunk = [1, 8]\nparam.n = [10, 20]";
    let experiment = gild_model::experiment::parse(text, "sweep.toml".as_ref()).expect("the experiment is well-formed");
    let groups = [(10, vec![0, 2, 3]), (20, vec![1, 4, 5])];
    let groups = groups.map(|(n, cases)| group(BTreeMap::from([("n".to_owned(), Some(ParamValue::Int(n)))]), cases));
    let walls_s = [0.004, 0.4, 0.005, 0.003, 0.25, 0.2];
    let mut run = run();
    let lines = experiment.cases.iter().zip(walls_s).enumerate().map(|(index, (case, wall_s))| {
        let baseline = groups.iter().find(|group| group.cases.contains(&(index as u32))).map_or(0, |it| it.baseline);
        let sentence = format!("{}: one of several.", case.name);
        let versus = (baseline as usize != index).then(|| ratio(walls_s[baseline as usize] / wall_s, false)).flatten();
        let shared = &run.summary.cases[2];
        let (workers, coordinator) = (shared.workers.clone(), shared.coordinator.clone());
        let coordinator = coordinator.filter(|_| !case.model.lends_coordinator());
        CaseSummary { baseline, versus, workers, coordinator, ..case_summary(case, wall_s, 0.01, &sentence) }
    });
    run.summary.cases = lines.collect();
    run.summary.groups = groups.into();
    run.trials = [0, 2, 3, 1, 4, 5].map(|case| trial(case, 1_000_000)).into();
    run.experiment = experiment;
    run
}
