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

use std::cmp::Ordering;

use fastrand::Rng;
use gild_model::summary::{Estimate, Ratio};

/// Fewer values than this get no interval: of two, every resample's median is one of three numbers.
pub const VALUES_MIN: usize = 3;

/// Most resamples: with 10 000, the 2.5th percentile itself is known to ± 0.3 percentage points (2 standard errors).
const RESAMPLES_MAX: usize = 10_000;
/// Least resamples: the ends of an interval need on the order of 1 000 (Efron and Tibshirani, 1993).
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

/// How many times faster the new of two independent samples of wall times is: the ratio of their medians, old / new;
/// `None` if one has no median above 0. For the interval each side is resampled by itself (Efron and Tibshirani,
/// ch. 8.3: the two-sample bootstrap); there is none if one side has too few values.
pub fn ratio_of_medians(old: &[f64], new: &[f64]) -> Option<Ratio> {
    let (old, new) = (logarithms(old), logarithms(new));
    let difference = median_of_sorted(&old)? - median_of_sorted(&new)?;
    let interval = interval_of_difference(&old, &new);
    let differs = interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0);
    let (low, high) = interval.unzip();
    let estimate = Estimate { median: difference.exp(), low: low.map(f64::exp), high: high.map(f64::exp) };
    Some(Ratio { estimate, tie: !differs })
}

