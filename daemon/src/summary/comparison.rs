//! Two runs held against each other, case by case.
//!
//! Unlike the cases of one run, two runs shared no moment of the machine: their repetitions are two independent
//! samples and not pairs. What else differs between the runs becomes a warning, never a refusal.

use std::collections::BTreeSet;

use gild_model::case::Case;
use gild_model::comparison::{CaseComparison, Comparison, ShareChange, Verdict};
use gild_model::host::{HostReport, Tier};
use gild_model::run::{Run, RunId};
use gild_model::summary::{CaseSummary, Ratio, Shares};
use gild_model::trial::Trial;

use super::{counts, statistics};

/// Changes of shares below this (0.1 percentage points) are not worth a word.
const CHANGE_MIN: f64 = 0.001;
/// Most changes of shares that are named per case.
const CHANGES_MAX: usize = 3;

/// Why two runs cannot be compared.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Incomparable {
    /// They did different things.
    #[error("run {old} is of the kernel \"{old_kernel}\", run {new} of \"{new_kernel}\"; compare runs of one kernel")]
    Kernels {
        /// The old run.
        old: RunId,
        /// Its kernel.
        old_kernel: String,
        /// The new run.
        new: RunId,
        /// Its kernel.
        new_kernel: String,
    },
    /// There is nothing to compare.
    #[error("runs {old} and {new} have no case of the same name; give cases that are to be compared the same name")]
    Cases {
        /// The old run.
        old: RunId,
        /// The new run.
        new: RunId,
    },
}

/// Compares a new run with an old one.
///
/// # Errors
/// They are of different kernels, or have no case in common.
pub fn compare(old: &Run, new: &Run) -> Result<Comparison, Incomparable> {
    if old.head.kernel != new.head.kernel {
        return Err(Incomparable::Kernels {
            old: old.head.id,
            old_kernel: old.head.kernel.clone(),
            new: new.head.id,
            new_kernel: new.head.kernel.clone(),
        });
    }
    let pairs: Vec<_> = old.summary.cases.iter().filter_map(|case| Some((case, namesake(new, case)?))).collect();
    if pairs.is_empty() {
        return Err(Incomparable::Cases { old: old.head.id, new: new.head.id });
    }
    Ok(Comparison {
        old: old.head.clone(),
        new: new.head.clone(),
        cases: pairs.iter().map(|(a, b)| case(a, b, &walls(old, &a.case), &walls(new, &b.case))).collect(),
        only_old: missing(old, new),
        only_new: missing(new, old),
        warnings: warnings(old, new, &pairs),
    })
}

fn namesake<'a>(run: &'a Run, case: &CaseSummary) -> Option<&'a CaseSummary> {
    run.summary.cases.iter().find(|other| other.case.name == case.case.name)
}

fn missing(from: &Run, in_run: &Run) -> Vec<String> {
    let missing = from.summary.cases.iter().filter(|case| namesake(in_run, case).is_none());
    missing.map(|case| case.case.name.clone()).collect()
}

/// The trials of a case that count.
fn trials<'a>(run: &'a Run, case: &Case) -> impl Iterator<Item = &'a Trial> {
    let index = run.experiment.cases.iter().position(|other| other.name == case.name);
    run.trials.iter().filter(move |trial| counts(trial) && Some(trial.case as usize) == index)
}

fn walls(run: &Run, case: &Case) -> Vec<f64> {
    trials(run, case).filter_map(|trial| trial.wall_ns).map(|wall_ns| wall_ns as f64).collect()
}

fn case(old: &CaseSummary, new: &CaseSummary, old_walls: &[f64], new_walls: &[f64]) -> CaseComparison {
    let ratio = statistics::ratio_of_medians(old_walls, new_walls);
    CaseComparison {
        case: old.case.name.clone(),
        old_trials: old.trials,
        new_trials: new.trials,
        old_wall_ns: old.wall_ns,
        new_wall_ns: new.wall_ns,
        ratio: ratio.map(|ratio| ratio.estimate),
        verdict: ratio.as_ref().map(verdict),
        changes: old.workers.as_ref().zip(new.workers.as_ref()).map_or_else(Vec::new, |(old, new)| changes(old, new)),
    }
}

fn verdict(ratio: &Ratio) -> Verdict {
    match ratio.tie {
        true => Verdict::Tie,
        false if ratio.estimate.median > 1.0 => Verdict::Faster,
        false => Verdict::Slower,
    }
}

