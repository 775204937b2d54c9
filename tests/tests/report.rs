//! Reports in a real browser: what stands there is what the store has, nothing is loaded from elsewhere, everybody can use it,
//! and a million intervals are drawn about as fast as ten thousand.
//!
//! `GILD_TEST_SCREENSHOTS=FOLDER` leaves screenshots there. Without Chromium and node the tests say so.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use gild_model::phase::Phase;
use gild_model::run::Run;
use gild_model::summary::Shares;
use gild_model::timeline::{Meaning, Timeline};
use gild_tests::binaries::repository;
use gild_tests::browser::{Browser, browser, screenshots};
use gild_tests::lab::Lab;
use gild_tests::{program, pythons, skipped};
use serde::Deserialize;
use serde_json::Value;

/// Three models; the name of one case, and that of the experiment, would be markup if it were not escaped.
const EXPERIMENT: &str = r#"
name = "</script><img src=x onerror=alert(1)>"
kernel = "cpu-bound"
repetitions = 3
param = { n = 14, tasks = 60 }
case = [
    { model = "sequential" },
    { model = "threads", workers = 4, interval_us = 300, name = "<b>threads</b> & \"more\"" },
    { model = "processes", workers = 2 },
]
"#;

/// A world with a run and its report.
struct Reported {
    lab: Lab,
    run: Run,
    file: PathBuf,
    browser: Browser,
}

impl Reported {
    /// `None`: there is no browser, which was said.
    fn new(what: &str) -> Option<Reported> {
        let browser = browser().map_err(|why| skipped(what, &why)).ok()?;
        let lab = Lab::new();
        lab.write("experiment.toml", EXPERIMENT);
        lab.gilctl(&["run", "experiment.toml"]).well();
        lab.gilctl(&["report", "last", "-o", "report.html"]).well().complains(["wrote report.html"]);
        let run = lab.gilctl(&["show", "last", "--json"]).well().json();
        let file = lab.path("report.html");
        Some(Reported { lab, run, file, browser })
    }

    fn look(&self, what: &str) -> Value {
        let mut found: Value = self.browser.look(&self.lab, &self.file, what);
        found[what].take()
    }
}

/// A figure on the page.
#[derive(Debug, Deserialize)]
struct Figure {
    value: f64,
    text: String,
}

type Figures = BTreeMap<String, BTreeMap<String, Figure>>;

fn figures(page: &Value, table: &str) -> Figures {
    serde_json::from_value(page["figures"][table].clone()).unwrap()
}

/// Columns of shares with what the store has of them.
fn shares(of: &Shares) -> Vec<(&'static str, Option<f64>)> {
    vec![
        ("compute", Some(of.compute)),
        ("lock-wait", Some(of.lock_wait)),
        ("encode+decode", Some(of.serialize)),
        ("send+receive", Some(of.transfer)),
        ("io-wait", Some(of.io_wait)),
        ("idle", Some(of.idle)),
        ("startup", Some(of.startup)),
        ("teardown", Some(of.teardown)),
        ("on-cpu", of.on_cpu),
        ("run-queue", of.run_queue),
        ("blocked", of.blocked),
        ("stolen", of.stolen),
    ]
}

