//! What was not measured and is worth it, with the command to type.
//!
//! Only what the accounts point at: a case that waits for I/O has no use for processes, one behind a lock has.

use gild_model::advice::{Bound, Try};
use gild_model::case::{Case, LockPolicy, Model, Transport};
use gild_model::experiment::{Experiment, REPETITIONS_DEFAULT};

use super::bounds::{self, Found};
use super::choice::{Choice, Doubt};
use super::evidence::Evidence;
use super::models::{are_one_family, at_once};
use super::python;
use crate::summary::sentence::percent;

/// Most suggestions.
const TRIES_MAX: usize = 3;
/// Tasks in flight, or threads, that are suggested where one worker waits for I/O.
const IN_FLIGHT: u32 = 10;
/// Tasks per chunk that are suggested where dealing them out one by one takes too long.
const CHUNK: u32 = 10;

/// What to try, the most telling first.
pub(crate) fn tries(experiment: &Experiment, evidence: &[Evidence], choice: &Choice) -> Vec<Try> {
    let group = Group { experiment, evidence };
    let mut tries: Vec<_> = choice.case.as_ref().err().and_then(again).into_iter().collect();
    if let Some(reference) = choice.reference {
        if experiment.python.is_some() {
            tries.extend(python::tries(&group, &evidence[reference]));
        } else {
            tries.extend(group.for_lock());
            tries.extend(group.for_reference(&evidence[reference]));
            tries.extend(group.for_dispatch());
        }
    }
    tries.truncate(TRIES_MAX);
    tries
}

/// The same experiment once more, as the doubt asks for it.
fn again(doubt: &Doubt) -> Option<Try> {
    let run = |options: &str| format!("gilctl show RUN --experiment > again.toml && gilctl run again.toml{options}");
    let (reason, command) = match doubt {
        Doubt::OneCase(_) => return None,
        Doubt::NothingFinished => ("why trials failed", "gilctl show RUN".to_owned()),
        Doubt::Results => ("which trials have other results", "gilctl show RUN --trials".to_owned()),
        Doubt::FewRepetitions(_) => ("enough repetitions for an interval of 95 %", run(" --repeat 6")),
        Doubt::Spread(_) => ("more repetitions, until the intervals are narrow", run(" --until 2%")),
        Doubt::Disturbance { .. } => ("the same on a quiet machine", run("")),
    };
    Some(Try { reason: reason.to_owned(), command: Some(command) })
}

/// The cases with the same parameters.
pub(super) struct Group<'a> {
    experiment: &'a Experiment,
    /// What the rules see of them.
    pub evidence: &'a [Evidence],
}

