//! A column for each parameter that any case has for itself, so that a sweep's rows carry its axes.

use std::collections::BTreeSet;

use gild_model::case::Case;
use gild_model::experiment::{Experiment, ParamValue};

use super::table::{Kind, Value};

/// The column of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamColumn {
    /// The parameter.
    param: String,
    kind: Kind,
    /// Its value in cases that have none of their own. `None`: the experiment gave none, it is the kernel's preset.
    common: Option<ParamValue>,
}

/// The columns of an experiment, by name.
pub fn columns(experiment: &Experiment) -> Vec<ParamColumn> {
    let names: BTreeSet<_> = experiment.cases.iter().flat_map(|case| case.params.keys()).collect();
    names.into_iter().map(|name| ParamColumn::new(name, experiment)).collect()
}

impl ParamColumn {
    fn new(name: &str, experiment: &Experiment) -> ParamColumn {
        let common = experiment.params.get(name).cloned();
        let own = experiment.cases.iter().filter_map(|case| case.params.get(name));
        // The experiment's value counts only where a case is left with it.
        let left = experiment.cases.iter().any(|case| !case.params.contains_key(name));
        let kind = own.chain(common.as_ref().filter(|_| left)).map(kind_of).reduce(common_kind);
        ParamColumn { param: name.to_owned(), kind: kind.expect("a case has the parameter"), common }
    }

    /// The column's name.
    pub fn name(&self) -> String {
        format!("param_{}", self.param)
    }

    /// What it holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it means.
    pub fn meaning(&self) -> String {
        format!("the kernel's parameter {} in the case; null: not given, the kernel's preset", self.param)
    }

    /// Its value in a row of this case.
    pub fn value(&self, case: &Case) -> Value<'static> {
        case.params.get(&self.param).or(self.common.as_ref()).map_or(Value::Null, |value| self.cell(value))
    }

    fn cell(&self, value: &ParamValue) -> Value<'static> {
        match (self.kind, value) {
            (Kind::Integer, ParamValue::Int(int)) => Value::Integer((*int).into()),
            (Kind::Float, ParamValue::Int(int)) => Value::Float(*int as f64),
            (Kind::Float, ParamValue::Float(float)) => Value::Float(*float),
            (_, value) => Value::Text(value.to_string().into()),
        }
    }
}

fn kind_of(value: &ParamValue) -> Kind {
    match value {
        ParamValue::Int(_) => Kind::Integer,
        ParamValue::Float(_) => Kind::Float,
        ParamValue::Text(_) | ParamValue::List(_) => Kind::Text,
    }
}

/// What holds values of both kinds.
fn common_kind(a: Kind, b: Kind) -> Kind {
    match (a, b) {
        (a, b) if a == b => a,
        (Kind::Integer | Kind::Float, Kind::Integer | Kind::Float) => Kind::Float,
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `name kind: value of each case`
    fn drawn(text: &str) -> Vec<String> {
        let experiment = gild_model::experiment::parse(&format!("kernel = 'k'\n{text}"), Path::new("x.toml")).unwrap();
        let cell = |column: &ParamColumn, case: &Case| match column.value(case) {
            Value::Null => "null".to_owned(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => format!("{value:?}"),
            Value::Text(value) => format!("\"{value}\""),
            Value::Boolean(value) => value.to_string(),
        };
        let line = |column: &ParamColumn| {
            let cells: Vec<_> = experiment.cases.iter().map(|case| cell(column, case)).collect();
            format!("{} {:?}: {}", column.name(), column.kind(), cells.join(" "))
        };
        columns(&experiment).iter().map(line).collect()
    }

    #[test]
    fn a_parameter_of_a_case_is_a_column_of_its_kind() {
        let sweep = |values| format!("param.m = 1\n[[case]]\nmodel = 'sequential'\nparam.n = {values}");
        assert_eq!(drawn(&sweep("[10, 20]")), ["param_n Integer: 10 20"]);
        assert_eq!(drawn(&sweep("[10, 0.5]")), ["param_n Float: 10.0 0.5"]);
        assert_eq!(drawn(&sweep("['fast', 5]")), ["param_n Text: \"fast\" \"5\""]);
        assert_eq!(drawn(&sweep("[[50, 63], [32]]")), ["param_n Text: \"50,63\" \"32\""]);
        assert!(drawn("param.n = 1\n[[case]]\nmodel = 'sequential'").is_empty(), "it does not vary");
    }

    #[test]
    fn a_case_without_it_has_the_experiments_or_none() {
        let two = "[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'threads'\nworkers = 2\nparam.n = 10";
        assert_eq!(drawn(&format!("param.n = 0.5\n{two}")), ["param_n Float: 0.5 10.0"]);
        assert_eq!(drawn(two), ["param_n Integer: null 10"]);
        let all = "param.n = 'no case is left with this'\n[[case]]\nmodel = 'sequential'\nparam.n = [1, 2]";
        assert_eq!(drawn(all), ["param_n Integer: 1 2"]);
    }
}
