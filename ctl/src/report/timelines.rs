//! Who did what when, in one trial of each case: what the scripts draw, and beside it the same in words and figures.
//!
//! Intervals are given to the page as the store has them ([`Timeline::pack`]), in base64. The scripts unpack them into arrays of
//! numbers, and draw of them what a pixel has room for.

mod locks;
mod workers;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gild_model::case::{Case, Model};
use gild_model::phase::Phase;
use gild_model::run::TimelineRow;
use gild_model::summary::CaseSummary;
use gild_model::timeline::Timeline;
use maud::{Markup, html};
use serde::Serialize;

use super::material::{Material, ShownTrial};
use super::parts::{PHASES, place_of};
use super::window::{self, Cut};
use crate::render::{count, figures, trials};
use locks::HandOvers;

/// Most workers that have a row.
const ROWS_MAX: usize = 64;
/// A thread of a recorded program that lived for less than this share of the longest life has none.
const LIFE_MIN: f64 = 0.01;
/// A share of the time without a core from which on it is said that a timeline does not show it.
const WAITS: f64 = 0.1;
/// Hand-overs that are in sight when the page is opened.
const HAND_OVERS_AT_FIRST: f64 = 36.0;

/// A timeline for the scripts.
#[derive(Debug, Serialize)]
pub struct Drawn {
    /// The element that it is drawn in.
    place: String,
    /// What it is called.
    label: String,
    /// Kinds of intervals: phases as the bars have them.
    kinds: Vec<Kind>,
    /// The kind of each number that a packed interval may have.
    kind_of: Vec<usize>,
    /// The name of each such number.
    names: Vec<String>,
    /// A row for each worker.
    rows: Vec<DrawnRow>,
    /// Kinds in which a worker has its lock.
    holding: Vec<usize>,
    /// The earliest and the latest moment, in nanoseconds since the wall time began.
    range: [i64; 2],
    /// What is in sight at first.
    view: [i64; 2],
}

#[derive(Debug, Serialize)]
struct Kind {
    key: &'static str,
    words: &'static str,
}

#[derive(Debug, Serialize)]
struct DrawnRow {
    label: String,
    /// The number of the lock that it shares with others.
    lock: Option<usize>,
    packed: String,
}

/// A case whose timelines are shown.
struct OfCase<'m> {
    case: &'m Case,
    shown: &'m ShownTrial,
    rows: Vec<&'m TimelineRow>,
    timelines: Vec<Timeline>,
    hand_overs: Option<HandOvers>,
    cut: Option<Cut>,
}

/// The timelines of all cases that have some: the section, and what the scripts draw in it.
pub fn of_run(material: &Material) -> (Markup, Vec<Drawn>) {
    let cases: Vec<_> = material.shown.iter().filter_map(|(place, shown)| of_case(material, *place, shown)).collect();
    if cases.is_empty() {
        let why = match material.intervals_max {
            Some(0) => "Timelines were left out (--timeline none).",
            _ => "No timelines were kept (the experiment's key timeline is 0), or no trial finished.",
        };
        return (html! { p class="missing" { (why) } }, Vec::new());
    }
    let span_ns = span_at_first(&cases);
    let drawn = cases.iter().enumerate().map(|(place, case)| drawn(material, place, case, span_ns)).collect();
    let markup = html! {
        p {
            "One trial of each case, of those whose timelines were kept the one nearest to the median. A row is a worker; its colour is the phase that it is in, whether it has a core meanwhile or not. "
            "Where a pixel is longer than an interval, it is split in proportion."
        }
        (super::bars::legend("timelines", &seen(&cases)))
        p class="keys" {
            "Zoom and move with the buttons, by dragging across what to look at, with Ctrl and the wheel, with two fingers, or, once a timeline has "
            "the focus, with " kbd { "+" } " " kbd { "−" } " " kbd { "←" } " " kbd { "→" } "; " kbd { "Home" } " shows all of it."
        }
        @for (place, case) in cases.iter().enumerate() { (figure(material, place, case)) }
        @let left_out = material.run.summary.cases.len().saturating_sub(cases.len());
        @if left_out > 0 { p class="missing" { (count(left_out as u64, "more case")) " without a timeline here." } }
    };
    (markup, drawn)
}

