//! What a run comes to, trial by trial: failures are collected, results compared. Pure.

use std::collections::BTreeMap;

use gild_model::case::Case;
use gild_model::params::ParamValue;
use gild_model::run::RunStatus;
use gild_model::trial::{Trial, TrialStatus};

use crate::verdict::Stop;

/// Parameters of a case alone.
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

    /// Takes a trial of this case into account.
    pub fn add(&mut self, case: &Case, trial: &Trial) {
        let Case { name, params, .. } = case;
        match (trial.status, &trial.digest) {
            (TrialStatus::Failed, _) => {
                let error = trial.error.as_deref().unwrap_or("it failed");
                self.failures.push(format!("case \"{name}\": {error}"));
            }
            (TrialStatus::Done, Some(digest)) if self.compare => self.compare(name, params, trial, digest),
            (TrialStatus::Done | TrialStatus::Cancelled, _) => {}
        }
    }

    /// Cases with parameters of their own do other work, so only trials of equal parameters are compared.
    fn compare(&mut self, case: &str, params: &Params, trial: &Trial, digest: &str) {
        let kind = if trial.warmup { "warm-up" } else { "repetition" };
        let place = format!("case \"{case}\", {kind} {}", trial.repetition);
        match self.first.iter().find(|(known, ..)| known == params) {
            None => self.first.push((params.clone(), place, digest.to_owned())),
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
                (RunStatus::Failed, Some(format!("{first} (and {} more {cases} failed)", others.len())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::trial;
    use gild_model::case::Model;
    use gild_model::choice::CaseChoice;

    fn case(name: &str) -> Case {
        let choice = CaseChoice { name: Some(name.to_owned()), ..CaseChoice::of(Model::Sequential) };
        choice.resolve().expect("sequential needs no other choice")
    }

    fn done(digest: &str) -> Trial {
        Trial { digest: Some(digest.to_owned()), ..trial(TrialStatus::Done) }
    }

    fn failed(error: &str) -> Trial {
        Trial { error: Some(error.to_owned()), ..trial(TrialStatus::Failed) }
    }

    #[test]
    fn equal_results_make_a_run_done() {
        let mut findings = Findings::new(true);
        findings.add(&case("A"), &done("aa"));
        findings.add(&case("B"), &done("aa"));
        assert!(!findings.is_fatal());
        assert_eq!(findings.end(None), (RunStatus::Done, None));
    }

    #[test]
    fn different_results_fail_the_run_and_name_both_cases() {
        let mut findings = Findings::new(true);
        findings.add(&case("A"), &done("aa"));
        findings.add(&case("B"), &done("bb"));
        assert!(findings.is_fatal());
        let (status, error) = findings.end(None);
        assert_eq!(status, RunStatus::Failed);
        let expected = "results differ: case \"A\", repetition 0 gave aa, case \"B\", repetition 0 gave bb;";
        assert!(error.as_ref().unwrap().starts_with(expected), "{error:?}");
    }

    #[test]
    fn results_of_a_kernel_that_is_not_deterministic_are_not_compared() {
        let mut findings = Findings::new(false);
        findings.add(&case("A"), &done("aa"));
        findings.add(&case("B"), &done("bb"));
        assert_eq!(findings.end(None).0, RunStatus::Done);
    }

    #[test]
    fn failed_cases_fail_the_run_with_the_first_error() {
        let mut findings = Findings::new(true);
        findings.add(&case("A"), &failed("task 3: no"));
        assert!(!findings.is_fatal(), "the other cases go on");
        findings.add(&case("B"), &failed("task 4: no"));
        let expected = "case \"A\": task 3: no (and 1 more case failed)".to_owned();
        assert_eq!(findings.end(None), (RunStatus::Failed, Some(expected)));
    }

    #[test]
    fn a_run_that_was_stopped_says_by_whom() {
        assert_eq!(Findings::new(true).end(Some(&Stop::Cancelled)), (RunStatus::Cancelled, None));
        assert_eq!(Findings::new(true).end(Some(&Stop::Shutdown)).0, RunStatus::Interrupted);
    }
}
