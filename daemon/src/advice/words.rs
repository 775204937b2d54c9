//! The answer in two sentences: what to do, and why, each with the figure that it rests on.

use gild_model::advice::Bound;
use gild_model::case::Model;
use gild_model::summary::Ratio;

use super::bounds::{self, Found};
use super::choice::{Choice, Doubt};
use super::evidence::Evidence;
use super::models::at_once;
use super::python;
use crate::summary::sentence::{percent, who};

/// Most ties that are named with their figures.
const TIES_MAX: usize = 1;

/// The two sentences.
pub(crate) fn sentences(evidence: &[Evidence], choice: &Choice) -> Vec<String> {
    match &choice.case {
        Ok(case) => vec![what(evidence, choice, *case), why(evidence, choice, *case)],
        Err(doubt) => {
            let (what, remedy) = doubted(evidence, choice, doubt);
            vec![format!("Not enough evidence: {what}."), format!("{remedy}.")]
        }
    }
}

/// `Use 2 processes (processes-2): 1.90× as fast as sequential (95 % CI 1.80 to 2.00).`
fn what(evidence: &[Evidence], choice: &Choice, case: usize) -> String {
    let chosen = &evidence[case].case;
    let base = base(evidence);
    let mut parts = Vec::new();
    if base != Some(case)
        && let Some((base, ratio)) = base.and_then(|base| Some((base, choice.slower[base]?)))
        && !ratio.tie
    {
        let direction = if ratio.estimate.median < 1.0 { "only " } else { "" };
        parts.push(format!("{direction}{} as fast as {}{}", times(ratio), evidence[base].case.name, interval(ratio)));
    }
    parts.extend(ties(evidence, choice));
    if parts.is_empty() {
        parts.extend(next_best(evidence, choice, case));
    }
    let name = match python::executor(&evidence[case]) {
        Some(executor) => format!("{executor} ({})", chosen.name),
        None if chosen.model == Model::Sequential => chosen.name.clone(),
        None => format!("{} ({})", who(chosen), chosen.name),
    };
    format!("Use {name}: {}.", parts.join("; "))
}

/// The case that the others are compared with: the sequential one, else the first.
fn base(evidence: &[Evidence]) -> Option<usize> {
    let finished = |it: &&Evidence| it.wall.is_some();
    let sequential = evidence.iter().position(|it| it.case.model == Model::Sequential && finished(&it));
    sequential.or_else(|| evidence.iter().position(|it| finished(&it)))
}

