//! A figure of gild's and its truth, in one trial.

use serde::Serialize;

/// Goal for shares of time: half a percentage point.
pub const SHARE_GOAL: f64 = 0.005;
/// Goal for the books: what is accounted for is the life, to a thousandth.
pub const BALANCE_GOAL: f64 = 0.001;

/// What the numbers of a finding are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Shares of the workers' lives (of the trial's wall time where the coordinator is looked at), 0 to 1. The error is
    /// their difference.
    Share,
    /// Counts. The error is their difference.
    Count,
    /// Amounts of any kind. The error is their difference as a share of the truth.
    Ratio,
}

/// A figure and its truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was measured.
    pub quantity: &'static str,
    /// Where the truth is from.
    pub source: &'static str,
    /// What the numbers are.
    pub unit: Unit,
    /// The largest error that is good.
    pub goal: f64,
    /// Both numbers, or why there are none.
    pub figures: Result<Figures, String>,
}

/// Both numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// The truth.
    pub truth: f64,
    /// What gild says.
    pub gild: f64,
}

impl Finding {
    /// Times, as shares of `whole_ns`. A figure that gild did not measure is no figure.
    pub fn share(
        quantity: &'static str,
        source: &'static str,
        gild_ns: Option<u64>,
        truth_ns: u64,
        whole_ns: u64,
    ) -> Finding {
        let share = |ns: u64| ns as f64 / whole_ns.max(1) as f64;
        let figures = gild_ns
            .map(|gild_ns| Figures { truth: share(truth_ns), gild: share(gild_ns) })
            .ok_or_else(|| "not measured at this tier".to_owned());
        Finding { quantity, source, unit: Unit::Share, goal: SHARE_GOAL, figures }
    }

    /// Counts that must agree.
    pub fn count(quantity: &'static str, source: &'static str, gild: Option<u64>, truth: u64) -> Finding {
        let figures = gild
            .map(|gild| Figures { truth: truth as f64, gild: gild as f64 })
            .ok_or_else(|| "not counted here: gilctl doctor says why".to_owned());
        Finding { quantity, source, unit: Unit::Count, goal: 0.0, figures }
    }

    /// Amounts that must agree to a share of the truth.
    pub fn ratio(quantity: &'static str, source: &'static str, goal: f64, gild: Option<f64>, truth: f64) -> Finding {
        let figures = gild
            .map(|gild| Figures { truth, gild })
            .ok_or_else(|| "not counted here: gilctl doctor says why".to_owned());
        Finding { quantity, source, unit: Unit::Ratio, goal, figures }
    }

    /// The truth itself is not finer than this.
    pub fn with_resolution(mut self, resolution: f64) -> Finding {
        self.goal += resolution;
        self
    }

    /// The truth is an expectation that does not hold here, for this reason; `None`: it does.
    pub fn unless(mut self, reason: Option<String>) -> Finding {
        if let Some(reason) = reason {
            self.figures = Err(reason);
        }
        self
    }

    /// How far gild is off, with its sign. `None`: there are no figures.
    pub fn error(&self) -> Option<f64> {
        let Figures { truth, gild } = *self.figures.as_ref().ok()?;
        let difference = gild - truth;
        Some(match self.unit {
            Unit::Share | Unit::Count => difference,
            Unit::Ratio if truth == 0.0 => difference,
            Unit::Ratio => difference / truth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_differences_or_ratios() {
        let error = |finding: Finding| finding.error();
        assert_eq!(error(Finding::share("", "", Some(30), 25, 100)), Some(0.3 - 0.25));
        assert_eq!(error(Finding::share("", "", None, 25, 100)), None);
        assert_eq!(error(Finding::count("", "", Some(7), 9)), Some(-2.0));
        assert_eq!(error(Finding::ratio("", "", 0.1, Some(99.0), 100.0)), Some(-0.01));
        let skipped = Finding::count("", "", Some(7), 7).unless(Some("the machine was busy".to_owned()));
        assert_eq!((skipped.error(), skipped.figures), (None, Err("the machine was busy".to_owned())));
    }
}
