//! What a reader of the figures has to know: what does not add up, what was lost, what was in the way.

use std::collections::BTreeMap;

use gild_model::case::{LockPolicy, Model, Pinning};
use gild_model::host::Tier;
use gild_model::lock_wait::top_holder;
use gild_model::plugin::BLOCKS_LOOP;
use gild_model::summary::{CaseNoise, CaseSummary};
use gild_model::trial::Trial;
use gild_model::until::Until;

use super::case::CaseFold;
use super::sentence::percent;
use super::steadiness::{self, Outlier};
use super::subject::BySubject;
use super::{counts, statistics};

/// Above this share of the workers' lives, or of the time of all cores, stolen time is worth a note.
const STOLEN_MAX: f64 = 0.01;
/// Above this share of the time of all cores, what other programs used is worth a note.
const OTHERS_MAX: f64 = 0.05;
/// Above this share of the workers' lives, waiting for a core that should have been free is worth a note.
const CROWDED_MAX: f64 = 0.01;
/// Above this share of the workers' lives, the cost of the accounting is worth a note.
const ACCOUNTING_MAX: f64 = 0.005;
/// Above this share of the workers' lives, states that do not add up are worth a note.
const GAP_MAX: f64 = 0.001;
/// With fewer repetitions than this, no interval made of the values measured reaches 90 % (1 − 2·½ⁿ).
const REPETITIONS_FOR_90: usize = 5;
/// Most outliers of a case that are named.
const OUTLIERS_MAX: usize = 3;
/// Who held the interpreter's lock is said where waiting for it takes at least this share of all lives.
const WAITS_MIN: f64 = 0.05;
/// Most notes of workers that are passed on.
const WORKER_NOTES_MAX: usize = 10;

/// What single trials and workers have to say, collected over a run.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Trials that count, and those of them without context-switch records.
    trials: u32,
    bare: u32,
    /// Notes of workers, without the shares of lives that they begin with: the largest of these, and of how many.
    of_workers: BTreeMap<String, (f64, u64)>,
    /// The function that held the interpreter's lock longest in the trial in which others waited for it most, and how large a part of
    /// all lives that is.
    top_holder: Option<(f64, String)>,
}

impl Notes {
    /// Takes in a trial, if it counts.
    pub fn add(&mut self, trial: &Trial) {
        if !counts(trial) {
            return;
        }
        self.trials += 1;
        self.bare += u32::from(trial.tier < Tier::Software);
        self.add_holders(trial);
        // Said of the case.
        let of_workers = trial.workers.iter().flat_map(|worker| &worker.notes).filter(|note| *note != BLOCKS_LOOP);
        for note in of_workers {
            let (share, rest) = share_of_life(note);
            let (most, count) = self.of_workers.entry(rest.to_owned()).or_default();
            (*most, *count) = (most.max(share), *count + 1);
        }
    }

    fn add_holders(&mut self, trial: &Trial) {
        let Some(holders) = &trial.holders else { return };
        let waited_ns: u64 = holders.iter().map(|it| it.waited_ns).sum();
        let lives_ns: u64 = trial.workers.iter().map(|it| it.accounted_ns).sum();
        let share = waited_ns as f64 / lives_ns.max(1) as f64;
        let most = self.top_holder.as_ref().map_or(WAITS_MIN, |(most, _)| *most);
        if share >= most
            && let Some(said) = top_holder(holders)
        {
            self.top_holder = Some((share, said));
        }
    }

    /// The notes.
    pub fn finish(self) -> impl Iterator<Item = String> {
        let bare = (self.bare > 0).then(|| {
            format!(
                "trials measured at tier bare, without context-switch records: {} of {}; being pushed off a core and \
                 waiting for one after being woken are not told apart there (gilctl doctor says what to do)",
                self.bare, self.trials
            )
        });
        let left_out = self.of_workers.len().saturating_sub(WORKER_NOTES_MAX);
        let left_out =
            (left_out > 0).then(|| format!("further notes of workers, to be read with the trials: {left_out}"));
        let of_workers = self.of_workers.into_iter().take(WORKER_NOTES_MAX);
        let of_workers = of_workers.map(|(rest, (most, count))| match (most > 0.0, count) {
            (false, _) => format!("{rest} (rows of accounts: {count})"),
            (true, 1) => format!("for {most:.1}{rest} (rows of accounts: 1)"),
            (true, _) => format!("for up to {most:.1}{rest} (rows of accounts: {count})"),
        });
        let top_holder = self.top_holder.map(|(_, it)| format!("{it} (gilctl show --locks has all of them)"));
        top_holder.into_iter().chain(bare).chain(of_workers).chain(left_out)
    }
}

