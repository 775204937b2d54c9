//! A case of a kernel in Python: the choices that it has a use for, and telling interpreters apart in names.
//!
//! The interpreter has its own lock, its own queues and its own pipes, so there is less to choose than for a plugin's kernel.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::case::{Case, Model, Start};
use crate::choice::{CaseChoice, check_bounds, checked_name, made_name};

/// Makes every choice of the cases that was left open. `interpreter` is that of cases that name none.
///
/// # Errors
/// Of the first case that cannot be: its place, and a key that it has no use for, a missing number, a value out of bounds.
pub fn resolve_all(choices: Vec<CaseChoice>, interpreter: &Path) -> Result<Vec<Case>, (usize, String)> {
    let named: Vec<bool> = choices.iter().map(|choice| choice.name.is_some()).collect();
    let mut cases = Vec::new();
    for (place, mut choice) in choices.into_iter().enumerate() {
        choice.python.get_or_insert_with(|| interpreter.to_owned());
        cases.push(choice.resolve().map_err(|error| (place, error))?);
    }
    tell_apart(&mut cases, &named);
    Ok(cases)
}

/// Puts interpreters into the names that were made, where there are several.
fn tell_apart(cases: &mut [Case], named: &[bool]) {
    let pythons: BTreeSet<PathBuf> = cases.iter().filter_map(|case| case.python.clone()).collect();
    if pythons.len() < 2 {
        return;
    }
    let labels = labels(&pythons.iter().collect::<Vec<_>>());
    for (case, _) in cases.iter_mut().zip(named).filter(|(_, named)| !**named) {
        let place = case.python.as_ref().and_then(|python| pythons.iter().position(|it| it == python));
        if let Some(label) = place.and_then(|place| labels.get(place)) {
            case.name += &format!("-{label}");
        }
    }
}

/// Short words that tell paths apart: file names, else the folders above their `bin`, else the paths.
fn labels(pythons: &[&PathBuf]) -> Vec<String> {
    let name = |path: Option<&Path>| path.and_then(Path::file_name).map(|it| it.to_string_lossy().into_owned());
    let files = pythons.iter().map(|it| name(Some(it))).collect::<Option<Vec<_>>>();
    let above = |path: &Path| name(path.parent().and_then(Path::parent));
    let folders = pythons.iter().map(|it| above(it).or_else(|| name(Some(it)))).collect::<Option<Vec<_>>>();
    let apart = |labels: &Vec<String>| labels.iter().collect::<BTreeSet<_>>().len() == labels.len();
    let paths = || pythons.iter().map(|it| it.display().to_string()).collect();
    files.filter(apart).or(folders.filter(apart)).unwrap_or_else(paths)
}

/// Makes every choice of one case that was left open.
pub(crate) fn resolve(choice: CaseChoice) -> Result<Case, String> {
    refuse_what_has_no_meaning(&choice)?;
    let model = choice.model;
    let mut case = Case {
        name: String::new(),
        model,
        workers: choice.resolve_workers()?,
        in_flight: choice.in_flight.map(Into::into),
        threads_per_process: None,
        lock: None,
        interval_us: choice.interval_us,
        check_interval: None,
        start: (model == Model::Processes).then(|| choice.start.unwrap_or(Start::Fork)),
        transport: None,
        dispatch: None,
        chunk: (model == Model::Processes).then(|| choice.chunk.map_or(1, Into::into)),
        pinning: choice.pinning.unwrap_or_default(),
        params: choice.params,
        python: choice.python,
    };
    check_bounds(&case)?;
    case.name = checked_name(choice.name.unwrap_or_else(|| made_name(&case)))?;
    Ok(case)
}

