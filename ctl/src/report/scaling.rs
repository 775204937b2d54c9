//! How throughput grows with workers, where a run has cases that differ in their number alone.

use gild_model::advice::{Law, Scaling};
use gild_model::run::Run;
use gild_model::summary::Estimate;
use maud::{Markup, html};

use super::data::{Axis, Curve, Curves, Shape, Unit};
use super::tables::{folded, of_grid};
use crate::render::scaling;

/// The curves of all families of cases: the section, and what the scripts draw in it. Nothing of a run without any.
pub fn of_run(run: &Run) -> Option<(Markup, Vec<Curves>)> {
    let families: Vec<_> = run.summary.advice.groups.iter().flat_map(|group| &group.scaling).collect();
    if families.is_empty() {
        return None;
    }
    let place = |at: usize| format!("r{}-scaling-{at}", run.head.id);
    let charts = families.iter().enumerate().map(|(at, family)| chart(run, place(at), family)).collect();
    let markup = html! {
        @for (at, family) in families.iter().enumerate() { (figure(&place(at), family)) }
    };
    Some((markup, charts))
}

fn figure(place: &str, family: &Scaling) -> Markup {
    let against = family.base.as_ref().map_or_else(String::new, |base| format!(", speed-ups against {base}"));
    let caption = format!("Scaling of {}{against}", family.cases);
    html! {
        figure class="scaling" {
            figcaption { h3 { (family.cases) } }
            div class="plot" id=(place) { p class="script-needed" { "The curve is drawn by a script, which did not run here. The table below has its figures." } }
            pre class="fit" tabindex="0" { (scaling::fit(family).trim_end()) }
        }
        (folded("The points as a table", html! {
            (of_grid(&scaling::table(family), &caption))
            @if family.points.iter().any(|point| point.past_cores) {
                p { "* more workers than cores: those that compute take turns, which is another regime" }
            }
        }))
    }
}

fn chart(run: &Run, place: String, family: &Scaling) -> Curves {
    let mut curves: Vec<Curve> = Vec::new();
    if let Some(fit) = &family.fit {
        let law = match fit.supported {
            Law::Amdahl => "Amdahl's law, fitted, with its 95 % interval",
            Law::Usl => "Universal Scalability Law, fitted, with its 95 % interval",
        };
        curves.push(Curve {
            label: law.to_owned(),
            shape: Shape::Line,
            colour: 1,
            x: fit.curve.iter().map(|it| it.workers.into()).collect(),
            y: fit.curve.iter().map(|it| it.tasks_per_s).collect(),
            low: fit.curve.iter().map(|it| Some(it.low)).collect(),
            high: fit.curve.iter().map(|it| Some(it.high)).collect(),
        });
    }
    let intervals: Vec<_> = family.points.iter().map(|point| interval(run, &point.case)).collect();
    curves.push(Curve {
        label: "measured, with 95 % intervals".to_owned(),
        shape: Shape::Points,
        colour: 0,
        x: family.points.iter().map(|it| it.workers.into()).collect(),
        y: family.points.iter().map(|it| it.tasks_per_s).collect(),
        low: intervals.iter().map(|it| it.map(|(low, _)| low)).collect(),
        high: intervals.iter().map(|it| it.map(|(_, high)| high)).collect(),
    });
    Curves {
        place,
        x: Axis { label: "workers", unit: Unit::Number, logarithmic: false },
        y: Axis { label: "tasks per second", unit: Unit::Number, logarithmic: false },
        curves,
    }
}

/// Tasks per second by the ends of the wall time's interval.
fn interval(run: &Run, case: &str) -> Option<(f64, f64)> {
    let line = run.summary.cases.iter().find(|line| line.case.name == case)?;
    let (tasks, Estimate { low, high, .. }) = (line.tasks? as f64, line.wall_ns?);
    Some((tasks / (high? / 1e9), tasks / (low? / 1e9)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn points_have_the_interval_of_their_case() {
        let mut run = testing::run();
        assert!(of_run(&run).is_none(), "there is nothing to scale");
        run.summary.advice = testing::advice();
        run.summary.cases[2].case.name = "processes-2".to_owned();
        let (html, charts) = of_run(&run).unwrap();
        let [points] = &charts[0].curves[..] else { panic!("{charts:?}") };
        assert_eq!((&points.x[..], &points.y[..]), (&[1.0, 2.0][..], &[50.0, 95.0][..]));
        assert_eq!(points.low[0], None, "processes-1 is no case of this run");
        let wall = run.summary.cases[2].wall_ns.unwrap();
        assert_eq!(points.low[1], Some(100.0 / (wall.high.unwrap() / 1e9)));
        assert!(html.into_string().contains("no fit: 2 numbers of workers are fewer than 6"));
    }
}
