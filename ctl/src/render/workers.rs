//! One row per worker, trial by trial.

use gild_model::account::{CounterReading, PhaseAccount, Role, WorkerAccount};
use gild_model::experiment::Experiment;
use gild_model::host::Tier;
use gild_model::phase::Phase;
use gild_model::trial::Trial;

use super::axes::Axes;
use super::grid::{Align, Grid};
use super::{Style, figures, harmless, trials};

/// Columns of phases, as in the table of results.
const PHASES: [(&str, &[Phase]); 8] = [
    ("compute", &[Phase::Compute]),
    ("lock-wait", &[Phase::LockWait, Phase::SwitchWait]),
    ("enc+dec", &[Phase::Encode, Phase::Decode]),
    ("send+recv", &[Phase::Send, Phase::Receive]),
    ("io-wait", &[Phase::IoWait]),
    ("idle", &[Phase::Idle]),
    ("startup", &[Phase::Startup, Phase::Launch]),
    ("teardown", &[Phase::Teardown]),
];

/// One state of one phase.
type StateColumn = (&'static str, fn(&PhaseAccount) -> Option<u64>);

const STATES: [StateColumn; 4] = [
    ("on-cpu", |it| it.on_cpu_ns),
    ("run-queue", |it| it.run_queue_ns),
    ("blocked", |it| it.blocked_ns),
    ("stolen", |it| it.stolen_ns),
];

/// Draws the workers of every trial given; shares are of each worker's own life.
pub fn render(experiment: &Experiment, trials: &[Trial], style: Style) -> String {
    if trials.is_empty() {
        return "no trial is finished\n".to_owned();
    }
    let axes = Axes::of(experiment);
    trials.iter().map(|trial| one_trial(experiment, &axes, trial, style)).collect::<Vec<_>>().join("\n")
}

fn one_trial(experiment: &Experiment, axes: &Axes, trial: &Trial, style: Style) -> String {
    let wall = figures::number_or_dash(trial.wall_ns.map(|ns| figures::time(ns as f64)));
    let mut case = trials::case_name(experiment, trial);
    let words = experiment.cases.get(trial.case as usize).map(|_| axes.words(trial.case as usize)).unwrap_or_default();
    if !words.is_empty() {
        case += &format!(" ({words})");
    }
    let number = trials::number(experiment, trial);
    let (status, tier) = (trial.status.name(), trial.tier.name().to_owned() + way(trial));
    let mut text = harmless(&format!("{case}, trial {number}: {status}, wall {wall}, counters: {tier}")) + "\n";
    if let Some(error) = &trial.error {
        text += &format!("{}\n", harmless(error));
    }
    text += &table(&trial.workers, style);
    for worker in &trial.workers {
        text.extend(shared_counters(worker).map(|line| format!("counters: {}: {line}\n", label(worker))));
        text.extend(worker.notes.iter().map(|note| format!("note: {}: {}\n", label(worker), harmless(note))));
    }
    text
}

/// How hardware counters were read.
fn way(trial: &Trial) -> &'static str {
    match &trial.accounting {
        Some(cost) if trial.tier == Tier::Pmu && cost.rdpmc_reads > 0 => " (read by rdpmc)",
        Some(_) if trial.tier == Tier::Pmu => " (read by system calls)",
        _ => "",
    }
}

/// The counters of a worker that did not count all the time: the share in which they did, by which they are scaled.
fn shared_counters(worker: &WorkerAccount) -> Option<String> {
    let shared = |it: &CounterReading| {
        let ratio = it.running_ratio.filter(|ratio| *ratio < 1.0)?;
        Some(match it.value {
            Some(value) => format!("{} {value} (scaled up: counted {} of the time)", it.name, figures::share(ratio)),
            None => format!("{} not counted", it.name),
        })
    };
    let shared: Vec<_> = worker.counters.iter().filter_map(shared).collect();
    (!shared.is_empty()).then(|| harmless(&shared.join(", ")))
}

fn table(workers: &[WorkerAccount], style: Style) -> String {
    let identity = [
        ("worker", Align::Left),
        ("pid", Align::Right),
        ("tid", Align::Right),
        ("core", Align::Right),
        ("tasks", Align::Right),
        ("life", Align::Right),
    ];
    let phases = PHASES.iter().map(|(head, _)| (*head, Align::Right));
    let states = STATES.iter().map(|(head, _)| (*head, Align::Right));
    let mut grid = Grid::new(identity.into_iter().chain(phases).chain(states).chain([("books", Align::Left)]));
    for worker in workers {
        match worker.role {
            Role::Coordinator | Role::Helper => grid.dim_row(row(worker)),
            Role::Worker => grid.row(row(worker)),
        }
    }
    let gap = if grid.width(2) <= style.width { 2 } else { 1 };
    grid.text(style, gap)
}

