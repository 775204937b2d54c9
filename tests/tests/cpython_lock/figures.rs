//! What both sides measure.

use serde::Deserialize;

/// Of threads that only compute.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spin {
    /// How often per second another thread had the lock.
    pub hand_overs_per_s: f64,
    /// From one hand-over to the next: the median.
    pub hold_ns: f64,
}

/// Of a thread that sleeps beside threads that only compute.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convoy {
    /// From before it gave the lock up until it had it back: the median.
    pub p50_ns: f64,
}

/// The middle of the values; of an even number, the mean of the two in the middle.
///
/// # Panics
/// There is no value.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
