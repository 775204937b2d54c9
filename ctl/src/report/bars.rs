//! Where the time of the workers went: for each case a bar as long as its wall time, one of phases and one of states.
//!
//! Bars are SVG rectangles in percent of their width, so that they are there without scripts and fit any screen. Every
//! rectangle has a title, every bar a label with all of its figures, and all figures are in a table below.

use gild_model::run::Run;
use gild_model::summary::{CaseSummary, Shares};
use maud::{Markup, html};

use super::figures::value;
use super::parts::{self, Part};
use super::tables::{folded, scrolled};
use crate::render::table::{self, ShareColumn};
use crate::render::{figures, results};

/// A share that is wide enough to be seen.
const SEEN: f64 = 0.002;
/// A share that is wide enough for its figure to stand in it.
const FIGURE_FITS: f64 = 0.09;
/// A share that is wide enough for its figure on any screen.
const FIGURE_FITS_ANYWHERE: f64 = 0.18;
/// A share that is wide enough for its words, too, on a wide screen.
const WORDS_FIT: f64 = 0.34;
/// A share that is wide enough for its words on any screen.
const WORDS_FIT_ANYWHERE: f64 = 0.75;

/// Draws the bars of all cases; `longest_ns` is the wall time that takes the whole width.
pub fn of_run(run: &Run, longest_ns: f64) -> Markup {
    let summary = &run.summary;
    let phases = table::phases(summary);
    let walls = table::walls(summary);
    let recorded = results::is_recorded(run);
    let of = if recorded { "threads" } else { "workers" };
    let most = summary.cases.iter().map(|line| line.case.workers).max();
    let several = most.filter(|most| *most > 1 && !recorded);
    html! {
        p {
            "The " strong { "phases" } " say what the " (of) " did, the " strong { "states" } " whether they had a core meanwhile: who computes and has to "
            "wait for a core is computing in the one and waiting in the other. Both are shares of the time of all " (of) " of all repetitions, put together"
            @if let Some(most) = several { ": one of " (most) " all the time is " (figures::share(1.0 / f64::from(most))) }
            ". Wall times are drawn on one scale."
        }
        (legend("phases", &seen(summary.cases.iter(), &phases)))
        (legend("states", &seen(summary.cases.iter(), &table::STATES)))
        @for (place, line) in summary.cases.iter().enumerate() { (case(line, &walls[place], &phases, longest_ns)) }
        (folded("The bars' figures as a table", shares_table(run, &phases)))
    }
}

/// The longest wall time of a run's cases.
pub fn longest_ns(run: &Run) -> f64 {
    run.summary
        .cases
        .iter()
        .filter_map(|line| line.wall_ns)
        .map(|wall| wall.high.unwrap_or(wall.median))
        .fold(0.0, f64::max)
}

fn case(line: &CaseSummary, wall: &str, phases: &[ShareColumn], longest_ns: f64) -> Markup {
    html! {
        figure class="case" data-case=(line.case.name) {
            figcaption { h3 { (line.case.name) } }
            @if let Some(median) = line.wall_ns.map(|it| it.median).filter(|_| longest_ns > 0.0) {
                (row("wall time", wall_bar(median / longest_ns, wall)))
            }
            @match &line.workers {
                Some(shares) => {
                    (row("phases", stacked(&line.case.name, "phases", phases, shares)))
                    (row("states", stacked(&line.case.name, "states", &table::STATES, shares)))
                },
                None => p class="missing" { "Nothing was measured: no trial finished." },
            }
            @if !line.sentence.is_empty() { p class="sentence" { (line.sentence) } }
            @if let Some(error) = line.error.as_ref().filter(|it| !line.sentence.contains(*it)) { p class="warning" { (error) } }
        }
    }
}

fn row(label: &str, bar: Markup) -> Markup {
    html! { div class="bar" { span class="label" aria-hidden="true" { (label) } (bar) } }
}

fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

fn wall_bar(share: f64, wall: &str) -> Markup {
    html! {
        svg class="wall" role="img" aria-label={ "wall time " (wall.trim()) } width="100%" height="26" {
            rect class="wall" x="0" y="2" width=(percent(share)) height="22" {}
            // Where there is no room behind the bar, the figure stands in it.
            @if share < 0.62 { text x=(percent(share)) y="18" dx="6" { (wall.trim()) } }
            @else { text class="inside" x="0" y="18" dx="8" { (wall.trim()) } }
        }
    }
}

/// One bar, from left to right in the order of the table.
fn stacked(case: &str, kind: &str, columns: &[ShareColumn], shares: &Shares) -> Markup {
    let measured: Vec<_> = columns.iter().map(|(head, of)| (parts::of_column(head), of(shares))).collect();
    let words: Vec<_> =
        measured.iter().filter(|(_, share)| *share != Some(0.0)).map(|(part, share)| said(part, *share)).collect();
    let mut left = 0.0;
    let segments = measured.iter().filter_map(|(part, share)| {
        let share = share.filter(|share| *share > 0.0)?;
        let from = left;
        left += share;
        Some((part, from, share))
    });
    html! {
        svg class="stacked" role="img" aria-label={ (case) ", " (kind) ": " (words.join(", ")) } width="100%" height="34" {
            @for (part, from, share) in segments { (segment(part, from, share)) }
        }
    }
}

