//! An experiment as the TOML that it could have come from.

use gild_model::case::{Case, Pinning};
use gild_model::experiment::{Experiment, ParamValue};
use toml::{Table, Value};

/// Writes an experiment with every choice made. Read again it is the same experiment.
pub fn render(experiment: &Experiment) -> String {
    let mut file = Table::new();
    file.insert("name".to_owned(), text(&experiment.name));
    file.insert("kernel".to_owned(), text(&experiment.kernel));
    if let Some(plugin) = &experiment.plugin {
        file.insert("plugin".to_owned(), text(plugin.display()));
    }
    file.insert("repetitions".to_owned(), Value::Integer(experiment.repetitions.into()));
    file.insert("warmups".to_owned(), Value::Integer(experiment.warmups.into()));
    file.insert("counters".to_owned(), text(experiment.counters));
    let limits = [("task_limit_s", experiment.task_limit_s), ("trial_limit_s", experiment.trial_limit_s)];
    for (key, limit) in limits {
        file.extend(limit.map(|s| (key.to_owned(), Value::Float(s))));
    }
    if !experiment.params.is_empty() {
        let params = experiment.params.iter().map(|(name, value)| (name.clone(), param(value)));
        file.insert("param".to_owned(), Value::Table(params.collect()));
    }
    let cases = experiment.cases.iter().map(|it| Value::Table(case(it))).collect();
    file.insert("case".to_owned(), Value::Array(cases));
    toml::to_string(&file).expect("a table of text, numbers and lists is TOML")
}

fn text(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

fn param(value: &ParamValue) -> Value {
    match value {
        ParamValue::Int(int) => Value::Integer(*int),
        ParamValue::Float(float) => Value::Float(*float),
        ParamValue::Text(text) => Value::String(text.clone()),
        ParamValue::List(items) => Value::Array(items.iter().map(param).collect()),
    }
}

fn case(case: &Case) -> Table {
    let pinning = match &case.pinning {
        Pinning::Cores(cores) => Value::Array(cores.iter().map(|it| Value::Integer((*it).into())).collect()),
        named => text(named),
    };
    let pairs = [
        ("name", Some(text(&case.name))),
        ("model", Some(text(case.model))),
        ("workers", Some(Value::Integer(case.workers.into()))),
        ("lock", case.lock.map(text)),
        ("interval_us", case.interval_us.map(|us| Value::Integer(us.cast_signed()))),
        ("start", case.start.map(text)),
        ("transport", case.transport.map(text)),
        ("pinning", Some(pinning)),
    ];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::path::Path;

    #[test]
    fn read_again_it_is_the_same_experiment() {
        let mut experiment = testing::experiment();
        experiment.plugin = Some("/opt/libmine.so".into());
        experiment.task_limit_s = Some(2.5);
        experiment.cases[2].pinning = Pinning::Cores(vec![1, 0]);
        let list = ParamValue::List(vec![ParamValue::Int(50), ParamValue::Int(63)]);
        experiment.params.insert("inputs".to_owned(), list);
        experiment.params.insert("f".to_owned(), ParamValue::Float(1.0));
        let text = render(&experiment);
        assert_eq!(gild_model::experiment::parse(&text, Path::new("/x.toml")), Ok(experiment), "{text}");
    }
}
