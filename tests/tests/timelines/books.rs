//! Timelines against the accounts.

use std::collections::BTreeMap;

use gild_model::account::{Role, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::run::{RunStatus, TimelineRow};
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use gild_tests::processes::Process;
use gild_tests::waiting::wait_for;

use super::{TASKS, intervals, timelines};

/// Whoever marks that it has the lock has it, and marks before it gives it back. What is left is that a clock may be read some
/// instructions early or late.
const CLOCK_READ_EARLY_NS: i64 = 1000;

fn account<'t>(trials: &'t [Trial], row: &TimelineRow) -> &'t WorkerAccount {
    let trial =
        trials.iter().find(|it| (it.case, it.repetition, it.warmup) == (row.case_position, row.repetition, row.warmup));
    let role = |it: &WorkerAccount| it.role == if row.role == "worker" { Role::Worker } else { Role::Coordinator };
    trial.unwrap().workers.iter().find(|it| role(it) && it.index == row.worker).unwrap()
}

/// A name for each of the phases, the kernel's own apart.
fn key(phase: Phase, kernel_phase: Option<&str>) -> String {
    format!("{phase}/{}", kernel_phase.unwrap_or_default())
}

/// Entries and time by phase: of the intervals, and of the accounts.
fn both(row: &TimelineRow, account: &WorkerAccount) -> [BTreeMap<String, (u64, u64)>; 2] {
    let mut of_intervals = BTreeMap::<_, (u64, u64)>::new();
    for interval in row.timeline.intervals() {
        let kernel_phase = interval.meaning.kernel_phase.map(|it| row.kernel_phases[usize::from(it)].as_str());
        let (entries, wall_ns) = of_intervals.entry(key(interval.meaning.phase, kernel_phase)).or_default();
        *entries += 1;
        *wall_ns += (interval.until_ns - interval.from_ns).unsigned_abs();
    }
    let of_accounts = account.phases.iter().filter(|it| it.entries > 0 || it.wall_ns > 0);
    let of_accounts = of_accounts.map(|it| (key(it.phase, it.kernel_phase.as_deref()), (it.entries, it.wall_ns)));
    [of_intervals, of_accounts.collect()]
}

#[track_caller]
fn assert_books_agree(row: &TimelineRow, account: &WorkerAccount) {
    let [of_intervals, of_accounts] = both(row, account);
    let names = |of: &BTreeMap<String, (u64, u64)>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&of_intervals), names(&of_accounts), "{row:?}\n{account:#?}");
    for (name, (entries, wall_ns)) in &of_intervals {
        let accounted = of_accounts[name];
        // Each end of an interval is rounded to a nanosecond, and so is each account.
        assert!(wall_ns.abs_diff(accounted.1) <= entries + 1, "{name}: {wall_ns} ns, {accounted:?} in {account:#?}");
    }
}

#[test]
fn the_intervals_of_every_model_follow_each_other_and_add_up_to_the_accounts() {
    let lab = Lab::new();
    let models = ["--model=sequential,threads,processes,subinterpreters,hybrid", "--workers=4", "--lock=cpython,none"];
    lab.gilctl(&[&TASKS[..], &models].concat()).well();
    let (trials, rows) = (lab.trials(1), timelines(&lab, 1));
    // Of the first repetition of each of 7 cases: the coordinator and 1 or 4 workers.
    assert_eq!(rows.len(), 2 + 6 * 5, "{rows:?}");
    assert!(rows.iter().all(|row| row.repetition == 0 && !row.warmup && row.timeline.dropped == 0));
    for row in &rows {
        let all = intervals(row);
        assert!(all.len() > 2, "{row:?}");
        assert!(all.windows(2).all(|pair| pair[0].until_ns == pair[1].from_ns), "{row:?}");
        assert!(all.iter().all(|it| it.from_ns <= it.until_ns), "{row:?}");
        assert_books_agree(row, account(&trials, row));
    }
}

