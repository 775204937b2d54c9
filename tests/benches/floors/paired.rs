//! Two things timed in turns, so that whatever else the machine does hits both.

use gild_engine::clock::raw_ns;

/// Medians per operation, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Paired {
    /// Of the first.
    pub floor_ns: f64,
    /// Of the second.
    pub measured_ns: f64,
    /// The fastest batch of the second / the fastest of the first: for pure computing, which interruptions only slow down.
    pub best_ratio: f64,
}

/// Times `rounds` batches of each, in turns. Each batch makes `count` operations.
pub fn paired(rounds: usize, count: u64, mut floor: impl FnMut(u64), mut measured: impl FnMut(u64)) -> Paired {
    floor(count);
    measured(count);
    let (mut floors, mut measureds) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who goes first changes, so that neither always inherits the other's caches.
        let (first, second) = if round % 2 == 0 {
            let first = per_operation(count, &mut floor);
            (first, per_operation(count, &mut measured))
        } else {
            let second = per_operation(count, &mut measured);
            (per_operation(count, &mut floor), second)
        };
        floors.push(first);
        measureds.push(second);
    }
    let best = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
    let best_ratio = best(&measureds) / best(&floors);
    Paired { floor_ns: median(floors), measured_ns: median(measureds), best_ratio }
}

fn per_operation(count: u64, batch: &mut impl FnMut(u64)) -> f64 {
    let start_ns = raw_ns();
    batch(count);
    (raw_ns() - start_ns) as f64 / count as f64
}

/// The middle of the values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
