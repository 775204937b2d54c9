//! Which case to use: the fastest, if its interval keeps it apart from the others; of several that cannot be told apart, the
//! simplest; none, where the evidence is too thin.
//!
//! All comparisons are ratios of wall times taken repetition by repetition, as in the summary.

use gild_model::summary::Ratio;

use super::bounds;
use super::evidence::Evidence;
use super::models::simplicity;
use crate::summary::statistics;

/// A simpler case that is a tie with the fastest is taken unless it may take this many times as long. With fewer than
/// six repetitions, which is what an experiment has that does not say, an interval is the range of all values: less than a
/// quarter would often not be reached.
pub(crate) const TIE_MAX: f64 = 1.25;
/// Disturbance that may hide less than this is not worth a word.
const HIDDEN_MIN: f64 = 1.1;
/// A case that uses this many more cores than another one loses more to whatever else runs.
const MORE_CORES: f64 = 0.1;

/// What was decided. Cases are places in the evidence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// The case to use, or why there is none.
    pub case: Result<usize, Doubt>,
    /// The case that the others are held against: the one to use, else the fastest. `None`: no trial finished.
    pub reference: Option<usize>,
    /// Wall time of each case / of the reference.
    pub slower: Vec<Option<Ratio>>,
    /// The cases that cannot be told from the one to use.
    pub tied: Vec<usize>,
}

/// Why nothing is claimed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Doubt {
    /// No trial has finished.
    NothingFinished,
    /// There is but one case to speak of.
    OneCase(usize),
    /// Results differ or are wrong.
    Results,
    /// A case has too few repetitions for an interval.
    FewRepetitions(usize),
    /// A case may be as fast as the fastest, or much slower.
    Spread(usize),
    /// What else the machine did may hide that a case is the fastest.
    Disturbance {
        /// The case.
        case: usize,
        /// What was used by others, as a share of the time of all cores.
        disturbed: f64,
    },
}

/// Decides. `sound`: the trials did the same work, with the right results.
pub(crate) fn of(evidence: &[Evidence], sound: bool) -> Choice {
    let candidates = candidates(evidence);
    let fastest = candidates.iter().copied().min_by(|a, b| wall(evidence, *a).total_cmp(&wall(evidence, *b)));
    let Some(fastest) = fastest else {
        let slower = vec![None; evidence.len()];
        return Choice { case: Err(Doubt::NothingFinished), reference: None, slower, tied: Vec::new() };
    };
    let against = |reference: usize| -> Vec<Option<Ratio>> {
        let slower = |(at, it): (usize, &Evidence)| (at != reference).then(|| it.slower_than(&evidence[reference]))?;
        evidence.iter().enumerate().map(slower).collect()
    };
    let slower = against(fastest);
    let early = match (sound, candidates.len()) {
        (false, _) => Some(Doubt::Results),
        (true, 1) => Some(Doubt::OneCase(fastest)),
        _ => few_repetitions(evidence, &candidates, &slower, fastest),
    };
    if let Some(doubt) = early {
        return Choice { case: Err(doubt), reference: Some(fastest), slower, tied: Vec::new() };
    }
    let simplest = simplest(evidence, &candidates, &slower, fastest);
    let slower = if simplest == fastest { slower } else { against(simplest) };
    let others = || candidates.iter().copied().filter(|at| *at != simplest);
    let tied: Vec<_> = others().filter(|at| slower[*at].is_some_and(|ratio| ratio.tie)).collect();
    let doubt = spread(evidence, &slower, &tied, simplest, tied.len() + 1 == candidates.len());
    let doubt = doubt.or_else(|| others().find_map(|at| disturbance(evidence, simplest, at, slower[at]?)));
    match doubt {
        Some(doubt) => Choice { case: Err(doubt), reference: Some(simplest), slower, tied: Vec::new() },
        None => Choice { case: Ok(simplest), reference: Some(simplest), slower, tied },
    }
}

/// Cases that may be recommended: some trial finished, and none failed.
fn candidates(evidence: &[Evidence]) -> Vec<usize> {
    let may = |it: &Evidence| it.failed == 0 && it.wall.is_some_and(|wall| wall.median > 0.0);
    evidence.iter().enumerate().filter(|(_, it)| may(it)).map(|(at, _)| at).collect()
}

fn wall(evidence: &[Evidence], at: usize) -> f64 {
    evidence[at].wall.map_or(f64::INFINITY, |wall| wall.median)
}

/// A case without an interval: nothing is claimed of it, and so not of the others against it.
fn few_repetitions(
    evidence: &[Evidence],
    candidates: &[usize],
    slower: &[Option<Ratio>],
    fastest: usize,
) -> Option<Doubt> {
    let few = |at: &usize| evidence[*at].walls_ns.len() < statistics::VALUES_MIN;
    let no_interval = |at: &usize| *at != fastest && slower[*at].is_none_or(|ratio| ratio.estimate.low.is_none());
    candidates.iter().find(|at| few(at) || no_interval(at)).map(|at| Doubt::FewRepetitions(*at))
}

/// The simplest of those that cannot be told from the fastest, and that take at most so much longer.
fn simplest(evidence: &[Evidence], candidates: &[usize], slower: &[Option<Ratio>], fastest: usize) -> usize {
    let as_fast = |at: &usize| {
        let ratio = slower[*at].filter(|ratio| ratio.tie);
        *at == fastest || ratio.and_then(|ratio| ratio.estimate.high).is_some_and(|high| high <= TIE_MAX)
    };
    let rank = |at: &usize| (simplicity(&evidence[*at].case), wall(evidence, *at));
    let simpler = |a: &usize, b: &usize| {
        let (a, b) = (rank(a), rank(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    candidates.iter().copied().filter(as_fast).min_by(simpler).unwrap_or(fastest)
}

/// A tie so wide that it says nothing: of a simpler case, or where all cases are ties.
fn spread(
    evidence: &[Evidence],
    slower: &[Option<Ratio>],
    tied: &[usize],
    chosen: usize,
    nothing_is_slower: bool,
) -> Option<Doubt> {
    let is_wide = |at: &&usize| {
        let Some(ratio) = slower[**at] else { return true };
        let (low, high) = (ratio.estimate.low.unwrap_or(0.0), ratio.estimate.high.unwrap_or(f64::INFINITY));
        low < 1.0 / TIE_MAX || high > TIE_MAX
    };
    let is_simpler = |at: usize| simplicity(&evidence[at].case) < simplicity(&evidence[chosen].case);
    tied.iter().filter(is_wide).find(|at| nothing_is_slower || is_simpler(**at)).map(|at| Doubt::Spread(*at))
}

/// Whatever else ran on the cores takes most from the cases that use most of them, in every repetition alike. So it can hide
/// that such a case is the fastest, but never make it so.
fn disturbance(evidence: &[Evidence], chosen: usize, at: usize, slower: Ratio) -> Option<Doubt> {
    let (case, chosen) = (&evidence[at], &evidence[chosen]);
    let more_cores = case.parallelism? > chosen.parallelism? + MORE_CORES;
    let disturbed = case.disturbed?.clamp(0.0, 0.99);
    let waited = bounds::share_of_run_queue(case).unwrap_or(disturbed).clamp(0.0, 0.99);
    // What others took of the cores, but no more than what the workers have waited for.
    let hidden = 1.0 / (1.0 - disturbed.min(waited));
    let hides = more_cores && hidden >= HIDDEN_MIN && slower.estimate.median < hidden;
    hides.then_some(Doubt::Disturbance { case: at, disturbed })
}
