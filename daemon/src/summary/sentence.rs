//! A case in one plain sentence, from its accounts alone.
//!
//! The sentence divides the workers' time into parts that do not overlap: waiting for a core is taken out of the
//! phase in which it happened and said once. Only waiting for the lock keeps it, because a worker that is woken
//! with the lock in its hand and waits for a core still waits. Where waiting for a core was not measured, the
//! phase is said as it is, and of all waiting for a core it is said that there was at least so much.

use std::collections::BTreeMap;

use gild_model::case::{Case, Model};
use gild_model::phase::Phase;
use gild_model::summary::Ratio;

use super::case::{Reference, Standing};
use super::shares::Pool;

/// Parts smaller than this are left out, but for computing.
const WORTH_SAYING: f64 = 0.01;
/// Most parts that one sentence names.
const PARTS_MAX: usize = 3;

/// What the sentence is made of.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// The case.
    pub case: &'a Case,
    /// Trials that count.
    pub trials: u32,
    /// Trials that failed.
    pub failed: u32,
    /// Why the first of them failed.
    pub error: Option<&'a str>,
    /// The workers' accounts.
    pub workers: &'a Pool,
    /// Where it stands among the others.
    pub standing: &'a Standing<'a>,
    /// How it compares.
    pub versus: Option<Ratio>,
    /// A kernel without an asynchronous form was run on an event loop.
    pub blocks_loop: bool,
}

/// Which cases a sentence has to name, because that of another one would begin with the same words.
pub(super) fn need_names<'a>(cases: impl Iterator<Item = &'a Case> + Clone) -> Vec<bool> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    cases.clone().for_each(|case| *counts.entry(who(case)).or_default() += 1);
    cases.map(|case| counts[&who(case)] > 1).collect()
}

/// The sentence, after the case's name where it needs one.
pub(super) fn of(facts: &Facts<'_>) -> String {
    let sentence = unnamed(facts);
    if facts.standing.named { format!("{}: {sentence}", facts.case.name) } else { sentence }
}

fn unnamed(facts: &Facts<'_>) -> String {
    if facts.trials == 0 {
        return match facts.failed {
            0 => "No trial has finished.".to_owned(),
            _ => format!("No trial succeeded: {}.", reason(facts.error)),
        };
    }
    let mut sentence = match (whereabouts(facts), verdict(facts)) {
        (Some(whereabouts), Some(verdict)) => format!("{whereabouts}: {verdict}"),
        (Some(only), None) => only,
        (None, Some(verdict)) => format!("{}: {verdict}", who_of(facts)),
        (None, None) => format!("{}: nothing but wall time was measured", who_of(facts)),
    };
    if let Some(cost) = cost_of_values(facts) {
        sentence += &format!("; encoding and moving values cost {}{}", percent(cost), of_their_time(facts));
    }
    sentence += ".";
    if facts.failed > 0 {
        let trials = if facts.failed == 1 { "1 trial".to_owned() } else { format!("{} trials", facts.failed) };
        sentence += &format!(" {trials} failed: {}.", reason(facts.error));
    }
    sentence
}

/// A part of the workers' time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Compute,
    Lock,
    OtherLock,
    Core,
    Values,
    Io,
    Idle,
    Startup,
    Teardown,
}

impl Part {
    const ALL: [Part; 9] = [
        Part::Compute,
        Part::Lock,
        Part::OtherLock,
        Part::Core,
        Part::Values,
        Part::Io,
        Part::Idle,
        Part::Startup,
        Part::Teardown,
    ];

