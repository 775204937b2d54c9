//! Makes an experiment of the command line: a TOML file with settings that win over it, or a kernel with cases.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use gild_model::case::{Case, CounterScope, LockPolicy, Model};
use gild_model::choice::CaseChoice;
use gild_model::experiment::{self, Experiment, ParamValue};
use gild_model::python::{self, INTERPRETER_DEFAULT};
use gild_model::until::Until;

use super::python_call;
use crate::cli::{CaseArguments, Overrides, PythonArguments, RunArguments};
use crate::error::Error;

/// Longest experiment file that is read.
const FILE_MAX: u64 = 1 << 20;

/// Makes the experiment that the command line asks for, with every choice made and every bound checked.
pub fn from_arguments(arguments: &RunArguments) -> Result<Experiment, Error> {
    let path = Path::new(&arguments.what);
    let mut experiment = match is_file(path) {
        true if arguments.python != PythonArguments::default() => {
            let path = path.display();
            return Err(Error::Usage(format!("{path} says what is called; leave out --python, --args and the like")));
        }
        true if arguments.cases == CaseArguments::default() => from_file(path)?,
        true => {
            let path = path.display();
            return Err(Error::Usage(format!(
                "{path} says what the cases are; leave out --model, --workers and the like"
            )));
        }
        false => from_kernel(arguments)?,
    };
    let folder = if is_file(path) { path.parent().unwrap_or(Path::new("")) } else { Path::new("") };
    python_call::locate(&mut experiment, folder)?;
    apply(&arguments.overrides, &mut experiment)?;
    experiment.check().map_err(Error::Usage)?;
    Ok(experiment)
}

/// A file, even one that is not there, unless it looks like the name of a kernel.
fn is_file(path: &Path) -> bool {
    path.is_file() || path.extension().is_some_and(|it| it == "toml")
}

