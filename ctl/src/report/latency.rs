//! How long tasks took once a worker had taken them: distributions by case and class, from the histograms of the trials.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gild_model::run::{Run, TaskRow};
use gild_model::trial::TrialStatus;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use maud::{Markup, html};

use super::data::{Axis, Curve, Curves, Shape, Unit};
use super::material::{CASES_MAX, Material};
use super::tables::of_grid;
use crate::render::{count, tasks};

/// Most curves of a chart: more cannot be told apart.
const CURVES_MAX: usize = CASES_MAX;
/// Points of a curve are at least this share apart.
const STEP: f64 = 1.0 / 400.0;

/// Service times, put together over the repetitions, by case and class.
#[derive(Debug, Default)]
pub struct ServiceTimes {
    places: BTreeMap<String, usize>,
    times: BTreeMap<(usize, Option<String>), Histogram<u64>>,
    /// Rows whose histogram cannot be read.
    damaged: u64,
}

impl ServiceTimes {
    /// Those of a run's cases, before there are any.
    pub fn of(run: &Run) -> ServiceTimes {
        let names = run.experiment.cases.iter().map(|case| case.name.clone());
        ServiceTimes { places: names.zip(0..).collect(), ..ServiceTimes::default() }
    }

    /// Takes in a row of a trial that counts; drops others.
    pub fn add(&mut self, row: TaskRow) {
        if row.warmup || row.status != TrialStatus::Done.name() {
            return;
        }
        let Some(place) = self.places.get(&row.case.name) else { return };
        let Some(times) = decoded(&row.times.service.histogram) else {
            self.damaged += 1;
            return;
        };
        // One that was read keeps its range; a new one grows.
        let new = || Histogram::new(times.sigfig()).expect("it has the digits of one that was read");
        if self.times.entry((*place, row.times.class)).or_insert_with(new).add(&times).is_err() {
            self.damaged += 1;
        }
    }
}

