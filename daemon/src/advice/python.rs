//! What the advice says of kernels in Python: the names of executors, and what to try with the interpreter that there is.
//!
//! The rules rest on the same figures as the others; what an interpreter can have is known by its version and its lock.

use gild_model::advice::{Bound, Try};
use gild_model::case::{Case, LockPolicy, Model, Start};
use gild_model::experiment::Experiment;
use gild_model::python::{Inputs, Interpreter, PythonKernel};

use super::bounds::{self, Found};
use super::evidence::Evidence;
use super::suggest::{Group, cores_option, quoted};
use crate::summary::sentence::percent;

/// A worker gets about so many chunks: with fewer, the last ones to end have nobody beside them.
const CHUNKS_PER_WORKER: u64 = 4;
/// Encoding and moving values is said to cost much from this share of the wall time on.
const VALUES_MUCH: f64 = 0.2;

/// The lock that the interpreter of a case has: what the rules on locks have to know. `None`: the model's workers share none.
pub(crate) fn lock_of(case: &Case, interpreter: &Interpreter) -> Option<LockPolicy> {
    let lock = if interpreter.gil { LockPolicy::Cpython } else { LockPolicy::None };
    (case.model == Model::Threads).then_some(lock)
}

/// `ProcessPoolExecutor(max_workers=2)`: what to write for a case. `None`: it is no case in Python, or needs no executor.
pub(crate) fn executor(evidence: &Evidence) -> Option<String> {
    let case = &evidence.case;
    let interpreter = evidence.interpreter.as_ref()?;
    let workers = case.workers;
    Some(match case.model {
        Model::Threads if !interpreter.gil => {
            format!("ThreadPoolExecutor(max_workers={workers}) on {}", interpreter.in_words())
        }
        Model::Threads => format!("ThreadPoolExecutor(max_workers={workers})"),
        Model::Processes => processes(case),
        Model::Subinterpreters if minor(interpreter) >= 14 => format!("InterpreterPoolExecutor(max_workers={workers})"),
        Model::Subinterpreters => {
            format!("{workers} sub-interpreters, from Python 3.14 on InterpreterPoolExecutor(max_workers={workers})")
        }
        Model::EventLoop => match case.in_flight {
            Some(in_flight) => format!("asyncio with {in_flight} tasks in flight"),
            None => "asyncio with all tasks in flight".to_owned(),
        },
        Model::Sequential | Model::Hybrid | Model::Recorded => return None,
    })
}

fn processes(case: &Case) -> String {
    let start = case.start.filter(|it| *it != Start::Fork);
    let start = start.map_or_else(String::new, |it| format!(", mp_context=get_context(\"{it}\")"));
    let chunk = case.chunk.filter(|it| *it > 1).map_or_else(String::new, |it| format!(".map(…, chunksize={it})"));
    format!("ProcessPoolExecutor(max_workers={}{start}){chunk}", case.workers)
}

/// What to try, the most telling first.
pub(super) fn tries(group: &Group<'_>, reference: &Evidence) -> Vec<Try> {
    let mut tries = for_lock(group);
    tries.extend(for_values(group));
    tries.extend(for_dispatch(group));
    tries.extend(group.for_reference(reference));
    tries
}

/// Threads behind the interpreter's lock, and nothing measured that computes on several cores.
fn for_lock(group: &Group<'_>) -> Vec<Try> {
    let Some((case, _)) = bound_by(group, Bound::Lock).filter(|(case, _)| case.cores > 1) else { return Vec::new() };
    let reason = |what: &str| format!("{} waits for the interpreter's lock; {what}", case.case.name);
    let cores = cores_option(case);
    let run = |model: &str, what: &str| group.run(&reason(what), model, &cores, &case.case);
    let has_interpreters = case.interpreter.as_ref().is_some_and(|it| minor(it) >= 12);
    let tries = [
        (!group.has(|it| it.model == Model::Processes)).then(|| run("processes", "processes have one each")),
        (has_interpreters && !group.has(|it| it.model == Model::Subinterpreters))
            .then(|| run("subinterpreters", "sub-interpreters have one each, in one process")),
        (!group.has(|it| it.lock == Some(LockPolicy::None))).then(|| Try {
            reason: reason("a free-threaded interpreter has none: name one, such as python3.14t, with --python"),
            command: None,
        }),
        costs_much(group).map(|values| Try {
            reason: reason(&format!(
                "and {values}: computing in a C extension, or a library that gives the lock away meanwhile, needs neither"
            )),
            command: None,
        }),
    ];
    tries.into_iter().flatten().collect()
}

