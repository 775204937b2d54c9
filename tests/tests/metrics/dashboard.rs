//! The dashboard in `configs/`: it asks for what the daemon serves.

use std::collections::{BTreeMap, BTreeSet};

use gild::metrics::catalogue::{ALL, Kind};
use gild_tests::lab::Lab;
use gild_tests::{program, python, skipped};
use serde_json::Value;

/// Reads the dashboard with Grafana's own types, writes it again, and prints what was lost or changed on the way.
const READ_AND_WRITE: &str = r#"
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
register_default_plugins()
ours = json.load(open(sys.argv[1]))
theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))
def lost(mine, other, place):
    if isinstance(mine, dict) and isinstance(other, dict):
        return [found for key in mine for found in (lost(mine[key], other[key], place + "." + key) if key in other else [place + "." + key])]
    if isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
        return [found for one, two in zip(mine, other) for found in lost(one, two, place)]
    return [] if mine == other else [place + " is " + repr(other)]
print(json.dumps(lost(ours, theirs, "")))
"#;

/// The dashboard.
pub fn dashboard() -> Value {
    let path = gild_tests::binaries::repository().join("configs/grafana-dashboard.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The panels, those of rows that are folded up included.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let top = dashboard["panels"].as_array().unwrap();
    top.iter()
        .flat_map(|panel| std::iter::once(panel).chain(panel["panels"].as_array().into_iter().flatten()))
        .collect()
}

/// Every expression, with the title of its panel.
pub fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |panel: &&Value| {
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.iter().map(|target| (text(&panel["title"]), text(&target["expr"]))).collect::<Vec<_>>()
    };
    panels(dashboard).iter().flat_map(of).collect()
}

/// The questions of docs/metrics.md, one after each blank line.
pub fn documented() -> Vec<String> {
    let path = gild_tests::binaries::repository().join("docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let block = text.split("```promql\n").nth(1).unwrap().split("```").next().unwrap();
    let question = |part: &str| part.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    block.split("\n\n").map(question).collect()
}

/// The names of series that the daemon serves, with their labels and those that Prometheus adds.
fn served() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut served = BTreeMap::new();
    for entry in ALL {
        let endings: &[&str] = if entry.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        for ending in endings {
            let le = (*ending == "_bucket").then_some("le");
            let labels = entry.labels.iter().copied().chain(["instance", "job"]).chain(le).collect();
            served.insert(entry.series() + ending, labels);
        }
    }
    // What Prometheus says of every target.
    served.insert("up".to_owned(), ["instance", "job"].into());
    served
}

/// The words of an expression outside of texts, and what follows each.
fn words(expression: &str) -> Vec<(String, char)> {
    let mut words = Vec::new();
    for (place, part) in expression.split('"').enumerate() {
        if place % 2 == 1 {
            continue;
        }
        let mut rest = part;
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$') {
            let word: String =
                rest[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || "_$".contains(*c)).collect();
            rest = &rest[start + word.len()..];
            words.push((word, rest.trim_start().chars().next().unwrap_or(' ')));
        }
    }
    words
}

/// What is wrong with the names in an expression.
fn complaints(expression: &str) -> Vec<String> {
    const FUNCTIONS: [&str; 6] = ["sum", "rate", "increase", "histogram_quantile", "time", "label_values"];
    /// With the units of durations.
    const KEYWORDS: [&str; 7] = ["and", "by", "on", "group_left", "s", "h", "d"];
    let served = served();
    let words = words(expression);
    let metrics: Vec<&String> = words.iter().map(|(word, _)| word).filter(|word| served.contains_key(*word)).collect();
    let has_label = |name: &str| metrics.iter().any(|metric| served[*metric].contains(name));
    let mut complaints = Vec::new();
    if metrics.is_empty() {
        complaints.push("it asks for nothing that is served".to_owned());
    }
    for (word, _) in &words {
        let is_known = FUNCTIONS.contains(&word.as_str()) || KEYWORDS.contains(&word.as_str()) || word.starts_with('$');
        if !is_known && !served.contains_key(word) && !has_label(word) {
            complaints.push(format!("{word} is neither served nor a label of what is"));
        }
    }
    // A selector's labels have to be those of its own metric.
    for (place, selector) in expression.match_indices('{') {
        let metric: String =
            expression[..place].chars().rev().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let metric: String = metric.chars().rev().collect();
        let labels = expression[place + selector.len()..].split('}').next().unwrap();
        for (label, _) in words_of_selector(labels) {
            if !served.get(&metric).is_some_and(|labels| labels.contains(label.as_str())) {
                complaints.push(format!("{metric} has no label {label}"));
            }
        }
    }
    complaints
}

