//! The article's experiment, made smaller: three models and free threading, end to end, and whether the figures are true.
//!
//! Nothing here says how fast something is. What is asserted are sums, which have to be exact, and relations that hold
//! on a machine of any size under any load.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use gild_model::account::Role;
use gild_model::case::Model;
use gild_model::phase::Phase;
use gild_model::run::{AccountRow, Run, RunStatus};
use gild_model::summary::{CaseSummary, Shares};
use gild_model::trial::Trial;
use gild_tests::accounts::{in_phases, of_case, stolen_since_boot_ns, sum, wall_ns, workers};
use gild_tests::lab::Lab;

/// The article's experiment with fewer and smaller tasks, and threads without a lock beside it.
const EXPERIMENT: &str = r#"
kernel = "cpu-bound"
repetitions = 2
warmups = 1
param = { n = 26, tasks = 40 }

[[case]]
model = "sequential"

[[case]]
model = "threads"
workers = 10

[[case]]
model = "processes"
workers = 10

[[case]]
model = "threads"
workers = 10
lock = "none"

[[case]]
model = "processes"
workers = 2
start = "spawn"
transport = "socketpair"
"#;
const SEQUENTIAL: usize = 0;
const THREADS: usize = 1;
const PROCESSES: usize = 2;
const UNLOCKED: usize = 3;
const SPAWNED: usize = 4;

/// The experiment's run, which all tests here look at.
struct Article {
    run: Run,
    trials: Vec<Trial>,
    rows: Vec<AccountRow>,
    table: String,
    csv: String,
    jsonl: String,
    /// Time that the hypervisor took from all cores meanwhile.
    stolen_ns: f64,
}

fn article() -> &'static Article {
    static ARTICLE: OnceLock<Article> = OnceLock::new();
    ARTICLE.get_or_init(|| {
        let lab = Lab::new();
        lab.write("article.toml", EXPERIMENT);
        let stolen_before = stolen_since_boot_ns().unwrap_or_default();
        let table = lab.gilctl(&["run", "article.toml"]).well().stdout;
        let stolen_ns = stolen_since_boot_ns().unwrap_or_default() - stolen_before;
        let rows = lab.ask("GET", "/v1/runs/1/accounts", "").body;
        let export = |format: &str| lab.gilctl(&["export", "last", "--format", format]).well().stdout;
        Article {
            run: lab.gilctl(&["show", "last", "--json"]).well().json(),
            trials: lab.trials(1),
            rows: rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            table,
            csv: export("csv"),
            jsonl: export("jsonl"),
            stolen_ns,
        }
    })
}

fn case(index: usize) -> &'static CaseSummary {
    &article().run.summary.cases[index]
}

fn shares(index: usize) -> &'static Shares {
    case(index).workers.as_ref().unwrap()
}

#[test]
fn the_table_has_the_articles_three_rows_a_sentence_each_and_the_runs_number() {
    let article = article();
    assert_eq!(article.run.head.status, RunStatus::Done);
    let lines: Vec<&str> = article.table.lines().collect();
    assert!(lines[0].starts_with("cpu-bound n=26 × 40 tasks"), "{}", article.table);
    for start in ["sequential ", "threads-10 ", "processes-10 "] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "no row {start:?}:\n{}", article.table);
    }
    for case in &article.run.summary.cases {
        assert!(lines.contains(&case.sentence.as_str()), "{:?}:\n{}", case.sentence, article.table);
    }
    assert!(article.table.contains("All results are identical and equal the known answer of cpu-bound."));
    assert!(lines.last().unwrap().starts_with("run 1: gilctl show 1"), "{}", article.table);
}