/// What processes lose to values, where that is much.
fn costs_much(group: &Group<'_>) -> Option<String> {
    let processes = group.evidence.iter().filter(|it| it.case.model == Model::Processes);
    let (share, name) = processes
        .filter_map(|it| Some((bounds::share_of_values(it)?, &it.case.name)))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (share >= VALUES_MUCH)
        .then(|| format!("{name} spends {} of its wall time encoding and moving values", percent(share)))
}

/// Values that cost more than anything else: the less of them, the better.
fn for_values(group: &Group<'_>) -> Option<Try> {
    let (it, found) = bound_by(group, Bound::Serialization).or_else(|| bound_by(group, Bound::Transfer))?;
    Some(Try {
        reason: format!(
            "{} spends {} of its wall time on values: return less, or leave it where the others find it (a file, \
             multiprocessing.shared_memory), and send a name",
            it.case.name,
            percent(found.share)
        ),
        command: None,
    })
}

/// Tasks that are given to processes one by one, and take too long to get there.
fn for_dispatch(group: &Group<'_>) -> Option<Try> {
    let (it, found) = bound_by(group, Bound::Dispatch).or_else(|| bound_by(group, Bound::Transfer))?;
    let chunk = it.tasks? / (u64::from(it.case.workers) * CHUNKS_PER_WORKER);
    if it.case.model != Model::Processes || chunk < 2 || group.has(|case| case.chunk.is_some_and(|chunk| chunk > 1)) {
        return None;
    }
    let options = format!(" --workers {}{} --chunk {chunk}", it.case.workers, own_options(&it.case));
    let reason = format!(
        "{} spends {} of its wall time giving tasks to workers, one by one; map(…, chunksize={chunk}) gives them {chunk} at a time",
        it.case.name,
        percent(found.share)
    );
    Some(group.run(&reason, "processes", &options, &it.case))
}

fn bound_by<'g>(group: &Group<'g>, wanted: Bound) -> Option<(&'g Evidence, Found)> {
    group.evidence.iter().find_map(|it| Some((it, bounds::of(it).filter(|found| found.bound == wanted)?)))
}

/// The choices of a case that are not its model's defaults, but for its workers.
pub(crate) fn own_options(case: &Case) -> String {
    case.start.filter(|it| *it != Start::Fork).map_or_else(String::new, |start| format!(" --start {start}"))
}

/// `cd FOLDER && gilctl run mymodule:func …`: up to the models.
pub(crate) fn command(experiment: &Experiment, kernel: &PythonKernel, like: &Case) -> String {
    let mut command =
        format!("cd {} && gilctl run {}", quoted(&kernel.folder.display().to_string()), quoted(&experiment.kernel));
    let mut add = |option: &str, value: &str| command += &format!(" --{option} {}", quoted(value));
    match &kernel.inputs {
        Inputs::Same { args, tasks } => {
            add("args", &serde_json::to_string(args).expect("it came as JSON"));
            add("tasks", &tasks.to_string());
        }
        Inputs::File(path) => add("inputs-file", &path.display().to_string()),
        Inputs::From(generator) => add("inputs-from", generator),
        // No option holds them; the command is one for a file of theirs.
        Inputs::Each(_) => add("inputs-file", "INPUTS.jsonl"),
    }
    kernel.path.iter().for_each(|path| add("path", &path.display().to_string()));
    kernel.setup.iter().for_each(|setup| add("setup", setup));
    like.python.iter().for_each(|python| add("python", &python.display().to_string()));
    if kernel.deterministic { command } else { command + " --not-deterministic" }
}

/// The second number of its version; all are of Python 3.
fn minor(interpreter: &Interpreter) -> u32 {
    let digits = interpreter.version.split('.').nth(1).unwrap_or_default();
    digits.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}