fn said(part: &Part, share: Option<f64>) -> String {
    match share {
        Some(share) => format!("{} {}", part.words, figures::share(share)),
        None => format!("{} not measured", part.words),
    }
}

fn segment(part: &Part, from: f64, share: f64) -> Markup {
    let class = match share {
        _ if share >= WORDS_FIT_ANYWHERE => "words",
        _ if share >= WORDS_FIT => "words if-wide",
        _ => "words never",
    };
    html! {
        g class={ "part " (part.key) } {
            title { (said(part, Some(share))) }
            rect x=(percent(from)) y="1" width=(percent(share)) height="32" data-part=(part.column) data-share=(share) {}
            @if share >= FIGURE_FITS {
                text x=(percent(from + share / 2.0)) y="22" {
                    tspan class=(class) { (part.words) " " }
                    tspan class=(if share >= FIGURE_FITS_ANYWHERE { "" } else { "if-wide" }) { (figures::share(share)) }
                }
            }
        }
    }
}

/// The columns of which some case has enough to be seen.
fn seen<'a>(cases: impl Iterator<Item = &'a CaseSummary> + Clone, columns: &[ShareColumn]) -> Vec<Part> {
    let any = |of: &fn(&Shares) -> Option<f64>| {
        cases.clone().filter_map(|it| it.workers.as_ref()).any(|it| of(it).is_some_and(|share| share >= SEEN))
    };
    columns.iter().filter(|(_, of)| any(of)).map(|(head, _)| parts::of_column(head)).collect()
}

/// What the colours and patterns mean.
pub fn legend(kind: &str, parts: &[Part]) -> Markup {
    html! {
        ul class="legend" aria-label={ "What the colours of the " (kind) " mean" } {
            li class="kind" { (kind) ":" }
            @for part in parts {
                li {
                    svg class="swatch" width="18" height="14" aria-hidden="true" {
                        g class={ "part " (part.key) } { rect x="0.5" y="0.5" width="17" height="13" {} }
                    }
                    (part.words)
                }
            }
        }
    }
}

/// Every share of every case, and of its coordinator.
fn shares_table(run: &Run, phases: &[ShareColumn]) -> Markup {
    let columns = [phases, &table::STATES].concat();
    let row = |name: &str, class: &str, shares: Option<&Shares>| {
        html! {
            tr class=(class) {
                th scope="row" { (name) }
                @for (head, of) in &columns {
                    @let share = shares.and_then(of);
                    td class="number" { (value(head, share, &figures::share_or_dash(share))) }
                }
            }
        }
    };
    let caption = "Shares of the workers' lives; phases add up to 100 %, and so do states";
    scrolled(
        caption,
        html! {
            table class="shares" {
                caption { (caption) }
                thead { tr { th scope="col" { "case" } @for (head, _) in &columns { th scope="col" class="number" { (head) } } } }
                @for line in &run.summary.cases {
                    tbody data-case=(line.case.name) {
                        (row(&line.case.name, "", line.workers.as_ref()))
                        @if let Some(coordinator) = line.coordinator.as_ref().filter(|_| !line.case.model.lends_coordinator()) {
                            (row("its coordinator", "dim", Some(coordinator)))
                        }
                    }
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn drawn() -> String {
        let run = testing::run();
        of_run(&run, longest_ns(&run)).into_string()
    }

    #[test]
    fn a_bar_has_a_rectangle_for_every_share_above_zero_and_they_fill_it() {
        let html = drawn();
        let bar = html.split("threads-10, phases: ").nth(1).unwrap().split("</svg>").next().unwrap();
        let share = |text: &str| text.split('"').next().unwrap().parse::<f64>().unwrap();
        let shares: Vec<f64> = bar.split("data-share=\"").skip(1).map(share).collect();
        assert_eq!(shares, [0.101, 0.897, 0.001, 0.0006, 0.0004]);
        assert!(bar.starts_with("computing 10.1 %, waiting for the lock 89.7 %, without a task 0.1 %"), "{bar}");
        assert!(
            bar.contains("<title>waiting for the lock: 89.7 %</title>")
                || bar.contains("<title>waiting for the lock 89.7 %</title>")
        );
    }

    #[test]
    fn a_state_that_was_not_measured_is_said_and_not_drawn() {
        let html = drawn();
        let bar = html.split("threads-10, states: ").nth(1).unwrap().split("</svg>").next().unwrap();
        assert!(bar.starts_with("running on a core 100.0 %, ready, waiting for a core not measured"), "{bar}");
        assert_eq!(bar.matches("<rect").count(), 1, "{bar}");
    }

    #[test]
    fn the_table_below_has_the_values_of_all_cases_and_coordinators() {
        let html = drawn();
        let table = html.split("<table class=\"shares\">").nth(1).unwrap();
        assert!(table.contains("<data data-figure=\"lock-wait\" value=\"0.897\">89.7 %</data>"), "{table}");
        assert!(table.contains("its coordinator") && table.contains("<td class=\"number\">–</td>"), "{table}");
    }

    #[test]
    fn names_are_text() {
        let mut run = testing::run();
        run.summary.cases[0].case.name = "\"><img src=x onerror=alert(1)>".to_owned();
        run.summary.cases[0].sentence = "<script>alert(2)</script>".to_owned();
        let html = of_run(&run, 1.0).into_string();
        assert!(!html.contains("<img") && !html.contains("<script"), "{html}");
    }
}
