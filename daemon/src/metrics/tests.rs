//! The page as a whole: it is what the catalogue says, and so is its documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use gild_model::account::WorkerAccount;
use gild_model::lock_wait::{Holder, LockKind, LockWait};
use gild_model::run::RunStatus;
use gild_model::timeline::{Timeline, WorkerTimeline};
use gild_model::trial::{AccountingCost, Trial, TrialStatus};

use super::catalogue::{ALL, Entry, Kind, LABELS};
use super::page::{Format, Page};
use super::traffic::{Listener, Refused};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::testing::{accepted, daemon, experiment, recording, trial};

/// A trial in which everything that there is a family for was measured.
fn whole_trial() -> Trial {
    let mut workers = recording(2).trial.workers;
    workers[1] = WorkerAccount { stolen_ns: Some(5), balanced: None, ..workers[1].clone() };
    let timeline = Timeline::new(9);
    let kept =
        WorkerTimeline { row: 0, role: workers[0].role, index: 0, kernel_phases: vec!["secret".to_owned()], timeline };
    let wait = LockWait { lock: LockKind::Policy, waiter: 0, holder: Holder::Nobody, waited_ns: 3, entries: 2 };
    let accounting = AccountingCost {
        marks: 10,
        mark_ns: 1.5,
        counter_reads: 0,
        rdpmc_reads: 0,
        counter_read_ns: None,
        schedstat_reads: 0,
        schedstat_read_ns: None,
        cpu_clock_reads: 0,
        cpu_clock_read_ns: None,
        share: 0.1,
    };
    Trial {
        wall_ns: Some(1_500_000_000),
        tasks_done: 4,
        accounting: Some(accounting),
        lock_waits: Some(vec![wait]),
        timelines: vec![kept],
        workers,
        ..trial(TrialStatus::Done)
    }
}

/// A daemon of which there is something to say in every family.
fn busy() -> (tempfile::TempDir, Arc<Daemon>) {
    let (folder, daemon) = daemon(Config::default());
    let head = daemon.runs.submit(accepted(), 8).unwrap();
    daemon.runs.cancel(head.id).unwrap();
    daemon.runs.submit(accepted(), 8).unwrap();
    let cases = experiment().cases;
    daemon.runs.trials.add(&cases[0], &whole_trial());
    daemon.traffic.listens(Listener::Socket, 64);
    daemon.traffic.refused(Listener::Socket, Refused::User);
    daemon.traffic.answered(&Method::GET, Some("/v1/runs/{id}"), StatusCode::OK, Duration::from_millis(2));
    (folder, daemon)
}

/// What a page says of its families: type, unit, and the labels of their series.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    kind: String,
    unit: Option<String>,
    labels: BTreeSet<String>,
}

fn read(page: &str) -> BTreeMap<String, Said> {
    let mut families: BTreeMap<String, Said> = BTreeMap::new();
    let mut latest = String::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", what, name, text] => {
                latest = name.to_owned();
                let said = families.entry(latest.clone()).or_default();
                match what {
                    "TYPE" => said.kind = text.to_owned(),
                    "UNIT" => said.unit = Some(text.to_owned()),
                    _ => {}
                }
            }
            _ => {
                assert!(line.starts_with(&latest), "{line} is not of {latest}");
                let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
                let names = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
                families.get_mut(&latest).unwrap().labels.extend(names.filter(|name| name != "le"));
            }
        }
    }
    families
}

/// A series with its labels in alphabetical order.
fn in_order(series: &str) -> String {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let mut labels: Vec<&str> = labels.trim_end_matches('}').split("\",").collect();
    labels.sort_unstable();
    format!("{name} {labels:?}").replace("\\\"", "")
}