/// The phases whose shares changed most.
fn changes(old: &Shares, new: &Shares) -> Vec<ShareChange> {
    let share = |share: &str, old, new| ShareChange { share: share.to_owned(), old, new };
    let mut changes = vec![
        share("compute", old.compute, new.compute),
        share("lock-wait", old.lock_wait, new.lock_wait),
        share("encode+decode", old.serialize, new.serialize),
        share("send+receive", old.transfer, new.transfer),
        share("io-wait", old.io_wait, new.io_wait),
        share("idle", old.idle, new.idle),
        share("startup", old.startup, new.startup),
        share("teardown", old.teardown, new.teardown),
    ];
    changes.retain(|change| change.change().abs() >= CHANGE_MIN);
    changes.sort_by(|a, b| b.change().abs().total_cmp(&a.change().abs()));
    changes.truncate(CHANGES_MAX);
    changes
}

fn warnings(old: &Run, new: &Run, pairs: &[(&CaseSummary, &CaseSummary)]) -> Vec<String> {
    let mut warnings = Vec::new();
    if let (Some(old), Some(new)) = (&old.host, &new.host) {
        warnings.extend(of_hosts(old, new));
    }
    warnings.extend(of_params(old, new));
    warnings.extend(of_settings(old, new));
    warnings.extend(of_results(old, new, pairs));
    warnings.extend(pairs.iter().flat_map(|(a, b)| of_cases(old, new, a, b)));
    warnings
}

/// `host: "lab" before, "den" now`, if they differ.
fn differ<T: PartialEq + std::fmt::Display>(what: &str, old: T, new: T) -> Option<String> {
    (old != new).then(|| format!("{what}: {old} in the old run, {new} in the new one"))
}

fn of_hosts(old: &HostReport, new: &HostReport) -> Vec<String> {
    let differences = [
        differ("machine", &old.hostname, &new.hostname),
        differ("CPU", &old.cpu, &new.cpu),
        differ("system's kernel", &old.kernel, &new.kernel),
        differ("cores", old.cores.len(), new.cores.len()),
        differ("clock", &old.clock, &new.clock),
    ];
    differences.into_iter().flatten().collect()
}

/// Parameters as they were given: one that takes its preset in one run is said to be not given.
fn of_params(old: &Run, new: &Run) -> Vec<String> {
    let (old, new) = (&old.experiment.params, &new.experiment.params);
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let given = |value: Option<&gild_model::experiment::ParamValue>| {
        value.map_or_else(|| "not given".to_owned(), |value| value.to_string())
    };
    let named = names.into_iter();
    named.filter_map(|name| differ(&format!("parameter {name}"), given(old.get(name)), given(new.get(name)))).collect()
}

fn of_settings(old: &Run, new: &Run) -> Vec<String> {
    let library = |run: &Run| run.experiment.plugin.as_ref().map_or(String::new(), |it| it.display().to_string());
    let differences = [
        differ("plugin", library(old), library(new)),
        differ("counters are read per", old.experiment.counters.to_string(), new.experiment.counters.to_string()),
    ];
    differences.into_iter().flatten().collect()
}

/// What the trials of the cases computed, where each run agrees with itself.
fn of_results(old: &Run, new: &Run, pairs: &[(&CaseSummary, &CaseSummary)]) -> Option<String> {
    let agrees = |run: &Run| run.summary.results_identical != Some(false);
    let digest = |run, case: &CaseSummary| trials(run, &case.case).find_map(|trial| trial.digest.clone());
    let differ = |(a, b): &(&CaseSummary, &CaseSummary)| Some(digest(old, a)? != digest(new, b)?);
    (agrees(old) && agrees(new) && pairs.iter().filter_map(differ).any(|it| it))
        .then(|| "results differ: the two runs did not do the same work, or not with the same outcome".to_owned())
}