/// The percentage in `for 12.5 % of its life …`, and what follows it: notes that differ in nothing else are one. Of other notes 0, and all of it.
fn share_of_life(note: &str) -> (f64, &str) {
    let split = || {
        let rest = note.strip_prefix("for ")?;
        let end = rest.find(" % of its life ")?;
        Some((rest[..end].parse().ok()?, &rest[end..]))
    };
    split().unwrap_or((0.0, note))
}

/// Notes on the results of the trials of equal parameters, which the label names where there are others.
pub(super) fn of_results(identical: Option<bool>, verified: Option<bool>, label: &str) -> Vec<String> {
    let differ = identical == Some(false);
    let wrong = verified == Some(false);
    let notes = [
        differ.then_some("results differ between trials: the cases did not do the same work, so times do not compare"),
        wrong.then_some("the kernel's own check says that results are wrong"),
    ];
    let place = if label.is_empty() { String::new() } else { format!("{label}: ") };
    notes.into_iter().flatten().map(|note| format!("{place}{note}")).collect()
}

/// Notes on the cases, subject by subject.
pub(super) fn of_cases(
    cases: &[CaseFold],
    lines: &[CaseSummary],
    cores: usize,
    until: Option<Until>,
) -> impl Iterator<Item = String> {
    let mut subjects: Vec<BySubject> = Vec::new();
    for (case, line) in cases.iter().zip(lines) {
        let notes = of_case(case, line, cores, until);
        subjects.resize_with(notes.len(), BySubject::default);
        for (subject, note) in subjects.iter_mut().zip(notes) {
            note.into_iter().for_each(|note| subject.add(&case.case.name, note));
        }
    }
    let cases = cases.len();
    subjects.into_iter().flat_map(move |subject| subject.finish(cases))
}

/// Notes on one case: for each subject one, or none.
fn of_case(case: &CaseFold, line: &CaseSummary, cores: usize, until: Option<Until>) -> Vec<Option<String>> {
    vec![
        blocks_loop(case),
        slow_start(case),
        outliers(case),
        unbalanced(case, line),
        gap(case),
        lost_records(line),
        damaged_times(case),
        oversubscribed(case, cores),
        stolen(case, line),
        others(case, line, cores),
        throttled(line),
        accounting(line),
        wide_interval(line),
        until.and_then(|until| not_narrow_yet(line, until)),
    ]
}

fn blocks_loop(case: &CaseFold) -> Option<String> {
    case.blocks_loop.then(|| {
        "the kernel has no asynchronous form: each task blocks the event loop, so they ran one after the other"
            .to_owned()
    })
}

/// The wall times in the order of the repetitions, and the outliers among them.
fn steadiness_of(case: &CaseFold) -> (Vec<f64>, Vec<Outlier>) {
    let walls: Vec<_> = case.wall_ns.values().map(|wall_ns| *wall_ns as f64).collect();
    let outliers = steadiness::outliers(&walls);
    (walls, outliers)
}

fn slow_start(case: &CaseFold) -> Option<String> {
    let (walls, outliers) = steadiness_of(case);
    let start = steadiness::slow_start(&walls, &outliers);
    let slower = statistics::median(walls.get(..start)?)? / statistics::median(&walls[start..])?;
    let which = if start == 1 { "repetition was" } else { &format!("{start} repetitions were") };
    Some(format!("the first {which} slower than the rest ({slower:.2}× as long): add warm-ups"))
}

/// Outliers but those of a slow start. Repetitions are counted from 1, as on the screen.
fn outliers(case: &CaseFold) -> Option<String> {
    let (walls, mut outliers) = steadiness_of(case);
    let start = steadiness::slow_start(&walls, &outliers);
    outliers.retain(|outlier| outlier.place >= start);
    outliers.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
    let number = |outlier: &Outlier| case.wall_ns.keys().nth(outlier.place).map(|repetition| repetition + 1);
    let named = outliers.iter().take(OUTLIERS_MAX);
    let name = |it: &Outlier| Some(format!("{} ({:.2}× the median{})", number(it)?, it.ratio, meanwhile(case, it)));
    let named: Vec<_> = named.filter_map(name).collect();
    let others = outliers.len().saturating_sub(OUTLIERS_MAX);
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let plural = outliers.len() > 1;
    let (repetition, is) = if plural { ("repetitions", "are outliers") } else { ("repetition", "is an outlier") };
    (!named.is_empty()).then(|| {
        format!("{repetition} {}{others} {is}: the machine may have been busy with something else", named.join(", "))
    })
}

/// `, other programs 35.0 %`, if it was measured.
fn meanwhile(case: &CaseFold, outlier: &Outlier) -> String {
    let repetition = case.wall_ns.keys().nth(outlier.place);
    let noise = repetition.and_then(|it| case.noises.get(it)?.as_ref());
    let share = noise.and_then(|noise| noise.other_share());
    share.map_or_else(String::new, |share| format!(", other programs {}", percent(share)))
}

