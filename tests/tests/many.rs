//! Many runs: found, labelled, cleared away, asked; and what ten thousand of them cost.

use std::time::{Duration, Instant};

use gild_model::many::PruneEvent;
use gild_model::query::ViewInfo;
use gild_model::run::RunHead;
use gild_tests::experiments::submit_endless;
use gild_tests::lab::Lab;
use gild_tests::stored::{Shape, fill};
use gild_tests::terminal;
use gild_tests::waiting::wait_for;

/// Runs of a store that is filled for a test.
const SMALL: Shape = Shape { workers: 1, repetitions: 1, counters: false };

fn numbers(lab: &Lab, arguments: &[&str]) -> Vec<i64> {
    let heads: Vec<RunHead> = lab.gilctl(&[&["ls", "--json"], arguments].concat()).well().json();
    heads.iter().map(|head| head.id).collect()
}

/// A world whose daemon has so many made-up runs.
fn filled(count: u32, shape: Shape) -> Lab {
    let mut lab = Lab::empty();
    fill(&lab.store(), count, shape);
    lab.start_daemon();
    lab
}

#[test]
fn runs_are_found_by_what_they_are_and_by_what_was_written_on_them() {
    let lab = filled(40, SMALL);
    assert_eq!(numbers(&lab, &[]).len(), 40);
    assert_eq!(numbers(&lab, &["--kernel", "null", "--limit", "2"]), [40, 36]);
    assert_eq!(numbers(&lab, &["--status", "failed"]), [40, 30, 20, 10]);
    assert_eq!(numbers(&lab, &["--model", "event-loop"]), [0; 0]);
    assert_eq!(numbers(&lab, &["--since", "1h", "--before", "3"]), [2, 1]);
    assert!(numbers(&lab, &["--since", "10m"]).len() <= 11);
    assert_eq!(numbers(&lab, &["--since", "2100-01-01"]), [0; 0]);
    lab.gilctl(&["tag", "3", "17", "--add", "baseline,v1.2"]).well().says(["run 17 has the tags baseline, v1.2"]);
    lab.gilctl(&["tag", "17", "--remove", "v1.2"]).well().says(["run 17 has the tags baseline\n"]);
    assert_eq!(numbers(&lab, &["--tag", "v1.2"]), [3]);
    assert_eq!(numbers(&lab, &["--tag", "baseline", "--kernel", "cpu-bound"]), [17]);
    lab.gilctl(&["note", "3", "before the new allocator"]).well();
    lab.gilctl(&["ls", "--long", "--tag", "v1.2"]).well().says(["tags", "note", "before the new allocator"]);
    lab.gilctl(&["show", "3"]).well().says(["tags: baseline, v1.2\n", "note: before the new allocator\n"]);
    lab.gilctl(&["note", "3", " "]).well().says(["run 3 has no note"]);
    lab.gilctl(&["tag", "77", "--add", "x"]).ended_with(4).complains(["there is no run 77"]);
    lab.gilctl(&["tag", "3", "--add", "two words"]).ended_with(2).complains(["is no tag"]);
    lab.gilctl(&["tag", "3", "--add", "x", "--remove", "x"]).ended_with(2).complains(["added and removed at once"]);
    lab.gilctl(&["ls", "--status", "over"]).ended_with(2).complains(["queued, running, done"]);
    lab.ask("GET", "/v1/runs?kernle=null", "").refuses(400, ["kernle"]);
    lab.ask("GET", "/v1/runs?limit=0", "").refuses(400, ["limit: 0"]);
    lab.ask("POST", "/v1/runs/3/tags", "{}").refuses(422, ["at least one tag"]);
}

#[test]
fn a_list_that_was_cut_says_how_to_go_on_and_pages_are_put_together() {
    let lab = filled(1_205, SMALL);
    let ran = lab.gilctl(&["ls"]).well().complains(["--before 1156", "--limit all"]);
    assert_eq!(ran.stdout.lines().count(), 51, "a head and the newest 50");
    let ran = lab.gilctl(&["ls", "--before", "1156", "--limit", "2"]).well();
    assert!(ran.stdout.contains("1155") && !ran.stdout.contains("1156 "), "{ran}");
    let all = numbers(&lab, &["--limit", "all"]);
    assert_eq!((all.len(), all[0], all[1_204]), (1_205, 1_205, 1), "two pages of the API");
    assert!(all.windows(2).all(|pair| pair[0] == pair[1] + 1));
    assert_eq!(numbers(&lab, &["--limit", "1205"]).len(), 1_205);
}