    /// What follows "x % of their time".
    fn words(self) -> &'static str {
        match self {
            Part::Compute => "computing",
            Part::Lock => "waiting for the lock",
            Part::OtherLock => "waiting for other locks",
            Part::Core => "waiting for a core",
            Part::Values => "encoding and moving values",
            Part::Io => "waiting in the kernel's own blocking regions",
            Part::Idle => "without a task",
            Part::Startup => "starting",
            Part::Teardown => "ending",
        }
    }

    fn phases(self) -> &'static [Phase] {
        match self {
            Part::Compute => &[Phase::Compute],
            Part::Lock => &[Phase::LockWait, Phase::SwitchWait],
            Part::OtherLock => &[Phase::OtherLock],
            Part::Core => &[],
            Part::Values => &[Phase::Encode, Phase::Decode, Phase::Send, Phase::Receive],
            Part::Io => &[Phase::IoWait],
            Part::Idle => &[Phase::Idle],
            Part::Startup => &[Phase::Startup, Phase::Launch],
            Part::Teardown => &[Phase::Teardown],
        }
    }

    /// Its wall time and, of it, the waiting for a core that [`Part::Core`] takes away, in nanoseconds.
    fn times_ns(self, pool: &Pool) -> (u128, u128) {
        let pools = || self.phases().iter().map(|phase| pool.phase(*phase));
        let wall_ns = pools().map(|phase| phase.wall_ns).sum();
        let run_queue_ns = match self {
            Part::Lock => 0,
            _ => pools().map(|phase| phase.run_queue_ns.0.unwrap_or(0).min(phase.wall_ns)).sum(),
        };
        (wall_ns, run_queue_ns)
    }

    /// Its share of the workers' time.
    fn share(self, pool: &Pool) -> f64 {
        let part_ns = match self {
            Part::Core => Part::ALL.into_iter().map(|part| part.times_ns(pool).1).sum(),
            _ => {
                let (wall_ns, run_queue_ns) = self.times_ns(pool);
                wall_ns - run_queue_ns
            }
        };
        part_ns as f64 / pool.life_ns() as f64
    }
}

/// Who spent their time on what, the largest parts first; `None` without accounts.
fn whereabouts(facts: &Facts<'_>) -> Option<String> {
    let parts = parts_worth_saying(facts.workers)?;
    let (largest, others) = parts.split_first()?;
    let mut words = vec![part_in_words(*largest, of_their_time(facts), facts)];
    words.extend(others.iter().map(|part| part_in_words(*part, "", facts)));
    let last = words.pop()?;
    let list = if words.is_empty() { last } else { format!("{} and {last}", words.join(", ")) };
    Some(format!("{} spent {list}", who_of(facts)))
}

