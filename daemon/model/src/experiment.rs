//! What the user writes: a kernel, its parameters, the cases to compare, how often to repeat them.
//!
//! An experiment is written as TOML ([`parse`]) or built from the command line ([`CaseChoice`] + [`CaseChoice::resolve`]).
//! A list where one value could stand makes several cases of one ([`crate::grid`]).
//! Either way it ends up as an [`Experiment`], in which every choice is made; that is what travels to the
//! daemon and is stored with the run, so that a run can be repeated from its own record.
//!
//! ```toml
//! name = "article"          # optional; the file's stem otherwise
//! kernel = "cpu-bound"      # or a table [python] instead: crate::python
//! plugin = "./libmine.so"   # optional; relative to the file; otherwise looked up in the plugin path
//! repetitions = 5           # trials per case that count; default 5
//! until = 0.01              # optional: repeat until every interval is ± 1 % or narrower; repetitions are the least
//! repetitions_max = 100     # with until: most repetitions; default 100
//! until_limit_s = 600       # with until: repeat no more when the run has lasted this long; optional
//! warmups = 1               # trials per case that are dropped; default 1
//! counters = "phase"        # phase | task | trial; default phase
//! max_overhead = 0.005      # most that reading counters may cost, as a share of a worker's time; default 0.005
//! timeline = 16384          # changes of phase kept of each worker, in the first trial of each case that counts; 0: none
//! task_limit_s = 60         # optional; the daemon's default otherwise
//! trial_limit_s = 600       # optional; the daemon's default otherwise
//!
//! [param]                   # the kernel's parameters: numbers, strings, lists
//! n = 30
//!
//! [[case]]                  # a list of values makes a case of each: workers = [1, 2, 4]
//! model = "threads"         # sequential | threads | processes | event-loop | subinterpreters | hybrid
//! workers = 10              # all but sequential and event-loop; hybrid: threads of all processes together
//! in_flight = 100           # event-loop: tasks in flight at once
//! threads_per_process = 5   # hybrid
//! lock = "cpython"          # threads, hybrid: cpython | cpython2 | fair | none; default cpython
//! interval_us = 5000        # lock = cpython or fair; default 5000
//! check_interval = 100      # lock = cpython2: safe points between two releases; default 100
//! start = "fork"            # processes, hybrid: fork | spawn (in Python: forkserver, too); default fork
//! transport = "pipe"        # processes, hybrid: pipe | socketpair | shm; default pipe; subinterpreters: default shm
//! dispatch = "shared"       # models of several workers: shared | per-worker; default shared
//! chunk = 1                 # models of several workers: tasks dealt out at once; default 1
//! python = "python3.13t"    # [python]: the interpreter of this case
//! pinning = "none"          # none | compact | scatter | [cores]; default none
//! param.n = 40              # parameters of this case alone; they win over [param]
//! name = "ten threads"      # optional
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::case::{Case, CounterScope};
use crate::choice::CaseChoice;
use crate::grid::{CASES_MAX, CaseGrid};
pub use crate::params::ParamValue;
use crate::python::file::PythonFile;
use crate::python::{self, PythonKernel};
use crate::timeline;
use crate::until::Until;

/// Most repetitions (and warm-ups) of a run.
pub const REPETITIONS_MAX: u32 = 10_000;
/// Longest task or trial limit that can be asked for, in seconds (one year).
pub const LIMIT_S_MAX: f64 = 365.0 * 86_400.0;

/// An experiment with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Name, for people.
    pub name: String,
    /// Name of the kernel; of one in Python what is called.
    pub kernel: String,
    /// The library that holds the kernel, absolute; `None`: look it up in the daemon's plugin path.
    pub plugin: Option<PathBuf>,
    /// The kernel, if it is one in Python.
    #[serde(default)]
    pub python: Option<PythonKernel>,
    /// The kernel's parameters; those not given take the kernel's preset.
    pub params: BTreeMap<String, ParamValue>,
    /// What to compare; at least one.
    pub cases: Vec<Case>,
    /// Trials per case that count; with `until` the least number of them.
    pub repetitions: u32,
    /// When to stop repeating; `None`: after `repetitions`.
    pub until: Option<Until>,
    /// Trials per case that are run first and dropped.
    pub warmups: u32,
    /// How often counters are read, at most.
    pub counters: CounterScope,
    /// Most that reading counters may cost, as a share of a worker's time; beyond it they are read less often.
    #[serde(default = "max_overhead_default")]
    pub max_overhead: f64,
    /// Marks kept of each worker for its timeline, most, in the first trial of each case that counts; 0: none are.
    #[serde(default)]
    pub timeline: u32,
    /// Longest time that one task may take, in seconds; `None`: the daemon's default.
    pub task_limit_s: Option<f64>,
    /// Longest time that one trial may take, in seconds; `None`: the daemon's default.
    pub trial_limit_s: Option<f64>,
}

