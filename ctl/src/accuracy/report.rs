//! The findings of all trials, judged: one row per scenario and quantity.

use serde::Serialize;

use super::finding::{Finding, Unit};

/// What `doctor --accuracy` found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The machine: host name, kernel, processor.
    pub machine: String,
    /// Its tier.
    pub tier: String,
    /// Trials of each scenario.
    pub repetitions: u32,
    /// In the order in which they were measured.
    pub rows: Vec<Row>,
}

/// A quantity in a scenario, over its trials.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The scenario.
    pub scenario: &'static str,
    /// What was measured.
    pub quantity: &'static str,
    /// Where the truth is from.
    pub source: &'static str,
    /// What the numbers are.
    pub unit: Unit,
    /// The truth, in the trial with the median error. `None`: in no trial.
    pub truth: Option<f64>,
    /// What gild said, in the same trial.
    pub gild: Option<f64>,
    /// The error of the same trial: the median of all trials', by size.
    pub error: Option<f64>,
    /// The error of the worst trial.
    pub worst: Option<f64>,
    /// The largest error that is good.
    pub goal: f64,
    /// Trials with both numbers.
    pub trials: usize,
    /// How it came out.
    pub verdict: Verdict,
    /// Why there are no numbers, or why the scenario failed.
    pub reason: Option<String>,
}

/// How a row came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The median error is no larger than the goal.
    Good,
    /// It is larger, or the scenario failed.
    Off,
    /// There is no truth here, or gild does not measure this here.
    Skipped,
}

impl Report {
    /// Whether no row is off.
    pub fn is_good(&self) -> bool {
        self.rows.iter().all(|row| row.verdict != Verdict::Off)
    }
}

/// Judges the findings of a quantity, one per trial.
pub fn judge(scenario: &'static str, findings: &[&Finding]) -> Option<Row> {
    let first = findings.first()?;
    let mut errors: Vec<(f64, &Finding)> = findings.iter().filter_map(|it| Some((it.error()?, *it))).collect();
    errors.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let middle = errors.get(errors.len().saturating_sub(1) / 2);
    let figures = middle.and_then(|(_, finding)| finding.figures.as_ref().ok());
    let error = middle.map(|it| it.0);
    let goal = middle.map_or(first.goal, |(_, finding)| finding.goal);
    Some(Row {
        scenario,
        quantity: first.quantity,
        source: first.source,
        unit: first.unit,
        truth: figures.map(|it| it.truth),
        gild: figures.map(|it| it.gild),
        error,
        worst: errors.last().map(|it| it.0),
        goal,
        trials: errors.len(),
        verdict: match error {
            Some(error) if error.abs() <= goal => Verdict::Good,
            Some(_) => Verdict::Off,
            None => Verdict::Skipped,
        },
        reason: findings.iter().find_map(|it| it.figures.as_ref().err().cloned()).filter(|_| error.is_none()),
    })
}

/// A scenario that has no findings.
pub fn without_findings(scenario: &'static str, verdict: Verdict, reason: String) -> Row {
    Row {
        scenario,
        quantity: "",
        source: "",
        unit: Unit::Count,
        truth: None,
        gild: None,
        error: None,
        worst: None,
        goal: 0.0,
        trials: 0,
        verdict,
        reason: Some(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(errors_ns: &[u64]) -> Vec<Finding> {
        errors_ns.iter().map(|error| Finding::share("q", "s", Some(500 + error), 500, 1000)).collect()
    }

    fn judged(findings: &[Finding]) -> Row {
        judge("x", &findings.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_median_error_decides_and_the_worst_is_told() {
        let row = judged(&shares(&[3, 40, 1]));
        assert_eq!((row.verdict, row.trials), (Verdict::Good, 3));
        let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
        assert!(close(row.error, 0.003) && close(row.worst, 0.04) && close(row.gild, 0.503), "{row:?}");
        assert_eq!(judged(&shares(&[6, 40, 1])).verdict, Verdict::Off);
        assert_eq!(judged(&shares(&[1, 40])).verdict, Verdict::Good, "of two, the smaller is the lower median");
    }

    #[test]
    fn without_numbers_a_row_is_skipped_and_says_why() {
        let row = judged(&[Finding::share("q", "s", None, 1, 2)]);
        assert_eq!((row.verdict, row.error), (Verdict::Skipped, None));
        assert_eq!(row.reason.as_deref(), Some("not measured at this tier"));
    }

    #[test]
    fn counts_are_exact() {
        assert_eq!(judged(&[Finding::count("q", "s", Some(5), 5)]).verdict, Verdict::Good);
        assert_eq!(judged(&[Finding::count("q", "s", Some(6), 5)]).verdict, Verdict::Off);
    }
}
