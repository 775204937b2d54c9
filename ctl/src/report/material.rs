//! What a report is made of: a run, and of its trials what the page shows.
//!
//! Timelines come first: they decide whose accounts are kept.

use std::collections::BTreeMap;

use gild_model::lock_wait::HoldingFunction;
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
    /// The functions that held the interpreter's lock while others waited, of all trials that count, by case.
    pub holders: BTreeMap<u32, Vec<HoldingFunction>>,
    /// How long tasks took, by case and class.
    pub times: ServiceTimes,
    /// Most intervals in all timelines together. `None`: all there are.
    pub intervals_max: Option<usize>,
}

/// The trial of a case whose timelines are shown.
#[derive(Debug)]
pub struct ShownTrial {
    /// Its repetition.
    pub repetition: u32,
    /// How far its wall time is off the median of its case, in nanoseconds.
    off_ns: f64,
    /// Its accounts. `None`: they did not come.
    pub trial: Option<Trial>,
    /// Its timelines, coordinator first.
    pub timelines: Vec<TimelineRow>,
}

impl Material {
    /// A run before anything is known of its trials.
    pub fn new(run: Run, intervals_max: Option<usize>) -> Material {
        let (counters, times) = (PooledCounters::of(&run), ServiceTimes::of(&run));
        Material { run, shown: BTreeMap::new(), counters, holders: BTreeMap::new(), times, intervals_max }
    }

    /// The run's number.
    pub fn id(&self) -> RunId {
        self.run.head.id
    }

    /// Takes in a timeline. Of the trials of a case that have some, the one whose wall time is nearest to the median is shown, and the
    /// first of several; timelines of others are dropped.
    pub fn add_timeline(&mut self, row: TimelineRow) {
        let place = row.case_position;
        let done = row.status == TrialStatus::Done.name();
        let median = self.run.summary.cases.get(place as usize).and_then(|line| line.wall_ns).map(|wall| wall.median);
        let (Some(median), true) = (median, !row.warmup && done && (place as usize) < CASES_MAX) else { return };
        let off_ns = row.trial_wall_ns.map_or(f64::INFINITY, |ns| (ns as f64 - median).abs());
        let new = ShownTrial { repetition: row.repetition, off_ns, trial: None, timelines: Vec::new() };
        let shown = self.shown.entry(place).or_insert_with(|| new);
        if row.repetition != shown.repetition && off_ns < shown.off_ns {
            *shown = ShownTrial { repetition: row.repetition, off_ns, trial: None, timelines: Vec::new() };
        }
        if row.repetition == shown.repetition {
            shown.timelines.push(row);
        }
    }

    /// Takes in a trial with its accounts, once all timelines are there.
    pub fn add_trial(&mut self, trial: Trial) {
        if counts(&trial) {
            self.counters.add(&trial);
            self.holders.entry(trial.case).or_default().extend(trial.holders.iter().flatten().cloned());
        }
        let shown = self.shown.get_mut(&trial.case).filter(|it| !trial.warmup && it.repetition == trial.repetition);
        if let Some(shown) = shown {
            shown.trial = Some(trial);
        }
    }
}

/// Whether a trial is in the figures.
fn counts(trial: &Trial) -> bool {
    !trial.warmup && trial.status == TrialStatus::Done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::timelines::tests::row;
    use crate::testing;
    use gild_model::phase::Phase;

    #[test]
    fn the_trial_nearest_to_the_median_is_shown_and_others_are_dropped() {
        let mut material = Material::new(testing::run(), None);
        let timeline = |worker, repetition, wall_ns| TimelineRow {
            repetition,
            trial_wall_ns: Some(wall_ns),
            ..row(worker, &[(0, Phase::Compute)], 10)
        };
        for (repetition, wall_ns) in [(0, 1_000_000_000), (1, 1_861_000_000), (2, 1_870_000_000)] {
            material.add_timeline(timeline(0, repetition, wall_ns));
            material.add_timeline(timeline(1, repetition, wall_ns));
        }
        material.add_timeline(TimelineRow { warmup: true, ..timeline(2, 1, 1_860_000_000) });
        let shown = &material.shown[&1];
        assert_eq!((shown.repetition, shown.timelines.len()), (1, 2));
        let trial = Trial { repetition: 0, ..testing::trial_with_accounts() };
        material.add_trial(trial.clone());
        material.add_trial(Trial { repetition: 1, warmup: true, ..trial.clone() });
        assert!(material.shown[&1].trial.is_none(), "a warm-up has numbers of its own");
        material.add_trial(Trial { repetition: 1, ..trial });
        assert!(material.shown[&1].trial.is_some());
    }
}
