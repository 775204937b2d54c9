//! The answer to a run: which case, what bounds each one, how it scales, and what to try next.
//!
//! Made by the daemon from the accounts alone; `docs/advice.md` gives every rule, threshold and formula.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::experiment::ParamValue;
use crate::summary::{Estimate, Ratio};

/// The advice on a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Advice {
    /// One answer per group of cases with the same parameters of the kernel, in the order of the experiment.
    pub groups: Vec<GroupAdvice>,
}

/// The advice on cases that do the same work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupAdvice {
    /// The parameters that set the group apart, as far as they were given; empty where there is one group.
    pub params: BTreeMap<String, ParamValue>,
    /// What could be decided.
    pub decision: Decision,
    /// The name of the case to use. `None`: there is not enough evidence.
    pub case: Option<String>,
    /// Cases that cannot be told from it.
    pub tied_with: Vec<String>,
    /// What to do, and why: two sentences, each with the figure that it rests on.
    pub sentences: Vec<String>,
    /// What was not measured and is worth it.
    pub tries: Vec<Try>,
    /// What bounds each case that has a finished trial, in the order of the experiment.
    pub cases: Vec<CaseAdvice>,
    /// How throughput grows with workers, for every set of cases that differ in their number alone.
    pub scaling: Vec<Scaling>,
    /// From which task size on it pays to encode values and compute elsewhere, for each model that does.
    pub break_even: Vec<BreakEven>,
}

/// What could be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// One case is faster than all others.
    Use,
    /// Several cases cannot be told apart, and the simplest of them is named.
    Tie,
    /// Spread, noise or too few repetitions or cases: nothing is claimed.
    NotEnoughEvidence,
}

impl Decision {
    /// The name used in the API and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Decision::Use => "use",
            Decision::Tie => "tie",
            Decision::NotEnoughEvidence => "not-enough-evidence",
        }
    }
}

/// Something to run next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// What the accounts say that makes it worth it.
    pub reason: String,
    /// What to type; the word `RUN` stands for the run's number. `None`: the kernel itself has to change.
    pub command: Option<String>,
}

/// What keeps a case from being faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Waiting for the lock.
    Lock,
    /// Encoding and decoding values.
    Serialization,
    /// Moving bytes.
    Transfer,
    /// Workers without a task while there are tasks left: handing them out takes the time.
    Dispatch,
    /// Waiting for a core.
    Cores,
    /// Starting and ending workers.
    StartUp,
    /// Waiting inside the kernel's own blocking regions.
    Io,
    /// Some workers had nothing left to do while others still worked.
    Imbalance,
    /// An event loop that keeps its one core busy.
    Loop,
    /// Computing, while cores are free.
    Computing,
    /// Nothing: it computes on all cores.
    Nothing,
}

impl Bound {
    /// Every bound.
    pub const ALL: [Bound; 11] = [
        Bound::Lock,
        Bound::Serialization,
        Bound::Transfer,
        Bound::Dispatch,
        Bound::Cores,
        Bound::StartUp,
        Bound::Io,
        Bound::Imbalance,
        Bound::Loop,
        Bound::Computing,
        Bound::Nothing,
    ];

    /// The name used in the API and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Lock => "lock",
            Bound::Serialization => "serialization",
            Bound::Transfer => "transfer",
            Bound::Dispatch => "dispatch",
            Bound::Cores => "cores",
            Bound::StartUp => "start-up",
            Bound::Io => "io",
            Bound::Imbalance => "imbalance",
            Bound::Loop => "loop",
            Bound::Computing => "computing",
            Bound::Nothing => "nothing",
        }
    }
}

/// What bounds one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseAdvice {
    /// The case's name.
    pub case: String,
    /// What bounds it. `None`: there are no accounts.
    pub bound: Option<Bound>,
    /// What the bound takes, as a share of the wall time, 0 to 1; of a recorded program, of its threads' lives. `None`: there are
    /// no accounts.
    pub share: Option<f64>,
    /// How many times as fast the case would be at best without its bound: an upper bound, no forecast.
    /// `None`: there are no accounts, or what there is does not bound it.
    pub at_best: Option<f64>,
    /// Σ CPU time / wall time, as in the summary.
    pub parallelism: Option<f64>,
    /// Wall time of this case / wall time of the case to use (where there is none, of the fastest), repetition by
    /// repetition; above 1 is slower. `None` for that case itself, or when the two share no repetition.
    pub slower: Option<Ratio>,
}

/// A law of scaling, X(N) = γN / (1 + α(N − 1) + βN(N − 1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// β = 0: Amdahl's.
    Amdahl,
    /// β ≥ 0: the Universal Scalability Law.
    Usl,
}

impl Law {
    /// The name used in the API and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Law::Amdahl => "amdahl",
            Law::Usl => "usl",
        }
    }
}

