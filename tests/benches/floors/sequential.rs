//! A sequential run under gild against the same calls in a plain loop, with tasks of about 2 ms.

use std::hint::black_box;
use std::time::Instant;

use crate::paired::median;
use crate::report::Row;
use crate::trial::{Lab, cpu_bound};

/// Tasks per batch.
const TASKS: u64 = 20;

/// The wall time of a trial against that of a loop that calls the kernel alone.
pub fn rows() -> Vec<Row> {
    let n = two_milliseconds();
    let lab = Lab::new(
        cpu_bound(),
        &format!("kernel = 'cpu-bound'\nparam.n = {n}\nparam.tasks = {TASKS}\n[[case]]\nmodel = 'sequential'\n"),
    );
    let (mut plains, mut runs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..41 {
        let before = plain(&lab);
        let run = lab.run() as f64;
        let plain = (before + plain(&lab)) / 2.0;
        plains.push(plain);
        runs.push(run);
        ratios.push(run / plain);
    }
    let what = "sequential run under gild / the same calls in a plain loop";
    let row = Row::ratio(what, median(runs) / TASKS as f64, median(plains) / TASKS as f64, 1.005);
    vec![Row { value: median(ratios), ..row }]
}

fn plain(lab: &Lab) -> f64 {
    let start = Instant::now();
    let results: Vec<_> = (0..TASKS as usize).map(|task| lab.call_plainly(task)).collect();
    let wall = start.elapsed();
    drop(black_box(results));
    wall.as_nanos() as f64
}

/// The n whose task takes about 2 ms on this machine.
fn two_milliseconds() -> u32 {
    (10..30)
        .find(|n| {
            let start = Instant::now();
            black_box(cpu_bound::product(*n));
            start.elapsed().as_micros() >= 2_000
        })
        .unwrap_or(30)
}
