//! What a report is made of: a run, and of its trials what the page shows.

use std::collections::BTreeMap;

use gild_model::run::{Run, RunId, TimelineRow};
use gild_model::trial::{Trial, TrialStatus};

use super::counters::PooledCounters;
use super::latency::ServiceTimes;

/// Most cases whose timelines and distributions are drawn.
pub const CASES_MAX: usize = 12;

/// A run with what the page shows of its trials.
#[derive(Debug)]
pub struct Material {
    /// The run.
    pub run: Run,
    /// Of each of the first cases the trial whose timelines are shown.
    pub shown: BTreeMap<u32, ShownTrial>,
    /// The counters of all workers of all trials that count, by case.
    pub counters: PooledCounters,
    /// How long tasks took, by case and class.
    pub times: ServiceTimes,
    /// Most intervals in all timelines together. `None`: all there are.
    pub intervals_max: Option<usize>,
}

/// The trial of a case whose timelines are shown.
#[derive(Debug, Default)]
pub struct ShownTrial {
    /// Its repetition.
    pub repetition: u32,
    /// Its accounts. `None`: they did not come.
    pub trial: Option<Trial>,
    /// Its timelines, coordinator first.
    pub timelines: Vec<TimelineRow>,
}

impl Material {
    /// A run before anything is known of its trials.
    pub fn new(run: Run, intervals_max: Option<usize>) -> Material {
        let shown = shown(&run);
        Material { counters: PooledCounters::of(&run), times: ServiceTimes::of(&run), run, shown, intervals_max }
    }

    /// The run's number.
    pub fn id(&self) -> RunId {
        self.run.head.id
    }

    /// Takes in a trial with its accounts.
    pub fn add_trial(&mut self, trial: Trial) {
        if counts(&trial) {
            self.counters.add(&trial);
        }
        let shown = self.shown.get_mut(&trial.case).filter(|it| !trial.warmup && it.repetition == trial.repetition);
        if let Some(shown) = shown {
            shown.trial = Some(trial);
        }
    }

    /// Takes in a timeline; one that is not shown is dropped.
    pub fn add_timeline(&mut self, row: TimelineRow) {
        let shown = self.shown.get_mut(&row.case_position);
        if let Some(shown) = shown.filter(|it| !row.warmup && it.repetition == row.repetition) {
            shown.timelines.push(row);
        }
    }
}

/// Whether a trial is in the figures.
fn counts(trial: &Trial) -> bool {
    !trial.warmup && trial.status == TrialStatus::Done
}

/// Of each of the first cases the trial whose wall time is nearest to the median.
fn shown(run: &Run) -> BTreeMap<u32, ShownTrial> {
    let cases = run.summary.cases.iter().take(CASES_MAX).enumerate();
    let nearest = |(place, line): (usize, &gild_model::summary::CaseSummary)| {
        let (case, median) = (u32::try_from(place).ok()?, line.wall_ns?.median);
        let trials = run.trials.iter().filter(|trial| trial.case == case && counts(trial));
        let off = |trial: &Trial| trial.wall_ns.map_or(f64::INFINITY, |ns| (ns as f64 - median).abs());
        let trial = trials.min_by(|a, b| off(a).total_cmp(&off(b)))?;
        Some((case, ShownTrial { repetition: trial.repetition, ..ShownTrial::default() }))
    };
    cases.filter_map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_trial_nearest_to_the_median_is_shown_and_others_are_dropped() {
        let mut run = testing::run();
        let case = run.trials.iter().find(|it| counts(it)).unwrap().case;
        let trial = run.trials.iter().find(|it| it.case == case && counts(it)).unwrap().clone();
        let median = run.summary.cases[case as usize].wall_ns.unwrap().median as u64;
        let other = |repetition, wall_ns| Trial { repetition, wall_ns: Some(wall_ns), ..trial.clone() };
        run.trials = vec![other(0, median * 2), other(1, median + 5), other(2, median / 2)];
        let mut material = Material::new(run, None);
        assert_eq!(material.shown[&case].repetition, 1);
        material.add_trial(other(0, 1));
        assert!(material.shown[&case].trial.is_none());
        material.add_trial(Trial { warmup: true, ..other(1, 1) });
        assert!(material.shown[&case].trial.is_none(), "a warm-up has numbers of its own");
        material.add_trial(other(1, 1));
        assert!(material.shown[&case].trial.is_some());
    }
}
