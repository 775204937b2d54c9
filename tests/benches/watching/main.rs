//! What it costs the workers that somebody watches them: `cargo bench -p gild-tests --bench watching`.
//!
//! The same trial is run without `gilctl top`, with one at its default interval, and with one that looks ten times as often, in turns, so that
//! whatever else the machine does hits all three. Compared are the trial's wall time and the CPU time of its workers, pair by
//! pair: medians of the ratios, with the lowest and the highest. On a machine whose cores are all taken by workers, what
//! the daemon and the screen use is taken from them; where a core is free, it is not.

use std::time::Duration;

use gild_model::account::Role;
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use gild_tests::terminal::Seat;

/// Times that all of them are run.
const ROUNDS: usize = 11;
/// Who watches: nobody, or a screen with this interval.
const WATCHERS: [(&str, Option<&str>); 3] =
    [("nobody", None), ("top", Some("1")), ("top, ten times as often", Some("0.1"))];
/// What is run: more workers than one lock lets run, and as many processes as there are cores here.
const CASES: [(&str, &[&str]); 2] = [
    ("threads, one lock", &["--model=threads", "--workers=2", "--lock=cpython"]),
    ("processes", &["--model=processes", "--workers=2", "--transport=pipe", "--start=fork"]),
];

fn main() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{ROUNDS} rounds on {cores} cores; ratios to the same round unwatched: median (lowest to highest)");
    println!("{:<20} {:<26} {:>28} {:>28}", "what", "watched by", "wall time", "CPU time of workers");
    let lab = Lab::new();
    for (what, options) in CASES {
        let rounds: Vec<Vec<Figures>> = (0..ROUNDS).map(|round| self::round(&lab, options, round)).collect();
        for (place, (watcher, _)) in WATCHERS.iter().enumerate().skip(1) {
            let ratios =
                |of: fn(&Figures) -> f64| spread(rounds.iter().map(|it| of(&it[place]) / of(&it[0])).collect());
            println!("{what:<20} {watcher:<26} {:>28} {:>28}", ratios(|it| it.wall_ns), ratios(|it| it.cpu_ns));
        }
    }
}

/// What is compared, in nanoseconds.
#[derive(Clone, Copy)]
struct Figures {
    wall_ns: f64,
    cpu_ns: f64,
}

/// One of each watcher, in the order of [`WATCHERS`]; who goes first changes from round to round.
fn round(lab: &Lab, options: &[&str], round: usize) -> Vec<Figures> {
    let mut figures = vec![None; WATCHERS.len()];
    for turn in 0..WATCHERS.len() {
        let place = (round + turn) % WATCHERS.len();
        figures[place] = Some(measured(lab, options, WATCHERS[place].1));
    }
    figures.into_iter().flatten().collect()
}

fn measured(lab: &Lab, options: &[&str], interval: Option<&str>) -> Figures {
    let mut seat =
        interval.map(|interval| Seat::at(&mut lab.gilctl_command(&["top", "--interval", interval]), 24, 100));
    if let Some(seat) = &seat {
        seat.wait_for("waiting");
    }
    let line = ["cpu-bound", "--tasks=300", "--repeat=1", "--warmups=0", "--name=watched", "--timeline=0"];
    let id = lab.submit(&[&line[..], options].concat());
    let run = lab.wait_for_end(id);
    assert!(run.head.error.is_none(), "{:?}", run.head.error);
    if let Some(mut seat) = seat.take() {
        // It has to have seen the run, or nothing was measured.
        seat.wait_for("coordinator");
        seat.press("q");
        assert!(seat.end().0.success());
    }
    // So that the next one starts on a quiet machine.
    std::thread::sleep(Duration::from_millis(100));
    figures(&lab.trials(id)[0])
}

fn figures(trial: &Trial) -> Figures {
    let workers = trial.workers.iter().filter(|row| row.role == Role::Worker);
    let cpu_ns: u64 = workers.map(|row| row.cpu_ns.expect("it had a last act")).sum();
    Figures { wall_ns: trial.wall_ns.expect("the trial got to its end") as f64, cpu_ns: cpu_ns as f64 }
}

fn spread(mut ratios: Vec<f64>) -> String {
    ratios.sort_by(f64::total_cmp);
    let (low, median, high) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    format!("{median:.4} ({low:.3} to {high:.3})")
}