fn row(worker: &WorkerAccount) -> Vec<String> {
    let share = |ns: Option<u64>| {
        let of_life = ns.filter(|_| worker.accounted_ns > 0).map(|ns| ns as f64 / worker.accounted_ns as f64);
        figures::share_or_dash(of_life)
    };
    let phases = PHASES.iter().map(|(_, phases)| share(Some(phases.iter().map(|it| worker.wall_in(*it)).sum())));
    let states = STATES.iter().map(|(_, state)| share(sum(&worker.phases, *state)));
    let identity = vec![
        label(worker),
        figures::number_or_dash(worker.pid),
        figures::number_or_dash(worker.tid),
        figures::number_or_dash(worker.core),
        worker.tasks.to_string(),
        figures::number_or_dash(worker.life_ns.map(|ns| figures::time(ns as f64))),
    ];
    let books = worker.balanced.map(|it| if it { "balance" } else { "DO NOT BALANCE" });
    identity.into_iter().chain(phases).chain(states).chain([figures::number_or_dash(books)]).collect()
}

/// The sum over all phases, if it was measured in all of them.
fn sum(phases: &[PhaseAccount], state: fn(&PhaseAccount) -> Option<u64>) -> Option<u64> {
    phases.iter().map(state).sum::<Option<u64>>().filter(|_| !phases.is_empty())
}

fn label(worker: &WorkerAccount) -> String {
    match worker.role {
        Role::Coordinator => "coordinator".to_owned(),
        Role::Worker => worker.index.to_string(),
        Role::Helper => helper(worker),
    }
}

/// What a thread of the executor's own is called, or the program of its process.
fn helper(worker: &WorkerAccount) -> String {
    match worker.thread.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("helper {}", harmless(name)),
        None => format!("helper {}", worker.index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_worker_is_one_row_of_shares_of_its_own_life() {
        let experiment = testing::experiment();
        let drawn = render(&experiment, &[testing::trial_with_accounts()], Style { colour: false, width: 200 });
        let lines: Vec<_> = drawn.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "threads-10, trial 1/5: done, wall 1.86 s, counters: software",
                "worker pid tid core tasks life compute lock-wait enc+dec send+recv io-wait idle startup teardown on-cpu run-queue blocked stolen books",
                "coordinator 100 100 – 0 1.00 s 0 % 0 % 0 % 0 % 0 % 100.0 % 0 % 0 % 1.0 % <0.1 % 98.9 % 0 % balance",
                "0 100 101 1 10 1.00 s 10.0 % 90.0 % 0 % 0 % 0 % 0 % 0 % 0 % – – – – DO NOT BALANCE",
                "note: 0: the ring could not be mapped",
            ]
        );
    }

    #[test]
    fn the_workers_of_a_sweep_have_its_axes() {
        let trial = Trial { case: 3, ..testing::trial_with_accounts() };
        let drawn = render(&testing::sweep().experiment, &[trial], Style { colour: false, width: 200 });
        assert!(drawn.starts_with("processes-2-chunk8-n=10 (n=10, chunk=8), trial 1/5: done"), "{drawn}");
    }

    #[test]
    fn counters_that_shared_the_pmu_show_the_share_in_which_they_counted() {
        let mut trial = testing::trial_with_accounts();
        trial.tier = Tier::Pmu;
        let reading = |name: &str, value, running_ratio| CounterReading { name: name.to_owned(), value, running_ratio };
        trial.workers[1].counters = vec![
            reading("page-faults", Some(9), Some(1.0)),
            reading("cycles", Some(3_000), Some(0.5)),
            reading("branches", None, Some(0.0)),
        ];
        let style = Style { colour: false, width: 200 };
        let drawn = render(&testing::experiment(), &[trial.clone()], style);
        assert!(drawn.contains("wall 1.86 s, counters: pmu (read by system calls)\n"), "{drawn}");
        let line = "counters: 0: cycles 3000 (scaled up: counted 50.0 % of the time), branches not counted\n";
        assert!(drawn.contains(line), "{drawn}");
        trial.accounting.as_mut().unwrap().rdpmc_reads = 1;
        assert!(render(&testing::experiment(), &[trial], style).contains("counters: pmu (read by rdpmc)\n"));
    }

    #[test]
    fn a_state_that_one_phase_lacks_is_not_summed() {
        let workers = testing::trial_with_accounts().workers;
        assert!(sum(&workers[0].phases, |it| it.on_cpu_ns).is_some());
        assert_eq!(sum(&workers[1].phases, |it| it.on_cpu_ns), None);
        assert_eq!(sum(&[], |it| it.on_cpu_ns), None);
    }
}