fn words_of_selector(labels: &str) -> Vec<(String, char)> {
    words(labels).into_iter().filter(|(word, _)| !word.starts_with('$')).collect()
}

#[test]
fn every_series_and_label_in_the_dashboard_is_served() {
    let dashboard = dashboard();
    let expressions = expressions(&dashboard);
    assert!(expressions.len() >= 30, "{} expressions", expressions.len());
    for (panel, expression) in &expressions {
        assert_eq!(complaints(expression), [""; 0], "{panel}: {expression}");
    }
    for question in documented() {
        assert_eq!(complaints(&question), [""; 0], "docs/metrics.md: {question}");
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    for variable in variables.iter().filter(|it| it["type"] == "query") {
        let query = variable["query"]["query"].as_str().unwrap();
        assert_eq!(complaints(query), [""; 0], "variable {}", variable["name"]);
    }
}

#[test]
fn the_types_of_grafana_know_every_field_of_the_dashboard() {
    let python = match python::with_metrics_readers() {
        Ok(python) => python,
        Err(why) => return skipped("Grafana's types", &why),
    };
    let lab = Lab::empty();
    let path = gild_tests::binaries::repository().join("configs/grafana-dashboard.json");
    let lost: Vec<String> = program::run(lab.command(python).args(["-c", READ_AND_WRITE]).arg(path)).well().json();
    // Grafana has it since version 6, these types do not.
    let unknown: Vec<&String> = lost.iter().filter(|field| *field != ".panels.maxPerRow").collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_name_that_is_not_served_is_found() {
    for (expression, wrong) in [
        ("sum(gild_runs_queue)", "it asks for nothing"),
        ("sum by (kernel) (gild_runs_running)", "kernel is neither"),
        ("gild_runs_queued{kind=\"run\"}", "gild_runs_queued has no label kind"),
        ("gild_http_request_duration_seconds", "it asks for nothing"),
        ("rate(gild_tasks[5s])", "gild_tasks is neither"),
    ] {
        let found = complaints(expression);
        assert!(found.iter().any(|it| it.contains(wrong)), "{expression}: {found:?}");
    }
}

#[test]
fn the_dashboard_is_one_that_can_be_imported_anywhere() {
    let dashboard = dashboard();
    assert!(
        dashboard["schemaVersion"].as_u64() >= Some(39) && dashboard.get("id").is_none(),
        "ids are Grafana's to give"
    );
    let panels = panels(&dashboard);
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "panels have ids of their own");
    let is_variable = |source: &Value| source["type"] == "prometheus" && source["uid"] == "${datasource}";
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(is_variable(&panel["datasource"]), "{}", panel["title"]);
        assert!(
            panel["targets"].as_array().unwrap().iter().all(|it| is_variable(&it["datasource"])),
            "{}",
            panel["title"]
        );
    }
    let place = |panel: &Value, side: &str| panel["gridPos"][side].as_u64().unwrap();
    let area = |panel: &Value| {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| place(panel, side));
        (x..x + w).flat_map(move |x| (y..y + h).map(move |y| (x, y)))
    };
    let mut taken = BTreeSet::new();
    for panel in &panels {
        assert!(place(panel, "x") + place(panel, "w") <= 24, "{} is off the grid", panel["title"]);
        assert!(area(panel).all(|cell| taken.insert(cell)), "{} lies on another panel", panel["title"]);
    }
    let phases = panels.iter().find(|panel| panel["title"] == "Phases: $model").unwrap();
    assert_eq!(phases["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"], "percent");
    let coloured = phases["fieldConfig"]["overrides"].as_array().unwrap().iter();
    let coloured: BTreeSet<&str> = coloured.map(|it| it["matcher"]["options"].as_str().unwrap()).collect();
    assert_eq!(
        coloured,
        gild_model::phase::Phase::ALL.iter().map(|phase| phase.name()).collect(),
        "each phase has a colour"
    );
}
