//! Two runs held against each other, case by case: what became faster, what slower, and where the time went.
//!
//! The figures are made by the daemon, by the same functions as those of a summary; `docs/statistics.md` defines them.

use serde::{Deserialize, Serialize};

use crate::run::RunHead;
use crate::summary::Estimate;

/// Which of the two runs is faster in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The new run: the whole interval is above 1.
    Faster,
    /// The old run: the whole interval is below 1.
    Slower,
    /// The interval spans 1, or there is none: no difference can be claimed.
    Tie,
}

impl Verdict {
    /// The name used in the API and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Faster => "faster",
            Verdict::Slower => "slower",
            Verdict::Tie => "tie",
        }
    }
}

/// A share of the workers' time in both runs, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareChange {
    /// The share, by its column in the table of a run: `lock-wait`, `encode+decode`, …
    pub share: String,
    /// In the old run.
    pub old: f64,
    /// In the new run.
    pub new: f64,
}

impl ShareChange {
    /// New less old, 0 to 1.
    pub fn change(&self) -> f64 {
        self.new - self.old
    }
}

/// A case that both runs have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseComparison {
    /// The case's name.
    pub case: String,
    /// Trials of the old run that count.
    pub old_trials: u32,
    /// Trials of the new run that count.
    pub new_trials: u32,
    /// Wall time in the old run, in nanoseconds. `None`: no trial finished.
    pub old_wall_ns: Option<Estimate>,
    /// Wall time in the new run, in nanoseconds. `None`: no trial finished.
    pub new_wall_ns: Option<Estimate>,
    /// Median wall time of the old run / median wall time of the new one; above 1 is faster. `None`: one of the two
    /// has no finished trial.
    pub ratio: Option<Estimate>,
    /// Which run is faster. `None`: there is no ratio.
    pub verdict: Option<Verdict>,
    /// The phases whose shares of the workers' time changed most, largest change first.
    pub changes: Vec<ShareChange>,
}

/// Two runs of one kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The run that is compared with.
    pub old: RunHead,
    /// The run that is compared.
    pub new: RunHead,
    /// The cases that both have, by name, in the order of the old run.
    pub cases: Vec<CaseComparison>,
    /// Cases of the old run that the new one does not have.
    pub only_old: Vec<String>,
    /// Cases of the new run that the old one does not have.
    pub only_new: Vec<String>,
    /// What else differs between the runs, so that a difference of times need not come from what was changed.
    pub warnings: Vec<String>,
}