#[test]
fn every_result_is_the_same_in_every_case_and_equals_the_closed_form() {
    let article = article();
    assert_eq!(article.trials.len(), 5 * 3, "two repetitions and a warm-up of five cases");
    let digests: Vec<_> = article.trials.iter().map(|trial| trial.digest.as_deref().unwrap()).collect();
    assert!(digests.iter().all(|digest| *digest == digests[0] && digest.len() == 64), "{digests:?}");
    assert!(article.trials.iter().all(|trial| trial.verified == Some(true)));
    assert_eq!((article.run.summary.results_identical, article.run.summary.verified), (Some(true), Some(true)));
    for trial in &article.trials {
        assert_eq!((trial.tasks_done, trial.tasks_planned), (40, Some(40)));
        let tasks: u64 = workers([trial]).iter().map(|row| row.tasks).sum();
        assert_eq!(tasks, 40, "every task is somebody's: {trial:?}");
    }
}

#[test]
fn shares_add_up_to_one() {
    for case in &article().run.summary.cases {
        for shares in case.workers.iter().chain(&case.coordinator) {
            let Shares { compute, lock_wait, serialize, transfer, io_wait, idle, startup, teardown, .. } = shares;
            let phases = compute + lock_wait + serialize + transfer + io_wait + idle + startup + teardown;
            assert!((phases - 1.0).abs() < 1e-9, "{}: {shares:?}", case.case.name);
            assert!(shares.switch_wait <= shares.lock_wait);
            if let (Some(on_cpu), Some(run_queue), Some(blocked)) = (shares.on_cpu, shares.run_queue, shares.blocked) {
                let states = on_cpu + run_queue + blocked + shares.stolen.unwrap_or(0.0);
                assert!((states - 1.0).abs() < 1e-3, "{}: {states}: {shares:?}", case.case.name);
            }
        }
        assert!(case.workers.is_some());
        assert_eq!(case.coordinator.is_none(), case.case.model == Model::Sequential);
    }
}

#[test]
fn every_row_of_accounts_balances() {
    for trial in &article().trials {
        for row in &trial.workers {
            let (life_ns, sum_ns) = (row.life_ns.unwrap(), row.phases.iter().map(|phase| phase.wall_ns).sum::<u64>());
            assert_eq!(row.accounted_ns, sum_ns);
            let allowed_ns = (life_ns / 1000).max(20_000);
            assert!(life_ns.abs_diff(sum_ns) <= allowed_ns, "life {life_ns} ns, phases {sum_ns} ns: {row:?}");
            assert_eq!(row.balanced, Some(true));
        }
    }
    assert!(article().run.summary.cases.iter().all(|case| case.unbalanced == 0));
}

#[test]
fn the_states_of_a_phase_add_up_to_it() {
    let mut checked = 0;
    for row in &article().rows {
        let it = &row.account;
        let states = [it.on_cpu_ns, it.preempted_ns, it.waking_ns, it.blocked_ns];
        let Some(states) = states.into_iter().sum::<Option<u64>>() else { continue };
        assert_eq!(states + it.stolen_ns.unwrap_or(0), it.wall_ns, "{row:?}");
        assert_eq!(it.run_queue_ns, it.preempted_ns.zip(it.waking_ns).map(|(a, b)| a + b), "{row:?}");
        checked += 1;
    }
    assert!(checked > 0 || article().trials[0].tier == gild_model::host::Tier::Bare);
}

#[test]
fn threads_hand_pointers_over_and_processes_encode() {
    const MOVING: [Phase; 4] = [Phase::Encode, Phase::Decode, Phase::Send, Phase::Receive];
    let entries = |index: usize, role: Role| -> BTreeMap<Phase, u64> {
        let trials = of_case(&article().trials, index);
        let rows: Vec<_> = trials.iter().flat_map(|trial| &trial.workers).filter(|row| row.role == role).collect();
        MOVING.map(|phase| (phase, in_phases(&rows, &[phase]).iter().map(|it| it.entries).sum())).into()
    };
    for index in [SEQUENTIAL, THREADS, UNLOCKED] {
        for role in [Role::Coordinator, Role::Worker] {
            assert!(entries(index, role).values().all(|entries| *entries == 0), "{index}: {:?}", entries(index, role));
        }
    }
    // Forty tasks, twice: each is encoded and decoded once on either side.
    for index in [PROCESSES, SPAWNED] {
        for role in [Role::Coordinator, Role::Worker] {
            let entries = entries(index, role);
            assert_eq!((entries[&Phase::Encode], entries[&Phase::Decode]), (80, 80), "{index} {role:?}: {entries:?}");
            assert!(entries[&Phase::Send] >= 80 && entries[&Phase::Receive] >= 80, "{index} {role:?}: {entries:?}");
        }
    }
    for index in [PROCESSES, SPAWNED] {
        assert!(shares(index).serialize > 0.0 && shares(index).transfer > 0.0);
    }
}