fn of_their_time(facts: &Facts<'_>) -> &'static str {
    if facts.case.workers == 1 { " of its time" } else { " of their time" }
}

/// The largest parts, and computing in any case.
fn parts_worth_saying(pool: &Pool) -> Option<Vec<Part>> {
    if pool.life_ns() == 0 {
        return None;
    }
    let mut parts = Part::ALL.to_vec();
    parts.sort_by(|a, b| b.share(pool).total_cmp(&a.share(pool)));
    parts.truncate(PARTS_MAX);
    parts.retain(|part| part.share(pool) >= WORTH_SAYING || *part == Part::Compute);
    if !parts.contains(&Part::Compute) {
        parts.truncate(PARTS_MAX - 1);
        parts.push(Part::Compute);
    }
    Some(parts)
}

fn part_in_words(part: Part, of_their_time: &str, facts: &Facts<'_>) -> String {
    let (recorded, in_python) = (facts.case.model == Model::Recorded, facts.case.python.is_some());
    let on_loop = facts.case.model == Model::EventLoop && !facts.blocks_loop;
    let doing = match (part, facts.case.in_flight) {
        (Part::Lock, _) if recorded || in_python => "waiting for the interpreter's lock (GIL)",
        (Part::Idle, _) if recorded => "with nothing to do",
        (Part::Io, Some(1)) if on_loop => "waiting until it could go on",
        (Part::Io, _) if on_loop => "waiting until one of them could go on",
        (Part::Io, _) if recorded || in_python => "in calls that wait for input, output or children",
        _ => part.words(),
    };
    let at_least = if part == Part::Core && !knows_all_queueing(facts.workers) { "at least " } else { "" };
    let words = format!("{at_least}{}{of_their_time} {doing}", percent(part.share(facts.workers)));
    match (part, facts.standing.cores) {
        (Part::Core, 1) => words + " (1 core)",
        (Part::Core, 2..) => format!("{words} ({} cores)", facts.standing.cores),
        _ => words,
    }
}

/// Whether waiting for a core was measured in every phase from which it is taken out.
fn knows_all_queueing(pool: &Pool) -> bool {
    let phases = Part::ALL.iter().filter(|part| **part != Part::Lock).flat_map(|part| part.phases());
    phases.map(|phase| pool.phase(*phase)).all(|phase| phase.wall_ns == 0 || phase.run_queue_ns.0.is_some())
}

/// What encoding, decoding and moving values cost, where it is not among the largest parts but there was some.
fn cost_of_values(facts: &Facts<'_>) -> Option<f64> {
    let said = parts_worth_saying(facts.workers)?.contains(&Part::Values);
    let cost = Part::Values.share(facts.workers);
    (cost > 0.0 && !said).then_some(cost)
}

/// How the case compares; `None` if there is nothing to compare it with.
fn verdict(facts: &Facts<'_>) -> Option<String> {
    let baseline = match facts.standing.reference {
        Reference::Nothing => return None,
        Reference::Itself => return Some("what the others are compared with".to_owned()),
        Reference::Other(baseline) => baseline.name(),
    };
    let Ratio { estimate, tie } = facts.versus?;
    let times =
        if estimate.median < 0.005 { "less than 0.01×".to_owned() } else { format!("{:.2}×", estimate.median) };
    Some(match (estimate.low, tie) {
        (None, _) => format!("{times} as fast as {baseline} (too few repetitions to tell whether that is chance)"),
        (_, true) => format!("not measurably faster than {baseline} ({times}, a tie)"),
        (_, false) if estimate.median > 1.0 => format!("{times} as fast as {baseline}"),
        (_, false) => format!("slower than {baseline} ({times} as fast)"),
    })
}

/// The workers in words, and whether the loop could do its work.
fn who_of(facts: &Facts<'_>) -> String {
    match (facts.case.model, facts.blocks_loop) {
        (Model::EventLoop, true) => "1 thread with an event loop, blocked by every task,".to_owned(),
        _ => who(facts.case),
    }
}

/// The workers of a case in words: `10 threads`.
pub(crate) fn who(case: &Case) -> String {
    match (case.model, case.threads_per_process) {
        (Model::Sequential | Model::Threads, _) => count(case.workers, "thread", "s"),
        (Model::Processes, _) => count(case.workers, "process", "es"),
        (Model::Subinterpreters, _) => count(case.workers, "sub-interpreter", "s"),
        (Model::EventLoop, _) => match case.in_flight {
            Some(in_flight) => format!("1 thread with {} in flight", count(in_flight, "task", "s")),
            None => "1 thread with all tasks in flight".to_owned(),
        },
        (Model::Recorded, _) => count(case.workers, "thread", "s"),
        (Model::Hybrid, threads) => {
            let threads = threads.unwrap_or(1);
            format!("{} in {}", count(case.workers, "thread", "s"), count(case.workers / threads, "process", "es"))
        }
    }
}

fn count(number: u32, noun: &str, plural: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { plural })
}

/// A share in words: never "0.0 %" of something that was there, never "100.0 %" of something that was not all.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "less than 0.1 %".to_owned()
    } else if (99.95..100.0).contains(&percent) {
        "more than 99.9 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// The first line of an error, without a full stop of its own.
fn reason(error: Option<&str>) -> &str {
    let line = error.and_then(|error| error.lines().find(|line| !line.trim().is_empty())).unwrap_or("no reason given");
    line.trim().trim_end_matches('.')
}
