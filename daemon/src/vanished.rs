//! Threads that ended in the middle of a task: nobody would ever hear of them.
//!
//! A process that ends is heard of by whoever started it. While it is being killed, it loses its threads one after the other,
//! though; so a thread that is gone is told of only if another one of its process lives, and only when it has been
//! missed twice in a row.

use std::fs;
use std::time::Duration;

use gild_engine::ledger::Live;

use crate::verdict::Stop;

/// How long a task has to last before anybody looks whether its thread is still there.
const THREAD_CHECK_AFTER: Duration = Duration::from_secs(1);

/// Looks for such threads.
#[derive(Debug, Default)]
pub struct Watch {
    /// Who was missed at the last look.
    missed: Option<Stop>,
}

impl Watch {
    /// Looks once. The first thread that ended, if it was missed at the last look already.
    pub fn look(&mut self, live: &Live) -> Option<Stop> {
        let missed = first_missing(live);
        let told = missed.clone().filter(|stop| self.missed.as_ref() == Some(stop));
        self.missed = missed;
        told
    }
}

fn first_missing(live: &Live) -> Option<Stop> {
    live.workers.iter().find_map(|worker| {
        let (pid, tid, (task, for_ns)) = (worker.pid?, worker.tid?, worker.task?);
        let is_suspect = Duration::from_nanos(for_ns) >= THREAD_CHECK_AFTER;
        let is_missing = || !lives(pid, tid) && has_threads(pid);
        (is_suspect && is_missing()).then_some(Stop::Vanished { worker: worker.index, pid, tid, task })
    })
}

/// Whether a thread is there. The first one of a process stays, as a zombie, until the others have ended.
fn lives(pid: u32, tid: u32) -> bool {
    // proc_pid_stat(5): "tid (name) state …"; the name may hold anything, so look behind its last bracket.
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn has_threads(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok()).any(|tid| lives(pid, tid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_engine::ledger::LiveWorker;
    use gild_model::phase::Phase;
    use std::process::Command;

    fn live(pid: u32, tid: u32, for_ns: u64) -> Live {
        let worker = LiveWorker {
            index: 3,
            pid: Some(pid),
            tid: Some(tid),
            phase: Phase::Compute,
            task: Some((8, for_ns)),
            tasks_done: 0,
        };
        Live { workers: vec![worker], ..Live::default() }
    }

    fn looks(lives: &[Live]) -> Option<Stop> {
        let mut watch = Watch::default();
        lives.iter().fold(None, |_, live| watch.look(live))
    }

    const A_SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_thread_that_is_gone_is_found_after_a_while_and_at_the_second_look() {
        let us = std::process::id();
        // No thread has the number 0.
        let gone = || live(us, 0, A_SECOND);
        let expected = Stop::Vanished { worker: 3, pid: us, tid: 0, task: 8 };
        assert_eq!(looks(&[gone(), gone()]), Some(expected));
        assert_eq!(looks(&[gone()]), None, "it may be dying with its process");
        assert_eq!(looks(&[gone(), Live::default(), gone()]), None, "not twice in a row");
        assert_eq!(looks(&[live(us, 0, A_SECOND - 1), live(us, 0, A_SECOND - 1)]), None, "too early to tell");
        assert_eq!(looks(&[live(us, us, A_SECOND), live(us, us, A_SECOND)]), None, "it is there");
    }

    #[test]
    fn a_process_that_ended_is_the_business_of_whoever_started_it() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        while lives(pid, pid) {
            std::thread::yield_now();
        }
        // A zombie, as long as nobody waits for it.
        assert_eq!(looks(&[live(pid, pid, A_SECOND), live(pid, 0, A_SECOND)]), None);
        child.wait().unwrap();
        assert_eq!(looks(&[live(pid, pid, A_SECOND), live(pid, pid, A_SECOND)]), None, "nobody there at all");
    }
}