/// How throughput grows with the number of workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The cases in words: what they have in common.
    pub cases: String,
    /// The name of the case that speed-ups are taken against: the one with one worker, else the sequential one.
    /// `None`: there is neither.
    pub base: Option<String>,
    /// One point per number of workers, smallest first.
    pub points: Vec<ScalingPoint>,
    /// The laws fitted to the points. `None`: `no_fit` says why.
    pub fit: Option<ScalingFit>,
    /// Why there is no fit.
    pub no_fit: Option<String>,
}

/// The throughput of one number of workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalingPoint {
    /// The name of the case.
    #[serde(default)]
    pub case: String,
    /// Number of workers.
    pub workers: u32,
    /// Tasks per second, by the median wall time.
    pub tasks_per_s: f64,
    /// Wall time of the base / wall time of this case, repetition by repetition. `None` for the base itself.
    pub speedup: Option<Estimate>,
    /// The part of the work that behaves as if it were done one at a time (Karp and Flatt): (1/S − 1/N) / (1 − 1/N).
    /// `None`: one worker, more workers than cores, or no speed-up.
    pub serial_fraction: Option<Estimate>,
    /// There are more workers than cores, so they take turns: another regime than below.
    pub past_cores: bool,
}

/// Both laws fitted to the same points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalingFit {
    /// The law that the points support: the Universal Scalability Law only where its β takes away more of the squared
    /// error than chance would.
    pub supported: Law,
    /// Points that were fitted.
    pub points: u32,
    /// Of them: with more workers than cores.
    pub past_cores: u32,
    /// Amdahl's law.
    pub amdahl: LawFit,
    /// The Universal Scalability Law.
    pub usl: LawFit,
    /// What the supported law says between the smallest and the largest number of workers measured, fewest first.
    #[serde(default)]
    pub curve: Vec<CurvePoint>,
    /// What the supported law, fitted to some of the points, says of the others.
    pub held_out: Vec<HeldOut>,
    /// Why there is nothing held out.
    pub no_held_out: Option<String>,
}

/// What a fitted law says of a number of workers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Number of workers.
    pub workers: u32,
    /// Tasks per second.
    pub tasks_per_s: f64,
    /// Lower end of the 95 % interval of the law there (not of what would be measured there).
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

/// A law fitted to points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LawFit {
    /// Contention.
    pub alpha: Coefficient,
    /// Coherency. At bound, and 0, in Amdahl's law.
    pub beta: Coefficient,
    /// Throughput of one worker, in tasks per second.
    pub gamma: Coefficient,
    /// Square root of the squared error per degree of freedom, in tasks per second.
    pub residual_standard_error: f64,
    /// Points less coefficients.
    pub degrees_of_freedom: u32,
    /// The number of workers with the highest throughput. `None`: the law has none.
    pub peak: Option<Peak>,
    /// Throughput that no number of workers exceeds, γ/α, in tasks per second. `None`: α is at its bound.
    pub ceiling: Option<f64>,
}

/// A coefficient of a law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// The value with the least squared error.
    pub value: f64,
    /// Its standard error. `None`: it is at a bound, where there is none.
    pub standard_error: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// It is as small (or as large) as it may be.
    pub at_bound: bool,
}

/// The number of workers with the highest throughput, √((1 − α) / β).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// N*.
    pub workers: f64,
    /// Lower end of its 95 % interval. `None`: the points do not determine it.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// It lies among the numbers of workers that were measured.
    pub within_range: bool,
}

/// How points were held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldOutKind {
    /// Each point was predicted from all others.
    LeaveOneOut,
    /// The points with most workers were predicted from those with fewer.
    Larger,
}

/// What a law, fitted to some of the points, said of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// How points were held out.
    pub kind: HeldOutKind,
    /// Each point that was held out, with what was predicted for it.
    pub predictions: Vec<Prediction>,
    /// Median of |predicted − measured| / measured.
    pub error: f64,
    /// The largest of them.
    pub error_max: f64,
}

/// A point that was held out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Number of workers.
    pub workers: u32,
    /// Tasks per second, as measured.
    pub measured: f64,
    /// Tasks per second, as predicted.
    pub predicted: f64,
}

/// From which task size on it pays to encode values and compute on several cores, against one thread (or threads
/// behind one lock).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakEven {
    /// The case that the costs were measured in: the fastest of its model.
    pub case: String,
    /// Workers that can compute at once: the case's, but no more than it has cores.
    pub at_once: u32,
    /// What a task computes, in nanoseconds, without waiting for a core.
    pub compute_ns: f64,
    /// What a task costs its worker beside computing: encode, decode, send, receive, and waiting to be given it, in
    /// nanoseconds.
    pub worker_ns: f64,
    /// What a task costs the coordinator, one task at a time: encode, decode, send, receive, in nanoseconds.
    pub coordinator_ns: f64,
    /// What starting and ending the workers costs the trial, in nanoseconds.
    pub start_ns: f64,
    /// Tasks of a trial.
    pub tasks: u64,
    /// A task has to compute at least this long for the model to pay, in nanoseconds.
    pub break_even_ns: f64,
}

impl BreakEven {
    /// Whether tasks are as long as they have to be.
    pub fn pays(&self) -> bool {
        self.compute_ns >= self.break_even_ns
    }
}
