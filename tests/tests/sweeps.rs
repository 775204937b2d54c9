//! Sweeps end to end: a grid of cases is run, compared where the work is the same, shown by its axes, and exported with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use gild_model::case::{Case, Model};
use gild_model::experiment::{Experiment, ParamValue};
use gild_model::run::{Run, RunStatus};
use gild_model::trial::Trial;
use gild_tests::lab::Lab;

/// Two numbers that the result depends on, each with five cases.
const SWEEP: &str = r#"
kernel = "cpu-bound"
repetitions = 2
warmups = 1
param.tasks = 8

[[case]]
model = "sequential"
param.n = [8, 12]

[[case]]
model = "threads"
workers = [1, 2]
param.n = [8, 12]

[[case]]
model = "processes"
workers = 2
chunk = [1, 4]
param.n = [8, 12]
"#;

/// The sweep's run, which all tests here look at.
struct Sweep {
    run: Run,
    trials: Vec<Trial>,
    table: String,
    trial_table: String,
    exports: BTreeMap<&'static str, String>,
    again: Experiment,
}

fn sweep() -> &'static Sweep {
    static SWEEP_RUN: OnceLock<Sweep> = OnceLock::new();
    SWEEP_RUN.get_or_init(|| {
        let lab = Lab::new();
        lab.write("sweep.toml", SWEEP);
        let table = lab.gilctl(&["run", "sweep.toml"]).well().stdout;
        let export = |table| lab.gilctl(&["export", "1", "--format", "csv", "--table", table]).well().stdout;
        lab.write("again.toml", &lab.gilctl(&["show", "1", "--experiment"]).well().stdout);
        let again = lab.submit(&["again.toml"]);
        lab.gilctl(&["cancel", &again.to_string()]).well();
        Sweep {
            run: lab.show(1),
            trials: lab.trials(1),
            table,
            trial_table: lab.gilctl(&["show", "1", "--trials"]).well().stdout,
            exports: ["accounts", "tasks"].map(|table| (table, export(table))).into(),
            again: lab.show(again).experiment,
        }
    })
}

fn n(case: &Case) -> i64 {
    match case.params["n"] {
        ParamValue::Int(n) => n,
        ref other => panic!("n is {other:?}"),
    }
}

#[test]
fn every_combination_is_run_and_results_are_compared_where_parameters_are_equal() {
    let Sweep { run, trials, .. } = sweep();
    assert_eq!((run.head.status, run.head.error.as_deref()), (RunStatus::Done, None));
    assert_eq!((run.experiment.cases.len(), trials.len()), (10, 30));
    let mut digests: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    for trial in trials {
        let n = n(&run.experiment.cases[trial.case as usize]);
        digests.entry(n).or_default().insert(trial.digest.as_deref().unwrap());
    }
    assert_eq!(digests.values().map(BTreeSet::len).collect::<Vec<_>>(), [1, 1], "{digests:?}");
    assert_ne!(digests[&8], digests[&12]);
    assert_eq!((run.summary.results_identical, run.summary.verified), (Some(true), Some(true)));
}

#[test]
fn a_case_is_compared_with_the_sequential_one_of_the_same_parameters() {
    let summary = &sweep().run.summary;
    assert_eq!(summary.groups.len(), 2);
    for (group, expected) in summary.groups.iter().zip([8, 12]) {
        assert_eq!(group.params, [("n".to_owned(), Some(ParamValue::Int(expected)))].into());
        assert_eq!((group.cases.len(), group.results_identical, group.verified), (5, Some(true), Some(true)));
        for case in &group.cases {
            let line = &summary.cases[*case as usize];
            let baseline = &summary.cases[line.baseline as usize].case;
            assert_eq!((n(&line.case), n(baseline), baseline.model), (expected, expected, Model::Sequential));
            assert_eq!(line.versus.is_none(), *case == line.baseline);
        }
    }
    let wall = |case: u32| summary.cases[case as usize].wall_ns.unwrap().median;
    let [small, large] = [0, 1].map(|group: usize| wall(summary.groups[group].baseline));
    assert!(large > small, "(12/8)^6 is 11 times the work: {small} and {large}");
}