impl Experiment {
    /// Checks what types cannot: bounds and unique names. The daemon calls this on what a client sends.
    ///
    /// # Errors
    /// The offending field and what it may be.
    pub fn check(&self) -> Result<(), String> {
        if self.kernel.is_empty() {
            return Err("kernel: is empty".to_owned());
        }
        if let Some(plugin) = self.plugin.as_ref().filter(|it| !it.is_absolute()) {
            return Err(format!("plugin: {} is not an absolute path", plugin.display()));
        }
        if self.cases.is_empty() {
            return Err("case: at least one is needed".to_owned());
        }
        if self.cases.len() > CASES_MAX {
            return Err(format!("case: {} are more than {CASES_MAX}", self.cases.len()));
        }
        if !(1..=REPETITIONS_MAX).contains(&self.repetitions) {
            return Err(format!("repetitions: {} is not in 1..={REPETITIONS_MAX}", self.repetitions));
        }
        if let Some(until) = &self.until {
            until.check(self.repetitions)?;
        }
        if self.warmups > REPETITIONS_MAX {
            return Err(format!("warmups: {} is not in 0..={REPETITIONS_MAX}", self.warmups));
        }
        if !(self.max_overhead > 0.0 && self.max_overhead <= 1.0) {
            return Err(format!("max_overhead: {} is not in 0 (exclusive) to 1", self.max_overhead));
        }
        if self.timeline > timeline::MARKS_MAX {
            return Err(format!("timeline: {} is not in 0..={}", self.timeline, timeline::MARKS_MAX));
        }
        check_limit("task_limit_s", self.task_limit_s)?;
        check_limit("trial_limit_s", self.trial_limit_s)?;
        self.check_python()?;
        for (index, case) in self.cases.iter().enumerate() {
            check_case(case).map_err(|error| format!("case {}: {error}", index + 1))?;
            if self.cases[..index].iter().any(|earlier| earlier.name == case.name) {
                return Err(format!(
                    "case {}: there are two cases named \"{}\"; give one of them a name",
                    index + 1,
                    case.name
                ));
            }
        }
        Ok(())
    }

    /// A kernel is one of a plugin or one in Python, and so are all of its cases.
    fn check_python(&self) -> Result<(), String> {
        let Some(python) = &self.python else {
            return match self.cases.iter().find(|case| case.python.is_some()) {
                Some(case) => Err(format!("case \"{}\": python: has no meaning for a plugin's kernel", case.name)),
                None => Ok(()),
            };
        };
        if !self.params.is_empty() {
            return Err("param: a call in Python has none; its arguments are args, inputs, inputs_file or inputs_from"
                .to_owned());
        }
        if self.plugin.is_some() || self.kernel != python.call {
            return Err("kernel: a call in Python is its own kernel and has no plugin".to_owned());
        }
        python.check(&self.cases)
    }

    /// The kernel's parameters for one case: the experiment's, and the case's own, which win.
    pub fn params_of(&self, case: &Case) -> BTreeMap<String, ParamValue> {
        let mut params = self.params.clone();
        params.extend(case.params.clone());
        params
    }
}

fn check_limit(key: &str, limit_s: Option<f64>) -> Result<(), String> {
    match limit_s {
        Some(s) if !(s > 0.0 && s <= LIMIT_S_MAX) => {
            Err(format!("{key}: {s} is not in 0 (exclusive) to {LIMIT_S_MAX}"))
        }
        _ => Ok(()),
    }
}

