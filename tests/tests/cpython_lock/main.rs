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
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
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

/// One thread that sleeps beside threads that compute, under both locks.
fn convoy(python: &mut Python, spinners: usize, interval_ms: u64, whereabouts: &str) -> Row {
    let interval = Duration::from_millis(interval_ms);
    let title = format!("0.5 ms sleep beside {spinners} computing{whereabouts}, {interval_ms} ms: round, p50");
    let [row] = compare(
        [Row::new(title, "ms")],
        || [gild::convoy(spinners, interval, SLICE).p50_ns / 1e6],
        || [python.convoy(spinners, interval, SLICE).p50_ns / 1e6],
    );
    row
}

/// Lets this thread (0: the calling one) and those that it starts from now on run on one core only.
fn on_one_core(thread: Pid) -> nix::Result<()> {
    let may = sched_getaffinity(thread)?;
    let core = (0..CpuSet::count()).find(|&core| may.is_set(core) == Ok(true)).ok_or(Errno::ESRCH)?;
    let mut one = CpuSet::new();
    one.set(core)?;
    sched_setaffinity(thread, &one)
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
    rows.extend([5, 1].map(|interval_ms| convoy(&mut python, 1, interval_ms, "")));
    // Three threads on several cores: which two share one decides how many intervals a round lasts, so that Python does
    // not even agree with itself. On one core there is nothing to decide.
    for pid in [Pid::from_raw(0), python.pid()] {
        on_one_core(pid).expect("threads of ours may be given a core that they have already");
    }
    rows.extend([5, 1].map(|interval_ms| convoy(&mut python, 2, interval_ms, " on one core")));
    let differ: Vec<_> =
        rows.iter().filter(|row| !row.agrees()).map(|row| format!("{}: {:.3}", row.what, row.ratio())).collect();
    assert!(differ.is_empty(), "after {} pairs: {differ:#?}", PAIRS_MAX);
}
