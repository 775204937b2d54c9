//! What the figures say of each case in words; of many cases only why some failed, for the advice names those that matter.

use std::collections::BTreeMap;

use gild_model::run::Run;
use gild_model::summary::{CaseSummary, Summary};

use super::results::Extent;
use super::{count, first_line, harmless};

/// Most reasons that are named.
const REASONS_MAX: usize = 12;

/// The lines under the table.
pub fn lines(run: &Run, extent: Extent) -> Vec<String> {
    let lines = match extent {
        Extent::Full => run.summary.cases.iter().flat_map(of_case).collect(),
        Extent::Short => of_failures(run),
    };
    lines.iter().map(|line| harmless(line)).collect()
}

/// The sentence of a case, and why trials failed where it does not say so.
fn of_case(line: &CaseSummary) -> Vec<String> {
    let sentence = Some(line.sentence.clone()).filter(|it| !it.is_empty());
    // A full stop of its own is left out in the sentence.
    let said = |error: &&str| line.sentence.contains(error.trim().trim_end_matches('.'));
    let error = line.error.as_deref().map(first_line).filter(|it| !said(it));
    let error =
        error.map(|error| format!("{}: {} failed: {error}", line.case.name, count(line.failed.into(), "trial")));
    sentence.into_iter().chain(error).collect()
}

/// Why cases failed, and where the rest is.
fn of_failures(run: &Run) -> Vec<String> {
    let (id, cases) = (run.head.id, run.summary.cases.len());
    let mut lines = failures(&run.summary);
    lines.push(format!(
        "More on each of the {cases} cases (a sentence, its coordinator, its classes of tasks): gilctl show {id} --all"
    ));
    lines
}

/// Each reason once, with the number of cases that failed for it.
fn failures(summary: &Summary) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in &summary.cases {
        if let Some(error) = &line.error {
            reasons.entry(first_line(error)).or_default().push(&line.case.name);
        }
    }
    let left_out = reasons.len().saturating_sub(REASONS_MAX);
    let said = |(error, cases): (&str, Vec<&str>)| match cases.as_slice() {
        [one] => format!("{one} failed: {error}"),
        [first, others @ ..] => format!("{first} and {} failed: {error}", count(others.len() as u64, "more case")),
        [] => unreachable!("a reason is noted with its case"),
    };
    let mut lines: Vec<_> = reasons.into_iter().take(REASONS_MAX).map(said).collect();
    if left_out > 0 {
        lines.push(format!("… and {} of failure.", count(left_out as u64, "more reason")));
    }
    lines
}
