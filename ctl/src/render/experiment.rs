//! An experiment as the TOML that it could have come from.

use std::collections::BTreeMap;
use std::path::Path;

use gild_model::case::{Case, CounterScope};
use gild_model::experiment::{Experiment, ParamValue};
use serde::Serialize;

/// The keys of an experiment's file, in the order in which people write them.
#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    kernel: &'a str,
    plugin: Option<&'a Path>,
    repetitions: u32,
    until: Option<f64>,
    repetitions_max: Option<u32>,
    until_limit_s: Option<f64>,
    warmups: u32,
    counters: CounterScope,
    max_overhead: f64,
    timeline: u32,
    task_limit_s: Option<f64>,
    trial_limit_s: Option<f64>,
    param: &'a BTreeMap<String, ParamValue>,
    case: Vec<toml::Table>,
}

/// Writes an experiment with every choice made. Read again it is the same experiment.
pub fn render(experiment: &Experiment) -> String {
    let file = File {
        name: &experiment.name,
        kernel: &experiment.kernel,
        plugin: experiment.plugin.as_deref(),
        repetitions: experiment.repetitions,
        until: experiment.until.map(|it| it.half_width),
        repetitions_max: experiment.until.map(|it| it.repetitions_max),
        until_limit_s: experiment.until.and_then(|it| it.limit_s),
        warmups: experiment.warmups,
        counters: experiment.counters,
        max_overhead: experiment.max_overhead,
        timeline: experiment.timeline,
        task_limit_s: experiment.task_limit_s,
        trial_limit_s: experiment.trial_limit_s,
        param: &experiment.params,
        case: experiment.cases.iter().map(case_table).collect(),
    };
    toml::to_string(&file).expect("text, numbers and lists are TOML, and an experiment came as UTF-8")
}

/// A case as a file has it: its parameters under `param`, where a list would be several values, so that a value that is a
/// list stands in a list of its own.
fn case_table(case: &Case) -> toml::Table {
    let params = |case: &Case| -> BTreeMap<String, ParamValue> {
        let alone = |value: &ParamValue| match value {
            ParamValue::List(_) => ParamValue::List(vec![value.clone()]),
            single => single.clone(),
        };
        case.params.iter().map(|(name, value)| (name.clone(), alone(value))).collect()
    };
    let mut table = toml::Table::try_from(case).expect("names and numbers are TOML");
    table.remove("params");
    if !case.params.is_empty() {
        let params = toml::Value::try_from(params(case)).expect("text, numbers and lists are TOML");
        table.insert("param".to_owned(), params);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use gild_model::case::Pinning;
    use gild_model::until::Until;

    #[test]
    fn read_again_it_is_the_same_experiment() {
        let mut experiment = testing::experiment();
        experiment.plugin = Some("/opt/libmine.so".into());
        experiment.task_limit_s = Some(2.5);
        experiment.until = Some(Until { half_width: 0.01, repetitions_max: 30, limit_s: Some(60.0) });
        experiment.cases[2].pinning = Pinning::Cores(vec![1, 0]);
        let list = ParamValue::List(vec![ParamValue::Int(50), ParamValue::Int(63)]);
        experiment.cases[1].params.insert("inputs".to_owned(), list.clone());
        experiment.cases[1].params.insert("m".to_owned(), ParamValue::Int(3));
        experiment.params.insert("inputs".to_owned(), list);
        experiment.params.insert("f".to_owned(), ParamValue::Float(1.0));
        let text = render(&experiment);
        assert_eq!(gild_model::experiment::parse(&text, Path::new("/x.toml")), Ok(experiment), "{text}");
    }
}
