//! Whole commands: how long they take and how much memory, from their start to their end.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Most memory of a command with a goal, in MiB.
const MEMORY_MIB_MAX: u64 = 200;
/// Time between two looks at a command's memory.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// A command to be measured.
#[derive(Debug)]
pub struct Measured {
    what: &'static str,
    command: Command,
    /// The longest that the median may be, in milliseconds; `None`: a floor, or a figure without a goal.
    goal_ms: Option<f64>,
    times_ms: Vec<f64>,
}

impl Measured {
    /// A command whose figures have no goal.
    pub fn new(what: &'static str, mut command: Command) -> Measured {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Measured { what, command, goal_ms: None, times_ms: Vec::new() }
    }

    /// The same with a goal.
    pub fn at_most(self, goal_ms: f64) -> Measured {
        Measured { goal_ms: Some(goal_ms), ..self }
    }

    fn run(&mut self) {
        let started = Instant::now();
        let status = self.command.status().unwrap_or_else(|error| panic!("cannot run {}: {error}", self.what));
        assert!(status.success(), "{}: {status}", self.what);
        self.times_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }

    fn median_ms(&self) -> f64 {
        let mut times = self.times_ms.clone();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    }

    /// The peak of its memory, in MiB, in a run of its own; `None`: it was gone before the first look.
    fn memory_mib(&mut self) -> Option<u64> {
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("cannot run {}: {error}", self.what));
        let mut peak_mib = None;
        while child.try_wait().expect("it is our child").is_none() {
            peak_mib = peak_mib.max(memory_mib(child.id()).filter(|mib| *mib > 0));
            std::thread::sleep(LOOK_INTERVAL);
        }
        peak_mib
    }
}

/// Measures commands in turns, so that whatever else the machine does hits all; says whether every goal was met.
pub fn measure(mut commands: Vec<Measured>, rounds: usize) -> bool {
    commands.iter_mut().for_each(Measured::run);
    commands.iter_mut().for_each(|it| it.times_ms.clear());
    for _ in 0..rounds {
        commands.iter_mut().for_each(Measured::run);
    }
    println!("{:<34} {:>12} {:>12} {:>10}", "what", "median", "goal", "peak");
    let mut all_met = true;
    for command in &mut commands {
        let (median_ms, peak_mib) = (command.median_ms(), command.memory_mib());
        let met =
            command.goal_ms.map(|goal_ms| median_ms <= goal_ms && peak_mib.is_none_or(|mib| mib <= MEMORY_MIB_MAX));
        let verdict = met.map_or("", |met| if met { "met" } else { "MISSED" });
        let goal = command.goal_ms.map_or_else(String::new, |goal_ms| format!("≤ {goal_ms} ms"));
        let peak = peak_mib.map_or_else(|| "–".to_owned(), |mib| format!("{mib} MiB"));
        println!("{:<34} {median_ms:>9.1} ms {goal:>12} {peak:>10}  {verdict}", command.what);
        all_met &= met != Some(false);
    }
    all_met
}

/// The peak of a process's memory, in MiB; `None`: it is gone.
pub fn memory_mib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib >> 10)
}
