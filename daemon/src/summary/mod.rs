//! Trials folded into figures: one line per case of a run.
//!
//! Pure functions of what was measured: no clock, no file, no chance (the bootstrap draws from a fixed seed).
//! The same trials, in whatever order, give the same summary. `docs/statistics.md` defines every figure.
//!
//! | module | subject |
//! |---|---|
//! | [`statistics`] | medians and ratios with their 95 % confidence intervals |
//! | `shares` | accounts pooled into shares of life: by phase, by state |
//! | `case` | the trials of one case folded into its line |
//! | `task_times` | how long tasks waited and took, class by class |
//! | `evidence` | a case as the rules of the advice see it |
//! | `noise` | what else the machine did, per case and in one line |
//! | [`sentence`] | that line in words |
//! | `notes` | what a reader of the figures has to know |
//! | `steadiness` | repetitions far off the others, and a slow start |
//! | `comparison` | two runs held against each other |
//!
//! Only trials that are done and no warm-up count. What was not measured in all of them is not said of any.

mod case;
mod comparison;
mod evidence;
#[cfg(test)]
pub(crate) mod generate;
mod noise;
mod notes;
pub(crate) mod sentence;
mod shares;
pub mod statistics;
mod steadiness;
mod task_times;
#[cfg(test)]
mod tests;

use gild_model::case::Model;
use gild_model::experiment::Experiment;
use gild_model::summary::Summary;
use gild_model::trial::{Trial, TrialStatus};
use gild_model::until::Until;

use crate::advice::advise;

use case::{CaseFold, Reference};
pub use comparison::{Incomparable, compare};
use notes::Notes;

/// Folds the trials of an experiment, with their accounts, on a machine with `cores` cores (0: not known).
pub fn summarize(experiment: &Experiment, trials: &[Trial], cores: usize) -> Summary {
    let mut fold = Fold::new(experiment, cores);
    trials.iter().for_each(|trial| fold.add(trial));
    fold.finish()
}

/// A summary in the making: takes trials one by one and keeps none of them.
#[derive(Debug)]
pub struct Fold {
    experiment: Experiment,
    cases: Vec<CaseFold>,
    baseline: Option<usize>,
    results: Results,
    notes: Notes,
    cores: usize,
    until: Option<Until>,
}

impl Fold {
    /// Starts with no trials.
    pub fn new(experiment: &Experiment, cores: usize) -> Fold {
        let sequential = experiment.cases.iter().position(|case| case.model == Model::Sequential);
        Fold {
            experiment: experiment.clone(),
            baseline: sequential.or(if experiment.cases.is_empty() { None } else { Some(0) }),
            cases: experiment.cases.iter().cloned().map(CaseFold::new).collect(),
            results: Results::default(),
            notes: Notes::default(),
            cores,
            until: experiment.until,
        }
    }

    /// Takes in a trial. One of a case that the experiment does not have is left out.
    pub fn add(&mut self, trial: &Trial) {
        self.results.add(trial);
        if let Some(case) = self.cases.get_mut(trial.case as usize) {
            case.add(trial);
            self.notes.add(trial);
        }
    }

    /// Closes the books.
    pub fn finish(self) -> Summary {
        let baseline = self.baseline.map(|index| self.cases[index].baseline());
        let reference = |index| match &baseline {
            _ if self.cases.len() < 2 => Reference::Nothing,
            Some(baseline) if self.baseline != Some(index) => Reference::Other(baseline),
            _ => Reference::Itself,
        };
        let lines = self.cases.iter().enumerate().map(|(index, case)| case.finish(reference(index), self.cores));
        let cases: Vec<_> = lines.collect();
        let evidence = self.cases.iter().zip(&cases).map(|(case, line)| evidence::of(case, line, self.cores)).collect();
        let sound = self.results.identical != Some(false) && self.results.verified != Some(false);
        let of_cases =
            self.cases.iter().zip(&cases).flat_map(|(case, line)| notes::of_case(case, line, self.cores, self.until));
        let notes = notes::of_results(&self.results).into_iter().chain(of_cases).chain(self.notes.finish()).collect();
        Summary {
            baseline: self.baseline.and_then(|index| u32::try_from(index).ok()),
            cases,
            results_identical: self.results.identical,
            verified: self.results.verified,
            noise: noise::line(self.cases.iter().map(|case| (case.case.name.as_str(), &case.noises))),
            advice: advise(&self.experiment, evidence, sound),
            notes,
        }
    }
}

/// Whether the trials gave the same results, and the right ones.
#[derive(Debug, Default)]
struct Results {
    digest: Option<String>,
    identical: Option<bool>,
    verified: Option<bool>,
}

impl Results {
    /// Takes in every trial that got to its results, warm-ups and those with wrong results included.
    fn add(&mut self, trial: &Trial) {
        if let Some(passed) = trial.verified {
            self.verified = Some(self.verified.unwrap_or(true) && passed);
        }
        match (&self.digest, &trial.digest) {
            (Some(first), Some(other)) => self.identical = Some(self.identical.unwrap_or(true) && first == other),
            (None, Some(first)) => self.digest = Some(first.clone()),
            (_, None) => {}
        }
    }
}

/// The trial is one that the figures are made of.
fn counts(trial: &Trial) -> bool {
    trial.status == TrialStatus::Done && !trial.warmup
}
