//! Whether a run that repeats until its intervals are narrow goes on. Pure: times come in as arguments.

use std::time::Duration;

use gild_model::trial::{Trial, TrialStatus};
use gild_model::until::Until;

use crate::summary::statistics;

/// What has been measured so far, case by case.
#[derive(Debug, Clone)]
pub struct Widths {
    until: Until,
    cases: Vec<Measured>,
}

#[derive(Debug, Clone, Default)]
struct Measured {
    wall_ns: Vec<f64>,
    failed: bool,
}

impl Widths {
    /// Starts with nothing measured.
    pub fn new(until: Until, cases: usize) -> Widths {
        Widths { until, cases: vec![Measured::default(); cases] }
    }

    /// Takes in a trial that is over.
    pub fn add(&mut self, trial: &Trial) {
        let Some(case) = self.cases.get_mut(trial.case as usize) else { return };
        case.failed |= trial.status == TrialStatus::Failed;
        if trial.status == TrialStatus::Done && !trial.warmup {
            case.wall_ns.extend(trial.wall_ns.map(|wall_ns| wall_ns as f64));
        }
    }

    /// Whether another repetition of every case is called for, after `repetitions` of them, `elapsed` after the start
    /// of the run. A case that failed is not repeated and is not waited for.
    pub fn go_on(&self, repetitions: u32, elapsed: Duration) -> bool {
        let in_time = self.until.limit_s.is_none_or(|limit_s| elapsed.as_secs_f64() < limit_s);
        self.may_go_on(repetitions) && in_time && self.cases.iter().any(|case| self.is_too_wide(case))
    }

    /// Whether there may be more than `repetitions`.
    pub fn may_go_on(&self, repetitions: u32) -> bool {
        repetitions < self.until.repetitions_max
    }

    fn is_too_wide(&self, case: &Measured) -> bool {
        let half_width = || statistics::estimate(&case.wall_ns).and_then(|estimate| estimate.half_width());
        !case.failed && half_width().is_none_or(|half_width| half_width > self.until.half_width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::trial;

    const START: Duration = Duration::ZERO;

    /// Two cases with these wall times in milliseconds, to be known within ± 1 %, in at most 20 repetitions and 60 s.
    fn widths(first: &[u64], second: &[u64]) -> Widths {
        let mut widths = Widths::new(Until { half_width: 0.01, repetitions_max: 20, limit_s: Some(60.0) }, 2);
        for (case, walls) in [first, second].into_iter().enumerate() {
            for wall_ms in walls {
                widths.add(&done(case, *wall_ms));
            }
        }
        widths
    }

    fn done(case: usize, wall_ms: u64) -> Trial {
        Trial { case: case as u32, wall_ns: Some(wall_ms * 1_000_000), ..trial(TrialStatus::Done) }
    }

    const NARROW: [u64; 5] = [1000, 1001, 1002, 1003, 1004];
    const WIDE: [u64; 5] = [1000, 1100, 1200, 1300, 1400];

    #[test]
    fn it_goes_on_until_every_case_is_narrow() {
        assert!(!widths(&NARROW, &NARROW).go_on(5, START));
        assert!(widths(&NARROW, &WIDE).go_on(5, START));
        assert!(widths(&WIDE, &NARROW).go_on(5, START));
        assert!(widths(&NARROW, &[1000, 1000]).go_on(5, START), "two values have no interval");
    }

    #[test]
    fn it_stops_at_the_number_and_at_the_time_that_were_given() {
        assert!(widths(&NARROW, &WIDE).go_on(19, Duration::from_secs(59)));
        assert!(!widths(&NARROW, &WIDE).go_on(20, START));
        assert!(!widths(&NARROW, &WIDE).go_on(5, Duration::from_secs(60)));
    }

    #[test]
    fn a_case_that_failed_is_not_waited_for_and_warm_ups_do_not_count() {
        let mut some = widths(&NARROW, &[]);
        assert!(some.go_on(5, START));
        some.add(&Trial { case: 1, ..trial(TrialStatus::Failed) });
        assert!(!some.go_on(5, START));
        some.add(&Trial { warmup: true, ..done(0, 9000) });
        some.add(&Trial { warmup: true, ..done(0, 9000) });
        assert!(!some.go_on(5, START));
    }
}
