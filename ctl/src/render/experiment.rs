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
    task_limit_s: Option<f64>,
    trial_limit_s: Option<f64>,
    param: &'a BTreeMap<String, ParamValue>,
    case: &'a [Case],
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
        task_limit_s: experiment.task_limit_s,
        trial_limit_s: experiment.trial_limit_s,
        param: &experiment.params,
        case: &experiment.cases,
    };
    toml::to_string(&file).expect("text, numbers and lists are TOML, and an experiment came as UTF-8")
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
        experiment.params.insert("inputs".to_owned(), list);
        experiment.params.insert("f".to_owned(), ParamValue::Float(1.0));
        let text = render(&experiment);
        assert_eq!(gild_model::experiment::parse(&text, Path::new("/x.toml")), Ok(experiment), "{text}");
    }
}
