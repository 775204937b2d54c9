//! Every figure of a summary is defined in docs/statistics.md.

use gild_engine::ledger::task_log::TaskLogReading;
use gild_model::task_times::TaskTimes;

use super::*;
use crate::task_fold::TaskFold;

/// Times of a trial of one class, whose tasks nobody took.
fn task_times() -> Vec<TaskTimes> {
    let reading = TaskLogReading { classes: vec![("io".to_owned(), 1)], every: 1, damaged: 0, error: None };
    TaskFold::default().finish(&reading, Some(1))
}

#[test]
fn every_figure_is_in_the_documentation() {
    fn names(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields.iter().filter(|(name, _)| !["estimate", "advice"].contains(&name.as_str()))
                {
                    into.push(name.clone());
                    if !["case", "wall_ns", "tasks_per_s", "params"].contains(&name.as_str()) {
                        names(value, into);
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, into)),
            _ => {}
        }
    }
    let mut figures = Vec::new();
    let full = |trial| Trial { noise: Some(half_used_by_others()), task_times: task_times(), ..trial };
    let trials: Vec<_> = article().into_iter().map(full).collect();
    names(&serde_json::to_value(summary_of(&trials)).unwrap(), &mut figures);
    assert!(
        ["tie", "p99_ns", "preempted", "results_identical", "other_cpu_most"]
            .iter()
            .all(|name| figures.contains(&(*name).to_owned()))
    );
    let documentation = include_str!("../../../../docs/statistics.md");
    for figure in figures {
        assert!(documentation.contains(&format!("`{figure}`")), "{figure}");
    }
}
