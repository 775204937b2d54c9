//! The cases of equal parameters: what they are compared with, whether their results are equal.

use gild_model::experiment::Experiment;
use gild_model::group::{self, CaseGroup};
use gild_model::summary::Group;
use gild_model::trial::Trial;

use super::case::{Baseline, CaseFold, Reference};
use super::notes;

/// A group in the making.
#[derive(Debug)]
pub(super) struct GroupFold {
    group: CaseGroup,
    results: Results,
}

/// The groups of an experiment, without trials.
pub(super) fn of(experiment: &Experiment) -> Vec<GroupFold> {
    let groups = group::groups(experiment).into_iter();
    groups.map(|group| GroupFold { group, results: Results::default() }).collect()
}

impl GroupFold {
    /// Its cases, as indices.
    pub fn cases(&self) -> &[usize] {
        &self.group.cases
    }

    /// Takes in a trial of one of its cases.
    pub fn add(&mut self, trial: &Trial) {
        self.results.add(trial);
    }

    /// What the others are compared with.
    pub fn baseline(&self, cases: &[CaseFold]) -> Baseline {
        cases[self.group.baseline].baseline(index(self.group.baseline))
    }

    /// What one of its cases is compared with.
    pub fn reference<'a>(&self, case: usize, baseline: &'a Baseline) -> Reference<'a> {
        match case {
            _ if self.group.cases.len() < 2 => Reference::Nothing,
            itself if itself == self.group.baseline => Reference::Itself,
            _ => Reference::Other(baseline),
        }
    }

    /// What there is to say of its results.
    pub fn notes(&self) -> Vec<String> {
        notes::of_results(self.results.identical, self.results.verified, &group::label(&self.group.params))
    }

    /// The group as the summary has it.
    pub fn finish(&self) -> Group {
        Group {
            params: self.group.params.clone(),
            cases: self.group.cases.iter().copied().map(index).collect(),
            baseline: index(self.group.baseline),
            results_identical: self.results.identical,
            verified: self.results.verified,
        }
    }
}

/// The index of a case as the API has it.
fn index(case: usize) -> u32 {
    u32::try_from(case).expect("an experiment has at most a thousand cases")
}

/// Whether trials gave the same results, and the right ones.
#[derive(Debug, Default)]
struct Results {
    digest: Option<String>,
    identical: Option<bool>,
    verified: Option<bool>,
}

impl Results {
    /// Takes in every trial that got to its results, warm-ups and those with wrong results included.
    fn add(&mut self, trial: &Trial) {
        self.verified = all_of([self.verified, trial.verified]);
        match (&self.digest, &trial.digest) {
            (Some(first), Some(other)) => self.identical = all_of([self.identical, Some(first == other)]),
            (None, Some(first)) => self.digest = Some(first.clone()),
            (_, None) => {}
        }
    }
}