#[test]
fn pruning_says_what_it_removes_asks_and_gives_the_room_back() {
    let lab = filled(60, Shape { workers: 4, repetitions: 4, counters: true });
    let running = submit_endless(&lab, "threads");
    let waiting = lab.submit(&["null", "--model", "sequential", "--repeat", "1"]);
    lab.gilctl(&["tag", "5", "--add", "keep-me"]).well();
    lab.gilctl(&["prune"]).ended_with(2).complains(["--keep"]);
    lab.gilctl(&["prune", "--keep", "12", "--dry-run"]).well().says(["49 runs would be removed"]);
    lab.gilctl(&["prune", "--keep", "12"]).ended_with(2).complains(["--yes"]);
    assert_eq!(numbers(&lab, &[]).len(), 62, "nothing was removed so far");
    // Its standard input is no terminal either, so it cannot be asked there.
    let shown = terminal::run(&mut lab.gilctl_command(&["prune", "--keep", "12"]));
    assert!(shown.contains("made-up-0") && shown.contains("and 29 more") && shown.contains("--yes"), "{shown}");
    let before = std::fs::metadata(lab.store()).map(|file| file.len()).expect("the store is there");
    let ran = lab.gilctl(&["prune", "--keep", "12", "--older-than", "1s", "--yes"]).well();
    ran.says(["removed 49 runs; the store had"]);
    let mut left: Vec<i64> = (51..=60).rev().chain([5]).collect();
    left.splice(0..0, [waiting, running]);
    assert_eq!(numbers(&lab, &[]), left);
    let after = std::fs::metadata(lab.store()).map(|file| file.len()).expect("the store is there");
    assert!(after < before / 2, "{before} bytes became {after}");
    lab.gilctl(&["prune", "--keep", "0", "--tagged", "--yes"]).well().says(["removed 11 runs"]);
    assert_eq!(numbers(&lab, &[]), [waiting, running], "runs that are not over stay");
    lab.gilctl(&["prune", "--keep", "0", "--yes"]).well().says(["nothing to remove"]);
    let answer = lab.ask("POST", "/v1/prune", "{\"keep\": 0}");
    let last: PruneEvent =
        serde_json::from_str(answer.body.lines().last().expect("there is a line")).expect("it is one");
    assert!(matches!(last, PruneEvent::Done { removed: 0, .. }), "{last:?}");
    lab.gilctl(&["cancel", &waiting.to_string()]).well();
    lab.gilctl(&["cancel", &running.to_string()]).well();
    lab.wait_for_end(running);
}

#[test]
fn the_daemon_keeps_as_many_runs_as_its_configuration_says() {
    let mut lab = Lab::empty();
    fill(&lab.store(), 30, SMALL);
    lab.write("gild.toml", &lab.config("[retention]\nkeep = 10\nolder_than = \"1s\""));
    lab.start_daemon();
    wait_for("old runs are removed at the start", || (numbers(&lab, &[]).len() == 10).then_some(()));
    lab.gilctl(&["tag", "21", "--add", "keep-me"]).well();
    let quick = ["run", "null", "--model", "sequential", "--tasks", "5", "--repeat", "1", "--warmups", "0"];
    lab.gilctl(&quick).well();
    lab.gilctl(&quick).well();
    // The driver does it after a run and before the next one, so it may come a moment after the run's end.
    let expected: Vec<i64> = (23..=32).rev().chain([21]).collect();
    wait_for("old runs are removed after runs", || (numbers(&lab, &[]) == expected).then_some(()));
    assert!(lab.log().contains("old runs removed (retention)"), "{}", lab.log());
}

