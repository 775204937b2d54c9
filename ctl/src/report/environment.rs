//! Where it was measured, how well, what else ran there, and what a reader has to know of the figures.

use gild_model::run::Run;
use maud::{Markup, html};

use super::tables::{folded, of_grid};
use crate::render::{host, results};

/// What to know of the figures.
pub fn notes(run: &Run) -> Markup {
    let notes = results::notes(run);
    html! {
        @if notes.is_empty() { p { "There is nothing to say." } }
        @else { ul class="notes" { @for note in &notes { li { (note.strip_prefix("note: ").unwrap_or(note)) } } } }
    }
}

/// The machine.
pub fn machine(run: &Run) -> Markup {
    let Some(report) = &run.host else { return html! { p class="missing" { "The run has not started." } } };
    let because = |reason: &Option<String>| reason.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
    html! {
        dl class="facts" {
            dt { "machine" } dd { (report.hostname) }
            dt { "system" } dd { "Linux " (report.kernel) }
            dt { "processor" } dd { (report.cpu) ", " (host::cores(report)) }
            dt { "tier" } dd { (report.tier.name()) (because(&report.tier_reason)) }
            @for it in run.experiment.python.iter().flat_map(|python| &python.interpreters) {
                dt { "interpreter" } dd { (it.executable.display()) ": " (it.in_words()) }
            }
            dt { "clock" } dd { (report.clock) (because(&report.clock_reason)) }
            dt { "events" } dd { @if report.counts_kernel { "counted in user space and in the kernel" } @else { "counted in user space only" } }
            dt { "what else ran" } dd { (run.summary.noise.as_deref().unwrap_or("not measured, or the trials were too short to tell")) }
        }
        @let (checks, counters) = (host::checks_grid(report), host::counters_grid(report));
        @if !checks.is_empty() || !counters.is_empty() {
            (folded("What this machine can measure", html! {
                @if !checks.is_empty() { (of_grid(&checks, "What was checked")) }
                @if !counters.is_empty() { (of_grid(&counters, "Which counters count here")) }
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gild_model::experiment::parse;
    use gild_model::python::Interpreter;

    use super::*;
    use crate::testing;

    #[test]
    fn the_machine_and_every_note_are_said_and_are_text() {
        let mut run = testing::run();
        run.summary.notes.push("<img src=x>".to_owned());
        let html = machine(&run).into_string() + &notes(&run).into_string();
        for text in [
            "software (no PMU here)",
            "steal 0.3 %",
            "10 workers share 2 cores.",
            "&lt;img src=x&gt;",
            "All results are identical",
        ] {
            assert!(html.contains(text), "no {text:?} in {html}");
        }
    }

    #[test]
    fn the_interpreter_of_a_kernel_in_python_is_part_of_where_it_was_measured() {
        let mut run = testing::run();
        let text = "[python]\ncall = \"mine:work\"\n[[case]]\nmodel = \"sequential\"\n";
        let mut python = parse(text, Path::new("/work/mine.toml")).unwrap().python.unwrap();
        python.interpreters.push(Interpreter {
            python: "python3".into(),
            executable: "/usr/bin/python3".into(),
            implementation: "CPython".to_owned(),
            version: "3.11.2".to_owned(),
            gil: true,
        });
        run.experiment.python = Some(python);
        let html = machine(&run).into_string();
        assert!(html.contains("<dt>interpreter</dt><dd>/usr/bin/python3: CPython 3.11.2, GIL</dd>"), "{html}");
    }
}