#[test]
fn the_figures_on_the_page_are_those_of_the_store_and_nothing_is_loaded() {
    let Some(reported) = Reported::new("the figures of a report") else { return };
    let page = reported.look("page");
    assert_eq!(
        (&page["complaints"], &page["requests"]),
        (&Value::from(Vec::<Value>::new()), &Value::from(Vec::<Value>::new()))
    );
    let (table, parts) = (figures(&page, "table"), figures(&page, "shares"));
    for line in &reported.run.summary.cases {
        let name = &line.case.name;
        let shown = &table[name];
        let value = |figure: &str| shown.get(figure).map(|it| it.value);
        assert_eq!(value("wall_ns"), line.wall_ns.map(|it| it.median), "{name}");
        assert_eq!(value("versus"), line.versus.map(|it| it.estimate.median), "{name}");
        assert_eq!(value("tasks_per_s"), line.tasks_per_s, "{name}");
        assert_eq!(value("parallelism"), line.parallelism, "{name}");
        assert_eq!(
            shown.get("versus").is_some_and(|it| it.text.contains("(tie)")),
            line.versus.is_some_and(|it| it.tie)
        );
        for (column, share) in shares(line.workers.as_ref().unwrap()) {
            assert_eq!(parts[name].get(column).map(|it| it.value), share, "{name}, {column}");
            let bar = &page["figures"]["bars"][name.as_str()][column];
            match share.filter(|share| *share > 0.0) {
                Some(share) => {
                    assert_eq!(bar["share"].as_f64(), Some(share), "{name}, {column}");
                    assert!((bar["drawn"].as_f64().unwrap() - share).abs() < 0.002, "{name}, {column}: {bar}");
                }
                None => assert!(bar.is_null(), "{name}, {column}: {bar}"),
            }
        }
    }
    check_words(&reported, &page);
}

/// The answer, notes and the experiment are there in the words of `gilctl`.
fn check_words(reported: &Reported, page: &Value) {
    let shown = |of: &str| page["figures"][of].as_str().unwrap().to_owned();
    let advice = &reported.run.summary.advice.groups[0].sentences;
    assert_eq!(shown("answer"), advice[0]);
    let text = shown("text");
    for line in advice.iter().chain(&reported.run.summary.notes) {
        assert!(text.contains(line.as_str()), "no {line:?} in {text}");
    }
    let toml = reported.lab.gilctl(&["show", "last", "--experiment"]).well().stdout;
    assert_eq!(shown("toml"), toml);
    assert_eq!(page["charts"]["timelines"], 3);
    let painted = page["painted"].as_array().unwrap();
    assert_eq!(painted.len(), 4, "three timelines and the distributions");
    for chart in &painted[..3] {
        assert!(chart["filled"].as_f64().unwrap() > 0.3 && chart["colours"].as_u64().unwrap() >= 2, "{chart}");
    }
}

#[test]
fn counters_on_the_page_are_the_sums_of_the_export() {
    let Some(reported) = Reported::new("the counters of a report") else { return };
    let shown = figures(&reported.look("page"), "counters");
    let export = reported.lab.gilctl(&["export", "last", "--format", "jsonl"]).well().stdout;
    let rows: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (name, counters) in &shown {
        let mine = |row: &&Value| row["case"] == name.as_str() && row["role"] == "worker" && row["phase"] == "compute";
        for (counter, figure) in
            counters.iter().filter(|(counter, _)| rows.iter().any(|row| row[counter.as_str()].is_u64()))
        {
            // Where readings became too dear for phases there is no sum: one of a part of the workers would be none.
            if rows.iter().filter(mine).any(|row| !row[counter.as_str()].is_u64()) {
                continue;
            }
            let sum: u64 = rows.iter().filter(mine).filter_map(|row| row[counter.as_str()].as_u64()).sum();
            assert_eq!(figure.value, sum as f64, "{name}, {counter}");
        }
    }
    assert_eq!(shown.len(), reported.run.experiment.cases.len(), "{shown:?}");
}

#[test]
fn everybody_can_use_it_light_dark_and_on_a_phone() {
    let Some(reported) = Reported::new("the accessibility of a report") else { return };
    for (look, found) in reported.look("everybody").as_object().unwrap() {
        assert_eq!(found["serious"], Value::from(Vec::<Value>::new()), "{look}");
        assert_eq!(found["complaints"], Value::from(Vec::<Value>::new()), "{look}");
        assert_eq!(found["wide"], 0, "{look}: the page scrolls sideways");
    }
}

