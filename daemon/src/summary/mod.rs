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
//! | `group` | the cases of equal parameters: what they are compared with, whether their results are equal |
//! | `task_times` | how long tasks waited and took, class by class |
//! | `evidence` | a case as the rules of the advice see it |
//! | `noise` | what else the machine did, per case and in one line |
//! | `sentence` | that line in words |
//! | `notes` | what a reader of the figures has to know |
//! | `subject` | notes on one subject, which many cases may share |
//! | `steadiness` | repetitions far off the others, and a slow start |
//! | `comparison` | two runs held against each other |
//!
//! Only trials that are done and no warm-up count. What was not measured in all of them is not said of any.

mod case;
mod comparison;
mod evidence;
#[cfg(test)]
pub(crate) mod generate;
mod group;
mod noise;
mod notes;
pub(crate) mod sentence;
mod shares;
pub mod statistics;
mod steadiness;
mod subject;
mod task_times;
#[cfg(test)]
mod tests;

use gild_model::experiment::Experiment;
use gild_model::summary::{CaseSummary, Summary};
use gild_model::trial::{Trial, TrialStatus};
use gild_model::until::Until;

use crate::advice::advise;

use case::{CaseFold, Standing};
pub use comparison::{Incomparable, compare};
use group::{GroupFold, all_of};
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
    groups: Vec<GroupFold>,
    notes: Notes,
    cores: usize,
    until: Option<Until>,
}

impl Fold {
    /// Starts with no trials.
    pub fn new(experiment: &Experiment, cores: usize) -> Fold {
        Fold {
            experiment: experiment.clone(),
            cases: experiment.cases.iter().cloned().map(CaseFold::new).collect(),
            groups: group::of(experiment),
            notes: Notes::default(),
            cores,
            until: experiment.until,
        }
    }

    /// Takes in a trial. One of a case that the experiment does not have is left out.
    pub fn add(&mut self, trial: &Trial) {
        let index = trial.case as usize;
        let Some(case) = self.cases.get_mut(index) else { return };
        case.add(trial);
        self.notes.add(trial);
        let group = self.groups.iter_mut().find(|group| group.cases().contains(&index));
        group.expect("every case is in a group").add(trial);
    }

    /// Closes the books.
    pub fn finish(self) -> Summary {
        let cases = self.lines();
        let groups: Vec<_> = self.groups.iter().map(GroupFold::finish).collect();
        let evidence: Vec<_> = self
            .cases
            .iter()
            .zip(&cases)
            .map(|(case, line)| evidence::of(case, line, self.cores, self.experiment.python.as_ref()))
            .collect();
        let of_groups = self.groups.iter().flat_map(GroupFold::notes);
        let of_cases = notes::of_cases(&self.cases, &cases, self.cores, self.until);
        let notes = of_groups.chain(of_cases).chain(self.notes.finish()).collect();
        Summary {
            results_identical: all_of(groups.iter().map(|group| group.results_identical)),
            verified: all_of(groups.iter().map(|group| group.verified)),
            noise: noise::line(self.cases.iter().map(|case| (case.case.name.as_str(), &case.noises))),
            advice: advise(&self.experiment, &evidence, &groups),
            groups,
            cases,
            notes,
        }
    }

    /// One line per case, in the order of the experiment.
    fn lines(&self) -> Vec<CaseSummary> {
        let named = sentence::need_names(self.cases.iter().map(|case| &case.case));
        let mut lines: Vec<_> = self.cases.iter().map(|_| None).collect();
        for group in &self.groups {
            let baseline = group.baseline(&self.cases);
            for &case in group.cases() {
                let reference = group.reference(case, &baseline);
                let standing =
                    Standing { reference, baseline: baseline.index(), named: named[case], cores: self.cores };
                lines[case] = Some(self.cases[case].finish(&standing));
            }
        }
        lines.into_iter().map(|line| line.expect("every case is in a group")).collect()
    }
}

/// The trial is one that the figures are made of.
fn counts(trial: &Trial) -> bool {
    trial.status == TrialStatus::Done && !trial.warmup
}
