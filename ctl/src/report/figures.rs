//! The table of results: a row for each case, with intervals, and the value behind every figure.

use gild_model::run::Run;
use gild_model::summary::{CaseSummary, Estimate};
use maud::{Markup, html};

use super::tables::scrolled;
use crate::render::axes::Axes;
use crate::render::grid::Align;
use crate::render::{figures, table};

/// Draws the table.
pub fn of_run(run: &Run) -> Markup {
    let (summary, axes) = (&run.summary, Axes::of(&run.experiment));
    let walls = table::walls(summary);
    let versus = table::versus(summary);
    let has_tasks = table::has_tasks(summary);
    let class = |align: &Align| if *align == Align::Right { "number" } else { "" };
    let columns = axes.columns();
    let caption = match has_tasks {
        true => {
            "Each case: medians ± half of their 95 % intervals, which stand below; the speed is the median of the ratios, repetition by \
             repetition"
        }
        false => "One run of the program",
    };
    let head = html! {
        tr {
            @for (head, align) in &columns { th scope="col" class=(class(align)) { (head) } }
            th scope="col" class="number" { "wall time" }
            @if has_tasks {
                th scope="col" class="number" { "speed, " (table::baseline_name(summary, axes.by_name())) " = 1" }
                th scope="col" class="number" { "tasks/s" }
            }
            th scope="col" class="number" { "cores used" }
        }
    };
    let row = |place: usize, line: &CaseSummary| {
        html! {
            tr data-case=(line.case.name) {
                @for (column, (cell, (_, align))) in axes.cells(place).iter().zip(&columns).enumerate() {
                    @if column == 0 { th scope="row" class=(class(align)) { (cell) } }
                    @else { td class=(class(align)) { (cell) } }
                }
                td class="number" {
                    (value("wall_ns", line.wall_ns.map(|it| it.median), &walls[place]))
                    (interval(line.wall_ns.as_ref(), figures::time))
                }
                @if has_tasks {
                    td class="number" {
                        (value("versus", line.versus.map(|it| it.estimate.median), &versus[place]))
                        (interval(line.versus.map(|it| it.estimate).as_ref(), figures::ratio))
                    }
                    td class="number" { (value("tasks_per_s", line.tasks_per_s, &line.tasks_per_s.map_or_else(dash, figures::rate))) }
                }
                td class="number" { (value("parallelism", line.parallelism, &line.parallelism.map_or_else(dash, |it| format!("{it:.2}")))) }
            }
        }
    };
    scrolled(
        caption,
        html! {
            table id={ "r" (run.head.id) "-figures" } {
                caption { (caption) }
                thead { (head) }
                @for group in &summary.groups {
                    tbody { @for case in &group.cases { (row(*case as usize, &summary.cases[*case as usize])) } }
                }
            }
        },
    )
}

fn dash() -> String {
    figures::NOT_MEASURED.to_owned()
}

/// A figure with the value that it was made from; without one only what stands for it.
pub fn value(name: &str, value: Option<f64>, text: &str) -> Markup {
    html! {
        @match value {
            Some(value) => data data-figure=(name) value=(value) { (text.trim()) },
            None => (text.trim()),
        }
    }
}

/// `1.80 to 2.00`, in the unit that the ends have; nothing without them.
fn interval(estimate: Option<&Estimate>, written: fn(f64) -> String) -> Markup {
    let ends = estimate.and_then(|it| it.low.zip(it.high));
    html! { @if let Some((low, high)) = ends { span class="interval" { (written(low)) " to " (written(high)) } } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn figures_stand_beside_the_values_that_they_were_made_from() {
        let html = of_run(&testing::run()).into_string();
        assert!(html.contains("<data data-figure=\"wall_ns\" value=\"1830000000\">1.830 s ± 0.4 %</data>"), "{html}");
        assert!(html.contains("1.82 s to 1.84 s"), "{html}");
        assert!(html.contains("0.98× (tie)"), "{html}");
        assert!(!html.contains("value=\"\""), "{html}");
    }

    #[test]
    fn groups_are_set_apart() {
        assert_eq!(of_run(&testing::sweep()).into_string().matches("<tbody>").count(), 2);
    }
}