#[test]
fn two_workers_never_have_the_lock_at_once() {
    let lab = Lab::new();
    lab.gilctl(&[&TASKS[..8], &["--model=threads", "--workers=3", "--lock=cpython,fair"]].concat()).well();
    let rows = timelines(&lab, 1);
    for case in 0..2 {
        let workers = rows.iter().filter(|it| it.case_position == case && it.role == "worker");
        let computing = |row: &TimelineRow| {
            let all = row.timeline.intervals().filter(|it| it.meaning.phase == Phase::Compute);
            all.map(|it| (it.from_ns, it.until_ns, row.worker)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = workers.flat_map(computing).collect();
        all.sort_unstable();
        for pair in all.windows(2) {
            let [(_, until_ns, one), (from_ns, _, other)] = [pair[0], pair[1]];
            assert!(one == other || until_ns - from_ns <= CLOCK_READ_EARLY_NS, "case {case}: {pair:?}");
        }
        let changes = all.windows(2).filter(|pair| pair[0].2 != pair[1].2).count();
        assert!(changes >= 3, "case {case}: the lock changed hands {changes} times");
    }
}

#[test]
fn a_ring_that_is_too_small_has_the_last_intervals_and_says_how_many_are_missing() {
    let lab = Lab::new();
    lab.gilctl(&[&TASKS[..8], &["--model=threads", "--workers=2", "--timeline=10"]].concat()).well();
    let trials = lab.trials(1);
    let rows = timelines(&lab, 1);
    for row in rows.iter().filter(|it| it.role == "worker") {
        let account = account(&trials, row);
        let entries: u64 = account.phases.iter().map(|it| it.entries).sum();
        assert_eq!(row.timeline.len(), 16, "10 rounded up");
        // Its birth is no mark, but an interval: startup.
        assert!(row.timeline.dropped >= entries - 17 && row.timeline.dropped < entries, "{entries}: {row:?}");
        assert_eq!(intervals(row).last().unwrap().meaning.phase, Phase::Teardown);
    }
    let ran = lab.gilctl(&["export", "1", "--format=csv", "--table=intervals", "-o", "rows.csv"]).well();
    let dropped: u64 = rows.iter().map(|it| it.timeline.dropped).sum();
    ran.complains([format!("{dropped} intervals were not kept").as_str(), "--timeline N"]);
}

#[test]
fn a_run_without_timelines_has_none_and_an_export_says_how_to_get_some() {
    let lab = Lab::new();
    lab.gilctl(&[&TASKS[..7], &["--model=sequential", "--timeline=0"]].concat()).well();
    assert_eq!(timelines(&lab, 1), []);
    for arguments in [["--format=perfetto", "-o=x"], ["--format=csv", "--table=intervals"]] {
        let ran = lab.gilctl(&[&["export", "1"][..], &arguments].concat()).ended_with(2);
        ran.complains(["run 1 has no timelines", "gilctl run again.toml --timeline 16384"]);
    }
    assert!(!lab.path("x").exists() && !lab.path("x.partial").exists());
    let wrong = ["export", "1", "--format=chrome", "--table=intervals"];
    lab.gilctl(&wrong).ended_with(2).complains(["--table is for csv, jsonl and parquet"]);
    let unknown = ["export", "1", "--format=csv", "--case=threads-9"];
    lab.gilctl(&unknown).ended_with(2).complains(["run 1 has no such case; it has sequential"]);
}

/// CPU time of a process so far, in hundredths of a second (proc_pid_stat(5), fields 14 and 15).
fn cpu_ticks(process: &Process) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
    fields.filter_map(|it| it.parse::<u64>().ok()).sum()
}

#[test]
fn the_timeline_of_a_worker_that_was_killed_ends_where_it_was() {
    let lab = Lab::new();
    let line = ["calibrated", "--tasks=2", "--model=processes", "--workers=2", "--repeat=1", "--warmups=0"];
    lab.submit(&[&line[..], &["--param=cpu_us=300000", "--param=block_us=60000000"]].concat());
    let worker = wait_for("a worker is in a task", || {
        let processes = lab.trial_processes();
        let is_worker = |it: &&Process| processes.iter().any(|other| other.pid == it.parent);
        // Nothing but a task takes so much of it.
        processes.iter().filter(is_worker).find(|it| cpu_ticks(it) >= 20).cloned()
    });
    worker.kill();
    let run = lab.wait_for_end(1);
    assert_eq!(run.head.status, RunStatus::Failed);
    let (trials, rows) = (lab.trials(1), timelines(&lab, 1));
    let row = rows.iter().find(|it| it.pid == Some(worker.pid)).expect("what it did until then is kept");
    let last = *intervals(row).last().unwrap();
    assert!([Phase::Compute, Phase::IoWait].contains(&last.meaning.phase), "{row:?}");
    let account = account(&trials, row);
    assert!(account.phases.iter().any(|it| it.open && it.phase == last.meaning.phase), "{account:#?}");
    assert_books_agree(row, account);
}