/// `a tie with threads-2, which takes 1.01× as long (95 % CI 0.98 to 1.03)`
fn ties(evidence: &[Evidence], choice: &Choice) -> Option<String> {
    let tie = |at: &usize| {
        let ratio = choice.slower[*at]?;
        Some(format!("{}, which takes {} as long{}", evidence[*at].case.name, times(ratio), interval(ratio)))
    };
    let named: Vec<_> = choice.tied.iter().take(TIES_MAX).filter_map(tie).collect();
    let more = choice.tied.len().saturating_sub(named.len());
    let more = if more > 0 { format!(", and with {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("a tie with {}{more}", named.join(", and with ")))
}

/// `processes-2, the next best, takes 3.10× as long (95 % CI 2.90 to 3.30)`
fn next_best(evidence: &[Evidence], choice: &Choice, case: usize) -> Option<String> {
    let others = (0..evidence.len()).filter(|at| *at != case && evidence[*at].failed == 0);
    let measured = others.filter_map(|at| Some((at, choice.slower[at]?)));
    let (next, ratio) = measured.min_by(|a, b| a.1.estimate.median.total_cmp(&b.1.estimate.median))?;
    Some(format!("{}, the next best, takes {} as long{}", evidence[next].case.name, times(ratio), interval(ratio)))
}

/// What another case loses, and what the chosen one does with its time.
fn why(evidence: &[Evidence], choice: &Choice, case: usize) -> String {
    let clauses = [contrast(evidence, choice, case), own(&evidence[case])].into_iter().flatten();
    let clauses: Vec<_> = clauses.collect();
    if clauses.is_empty() { "There are no accounts that say why.".to_owned() } else { clauses.join("; ") + "." }
}

/// The slower case that loses most to something, and what that is.
fn contrast(evidence: &[Evidence], choice: &Choice, case: usize) -> Option<String> {
    let is_slower = |at: &usize| *at != case && choice.slower[*at].is_some_and(|ratio| !ratio.tie);
    let slower = (0..evidence.len()).filter(is_slower).filter_map(|at| Some((at, bounds::of(&evidence[at])?)));
    let loses = |found: &Found| !matches!(found.bound, Bound::Computing | Bound::Nothing | Bound::Loop);
    let rank = |found: &Found| (loses(found), found.share);
    let most = slower.max_by(|a, b| {
        let (a, b) = (rank(&a.1), rank(&b.1));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    most.map(|(at, found)| spends(&evidence[at], &found))
}

/// `threads-10's workers spend 89.8 % of their time waiting for the lock`: what a worker does, in the figures of the case's sentence;
/// else in parts of the wall time.
fn spends(evidence: &Evidence, found: &Found) -> String {
    let (name, doing) = (&evidence.case.name, doing(evidence, found.bound));
    match bounds::share_of_lives(evidence, found.bound) {
        Some(share) if evidence.case.workers == 1 => format!("{name} spends {} of its time {doing}", percent(share)),
        Some(share) => format!("{name}'s workers spend {} of their time {doing}", percent(share)),
        None => format!("{name} spends {} of its wall time {doing}", percent(found.share)),
    }
}

fn doing(evidence: &Evidence, bound: Bound) -> String {
    let used = evidence.parallelism.filter(|_| evidence.cores > 0);
    let cores = used.map(|used| format!(", on {used:.2} of {}", cores(evidence.cores))).unwrap_or_default();
    match bound {
        Bound::Lock if evidence.interpreter.is_some() => "waiting for the interpreter's lock (GIL)".to_owned(),
        Bound::Lock => "waiting for the lock".to_owned(),
        Bound::Serialization => "encoding and decoding values".to_owned(),
        Bound::Transfer => "moving values".to_owned(),
        Bound::Dispatch => "between tasks".to_owned(),
        Bound::Cores => "waiting for a core".to_owned(),
        Bound::StartUp => "starting and ending workers".to_owned(),
        Bound::Io => "waiting for I/O".to_owned(),
        Bound::Imbalance => "with workers that have nothing left to do".to_owned(),
        Bound::Loop | Bound::Computing | Bound::Nothing => format!("computing{cores}"),
    }
}

fn cores(count: usize) -> String {
    format!("{count} core{}", if count == 1 { "" } else { "s" })
}

/// What the chosen case does with its time, what its values cost, and what follows from it.
fn own(evidence: &Evidence) -> Option<String> {
    let found = bounds::of(evidence)?;
    let values = bounds::share_of_values(evidence).filter(|share| *share > 0.0 && evidence.case.model.has_transport());
    let said = matches!(found.bound, Bound::Serialization | Bound::Transfer);
    let values = values.filter(|_| !said).map(|share| {
        format!(", and encoding and moving values at both ends takes {} of the wall time", percent(share))
    });
    Some(format!("{}{}: {}", spends(evidence, &found), values.unwrap_or_default(), consequence(evidence, &found)))
}

fn consequence(evidence: &Evidence, found: &Found) -> String {
    let at_once = at_once(&evidence.case) as usize;
    let at_best = |without: &str| match found.at_best {
        Some(at_best) => format!("at best {at_best:.2}× as fast {without}"),
        None => format!("it would be faster {without}"),
    };
    match found.bound {
        Bound::Nothing => "more workers gain nothing".to_owned(),
        Bound::Cores if evidence.cores > 0 && at_once > evidence.cores => {
            format!("with {}, fewer workers may do as well", cores(evidence.cores))
        }
        Bound::Cores => "others used them".to_owned(),
        Bound::Computing | Bound::Loop if evidence.cores > 1 => at_best("if all cores computed"),
        Bound::Computing | Bound::Loop => "only less computing makes it faster".to_owned(),
        _ => at_best("without that"),
    }
}

/// What is in doubt, and what to do about it.
fn doubted(evidence: &[Evidence], choice: &Choice, doubt: &Doubt) -> (String, String) {
    let name = |at: usize| &evidence[at].case.name;
    match doubt {
        Doubt::NothingFinished => {
            ("no case has a finished trial without failures".to_owned(), "Look at why".to_owned())
        }
        Doubt::OneCase(at) => (
            format!("{} is the only case with finished trials, so there is nothing to compare it with", name(*at)),
            format!("{}; measure another one", own(&evidence[*at]).unwrap_or_else(|| "It has no accounts".to_owned())),
        ),
        Doubt::Results => (
            "results differ between trials, or are wrong, so the times are not of the same work".to_owned(),
            "Look at the trials".to_owned(),
        ),
        Doubt::FewRepetitions(at) => {
            let repetitions = evidence[*at].walls_ns.len();
            let plural = if repetitions == 1 { "" } else { "s" };
            (
                format!(
                    "{} has {repetitions} repetition{plural} to compare, and fewer than 3 have no interval",
                    name(*at)
                ),
                "Repeat it at least 6 times (--repeat 6)".to_owned(),
            )
        }
        Doubt::Spread(at) => {
            let ratio = choice.slower[*at].map(|ratio| format!("{} as long{}", times(ratio), interval(ratio)));
            let reference = choice.reference.map(|it| name(it).clone()).unwrap_or_default();
            (
                format!("{} takes {} as {reference}, which may be either way", name(*at), ratio.unwrap_or_default()),
                "Repeat until the intervals are narrow (--until 2%)".to_owned(),
            )
        }
        Doubt::Disturbance { case, disturbed } => (
            format!(
                "while {} ran, other programs and the hypervisor took {} of the cores, which may hide that it is the faster one",
                name(*case),
                percent(*disturbed)
            ),
            "Stop the other programs and run it again".to_owned(),
        ),
    }
}

fn times(ratio: Ratio) -> String {
    format!("{:.2}×", ratio.estimate.median)
}

/// ` (95 % CI 1.80 to 2.00)`
fn interval(ratio: Ratio) -> String {
    let ends = ratio.estimate.low.zip(ratio.estimate.high);
    ends.map_or_else(String::new, |(low, high)| format!(" (95 % CI {low:.2} to {high:.2})"))
}
