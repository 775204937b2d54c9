//! Times of any number of tasks in little memory: an HDR histogram, with an exact maximum and mean beside it.
//!
//! G. Tene's High Dynamic Range histogram keeps each value to three significant digits whatever its size, so percentiles
//! are off by less than 0.1 %, and histograms of several trials add up to the one of all their values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gild_model::task_times::{Percentiles, TaskTime};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

/// Significant decimal digits of a value.
const DIGITS: u8 = 3;
/// The largest value told apart from larger ones, in nanoseconds: 146 years.
const VALUE_MAX: u64 = 1 << 62;

/// Times of tasks.
#[derive(Debug, Clone)]
pub struct Times {
    histogram: Histogram<u64>,
    sum_ns: u128,
    max_ns: Option<u64>,
}

impl Default for Times {
    fn default() -> Times {
        let histogram = Histogram::new(DIGITS).expect("three digits are allowed");
        Times { histogram, sum_ns: 0, max_ns: None }
    }
}

impl Times {
    /// Takes in a time.
    pub fn add(&mut self, ns: u64) {
        self.histogram.record(ns.min(VALUE_MAX)).expect("the histogram grows to hold every value up to VALUE_MAX");
        self.sum_ns += u128::from(ns);
        self.max_ns = self.max_ns.max(Some(ns));
    }

    /// Takes in the times of a trial; `false`: they cannot be read, and nothing has changed.
    pub fn add_all(&mut self, time: &TaskTime) -> bool {
        let Some(histogram) = decoded(&time.histogram).filter(|it| it.len() == time.figures.count) else {
            return false;
        };
        let added = self.histogram.add(&histogram).is_ok();
        if added {
            // Whole numbers, so that the order in which trials are put together makes no difference.
            self.sum_ns += (time.figures.mean_ns.unwrap_or(0.0) * time.figures.count as f64).round() as u128;
            self.max_ns = self.max_ns.max(time.figures.max_ns);
        }
        added
    }

    /// Their figures.
    pub fn figures(&self) -> Percentiles {
        let count = self.histogram.len();
        Percentiles {
            count,
            mean_ns: (count > 0).then(|| self.sum_ns as f64 / count as f64),
            p50_ns: self.percentile(50),
            p90_ns: self.percentile(90),
            p99_ns: self.percentile(99),
            max_ns: self.max_ns,
        }
    }

    /// The value that `percent` of all values do not exceed, if it is another than the largest by its rank.
    fn percentile(&self, percent: u64) -> Option<u64> {
        let has_values_above = self.histogram.len() * (100 - percent) >= 100;
        let value = || self.histogram.value_at_quantile(percent as f64 / 100.0);
        // The histogram gives the upper end of the bucket that the value is in.
        has_values_above.then(value).map(|value| self.max_ns.map_or(value, |max| value.min(max)))
    }

    /// What is kept of a trial's times.
    pub fn stored(&self) -> TaskTime {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(&self.histogram, &mut bytes);
        written.expect("a histogram that fits into memory can be written into it");
        TaskTime { figures: self.figures(), histogram: STANDARD.encode(bytes) }
    }
}

/// A stored histogram, if it is one of ours.
fn decoded(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
    (histogram.sigfig() == DIGITS).then_some(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::default();
        values.into_iter().for_each(|ns| times.add(ns));
        times
    }

    /// By definition: the smallest value that at least this share do not exceed.
    fn nearest_rank(sorted: &[u64], percent: usize) -> u64 {
        sorted[(sorted.len() * percent).div_ceil(100) - 1]
    }

    #[test]
    fn a_percentile_that_would_be_the_largest_value_is_not_given() {
        let given = |count: u64| {
            let figures = of(1..=count).figures();
            [figures.p50_ns, figures.p90_ns, figures.p99_ns].map(|it| it.is_some())
        };
        assert_eq!(given(0), [false; 3]);
        assert_eq!([given(1), given(2)], [[false; 3], [true, false, false]]);
        assert_eq!([given(9), given(10)], [[true, false, false], [true, true, false]]);
        assert_eq!([given(99), given(100)], [[true, true, false], [true; 3]]);
        for (percent, least) in [(50, 2), (90, 10), (99, 100)] {
            let sorted: Vec<u64> = (1..=least).collect();
            assert_eq!(nearest_rank(&sorted[1..], percent), least, "of one value less it is the largest");
            assert_eq!(nearest_rank(&sorted, percent), least - 1);
        }
    }

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!(Times::default().figures(), Percentiles::default());
        let mut times = Times::default();
        assert!(times.add_all(&Times::default().stored()));
        assert_eq!(times.figures(), Percentiles::default());
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let mut times = of([5, 6]);
        let good = times.stored();
        for text in ["", "HISTFAAAA", "not base64!", &STANDARD.encode(b"not a histogram"), &good.histogram[..20]] {
            assert!(!times.add_all(&TaskTime { histogram: text.to_owned(), ..good.clone() }), "{text}");
        }
        let other_count = Percentiles { count: 3, ..good.figures };
        assert!(!times.add_all(&TaskTime { figures: other_count, ..good.clone() }));
        assert_eq!(times.figures().count, 2);
        assert!(times.add_all(&good));
        assert_eq!(times.figures().count, 4);
    }

    #[test]
    fn the_stored_form_is_small_and_that_of_the_hdrhistogram_libraries() {
        let stored = of((0..100_000).map(|i| i * 1_000)).stored();
        assert!(stored.histogram.starts_with("HISTF"), "{}", stored.histogram);
        assert!(stored.histogram.len() < 4096, "{} bytes", stored.histogram.len());
    }

    proptest! {
        #[test]
        fn figures_are_those_of_the_values_within_the_histogram_s_precision(
            values in vec(prop_oneof![0..10_000_u64, 0..10_000_000_000_u64, any::<u64>()], 100..400),
        ) {
            let figures = of(values.clone()).figures();
            let mut sorted = values;
            sorted.sort_unstable();
            prop_assert_eq!((figures.count, figures.max_ns), (sorted.len() as u64, sorted.last().copied()));
            for (percent, found) in [(50, figures.p50_ns), (90, figures.p90_ns), (99, figures.p99_ns)] {
                let (exact, found) = (nearest_rank(&sorted, percent), found.unwrap());
                prop_assert!(exact > VALUE_MAX || found.abs_diff(exact) <= exact / 1000, "p{percent}: {found}, {exact}");
            }
            let mean = sorted.iter().map(|ns| *ns as f64).sum::<f64>() / sorted.len() as f64;
            prop_assert!((figures.mean_ns.unwrap() - mean).abs() <= mean * 1e-9);
        }

        #[test]
        fn trials_put_together_are_one_with_all_their_values(
            parts in vec(vec(0..10_000_000_000_u64, 0..150), 1..5),
        ) {
            let mut together = Times::default();
            for part in &parts {
                prop_assert!(together.add_all(&of(part.clone()).stored()));
            }
            let (found, expected) = (together.figures(), of(parts.concat()).figures());
            prop_assert_eq!(Percentiles { mean_ns: None, ..found }, Percentiles { mean_ns: None, ..expected });
            let mean = |figures: Percentiles| figures.mean_ns.unwrap_or(0.0);
            prop_assert!((mean(found) - mean(expected)).abs() <= mean(expected) * 1e-9);
        }
    }
}