fn from_file(path: &Path) -> Result<Experiment, Error> {
    let failed = |source| Error::File { verb: "read", path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > FILE_MAX {
        return Err(Error::Usage(format!("{} has {length} bytes, more than the {FILE_MAX} allowed", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    experiment::parse(&text, path).map_err(Error::Usage)
}

fn from_kernel(arguments: &RunArguments) -> Result<Experiment, Error> {
    let Some(kernel) = arguments.what.to_str() else {
        return Err(Error::Usage(format!("{} is neither a file nor the name of a kernel", arguments.what.display())));
    };
    let is_call = python::is_call(kernel);
    if !is_call && arguments.python != PythonArguments::default() {
        return Err(Error::Usage(format!(
            "{kernel} is no function in Python: expected MODULE:FUNCTION, such as mymodule:func, beside --python, --args and \
             the like"
        )));
    }
    let python = is_call.then(|| python_call::kernel(kernel, &arguments.python)).transpose()?;
    let cases = match is_call {
        true => python_cases(&arguments.cases, &python_call::interpreters(&arguments.python))?,
        false => cases(&arguments.cases)?,
    };
    Ok(Experiment {
        name: kernel.to_owned(),
        kernel: kernel.to_owned(),
        python,
        plugin: None,
        params: BTreeMap::new(),
        cases,
        repetitions: experiment::REPETITIONS_DEFAULT,
        until: None,
        warmups: experiment::WARMUPS_DEFAULT,
        counters: CounterScope::Phase,
        max_overhead: experiment::MAX_OVERHEAD_DEFAULT,
        timeline: gild_model::timeline::MARKS_DEFAULT,
        task_limit_s: None,
        trial_limit_s: None,
    })
}

/// Combines every model with every choice that it has a use for.
fn cases(asked: &CaseArguments) -> Result<Vec<Case>, Error> {
    let models = if asked.models.is_empty() { MODELS_DEFAULT } else { &asked.models };
    refuse_what_no_model_uses(asked, models)?;
    let mut choices = Vec::new();
    for &model in models {
        choices.extend(of_model(asked, model)?);
    }
    choices.into_iter().map(|choice| choice.resolve().map_err(Error::Usage)).collect()
}

/// The same for a function in Python, each with every interpreter.
fn python_cases(asked: &CaseArguments, interpreters: &[PathBuf]) -> Result<Vec<Case>, Error> {
    let models = if asked.models.is_empty() { MODELS_DEFAULT } else { &asked.models };
    let mut choices = Vec::new();
    for &model in models {
        let each = interpreters.iter().cloned().map(Some);
        choices.extend(with_each(of_python(asked, model)?, each, |it, value| it.python = value));
    }
    refuse_what_no_python_uses(asked, &choices)?;
    python::cases::resolve_all(choices, Path::new(INTERPRETER_DEFAULT)).map_err(|(_, error)| Error::Usage(error))
}

/// One model with every combination of the choices that its executor has a use for.
fn of_python(asked: &CaseArguments, model: Model) -> Result<Vec<CaseChoice>, Error> {
    let mut choices = vec![CaseChoice { pinning: asked.pinning.clone(), ..CaseChoice::of(model) }];
    if model.has_many_workers() {
        let workers = if asked.workers.is_empty() { vec![cores()?] } else { asked.workers.clone() };
        choices = with_each(choices, each(&workers), |it, value| it.workers = value);
    }
    if model == Model::EventLoop {
        // As many tasks at once as other models have workers, so that they can be compared.
        let in_flight = if asked.in_flight.is_empty() { &asked.workers } else { &asked.in_flight };
        choices = with_each(choices, each(in_flight), |it, value| it.in_flight = value);
    }
    if model == Model::Threads {
        choices = with_each(choices, each(&asked.intervals_us), |it, value| it.interval_us = value);
    }
    if model == Model::Processes {
        choices = with_each(choices, each(&asked.chunks), |it, value| it.chunk = value);
        choices = with_each(choices, each(&asked.starts), |it, value| it.start = value);
    }
    Ok(choices)
}

/// What was asked for and is in no case; what no interpreter has is refused with its reason.
fn refuse_what_no_python_uses(asked: &CaseArguments, choices: &[CaseChoice]) -> Result<(), Error> {
    let any = |is: fn(&CaseChoice) -> bool| choices.iter().any(is);
    let many = |it: &CaseChoice| it.model.has_many_workers() || it.model == Model::EventLoop;
    let needs = |option: &str, needed: &str| format!("{option} has no meaning without {needed}");
    let given = [
        (!asked.workers.is_empty() && !any(many), needs("--workers", "a model of several workers")),
        (!asked.in_flight.is_empty() && !any(|it| it.in_flight.is_some()), needs("--in-flight", "--model asyncio")),
        (
            !asked.intervals_us.is_empty() && !any(|it| it.interval_us.is_some()),
            needs("--interval-us", "--model threads"),
        ),
        (!asked.chunks.is_empty() && !any(|it| it.chunk.is_some()), needs("--chunk", "--model processes")),
        (!asked.starts.is_empty() && !any(|it| it.start.is_some()), needs("--start", "--model processes")),
        (
            !asked.locks.is_empty(),
            "--lock: the interpreter has its own lock; --python names an interpreter without one".to_owned(),
        ),
        (
            !asked.check_intervals.is_empty(),
            "--check-interval: Python 3 has none; --interval-us is its switch interval".to_owned(),
        ),
        (!asked.transports.is_empty(), "--transport: Python's executors move values by pipes of their own".to_owned()),
        (
            !asked.dispatches.is_empty(),
            "--dispatch: Python's executors have one queue that all workers share".to_owned(),
        ),
        (!asked.threads_per_process.is_empty(), "--threads-per-process: no executor of Python's has them".to_owned()),
        (!asked.sweeps.is_empty(), "--sweep: a call in Python has no parameters; give --args".to_owned()),
    ];
    given.into_iter().find(|(is_wrong, _)| *is_wrong).map_or(Ok(()), |(_, why)| Err(Error::Usage(why)))
}

/// Models that are run if none is named: those that need no more than a number of workers.
const MODELS_DEFAULT: &[Model] = &[Model::Sequential, Model::Threads, Model::Processes];

/// One model with every combination of the choices that it has a use for; parameters change slowest.
fn of_model(asked: &CaseArguments, model: Model) -> Result<Vec<CaseChoice>, Error> {
    let mut choices = vec![CaseChoice { pinning: asked.pinning.clone(), ..CaseChoice::of(model) }];
    for (name, values) in &asked.sweeps {
        choices = with_each(choices, values.iter().cloned().map(Some), |it, value| {
            it.params.extend(value.map(|value| (name.clone(), value)));
        });
    }
    if model.has_many_workers() {
        let workers = if asked.workers.is_empty() { vec![cores()?] } else { asked.workers.clone() };
        choices = with_each(choices, each(&workers), |it, value| it.workers = value);
        choices = with_each(choices, each(&asked.dispatches), |it, value| it.dispatch = value);
        choices = with_each(choices, each(&asked.chunks), |it, value| it.chunk = value);
    }
    if model == Model::EventLoop {
        choices = with_each(choices, each(&asked.in_flight), |it, value| it.in_flight = value);
    }
    if model == Model::Hybrid {
        choices = with_each(choices, each(&asked.threads_per_process), |it, value| it.threads_per_process = value);
    }
    if model.has_lock() {
        choices = with_each(choices, each(&asked.locks), |it, value| it.lock = value);
        choices = choices.into_iter().flat_map(|choice| intervals(asked, choice)).collect();
    }
    if model.has_processes() {
        choices = with_each(choices, each(&asked.starts), |it, value| it.start = value);
    }
    if model.has_transport() {
        choices = with_each(choices, each(&asked.transports), |it, value| it.transport = value);
    }
    Ok(choices)
}

/// A choice with each interval that its lock has a use for.
fn intervals(asked: &CaseArguments, choice: CaseChoice) -> Vec<CaseChoice> {
    let lock = choice.lock.unwrap_or(LockPolicy::Cpython);
    let mut choices = vec![choice];
    if lock.has_interval() {
        choices = with_each(choices, each(&asked.intervals_us), |it, value| it.interval_us = value);
    }
    if lock.has_check_interval() {
        choices = with_each(choices, each(&asked.check_intervals), |it, value| it.check_interval = value);
    }
    choices
}

/// Every choice with every value.
fn with_each<T: Clone>(
    choices: Vec<CaseChoice>,
    values: impl Iterator<Item = Option<T>> + Clone,
    set: impl Fn(&mut CaseChoice, Option<T>),
) -> Vec<CaseChoice> {
    let mut all = Vec::new();
    for choice in choices {
        for value in values.clone() {
            let mut choice = choice.clone();
            set(&mut choice, value);
            all.push(choice);
        }
    }
    all
}

/// Every value, or the one that is left open.
fn each<T: Copy>(values: &[T]) -> impl Iterator<Item = Option<T>> + Clone {
    let open = values.is_empty().then_some(None);
    values.iter().copied().map(Some).chain(open)
}

fn refuse_what_no_model_uses(asked: &CaseArguments, models: &[Model]) -> Result<(), Error> {
    let any = |uses: fn(Model) -> bool| models.iter().copied().any(uses);
    let lock = any(Model::has_lock);
    let of_lock = |uses: fn(LockPolicy) -> bool, usual: bool| {
        lock && if asked.locks.is_empty() { usual } else { asked.locks.iter().copied().any(uses) }
    };
    let many = any(Model::has_many_workers);
    let given = [
        ("--workers", !asked.workers.is_empty(), many, "a model of several workers"),
        ("--dispatch", !asked.dispatches.is_empty(), many, "a model of several workers"),
        ("--chunk", !asked.chunks.is_empty(), many, "a model of several workers"),
        ("--in-flight", !asked.in_flight.is_empty(), models.contains(&Model::EventLoop), "--model event-loop"),
        (
            "--threads-per-process",
            !asked.threads_per_process.is_empty(),
            models.contains(&Model::Hybrid),
            "--model hybrid",
        ),
        ("--lock", !asked.locks.is_empty(), lock, "--model threads or hybrid"),
        (
            "--interval-us",
            !asked.intervals_us.is_empty(),
            of_lock(LockPolicy::has_interval, true),
            "--model threads or hybrid with --lock cpython or fair",
        ),
        (
            "--check-interval",
            !asked.check_intervals.is_empty(),
            of_lock(LockPolicy::has_check_interval, false),
            "--model threads or hybrid with --lock cpython2",
        ),
        ("--start", !asked.starts.is_empty(), any(Model::has_processes), "--model processes or hybrid"),
        (
            "--transport",
            !asked.transports.is_empty(),
            any(Model::has_transport),
            "--model processes, hybrid or subinterpreters",
        ),
    ];
    match given.into_iter().find(|(_, given, used, _)| *given && !used) {
        Some((option, _, _, needed)) => Err(Error::Usage(format!("{option} has no meaning without {needed}"))),
        None => Ok(()),
    }
}

/// Cores that this process may use.
fn cores() -> Result<NonZeroU32, Error> {
    let cores = std::thread::available_parallelism();
    let cores = cores.map_err(|source| Error::Setup { what: "one worker per core; give --workers", source })?;
    Ok(NonZeroU32::try_from(cores).expect("a machine has fewer than 2^32 cores"))
}

fn apply(overrides: &Overrides, experiment: &mut Experiment) -> Result<(), Error> {
    if let Some(plugin) = &overrides.plugin {
        experiment.plugin = Some(absolute(plugin)?);
    }
    let mut overrides = overrides.clone();
    if let (Some(python), Some(tasks)) = (&mut experiment.python, overrides.tasks) {
        python_call::set_tasks(python, tasks)?;
        overrides.tasks = None;
    }
    let overrides = &overrides;
    for (name, value) in params(overrides)? {
        experiment.params.insert(name, value);
    }
    experiment.repetitions = overrides.repeat.unwrap_or(experiment.repetitions);
    let of_file = experiment.until;
    experiment.until = Until::from_choices(
        overrides.until.or(of_file.map(|it| it.half_width)),
        overrides.repeat_max.or(of_file.map(|it| it.repetitions_max)),
        overrides.until_limit.or(of_file.and_then(|it| it.limit_s)),
        experiment.repetitions,
    )
    .map_err(Error::Usage)?;
    experiment.warmups = overrides.warmups.unwrap_or(experiment.warmups);
    experiment.counters = overrides.counters.unwrap_or(experiment.counters);
    experiment.max_overhead = overrides.max_overhead.unwrap_or(experiment.max_overhead);
    experiment.timeline = overrides.timeline.unwrap_or(experiment.timeline);
    experiment.task_limit_s = overrides.task_limit.or(experiment.task_limit_s);
    experiment.trial_limit_s = overrides.trial_limit.or(experiment.trial_limit_s);
    if let Some(name) = &overrides.name {
        experiment.name.clone_from(name);
    }
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::File { verb: "resolve", path: path.to_owned(), source })
}

fn params(overrides: &Overrides) -> Result<BTreeMap<String, ParamValue>, Error> {
    let tasks = overrides.tasks.map(|it| ("tasks".to_owned(), ParamValue::Int(it)));
    let mut params = BTreeMap::new();
    for (name, value) in overrides.params.iter().cloned().chain(tasks) {
        if params.insert(name.clone(), value).is_some() {
            return Err(Error::Usage(format!("the parameter {name} is given twice")));
        }
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, Options};
    use clap::Parser;

    fn check(arguments: &str) -> Result<Experiment, Error> {
        let line = ["gilctl", "run"].into_iter().chain(arguments.split_whitespace());
        match Options::try_parse_from(line).unwrap().command {
            Command::Run(arguments) => from_arguments(&arguments),
            other => panic!("{other:?}"),
        }
    }

    fn names(arguments: &str) -> Vec<String> {
        check(arguments).unwrap().cases.into_iter().map(|case| case.name).collect()
    }

    fn refused(arguments: &str, expected: &str) {
        let error = check(arguments).unwrap_err();
        assert_eq!(error.exit(), crate::error::Exit::Refused, "{error}");
        assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
    }

    #[test]
    fn every_model_is_combined_with_what_it_has_a_use_for() {
        assert_eq!(
            names(
                "k --model sequential,threads,processes --workers 1,4 --lock cpython,none --transport pipe,socketpair"
            ),
            [
                "sequential",
                "threads-1",
                "threads-1-unlocked",
                "threads-4",
                "threads-4-unlocked",
                "processes-1",
                "processes-1-socketpair",
                "processes-4",
                "processes-4-socketpair",
            ]
        );
        assert_eq!(
            names("k --model threads --workers 2 --lock cpython,fair,none --interval-us 100"),
            ["threads-2-100us", "threads-2-fair-100us", "threads-2-unlocked"]
        );
        assert_eq!(names("k --workers 3 --pinning 0,1"), ["sequential-0,1", "threads-3-0,1", "processes-3-0,1"]);
    }

    #[test]
    fn choices_that_no_model_uses_are_refused() {
        refused("k --model sequential --workers 2", "--workers has no meaning without");
        refused(
            "k --model processes --workers 2 --lock none",
            "--lock has no meaning without --model threads or hybrid",
        );
        refused("k --model threads --workers 2 --lock none --interval-us 9", "--interval-us has no meaning");
        refused("k --model threads --workers 2 --start spawn", "--start has no meaning");
        refused("k --model threads,threads --workers 2", "two cases named \"threads-2\"");
    }

    #[test]
    fn settings_have_defaults_and_bounds() {
        let it =
            check("k --model sequential --param n=30 --tasks 100 --repeat 3 --counters trial --plugin lib.so").unwrap();
        assert_eq!((it.name.as_str(), it.repetitions, it.warmups), ("k", 3, 1));
        assert_eq!(it.params["n"], ParamValue::Int(30));
        assert_eq!(it.params["tasks"], ParamValue::Int(100));
        assert_eq!(it.counters, CounterScope::Trial);
        assert!(it.plugin.unwrap().is_absolute());
        refused("k --model sequential --repeat 0", "repetitions: 0");
        refused("k --model sequential --task-limit -1", "task_limit_s");
        refused("k --model sequential --tasks 3 --param tasks=4", "tasks is given twice");
    }

    #[test]
    fn a_file_is_read_and_settings_win_over_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::fs::write(&file, "kernel = 'k'\nrepetitions = 9\nparam.n = 1\n[[case]]\nmodel = 'sequential'\n").unwrap();
        let file = file.display();
        assert_eq!(check(&format!("{file}")).unwrap().repetitions, 9);
        let it = check(&format!("{file} --repeat 2 --param n=7 --name y")).unwrap();
        assert_eq!((it.repetitions, it.name.as_str(), &it.params["n"]), (2, "y", &ParamValue::Int(7)));
        refused(&format!("{file} --model threads"), "leave out --model");
    }

    #[test]
    fn a_missing_file_is_not_taken_for_a_kernel() {
        let error = check("/nowhere/x.toml").unwrap_err();
        assert_eq!(error.exit(), crate::error::Exit::File);
        assert!(error.to_string().contains("cannot read /nowhere/x.toml"), "{error}");
    }

    #[test]
    fn errors_in_a_file_name_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::fs::write(&file, "kernel = 'k'\nrepetition = 9\n").unwrap();
        refused(&file.display().to_string(), "x.toml:2:1: unknown field");
    }
}