#[test]
fn questions_are_answered_in_three_forms_and_only_read() {
    let lab = filled(8, SMALL);
    let question = "SELECT kernel, count(*) AS n, NULL AS absent FROM v_runs GROUP BY 1 ORDER BY 1";
    lab.gilctl(&["sql", question]).well().says(["kernel", "cpu-bound", "–"]);
    let csv = lab.gilctl(&["sql", "--csv", question]).well().stdout;
    assert_eq!(csv, "kernel,n,absent\ncpu-bound,2,\nio-bound,2,\nmixed,2,\nnull,2,\n");
    let json: serde_json::Value = lab.gilctl(&["sql", "--json", question]).well().json();
    assert_eq!(json[0], serde_json::json!({"kernel": "cpu-bound", "n": 2, "absent": null}));
    lab.gilctl(&["sql", "--limit", "3", "SELECT run FROM v_runs"])
        .well()
        .complains(["more than 3 rows", "--limit all"]);
    let refused = |sql: &str, says: &str| {
        lab.gilctl(&["sql", sql]).ended_with(2).complains([says, "gilctl sql --schema"]);
    };
    refused("SELECT wal_ns FROM v_trials", "line 1, column 8");
    refused("DELETE FROM runs", "nothing but reading is allowed");
    refused("ATTACH '/etc/passwd' AS x", "nothing but reading is allowed");
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let ran = lab.gilctl(&["sql", "--time-limit", "0.2", endless]).ended_with(2);
    ran.complains(["longer than 0.2 s", "--time-limit"]);
    lab.gilctl(&["sql", "--schema"]).well().says(["v_accounts: one row per", "wall_ns", "wall time"]);
    let views: Vec<ViewInfo> = lab.gilctl(&["sql", "--schema", "--json"]).well().json();
    assert!(views.iter().flat_map(|view| &view.columns).all(|column| !column.meaning.is_empty()));
    assert_eq!(numbers(&lab, &[]).len(), 8);
}

#[test]
fn a_question_ends_with_whoever_asked_it() {
    let lab = filled(1, SMALL);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let asking = lab.start_gilctl(&["sql", "--time-limit", "600", endless]);
    let works = |lab: &Lab| cpu_ticks(lab.daemon_pid());
    let start = works(&lab);
    wait_for("the daemon works on it", || (works(&lab) > start + 5).then_some(()));
    asking.signal(nix::sys::signal::Signal::SIGKILL);
    asking.finish();
    wait_for("the daemon is at rest", || {
        let before = works(&lab);
        std::thread::sleep(Duration::from_millis(200));
        (works(&lab) <= before + 1).then_some(())
    });
}

/// CPU time of a process, in ticks (proc(5): utime and stime).
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the daemon lives");
    let fields = stat.rsplit(')').next().expect("the name ends").split_whitespace();
    fields.skip(11).take(2).map(|it| it.parse::<u64>().expect("it is a number")).sum()
}

/// The shortest of several times of each of two commands, which take turns.
fn shortest(commands: [(&Lab, &[&str]); 2]) -> [Duration; 2] {
    let mut shortest = [Duration::MAX; 2];
    for _ in 0..15 {
        for ((lab, arguments), shortest) in commands.into_iter().zip(&mut shortest) {
            let started = Instant::now();
            lab.gilctl(arguments).well();
            *shortest = (*shortest).min(started.elapsed());
        }
    }
    shortest
}

#[test]
fn ten_thousand_runs_are_listed_and_shown_as_a_hundred_are() {
    let (few, many) = (filled(100, SMALL), filled(10_000, SMALL));
    for arguments in [
        &["ls", "--limit", "20"][..],
        &["ls", "--limit", "20", "--kernel", "mixed", "--status", "failed"],
        &["ls", "--limit", "20", "--tag", "none"],
        &["show", "last"],
    ] {
        let [hundred, ten_thousand] = shortest([(&few, arguments), (&many, arguments)]);
        // Both are a process's start and two questions; what reads a hundred times as much takes tens of milliseconds more.
        assert!(ten_thousand < 3 * hundred, "{arguments:?}: {hundred:?} with 100 runs, {ten_thousand:?} with 10 000");
    }
}

#[test]
fn an_export_needs_no_memory_for_its_rows() {
    let shape = Shape { workers: 50, repetitions: 100, counters: true };
    let lab = filled(1, shape);
    let ran = lab.gilctl(&["export", "1", "--format", "parquet", "-o", "out.parquet"]).well();
    assert_eq!(shape.rows(), 104_000);
    ran.complains(["wrote 104000 rows"]);
    lab.gilctl(&["export", "1", "--format", "csv", "-o", "out.csv"]).well();
    let csv = std::fs::read_to_string(lab.path("out.csv")).expect("it was written");
    assert_eq!(csv.lines().count(), 104_001);
    let head = csv.lines().next().expect("there is a head");
    assert!(head.ends_with("page-faults,page-faults_running_ratio"), "{head}");
    // All rows at once would be a good hundred MiB.
    let peak_kib = peak_kib(lab.daemon_pid());
    assert!(peak_kib < 64 << 10, "the daemon had {peak_kib} KiB");
}

/// The peak of a process's memory (proc(5): VmHWM).
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the daemon lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}
