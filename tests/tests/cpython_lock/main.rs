//! The lock policy `cpython` beside the lock of the machine's own CPython: the same threads under both, in turns.
//!
//! Neither side is asked how fast it is, only whether it is as fast as the other. Both run in short slices, one after the
//! other, so that what else the machine does hits both; a ratio is taken of each pair, and the median of the ratios
//! counts. On a machine that is loaded unevenly more pairs are run.

mod figures;
mod gild;
mod python;

use std::time::Duration;

use figures::median;
use gild_tests::skipped;
use python::Python;

/// How far gild's figures may be from CPython's.
const TOLERANCE: f64 = 0.1;
/// Pairs of slices, at least (the variable `GILD_PAIRS` asks for more, for figures to be shown) and at most.
const PAIRS_MIN: usize = 3;
const PAIRS_MAX: usize = 30;
const SLICE: Duration = Duration::from_millis(400);

/// A figure of both sides, slice by slice.
struct Row {
    what: String,
    unit: &'static str,
    gild: Vec<f64>,
    cpython: Vec<f64>,
}

impl Row {
    fn new(what: String, unit: &'static str) -> Row {
        Row { what, unit, gild: Vec::new(), cpython: Vec::new() }
    }

    fn push(&mut self, gild: f64, cpython: f64) {
        self.gild.push(gild);
        self.cpython.push(cpython);
    }

    /// The median of the paired ratios.
    fn ratio(&self) -> f64 {
        median(&self.gild.iter().zip(&self.cpython).map(|(gild, cpython)| gild / cpython).collect::<Vec<_>>())
    }

    fn agrees(&self) -> bool {
        (self.ratio() - 1.0).abs() <= TOLERANCE
    }

    fn print(&self) {
        eprintln!(
            "| {} | {:.2} {unit} | {:.2} {unit} | {:.3} | {} |",
            self.what,
            median(&self.gild),
            median(&self.cpython),
            self.ratio(),
            self.gild.len(),
            unit = self.unit,
        );
    }
}

/// Runs pairs of slices until gild agrees with CPython in every row, or not after all.
fn compare<const ROWS: usize>(
    mut rows: [Row; ROWS],
    mut gild: impl FnMut() -> [f64; ROWS],
    mut cpython: impl FnMut() -> [f64; ROWS],
) -> [Row; ROWS] {
    let pairs_min = std::env::var("GILD_PAIRS").map_or(PAIRS_MIN, |it| it.parse().expect("GILD_PAIRS is a number"));
    for pair in 1..=PAIRS_MAX.max(pairs_min) {
        // Who goes first changes.
        let (gild, cpython) = if pair % 2 == 0 {
            let gild = gild();
            (gild, cpython())
        } else {
            let cpython = cpython();
            (gild(), cpython)
        };
        for (row, figures) in rows.iter_mut().zip(gild.into_iter().zip(cpython)) {
            row.push(figures.0, figures.1);
        }
        if pair >= pairs_min && rows.iter().all(Row::agrees) {
            break;
        }
    }
    rows.iter().for_each(Row::print);
    rows
}

#[test]
fn the_lock_behaves_like_that_of_a_real_cpython() {
    let mut python = match Python::start() {
        Ok(python) => python,
        Err(why) => return skipped("the lock beside a real CPython's", &why),
    };
    eprintln!("| | gild | CPython {} | ratio | pairs |\n|---|---|---|---|---|", python.version);
    let mut rows = Vec::new();
    for (threads, interval_ms) in [(2, 5), (4, 5), (2, 20)] {
        let interval = Duration::from_millis(interval_ms);
        // Long intervals: enough of them in a slice.
        let slice = SLICE.max(interval * 40);
        let title = format!("{threads} computing threads, {interval_ms} ms");
        let new = [Row::new(format!("{title}: hand-overs"), "/s"), Row::new(format!("{title}: hold, median"), "ms")];
        let figures = |it: figures::Spin| [it.hand_overs_per_s, it.hold_ns / 1e6];
        rows.extend(compare(
            new,
            || figures(gild::spin(threads, interval, slice)),
            || figures(python.spin(threads, interval, slice)),
        ));
    }
    for (spinners, interval_ms) in [(1, 5), (2, 5), (1, 1), (2, 1)] {
        let interval = Duration::from_millis(interval_ms);
        // A round lasts a whole number of intervals. Beside one thread that is nearly always one; beside two it is
        // several, of which the median is one or another by chance, and the mean is what both have in common.
        let (statistic, figure): (_, fn(figures::Convoy) -> f64) = match spinners {
            1 => ("p50", |it| it.p50_ns / 1e6),
            _ => ("mean", |it| it.mean_ns / 1e6),
        };
        let title = format!("0.5 ms sleep beside {spinners} computing, {interval_ms} ms: round, {statistic}");
        let new = [Row::new(title, "ms")];
        let figures = |it: figures::Convoy| [figure(it)];
        rows.extend(compare(
            new,
            || figures(gild::convoy(spinners, interval, SLICE)),
            || figures(python.convoy(spinners, interval, SLICE)),
        ));
    }
    let differ: Vec<_> =
        rows.iter().filter(|row| !row.agrees()).map(|row| format!("{}: {:.3}", row.what, row.ratio())).collect();
    assert!(differ.is_empty(), "after {} pairs: {differ:#?}", PAIRS_MAX);
}