#[test]
fn without_scripts_and_on_paper_the_figures_are_there() {
    let Some(reported) = Reported::new("a report on paper") else { return };
    let plain = reported.look("plain");
    assert!(plain["tables"].as_u64().unwrap() >= 3 && plain["toml"] == 1 && plain["said"] == true, "{plain}");
    assert_eq!(plain["bars"], 6, "phases and states of three cases: {plain}");
    let paper = reported.look("paper");
    assert!(paper["bytes"].as_u64().unwrap() > 20_000 && paper["pages"].as_u64().unwrap() >= 2, "{paper}");
    assert_eq!(paper["ground"], "rgb(255, 255, 255)", "paper is white, whatever the screen");
    if screenshots().is_some() {
        reported.look("shoot");
    }
}

/// Two ends of what is in sight.
fn view(of: &Value) -> (f64, f64) {
    (of[0].as_f64().unwrap(), of[1].as_f64().unwrap())
}

fn span((from, until): (f64, f64)) -> f64 {
    until - from
}

#[test]
fn a_timeline_zooms_and_moves_by_keys_and_by_mouse() {
    let Some(reported) = Reported::new("the timelines of a report") else { return };
    let keyboard = reported.look("keyboard");
    let range = view(&keyboard["range"]);
    let after = |step: usize| view(&keyboard["pressed"][step]["view"]);
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 0.01;
    assert!(near(span(after(0)), span(range)), "Home shows everything: {keyboard}");
    assert!(near(span(after(1)), span(range) / 2.0) && near(span(after(2)), span(range) / 4.0), "{keyboard}");
    assert!(near(span(after(3)), span(after(2))) && after(3).0 > after(2).0, "the arrow moves: {keyboard}");
    assert!(near(span(after(4)), span(range) / 2.0) && near(span(after(5)), span(range)), "{keyboard}");
    assert!(keyboard["said"].as_str().unwrap().starts_with("Showing all of it"), "{keyboard}");
    assert_eq!(keyboard["focus_seen"], true);
    let mouse = reported.look("mouse");
    let (first, dragged) = (view(&mouse["first"]), view(&mouse["dragged"]));
    assert!((span(dragged) / span(first) - 0.25).abs() < 0.03, "a quarter was dragged across: {mouse}");
    assert!(near(span(view(&mouse["all"])), span(view(&mouse["range"]))), "{mouse}");
    assert!(mouse["under"].as_str().unwrap().contains(" from "), "the pointer reads: {mouse}");
}

#[test]
fn the_scripts_compute_of_intervals_what_the_plainest_way_does() {
    let folder = repository();
    let mut node = Command::new("node");
    if node.arg("--version").output().is_err() {
        return skipped("what the scripts compute", "there is no node");
    }
    let (test, script) =
        (folder.join("tests/browser/intervals.test.mjs"), folder.join("ctl/assets/report/intervals.js"));
    program::run(Command::new("node").arg(test).arg(script)).well().says(["ok"]);
    // The bytes that the script was given are those that are stored.
    let mut timeline = Timeline::new(0);
    for (at, phase) in [(-3, Phase::Startup), (5, Phase::LockWait), (1000, Phase::Compute)] {
        timeline.push(at, Meaning { phase, kernel_phase: None });
    }
    timeline.until_ns = 300_000;
    assert_eq!(timeline.pack(), [3, 5, 0, 0, 8, 6, 0xe3, 0x07, 8, 0xf8, 0x9f, 0x12]);
}

#[test]
fn a_million_intervals_are_drawn_about_as_fast_as_ten_thousand() {
    let Some(reported) = Reported::new("the effort of drawing a report") else { return };
    let effort = reported.look("effort");
    let of = |size: usize, what: &str| effort[size][what].as_f64().unwrap();
    for what in ["whole", "part"] {
        // A hundred times the intervals; the reason for the margin is that the machine does other things, too. What is
        // too short for the browser's clock counts as half a millisecond.
        assert!(of(1, what) < 5.0 * of(0, what).max(0.5), "{what}: {effort}");
    }
}

