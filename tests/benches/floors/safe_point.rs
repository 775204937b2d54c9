//! A safe point that is not taken: the price of `cx.poll()` in a kernel's inner loop.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::paired::paired;
use crate::report::Row;
use crate::trial::{Lab, cpu_bound};

/// The safe point alone, and the whole inner loop of a kernel against the same loop without gild.
pub fn rows() -> Vec<Row> {
    vec![alone(), inner_loop()]
}

/// A loop of one multiplication with and without the check of the attention word, as `gild_poll` makes it.
fn alone() -> Row {
    let attention = AtomicU32::new(0);
    let step = |sum: u64| sum.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let times = paired(
        201,
        1_000_000,
        |count| {
            black_box((0..count).fold(1, |sum, _| black_box(step(sum))));
        },
        |count| {
            let polled = (0..count).try_fold(1, |sum, _| {
                if black_box(&attention).load(Ordering::Relaxed) != 0 { None } else { Some(black_box(step(sum))) }
            });
            black_box(polled);
        },
    );
    let cost_ns = times.measured_ns - times.floor_ns;
    let what = "one safe point not taken";
    let (measured, floor) = (format!("{:.2} ns", times.measured_ns), format!("{:.2} ns", times.floor_ns));
    Row { what, measured, floor, value: cost_ns, goal: 1.0, unit: "ns" }
}

/// The kernel called through its table, safe points included, against `cpu_bound::product`.
fn inner_loop() -> Row {
    let lab = Lab::new(
        cpu_bound(),
        "kernel = 'cpu-bound'\ncounters = 'trial'\nparam.n = 24\nparam.tasks = 1\n[[case]]\nmodel = 'sequential'\n",
    );
    let times = paired(
        101,
        1,
        |count| (0..count).for_each(|_| drop(black_box(cpu_bound::product(black_box(24))))),
        |count| (0..count).for_each(|_| drop(black_box(lab.call_plainly(0)))),
    );
    Row {
        value: times.best_ratio,
        ..Row::ratio("cpu-bound kernel / the same loop in plain Rust", times.measured_ns, times.floor_ns, 1.02)
    }
}
