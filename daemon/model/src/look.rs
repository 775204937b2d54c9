//! A recording while it runs: what the recorder says of it, line by line, and what the daemon wants of it.
//!
//! ```text
//!  gild record ── Report (a line each, by a pipe) ──▶ gilctl ── Look, Recording ──▶ gild ── Event ──▶ whoever watches
//!                                                        ◀── Order (a line each) ──┘
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::experiment::Experiment;
use crate::phase::Phase;
use crate::recording::{Recording, TEXT_MAX, experiment_of, name_of};
use crate::run::RunHead;

/// Most threads of a [`Look`]; of further ones there are sums.
pub const THREADS_MAX: usize = 200;

/// A line of the recorder's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// The command runs.
    Begun(Begun),
    /// How far it is. Said now and then.
    Look(Look),
    /// It is over; the last line.
    Over(Box<Recording>),
}

/// A recording that has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// The command line.
    pub command: Vec<String>,
    /// When it was started.
    pub started_at: Timestamp,
}

impl Begun {
    /// The experiment that stands for it in the store until it is over.
    pub fn experiment(&self) -> Experiment {
        experiment_of(name_of(&self.command), 1)
    }

    /// Checks what types cannot. The daemon calls this on what a client sends.
    ///
    /// # Errors
    /// The offending field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.command.is_empty() { Err("command: is empty".to_owned()) } else { Ok(()) }
    }
}

/// What the daemon says to whoever records, while the recording runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The recording is kept as this run; the first line.
    Go(Box<RunHead>),
    /// Somebody cancelled it: the command is to be ended.
    End,
}

/// The accounts of a recording so far. Of states nothing is said: those of an open phase are known at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Since the start of the command, in nanoseconds.
    pub wall_ns: u64,
    /// Processes so far; one that executed another program is two.
    pub processes: u32,
    /// Threads so far.
    pub threads: u32,
    /// Threads that are alive.
    pub alive: u32,
    /// How often an interpreter's lock went to a thread that had waited for it. `None`: no thread has.
    #[serde(default)]
    pub hand_overs: Option<u64>,
    /// Wall time of all threads together, phase by phase.
    pub phases: Vec<PhaseTime>,
    /// Threads, process by process in the order in which they were born: at most [`THREADS_MAX`], those that are alive first.
    pub rows: Vec<ThreadLook>,
}

/// Wall time in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// How long, in nanoseconds.
    pub wall_ns: u64,
}

/// A thread, or the threads of a process that have ended and were added up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadLook {
    /// Process id.
    pub pid: Option<u32>,
    /// Thread id. `None`: threads that were added up.
    pub tid: Option<u32>,
    /// The thread's name.
    pub thread: String,
    /// The command line of its process.
    pub command: String,
    /// The phase that it is in. `None`: it has ended.
    pub now: Option<Phase>,
    /// Since when it is, told as [`Look::wall_ns`] is. `None`: it has ended.
    #[serde(default)]
    pub since_ns: Option<u64>,
    /// Wall time in each phase so far.
    pub phases: Vec<PhaseTime>,
}

impl ThreadLook {
    /// How long it has lived.
    pub fn life_ns(&self) -> u64 {
        self.phases.iter().map(|it| it.wall_ns).sum()
    }
}

impl Look {
    /// Checks what types cannot. The daemon calls this on what a client sends.
    ///
    /// # Errors
    /// The offending field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.rows.len() > THREADS_MAX {
            return Err(format!("rows: {} are more than {THREADS_MAX}", self.rows.len()));
        }
        check_phases(&self.phases)?;
        self.rows.iter().enumerate().try_for_each(|(place, row)| {
            let too_long = row.thread.len().max(row.command.len()) > TEXT_MAX;
            let text = too_long.then(|| format!("a text has more than {TEXT_MAX} bytes"));
            text.map_or_else(|| check_phases(&row.phases), Err).map_err(|error| format!("rows[{place}]: {error}"))
        })
    }
}

fn check_phases(phases: &[PhaseTime]) -> Result<(), String> {
    if phases.len() > Phase::ALL.len() {
        return Err(format!("phases: {} are more than there are", phases.len()));
    }
    let sum = phases.iter().try_fold(0u64, |sum, it| sum.checked_add(it.wall_ns));
    sum.map(drop).ok_or_else(|| "phases: their sum is no time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look() -> Look {
        let phases =
            vec![PhaseTime { phase: Phase::Compute, wall_ns: 5 }, PhaseTime { phase: Phase::IoWait, wall_ns: 2 }];
        let row = ThreadLook {
            pid: Some(7),
            tid: Some(8),
            thread: "python3".to_owned(),
            command: "python3 app.py".to_owned(),
            now: Some(Phase::IoWait),
            since_ns: Some(4),
            phases: phases.clone(),
        };
        Look { wall_ns: 9, processes: 1, threads: 1, alive: 1, hand_overs: None, phases, rows: vec![row] }
    }

    #[test]
    fn a_look_is_one_line_and_comes_back_as_it_was() {
        let report = Report::Look(look());
        let line = serde_json::to_string(&report).unwrap();
        assert!(line.starts_with(r#"{"look":{"wall_ns":9,"#) && !line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report);
        assert_eq!(look().rows[0].life_ns(), 7);
        look().check().unwrap();
    }

    #[test]
    fn a_look_that_makes_no_sense_is_refused() {
        let refused = |change: fn(&mut Look), expected: &str| {
            let mut look = look();
            change(&mut look);
            let error = look.check().unwrap_err();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        };
        refused(|it| it.rows = vec![it.rows[0].clone(); THREADS_MAX + 1], "rows: 201 are more than 200");
        refused(|it| it.rows[0].command = "x".repeat(5000), "rows[0]: a text has more than 4096 bytes");
        refused(|it| it.rows[0].phases[0].wall_ns = u64::MAX, "rows[0]: phases: their sum is no time");
        refused(|it| it.phases = vec![it.phases[0]; 99], "phases: 99 are more than there are");
    }

    #[test]
    fn an_order_is_a_line() {
        assert_eq!(serde_json::to_string(&Order::End).unwrap(), r#""end""#);
        let begun = Begun { command: Vec::new(), started_at: Timestamp::UNIX_EPOCH };
        assert_eq!(begun.check().unwrap_err(), "command: is empty");
    }
}