fn refuse_what_has_no_meaning(choice: &CaseChoice) -> Result<(), String> {
    let model = choice.model;
    if model == Model::Hybrid {
        return Err("model: no executor of Python's has threads in several processes; hybrid is for plugins".to_owned());
    }
    if model == Model::Recorded {
        return Err("model: recorded is what gilctl record stores; it cannot be asked for".to_owned());
    }
    let never = [
        ("lock", choice.lock.is_some(), "the interpreter has its own lock; python = … names another interpreter"),
        (
            "check_interval",
            choice.check_interval.is_some(),
            "Python 3 has no check interval; interval_us is its switch interval",
        ),
        ("transport", choice.transport.is_some(), "Python's executors move values by pipes of their own"),
        ("dispatch", choice.dispatch.is_some(), "Python's executors have one queue that all workers share"),
        (
            "threads_per_process",
            choice.threads_per_process.is_some(),
            "no executor of Python's has threads in several processes",
        ),
        (
            "param",
            !choice.params.is_empty(),
            "a call in Python has none; its arguments are args, inputs, inputs_file or inputs_from",
        ),
    ];
    if let Some((key, _, why)) = never.into_iter().find(|(_, given, _)| *given) {
        return Err(format!("{key}: {why}"));
    }
    let of_models = [
        ("in_flight", choice.in_flight.is_some(), model == Model::EventLoop),
        ("start", choice.start.is_some(), model == Model::Processes),
        ("chunk", choice.chunk.is_some(), model == Model::Processes),
        ("interval_us", choice.interval_us.is_some(), model == Model::Threads),
    ];
    match of_models.into_iter().find(|(_, given, fits)| *given && !fits) {
        Some((key, ..)) => Err(format!("{key}: has no meaning for the model {model} in Python")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Case, String> {
        let mut choice: CaseChoice = toml::from_str(text).map_err(|error| error.to_string())?;
        choice.python = Some("python3".into());
        choice.resolve()
    }

    fn names(choices: &[(&str, Option<&str>)]) -> Vec<String> {
        let choice = |(text, python): &(&str, Option<&str>)| {
            let choice: CaseChoice = toml::from_str(text).unwrap();
            CaseChoice { python: python.map(PathBuf::from), ..choice }
        };
        let cases = resolve_all(choices.iter().map(choice).collect(), Path::new("python3")).unwrap();
        cases.into_iter().map(|case| case.name).collect()
    }

    #[test]
    fn a_case_in_python_has_the_choices_that_its_executor_has() {
        let it = check("model = 'processes'\nworkers = 4\nchunk = 5").unwrap();
        assert_eq!(
            (it.start, it.chunk, it.transport, it.dispatch, it.lock),
            (Some(Start::Fork), Some(5), None, None, None)
        );
        assert_eq!(it.name, "processes-4-chunk5");
        let it = check("model = 'threads'\nworkers = 4\ninterval_us = 500").unwrap();
        assert_eq!((it.interval_us, it.chunk, it.name.as_str()), (Some(500), None, "threads-4-500us"));
        let it = check("model = 'asyncio'").unwrap();
        assert_eq!((it.model, it.in_flight, it.name.as_str()), (Model::EventLoop, None, "event-loop"));
        for text in ["model = 'asyncio'\nin_flight = 7", "model = 'processes'\nworkers = 2\nstart = 'forkserver'"] {
            let case = check(text).unwrap();
            assert_eq!(CaseChoice::like(&case).resolve(), Ok(case));
        }
    }

    #[test]
    fn what_the_interpreter_decides_is_refused_with_the_reason() {
        let refused = |text: &str, expected: &str| {
            let error = check(text).unwrap_err();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        };
        refused("model = 'threads'\nworkers = 2\nlock = 'none'", "lock: the interpreter has its own lock");
        refused("model = 'processes'\nworkers = 2\ntransport = 'shm'", "transport: Python's executors");
        refused("model = 'threads'\nworkers = 2\ndispatch = 'shared'", "dispatch: Python's executors");
        refused("model = 'threads'\nworkers = 2\nchunk = 2", "chunk: has no meaning for the model threads in Python");
        refused("model = 'hybrid'\nworkers = 4\nthreads_per_process = 2", "no executor of Python's");
        refused("model = 'threads'\nworkers = 2\nparam.n = 2", "param: a call in Python has none");
        refused("model = 'sequential'\ninterval_us = 2", "interval_us: has no meaning for the model sequential");
        refused("model = 'threads'", "workers: is missing");
    }

    #[test]
    fn interpreters_are_in_the_names_where_there_are_several() {
        assert_eq!(names(&[("model = 'sequential'", None), ("model = 'asyncio'", None)]), ["sequential", "event-loop"]);
        assert_eq!(
            names(&[("model = 'sequential'", None), ("model = 'sequential'", Some("/opt/bin/python3.13t"))]),
            ["sequential-python3", "sequential-python3.13t"]
        );
        assert_eq!(
            names(&[
                ("model = 'sequential'", Some("/a/3.8/bin/python")),
                ("model = 'sequential'", Some("/a/3.9/bin/python"))
            ]),
            ["sequential-3.8", "sequential-3.9"]
        );
        assert_eq!(
            names(&[("model = 'sequential'\nname = 'x'", None), ("model = 'asyncio'", Some("p"))]),
            ["x", "event-loop-p"]
        );
    }
}
