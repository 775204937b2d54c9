//! What the figures say in words: a sentence per case, or, where there are many, one per group.

use std::collections::BTreeMap;

use gild_model::group;
use gild_model::run::Run;
use gild_model::summary::{CaseSummary, Group, Summary};

use super::results::Extent;
use super::{count, harmless};

/// Most lines of one kind where not everything is shown.
const LINES_MAX: usize = 12;

/// The lines under the table.
pub fn lines(run: &Run, extent: Extent) -> Vec<String> {
    let lines = match extent {
        Extent::Full => run.summary.cases.iter().flat_map(of_case).collect(),
        Extent::Short => of_groups(run),
    };
    lines.iter().map(|line| harmless(line)).collect()
}

/// The sentence of a case, and why trials failed where it does not say so.
fn of_case(line: &CaseSummary) -> Vec<String> {
    let sentence = Some(line.sentence.clone()).filter(|it| !it.is_empty());
    let error = line.error.as_ref().filter(|it| !line.sentence.contains(*it));
    let error =
        error.map(|error| format!("{}: {} failed: {error}", line.case.name, count(line.failed.into(), "trial")));
    sentence.into_iter().chain(error).collect()
}

/// The case of each group that took the least time, why cases failed, and where the rest is.
fn of_groups(run: &Run) -> Vec<String> {
    let summary = &run.summary;
    let mut lines: Vec<_> = summary.groups.iter().filter_map(|group| shortest(summary, group)).collect();
    let left_out = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if left_out > 0 {
        lines.push(format!("… and of {left_out} more sets of parameters."));
    }
    lines.extend(failures(summary));
    let (id, cases) = (run.head.id, summary.cases.len());
    lines.push(format!(
        "A sentence for each of the {cases} cases, and rows for their coordinators: gilctl show {id} --all"
    ));
    lines
}

/// `n=10: the shortest wall time is that of processes-4-n=10: 4 processes spent …`
fn shortest(summary: &Summary, group: &Group) -> Option<String> {
    let lines = group.cases.iter().filter_map(|case| summary.cases.get(*case as usize));
    let timed = lines.filter_map(|line| Some((line.wall_ns?.median, line)));
    let (_, line) = timed.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let name = &line.case.name;
    let sentence = line.sentence.strip_prefix(&format!("{name}: ")).unwrap_or(&line.sentence);
    let place = match group::label(&group.params) {
        label if label.is_empty() => "The".to_owned(),
        label => format!("{label}: the"),
    };
    Some(format!("{place} shortest median wall time is that of {name}: {sentence}"))
}

/// Each reason once, with the number of cases that failed for it.
fn failures(summary: &Summary) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in &summary.cases {
        if let Some(error) = &line.error {
            reasons.entry(error).or_default().push(&line.case.name);
        }
    }
    let left_out = reasons.len().saturating_sub(LINES_MAX);
    let said = |(error, cases): (&str, Vec<&str>)| match cases.as_slice() {
        [one] => format!("{one} failed: {error}"),
        [first, others @ ..] => format!("{first} and {} failed: {error}", count(others.len() as u64, "more case")),
        [] => unreachable!("a reason is noted with its case"),
    };
    let mut lines: Vec<_> = reasons.into_iter().take(LINES_MAX).map(said).collect();
    if left_out > 0 {
        lines.push(format!("… and {} of failure.", count(left_out as u64, "more reason")));
    }
    lines
}