fn of_cases(old_run: &Run, new_run: &Run, old: &CaseSummary, new: &CaseSummary) -> Vec<String> {
    let tier = |run: &Run, case: &CaseSummary| trials(run, &case.case).map(|trial| trial.tier).min();
    let tiers = tier(old_run, old).zip(tier(new_run, new)).map(|(old, new)| (Tier::name(old), Tier::name(new)));
    let unfinished = |run: &Run, case: &CaseSummary| {
        (case.trials == 0).then(|| format!("no trial of run {} finished, so nothing is said of it", run.head.id))
    };
    let differences = [
        (old.case != new.case).then(|| "the case is not the same in both runs, only its name is".to_owned()),
        old.tasks.zip(new.tasks).and_then(|(old, new)| differ("tasks", old, new)),
        tiers.and_then(|(old, new)| differ("tier of measurement", old, new)),
        unfinished(old_run, old),
        unfinished(new_run, new),
    ];
    differences.into_iter().flatten().map(|warning| format!("{}: {warning}", old.case.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::generate::{done, experiment};
    use crate::summary::summarize;
    use crate::testing::host;
    use gild_model::account::{PhaseAccount, Role, WorkerAccount};
    use gild_model::phase::Phase;
    use gild_model::run::{RunHead, RunStatus};
    use gild_model::trial::TrialStatus;

    fn account(phase: Phase, wall_ns: u64) -> PhaseAccount {
        PhaseAccount {
            phase,
            kernel_phase: None,
            entries: 1,
            wall_ns,
            on_cpu_ns: None,
            preempted_ns: None,
            waking_ns: None,
            run_queue_ns: None,
            blocked_ns: None,
            stolen_ns: None,
            cpu_ns: None,
            counters: Vec::new(),
            lost_records: 0,
            open: false,
        }
    }

    fn worker(compute_ns: u64, lock_ns: u64) -> WorkerAccount {
        WorkerAccount {
            role: Role::Worker,
            index: 0,
            pid: None,
            tid: None,
            thread: None,
            command: None,
            core: None,
            tasks: 1,
            life_ns: None,
            accounted_ns: compute_ns + lock_ns,
            balanced: None,
            cpu_ns: None,
            stolen_ns: None,
            voluntary_switches: None,
            involuntary_switches: None,
            counters: Vec::new(),
            task_counters: Vec::new(),
            phases: vec![account(Phase::Compute, compute_ns), account(Phase::LockWait, lock_ns)],
            notes: Vec::new(),
        }
    }

    /// Five repetitions of three cases, whose wall times are the given ones in milliseconds and a little more each
    /// time; the workers wait for the lock `lock` of 1000 parts of their time.
    fn run(id: RunId, walls_ms: [u64; 3], lock: u64) -> Run {
        let experiment = experiment();
        let trial = |case: u32, repetition: u32| Trial {
            wall_ns: Some((walls_ms[case as usize] + u64::from(repetition)) * 1_000_000),
            workers: vec![worker(1000 - lock, lock)],
            ..done(case, repetition)
        };
        let trials: Vec<_> = (0..15).map(|place| trial(place % 3, place / 3)).collect();
        let submitted_at = "2026-11-22T10:00:00Z".parse().unwrap();
        let head = RunHead {
            id,
            name: experiment.name.clone(),
            kernel: experiment.kernel.clone(),
            status: RunStatus::Done,
            error: None,
            cases: 3,
            trials_done: 15,
            trials_planned: 15,
            submitted_at,
            started_at: None,
            finished_at: None,
            tags: Vec::new(),
            note: None,
        };
        Run { head, summary: summarize(&experiment, &trials, 2), experiment, host: Some(host()), trials }
    }

    /// A run of which something was changed before it was folded.
    fn changed(run: Run, change: impl FnOnce(&mut Run)) -> Run {
        let mut run = run;
        change(&mut run);
        run.summary = summarize(&run.experiment, &run.trials, 2);
        run
    }

    #[track_caller]
    fn warned(old: &Run, new: &Run, expected: &str) {
        let warnings = compare(old, new).unwrap().warnings;
        assert!(warnings.iter().any(|it| it == expected), "{warnings:?} do not say {expected:?}");
    }

    #[test]
    fn each_case_gets_its_verdict_and_what_changed() {
        let comparison = compare(&run(1, [2000, 1000, 1000], 100), &run(2, [1000, 1000, 1500], 300)).unwrap();
        let verdicts: Vec<_> = comparison.cases.iter().map(|case| case.verdict).collect();
        assert_eq!(verdicts, [Some(Verdict::Faster), Some(Verdict::Tie), Some(Verdict::Slower)]);
        let first = &comparison.cases[0];
        assert_eq!((first.case.as_str(), first.old_trials, first.new_trials), ("sequential", 5, 5));
        assert!((first.ratio.unwrap().median - 2002.0 / 1002.0).abs() < 1e-12);
        let changes: Vec<_> = first.changes.iter().map(|it| (it.share.as_str(), it.old, it.new)).collect();
        assert_eq!(changes, [("compute", 0.9, 0.7), ("lock-wait", 0.1, 0.3)]);
        assert_eq!(comparison.warnings, Vec::<String>::new());
    }

    #[test]
    fn cases_are_matched_by_name_wherever_they_stand() {
        let old = run(1, [2000, 1000, 1000], 0);
        let new = changed(run(2, [1000, 2000, 1000], 0), |run| {
            run.experiment.cases.swap(0, 1);
            run.experiment.cases[2].name = "other".to_owned();
        });
        let comparison = compare(&old, &new).unwrap();
        let verdicts: Vec<_> = comparison.cases.iter().map(|case| (case.case.as_str(), case.verdict)).collect();
        assert_eq!(verdicts, [("sequential", Some(Verdict::Tie)), ("threads-10", Some(Verdict::Tie))]);
        assert_eq!((comparison.only_old, comparison.only_new), (vec!["processes-10".into()], vec!["other".into()]));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let (old, new) = (run(1, [1; 3], 0), run(2, [1; 3], 0));
        let other = changed(new.clone(), |run| run.head.kernel = "other".to_owned());
        assert!(
            compare(&old, &other).unwrap_err().to_string().starts_with("run 1 is of the kernel \"a-kernel\", run 2")
        );
        let renamed = changed(new, |run| run.experiment.cases.iter_mut().for_each(|case| case.name += "-b"));
        assert_eq!(compare(&old, &renamed), Err(Incomparable::Cases { old: 1, new: 2 }));
    }

    #[test]
    fn a_case_that_failed_has_no_verdict_and_says_so() {
        let old = run(1, [1; 3], 0);
        let new = changed(run(2, [1; 3], 0), |run| {
            run.trials.iter_mut().filter(|it| it.case == 1).for_each(|it| it.status = TrialStatus::Failed);
        });
        let case = &compare(&old, &new).unwrap().cases[1];
        assert_eq!((case.verdict, case.ratio, case.new_trials), (None, None, 0));
        warned(&old, &new, "threads-10: no trial of run 2 finished, so nothing is said of it");
    }

    #[test]
    fn two_repetitions_are_a_tie() {
        let new = changed(run(2, [1000; 3], 0), |run| run.trials.truncate(6));
        let comparison = compare(&run(1, [2000; 3], 0), &new).unwrap();
        assert!(comparison.cases.iter().all(|case| case.verdict == Some(Verdict::Tie)));
    }

    #[test]
    fn what_else_differs_is_a_warning() {
        let old = run(1, [1; 3], 0);
        let with = |change: fn(&mut Run)| changed(run(2, [1; 3], 0), change);
        let host = |run: &mut Run, change: fn(&mut HostReport)| change(run.host.as_mut().unwrap());
        let elsewhere = changed(run(2, [1; 3], 0), |run| host(run, |it| it.hostname = "den".to_owned()));
        warned(&old, &elsewhere, "machine: lab in the old run, den in the new one");
        let newer = changed(run(2, [1; 3], 0), |run| host(run, |it| it.kernel = "6.2".to_owned()));
        warned(&old, &newer, "system's kernel: 6.1 in the old run, 6.2 in the new one");
        let other = with(|run| run.experiment.params.clear());
        warned(&old, &other, "parameter n: 0.30000000000000004 in the old run, not given in the new one");
        let fewer = with(|run| run.trials.iter_mut().for_each(|trial| trial.tasks_done = 50));
        warned(&old, &fewer, "sequential: tasks: 100 in the old run, 50 in the new one");
        let bare = with(|run| run.trials[1].tier = Tier::Bare);
        warned(&old, &bare, "threads-10: tier of measurement: software in the old run, bare in the new one");
        let wrong = with(|run| run.trials.iter_mut().for_each(|trial| trial.digest = Some("d2".to_owned())));
        warned(&old, &wrong, "results differ: the two runs did not do the same work, or not with the same outcome");
        let wider = with(|run| run.experiment.cases[1].workers = 4);
        warned(&old, &wider, "threads-10: the case is not the same in both runs, only its name is");
    }
}
