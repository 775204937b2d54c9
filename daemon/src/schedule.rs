//! The order of a run's trials and how long the rest of them will take. Pure: times come in as arguments.
//!
//! Repetitions are interleaved (A B C A B C …, warm-ups first), so that a drift of the machine hits all cases
//! alike. A case that has failed is not repeated; the others go on.

use std::time::Duration;

/// One trial to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Index of the case.
    pub case: u32,
    /// Number of the repetition (or of the warm-up).
    pub repetition: u32,
    /// Whether it is a warm-up.
    pub warmup: bool,
}

/// The trials of a run.
#[derive(Debug)]
pub struct Schedule {
    cases: Vec<CaseState>,
    warmups: u32,
    repetitions: u32,
    round: u32,
    case: u32,
    done: u32,
}

#[derive(Debug, Clone, Default)]
struct CaseState {
    failed: bool,
    trials: u32,
    spent: Duration,
}

impl Schedule {
    /// All trials of `cases` cases.
    pub fn new(cases: usize, warmups: u32, repetitions: u32) -> Schedule {
        Schedule { cases: vec![CaseState::default(); cases], warmups, repetitions, round: 0, case: 0, done: 0 }
    }

    /// The next trial; `None`: all are done.
    pub fn next_turn(&mut self) -> Option<Turn> {
        if self.cases.iter().all(|case| case.failed) {
            return None;
        }
        while self.round < self.rounds() {
            let case = self.case;
            let turn = self.turn(case, self.round);
            self.case += 1;
            if self.case as usize == self.cases.len() {
                (self.case, self.round) = (0, self.round + 1);
            }
            if !self.cases[case as usize].failed {
                return Some(turn);
            }
        }
        None
    }

    /// Adds a repetition of every case that has not failed.
    pub fn repeat_once_more(&mut self) {
        self.repetitions += 1;
    }

    /// Repetitions of every case that are planned.
    pub fn repetitions(&self) -> u32 {
        self.repetitions
    }

    /// Notes that a trial of `case` ended after `spent`. A failed one is the last of its case.
    pub fn finished(&mut self, case: u32, spent: Duration, failed: bool) {
        let state = &mut self.cases[case as usize];
        state.failed |= failed;
        state.trials += 1;
        state.spent += spent;
        self.done += 1;
    }

    /// Trials finished.
    pub fn done(&self) -> u32 {
        self.done
    }

    /// Trials finished and to come, `current` (in progress) included.
    pub fn planned(&self, current: Option<Turn>) -> u32 {
        let to_come: u32 = (0..self.cases.len()).map(|case| self.to_come(case)).sum();
        self.done + u32::from(current.is_some()) + to_come
    }

    /// Time left, with a trial of `case` in progress for `elapsed`, of which `share` is done, if that is known.
    /// `None`: no trial has finished that could be judged by.
    pub fn left(&self, case: u32, elapsed: Duration, share: Option<f64>) -> Option<Duration> {
        let of_all = self.mean_of_all();
        let expected = |case: usize| mean(self.cases[case].trials, self.cases[case].spent).or(of_all);
        let current = expected(case as usize)?;
        let by_time = current.saturating_sub(elapsed);
        let rest = share.map_or(by_time, |share| current.mul_f64((1.0 - share).clamp(0.0, 1.0)));
        let others = (0..self.cases.len())
            .map(|case| Some(expected(case)?.saturating_mul(self.to_come(case))))
            .try_fold(Duration::ZERO, |sum, it| Some(sum.saturating_add(it?)))?;
        Some(rest.saturating_add(others))
    }

    /// How long a trial takes, of whatever case: what is expected of a case that has no trial of its own yet.
    fn mean_of_all(&self) -> Option<Duration> {
        mean(self.done, self.cases.iter().map(|case| case.spent).sum())
    }

    /// Trials of the case that have not been handed out and will be.
    fn to_come(&self, case: usize) -> u32 {
        if self.cases[case].failed {
            return 0;
        }
        self.rounds() - self.round - u32::from(case < self.case as usize && self.round < self.rounds())
    }

