//! A program that was recorded as it is: what the recorder gives to the daemon, which keeps it as a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::{PhaseAccount, Role, WorkerAccount};
use crate::case::{Case, CounterScope, Model, Pinning};
use crate::experiment::{Experiment, MAX_OVERHEAD_DEFAULT};
use crate::lock_wait::FUNCTIONS_MAX;
use crate::trial::{Trial, TrialStatus};

/// What stands for the kernel in a run that was recorded.
pub const KERNEL: &str = "record";
/// Name of the only case of a run that was recorded.
pub const CASE: &str = "recorded";
/// Most rows of accounts of a recording.
pub const ROWS_MAX: usize = 1 << 16;
/// Longest text in a row, in bytes.
pub(crate) const TEXT_MAX: usize = 4096;
/// Longest name of a run, in characters.
const NAME_MAX: usize = 200;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// By itself, with this status.
    Exited(u8),
    /// By this signal.
    Signalled(i32),
}

impl Ended {
    /// The exit status that a shell gives for it.
    pub fn status(self) -> u8 {
        match self {
            Ended::Exited(status) => status,
            Ended::Signalled(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// A recorded program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Its command line.
    pub command: Vec<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was over.
    pub finished_at: Timestamp,
    /// How.
    pub ended: Ended,
    /// Its accounts: one row per thread.
    pub trial: Trial,
}

impl Recording {
    /// The command line in one line, cut to a length for a list.
    pub fn name(&self) -> String {
        name_of(&self.command)
    }

    /// The experiment that stands for it in the store.
    pub fn experiment(&self) -> Experiment {
        let workers = u32::try_from(self.trial.workers.len()).unwrap_or(u32::MAX).max(1);
        experiment_of(self.name(), workers)
    }

    /// Checks what types cannot. The daemon calls this on what a client sends.
    ///
    /// # Errors
    /// The offending field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.command.is_empty() {
            return Err("command: is empty".to_owned());
        }
        if self.finished_at < self.started_at {
            return Err("finished_at: is before started_at".to_owned());
        }
        let trial = &self.trial;
        let is_plain = (trial.case, trial.repetition, trial.warmup, trial.tasks_done) == (0, 0, false, 0);
        if !is_plain || trial.status != TrialStatus::Done || trial.tasks_planned.is_some() || trial.digest.is_some() {
            return Err("trial: is not one of a recording".to_owned());
        }
        if trial.timelines.iter().any(|it| it.row as usize >= trial.workers.len()) {
            return Err("trial.timelines: one is of a row that there is not".to_owned());
        }
        if trial.workers.len() > ROWS_MAX {
            return Err(format!("trial.workers: {} are more than {ROWS_MAX}", trial.workers.len()));
        }
        check_waits(trial)?;
        trial.workers.iter().enumerate().try_for_each(|(index, row)| {
            check_row(row, index).map_err(|error| format!("trial.workers[{index}].{error}"))
        })
    }
}

pub(crate) fn name_of(command: &[String]) -> String {
    let line = command.join(" ");
    let name: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(NAME_MAX).collect();
    if name.trim().is_empty() { KERNEL.to_owned() } else { name }
}

pub(crate) fn experiment_of(name: String, workers: u32) -> Experiment {
    let case = Case {
        name: CASE.to_owned(),
        model: Model::Recorded,
        workers,
        in_flight: None,
        threads_per_process: None,
        lock: None,
        interval_us: None,
        check_interval: None,
        start: None,
        transport: None,
        dispatch: None,
        chunk: None,
        pinning: Pinning::None,
        params: Default::default(),
        python: None,
    };
    Experiment {
        name,
        kernel: KERNEL.to_owned(),
        plugin: None,
        python: None,
        params: Default::default(),
        cases: vec![case],
        repetitions: 1,
        until: None,
        warmups: 0,
        counters: CounterScope::Trial,
        max_overhead: MAX_OVERHEAD_DEFAULT,
        timeline: 0,
        task_limit_s: None,
        trial_limit_s: None,
    }
}

/// Most rows of waits: every thread can have waited for as many holders as it can tell apart, of two locks.
const WAITS_MAX: usize = 1 << 20;

fn check_waits(trial: &Trial) -> Result<(), String> {
    let (waits, holders) = (trial.lock_waits.as_deref(), trial.holders.as_deref());
    let (waits, holders) = (waits.unwrap_or_default(), holders.unwrap_or_default());
    if waits.len() > WAITS_MAX || holders.len() > FUNCTIONS_MAX {
        return Err("trial.lock_waits: there are too many".to_owned());
    }
    let is_there = |number: u32| (number as usize) < trial.workers.len();
    if !waits.iter().all(|it| is_there(it.waiter) && it.holder.worker().is_none_or(is_there)) {
        return Err("trial.lock_waits: a waiter or a holder is no row of trial.workers".to_owned());
    }
    let times = waits.iter().map(|it| it.waited_ns).chain(holders.iter().map(|it| it.waited_ns));
    let adds_up = times.into_iter().try_fold(0u64, u64::checked_add).is_some();
    let texts = holders.iter().flat_map(|it| it.function.iter().chain(&it.file));
    if !adds_up || texts.into_iter().any(|text| text.len() > TEXT_MAX) {
        return Err(format!("trial.holders: a time or a text (at most {TEXT_MAX} bytes) is too large"));
    }
    Ok(())
}

fn check_row(row: &WorkerAccount, index: usize) -> Result<(), String> {
    if row.role != Role::Worker || usize::try_from(row.index) != Ok(index) {
        return Err("index: rows are workers, numbered from 0".to_owned());
    }
    let texts = row.notes.iter().chain(&row.thread).chain(&row.command);
    if texts.into_iter().any(|text| text.len() > TEXT_MAX) {
        return Err(format!("command: a text has more than {TEXT_MAX} bytes"));
    }
    let sum = row.phases.iter().try_fold(0u64, |sum, account| sum.checked_add(account.wall_ns));
    if sum != Some(row.accounted_ns) {
        return Err("accounted_ns: is not the sum of the phases".to_owned());
    }
    for (place, account) in row.phases.iter().enumerate() {
        check_account(account).map_err(|error| format!("phases[{place}].{error}"))?;
        if row.phases[..place].iter().any(|earlier| earlier.phase == account.phase) {
            return Err(format!("phases[{place}].phase: {} is there twice", account.phase));
        }
    }
    Ok(())
}

fn check_account(account: &PhaseAccount) -> Result<(), String> {
    if account.kernel_phase.is_some() {
        return Err("kernel_phase: a recording has none".to_owned());
    }
    let states = [account.on_cpu_ns, account.run_queue_ns, account.blocked_ns, account.stolen_ns];
    let sum = states.into_iter().flatten().try_fold(0u64, u64::checked_add);
    match sum {
        Some(sum) if sum <= account.wall_ns => Ok(()),
        _ => Err("wall_ns: is less than its states".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Tier;
    use crate::phase::Phase;

    fn row(index: u32) -> WorkerAccount {
        WorkerAccount {
            role: Role::Worker,
            index,
            pid: Some(1),
            tid: Some(1),
            thread: Some("python3".to_owned()),
            command: Some("python3 app.py".to_owned()),
            core: None,
            tasks: 0,
            life_ns: Some(100),
            accounted_ns: 100,
            balanced: Some(true),
            cpu_ns: Some(60),
            stolen_ns: None,
            voluntary_switches: Some(1),
            involuntary_switches: Some(0),
            counters: Vec::new(),
            task_counters: Vec::new(),
            phases: vec![PhaseAccount {
                phase: Phase::Compute,
                kernel_phase: None,
                entries: 1,
                wall_ns: 100,
                on_cpu_ns: Some(60),
                preempted_ns: Some(0),
                waking_ns: Some(0),
                run_queue_ns: Some(0),
                blocked_ns: Some(40),
                stolen_ns: None,
                cpu_ns: None,
                counters: Vec::new(),
                lost_records: 0,
                open: false,
            }],
            notes: Vec::new(),
        }
    }

    fn recording() -> Recording {
        let trial = Trial {
            case: 0,
            repetition: 0,
            warmup: false,
            status: TrialStatus::Done,
            error: None,
            wall_ns: Some(100),
            tasks_planned: None,
            tasks_done: 0,
            digest: None,
            verified: None,
            tier: Tier::Software,
            accounting: None,
            noise: None,
            task_times: Vec::new(),
            timelines: Vec::new(),
            lock_waits: None,
            holders: None,
            workers: vec![row(0), row(1)],
            output: None,
        };
        let at = Timestamp::UNIX_EPOCH;
        let command = vec!["python3".to_owned(), "app.py".to_owned()];
        Recording { command, started_at: at, finished_at: at, ended: Ended::Exited(0), trial }
    }

    fn refused(change: impl FnOnce(&mut Recording), expected: &str) {
        let mut recording = recording();
        change(&mut recording);
        let error = recording.check().unwrap_err();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn what_adds_up_is_taken_and_becomes_an_experiment() {
        let recording = recording();
        recording.check().unwrap();
        let experiment = recording.experiment();
        assert_eq!((experiment.name.as_str(), experiment.kernel.as_str()), ("python3 app.py", KERNEL));
        assert_eq!((experiment.cases[0].model, experiment.cases[0].workers), (Model::Recorded, 2));
        assert!(experiment.check().is_err(), "it cannot be run");
        let json = serde_json::to_string(&recording).unwrap();
        assert_eq!(serde_json::from_str::<Recording>(&json).unwrap(), recording);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        refused(|it| it.command.clear(), "command: is empty");
        refused(|it| it.trial.tasks_done = 1, "trial: is not one of a recording");
        refused(|it| it.trial.workers[1].index = 0, "trial.workers[1].index: rows are workers");
        refused(|it| it.trial.workers[0].accounted_ns = 1, "is not the sum of the phases");
        refused(|it| it.trial.workers[0].phases[0].blocked_ns = Some(41), "phases[0].wall_ns: is less than its states");
        refused(|it| it.trial.workers[0].command = Some("x".repeat(5000)), "more than 4096 bytes");
        let wait = |waiter, holder| crate::lock_wait::LockWait {
            lock: crate::lock_wait::LockKind::Interpreter,
            waiter,
            holder,
            waited_ns: u64::MAX,
            entries: 1,
        };
        let nobody = crate::lock_wait::Holder::Nobody;
        refused(|it| it.trial.lock_waits = Some(vec![wait(2, nobody)]), "is no row of trial.workers");
        refused(|it| it.trial.lock_waits = Some(vec![wait(0, nobody), wait(1, nobody)]), "is too large");
        let twice = |it: &mut Recording| {
            let row = &mut it.trial.workers[0];
            row.phases.push(row.phases[0].clone());
            row.accounted_ns = 200;
        };
        refused(twice, "phases[1].phase: compute is there twice");
    }

    #[test]
    fn the_status_is_that_of_a_shell() {
        assert_eq!([Ended::Exited(3).status(), Ended::Signalled(9).status()], [3, 137]);
    }
}