#[test]
fn two_runs_stand_side_by_side() {
    let Some(reported) = Reported::new("a report of two runs") else { return };
    reported.lab.gilctl(&["run", "experiment.toml"]).well();
    reported.lab.gilctl(&["report", "--compare", "1", "2", "-o", "two.html"]).well();
    let reported = Reported { file: reported.lab.path("two.html"), ..reported };
    let page = reported.look("page");
    assert_eq!(
        (&page["complaints"], &page["charts"]["timelines"]),
        (&Value::from(Vec::<Value>::new()), &Value::from(6))
    );
    let text = page["figures"]["text"].as_str().unwrap();
    let comparison = reported.lab.gilctl(&["compare", "1", "2"]).stdout;
    for ratio in comparison.split_whitespace().filter(|word| word.ends_with('×')) {
        assert!(text.contains(ratio), "no {ratio} in {text}");
    }
    for (look, found) in reported.look("everybody").as_object().unwrap() {
        assert_eq!((&found["serious"], &found["wide"]), (&Value::from(Vec::<Value>::new()), &Value::from(0)), "{look}");
    }
}

#[test]
fn a_report_goes_to_standard_output_and_unknown_runs_are_refused() {
    let lab = Lab::new();
    lab.gilctl(&["run", "null", "--tasks=20", "--model=sequential", "--repeat=1", "--warmups=0"]).well();
    lab.gilctl(&["report", "last", "-o", "-", "--timeline", "none"])
        .well()
        .says(["<!DOCTYPE html>", "Timelines were left out"]);
    lab.gilctl(&["report", "1"]).well();
    assert!(lab.path("run-1.html").is_file());
    lab.gilctl(&["report", "7"]).ended_with(4).complains(["there is no run 7"]);
    lab.gilctl(&["report", "--compare", "1", "1"]).ended_with(2).complains(["cannot be compared with itself"]);
    lab.gilctl(&["report", "1", "-o", "missing/report.html"]).ended_with(5).complains(["missing/report.html"]);
}

#[test]
fn a_recording_has_a_report_that_names_who_kept_others_waiting() {
    let Some(python) = pythons::of_machine() else {
        return skipped("the report of a recording", "there is no python3");
    };
    let lab = Lab::new();
    // The helpers that a launcher starts first are not what anybody wants to see.
    let program = "\
import threading
def work():
    for _ in range(40): sum(i * i for i in range(20_000))
threads = [threading.Thread(target=work) for _ in range(4)]
for it in threads: it.start()
for it in threads: it.join()
";
    lab.write("app.py", program);
    let launcher = format!("for i in $(seq 80); do (:); done; exec {} app.py", python.display());
    let shown = lab.gilctl(&["record", "--", "sh", "-c", &launcher]).well();
    shown.complains(["more threads, none of which lived for more than", "app.py:"]);
    lab.gilctl(&["tag", "last", "--add", "launched"]).well();
    lab.gilctl(&["report", "last", "-o", "report.html"]).well();
    let page = std::fs::read_to_string(lab.path("report.html")).unwrap();
    let says = [
        "The program used",
        "held the interpreter's lock for",
        "Who made whom wait",
        "work",
        ">launched<",
        "lived shortest",
    ];
    assert!(says.iter().all(|it| page.contains(it)), "{says:?}: {}", page.split("<script").next().unwrap());
    assert!(!page.contains("How long a task took") && !page.contains("tasks/s"));
    let Ok(browser) = browser() else { return };
    let mut found: Value = browser.look(&lab, &lab.path("report.html"), "page,everybody");
    assert_eq!(found["page"]["complaints"], Value::from(Vec::<Value>::new()));
    for (look, found) in found["everybody"].take().as_object().unwrap() {
        assert_eq!((&found["serious"], &found["wide"]), (&Value::from(Vec::<Value>::new()), &Value::from(0)), "{look}");
    }
}