fn unbalanced(case: &CaseFold, line: &CaseSummary) -> Option<String> {
    let off = format!("rows of accounts more than 0.1 % off the life they account for: {}", line.unbalanced);
    let unchecked = format!("rows of accounts without a life to compare them with: {}", case.unchecked);
    match (line.unbalanced, case.unchecked) {
        (0, 0) => None,
        (_, 0) => Some(off),
        (0, _) => Some(unchecked),
        _ => Some(format!("{off}; {unchecked}")),
    }
}

fn gap(case: &CaseFold) -> Option<String> {
    let gap = case.workers.states_gap().filter(|gap| *gap > GAP_MAX)?;
    Some(format!("on-cpu, run-queue, blocked and stolen are {:.2} % off the phases they are parts of", gap * 100.0))
}

fn lost_records(line: &CaseSummary) -> Option<String> {
    (line.lost_records > 0).then(|| {
        format!(
            "context-switch records lost: {}; the phases they fell in have their states from schedstat and CPU time",
            line.lost_records
        )
    })
}

fn damaged_times(case: &CaseFold) -> Option<String> {
    let damaged = case.task_times.damaged;
    (damaged > 0).then(|| {
        format!("trials whose stored times of tasks cannot be read: {damaged}; the case has no figures of its tasks")
    })
}

/// Workers that could all run at once but have too few cores. Workers behind a lock run one at a time anyway.
fn oversubscribed(case: &CaseFold, cores: usize) -> Option<String> {
    // The threads of a recorded program may not have been there at the same time, and may not have had anything to do.
    if case.case.model == Model::Recorded {
        return None;
    }
    let workers = case.case.workers;
    let behind_a_lock = case.case.lock.is_some_and(|lock| lock != LockPolicy::None);
    let at_once = if behind_a_lock { workers / case.case.threads_per_process.unwrap_or(workers) } else { workers };
    let too_many = at_once > 1 && cores > 0 && at_once as usize > cores && case.workers.life_ns() > 0;
    let plural = if cores == 1 { "" } else { "s" };
    too_many.then(|| format!("{workers} workers shared {cores} core{plural}, so they waited for one another"))
}

/// What the hypervisor took, of the workers by the accounts, of the whole machine by /proc/stat.
fn stolen(case: &CaseFold, line: &CaseSummary) -> Option<String> {
    let of_workers = case.workers.stolen_share();
    let of_cores = line.noise.as_ref().and_then(|noise| Some((noise.steal?, of_time_of(noise.cpus))));
    if of_workers.into_iter().chain(of_cores.as_ref().map(|it| it.0)).all(|share| share <= STOLEN_MAX) {
        return None;
    }
    let of_workers = of_workers.map(|share| format!("{} of the workers' time (an estimate)", percent(share)));
    let of_cores = of_cores.map(|(share, of_time)| format!("{} {of_time} (by /proc/stat)", percent(share)));
    let shares: Vec<_> = of_workers.into_iter().chain(of_cores).collect();
    Some(format!("the hypervisor took {}; wall times include it", shares.join(", ")))
}

/// Other programs on the cores: the workers waited for a core, or the machine was at work for others.
fn others(case: &CaseFold, line: &CaseSummary, cores: usize) -> Option<String> {
    let used = line.noise.as_ref().and_then(|noise| Some((noise.other_cpu?, used(noise)?)));
    match (crowded(case, line, cores), used) {
        (None, None) => None,
        (None, Some((share, used))) => {
            (share > OTHERS_MAX).then(|| format!("noise: other programs used {used}: stop them and run it again"))
        }
        (Some(waited), used) => {
            let used = used.map_or_else(String::new, |(_, used)| format!(" and used {used}"));
            Some(format!(
                "noise: the workers waited {} of their time for a core though there were cores enough: other programs \
                 were running{used}",
                percent(waited)
            ))
        }
    }
}

/// `12.0 % of the time of 2 cores (up to 35.0 % in repetition 3)`
fn used(noise: &CaseNoise) -> Option<String> {
    let share = noise.other_cpu?;
    let peak = noise.other_cpu_most.filter(|most| *most >= share + super::noise::PEAK_MIN);
    let peak = peak.zip(noise.other_cpu_most_repetition);
    let peak = peak.map(|(most, repetition)| format!(" (up to {} in repetition {})", percent(most), repetition + 1));
    Some(format!("{} {}{}", percent(share), of_time_of(noise.cpus), peak.unwrap_or_default()))
}

fn of_time_of(cpus: u32) -> String {
    format!("of the time of {cpus} core{}", if cpus == 1 { "" } else { "s" })
}

