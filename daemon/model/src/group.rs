//! Cases of an experiment that do the same work, because their parameters are equal: only these can be compared.
//!
//! Equal is what was given: a parameter that is left to the kernel's preset is not known here to equal one that is
//! given the same value.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::Model;
use crate::experiment::Experiment;
use crate::params::ParamValue;

/// Cases with equal parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseGroup {
    /// The parameters in which the experiment's groups differ, with their values here; none where all cases are one
    /// group. `None`: not given, the kernel's preset.
    pub params: BTreeMap<String, Option<ParamValue>>,
    /// The cases, as indices into the experiment's, in its order; at least one.
    pub cases: Vec<usize>,
    /// The case that the others are compared with: the first `sequential` one, else the first.
    pub baseline: usize,
}

/// The groups of an experiment, in the order of their first cases.
pub fn groups(experiment: &Experiment) -> Vec<CaseGroup> {
    let mut groups: Vec<(BTreeMap<String, ParamValue>, Vec<usize>)> = Vec::new();
    for (index, case) in experiment.cases.iter().enumerate() {
        let params = experiment.params_of(case);
        match groups.iter_mut().find(|(known, _)| *known == params) {
            Some((_, cases)) => cases.push(index),
            None => groups.push((params, vec![index])),
        }
    }
    let varying = varying(groups.iter().map(|(params, _)| params));
    let group = |(params, cases): (BTreeMap<String, ParamValue>, Vec<usize>)| CaseGroup {
        params: varying.iter().map(|name| (name.clone(), params.get(name).cloned())).collect(),
        baseline: baseline(experiment, &cases),
        cases,
    };
    groups.into_iter().map(group).collect()
}

fn baseline(experiment: &Experiment, cases: &[usize]) -> usize {
    let sequential = cases.iter().find(|case| experiment.cases[**case].model == Model::Sequential);
    *sequential.unwrap_or(&cases[0])
}

/// Names of the parameters that do not have one value in all of these.
fn varying<'a>(all: impl Iterator<Item = &'a BTreeMap<String, ParamValue>> + Clone) -> BTreeSet<String> {
    let names: BTreeSet<_> = all.clone().flat_map(BTreeMap::keys).collect();
    let varies = |name: &str| {
        let mut values = all.clone().map(|params| params.get(name));
        let first = values.next();
        values.any(|other| Some(other) != first)
    };
    names.into_iter().filter(|name| varies(name)).cloned().collect()
}

/// `n=10, payload at its preset`: the parameters of a group in words; empty where there is only one group.
pub fn label(params: &BTreeMap<String, Option<ParamValue>>) -> String {
    let word = |(name, value): (&String, &Option<ParamValue>)| match value {
        Some(value) => format!("{name}={value}"),
        None => format!("{name} at its preset"),
    };
    params.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `label: cases; …`, the baseline in brackets.
    fn drawn(text: &str) -> String {
        let experiment = crate::experiment::parse(&format!("kernel = 'k'\n{text}"), Path::new("x.toml")).unwrap();
        let case = |group: &CaseGroup, case: &usize| {
            if group.baseline == *case { format!("[{case}]") } else { case.to_string() }
        };
        let group = |group: &CaseGroup| {
            let cases: Vec<_> = group.cases.iter().map(|it| case(group, it)).collect();
            format!("{}: {}", label(&group.params), cases.join(" "))
        };
        groups(&experiment).iter().map(group).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn cases_without_parameters_of_their_own_are_one_group() {
        let text = "param.n = 3\n[[case]]\nmodel = 'threads'\nworkers = [1, 2]\n[[case]]\nmodel = 'sequential'";
        assert_eq!(drawn(text), ": 0 1 [2]");
    }

    #[test]
    fn every_set_of_parameters_is_a_group_wherever_its_cases_stand() {
        let text = "param.tasks = 9\n[[case]]\nmodel = 'threads'\nworkers = 2\nparam.n = [10, 20]\nparam.m = 1\n\
                    [[case]]\nmodel = 'sequential'\nparam.n = [10, 20]\nparam.m = 1";
        assert_eq!(drawn(text), "n=10: 0 [2]; n=20: 1 [3]");
    }

    #[test]
    fn a_group_without_a_sequential_case_is_compared_with_its_first() {
        let text = "[[case]]\nmodel = 'processes'\nworkers = [4, 1]\nparam.n = [10, 20]";
        assert_eq!(drawn(text), "n=10: [0] 1; n=20: [2] 3");
    }

    #[test]
    fn a_parameter_of_the_experiment_equals_the_same_one_of_a_case() {
        let text = "param.n = 10\n[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'threads'\nworkers = 2\nparam.n = [10, 20]";
        assert_eq!(drawn(text), "n=10: [0] 1; n=20: [2]");
    }

    #[test]
    fn a_preset_is_a_value_of_its_own() {
        let text = "[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'threads'\nworkers = 2\nparam.n = 10";
        assert_eq!(drawn(text), "n at its preset: [0]; n=10: [1]");
    }
}
