//! How long tasks wait and take, end to end: identities of queues that hold exactly, the convoy per class of tasks, what is
//! kept of a trial that is killed, and what is shown and exported.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use gild_model::phase::Phase;
use gild_model::run::{Run, RunStatus};
use gild_model::summary::CaseSummary;
use gild_model::task_times::{Percentiles, TaskFigures, TaskTimes};
use gild_model::trial::{Trial, TrialStatus};
use gild_tests::accounts::{in_phases, wall_ns, workers};
use gild_tests::compiled::compile;
use gild_tests::lab::Lab;

/// The sum of the values, in nanoseconds.
fn sum_ns(figures: &Percentiles) -> f64 {
    figures.mean_ns.map_or(0.0, |mean_ns| mean_ns * figures.count as f64)
}

fn max_ns(figures: &Percentiles) -> f64 {
    figures.max_ns.unwrap() as f64
}

/// Wait, service and total.
fn figures(times: &TaskTimes) -> [Percentiles; 3] {
    [&times.wait, &times.service, &times.total].map(|time| time.figures)
}

fn class<'t>(times: &'t [TaskTimes], class: Option<&str>) -> &'t TaskTimes {
    times.iter().find(|it| it.class.as_deref() == class).unwrap_or_else(|| panic!("{class:?}: {times:?}"))
}

const EVERY_MODEL: &str = r#"
kernel = "cpu-bound"
repetitions = 2
warmups = 0
param = { n = 12, tasks = 150 }

[[case]]
model = "sequential"

[[case]]
model = "threads"
workers = 3

[[case]]
model = "threads"
workers = 2
lock = "none"

[[case]]
model = "processes"
workers = 2

[[case]]
model = "processes"
workers = 2
start = "spawn"
"#;

const TASKS: u64 = 150;
/// Times are whole nanoseconds: a sum over tasks is off by at most one for each.
const ROUNDING_NS: f64 = TASKS as f64;

fn ordered(figures: &Percentiles) -> bool {
    let values = [figures.p50_ns, figures.p90_ns, figures.p99_ns, figures.max_ns].map(Option::unwrap);
    values.is_sorted()
}

#[test]
fn the_times_of_all_tasks_add_up_in_every_model() {
    let lab = Lab::new();
    lab.write("experiment.toml", EVERY_MODEL);
    lab.gilctl(&["run", "experiment.toml"]).well();
    let run = lab.show(1);
    let trials = lab.trials(1);
    assert_eq!(trials.len(), 10);
    for trial in &trials {
        let case = &run.experiment.cases[trial.case as usize];
        let [times] = &trial.task_times[..] else { panic!("{:?}", trial.task_times) };
        assert_eq!((times.class.as_deref(), times.planned), (None, TASKS));
        let [wait, service, total] = figures(times);
        assert_eq!([wait, service, total].map(|it| it.count), [TASKS; 3], "{}", case.name);
        assert!([wait, service, total].iter().all(ordered), "{}: {times:?}", case.name);
        let wall_ns = trial.wall_ns.unwrap() as f64;
        // Every task is in the system from the start of the wall time on, and none is after its end: Little's law for
        // a closed batch says that Σ total / wall is the mean number of tasks in the system.
        assert!(max_ns(&total) <= wall_ns + 1.0, "{}", case.name);
        assert!(sum_ns(&total) <= TASKS as f64 * wall_ns);
        // No worker serves two at once.
        assert!(sum_ns(&service) <= f64::from(case.workers) * wall_ns + ROUNDING_NS, "{}", case.name);
        let on_the_way_ns = sum_ns(&total) - sum_ns(&wait) - sum_ns(&service);
        if case.start.is_some() {
            assert!(on_the_way_ns > 0.0, "{}: results travel", case.name);
        } else {
            assert!(on_the_way_ns.abs() <= 2.0 * ROUNDING_NS, "{}: results are there: {on_the_way_ns} ns", case.name);
        }
    }
    for line in &run.summary.cases {
        let [all] = &line.task_times[..] else { panic!("{:?}", line.task_times) };
        assert_eq!((all.tasks, all.service.count), (Some(TASKS), 2 * TASKS), "both repetitions together");
        let rate = all.tasks_per_s.unwrap().median;
        assert!((rate / line.tasks_per_s.unwrap() - 1.0).abs() < 1e-9);
    }
    sequential_tasks_wait_for_those_before_them(&trials);
}

