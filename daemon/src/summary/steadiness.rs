//! Whether the repetitions of a case are of one kind: single ones far off the others, and a slow start.
//!
//! Nothing is left out of the figures for it: medians and their intervals hardly feel a single value. What is found
//! becomes a note, so that the reader can look for the cause.

use super::statistics::median;

/// Above this modified Z-score a value is an outlier (B. Iglewicz, D. C. Hoaglin: How to Detect and Handle Outliers,
/// ASQC Quality Press, 1993, p. 11 f.), as in hyperfine.
const SCORE_MAX: f64 = 3.5;
/// The same for fewer than [`VALUES_FOR_SCORE`] values. The median deviation of so few is itself uncertain: of five
/// values drawn from a normal distribution one is above 3.5 in 21 % of all cases, above 8 in 5 %.
const SCORE_MAX_OF_FEW: f64 = 8.0;
/// From this many values on 3.5 holds (Iglewicz and Hoaglin chose it with samples of 10, 20 and 40).
const VALUES_FOR_SCORE: usize = 10;
/// Of fewer values none is called an outlier.
const VALUES_MIN: usize = 5;
/// The expected median deviation of a normal distribution, in standard deviations.
const NORMAL_DEVIATION: f64 = 0.6745;

/// How many repetitions are the start.
const START: usize = 3;
/// A start is held against this many repetitions at most: what comes later says nothing of it.
const START_WITHIN: usize = 100;
/// How probable a start this slow may be by chance before it is said.
const CHANCE_MAX: f64 = 0.01;
/// A start that is slower by less than this is not worth adding warm-ups.
const SLOWER_MIN: f64 = 1.01;

/// A value far off the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlier {
    /// Its place among the values, from 0.
    pub place: usize,
    /// Its modified Z-score; negative: it is below the median.
    pub score: f64,
    /// Value / median.
    pub ratio: f64,
}

/// The values that are outliers by the modified Z-score, 0.6745 · (value − median) / median of the absolute
/// deviations from the median. Where more than half of the values are equal there is no scale to judge by, and so no
/// outlier.
pub(super) fn outliers(values: &[f64]) -> Vec<Outlier> {
    if values.len() < VALUES_MIN {
        return Vec::new();
    }
    let score_max = if values.len() < VALUES_FOR_SCORE { SCORE_MAX_OF_FEW } else { SCORE_MAX };
    let middle = median(values).expect("there are values");
    let deviations: Vec<_> = values.iter().map(|value| (value - middle).abs()).collect();
    let scale = median(&deviations).expect("there are values");
    if scale <= 0.0 || middle <= 0.0 {
        return Vec::new();
    }
    let of = |(place, value): (usize, &f64)| Outlier {
        place,
        score: NORMAL_DEVIATION * (value - middle) / scale,
        ratio: value / middle,
    };
    values.iter().enumerate().map(of).filter(|outlier| outlier.score.abs() > score_max).collect()
}

/// How many repetitions at the start are slower than the others: the first of all where it is an outlier, with those
/// that follow it without a gap; or the first three, where they are slower than the rest by more than chance. 0: none.
pub(super) fn slow_start(values: &[f64], outliers: &[Outlier]) -> usize {
    let slow = outliers.iter().filter(|outlier| outlier.score > 0.0).enumerate();
    let leading = slow.take_while(|(place, outlier)| outlier.place == *place).count();
    match leading {
        0 if starts_slowly(values) => START,
        _ => leading,
    }
}

/// The first three values against the rest by ranks (H. B. Mann, D. R. Whitney: On a test of whether one of two random
/// variables is stochastically larger than the other, Annals of Mathematical Statistics 18, 1947), one-sided and exact.
fn starts_slowly(values: &[f64]) -> bool {
    let values = &values[..values.len().min(START_WITHIN)];
    let Some((start, rest)) = values.split_at_checked(START) else { return false };
    let (Some(slow), Some(usual)) = (median(start), median(rest)) else { return false };
    slow > SLOWER_MIN * usual && chance_of_start(start, rest) < CHANCE_MAX
}