/// A histogram as the store has it.
fn decoded(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

/// The distributions: the section, and what the scripts draw in it.
pub fn of_run(material: &Material) -> (Markup, Vec<Curves>) {
    let Material { run, times, .. } = material;
    let has_classes = times.times.keys().any(|(_, class)| class.is_some());
    let shown =
        |(key, it): &(&(usize, Option<String>), &Histogram<u64>)| !it.is_empty() && (key.1.is_some() || !has_classes);
    let all: Vec<_> = times.times.iter().filter(shown).collect();
    if all.is_empty() {
        return (html! { p class="missing" { "The times of tasks were not measured." } }, Vec::new());
    }
    let name = |key: &(usize, Option<String>)| {
        let case = &run.experiment.cases[key.0].name;
        key.1.as_ref().map_or_else(|| case.clone(), |class| format!("{case}, {class}"))
    };
    let place = format!("r{}-latency", material.id());
    let left_out = all.len().saturating_sub(CURVES_MAX);
    let curves = all.into_iter().take(CURVES_MAX).enumerate();
    let curves = curves.map(|(colour, (key, times))| distribution(name(key), colour, times)).collect();
    let chart = Curves {
        place: place.clone(),
        x: Axis { label: "time that a task took", unit: Unit::Ns, logarithmic: true },
        y: Axis { label: "share of tasks done by then", unit: Unit::Share, logarithmic: false },
        curves,
    };
    let markup = html! {
        p { "From the moment a worker took a task until its result was done, waiting for the lock or a core included. The further to the left a curve, the sooner tasks were done." }
        figure {
            div class="plot" id=(place) { p class="script-needed" { "The curves are drawn by a script, which did not run here. The table below has their figures." } }
            @if left_out > 0 { p class="missing" { (count(left_out as u64, "more curve")) " not drawn; the table has all of them." } }
            @if times.damaged > 0 { p class="warning" { (count(times.damaged, "histogram")) " could not be read: the curves lack it." } }
        }
        (super::tables::folded("The times of tasks as a table", html! {
            (of_grid(&tasks::whole(run), "How long tasks waited and took"))
            p class="explained" { (tasks::EXPLAINED.trim()) }
        }))
    };
    (markup, vec![chart])
}

/// The share of values that do not exceed each value.
fn distribution(label: String, colour: usize, times: &Histogram<u64>) -> Curve {
    let total = times.len() as f64;
    // No task took less than the shortest one, as far as the histogram tells times apart.
    let below_all = times.lowest_equivalent(times.min().max(2)) - 1;
    let mut points: Vec<(f64, f64)> = vec![(below_all as f64, 0.0)];
    let (mut below, mut last) = (0, 0.0);
    for step in times.iter_recorded() {
        below += step.count_since_last_iteration();
        let share = below as f64 / total;
        // The first, the last, and those in between that are far enough from the one before.
        if share - last >= STEP || below == times.len() {
            points.push((step.value_iterated_to().max(1) as f64, share));
            last = share;
        }
    }
    let (x, y) = points.into_iter().unzip();
    Curve { label, shape: Shape::Steps, colour, x, y, low: Vec::new(), high: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use gild_model::task_times::{TaskTime, TaskTimes};
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

    fn row(run: &Run, values: &[u64], class: Option<&str>) -> TaskRow {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        values.iter().for_each(|value| histogram.record(*value).unwrap());
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
        let service = TaskTime { histogram: STANDARD.encode(bytes), ..TaskTime::default() };
        TaskRow {
            run: 12,
            case: run.experiment.cases[1].clone(),
            repetition: 0,
            warmup: false,
            status: "done".to_owned(),
            trial_wall_ns: None,
            times: TaskTimes { class: class.map(str::to_owned), service, ..TaskTimes::default() },
        }
    }

    #[test]
    fn repetitions_are_put_together_into_one_distribution() {
        let run = testing::run();
        let mut material = Material::new(run, None);
        let rows = [row(&material.run, &[100, 200], None), row(&material.run, &[200, 400_000_000], None)];
        rows.into_iter().for_each(|row| material.times.add(row));
        material.times.add(TaskRow { warmup: true, ..row(&material.run, &[9], None) });
        let (_, charts) = of_run(&material);
        let curve = &charts[0].curves[0];
        assert_eq!((curve.label.as_str(), charts[0].curves.len()), ("threads-10", 1));
        assert!((curve.x[3] / 4e8 - 1.0).abs() < 0.001, "far beyond what the first histogram held: {:?}", curve.x);
        assert_eq!((&curve.x[..], &curve.y[..]), (&[99.0, 100.0, 200.0, curve.x[3]][..], &[0.0, 0.25, 0.75, 1.0][..]));
    }

    #[test]
    fn classes_have_a_curve_each_and_what_cannot_be_read_is_said() {
        let mut material = Material::new(testing::run(), None);
        let rows = [
            row(&material.run, &[1, 2], None),
            row(&material.run, &[1], Some("io")),
            row(&material.run, &[2], Some("<cpu>")),
        ];
        rows.into_iter().for_each(|row| material.times.add(row));
        let mut damaged = row(&material.run, &[1], None);
        damaged.times.service.histogram = "nonsense".to_owned();
        material.times.add(damaged);
        let (html, charts) = of_run(&material);
        let labels: Vec<_> = charts[0].curves.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(labels, ["threads-10, <cpu>", "threads-10, io"]);
        assert!(html.into_string().contains("1 histogram could not be read"));
    }

    #[test]
    fn a_curve_of_many_values_has_few_points_and_its_ends() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        (1..100_000).for_each(|value| histogram.record(value * 1000).unwrap());
        let curve = distribution(String::new(), 0, &histogram);
        assert!(curve.x.len() <= 402, "{}", curve.x.len());
        assert_eq!((curve.y[0], *curve.y.last().unwrap()), (0.0, 1.0));
    }
}