/// One worker, one after the other: the last result is there when all services are over.
fn sequential_tasks_wait_for_those_before_them(trials: &[Trial]) {
    for trial in trials.iter().filter(|trial| trial.case == 0) {
        let [wait, service, total] = figures(&trial.task_times[0]);
        let before_the_first_ns = max_ns(&total) - sum_ns(&service);
        assert!(before_the_first_ns > -ROUNDING_NS, "{before_the_first_ns} ns");
        // The mean task waits for half of the others.
        let half_ns = before_the_first_ns + sum_ns(&service) / 2.0;
        let wait_ns = wait.mean_ns.unwrap();
        assert!(wait_ns < max_ns(&wait) && wait_ns > before_the_first_ns, "{wait_ns} ns, half: {half_ns} ns");
        // A service is the worker's computing, and the moment between two tasks.
        let rows = workers([trial]);
        let computed_ns = wall_ns(&in_phases(&rows, &[Phase::Compute]));
        let idle_ns = wall_ns(&in_phases(&rows, &[Phase::Idle]));
        let service_ns = sum_ns(&service);
        assert!(service_ns >= computed_ns - ROUNDING_NS, "{service_ns} ns of service, {computed_ns} ns of computing");
        assert!(service_ns <= computed_ns + idle_ns + ROUNDING_NS);
    }
}

/// One task computes, twenty make requests; the answer comes after a millisecond.
const CONVOY: &str = r#"
kernel = "mixed"
repetitions = 1
warmups = 0
param = { tasks = 21, cpu_tasks = 1, cpu_us = 1_500_000, requests = 2, bytes = 64, compute_us = 0, service_us = 1000 }

[[case]]
model = "threads"
workers = 2
interval_us = 20_000

[[case]]
model = "threads"
workers = 2
lock = "none"
"#;

#[test]
fn the_convoy_is_in_the_service_times_of_the_class_that_hardly_needs_the_lock() {
    let lab = Lab::new();
    lab.write("experiment.toml", CONVOY);
    let shown = lab.gilctl(&["run", "experiment.toml"]).well().stdout;
    let run = lab.show(1);
    let of = |line: &CaseSummary, class: &str| -> TaskFigures {
        line.task_times.iter().find(|it| it.class.as_deref() == Some(class)).unwrap().clone()
    };
    let [with_lock, without] = &run.summary.cases[..] else { panic!("two cases") };
    for line in [with_lock, without] {
        let (io, cpu) = (of(line, "io"), of(line, "cpu"));
        assert_eq!((io.tasks, cpu.tasks, line.task_times[0].tasks), (Some(20), Some(1), Some(21)));
        assert_eq!((io.service.count, cpu.service.count), (20, 1));
        // 1.5 s of CPU time cannot be served in less; of one task there is no percentile, of twenty no 99th.
        assert!(max_ns(&cpu.service) >= 1.5e9);
        assert_eq!((cpu.service.p50_ns, io.service.p99_ns), (None, None));
        // Two answers, each no earlier than after a millisecond.
        assert!(io.service.p50_ns.unwrap() >= 2_000_000);
    }
    let [with_lock_ns, without_ns] = [with_lock, without].map(|line| of(line, "io").service.p50_ns.unwrap());
    // Two requests get the lock back four times, 20 ms late each time: some 80 ms instead of some 3.
    assert!(with_lock_ns > 4 * without_ns, "{with_lock_ns} ns with the lock, {without_ns} ns without");
    let block = shown.lines().skip_while(|line| !line.contains("class  tasks")).take(6).collect::<Vec<_>>().join("\n");
    assert!(block.contains("service") && block.contains(" io ") && block.contains(" cpu "), "{shown}");
    assert!(shown.contains("gilctl show 1 --tasks"), "{shown}");
}

#[test]
fn a_trial_that_is_killed_keeps_the_tasks_that_it_had_done() {
    let lab = Lab::new();
    let line = ["run", "faulty", "--param=fault=loop", "--param=at=5", "--tasks=9", "--workers=1", "--task-limit=1"];
    let more = ["--model=sequential,threads,processes", "--start=fork,spawn", "--repeat=1", "--warmups=0"];
    lab.gilctl(&[&line[..], &more].concat()).ended_with(1);
    let trials = lab.trials(1);
    assert_eq!(trials.len(), 4);
    for trial in &trials {
        assert_eq!((trial.status, trial.tasks_done, trial.wall_ns), (TrialStatus::Failed, 5, None));
        let times = class(&trial.task_times, None);
        let counts = figures(times).map(|it| it.count);
        assert_eq!((times.planned, counts), (9, [6, 5, 5]), "the sixth was taken and not done");
    }
    assert!(lab.show(1).summary.cases.iter().all(|line| line.task_times.is_empty()), "they are in no figure");
    assert_eq!(rows_of_export(&lab, 1, &[]).len(), 4, "they are in the export");
}

