//! An experiment as the TOML that it could have come from.

use std::collections::BTreeMap;
use std::path::Path;

use gild_model::case::{Case, CounterScope};
use gild_model::experiment::{Experiment, ParamValue};
use gild_model::python::{Inputs, PythonKernel};
use serde::Serialize;

/// The keys of an experiment's file, in the order in which people write them.
#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    kernel: Option<&'a str>,
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    param: &'a BTreeMap<String, ParamValue>,
    python: Option<toml::Table>,
    case: Vec<toml::Table>,
}

/// Writes an experiment with every choice made. Read again it is the same experiment.
pub fn render(experiment: &Experiment) -> String {
    let file = File {
        name: &experiment.name,
        kernel: experiment.python.is_none().then_some(&experiment.kernel),
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
        python: experiment.python.as_ref().map(python_table),
        case: experiment.cases.iter().map(case_table).collect(),
    };
    toml::to_string(&file).expect("text, numbers and lists are TOML, and an experiment came as UTF-8")
}

/// The table of a kernel in Python.
fn python_table(kernel: &PythonKernel) -> toml::Table {
    let text = |path: &Path| toml::Value::from(path.to_string_lossy().into_owned());
    // TOML has no null; JSON in a text has.
    fn value(inputs: &impl Serialize) -> toml::Value {
        let json = || serde_json::to_string(inputs).expect("it is made of JSON").into();
        toml::Value::try_from(inputs).unwrap_or_else(|_| json())
    }
    let mut table = toml::Table::new();
    table.insert("call".to_owned(), kernel.call.clone().into());
    table.insert("folder".to_owned(), text(&kernel.folder));
    table.insert("path".to_owned(), kernel.path.iter().map(|it| text(it)).collect::<Vec<_>>().into());
    table.extend(kernel.setup.iter().map(|setup| ("setup".to_owned(), setup.clone().into())));
    table.insert("deterministic".to_owned(), kernel.deterministic.into());
    let (key, inputs) = match &kernel.inputs {
        Inputs::Same { args, tasks } => {
            table.insert("tasks".to_owned(), (*tasks).into());
            ("args", value(args))
        }
        Inputs::Each(inputs) => ("inputs", value(inputs)),
        Inputs::File(path) => ("inputs_file", text(path)),
        Inputs::From(generator) => ("inputs_from", generator.clone().into()),
    };
    table.insert(key.to_owned(), inputs);
    table
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

    #[test]
    fn a_kernel_in_python_read_again_is_the_same() {
        let inputs = [
            "args = [30, 'x', [1.5]]\ntasks = 9",
            "args = '[null, {\"a\": null}]'",
            "inputs = [[1], []]",
            "inputs_from = 'm:g'",
        ];
        for inputs in inputs.into_iter().chain(["inputs_file = '/in.jsonl'"]) {
            let text = format!(
                "[python]\ncall = 'm:f'\npath = ['src']\nsetup = 'm:s'\ndeterministic = false\n{inputs}\n\
                 [[case]]\nmodel = 'processes'\nworkers = 2\npython = ['python3', '/opt/bin/python3.13t']\n"
            );
            let experiment = gild_model::experiment::parse(&text, Path::new("/lab/x.toml")).unwrap();
            let again = render(&experiment);
            assert_eq!(gild_model::experiment::parse(&again, Path::new("/x.toml")), Ok(experiment), "{again}");
        }
    }

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
