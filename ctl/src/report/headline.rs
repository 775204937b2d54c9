//! The first thing on the page: the answer, and why.

use gild_model::advice::Bound;
use gild_model::lock_wait::top_holder;
use gild_model::run::{Run, RunHead};
use maud::{Markup, html};

use super::material::Material;
use crate::render::{advice, results};

/// The answer: of one group of cases a sentence; of several one each; without an answer what the first case did.
pub fn of_run(material: &Material) -> Markup {
    let run = &material.run;
    if results::is_recorded(run) {
        return of_recording(material);
    }
    let groups: Vec<_> = run.summary.advice.groups.iter().filter(|group| group.cases.len() > 1).collect();
    match groups.as_slice() {
        [] => said(&first_sentence(run), &[]),
        [one] => match one.sentences.as_slice() {
            [answer, reasons @ ..] => said(answer, reasons),
            [] => said(&first_sentence(run), &[]),
        },
        several => html! {
            h1 { (run.head.name) ": " (several.len()) " sets of parameters, an answer for each" }
            dl class="answers" {
                @for group in several {
                    dt { (advice::params(group).trim().trim_matches(['(', ')'])) }
                    dd { (group.sentences.join(" ")) }
                }
            }
        },
    }
}

/// What its threads wait for, what follows, and the function that keeps them waiting.
fn of_recording(material: &Material) -> Markup {
    let group = material.run.summary.advice.groups.first();
    let bound = group.and_then(|group| group.cases.first()).and_then(|case| case.bound);
    let holders = material.holders.get(&0).filter(|_| bound == Some(Bound::Lock));
    let top_holder = holders.and_then(|holders| top_holder(holders)).map(|it| format!("{it}."));
    match group.map(|group| group.sentences.as_slice()) {
        Some([what, follows @ ..]) => said(what, &follows.iter().cloned().chain(top_holder).collect::<Vec<_>>()),
        _ => said(&first_sentence(&material.run), top_holder.as_slice()),
    }
}

fn said(answer: &str, reasons: &[String]) -> Markup {
    html! {
        h1 id="answer" { (answer) }
        @for reason in reasons { p class="why" { (reason) } }
    }
}

fn first_sentence(run: &Run) -> String {
    let sentence = run.summary.cases.iter().map(|case| &case.sentence).find(|it| !it.is_empty());
    sentence.cloned().unwrap_or_else(|| format!("{}: nothing was measured", run.head.name))
}

/// What was run, and where; and a line for a run that is not simply done.
pub fn subject(run: &Run) -> Markup {
    let Some(when) = run.head.started_at.or(Some(run.head.submitted_at)) else { return html! {} };
    html! {
        p class="subject" {
            "Run " (run.head.id) ", " strong { (run.head.name) } ": " (what(run)) ". "
            (results::machine(run)) ". "
            time datetime=(when) { (when.strftime("%Y-%m-%d %H:%M UTC")) } "."
        }
        (labels(&run.head))
        @if let Some(state) = results::state(run) { p class="warning" role="note" { (state) } }
    }
}

/// What people wrote on the run.
fn labels(head: &RunHead) -> Markup {
    html! {
        @if !head.tags.is_empty() { p class="subject" { "Tags:" @for tag in &head.tags { " " span class="tag" { (tag) } } } }
        @if let Some(note) = &head.note { p class="subject note" { "Note: " (note) } }
    }
}

fn what(run: &Run) -> String {
    match results::is_recorded(run) {
        true => "a program recorded as it is".to_owned(),
        false => [results::work(run)]
            .into_iter()
            .chain(results::interpreters(&run.experiment))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use gild_model::case::Model;
    use gild_model::lock_wait::HoldingFunction;

    #[test]
    fn the_answer_is_the_advices_with_its_reason_below() {
        let mut run = testing::run();
        run.summary.advice = testing::advice();
        let html = of_run(&Material::new(run, None)).into_string();
        assert!(html.starts_with("<h1 id=\"answer\">Use 2 processes (processes-2): 1.89× as fast"), "{html}");
        assert!(
            html.contains("<p class=\"why\">threads-10's workers spend 89.7 % of their time waiting for the lock.</p>"),
            "{html}"
        );
    }

    #[test]
    fn what_people_wrote_on_the_run_is_said_and_nothing_where_they_wrote_nothing() {
        let mut run = testing::run();
        let bare = subject(&run).into_string();
        assert!(!bare.contains("Tags") && !bare.contains("Note"), "{bare}");
        run.head.tags = ["baseline", "v1.2"].map(|tag| tag.parse().unwrap()).to_vec();
        run.head.note = Some("before the <new> allocator\nand after".to_owned());
        let html = subject(&run).into_string();
        let tags = "Tags: <span class=\"tag\">baseline</span> <span class=\"tag\">v1.2</span>";
        assert!(html.contains(tags) && html.contains("Note: before the &lt;new&gt; allocator\nand after"), "{html}");
    }

    #[test]
    fn of_a_recording_the_function_that_keeps_others_waiting_is_named() {
        let mut run = testing::run();
        run.experiment.cases[0].model = Model::Recorded;
        run.summary.advice = testing::advice();
        run.summary.advice.groups[0].cases[0].bound = Some(Bound::Lock);
        run.summary.advice.groups[0].sentences = vec!["They wait.".to_owned(), "They take turns.".to_owned()];
        let mut material = Material::new(run, None);
        let (function, file) = (Some("work".to_owned()), Some("/x/app.py".to_owned()));
        let holder = HoldingFunction { function, file, line: Some(7), waited_ns: 10, hand_overs: 1 };
        material.holders.insert(0, vec![holder]);
        let html = of_run(&material).into_string();
        let why =
            "<p class=\"why\">They take turns.</p><p class=\"why\">app.py:7 work held the interpreter's lock for 100 %";
        assert!(html.starts_with("<h1 id=\"answer\">They wait.</h1>") && html.contains(why), "{html}");
        material.run.summary.advice.groups[0].cases[0].bound = Some(Bound::Io);
        let html = of_run(&material).into_string();
        assert!(html.contains("They take turns.") && !html.contains("app.py"), "it is not what they wait for: {html}");
    }

    #[test]
    fn without_an_answer_the_first_case_speaks() {
        let html = of_run(&Material::new(testing::run(), None)).into_string();
        assert!(html.contains("sequential: one worker computed for 99.9 % of its life."), "{html}");
    }
}