fn expected(entry: &Entry) -> Said {
    Said {
        kind: entry.kind.name().to_owned(),
        unit: entry.unit.map(|unit| unit.name().to_owned()),
        labels: entry.labels.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_page_has_every_family_of_the_catalogue_with_its_type_unit_and_labels_and_no_other() {
    let (_folder, daemon) = busy();
    let text = Page::of(&daemon).write(Format::OpenMetrics).unwrap();
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    let mut families = read(&text);
    for entry in ALL {
        let said = families.remove(&entry.family()).unwrap_or_else(|| panic!("{} is missing:\n{text}", entry.family()));
        assert_eq!(said, expected(entry), "{}", entry.family());
    }
    assert!(families.is_empty(), "not in the catalogue: {families:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn the_classic_page_has_the_same_series() {
    let (_folder, daemon) = busy();
    let page = Page::of(&daemon);
    let series = |format| -> BTreeSet<String> {
        let text = page.write(format).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| in_order(line.rsplit_once(' ').unwrap().0)).collect()
    };
    assert_eq!(series(Format::Classic), series(Format::OpenMetrics));
    let names: BTreeSet<String> = read(&page.write(Format::Classic).unwrap()).into_keys().collect();
    assert_eq!(names, ALL.iter().map(|entry| entry.series()).collect());
}

#[tokio::test(flavor = "current_thread")]
async fn values_are_those_that_were_counted_and_nothing_of_a_user_is_among_them() {
    let (folder, daemon) = busy();
    let text = Page::of(&daemon).write(Format::OpenMetrics).unwrap();
    for line in [
        "gild_runs_accepted_total{kind=\"run\"} 2",
        "gild_runs_finished_total{kind=\"run\",status=\"cancelled\"} 1",
        "gild_runs_finished_total{kind=\"recording\",status=\"done\"} 0",
        "gild_runs_queued 1",
        "gild_store_runs 2",
        "gild_trials_total{model=\"sequential\",status=\"done\"} 1",
        "gild_trial_wall_seconds_total{model=\"sequential\"} 1.5",
        "gild_tasks_total{model=\"sequential\"} 4",
        "gild_phase_seconds_total{model=\"sequential\",role=\"worker\",phase=\"compute\",state=\"on-cpu\"} 2e-7",
        "gild_lock_hand_overs_total{model=\"sequential\",lock=\"policy\"} 2",
        "gild_stolen_seconds_total{model=\"sequential\"} 5e-9",
        "gild_accounting_seconds_total{model=\"sequential\"} 1.5e-8",
        "gild_accounts_total{model=\"sequential\",balance=\"unknown\"} 1",
        "gild_timeline_intervals_dropped_total{model=\"sequential\"} 9",
        "gild_connections_refused_total{listener=\"socket\",reason=\"user\"} 1",
        "gild_http_requests_total{method=\"GET\",route=\"/v1/runs/{id}\",status=\"2xx\"} 1",
        "gild_http_request_duration_seconds_bucket{le=\"0.004\",method=\"GET\",route=\"/v1/runs/{id}\"} 1",
        "gild_host_info{tier=\"bare\"} 1",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not on the page:\n{text}");
    }
    for secret in [folder.path().to_str().unwrap(), "null", "secret", "python3", "lab"] {
        assert!(!text.contains(&format!("\"{secret}")) && !text.contains(&format!("/{secret}")), "{secret}:\n{text}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_store_is_counted_when_it_is_opened_and_whenever_a_run_comes_or_goes() {
    let (folder, daemon) = daemon(Config::default());
    let line = |daemon: &Daemon| {
        let text = Page::of(daemon).write(Format::OpenMetrics).unwrap();
        text.lines().find(|line| line.starts_with("gild_store_runs ")).map(str::to_owned).unwrap()
    };
    assert_eq!(line(&daemon), "gild_store_runs 0");
    let ids = [(); 3].map(|()| daemon.runs.submit(accepted(), 8).unwrap().id);
    for id in ids {
        daemon.runs.cancel(id).unwrap();
    }
    daemon.runs.remove(ids[0]).unwrap();
    daemon.runs.remove(ids[0]).unwrap_err();
    assert_eq!(line(&daemon), "gild_store_runs 2");
    assert_eq!(daemon.runs.head(ids[1]).unwrap().status, RunStatus::Cancelled);
    drop(daemon);
    let again = crate::runs::Runs::new(crate::store::Store::open(&folder.path().join("gild.db")).unwrap());
    let mut page = Page::default();
    again.store_tally.put_on(&mut page);
    assert!(page.write(Format::OpenMetrics).unwrap().contains("\ngild_store_runs 2\n"));
}

#[test]
fn names_and_texts_follow_the_conventions() {
    for entry in ALL {
        let name = entry.series();
        assert!(name.starts_with("gild_") || name.starts_with("process_"), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), entry.kind == Kind::Counter, "{name}");
        assert_eq!(
            entry.help.contains("since the daemon started"),
            name != "process_cpu_seconds_total" && matches!(entry.kind, Kind::Counter | Kind::Histogram),
            "{name}"
        );
        // The format would want these written otherwise, and the full stop is added.
        assert!(!entry.help.contains(['"', '\\', '\n', '|']) && !entry.help.ends_with('.'), "{name}: {}", entry.help);
    }
    let used: BTreeSet<&str> = ALL.iter().flat_map(|entry| entry.labels).copied().collect();
    let explained: Vec<&str> = LABELS.iter().map(|(name, _)| *name).collect();
    assert_eq!(explained, used.into_iter().collect::<Vec<_>>());
}

/// The tables of docs/metrics.md are those of the catalogue. Set `UPDATE_DOCS=1` to write them there.
#[test]
fn the_documentation_has_every_family() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = between(&text, "families", &family_table());
    let expected = between(&text, "labels", &label_table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected, "run the test with UPDATE_DOCS=1");
    }
}

/// A text with something else between two marks.
fn between(text: &str, name: &str, table: &str) -> String {
    let (start, end) = (format!("<!-- {name}: start -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&start).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{start}{table}{end}{after}")
}

fn family_table() -> String {
    let rows = ALL.iter().map(|entry| {
        let labels: Vec<String> = entry.labels.iter().map(|name| format!("`{name}`")).collect();
        let (kind, unit) = (entry.kind.name(), entry.unit.map_or("", |unit| unit.name()));
        format!(
            "| `{}` | {kind} | {unit} | {} | {} | {} |\n",
            entry.series(),
            labels.join(", "),
            entry.help,
            entry.source
        )
    });
    "| family | type | unit | labels | meaning | source |\n|---|---|---|---|---|---|\n".to_owned()
        + &rows.collect::<String>()
}

fn label_table() -> String {
    let rows = LABELS.iter().map(|(name, values)| format!("| `{name}` | {values} |\n"));
    "| label | values |\n|---|---|\n".to_owned() + &rows.collect::<String>()
}
