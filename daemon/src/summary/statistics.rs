//! Medians and ratios with their 95 % confidence intervals.
//!
//! The interval is the percentile bootstrap of the median: draw n values out of the n measured ones, with
//! replacement, take their median; do that many times; the interval runs from the 2.5th to the 97.5th percentile
//! of these medians (B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap, 1993, ch. 13). It assumes
//! nothing of the distribution of wall times, which is skewed and has outliers.
//!
//! Draws are antithetic: each comes with its mirror image, in which the k-th smallest value takes the place of
//! the k-th largest (P. Hall: Antithetic resampling for the bootstrap, Biometrika 76, 1989). That makes the
//! interval of −x the mirror image of the interval of x, so that "A against B" and "B against A" always agree.
//! The draws come from a fixed seed: the same values, in whatever order, give the same interval.

use fastrand::Rng;
use gild_model::summary::{Estimate, Ratio};

/// Fewer values than this get no interval: of two, every resample's median is one of three numbers.
pub const VALUES_MIN: usize = 3;

/// Most resamples: with 10 000, the 2.5th percentile itself is known to ± 0.3 percentage points (2 standard errors).
const RESAMPLES_MAX: usize = 10_000;
/// Least resamples: "on the order of 1000" for the ends of a confidence interval (Efron and Tibshirani, ch. 13).
const RESAMPLES_MIN: usize = 1_000;
/// Draws in all, from which the number of resamples between the two follows: some 10 ms of work for any n.
const DRAWS: usize = 1_000_000;
/// What is left out at each end of the interval.
const TAIL: f64 = 0.025;
const SEED: u64 = 0x6769_6c64;

/// The median; `None` of no values. Of an even number, the mean of the middle two.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

/// The median with its confidence interval; `None` of no values.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = median_of_sorted(&sorted)?;
    let (low, high) = interval(&sorted).unzip();
    Some(Estimate { median, low, high })
}

/// How many times faster a case is than its baseline, from pairs of wall times (baseline, case); `None` of no
/// pairs. The median and its interval are taken of the ratios' logarithms: a ratio and its inverse count alike.
/// Pairs in which one is 0 have no ratio and are left out.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Ratio> {
    let pairs = pairs.iter().filter(|(baseline, case)| *baseline > 0.0 && *case > 0.0);
    let logarithms: Vec<_> = pairs.map(|(baseline, case)| baseline.ln() - case.ln()).collect();
    let Estimate { median, low, high } = estimate(&logarithms)?;
    let differs = low.is_some_and(|low| low > 0.0) || high.is_some_and(|high| high < 0.0);
    let estimate = Estimate { median: median.exp(), low: low.map(f64::exp), high: high.map(f64::exp) };
    Some(Ratio { estimate, tie: !differs })
}

fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let high = *sorted.get(sorted.len() / 2)?;
    let low = sorted[(sorted.len() - 1) / 2];
    Some(low + (high - low) / 2.0)
}

fn interval(sorted: &[f64]) -> Option<(f64, f64)> {
    if sorted.len() < VALUES_MIN {
        return None;
    }
    let mut medians = resampled_medians(sorted);
    medians.sort_by(f64::total_cmp);
    let outside = (medians.len() as f64 * TAIL) as usize;
    Some((medians[outside], medians[medians.len() - 1 - outside]))
}

/// The medians of the resamples. Draws are places in the sorted values, so that the median of a resample is
/// found among small integers and its mirror image costs nothing.
fn resampled_medians(sorted: &[f64]) -> Vec<f64> {
    let n = sorted.len();
    let pairs = (DRAWS / n).clamp(RESAMPLES_MIN, RESAMPLES_MAX) / 2;
    let mut rng = Rng::with_seed(SEED);
    let mut medians = Vec::with_capacity(2 * pairs);
    let mut places = vec![0; n];
    for _ in 0..pairs {
        places.fill_with(|| rng.usize(0..n));
        let (below, &mut high, _) = places.select_nth_unstable(n / 2);
        let low = if n % 2 == 1 { high } else { below.iter().copied().max().expect("n is at least 2") };
        medians.push(middle(sorted, low, high));
        medians.push(middle(sorted, n - 1 - high, n - 1 - low));
    }
    medians
}

fn middle(sorted: &[f64], low: usize, high: usize) -> f64 {
    sorted[low] + (sorted[high] - sorted[low]) / 2.0
}