/// The rows of `gilctl export --table tasks`.
fn rows_of_export(lab: &Lab, run: i64, more: &[&str]) -> Vec<serde_json::Value> {
    let run = run.to_string();
    let line = [&["export", run.as_str(), "--table", "tasks", "--format", "jsonl"], more].concat();
    let text = lab.gilctl(&line).well().stdout;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lab_with_classes() -> Lab {
    let lab = Lab::new();
    compile("classes", &lab.path("plugins"));
    lab
}

#[test]
fn a_kernel_in_c_sorts_its_tasks_into_classes() {
    let lab = lab_with_classes();
    let line = ["run", "classes", "--param=classes=16", "--model=threads,processes", "--workers=2", "--repeat=2"];
    let run: Run = lab.gilctl(&[&line[..], &["--json"]].concat()).well().json();
    assert_eq!(run.head.status, RunStatus::Done);
    for line in &run.summary.cases {
        let tasks: u64 = line.task_times[1..].iter().map(|it| it.tasks.unwrap()).sum();
        assert_eq!((line.task_times.len(), line.task_times[0].tasks, tasks), (17, Some(17), 16), "one has no class");
        assert!(line.task_times[1..].iter().all(|it| it.total.count == 2));
    }
    let trials = lab.trials(1);
    let names = class_names(&trials[0]);
    assert_eq!(names[..3], ["c0", "c1", "c2"], "in the order of the plan");
    // A warm-up and two repetitions of each case, of 16 classes and all tasks.
    assert_eq!(rows_of_export(&lab, 1, &[]).len(), 2 * 2 * 17);
    let rows = rows_of_export(&lab, 1, &["--warmups"]);
    assert_eq!(rows.len(), 2 * 3 * 17);
    let of_all: Vec<_> = rows.iter().filter(|row| row["class"].is_null()).collect();
    assert_eq!(of_all.len(), 6);
    assert!(of_all.iter().all(|row| row["planned"] == 17 && row["total_count"] == 17), "{of_all:?}");
    let shown = lab.gilctl(&["show", "1", "--tasks"]).well().stdout;
    assert!(shown.contains(" all ") && shown.contains(" c15 ") && shown.contains("wait: from the start"), "{shown}");
}

fn class_names(trial: &Trial) -> Vec<&str> {
    trial.task_times.iter().filter_map(|it| it.class.as_deref()).collect()
}

#[test]
fn a_plan_with_too_many_classes_or_a_wrong_name_is_refused_with_the_reason() {
    let lab = lab_with_classes();
    for (parameter, reason) in [
        ("classes=17", "bad parameter (-2): the class \"c16\" is one more than the 16 that a plan may have"),
        ("name=Upper", "\"Upper\" is no name of a class: expected [a-z][a-z0-9_-]*, at most 31 bytes"),
        ("name=", "\"\" is no name of a class"),
        ("name=a b", "\"a b\" is no name of a class"),
        ("name=abcdefghijklmnopqrstuvwxyz-123456", "at most 31 bytes"),
    ] {
        let parameter = format!("--param={parameter}");
        let line = ["run", "classes", &parameter, "--model=sequential", "--repeat=1", "--warmups=0"];
        let ran = lab.gilctl(&line).ended_with(1);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(reason), "{parameter}: {said}");
    }
    lab.gilctl(&["run", "classes", "--param=name=abcdefghijklmnopqrstuvwxyz-1234", "--model=sequential"]).well();
}

#[test]
fn every_format_has_the_table_of_tasks() {
    let lab = lab_with_classes();
    lab.gilctl(&["run", "classes", "--model=sequential", "--repeat=1", "--warmups=0"]).well();
    let csv = lab.gilctl(&["export", "1", "--table", "tasks", "--format", "csv"]).well().stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 4, "a head, all tasks, three classes");
    assert!(lines[0].contains("class,planned,wait_count,wait_mean_ns,wait_p50_ns"), "{}", lines[0]);
    let columns = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == columns), "{csv}");
    let row = &rows_of_export(&lab, 1, &[])[0];
    assert_eq!(row.as_object().unwrap().len(), columns);
    lab.gilctl(&["export", "1", "--table", "tasks", "--format", "parquet", "-o", "tasks.parquet"]).well();
    let bytes = std::fs::read(lab.path("tasks.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}
