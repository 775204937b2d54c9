//! Whether gild knows what else a machine was doing: trials beside a program that takes CPU time.
//!
//! Nothing here needs a quiet machine: the truth is the CPU time that the other program itself was given, and what there was in
//! all.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gild_model::noise::Noise;
use gild_model::run::{AccountRow, Run};
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use gild_tests::skipped;

/// A process that does nothing but use CPU time, on whatever core is free.
struct Spinner(Child);

impl Spinner {
    fn start() -> Spinner {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
        Spinner(command.spawn().expect("there is a shell"))
    }

    /// CPU time that it has had (proc_pid_stat(5): fields 14 and 15, in hundredths of a second), in nanoseconds.
    fn cpu_ns(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("it is our child");
        let fields = stat.rsplit(") ").next().expect("its name ends so").split(' ');
        fields.skip(11).take(2).map(|it| it.parse::<u64>().expect("times are numbers") * 10_000_000).sum()
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.kill().expect("it is our child");
        self.0.wait().expect("it is our child");
    }
}

/// One trial of tasks that burn CPU time for about two seconds, and how long `gilctl` took for it.
fn burn(lab: &Lab, arguments: &[&str]) -> (Run, Trial, Duration) {
    let line = ["run", "calibrated", "--tasks=100", "--repeat=1", "--warmups=0", "--json"];
    let since = Instant::now();
    let run: Run = lab.gilctl(&[&line, arguments].concat()).well().json();
    let took = since.elapsed();
    let trial = lab.trials(run.head.id).swap_remove(0);
    (run, trial, took)
}

fn noise(trial: &Trial) -> &Noise {
    trial.noise.as_ref().unwrap_or_else(|| panic!("noise was not measured: {trial:?}"))
}

fn other_cpu_ns(trial: &Trial) -> u64 {
    noise(trial).other_cpu_ns.expect("all processes of the trial were waited for")
}

#[test]
fn a_program_beside_a_trial_is_seen_with_the_time_that_it_took() {
    let lab = Lab::new();
    let sequential = ["--model=sequential", "--param=cpu_us=20000"];
    let (_, quiet, _) = burn(&lab, &sequential);
    let spinner = Spinner::start();
    let before_ns = spinner.cpu_ns();
    let (run, noisy, took) = burn(&lab, &sequential);
    let spun_ns = spinner.cpu_ns() - before_ns;
    drop(spinner);

    let window = Duration::from_nanos(noise(&noisy).window_ns);
    assert!(window <= took && noisy.wall_ns.is_some_and(|wall_ns| wall_ns <= noise(&noisy).window_ns), "{noisy:?}");
    // What it was given outside of the window is at most the time outside of the window.
    let within_ns = spun_ns.saturating_sub((took - window).as_nanos() as u64);
    assert!(within_ns > 100_000_000, "a test in which the other program hardly runs says nothing: {spun_ns} ns");
    let other_ns = other_cpu_ns(&noisy);
    assert!(other_ns as f64 > 0.8 * within_ns as f64, "{other_ns} ns, of which it had {within_ns} ns: {noisy:?}");

    match noise(&quiet).other_share() {
        Some(share) if share < 0.2 => {
            let more = noise(&noisy).other_share();
            assert!(more > Some(share + 0.1), "{more:?} beside a busy program, {share} without it");
        }
        share => skipped("the quiet trial", &format!("other programs used {share:?} of the cores")),
    }
    said(&lab, &run, &noisy);
}

/// The table, the summary and the export say what the trial says.
fn said(lab: &Lab, run: &Run, trial: &Trial) {
    let id = run.head.id.to_string();
    let share = noise(trial).other_share().expect("the trial lasts longer than a second");
    let case = run.summary.cases[0].noise.as_ref().expect("the trial has it");
    assert_eq!(
        (case.other_cpu, case.other_cpu_most, case.other_cpu_most_repetition),
        (Some(share), Some(share), Some(0))
    );
    let line = run.summary.noise.as_deref().expect("the trial has it");
    assert!(line.starts_with("noise: ") && line.contains(&format!("other programs {:.1} %", share * 100.0)), "{line}");
    lab.gilctl(&["show", &id]).well().says([line]);
    let notes = run.summary.notes.iter().filter(|note| note.contains("noise: ")).count();
    assert_eq!(notes, 1, "more than 5 % of the cores, and one note of it: {:?}", run.summary.notes);
    let rows = lab.ask("GET", &format!("/v1/runs/{id}/accounts"), "").body;
    let row: AccountRow = serde_json::from_str(rows.lines().next().expect("there are rows")).expect("rows are JSON");
    assert_eq!(row.noise, trial.noise);
    let exported = lab.gilctl(&["export", &id, "--format=jsonl"]).well().stdout;
    let exported: serde_json::Value =
        serde_json::from_str(exported.lines().next().expect("there are rows")).expect("rows are JSON");
    assert_eq!(exported["noise_other_cpu_ns"], other_cpu_ns(trial));
    assert_eq!(exported["noise_window_ns"], noise(trial).window_ns);
}

#[test]
fn what_a_trial_itself_uses_is_not_taken_for_others() {
    let lab = Lab::new();
    let cores = std::thread::available_parallelism().expect("the system tells").get();
    // Twenty seconds of CPU time for the cores of a large machine would leave each of them idle for most of the window.
    let cpu_us = format!("--param=cpu_us={}", 15_000 * cores.min(8));
    let workers = format!("--workers={cores}");
    for (model, lock) in [("--model=threads", Some("--lock=none")), ("--model=processes", None)] {
        let mut arguments = vec![model, workers.as_str(), cpu_us.as_str()];
        arguments.extend(lock);
        let (_, trial, _) = burn(&lab, &arguments);
        let own_ns: u64 = trial.workers.iter().map(|row| row.cpu_ns.expect("CPU time is read of every life")).sum();
        assert!(own_ns > 1_000_000_000, "the tasks burn more than this: {trial:?}");
        // Were its own time counted among that of others, more would have been used than there was.
        let capacity_ns = noise(&trial).capacity_ns() as f64;
        let used_ns = own_ns as f64 + other_cpu_ns(&trial) as f64;
        assert!(used_ns < 1.05 * capacity_ns + 1e8, "{used_ns} ns used of {capacity_ns} ns: {trial:?}");
    }
}
