//! A run in progress as its shared memory says it is at one instant, for screens that follow it.
//!
//! All counts and times are sums since the beginning of the trial (of a recording: of the command), told with the clock's reading
//! at which they were taken. Whoever wants rates, or shares of a recent window, asks twice and subtracts.

use serde::{Deserialize, Serialize};

use crate::account::Role;
use crate::api::Progress;
use crate::look::{Look, PhaseTime, ThreadLook};
use crate::phase::Phase;
use crate::run::RunHead;

/// Most rows of a [`LiveAccounts`]; of further ones there is a number.
pub const ROWS_MAX: usize = 256;

/// A run, and what is happening in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveRun {
    /// The run in one line.
    pub head: RunHead,
    /// How far the trial in progress, and with it the run, has come. `None`: no trial is in progress, or it is a recording.
    pub progress: Option<Progress>,
    /// Where the time goes. `None`: nothing is in progress, or nobody has looked yet.
    pub accounts: Option<LiveAccounts>,
}

/// The accounts of a trial or a recording in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveAccounts {
    /// The clock's reading, in nanoseconds. Only differences within one trial, or one recording, mean something.
    pub at_ns: u64,
    /// The same clock when the wall time began. `None`: it has not.
    pub began_ns: Option<u64>,
    /// How often the lock went to somebody who had waited for it. `None`: there is no lock that is known.
    pub hand_overs: Option<u64>,
    /// The coordinator, then the workers in order; of a recording its threads. At most [`ROWS_MAX`]: where there are more, those
    /// who are alive and have done the most.
    pub rows: Vec<LiveRow>,
    /// Rows that are left out.
    pub not_shown: u32,
}

/// Somebody in a trial or a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveRow {
    /// What it is there for.
    pub role: Role,
    /// Its number among those of its role.
    pub index: u32,
    /// Process id. `None`: it has not started.
    pub pid: Option<u32>,
    /// Thread id. `None`: it has not started, or is several that have ended.
    pub tid: Option<u32>,
    /// The thread's name, where the accounts have it.
    pub thread: Option<String>,
    /// The command line of its process, where the accounts have it.
    pub command: Option<String>,
    /// Whether it has been born.
    pub born: bool,
    /// The phase that it is in. `None`: it has not been born, or has ended.
    pub now: Option<Phase>,
    /// The kernel's own name of what it is in, inside `compute`.
    pub kernel_phase: Option<String>,
    /// The clock's reading when that began. `None`: not known.
    pub since_ns: Option<u64>,
    /// Wall time in each phase so far, in nanoseconds; the open one goes up to now. Phases that never were are left out.
    pub phases: Vec<PhaseTime>,
    /// CPU time, in nanoseconds. `None`: not measured before its end.
    pub cpu_ns: Option<u64>,
    /// Tasks completed. `None`: recordings have none.
    pub tasks_done: Option<u64>,
    /// Whether it has the lock. `None`: there is none, or its accounts do not say who has it.
    pub has_lock: Option<bool>,
}

impl LiveRow {
    /// How long it has lived.
    pub fn life_ns(&self) -> u64 {
        sum(&self.phases, |_| true)
    }

    /// How long it did something else than wait for a task.
    pub fn busy_ns(&self) -> u64 {
        sum(&self.phases, |phase| phase != Phase::Idle)
    }
}

fn sum(phases: &[PhaseTime], of: impl Fn(Phase) -> bool) -> u64 {
    phases.iter().filter(|it| of(it.phase)).fold(0, |sum, it| sum.saturating_add(it.wall_ns))
}

impl LiveAccounts {
    /// Leaves out what is too much: who has ended goes first, then who has done the least. The order stays.
    pub fn bound(&mut self) {
        let over = self.rows.len().saturating_sub(ROWS_MAX);
        if over == 0 {
            return;
        }
        let mut places: Vec<usize> = (0..self.rows.len()).collect();
        places.sort_by_key(|place| {
            let row = &self.rows[*place];
            (row.role == Role::Coordinator, row.now.is_some(), row.busy_ns())
        });
        let mut kept = vec![true; self.rows.len()];
        places.into_iter().take(over).for_each(|place| kept[place] = false);
        let mut kept = kept.into_iter();
        self.rows.retain(|_| kept.next().unwrap_or(true));
        self.not_shown = self.not_shown.saturating_add(u32::try_from(over).unwrap_or(u32::MAX));
    }
}

/// A recording's accounts are those that its recorder sent last.
impl From<&Look> for LiveAccounts {
    fn from(look: &Look) -> LiveAccounts {
        let rows: Vec<LiveRow> = (0..).zip(&look.rows).map(|(index, thread)| row(index, thread)).collect();
        LiveAccounts {
            at_ns: look.wall_ns,
            began_ns: Some(0),
            hand_overs: look.hand_overs,
            not_shown: look.threads.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX)),
            rows,
        }
    }
}

fn row(index: u32, thread: &ThreadLook) -> LiveRow {
    LiveRow {
        role: Role::Worker,
        index,
        pid: thread.pid,
        tid: thread.tid,
        thread: Some(thread.thread.clone()),
        command: Some(thread.command.clone()),
        born: true,
        now: thread.now,
        kernel_phase: None,
        since_ns: thread.since_ns,
        phases: thread.phases.clone(),
        cpu_ns: None,
        tasks_done: None,
        has_lock: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(tid: u32, now: Option<Phase>, compute_ns: u64, idle_ns: u64) -> ThreadLook {
        let time = |phase, wall_ns| PhaseTime { phase, wall_ns };
        ThreadLook {
            pid: Some(7),
            tid: Some(tid),
            thread: "t".to_owned(),
            command: "c".to_owned(),
            now,
            since_ns: None,
            phases: vec![time(Phase::Compute, compute_ns), time(Phase::Idle, idle_ns)],
        }
    }

    #[test]
    fn where_there_are_too_many_the_busiest_are_kept_in_their_order() {
        let count = ROWS_MAX as u32 + 3;
        let compute = Some(Phase::Compute);
        let mut rows: Vec<_> = (0..count).map(|tid| thread(tid, compute, 1_000 + u64::from(tid % 7), 1)).collect();
        rows[5] = thread(5, None, u64::MAX / 4, 0);
        rows[9] = thread(9, compute, 0, u64::MAX / 4);
        rows[10] = thread(10, compute, 1, 0);
        let look = Look {
            wall_ns: 9,
            processes: 1,
            threads: count + 40,
            alive: count - 1,
            hand_overs: Some(4),
            phases: vec![],
            rows,
        };
        let mut accounts = LiveAccounts::from(&look);
        assert_eq!((accounts.at_ns, accounts.not_shown, accounts.hand_overs), (9, 40, Some(4)));
        accounts.bound();
        assert_eq!((accounts.rows.len(), accounts.not_shown), (ROWS_MAX, 43));
        let tids: Vec<_> = accounts.rows.iter().filter_map(|row| row.tid).collect();
        assert!(tids.is_sorted() && ![5, 9, 10].iter().any(|tid| tids.contains(tid)), "{tids:?}");
    }

    #[test]
    fn sums_of_nonsense_are_no_panic() {
        let row = row(0, &thread(1, None, u64::MAX, u64::MAX));
        assert_eq!((row.life_ns(), row.busy_ns()), (u64::MAX, u64::MAX));
    }
}