/// The lines of a table, one blank for many.
fn rows(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_axes_are_columns_of_the_tables_and_groups_are_set_apart() {
    let Sweep { table, trial_table, .. } = sweep();
    let lines = rows(table);
    assert!(lines[0].starts_with("cpu-bound × 8 tasks, n in 8, 12 2 repetitions"), "{table}");
    assert!(lines[1].starts_with("n model workers chunk wall"), "{table}");
    let place = |start: &str| {
        let found = lines.iter().position(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no row {start:?}:\n{table}"))
    };
    let order = ["8 sequential 1 ", "8 threads 1 1 ", "8 threads 2 1 ", "8 processes 2 1 ", "8 processes 2 4 "];
    let places: Vec<_> = order.into_iter().chain(["12 sequential 1 ", "12 processes 2 4 "]).map(place).collect();
    assert!(places.is_sorted(), "{table}");
    assert!(lines[places[4]..places[5]].contains(&String::new()), "groups are set apart:\n{table}");
    let trials = rows(trial_table);
    assert!(trials[0].starts_with("n model workers chunk trial status"), "{trial_table}");
    assert_eq!(trials.iter().filter(|line| line.starts_with("12 threads 2 1 ")).count(), 2, "{trial_table}");
}

#[test]
fn exports_carry_the_axes() {
    let Sweep { run, exports, .. } = sweep();
    for (table, csv) in exports {
        let mut lines = csv.lines();
        let columns: Vec<_> = lines.next().unwrap().split(',').collect();
        let [case, workers, chunk, param_n] = ["case", "workers", "chunk", "param_n"]
            .map(|name| columns.iter().position(|it| *it == name).unwrap_or_else(|| panic!("{table}: no {name}")));
        let mut seen = BTreeSet::new();
        for line in lines {
            let fields: Vec<_> = line.split(',').collect();
            assert_eq!(fields.len(), columns.len(), "no field of this run needs quotes: {line}");
            let of = run.experiment.cases.iter().find(|it| it.name == fields[case]).unwrap();
            let expected =
                (of.workers.to_string(), of.chunk.map_or(String::new(), |it| it.to_string()), n(of).to_string());
            assert_eq!((fields[workers].into(), fields[chunk].into(), fields[param_n].into()), expected, "{line}");
            seen.insert(fields[case]);
        }
        assert_eq!(seen.len(), 10, "{table}: every case has rows");
    }
}

#[test]
fn the_experiment_of_a_sweep_reads_back() {
    let Sweep { run, again, .. } = sweep();
    assert_eq!(again, &run.experiment);
}

#[test]
fn a_sweep_on_the_command_line_is_that_of_a_file() {
    let lab = Lab::new();
    let kernel = ["cpu-bound", "--sweep=n=8,12", "--model=sequential,threads,processes", "--workers=1,2", "--tasks=8"];
    let line =
        lab.submit(&[&kernel[..], &["--lock=cpython,none", "--interval-us=500,5000", "--transport=pipe,shm"]].concat());
    let file = "
kernel = 'cpu-bound'
param.tasks = 8
[[case]]
model = 'sequential'
param.n = [8, 12]
[[case]]
model = 'threads'
workers = [1, 2]
interval_us = [500, 5000]
param.n = [8, 12]
[[case]]
model = 'threads'
workers = [1, 2]
lock = 'none'
param.n = [8, 12]
[[case]]
model = 'processes'
workers = [1, 2]
transport = ['pipe', 'shm']
param.n = [8, 12]
";
    lab.write("sweep.toml", file);
    let file = lab.submit(&["sweep.toml"]);
    let experiment = |id| {
        let mut experiment = lab.show(id).experiment;
        experiment.cases.sort_by(|a, b| a.name.cmp(&b.name));
        Experiment { name: String::new(), ..experiment }
    };
    assert_eq!(experiment(line).cases.len(), 2 * (1 + 4 + 2 + 4));
    assert_eq!(experiment(line), experiment(file));
    for id in [file, line] {
        lab.gilctl(&["cancel", &id.to_string()]).well();
        lab.wait_for_end(id);
    }
}