fn check_case(case: &Case) -> Result<(), String> {
    let resolved = CaseChoice::like(case).resolve()?;
    if resolved != *case {
        return Err(format!(
            "is incomplete; complete it would be {}",
            serde_json::to_string(&resolved).unwrap_or_default()
        ));
    }
    Ok(())
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExperimentFile {
    name: Option<String>,
    kernel: Option<String>,
    python: Option<PythonFile>,
    plugin: Option<PathBuf>,
    #[serde(default)]
    param: BTreeMap<String, ParamValue>,
    #[serde(default)]
    case: Vec<Spanned<CaseGrid>>,
    repetitions: Option<u32>,
    until: Option<f64>,
    repetitions_max: Option<u32>,
    until_limit_s: Option<f64>,
    warmups: Option<u32>,
    counters: Option<CounterScope>,
    max_overhead: Option<f64>,
    timeline: Option<u32>,
    task_limit_s: Option<f64>,
    trial_limit_s: Option<f64>,
}

/// Repetitions of an experiment that does not say how many.
pub const REPETITIONS_DEFAULT: u32 = 5;
/// Warm-ups of an experiment that does not say how many.
pub const WARMUPS_DEFAULT: u32 = 1;

/// Most that reading counters may cost, as a share of a worker's time, where an experiment does not say.
pub const MAX_OVERHEAD_DEFAULT: f64 = 0.005;

/// For runs stored before there was such a key.
fn max_overhead_default() -> f64 {
    MAX_OVERHEAD_DEFAULT
}

/// Reads an experiment from TOML. `path` is the file's own: it gives the name, if the file has none, the
/// folder that a relative `plugin` starts from, and the place in errors.
///
/// # Errors
/// `file:line:column: what is wrong`.
pub fn parse(text: &str, path: &Path) -> Result<Experiment, String> {
    let at = |offset: usize, message: &str| format!("{}:{}: {message}", path.display(), line_and_column(text, offset));
    let file: ExperimentFile =
        toml::from_str(text).map_err(|error| at(error.span().map_or(0, |span| span.start), error.message()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (kernel, python) = match (file.kernel, file.python) {
        (Some(kernel), None) => (kernel, None),
        (None, Some(table)) => {
            let (python, interpreter) = table.complete(folder).map_err(|error| at(0, &error))?;
            (python.call.clone(), Some((python, interpreter)))
        }
        _ => return Err(at(0, "expected one of kernel and the table [python], and only one")),
    };
    let cases = resolve(file.case, python.as_ref().map(|(_, interpreter)| interpreter.as_path()), at)?;
    let repetitions = file.repetitions.unwrap_or(REPETITIONS_DEFAULT);
    let until = Until::from_choices(file.until, file.repetitions_max, file.until_limit_s, repetitions)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let absolute = |plugin: PathBuf| std::path::absolute(folder.join(plugin));
    let experiment = Experiment {
        name: file.name.unwrap_or_else(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
        kernel,
        plugin: file.plugin.map(absolute).transpose().map_err(|error| at(0, &format!("plugin: {error}")))?,
        python: python.map(|(kernel, _)| kernel),
        params: file.param,
        cases,
        repetitions,
        until,
        warmups: file.warmups.unwrap_or(WARMUPS_DEFAULT),
        counters: file.counters.unwrap_or(CounterScope::Phase),
        max_overhead: file.max_overhead.unwrap_or(MAX_OVERHEAD_DEFAULT),
        timeline: file.timeline.unwrap_or(timeline::MARKS_DEFAULT),
        task_limit_s: file.task_limit_s,
        trial_limit_s: file.trial_limit_s,
    };
    experiment.check().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(experiment)
}

/// Makes every choice of the cases of a file; `interpreter` is that of cases in Python that name none.
fn resolve(
    grids: Vec<Spanned<CaseGrid>>,
    interpreter: Option<&Path>,
    at: impl Fn(usize, &str) -> String,
) -> Result<Vec<Case>, String> {
    let (mut choices, mut places) = (Vec::new(), Vec::new());
    for grid in grids {
        let start = grid.span().start;
        let expanded = grid.into_inner().expand().map_err(|error| at(start, &error))?;
        places.extend(std::iter::repeat_n(start, expanded.len()));
        choices.extend(expanded);
    }
    let Some(interpreter) = interpreter else {
        let resolved = choices.into_iter().zip(places);
        return resolved.map(|(choice, place)| resolve_plain(choice).map_err(|error| at(place, &error))).collect();
    };
    python::cases::resolve_all(choices, interpreter).map_err(|(case, error)| at(places[case], &error))
}

fn resolve_plain(choice: CaseChoice) -> Result<Case, String> {
    match choice.python {
        Some(_) => Err("python: has no meaning for a plugin's kernel".to_owned()),
        None => choice.resolve(),
    }
}

/// Turns a byte offset into `line:column`, both from 1.
pub fn line_and_column(text: &str, offset: usize) -> String {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("{line}:{column}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{LockPolicy, Transport};

    fn check(text: &str) -> Result<Experiment, String> {
        parse(text, Path::new("/lab/x.toml"))
    }

    fn refused(text: &str, expected: &str) {
        let error = check(text).unwrap_err();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn a_short_file_gets_every_choice_made() {
        let it = check("kernel = 'k'\n[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'threads'\nworkers = 3\n[[case]]\nmodel = 'processes'\nworkers = 2\nstart = 'spawn'\npinning = [1, 0]").unwrap();
        assert_eq!(it.name, "x");
        assert_eq!((it.repetitions, it.warmups), (5, 1));
        let names: Vec<_> = it.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["sequential", "threads-3", "processes-2-spawn-1,0"]);
        assert_eq!(it.cases[1].lock, Some(LockPolicy::Cpython));
        assert_eq!(it.cases[1].interval_us, Some(5_000));
        assert_eq!(it.cases[2].transport, Some(Transport::Pipe));
        let json = serde_json::to_string(&it).unwrap();
        assert_eq!(serde_json::from_str::<Experiment>(&json).unwrap(), it);
    }

    #[test]
    fn a_fair_lock_has_the_interval_of_cpythons() {
        let case = "[[case]]\nmodel = 'threads'\nworkers = 3\nlock = 'fair'\n";
        let it = check(&format!("kernel = 'k'\n{case}{case}interval_us = 700")).unwrap();
        assert_eq!(it.cases.iter().map(|case| case.interval_us).collect::<Vec<_>>(), [Some(5_000), Some(700)]);
        assert_eq!((it.cases[0].name.as_str(), it.cases[1].name.as_str()), ("threads-3-fair", "threads-3-fair-700us"));
        refused(&format!("kernel = 'k'\n{case}interval_us = 0"), "interval_us: 0 is not in 1..=60000000");
        let unlocked = case.replace("fair", "none");
        refused(
            &format!("kernel = 'k'\n{unlocked}interval_us = 9"),
            "has no meaning without lock = \"cpython\" or \"fair\"",
        );
    }

    #[test]
    fn errors_name_file_line_and_key() {
        refused("kernel = 'k'\nkernal = 1", "/lab/x.toml:2:1: unknown field `kernal`");
        refused("kernel = 'k'\n\n[[case]]\nmodel = 'treads'", "/lab/x.toml:4:9: unknown variant `treads`");
        refused("kernel = 'k'\n[[case]]\nmodel = 'threads'", "/lab/x.toml:2:1: workers: is missing");
        refused(
            "kernel = 'k'\n[[case]]\nmodel = 'processes'\nworkers = 2\nlock = 'none'",
            "lock: has no meaning for the model processes",
        );
        refused(
            "kernel = 'k'\n[[case]]\nmodel = 'threads'\nworkers = 2\npinning = 'close'",
            "/lab/x.toml:5:11: unknown pinning \"close\"",
        );
        refused("kernel = 'k'", "case: at least one is needed");
        refused(
            "kernel = 'k'\n[[case]]\nmodel = 'sequential'\n[[case]]\nmodel = 'sequential'",
            "two cases named \"sequential\"",
        );
        refused("kernel = 'k'\nrepetitions = 0\n[[case]]\nmodel = 'sequential'", "repetitions: 0 is not in 1..=10000");
        refused("kernel = 'k'\ntask_limit_s = nan\n[[case]]\nmodel = 'sequential'", "task_limit_s: NaN");
    }

    #[test]
    fn an_incomplete_case_from_the_wire_is_refused() {
        let mut it = check("kernel = 'k'\n[[case]]\nmodel = 'threads'\nworkers = 3").unwrap();
        it.cases[0].interval_us = None;
        assert!(it.check().unwrap_err().contains("incomplete"));
    }

    #[test]
    fn lists_become_comma_separated_text() {
        let it = check("kernel = 'k'\nparam.inputs = [50, 63, 32]\n[[case]]\nmodel = 'sequential'").unwrap();
        assert_eq!(it.params["inputs"].to_string(), "50,63,32");
        assert_eq!(ParamValue::from_argument("1e3"), ParamValue::Float(1000.0));
        assert_eq!(ParamValue::from_argument("nan"), ParamValue::Text("nan".to_owned()));
    }
}