#[test]
fn workers_are_who_the_model_says_they_are() {
    for trial in &article().trials {
        let case = &article().run.experiment.cases[trial.case as usize];
        let coordinator = trial.workers.iter().find(|row| row.role == Role::Coordinator).unwrap();
        let workers = workers([trial]);
        assert_eq!(workers.len(), case.workers as usize);
        let mut pids: Vec<_> = workers.iter().map(|row| row.pid.unwrap()).collect();
        let mut tids: Vec<_> = workers.iter().map(|row| row.tid.unwrap()).collect();
        pids.sort_unstable();
        pids.dedup();
        tids.sort_unstable();
        tids.dedup();
        assert_eq!(tids.len(), workers.len(), "every worker is a thread of its own");
        match case.model {
            Model::Processes => {
                assert_eq!(pids.len(), workers.len());
                assert!(!pids.contains(&coordinator.pid.unwrap()));
            }
            Model::Threads => assert_eq!(pids, [coordinator.pid.unwrap()]),
            Model::Sequential => {
                assert_eq!((pids, tids), (vec![coordinator.pid.unwrap()], vec![coordinator.tid.unwrap()]))
            }
            other => panic!("the article has no case of the model {other}"),
        }
    }
}

/// Under the lock one worker at a time is computing. So all their computing together fits into the wall time of the
/// trial, whoever else wants the cores.
#[test]
fn the_lock_lets_one_thread_at_a_time_compute() {
    for trial in of_case(&article().trials, THREADS) {
        let compute_ns = wall_ns(&in_phases(&workers([trial]), &[Phase::Compute]));
        let trial_ns = trial.wall_ns.unwrap() as f64;
        assert!(compute_ns <= trial_ns, "{compute_ns} ns of computing in {trial_ns} ns");
        // What is left is handing over; it takes far less than the work even where cores are short.
        assert!(compute_ns >= 0.5 * trial_ns, "{compute_ns} ns of computing in {trial_ns} ns");
    }
    assert!(shares(THREADS).lock_wait > 0.75, "nine of ten wait at any time: {:?}", shares(THREADS));
    assert!(shares(THREADS).switch_wait > 0.0, "holders were made to wait for their successors");
}

/// What the CPU times imply: a worker that is not waiting for the lock is running (its thread's CPU clock tells how
/// long, and knows nothing of phases), ready and waiting for a core, or blocked in its startup or teardown. What is left
/// of its life is waiting for the lock. It runs a little while it waits, too: to fall asleep, and at every interval.
///
/// The CPU clock does not run while the hypervisor has taken the core away, so as much as was taken from the whole
/// machine meanwhile is allowed on top; it is usually nothing.
#[test]
fn with_the_lock_lock_wait_is_what_the_workers_cpu_times_imply() {
    const LOCK: [Phase; 2] = [Phase::LockWait, Phase::SwitchWait];
    let others: Vec<Phase> = Phase::ALL.into_iter().filter(|phase| !LOCK.contains(phase)).collect();
    let trials = of_case(&article().trials, THREADS);
    let rows = workers(trials);
    let life_ns = rows.iter().map(|row| row.life_ns.unwrap()).sum::<u64>() as f64;
    let cpu_ns = rows.iter().map(|row| row.cpu_ns.unwrap()).sum::<u64>() as f64;
    let (waiting, working) = (in_phases(&rows, &LOCK), in_phases(&rows, &others));
    let ready_ns = sum(&working, |it| it.run_queue_ns);
    let blocked_ns = sum(&working, |it| it.blocked_ns);
    let cpu_while_waiting_ns = sum(&waiting, |it| it.on_cpu_ns);
    let implied = (life_ns - (cpu_ns - cpu_while_waiting_ns) - ready_ns - blocked_ns) / life_ns;
    let measured = wall_ns(&waiting) / life_ns;
    let allowed = 0.01 + article().stolen_ns / life_ns;
    let figures = format!(
        "measured {measured:.4}, implied {implied:.4}, allowed {allowed:.4}: life {life_ns}, cpu {cpu_ns}, of it waiting \
         {cpu_while_waiting_ns}, ready {ready_ns}, blocked {blocked_ns}"
    );
    assert!((measured - implied).abs() <= allowed, "{figures}");
    assert!((measured - shares(THREADS).lock_wait).abs() < 0.001, "{figures}; shown {}", shares(THREADS).lock_wait);
    assert!(cpu_ns > 0.0 && cpu_while_waiting_ns < 0.1 * cpu_ns, "{figures}");
}