/// The logarithms of the values that have one, sorted.
fn logarithms(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<_> = values.iter().filter(|value| **value > 0.0).map(|value| value.ln()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The interval of the difference of two medians. The samples are resampled in an order of their own, not in that
/// of the arguments, so that new against old says the same as old against new.
fn interval_of_difference(old: &[f64], new: &[f64]) -> Option<(f64, f64)> {
    if old.len().min(new.len()) < VALUES_MIN {
        return None;
    }
    if old.partial_cmp(new) == Some(Ordering::Greater) {
        return interval_of_difference(new, old).map(|(low, high)| (-high, -low));
    }
    let pairs = resample_pairs(old.len() + new.len());
    let mut rng = Rng::with_seed(SEED);
    let (old, new) = (resampled_medians(old, pairs, &mut rng), resampled_medians(new, pairs, &mut rng));
    Some(middle_of(old.iter().zip(&new).map(|(old, new)| old - new).collect()))
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
    let pairs = resample_pairs(sorted.len());
    Some(middle_of(resampled_medians(sorted, pairs, &mut Rng::with_seed(SEED))))
}

/// Where the middle 95 % of the resampled figures begin and end.
fn middle_of(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    let outside = (figures.len() as f64 * TAIL) as usize;
    (figures[outside], figures[figures.len() - 1 - outside])
}

/// How many resamples, each with its mirror image, are made of `n` values.
fn resample_pairs(n: usize) -> usize {
    (DRAWS / n).clamp(RESAMPLES_MIN, RESAMPLES_MAX) / 2
}

/// The medians of the resamples. Draws are places in the sorted values, so that the median of a resample is
/// found among small integers and its mirror image costs nothing.
fn resampled_medians(sorted: &[f64], pairs: usize, rng: &mut Rng) -> Vec<f64> {
    let n = sorted.len();
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn interval_of(values: &[f64]) -> Option<(f64, f64)> {
        let estimate = estimate(values).unwrap();
        estimate.low.zip(estimate.high)
    }

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_middle_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[3.0, 1.0, 1000.0]), Some(3.0));
    }

    #[test]
    fn two_values_have_no_interval_and_five_have_their_range() {
        assert_eq!(interval_of(&[1.0]), None);
        assert_eq!(interval_of(&[1.0, 2.0]), None);
        assert_eq!(interval_of(&[3.0, 5.0, 1.0, 4.0, 2.0]), Some((1.0, 5.0)));
        assert_eq!(interval_of(&[7.0; 8]), Some((7.0, 7.0)));
    }

    /// How probable it is that the median of a resample of n (odd) values is at most the k-th smallest of them:
    /// that at least half of n draws are among the first k.
    fn exact_share_up_to(k: usize, n: usize) -> f64 {
        let p = k as f64 / n as f64;
        let choose = |m: usize| (0..m).map(|i| (n - i) as f64 / (m - i) as f64).product::<f64>();
        (n / 2 + 1..=n).map(|m| choose(m) * p.powi(m as i32) * (1.0 - p).powi((n - m) as i32)).sum()
    }

    #[test]
    fn intervals_agree_with_the_exact_distribution_of_the_resampled_median() {
        let mut checked = 0;
        for n in (3..=99).step_by(2) {
            let low = (1..=n).find(|k| exact_share_up_to(*k, n) > TAIL).unwrap();
            // Where the exact share is within the resampling error of 2.5 %, either neighbour is right.
            if [low - 1, low].iter().any(|k| (exact_share_up_to(*k, n) - TAIL).abs() < 0.006) {
                continue;
            }
            let values: Vec<_> = (1..=n).map(|value| value as f64).collect();
            assert_eq!(interval_of(&values), Some((low as f64, (n + 1 - low) as f64)), "{n} values");
            checked += 1;
        }
        assert!(checked > 10, "{checked}");
    }

    #[test]
    fn a_ratio_is_taken_pair_by_pair() {
        // The machine slows down by the minute; the case is twice as fast as its baseline all the time.
        let pairs: Vec<_> = (1..=6).map(|minute| (2e9 * f64::from(minute), 1e9 * f64::from(minute))).collect();
        let ratio = ratio(&pairs).unwrap();
        assert!((ratio.estimate.median - 2.0).abs() < 1e-12, "{ratio:?}");
        assert!((ratio.estimate.low.unwrap() - 2.0).abs() < 1e-12, "{ratio:?}");
        assert!(!ratio.tie);
    }

    #[test]
    fn what_cannot_be_told_apart_is_a_tie() {
        assert!(ratio(&[(2.0, 1.0), (2.0, 1.0)]).unwrap().tie, "two pairs have no interval");
        assert!(ratio(&[(1.0, 1.0), (1.0, 1.1), (1.1, 1.0)]).unwrap().tie);
        assert!(ratio(&[(1.0, 1.0); 5]).unwrap().tie);
        assert!(!ratio(&[(1.0, 1.1), (1.0, 1.2), (1.0, 1.3)]).unwrap().tie, "slower");
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[(0.0, 1.0)]), None);
    }

    #[test]
    fn two_samples_are_compared_by_their_medians() {
        let old: Vec<_> = (0..9).map(|jitter| 2e9 + 1e6 * f64::from(jitter)).collect();
        let new: Vec<_> = (0..7).map(|jitter| 1e9 + 1e6 * f64::from(jitter)).collect();
        let ratio = ratio_of_medians(&old, &new).unwrap();
        assert!(close(ratio.estimate.median, 2.004 / 1.003), "{ratio:?}");
        let (low, high) = (ratio.estimate.low.unwrap(), ratio.estimate.high.unwrap());
        assert!(low > 1.98 && low < ratio.estimate.median && ratio.estimate.median < high && high < 2.02, "{ratio:?}");
        assert!(!ratio.tie);
        assert!(ratio_of_medians(&old, &old).unwrap().tie);
        assert!(ratio_of_medians(&old[..2], &new).unwrap().tie, "two values have no interval");
        assert_eq!(ratio_of_medians(&old, &[]), None);
        assert_eq!(ratio_of_medians(&old, &[0.0]), None);
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_median_is_inside_its_interval_and_the_interval_inside_the_values(values in vec(1.0..1e12_f64, 3..40)) {
            let Estimate { median, low: Some(low), high: Some(high) } = estimate(&values).unwrap() else {
                panic!("no interval")
            };
            prop_assert!(low <= median && median <= high);
            prop_assert!(values.iter().any(|value| *value <= low) && values.iter().any(|value| *value >= high));
        }

        #[test]
        fn order_does_not_matter(values in vec(1.0..1e12_f64, 1..40)) {
            let mut turned = values.clone();
            turned.rotate_left(values.len() / 3);
            turned.reverse();
            prop_assert_eq!(estimate(&values), estimate(&turned));
        }

        #[test]
        fn old_against_new_says_the_same_as_new_against_old(
            old in vec(1.0..1e12_f64, 1..20), new in vec(1.0..1e12_f64, 1..20),
        ) {
            let (one, other) = (ratio_of_medians(&old, &new).unwrap(), ratio_of_medians(&new, &old).unwrap());
            prop_assert_eq!(one.tie, other.tie);
            prop_assert!(close(one.estimate.median * other.estimate.median, 1.0));
            match (one.estimate.low.zip(other.estimate.high), one.estimate.high.zip(other.estimate.low)) {
                (Some(a), Some(b)) => prop_assert!(close(a.0 * a.1, 1.0) && close(b.0 * b.1, 1.0)),
                (None, None) => prop_assert!(old.len().min(new.len()) < VALUES_MIN),
                uneven => prop_assert!(false, "{:?}", uneven),
            }
        }

        #[test]
        fn a_against_b_says_the_same_as_b_against_a(pairs in vec((1.0..1e12_f64, 1.0..1e12_f64), 1..30)) {
            let turned: Vec<_> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
            let (one, other) = (ratio(&pairs).unwrap(), ratio(&turned).unwrap());
            prop_assert_eq!(one.tie, other.tie);
            prop_assert!(close(one.estimate.median * other.estimate.median, 1.0));
            match (one.estimate.low.zip(other.estimate.high), one.estimate.high.zip(other.estimate.low)) {
                (Some(a), Some(b)) => prop_assert!(close(a.0 * a.1, 1.0) && close(b.0 * b.1, 1.0)),
                (None, None) => prop_assert!(pairs.len() < VALUES_MIN),
                uneven => prop_assert!(false, "{:?}", uneven),
            }
        }
    }
}