fn throttled(line: &CaseSummary) -> Option<String> {
    let times = line.noise.as_ref()?.throttles.filter(|times| *times > 0)?;
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    Some(format!("CPUs were slowed down {times} because they were too hot"))
}

/// The share of their time that the workers waited for a core where there were cores enough. Of more than one worker only
/// being pushed off a core counts, because waking one another takes a moment on an idle machine too.
fn crowded(case: &CaseFold, line: &CaseSummary, cores: usize) -> Option<f64> {
    let shares = line.workers.as_ref()?;
    // Next to the workers runs the coordinator, unless it lends its thread to the worker.
    let (threads, share) = match case.case.model.lends_coordinator() {
        true => (1, shares.run_queue),
        false => (case.case.workers as usize + 1, shares.preempted),
    };
    share.filter(|share| *share > CROWDED_MAX && threads <= cores && case.case.pinning == Pinning::None)
}

fn accounting(line: &CaseSummary) -> Option<String> {
    let share = line.accounting.filter(|share| *share > ACCOUNTING_MAX)?;
    Some(format!(
        "the accounting itself cost {:.1} % of the workers' time; counters read per task or per trial cost less",
        share * 100.0
    ))
}

/// A case that was to be repeated until its interval is narrow, and whose interval is not.
fn not_narrow_yet(line: &CaseSummary, until: Until) -> Option<String> {
    let asked = until.half_width;
    let half_width = line.wall_ns.as_ref().and_then(|wall| wall.half_width());
    let is = match half_width {
        Some(half_width) if half_width <= asked => return None,
        Some(half_width) => format!("± {:.2} %", half_width * 100.0),
        None => "not known".to_owned(),
    };
    // Rounded, because 0.07 times 100 is 7.000000000000001.
    let asked = (asked * 1e8).round() / 1e6;
    (line.trials > 0)
        .then(|| format!("asked for an interval of ± {asked} %; after {} repetitions it is {is}", line.trials))
}

fn wide_interval(line: &CaseSummary) -> Option<String> {
    let trials = line.trials as usize;
    // Nothing is claimed of a recording beside what was measured in it.
    if line.case.model == Model::Recorded || trials == 0 || trials >= REPETITIONS_FOR_90 {
        return None;
    }
    if trials < statistics::VALUES_MIN {
        let least = statistics::VALUES_MIN;
        return Some(format!(
            "fewer than {least} repetitions have no confidence interval, so no difference is claimed"
        ));
    }
    let reached = 100.0 * (1.0 - 2.0 * 0.5_f64.powi(trials as i32));
    Some(format!(
        "the interval of {trials} repetitions is their range, which holds the true median {reached} % of the time"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::generate::{done, experiment};
    use crate::summary::summarize;
    use gild_model::noise::Noise;

    /// Notes of six sequential trials, each of two CPUs for ten seconds, of whose time the hypervisor and other programs took
    /// these shares in percent.
    fn notes(steal_percent: u64, others_percent: [u64; 6], throttles: Option<u64>) -> Vec<String> {
        let noise = |others_percent| Noise {
            window_ns: 10_000_000_000,
            cpus: 2,
            steal_ns: Some(200_000_000 * steal_percent),
            steal_most_ns: Some(200_000_000 * steal_percent),
            other_cpu_ns: Some(200_000_000 * others_percent),
            frequency_min_khz: None,
            frequency_max_khz: None,
            throttles,
        };
        let trial = |(repetition, others)| Trial { noise: Some(noise(others)), ..done(0, repetition) };
        let trials: Vec<_> = (0..).zip(others_percent).map(trial).collect();
        summarize(&experiment(), &trials, 2).notes
    }

    #[test]
    fn a_quiet_machine_has_no_note() {
        assert_eq!(notes(1, [5; 6], Some(0)), Vec::<String>::new());
    }

    #[test]
    fn other_programs_are_noted_with_the_trial_that_had_most_of_them() {
        let even = "sequential: noise: other programs used 6.0 % of the time of 2 cores: stop them and run it again";
        assert_eq!(notes(0, [6; 6], None), [even]);
        let uneven = "sequential: noise: other programs used 10.0 % of the time of 2 cores (up to 60.0 % in repetition 4): stop \
                      them and run it again";
        assert_eq!(notes(0, [0, 0, 0, 60, 0, 0], None), [uneven]);
    }

    #[test]
    fn what_the_hypervisor_took_is_noted_of_the_machine_where_workers_do_not_know() {
        let expected =
            "sequential: the hypervisor took 2.0 % of the time of 2 cores (by /proc/stat); wall times include it";
        assert_eq!(notes(2, [0; 6], None), [expected]);
    }

    #[test]
    fn heat_is_noted() {
        assert_eq!(notes(0, [0; 6], Some(2)), ["sequential: CPUs were slowed down 12 times because they were too hot"]);
    }
}
