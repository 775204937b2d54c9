//! What holds whatever was measured.

use std::collections::BTreeSet;

use gild_model::advice::{Decision, GroupAdvice};
use gild_model::summary::{Ratio, Summary};
use gild_model::trial::{Trial, TrialStatus};
use proptest::prelude::*;

use super::drawn;
use super::{locked, processes, sequential};
use crate::summary::generate::{experiment, honest_trials};
use crate::summary::summarize;

/// Every number that is followed by ×.
fn ratios_in(text: &str) -> Vec<String> {
    let words = text.split_whitespace().filter_map(|word| word.trim_end_matches([',', ';', '.']).strip_suffix('×'));
    words.map(|word| word.trim_start_matches('(').to_owned()).collect()
}

/// Every ratio that the summary has.
fn ratios_of(summary: &Summary, group: &GroupAdvice) -> BTreeSet<String> {
    let slower = group.cases.iter().filter_map(|it| it.slower);
    let versus = summary.cases.iter().filter_map(|it| it.versus);
    let medians = slower.chain(versus).map(|Ratio { estimate, .. }| estimate.median);
    medians.chain(group.cases.iter().filter_map(|it| it.at_best)).map(|it| format!("{it:.2}")).collect()
}

fn finished(summary: &Summary) -> BTreeSet<&str> {
    summary.cases.iter().filter(|it| it.trials > 0).map(|it| it.case.name.as_str()).collect()
}

fn check(summary: &Summary) -> Result<(), TestCaseError> {
    let finished = finished(summary);
    for group in &summary.advice.groups {
        prop_assert_eq!(group.sentences.len(), 2);
        prop_assert_eq!(group.case.is_none(), group.decision == Decision::NotEnoughEvidence);
        let named = group.case.iter().chain(&group.tied_with).chain(group.cases.iter().map(|it| &it.case));
        prop_assert!(
            named.clone().all(|name| finished.contains(name.as_str())),
            "{named:?}",
            named = named.collect::<Vec<_>>()
        );
        let text = group.sentences.join(" ");
        for case in &summary.cases {
            let name = case.case.name.as_str();
            prop_assert!(finished.contains(name) || !text.contains(name), "{text}");
        }
        let ratios = ratios_of(summary, group);
        prop_assert!(ratios_in(&text).iter().all(|it| ratios.contains(it)), "{text}: not all of {ratios:?}");
        let shares = group.cases.iter().filter_map(|it| it.share);
        prop_assert!(shares.clone().all(|it| (0.0..=1.0).contains(&it)), "{:?}", shares.collect::<Vec<_>>());
        let at_best: Vec<_> = group.cases.iter().filter_map(|it| it.at_best).collect();
        prop_assert!(at_best.iter().all(|it| *it >= 1.0), "{at_best:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_case_without_a_finished_trial_is_named_and_no_ratio_that_the_summary_does_not_have(
        trials in honest_trials(), fate in proptest::collection::vec(0..6_u8, 15), cores in 0..5_usize,
    ) {
        let fated = |(trial, fate): (Trial, u8)| match fate {
            0 => Trial { status: TrialStatus::Failed, wall_ns: None, ..trial },
            1 => Trial { warmup: true, ..trial },
            2 => Trial { status: TrialStatus::Cancelled, ..trial },
            _ => trial,
        };
        let fated: Vec<_> = trials.iter().cloned().zip(fate).map(fated).collect();
        check(&summarize(&experiment(), &trials, cores))?;
        check(&summarize(&experiment(), &fated, cores))?;
    }
}

#[test]
fn ratios_are_found_in_sentences() {
    assert_eq!(ratios_in("it is 1.90× as fast (95 % CI 1.80 to 2.00), or 2.00×."), ["1.90", "2.00"]);
}

#[test]
fn every_figure_of_the_advice_is_in_its_documentation() {
    fn names(value: &serde_json::Value, into: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                into.insert(name.clone());
                if !["params", "estimate", "speedup", "serial_fraction"].contains(&name.as_str()) {
                    names(value, into);
                }
            }),
            serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, into)),
            _ => {}
        }
    }
    let scaling =
        super::scaling::points(&[1, 2, 4, 8, 12, 16, 24, 32], |n| 1.0 + 0.02 * (n - 1.0) + 0.001 * n * (n - 1.0));
    let article = drawn::summary(&[sequential(2000), locked(2000), processes(1000)], 2);
    let mut figures = BTreeSet::new();
    for summary in [article, drawn::summary(&scaling, 32)] {
        names(&serde_json::to_value(summary.advice).unwrap(), &mut figures);
    }
    assert!(["break_even_ns", "held_out", "at_bound", "serial_fraction"].iter().all(|it| figures.contains(*it)));
    let documentation = include_str!("../../../../docs/advice.md");
    let missing: Vec<_> = figures.iter().filter(|it| !documentation.contains(&format!("`{it}`"))).collect();
    assert!(missing.is_empty(), "docs/advice.md does not explain {missing:?}");
    let names = gild_model::advice::Bound::ALL.iter().map(|it| it.name());
    let missing: Vec<_> = names.filter(|it| !documentation.contains(&format!("| `{it}` |"))).collect();
    assert!(missing.is_empty(), "docs/advice.md has no row for {missing:?}");
}