    fn rounds(&self) -> u32 {
        self.warmups + self.repetitions
    }

    fn turn(&self, case: u32, round: u32) -> Turn {
        match round.checked_sub(self.warmups) {
            None => Turn { case, repetition: round, warmup: true },
            Some(repetition) => Turn { case, repetition, warmup: false },
        }
    }
}

fn mean(trials: u32, spent: Duration) -> Option<Duration> {
    (trials > 0).then(|| spent / trials)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Runs a schedule; `w` marks warm-ups, `A`, `B`, … the cases; cases named in `failing` fail at once.
    fn order(cases: usize, warmups: u32, repetitions: u32, failing: &str) -> String {
        let mut schedule = Schedule::new(cases, warmups, repetitions);
        let mut text = String::new();
        while let Some(turn) = schedule.next_turn() {
            let name = char::from(b'A' + u8::try_from(turn.case).unwrap());
            text += &format!("{}{name}{} ", if turn.warmup { "w" } else { "" }, turn.repetition);
            schedule.finished(turn.case, SECOND, failing.contains(name));
        }
        text.trim_end().to_owned()
    }

    #[test]
    fn repetitions_are_interleaved_and_warm_ups_come_first() {
        assert_eq!(order(3, 1, 2, ""), "wA0 wB0 wC0 A0 B0 C0 A1 B1 C1");
        assert_eq!(order(1, 0, 2, ""), "A0 A1");
    }

    #[test]
    fn a_failed_case_is_not_repeated_and_the_others_go_on() {
        assert_eq!(order(3, 1, 2, "B"), "wA0 wB0 wC0 A0 C0 A1 C1");
        assert_eq!(order(2, 0, 3, "AB"), "A0 B0");
    }

    #[test]
    fn a_schedule_that_is_done_can_get_another_round() {
        let mut schedule = Schedule::new(2, 0, 1);
        while let Some(turn) = schedule.next_turn() {
            schedule.finished(turn.case, SECOND, turn.case == 1);
        }
        schedule.repeat_once_more();
        assert_eq!((schedule.repetitions(), schedule.planned(None)), (2, 3));
        assert_eq!(schedule.next_turn(), Some(Turn { case: 0, repetition: 1, warmup: false }));
        assert_eq!(schedule.next_turn(), None);
    }

    #[test]
    fn the_plan_shrinks_when_a_case_fails() {
        let mut schedule = Schedule::new(2, 0, 3);
        assert_eq!(schedule.planned(None), 6);
        let turn = schedule.next_turn();
        assert_eq!(schedule.planned(turn), 6);
        schedule.finished(0, SECOND, true);
        assert_eq!((schedule.done(), schedule.planned(None)), (1, 4));
        while let Some(turn) = schedule.next_turn() {
            assert_eq!(schedule.planned(Some(turn)), 4);
            schedule.finished(turn.case, SECOND, false);
        }
        assert_eq!((schedule.done(), schedule.planned(None)), (4, 4));
    }

    #[test]
    fn time_left_is_judged_from_finished_trials_only() {
        let mut schedule = Schedule::new(2, 0, 2);
        schedule.next_turn();
        assert_eq!(schedule.left(0, SECOND, Some(0.5)), None);
        schedule.finished(0, 10 * SECOND, false);
        schedule.next_turn();
        // B has no trial of its own yet, so A's 10 s stand for it: half of B0, A1, B1.
        assert_eq!(schedule.left(1, 3 * SECOND, Some(0.5)), Some(25 * SECOND));
        assert_eq!(schedule.left(1, 3 * SECOND, None), Some(27 * SECOND));
        schedule.finished(1, 2 * SECOND, false);
        schedule.next_turn();
        // All of A1 and then B1.
        assert_eq!(schedule.left(0, Duration::ZERO, Some(0.0)), Some(12 * SECOND));
        // A trial that takes longer than expected has no time left, not less than none.
        assert_eq!(schedule.left(0, 60 * SECOND, None), Some(2 * SECOND));
    }
}