fn of_case<'m>(material: &'m Material, place: u32, shown: &'m ShownTrial) -> Option<OfCase<'m>> {
    let case = material.run.experiment.cases.get(place as usize)?;
    let rows = rows(case, shown);
    let mut timelines: Vec<_> = rows.iter().map(|row| row.timeline.clone()).collect();
    if timelines.iter().all(Timeline::is_empty) {
        return None;
    }
    let hand_overs = locks::hand_overs(case, &rows);
    let intervals_max = material.intervals_max.map(|max| max / material.shown.len().max(1));
    let cut = intervals_max.and_then(|max| window::cut(&mut timelines.iter_mut().collect::<Vec<_>>(), max));
    Some(OfCase { case, shown, rows, timelines, hand_overs, cut })
}

/// The workers that have a row: of a recorded program those that lived longest, because it may begin with scripts that start dozens of
/// helpers; else the first.
fn rows<'m>(case: &Case, shown: &'m ShownTrial) -> Vec<&'m TimelineRow> {
    let mut rows: Vec<_> = shown.timelines.iter().filter(|row| is_shown(case, row)).enumerate().collect();
    if case.model == Model::Recorded {
        let longest_ns = rows.iter().map(|(_, row)| life_ns(row)).max().unwrap_or(0);
        rows.retain(|(_, row)| life_ns(row) as f64 >= LIFE_MIN * longest_ns as f64);
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(life_ns(row)));
        rows.truncate(ROWS_MAX);
        rows.sort_by_key(|(place, _)| *place);
    }
    rows.into_iter().map(|(_, row)| row).take(ROWS_MAX).collect()
}

/// How long a worker lived, as far as its timeline says; one whose ring did not keep its beginning counts from that of the trial.
fn life_ns(row: &TimelineRow) -> i64 {
    let from_ns = row.timeline.intervals().next().map_or(row.timeline.until_ns, |it| it.from_ns);
    let from_ns = if row.timeline.dropped > 0 { from_ns.min(0) } else { from_ns };
    row.timeline.until_ns - from_ns
}

/// Workers are; a coordinator is where it does more than wait.
fn is_shown(case: &Case, row: &TimelineRow) -> bool {
    let works = |phase| matches!(phase, Phase::Encode | Phase::Decode | Phase::Send | Phase::Receive);
    let busy = || row.timeline.intervals().any(|it| works(it.meaning.phase));
    row.role == "worker" || (case.model.has_transport() && busy())
}

