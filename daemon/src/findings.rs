//! What a run comes to, trial by trial: failures are collected, results compared. Pure.

use std::collections::BTreeMap;

use gild_model::experiment::Experiment;
use gild_model::params::ParamValue;
use gild_model::run::RunStatus;
use gild_model::trial::{Trial, TrialStatus};

use crate::verdict::Stop;

/// The parameters that a case was given, by the experiment or for itself.
type Params = BTreeMap<String, ParamValue>;

/// What is known of a run so far.
#[derive(Debug)]
pub struct Findings {
    /// Results of this kernel must be equal wherever they are computed.
    compare: bool,
    /// For each set of parameters: where its first results are from, and their digest.
    first: Vec<(Params, String, String)>,
    failures: Vec<String>,
    fatal: Option<String>,
}

impl Findings {
    /// Starts with nothing; results are compared if `compare`.
    pub fn new(compare: bool) -> Findings {
        Findings { compare, first: Vec::new(), failures: Vec::new(), fatal: None }
    }

    /// Takes a trial of this experiment into account.
    pub fn add(&mut self, experiment: &Experiment, trial: &Trial) {
        let name = &experiment.cases[trial.case as usize].name;
        match (trial.status, &trial.digest) {
            (TrialStatus::Failed, _) => {
                let error = trial.error.as_deref().unwrap_or("it failed");
                self.failures.push(format!("case \"{name}\": {error}"));
            }
            (TrialStatus::Done, Some(digest)) if self.compare => self.compare(experiment, trial, digest),
            (TrialStatus::Done | TrialStatus::Cancelled, _) => {}
        }
    }

    /// Trials of other parameters do other work, so only those of equal ones are compared.
    fn compare(&mut self, experiment: &Experiment, trial: &Trial, digest: &str) {
        let case = &experiment.cases[trial.case as usize];
        let params = experiment.params_of(case);
        let kind = if trial.warmup { "warm-up" } else { "repetition" };
        let place = format!("case \"{}\", {kind} {}", case.name, trial.repetition);
        match self.first.iter().find(|(known, ..)| *known == params) {
            None => self.first.push((params, place, digest.to_owned())),
            Some((.., first)) if first == digest => {}
            Some((_, first_place, first)) => self.fatal(format!(
                "results differ: {first_place} gave {first}, {place} gave {digest}; times of different work cannot be \
                 compared"
            )),
        }
    }

    /// Notes what makes it pointless or impossible to go on; the first such thing counts.
    pub fn fatal(&mut self, error: String) {
        self.fatal.get_or_insert(error);
    }

    /// Whether it is pointless or impossible to go on.
    pub fn is_fatal(&self) -> bool {
        self.fatal.is_some()
    }

    /// How the run ends, and why.
    pub fn end(self, stop: Option<&Stop>) -> (RunStatus, Option<String>) {
        if let Some(error) = self.fatal {
            return (RunStatus::Failed, Some(error));
        }
        match stop {
            Some(Stop::Shutdown) => return (RunStatus::Interrupted, Some("the daemon was stopped".to_owned())),
            Some(_) => return (RunStatus::Cancelled, None),
            None => {}
        }
        match self.failures.as_slice() {
            [] => (RunStatus::Done, None),
            [one] => (RunStatus::Failed, Some(one.clone())),
            [first, others @ ..] => {
                let cases = if others.len() == 1 { "case" } else { "cases" };
                let more = format!("(and {} more {cases} failed)", others.len());
                // The first line says what; a traceback may follow.
                let (line, rest) = first.split_once('\n').unwrap_or((first, ""));
                let error = if rest.is_empty() { format!("{line} {more}") } else { format!("{line} {more}\n{rest}") };
                (RunStatus::Failed, Some(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::trial;
    use std::path::Path;

    const TWO: &str = "[[case]]\nmodel = 'sequential'\nname = 'A'\n[[case]]\nmodel = 'sequential'\nname = 'B'\n";

    fn experiment(cases: &str) -> Experiment {
        gild_model::experiment::parse(&format!("kernel = 'k'\nparam.n = 1\n{cases}"), Path::new("x.toml")).unwrap()
    }

    /// What becomes of a run of these cases whose trials gave these results, one of each case.
    fn found(compare: bool, cases: &str, trials: &[Trial]) -> Findings {
        let experiment = experiment(cases);
        let mut findings = Findings::new(compare);
        for (case, trial) in (0..).zip(trials) {
            findings.add(&experiment, &Trial { case, ..trial.clone() });
        }
        findings
    }

    fn done(digest: &str) -> Trial {
        Trial { digest: Some(digest.to_owned()), ..trial(TrialStatus::Done) }
    }

    fn failed(error: &str) -> Trial {
        Trial { error: Some(error.to_owned()), ..trial(TrialStatus::Failed) }
    }

    #[test]
    fn equal_results_make_a_run_done() {
        let findings = found(true, TWO, &[done("aa"), done("aa")]);
        assert!(!findings.is_fatal());
        assert_eq!(findings.end(None), (RunStatus::Done, None));
    }

    #[test]
    fn different_results_fail_the_run_and_name_both_cases() {
        let findings = found(true, TWO, &[done("aa"), done("bb")]);
        assert!(findings.is_fatal());
        let (status, error) = findings.end(None);
        assert_eq!(status, RunStatus::Failed);
        let expected = "results differ: case \"A\", repetition 0 gave aa, case \"B\", repetition 0 gave bb;";
        assert!(error.as_ref().unwrap().starts_with(expected), "{error:?}");
    }

    #[test]
    fn results_are_compared_where_parameters_are_equal() {
        let swept = format!("{TWO}param.n = 2\n[[case]]\nmodel = 'sequential'\nname = 'C'\nparam.n = 1\n");
        assert!(!found(true, &swept, &[done("aa"), done("bb"), done("aa")]).is_fatal());
        let (_, error) = found(true, &swept, &[done("aa"), done("bb"), done("bb")]).end(None);
        let expected = "results differ: case \"A\", repetition 0 gave aa, case \"C\", repetition 0 gave bb;";
        assert!(error.as_ref().unwrap().starts_with(expected), "n is 1 in both: {error:?}");
    }

    #[test]
    fn results_of_a_kernel_that_is_not_deterministic_are_not_compared() {
        assert_eq!(found(false, TWO, &[done("aa"), done("bb")]).end(None).0, RunStatus::Done);
    }

    #[test]
    fn failed_cases_fail_the_run_with_the_first_error() {
        let findings = found(true, TWO, &[failed("task 3: no"), failed("task 4: no")]);
        assert!(!findings.is_fatal(), "the other cases go on");
        let expected = "case \"A\": task 3: no (and 1 more case failed)".to_owned();
        assert_eq!(findings.end(None), (RunStatus::Failed, Some(expected)));
    }

    #[test]
    fn a_run_that_was_stopped_says_by_whom() {
        assert_eq!(Findings::new(true).end(Some(&Stop::Cancelled)), (RunStatus::Cancelled, None));
        assert_eq!(Findings::new(true).end(Some(&Stop::Shutdown)).0, RunStatus::Interrupted);
    }
}