impl Group<'_> {
    /// A case behind a lock, and nothing measured that computes on several cores.
    fn for_lock(&self) -> Vec<Try> {
        let bound = |it: &&Evidence| bounds::of(it).is_some_and(|found| found.bound == Bound::Lock);
        let Some(case) = self.evidence.iter().find(bound) else { return Vec::new() };
        let reason = |what: &str| format!("{} waits for the lock; {what}", case.case.name);
        let cores = cores_option(case);
        let processes = !self.has(|it| it.model.has_processes()) && case.cores > 1;
        let unlocked = !self.has(|it| it.lock == Some(LockPolicy::None)) && case.cores > 1;
        let tries = [
            processes.then(|| self.run(&reason("processes have one each"), "processes", &cores, &case.case)),
            unlocked.then(|| {
                self.run(&reason("threads without one"), "threads", &format!("{cores} --lock none"), &case.case)
            }),
        ];
        tries.into_iter().flatten().collect()
    }

    /// What the case to use is bound by, and something that takes the bound away was not measured.
    pub fn for_reference(&self, reference: &Evidence) -> Vec<Try> {
        let Some(found) = bounds::of(reference) else { return Vec::new() };
        match found.bound {
            Bound::Io => self.for_io(reference, &found),
            Bound::Cores => self.with_a_core_each(reference).into_iter().collect(),
            Bound::Computing => self.with_more_workers(reference).into_iter().collect(),
            Bound::Imbalance => vec![Try {
                reason: format!(
                    "workers of {} have nothing left to do for {} of the time: cut the longest tasks, or plan them first",
                    reference.case.name,
                    percent(found.share)
                ),
                command: None,
            }],
            _ => Vec::new(),
        }
    }

    fn for_io(&self, reference: &Evidence, found: &Found) -> Vec<Try> {
        let case = &reference.case;
        let waits = format!("{} waits for I/O {} of its wall time", case.name, percent(found.share));
        let in_flight = case.workers.max(case.in_flight.unwrap_or(0)).max(IN_FLIGHT);
        let no_loop = !self.has(|it| it.model == Model::EventLoop);
        let more = match case.model {
            Model::Sequential if !self.has(|it| it.model == Model::Threads) => {
                Some(("threads".to_owned(), format!(" --workers {IN_FLIGHT}")))
            }
            Model::Sequential => None,
            Model::EventLoop => Some(("event-loop".to_owned(), format!(" --in-flight {}", 2 * in_flight))),
            model => Some((model.to_string(), format!(" --workers {}{}", 2 * case.workers, own_options(case)))),
        };
        let more = more.filter(|_| self.is_largest(case));
        let tries = [
            no_loop.then(|| {
                let reason = format!("{waits}; one thread can have many tasks in flight, if the kernel can do that");
                self.run(&reason, "event-loop", &format!(" --in-flight {in_flight}"), case)
            }),
            more.map(|(model, options)| self.run(&format!("{waits}; more could wait at once"), &model, &options, case)),
        ];
        tries.into_iter().flatten().collect()
    }

    /// More workers than cores, where as many as cores were not measured.
    fn with_a_core_each(&self, reference: &Evidence) -> Option<Try> {
        let case = &reference.case;
        let crowded =
            reference.cores > 0 && at_once(case) as usize > reference.cores && case.threads_per_process.is_none();
        let measured = self.has(|it| it.model == case.model && it.workers as usize == reference.cores);
        let reason = format!("the workers of {} wait for one another's cores; as many as cores need not", case.name);
        let options = format!("{}{}", cores_option(reference), own_options(case));
        (crowded && !measured).then(|| self.run(&reason, case.model.name(), &options, case))
    }

    /// Free cores, and more workers that could use them were not measured.
    fn with_more_workers(&self, reference: &Evidence) -> Option<Try> {
        let case = &reference.case;
        let free = reference.cores as f64 - reference.parallelism?;
        if free < 0.5 || reference.cores < 2 {
            return None;
        }
        let reason = format!("{} leaves {free:.2} cores free", case.name);
        if case.workers == 1 || at_once(case) == 1 {
            let parallel = self.has(|it| at_once(it) > 1);
            return (!parallel).then(|| self.run(&reason, "processes", &cores_option(reference), case));
        }
        let options = format!("{}{}", cores_option(reference), own_options(case));
        let more = self.is_largest(case) && (case.workers as usize) < reference.cores;
        (more && case.threads_per_process.is_none()).then(|| self.run(&reason, case.model.name(), &options, case))
    }

    /// Dealing out tasks one by one, or through the kernel, where something cheaper was not measured.
    fn for_dispatch(&self) -> Option<Try> {
        let of = |wanted: Bound| {
            self.evidence.iter().find_map(|it| Some((it, bounds::of(it).filter(|found| found.bound == wanted)?)))
        };
        if let Some((it, found)) = of(Bound::Dispatch)
            && !self.has(|case| case.chunk.is_some_and(|chunk| chunk > 1))
            && it.case.model.has_many_workers()
        {
            let options = format!(" --workers {}{} --chunk {CHUNK}", it.case.workers, own_options(&it.case));
            let share = percent(found.share);
            let reason = format!("workers of {} wait {share} of the time to be given tasks, one by one", it.case.name);
            return Some(self.run(&reason, it.case.model.name(), &options, &it.case));
        }
        let (it, found) = of(Bound::Transfer)?;
        if self.has(|case| case.transport == Some(Transport::Shm)) || !it.case.model.has_processes() {
            return None;
        }
        let threads = it.case.threads_per_process.map_or_else(String::new, |it| format!(" --threads-per-process {it}"));
        let options = format!(" --workers {}{threads} --transport shm", it.case.workers);
        let reason = format!("{} moves values for {} of its wall time", it.case.name, percent(found.share));
        Some(self.run(&reason, it.case.model.name(), &options, &it.case))
    }

    /// Some case of the group, measured or not, is like this.
    pub fn has(&self, is: impl Fn(&Case) -> bool) -> bool {
        self.evidence.iter().any(|it| is(&it.case))
    }

    /// No case that differs in the number of workers, or of tasks in flight, has more of them.
    fn is_largest(&self, case: &Case) -> bool {
        !self.has(|it| {
            let alike = Case { in_flight: case.in_flight, ..it.clone() };
            are_one_family(&alike, case) && (it.workers, it.in_flight) > (case.workers, case.in_flight)
        })
    }

    /// `gilctl run KERNEL …`: up to the models.
    fn command(&self, like: &Case) -> String {
        let mut command = format!("gilctl run {}", quoted(&self.experiment.kernel));
        if let Some(plugin) = &self.experiment.plugin {
            command += &format!(" --plugin {}", quoted(&plugin.display().to_string()));
        }
        for (name, value) in self.experiment.params_of(like) {
            command += &format!(" --param {}", quoted(&format!("{name}={value}")));
        }
        command
    }

    /// A run of one model, beside the sequential one where there is one to compare with.
    pub fn run(&self, reason: &str, model: &str, options: &str, like: &Case) -> Try {
        let mut command = match &self.experiment.python {
            Some(kernel) => python::command(self.experiment, kernel, like),
            None => self.command(like),
        };
        let sequential = if self.has(|it| it.model == Model::Sequential) { "sequential," } else { "" };
        command += &format!(" --model {sequential}{model}{options}");
        if self.experiment.repetitions != REPETITIONS_DEFAULT {
            command += &format!(" --repeat {}", self.experiment.repetitions);
        }
        Try { reason: reason.to_owned(), command: Some(command) }
    }
}

/// As many workers as cores, where it is known how many there are; it is the default, too.
pub(super) fn cores_option(evidence: &Evidence) -> String {
    if evidence.cores > 0 { format!(" --workers {}", evidence.cores) } else { String::new() }
}

/// The choices of a case that are not its model's defaults, but for its workers.
fn own_options(case: &Case) -> String {
    if case.python.is_some() {
        return python::own_options(case);
    }
    let option = |name: &str, value: Option<String>| value.map(|value| format!(" --{name} {value}"));
    let lock = case.lock.filter(|it| *it != LockPolicy::Cpython).map(|it| it.to_string());
    let options = [
        option("lock", lock),
        option("threads-per-process", case.threads_per_process.map(|it| it.to_string())),
        option("start", case.start.map(|it| it.to_string())),
        option("transport", case.transport.map(|it| it.to_string())),
    ];
    options.into_iter().flatten().collect()
}

/// As a shell takes it for one word.
pub(super) fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-./:=,+@%".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