/// How much of each case is in sight at first: so many hand-overs of the lock that is handed over most often.
fn span_at_first(cases: &[OfCase<'_>]) -> Option<f64> {
    let of = |case: &OfCase<'_>| Some(case.hand_overs.as_ref()?.every_ns()? * HAND_OVERS_AT_FIRST);
    cases.iter().filter_map(of).min_by(f64::total_cmp)
}

fn seen(cases: &[OfCase<'_>]) -> Vec<super::parts::Part> {
    let mut seen = [false; PHASES.len()];
    let meanings = cases.iter().flat_map(|case| &case.timelines).flat_map(Timeline::intervals);
    meanings.for_each(|interval| seen[place_of(interval.meaning.phase)] = true);
    PHASES.into_iter().zip(seen).filter_map(|(part, seen)| seen.then_some(part)).collect()
}

fn place_name(material: &Material, place: usize) -> String {
    format!("r{}-timeline-{place}", material.id())
}

fn drawn(material: &Material, place: usize, of: &OfCase<'_>, span_ns: Option<f64>) -> Drawn {
    let kernel_phases = of.rows.first().map(|row| row.kernel_phases.clone()).unwrap_or_default();
    let own = kernel_phases.len();
    let range = range(&of.timelines);
    let locks = of.hand_overs.as_ref();
    Drawn {
        place: place_name(material, place),
        label: of.case.name.clone(),
        kinds: PHASES.iter().map(|part| Kind { key: part.key, words: part.words }).collect(),
        kind_of: Phase::ALL
            .into_iter()
            .map(place_of)
            .chain(std::iter::repeat_n(place_of(Phase::Compute), own))
            .collect(),
        names: Phase::ALL.into_iter().map(|phase| phase.name().to_owned()).chain(kernel_phases).collect(),
        rows: (of.rows.iter().zip(&of.timelines).enumerate())
            .map(|(at, (row, timeline))| DrawnRow {
                label: workers::label(row),
                lock: locks.and_then(|locks| locks.of_row[at]),
                packed: STANDARD.encode(timeline.pack()),
            })
            .collect(),
        holding: locks.map_or_else(Vec::new, |_| vec![place_of(Phase::Compute), place_of(Phase::Idle)]),
        range,
        view: view(range, span_ns),
    }
}

fn range(timelines: &[Timeline]) -> [i64; 2] {
    let with = || timelines.iter().filter(|it| !it.is_empty());
    let first = with().filter_map(|it| it.intervals().next()).map(|it| it.from_ns).min();
    [first.unwrap_or(0), with().map(|it| it.until_ns).max().unwrap_or(0)]
}

/// A part in the middle, or everything where that is not much longer.
fn view([first, last]: [i64; 2], span_ns: Option<f64>) -> [i64; 2] {
    let whole = (last - first) as f64;
    match span_ns.filter(|span| span * 1.5 < whole) {
        Some(span) => {
            let from = first + ((whole - span) / 2.0) as i64;
            [from, from + span as i64]
        }
        None => [first, last],
    }
}

fn figure(material: &Material, place: usize, of: &OfCase<'_>) -> Markup {
    let id = place_name(material, place);
    let caption = html! { figcaption { h3 { (of.case.name) } p { (described(material, of)) } } };
    html! {
        figure class="timeline" data-case=(of.case.name) {
            (caption)
            div class="plot" id=(id) {
                p class="script-needed" { "The timeline is drawn by a script, which did not run here. The table below has its figures." }
            }
            @if let Some(trial) = &of.shown.trial { (workers::table(trial, of.case, &of.rows)) }
        }
    }
}

/// Which trial, how often the lock went from one to another, and what is missing.
fn described(material: &Material, of: &OfCase<'_>) -> String {
    let mut text = match &of.shown.trial {
        Some(trial) => {
            let wall = trial.wall_ns.map_or_else(String::new, |ns| format!(": {}", figures::time(ns as f64)));
            let median = line_of(material, of.case).filter(|line| line.trials > 1).and_then(|line| line.wall_ns);
            let median =
                median.map_or_else(String::new, |it| format!(", where the median is {}", figures::time(it.median)));
            format!("Trial {}{wall}{median}.", trials::number(&material.run.experiment, trial))
        }
        None => format!("Repetition {}.", of.shown.repetition + 1),
    };
    if let Some(hand_overs) = &of.hand_overs {
        text += &hand_overs.sentence();
    }
    if let Some(share) = waits_for_core(material, of.case) {
        text += &format!(
            " What does not show here: for {} of the time of all repetitions, its workers were ready and had no core.",
            figures::share(share)
        );
    }
    let dropped: u64 = of.timelines.iter().map(|it| it.dropped).sum();
    if dropped > 0 {
        text += &format!(
            " {} at the start were not kept (the experiment's key timeline says how many are).",
            count(dropped, "interval")
        );
    }
    if let Some(cut) = of.cut {
        let (left_out, from) = (count(cut.left_out, "interval"), figures::time(cut.from_ns.max(0) as f64));
        text += &format!(" {left_out} before {from} are not in this file (gilctl report --timeline all has them).");
    }
    let more = of.shown.timelines.iter().filter(|row| is_shown(of.case, row)).count() - of.rows.len();
    if more > 0 {
        let which = if of.case.model == Model::Recorded { ", which lived shortest" } else { "" };
        text += &format!(" {} not shown{which}.", count(more as u64, "more worker"));
    }
    text
}

fn line_of<'m>(material: &'m Material, case: &Case) -> Option<&'m CaseSummary> {
    material.run.summary.cases.iter().find(|line| line.case.name == case.name)
}

/// The share of their time that the workers of a case waited for a core, if it is worth saying.
fn waits_for_core(material: &Material, case: &Case) -> Option<f64> {
    line_of(material, case)?.workers.as_ref()?.run_queue.filter(|share| *share >= WAITS)
}

#[cfg(test)]
pub mod tests;