/// How probable it is, if order does not matter, that three values beat the others at least as often as those of `start`
/// beat those of `rest`. Equals count as not beaten, which makes a slow start the less probable to be claimed.
fn chance_of_start(start: &[f64], rest: &[f64]) -> f64 {
    let wins: usize = start.iter().map(|slow| rest.iter().filter(|usual| slow > *usual).count()).sum();
    let n = start.len() + rest.len();
    let (mut all, mut as_slow) = (0_u64, 0_u64);
    // Three places among n ranks, lowest first; each beats the ranks below it that are not among the three.
    for low in 0..n {
        for middle in low + 1..n {
            for high in middle + 1..n {
                all += 1;
                as_slow += u64::from(low + middle - 1 + high - 2 >= wins);
            }
        }
    }
    as_slow as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    /// Wall times of about a second with a spread of about 1 %: the sum of twelve even draws is nearly normal.
    fn steady(n: usize, rng: &mut Rng) -> Vec<f64> {
        (0..n).map(|_| 1e9 + 1e7 * ((0..12).map(|_| rng.f64()).sum::<f64>() - 6.0)).collect()
    }

    fn found(values: &[f64]) -> (Vec<usize>, usize) {
        let outliers = outliers(values);
        (outliers.iter().map(|outlier| outlier.place).collect(), slow_start(values, &outliers))
    }

    #[test]
    fn steady_repetitions_are_rarely_complained_about() {
        for (n, outliers_max, starts_max) in [(3, 0, 0), (5, 80, 20), (10, 180, 25), (30, 130, 25), (200, 180, 25)] {
            let mut rng = Rng::with_seed(7);
            let (mut with_outlier, mut with_start) = (0, 0);
            for _ in 0..1000 {
                let (outliers, start) = found(&steady(n, &mut rng));
                with_outlier += i32::from(!outliers.is_empty());
                with_start += i32::from(start == START);
            }
            assert!(with_outlier <= outliers_max, "{n} values: {with_outlier} of 1000");
            assert!(with_start <= starts_max, "{n} values: {with_start} of 1000");
        }
    }

    #[test]
    fn one_outlier_is_found_wherever_it_is() {
        let mut rng = Rng::with_seed(1);
        for place in 1..12 {
            let mut values = steady(12, &mut rng);
            values[place] = 1.5e9;
            let outliers = outliers(&values);
            let worst = outliers.iter().max_by(|a, b| a.score.total_cmp(&b.score)).unwrap();
            assert_eq!(worst.place, place);
            assert!((worst.ratio - 1.5).abs() < 0.02, "{worst:?}");
            values[place] = 0.5e9;
            assert!(super::outliers(&values).iter().any(|it| it.place == place && it.score < -3.5));
        }
    }

    #[test]
    fn the_score_is_that_of_the_book() {
        // Median 5.5, absolute deviations 0.5, 0.5, 1.5, 1.5, …, 94.5: their median is 2.5.
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 100.0];
        let outliers = outliers(&values);
        assert_eq!(outliers.len(), 1);
        assert!((outliers[0].score - 0.6745 * 94.5 / 2.5).abs() < 1e-12, "{outliers:?}");
    }

    #[test]
    fn few_or_equal_values_have_no_outlier() {
        assert_eq!(found(&[1.0, 1.1, 0.9, 50.0]), (vec![], 0));
        assert_eq!(found(&[1.0, 1.0, 1.0, 1.0, 50.0]), (vec![], 0));
        assert_eq!(found(&[]), (vec![], 0));
    }

    #[test]
    fn a_start_that_decays_is_found() {
        let mut rng = Rng::with_seed(3);
        for _ in 0..100 {
            let mut values = steady(20, &mut rng);
            for (place, factor) in [1.5, 1.25, 1.12, 1.06].into_iter().enumerate() {
                values[place] *= factor;
            }
            assert!(found(&values).1 > 0, "{values:?}");
        }
        let mut values = steady(10, &mut rng);
        values[0] = 2e9;
        assert_eq!(found(&values).1, 1);
    }

    #[test]
    fn a_start_that_is_slower_by_ever_so_little_is_not_worth_a_word() {
        let values: Vec<_> = (0..30).map(|place| 1e9 - f64::from(place)).collect();
        assert_eq!(found(&values).1, 0);
        assert!(chance_of_start(&values[..3], &values[3..]) < 0.001);
    }

    #[test]
    fn the_chance_is_that_of_the_exact_test() {
        let chance = |start: [f64; 3], rest: &[f64]| chance_of_start(&start, rest);
        assert!((chance([8.0, 9.0, 10.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) - 1.0 / 120.0).abs() < 1e-12);
        assert!((chance([7.0, 9.0, 10.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]) - 2.0 / 120.0).abs() < 1e-12);
        assert!((chance([1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]) - 1.0).abs() < 1e-12);
    }
}
