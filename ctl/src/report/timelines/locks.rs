//! Locks in timelines: who shares one, and how often it went from one worker to another.

use gild_model::case::{Case, LockPolicy};
use gild_model::phase::Phase;
use gild_model::run::TimelineRow;
use gild_model::timeline::Timeline;

use crate::render::figures;

/// The hand-overs of a trial.
#[derive(Debug, PartialEq)]
pub struct HandOvers {
    /// The number of each row's lock.
    pub of_row: Vec<Option<usize>>,
    /// How often a lock went from one worker to another.
    pub count: u64,
    /// From the first time that somebody had a lock to the last, in nanoseconds.
    pub within_ns: i64,
    /// Locks that there are.
    locks: usize,
}

/// The hand-overs among these workers. `None`: they share no lock, or nobody ever had it after somebody else.
pub fn hand_overs(case: &Case, rows: &[&TimelineRow]) -> Option<HandOvers> {
    case.lock.filter(|lock| *lock != LockPolicy::None)?;
    let mut pids = Vec::new();
    let mut lock_of = |row: &&TimelineRow| {
        (row.role == "worker").then(|| {
            pids.iter().position(|pid| *pid == row.pid).unwrap_or_else(|| {
                pids.push(row.pid);
                pids.len() - 1
            })
        })
    };
    let of_row: Vec<_> = rows.iter().map(&mut lock_of).collect();
    let mut turns: Vec<(usize, i64, usize)> = Vec::new();
    for (row, lock) in of_row.iter().enumerate() {
        if let Some(lock) = lock {
            turns.extend(turns_of(&rows[row].timeline).map(|from_ns| (*lock, from_ns, row)));
        }
    }
    turns.sort_unstable();
    let changes = turns.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[0].2 != pair[1].2).count();
    let moments = || turns.iter().map(|(_, from_ns, _)| *from_ns);
    let within_ns = moments().max()? - moments().min()?;
    (changes > 0).then_some(HandOvers { of_row, count: changes as u64, within_ns, locks: pids.len() })
}

/// Whether a worker that shares a lock has it.
fn has_lock(phase: Phase) -> bool {
    // It takes the next task with the lock, as an interpreter does.
    matches!(phase, Phase::Compute | Phase::Idle)
}

/// The moments at which a worker got the lock.
fn turns_of(timeline: &Timeline) -> impl Iterator<Item = i64> {
    let mut had = false;
    timeline.intervals().filter_map(move |interval| {
        let has = has_lock(interval.meaning.phase);
        let got = has && !had;
        had = has;
        got.then_some(interval.from_ns)
    })
}

impl HandOvers {
    /// How long a lock stays where it is, in the mean.
    pub fn every_ns(&self) -> Option<f64> {
        (self.within_ns > 0).then(|| self.within_ns as f64 * self.locks as f64 / self.count as f64)
    }

    /// In words.
    pub fn sentence(&self) -> String {
        let every = self.every_ns().map_or_else(String::new, |ns| format!(", every {} on average", figures::time(ns)));
        let moved = format!("from one to another {} times{every}", self.count);
        match self.locks {
            1 => format!(
                " Only one worker at a time has the lock: the first row says who. It went {moved}; thin lines show how."
            ),
            _ => format!(
                " Only one worker at a time has each lock: a row above says who. They went {moved}; thin lines show how."
            ),
        }
    }
}
