//! What sets the cases of an experiment apart, as columns: parameters first, then model, workers, and every choice that
//! varies. What all cases have in common is said once, in the heading.

use std::collections::BTreeSet;

use gild_model::case::{Case, Dispatch, LockPolicy, Start, Transport};
use gild_model::choice::CaseChoice;
use gild_model::experiment::Experiment;
use gild_model::group;

use super::grid::Align;

/// Stands for a parameter that was not given.
const PRESET: &str = "preset";
/// Most values of a parameter that the heading lists.
const VALUES_MAX: usize = 8;

/// A choice, with its value in a case that has a use for it.
type Choice = (&'static str, fn(&Case) -> Option<String>);

/// Every choice but model and workers, in the order of the columns.
const CHOICES: [Choice; 10] = [
    ("python", |it| it.python.as_ref().map(|it| text(it.display()))),
    ("in_flight", |it| it.in_flight.map(text)),
    ("threads_per_process", |it| it.threads_per_process.map(text)),
    ("lock", |it| it.lock.map(LockPolicy::name).map(text)),
    ("interval_us", |it| it.interval_us.map(text)),
    ("check_interval", |it| it.check_interval.map(text)),
    ("start", |it| it.start.map(Start::name).map(text)),
    ("transport", |it| it.transport.map(Transport::name).map(text)),
    ("dispatch", |it| it.dispatch.map(Dispatch::name).map(text)),
    ("chunk", |it| it.chunk.map(text)),
];

fn text(value: impl ToString) -> String {
    value.to_string()
}

/// What sets cases apart.
#[derive(Debug)]
pub struct Axes {
    /// Parameters that vary.
    params: Vec<Axis>,
    /// Choices that vary.
    choices: Vec<Axis>,
    /// Model and number of workers of each case.
    models: Vec<(String, String)>,
    /// Names of the cases, if all of this does not tell them apart.
    names: Option<Vec<String>>,
    /// Choices that are the same wherever they have a meaning, and are not the usual ones: `lock=fair`.
    common: Vec<String>,
}

/// A column: one cell per case, empty where it has no meaning.
#[derive(Debug)]
struct Axis {
    head: String,
    cells: Vec<String>,
}

impl Axis {
    fn align(&self) -> Align {
        let number = |it: &String| it.is_empty() || it == PRESET || it.parse::<f64>().is_ok();
        if self.cells.iter().all(number) { Align::Right } else { Align::Left }
    }
}

impl Axes {
    /// Those of an experiment.
    pub fn of(experiment: &Experiment) -> Axes {
        let cases = &experiment.cases;
        let usual: Vec<_> = cases.iter().map(usual).collect();
        let (mut choices, mut common) = (Vec::new(), Vec::new());
        for (key, value) in CHOICES.into_iter().chain([("pinning", pinning as fn(&Case) -> Option<String>)]) {
            let values: BTreeSet<_> = cases.iter().filter_map(value).collect();
            let all_usual = cases.iter().zip(&usual).all(|(case, usual)| value(case) == usual.as_ref().and_then(value));
            match (all_usual, values.len()) {
                (true, _) | (_, 0) => {}
                (_, 1) => common.extend(values.into_iter().map(|value| format!("{key}={value}"))),
                _ => choices.push(Axis {
                    head: key.to_owned(),
                    cells: cases.iter().map(|case| value(case).unwrap_or_default()).collect(),
                }),
            }
        }
        let models = cases.iter().map(|it| (it.model.to_string(), it.workers.to_string())).collect();
        let mut axes = Axes { params: params(experiment), choices, models, names: None, common };
        if !axes.tell_cases_apart() {
            axes.names = Some(cases.iter().map(|case| case.name.clone()).collect());
        }
        axes
    }

    fn tell_cases_apart(&self) -> bool {
        let mut seen = BTreeSet::new();
        (0..self.models.len()).all(|case| seen.insert(self.cells(case)))
    }

    /// Whether model and workers are all there is to say, and the names say it, too.
    pub fn is_plain(&self) -> bool {
        self.params.is_empty() && self.choices.is_empty()
    }

    /// Whether cases are shown by name.
    pub fn by_name(&self) -> bool {
        self.names.is_some()
    }

    /// The columns.
    pub fn columns(&self) -> Vec<(String, Align)> {
        let column = |axis: &Axis| (axis.head.clone(), axis.align());
        let label = if self.by_name() { "case" } else { "model" };
        let mut columns: Vec<_> = self.params.iter().map(column).collect();
        columns.push((label.to_owned(), Align::Left));
        columns.push(("workers".to_owned(), Align::Right));
        columns.extend(self.choices.iter().map(column));
        columns
    }

    /// The cells of a case.
    pub fn cells(&self, case: usize) -> Vec<String> {
        let (model, workers) = &self.models[case];
        let label = self.names.as_ref().map_or(model, |names| &names[case]);
        let mut cells: Vec<_> = self.params.iter().map(|axis| axis.cells[case].clone()).collect();
        cells.extend([label.clone(), workers.clone()]);
        cells.extend(self.choices.iter().map(|axis| axis.cells[case].clone()));
        cells
    }

    /// The cells of a row that belongs to the row above it.
    pub fn cells_below(&self, label: &str) -> Vec<String> {
        let blank = |axes: &[Axis]| vec![String::new(); axes.len()];
        let label = vec![label.to_owned(), String::new()];
        [blank(&self.params), label, blank(&self.choices)].concat()
    }

    /// `n=20, interval_us=500`: what sets a case apart beside its model and workers.
    pub fn words(&self, case: usize) -> String {
        let axes = self.params.iter().chain(&self.choices).filter(|axis| !axis.cells[case].is_empty());
        axes.map(|axis| format!("{}={}", axis.head, axis.cells[case])).collect::<Vec<_>>().join(", ")
    }

    /// `n in 10, 20, 30`: the parameters that vary, then the choices that do not and are not the usual ones.
    pub fn heading(&self) -> Vec<String> {
        let varying = self.params.iter().map(|axis| format!("{} in {}", axis.head, values(&axis.cells)));
        varying.chain(self.common.iter().cloned()).collect()
    }
}

fn pinning(case: &Case) -> Option<String> {
    Some(case.pinning.to_string())
}

/// The case with every choice left open that has a default, but the lock policy that others depend on. `None`: it has none
/// that can be made, which no case of a run is.
fn usual(case: &Case) -> Option<Case> {
    let asked = CaseChoice::like(case);
    let open = CaseChoice { workers: asked.workers, in_flight: asked.in_flight, ..CaseChoice::of(case.model) };
    let open = CaseChoice { threads_per_process: asked.threads_per_process, python: asked.python, ..open };
    let usual = open.clone().resolve().ok()?;
    let lock = CaseChoice { lock: asked.lock, ..open }.resolve().ok()?;
    Some(Case {
        interval_us: lock.interval_us,
        check_interval: lock.check_interval,
        in_flight: None,
        threads_per_process: None,
        ..usual
    })
}

fn params(experiment: &Experiment) -> Vec<Axis> {
    let groups = group::groups(experiment);
    let names = groups.first().map(|group| group.params.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let axis = |head: String| {
        let mut cells = vec![String::new(); experiment.cases.len()];
        for group in &groups {
            let value = group.params[&head].as_ref().map_or_else(|| PRESET.to_owned(), ToString::to_string);
            group.cases.iter().for_each(|case| cells[*case].clone_from(&value));
        }
        Axis { head, cells }
    };
    names.into_iter().map(axis).collect()
}

/// `10, 20, 30`; of many the first ones and the last.
fn values(cells: &[String]) -> String {
    let mut seen = BTreeSet::new();
    let values: Vec<_> = cells.iter().filter(|it| seen.insert(*it)).map(String::as_str).collect();
    match values.as_slice() {
        [first @ .., last] if values.len() > VALUES_MAX => {
            format!("{} … {last} ({} values)", first[..VALUES_MAX - 2].join(", "), values.len())
        }
        all => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn axes(text: &str) -> Axes {
        Axes::of(&gild_model::experiment::parse(&format!("kernel = 'k'\n{text}"), Path::new("x.toml")).unwrap())
    }

    /// Heads, then cells, one line each; what is empty is a dot.
    fn drawn(text: &str) -> Vec<String> {
        let axes = axes(text);
        let line = |cells: Vec<String>| {
            let cells: Vec<_> = cells.iter().map(|it| if it.is_empty() { "." } else { it.as_str() }).collect();
            cells.join(" ")
        };
        let heads = line(axes.columns().into_iter().map(|(head, _)| head).collect());
        std::iter::once(heads).chain((0..axes.models.len()).map(|case| line(axes.cells(case)))).collect()
    }

    #[test]
    fn what_varies_is_a_column_and_parameters_come_first() {
        let text = "param.tasks = 9\n[[case]]\nmodel = 'sequential'\nparam.n = [10, 20]\n\
                    [[case]]\nmodel = 'threads'\nworkers = [2, 4]\ninterval_us = [500, 5000]\nparam.n = 10";
        assert_eq!(
            drawn(text),
            [
                "n model workers interval_us",
                "10 sequential 1 .",
                "20 sequential 1 .",
                "10 threads 2 500",
                "10 threads 4 500",
                "10 threads 2 5000",
                "10 threads 4 5000"
            ]
        );
        assert_eq!(axes(text).heading(), ["n in 10, 20"]);
        assert_eq!(axes(text).words(2), "n=10, interval_us=500");
        assert_eq!(axes(text).words(0), "n=10");
    }

    #[test]
    fn what_is_usual_or_the_same_everywhere_is_no_column() {
        let usual = "[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'threads'\nworkers = 2\n\
                     [[case]]\nmodel = 'processes'\nworkers = 2\n[[case]]\nmodel = 'subinterpreters'\nworkers = 2";
        assert_eq!(drawn(usual)[0], "model workers", "pipe and shm are the usual transports of their models");
        assert!(axes(usual).heading().is_empty() && axes(usual).is_plain());
        let same =
            "[[case]]\nmodel = 'threads'\nworkers = [2, 4]\nlock = 'fair'\nchunk = 8\n[[case]]\nmodel = 'sequential'";
        assert_eq!(drawn(same)[0], "model workers");
        assert_eq!(axes(same).heading(), ["lock=fair", "chunk=8"]);
        let flights = |list| format!("[[case]]\nmodel = 'event-loop'\nin_flight = {list}");
        assert_eq!(axes(&flights("10")).heading(), ["in_flight=10"], "there is no usual number");
        assert_eq!(drawn(&flights("[1, 10]")), ["model workers in_flight", "event-loop 1 1", "event-loop 1 10"]);
    }

    #[test]
    fn one_unusual_choice_among_usual_ones_is_a_column() {
        let text = "[[case]]\nmodel = 'threads'\nworkers = 2\nlock = ['cpython', 'none']\n\
                    [[case]]\nmodel = 'processes'\nworkers = 2\ntransport = 'socketpair'";
        assert_eq!(
            drawn(text),
            ["model workers lock", "threads 2 cpython", "threads 2 none", "processes 2 ."],
            "the interval has no meaning without a lock"
        );
        assert_eq!(axes(text).heading(), ["transport=socketpair"]);
    }

    #[test]
    fn cases_that_differ_in_nothing_are_shown_by_name() {
        let text = "[[case]]\nmodel = 'threads'\nworkers = 2\nname = 'one'\n[[case]]\nmodel = 'threads'\nworkers = 2\nname = 'two'";
        assert_eq!(drawn(text), ["case workers", "one 2", "two 2"]);
    }

    #[test]
    fn a_preset_is_said_and_figures_stand_right() {
        let axes =
            axes("[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'sequential'\nparam.n = 10\nparam.mode = 'fast'");
        let columns = axes.columns();
        assert_eq!(columns[..2], [("mode".to_owned(), Align::Left), ("n".to_owned(), Align::Right)]);
        assert_eq!(axes.cells(0), ["preset", "preset", "sequential", "1"]);
        assert_eq!(axes.heading(), ["mode in preset, fast", "n in preset, 10"]);
        assert_eq!(axes.cells_below("coordinator"), ["", "", "coordinator", ""]);
    }

    #[test]
    fn many_values_are_counted() {
        let cells: Vec<_> = (1..=40).map(|it| it.to_string()).collect();
        assert_eq!(values(&cells), "1, 2, 3, 4, 5, 6 … 40 (40 values)");
        assert_eq!(values(&cells[..8]), "1, 2, 3, 4, 5, 6, 7, 8");
    }
}