/// Whether it is so wherever it is known. `None`: it is known nowhere.
pub(super) fn all_of(known: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    known.into_iter().flatten().reduce(|all, it| all && it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::generate::{done, experiment, honest_trials};
    use crate::summary::summarize;
    use gild_model::experiment::ParamValue;
    use gild_model::summary::CaseSummary;
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    /// The experiment of the generator, whose cases with these indices have another n than the others.
    fn with_n(of: &[usize]) -> Experiment {
        let mut experiment = experiment();
        of.iter().for_each(|case| {
            experiment.cases[*case].params.insert("n".to_owned(), ParamValue::Int(9));
        });
        experiment
    }

    /// Three repetitions of three cases; the case with this index gives another result.
    fn trials(other: u32) -> Vec<Trial> {
        let digest = |case| Some(if case == other { "d2" } else { "d1" }.to_owned());
        (0..9).map(|place| Trial { digest: digest(place % 3), ..done(place % 3, place / 3) }).collect()
    }

    #[test]
    fn cases_are_compared_where_their_parameters_are_equal() {
        let summary = summarize(&with_n(&[1, 2]), &trials(0), 2);
        let groups: Vec<_> = summary.groups.iter().map(|it| (it.cases.as_slice(), it.baseline)).collect();
        assert_eq!(groups, [(&[0][..], 0), (&[1, 2], 1)]);
        assert_eq!(summary.groups[1].params, [("n".to_owned(), Some(ParamValue::Int(9)))].into());
        assert_eq!(summary.cases.iter().map(|line| line.baseline).collect::<Vec<_>>(), [0, 1, 1]);
        assert_eq!(summary.cases.iter().map(|line| line.versus.is_some()).collect::<Vec<_>>(), [false, false, true]);
        let verdicts: Vec<_> = summary.cases.iter().map(|line| line.sentence.split(": ").nth(1)).collect();
        assert_eq!(verdicts[0], Some("nothing but wall time was measured."), "alone in its group: {verdicts:?}");
        assert_eq!(verdicts[1], Some("what the others are compared with."));
        assert_eq!(verdicts[2], Some("not measurably faster than threads-10 (1.00×, a tie)."));
    }

    #[test]
    fn results_have_to_be_equal_where_parameters_are() {
        let identical = |of: &[usize], other| {
            let summary = summarize(&with_n(of), &trials(other), 2);
            let of_groups: Vec<_> = summary.groups.iter().map(|it| it.results_identical.unwrap()).collect();
            let note = summary.notes.into_iter().find(|it| it.contains("results differ"));
            (summary.results_identical.unwrap(), of_groups, note.map(|it| it.split(": ").next().unwrap().to_owned()))
        };
        assert_eq!(identical(&[0], 0), (true, vec![true, true], None));
        assert_eq!(identical(&[0, 1], 0), (false, vec![false, true], Some("n=9".to_owned())));
        assert_eq!(identical(&[], 0), (false, vec![false], Some("results differ between trials".to_owned())));
    }

    #[test]
    fn cases_that_begin_with_the_same_words_are_told_apart_by_name() {
        let mut experiment = experiment();
        experiment.cases[2] = gild_model::case::Case { name: "mine".to_owned(), ..experiment.cases[1].clone() };
        let lines = summarize(&experiment, &trials(9), 2).cases;
        let starts: Vec<_> = lines.iter().map(|line| line.sentence.split(": ").next().unwrap()).collect();
        assert_eq!(starts, ["1 thread", "threads-10", "mine"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_group_reads_as_a_run_of_its_own(trials in honest_trials(), other in subsequence(vec![0, 1, 2], 1..3)) {
            let experiment = with_n(&other);
            let whole = summarize(&experiment, &trials, 2);
            for group in &whole.groups {
                let alone = |case: u32| group.cases.iter().position(|it| *it == case).map(|it| it as u32);
                let cases = group.cases.iter().map(|case| experiment.cases[*case as usize].clone()).collect();
                let of_group = trials.iter().filter_map(|it| Some(Trial { case: alone(it.case)?, ..it.clone() }));
                let alone_trials: Vec<_> = of_group.collect();
                let run = summarize(&Experiment { cases, ..experiment.clone() }, &alone_trials, 2);
                for (line, case) in run.cases.iter().zip(&group.cases) {
                    let of_whole = &whole.cases[*case as usize];
                    prop_assert_eq!(alone(of_whole.baseline), Some(line.baseline));
                    prop_assert_eq!(&CaseSummary { baseline: line.baseline, ..of_whole.clone() }, line);
                }
                prop_assert_eq!(group.results_identical, run.results_identical);
                prop_assert_eq!(group.verified, run.verified);
            }
            let mut cases: Vec<_> = whole.groups.iter().flat_map(|group| group.cases.clone()).collect();
            cases.sort_unstable();
            prop_assert_eq!(cases, vec![0, 1, 2]);
        }
    }

    #[test]
    fn what_is_not_known_does_not_count() {
        let check = |known: &[Option<bool>], expected| assert_eq!(all_of(known.iter().copied()), expected, "{known:?}");
        check(&[], None);
        check(&[None, None], None);
        check(&[None, Some(true)], Some(true));
        check(&[Some(true), None, Some(false)], Some(false));
    }
}