#[test]
fn without_a_lock_nobody_waits_for_one() {
    for index in [SEQUENTIAL, PROCESSES, UNLOCKED, SPAWNED] {
        let shares = shares(index);
        assert_eq!((shares.lock_wait, shares.switch_wait), (0.0, 0.0));
        let rows = workers(of_case(&article().trials, index));
        assert!(in_phases(&rows, &[Phase::LockWait, Phase::SwitchWait]).iter().all(|it| it.entries == 0));
    }
}

/// Sums of the exported `wall_ns` by case and phase, of the workers.
type Sums = BTreeMap<(String, String), u128>;

fn check_sums(sums: &Sums) {
    for case in &article().run.summary.cases {
        let shares = case.workers.as_ref().unwrap();
        let of = |phases: &[Phase]| -> u128 {
            phases.iter().filter_map(|it| sums.get(&(case.case.name.clone(), it.name().to_owned()))).sum()
        };
        let life_ns = of(&Phase::ALL);
        assert_eq!(life_ns, u128::from(shares.life_ns));
        for (share, phases) in [
            (shares.compute, &[Phase::Compute][..]),
            (shares.lock_wait, &[Phase::LockWait, Phase::SwitchWait]),
            (shares.switch_wait, &[Phase::SwitchWait]),
            (shares.serialize, &[Phase::Encode, Phase::Decode]),
            (shares.transfer, &[Phase::Send, Phase::Receive]),
            (shares.io_wait, &[Phase::IoWait]),
            (shares.idle, &[Phase::Idle]),
            (shares.startup, &[Phase::Startup, Phase::Launch]),
            (shares.teardown, &[Phase::Teardown]),
        ] {
            assert_eq!(of(phases) as f64 / life_ns as f64, share, "{} {phases:?}", case.case.name);
        }
    }
}

#[test]
fn the_sums_of_a_csv_export_equal_the_shares_exactly() {
    let mut lines = article().csv.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| columns.iter().position(|it| *it == name).unwrap();
    let [case, role, phase, wall] = ["case", "role", "phase", "wall_ns"].map(place);
    let mut sums = Sums::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), columns.len(), "no field of this run needs quotes: {line}");
        if fields[role] == "worker" {
            let sum = sums.entry((fields[case].to_owned(), fields[phase].to_owned())).or_default();
            *sum += fields[wall].parse::<u128>().unwrap();
        }
    }
    check_sums(&sums);
}

#[test]
fn the_sums_of_a_json_lines_export_equal_the_shares_exactly() {
    let mut sums = Sums::new();
    for line in article().jsonl.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        if text("role") == "worker" {
            *sums.entry((text("case"), text("phase"))).or_default() += u128::from(row["wall_ns"].as_u64().unwrap());
        }
    }
    check_sums(&sums);
}

#[test]
fn the_exports_have_the_same_rows_and_leave_warm_ups_out() {
    let counted = article().rows.iter().filter(|row| !row.warmup).count();
    assert!(counted < article().rows.len(), "there were warm-ups");
    assert_eq!(article().csv.lines().count() - 1, counted);
    assert_eq!(article().jsonl.lines().count(), counted);
}
