//! What a counter that shared the PMU would have counted, had it counted all the time. Pure.
//!
//! Times and counts are sums over many readings; they are divided once, at the end, in 128 bits.

use super::counters::Times;

/// The count, scaled by enabled / running. `None`: it never ran, which is no count and not zero; or the result does not
/// fit 64 bits.
pub fn scaled(count: u64, times: Times) -> Option<u64> {
    let running_ns = running_ns(times);
    let exact = (u128::from(count) * u128::from(times.enabled_ns)).checked_div(u128::from(running_ns))?;
    u64::try_from(exact).ok()
}

/// Share of the time in which it really counted, 0 to 1. `None`: it was not enabled at all.
pub fn running_ratio(times: Times) -> Option<f64> {
    (times.enabled_ns > 0).then(|| running_ns(times) as f64 / times.enabled_ns as f64)
}

/// Nothing runs longer than it is enabled; should a reading say so, it counted all the time.
fn running_ns(times: Times) -> u64 {
    times.running_ns.min(times.enabled_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(count: u64, enabled_ns: u64, running_ns: u64, expected: Option<u64>) {
        assert_eq!(scaled(count, Times { enabled_ns, running_ns }), expected);
    }

    #[test]
    fn counts_are_scaled_exactly() {
        check(5_000_000_000_000_000, 3_000_000_000_000, 1_000_000_000_000, Some(15_000_000_000_000_000));
        check(7, 10, 10, Some(7));
        check(0, 10, 5, Some(0));
        check(7, 10, 11, Some(7));
        check(u64::MAX, u64::MAX, u64::MAX, Some(u64::MAX));
        // Beyond 2^53 a computation in f64 would be off.
        check(9_007_199_254_740_993, 3, 1, Some(27_021_597_764_222_979));
    }

    #[test]
    fn what_never_ran_is_not_zero_and_what_does_not_fit_is_not_wrapped() {
        check(0, 10, 0, None);
        check(0, 0, 0, None);
        check(u64::MAX, 2, 1, None);
        assert_eq!(running_ratio(Times { enabled_ns: 10, running_ns: 0 }), Some(0.0));
        assert_eq!(running_ratio(Times::default()), None);
    }

    proptest! {
        #[test]
        fn any_reading_is_scaled_up_and_keeps_its_order(
            count in any::<u64>(), more in any::<u64>(), enabled_ns in any::<u64>(), running_ns in any::<u64>(),
        ) {
            let times = Times { enabled_ns, running_ns };
            if let Some(ratio) = running_ratio(times) {
                prop_assert!((0.0..=1.0).contains(&ratio), "{}", ratio);
            }
            if let Some(value) = scaled(count, times) {
                prop_assert!(value >= count);
                // Up to the rounding down of one division, it is count / ratio.
                let back = u128::from(value) * u128::from(running_ns.min(enabled_ns));
                let exact = u128::from(count) * u128::from(enabled_ns);
                prop_assert!(back <= exact && exact - back < u128::from(running_ns.min(enabled_ns)));
                if let Some(larger) = scaled(count.saturating_add(more), times) {
                    prop_assert!(larger >= value);
                }
            }
        }
    }
}
