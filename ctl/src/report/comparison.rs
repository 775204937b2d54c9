//! Two runs held against each other: what became faster and what slower, then both side by side.

use gild_model::comparison::{Comparison, Verdict};
use maud::{Markup, html};

use super::tables::of_grid;
use crate::render::{comparison, count, figures};

/// The answer: what became of the cases that both runs have.
pub fn headline(of: &Comparison) -> Markup {
    html! {
        h1 id="answer" { (verdict(of)) }
        p class="why" { (comparison::run(&of.new)) " against " (comparison::run(&of.old)) ", " (of.new.kernel) "." }
    }
}

/// `1 of 2 cases became slower: threads-10 (0.80×). 1 became faster: sequential (2.00×).`
fn verdict(of: &Comparison) -> String {
    let with = |verdict| {
        let cases: Vec<_> = of.cases.iter().filter(|case| case.verdict == Some(verdict)).collect();
        let named = |case: &&gild_model::comparison::CaseComparison| {
            let ratio = case.ratio.map_or_else(String::new, |it| format!(" ({})", figures::ratio(it.median)));
            format!("{}{ratio}", case.case)
        };
        (cases.len(), cases.iter().map(named).collect::<Vec<_>>().join(", "))
    };
    let mut said = Vec::new();
    for (verdict, became) in
        [(Verdict::Slower, "became slower"), (Verdict::Faster, "became faster"), (Verdict::Tie, "cannot be told apart")]
    {
        let (number, names) = with(verdict);
        if number > 0 {
            said.push(format!("{number} {became}: {names}"));
        }
    }
    match said.is_empty() {
        true => format!("Nothing can be said of {}", count(of.cases.len() as u64, "case")),
        false => format!("Of {}, {}", count(of.cases.len() as u64, "case"), said.join("; ")),
    }
}

/// The table, and what else differs.
pub fn section(of: &Comparison) -> Markup {
    let differences = comparison::differences(of);
    html! {
        (of_grid(&comparison::grid(of), "Each case in both runs: medians, and how many times as fast it became with its 95 % interval"))
        @if !differences.is_empty() { ul class="notes" { @for line in &differences { li { (line) } } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_answer_counts_the_cases_and_names_them() {
        let mut comparison = testing::comparison();
        assert_eq!(
            verdict(&comparison),
            "Of 2 cases, 1 became slower: threads-10 (0.80×); 1 became faster: sequential (2.00×)"
        );
        comparison.cases.iter_mut().for_each(|case| case.verdict = None);
        assert_eq!(verdict(&comparison), "Nothing can be said of 2 cases");
    }
}
