//! How a trial ended, judged from what was seen of it. Pure: evidence in, verdict out; no process, no clock.
//!
//! The first of these that applies decides:
//!
//! | evidence | verdict |
//! |---|---|
//! | the daemon killed it | cancelled, or failed at the limit that was passed |
//! | the coordinator answered `failed` | failed, in the coordinator's words |
//! | it noted a deadly signal, or died of one | failed: who, which signal, which task |
//! | it ended without an answer | failed: a kernel called `exit()` |
//! | it answered `done` but ended badly afterwards | failed: what happened after the last task |
//! | the kernel's own check did not pass | failed: the results are wrong |
//! | none of these | done |

use gild_engine::ledger::{Fault, Live, LiveWorker};
use gild_engine::spec::Outcome;
use gild_model::trial::TrialStatus;
use nix::sys::signal::Signal;

use crate::spawner::protocol::Exit;

/// Why the daemon killed a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// Somebody cancelled the run.
    Cancelled,
    /// The daemon stops.
    Shutdown,
    /// A task took too long.
    TaskLimit {
        /// The worker.
        worker: u32,
        /// Its process id.
        pid: Option<u32>,
        /// The task.
        task: u64,
        /// The limit.
        limit_s: f64,
    },
    /// The trial took too long.
    TrialLimit {
        /// The limit.
        limit_s: f64,
    },
    /// The thread of a worker ended in the middle of a task.
    Vanished {
        /// The worker.
        worker: u32,
        /// Its process id.
        pid: u32,
        /// The thread.
        tid: u32,
        /// The task.
        task: u64,
    },
    /// The coordinator answered and then did not end.
    Lingered {
        /// How long it was waited for.
        limit_s: f64,
    },
}

/// What the coordinator said.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing.
    None,
    /// An outcome.
    Outcome(Outcome),
    /// Something that is not an outcome.
    Garbage(String),
}

/// What was seen of a trial.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// What the coordinator said.
    pub answer: &'a Answer,
    /// The coordinator's process id.
    pub pid: u32,
    /// How the coordinator ended; `None`: nobody saw it, because the spawner died.
    pub exit: Option<Exit>,
    /// Why it was killed, if the daemon killed it.
    pub stop: Option<&'a Stop>,
    /// The ledger's last state.
    pub last: &'a Live,
    /// Deadly signals that were noted in the ledger.
    pub faults: &'a [Fault],
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// In a word.
    pub status: TrialStatus,
    /// Why it is not `done`.
    pub error: Option<String>,
    /// SHA-256 over the results.
    pub digest: Option<String>,
    /// Whether the kernel's own check passed.
    pub verified: Option<bool>,
}

/// Judges a trial.
pub fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(stop) = evidence.stop {
        return stopped(evidence, stop);
    }
    match evidence.answer {
        Answer::Outcome(Outcome::Failed { error }) => failed(error.clone()),
        Answer::Garbage(what) => {
            failed(format!("the coordinator (pid {}) gave no proper answer: {what}", evidence.pid))
        }
        Answer::None => failed(death(evidence)),
        Answer::Outcome(Outcome::Done { digest, verified, verify_error, .. }) => match evidence.exit {
            Some(Exit::Exited(0)) if *verified == Some(false) => Verdict {
                status: TrialStatus::Failed,
                error: Some(match verify_error {
                    Some(error) => format!("the results are wrong: {error}"),
                    None => "the results are wrong: they did not pass the kernel's own check".to_owned(),
                }),
                digest: digest.clone(),
                verified: *verified,
            },
            Some(Exit::Exited(0)) => {
                Verdict { status: TrialStatus::Done, error: None, digest: digest.clone(), verified: *verified }
            }
            _ => failed(format!("all tasks were done, but then {}", death(evidence))),
        },
    }
}

fn failed(error: String) -> Verdict {
    Verdict { status: TrialStatus::Failed, error: Some(error), digest: None, verified: None }
}

fn stopped(evidence: &Evidence<'_>, stop: &Stop) -> Verdict {
    let cancelled = |why: &str| Verdict { status: TrialStatus::Cancelled, ..failed(why.to_owned()) };
    match stop {
        Stop::Cancelled => cancelled("the run was cancelled"),
        Stop::Shutdown => cancelled("the daemon was stopped"),
        Stop::TaskLimit { worker, pid, task, limit_s } => failed(format!(
            "{} was killed: task {task} took longer than the task limit of {limit_s} s",
            named(*worker, *pid)
        )),
        Stop::TrialLimit { limit_s } => failed(format!(
            "the trial was killed: it took longer than the trial limit of {limit_s} s{}",
            match busy(evidence.last) {
                Some(tasks) => format!(" ({tasks})"),
                None if evidence.last.tasks_planned.is_none() => " (before its tasks were planned)".to_owned(),
                None => String::new(),
            }
        )),
        Stop::Vanished { worker, pid, tid, task } => failed(format!(
            "{} was running task {task} when its thread (tid {tid}) ended: a kernel must not end a thread that it did \
             not start",
            named(*worker, Some(*pid))
        )),
        Stop::Lingered { limit_s } => failed(format!(
            "the coordinator (pid {}) was killed: it answered and then did not end within {limit_s} s; the kernel's \
             clean-up or an exit handler of its library hangs",
            evidence.pid
        )),
    }
}

/// What killed a coordinator, or made it end too early.
fn death(evidence: &Evidence<'_>) -> String {
    let coordinator = format!("the coordinator (pid {})", evidence.pid);
    if let Some(fault) = evidence.faults.first() {
        let who = match fault.worker {
            Some(worker) => named(worker, fault.pid),
            None => coordinator,
        };
        let what = fault.task.map_or(String::new(), |task| format!(" while running task {task}"));
        return format!("{who} was killed by {}{what}", signal_name(fault.signal));
    }
    let at = match busy(evidence.last) {
        Some(tasks) => format!(" while {tasks}"),
        None if evidence.last.tasks_planned.is_none() => " before its tasks were planned".to_owned(),
        None => String::new(),
    };
    match evidence.exit {
        Some(Exit::Signalled(libc::SIGKILL)) => format!(
            "{coordinator} was killed by SIGKILL{at}: by somebody else, or by the kernel because memory ran out \
             (`dmesg` tells)"
        ),
        Some(Exit::Signalled(signal)) => format!("{coordinator} was killed by {}{at}", signal_name(signal)),
        Some(Exit::Exited(status)) => {
            format!("{coordinator} exited with status {status}{at}: a kernel must not call exit()")
        }
        None => format!("{coordinator} is gone, and with it the spawner that would know why"),
    }
}

/// `worker 3 (pid 7)`
pub fn named(worker: u32, pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("worker {worker} (pid {pid})"),
        None => format!("worker {worker}"),
    }
}

/// The tasks that were in progress: `worker 0 (pid 7) was running task 5`. A long list is cut.
pub fn busy(last: &Live) -> Option<String> {
    const NAMED_MAX: usize = 4;
    let running: Vec<(&LiveWorker, u64)> =
        last.workers.iter().filter_map(|worker| Some((worker, worker.task?.0))).collect();
    let mut parts: Vec<String> = running
        .iter()
        .take(NAMED_MAX)
        .map(|(worker, task)| format!("{} was running task {task}", named(worker.index, worker.pid)))
        .collect();
    if running.len() > NAMED_MAX {
        parts.push(format!("{} more workers were running tasks", running.len() - NAMED_MAX));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `SIGSEGV` for 11; `signal 64` where there is no name.
pub fn signal_name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_model::phase::Phase;

    const DONE: Outcome = Outcome::Done { digest: None, verified: None, verify_error: None, notes: Vec::new() };

    fn worker(index: u32, task: Option<u64>) -> LiveWorker {
        LiveWorker {
            tid: None,
            index,
            pid: Some(100 + index),
            phase: Phase::Compute,
            task: task.map(|task| (task, 1_000)),
            tasks_done: 0,
        }
    }

    fn live(workers: Vec<LiveWorker>) -> Live {
        Live { tasks_planned: Some(100), tasks_done: 0, done_share: Some(0.0), workers }
    }

    fn check(answer: Answer, exit: Exit, stop: Option<Stop>, last: Live, faults: &[Fault]) -> (TrialStatus, String) {
        let evidence =
            Evidence { answer: &answer, pid: 99, exit: Some(exit), stop: stop.as_ref(), last: &last, faults };
        let verdict = judge(&evidence);
        assert_eq!(verdict.error.is_none(), verdict.status == TrialStatus::Done, "an error says why it is not done");
        (verdict.status, verdict.error.unwrap_or_default())
    }

    fn fails(answer: Answer, exit: Exit, stop: Option<Stop>, last: Live, faults: &[Fault], expected: &str) {
        let (status, error) = check(answer, exit, stop, last, faults);
        assert_eq!(status, TrialStatus::Failed, "{error}");
        assert_eq!(error, expected);
    }

    #[test]
    fn a_trial_that_answers_and_exits_is_done_with_its_digest() {
        let answer = Answer::Outcome(Outcome::Done {
            digest: Some("abc".to_owned()),
            verified: Some(true),
            verify_error: None,
            notes: Vec::new(),
        });
        let last = Live::default();
        let evidence =
            Evidence { answer: &answer, pid: 1, exit: Some(Exit::Exited(0)), stop: None, last: &last, faults: &[] };
        let expected =
            Verdict { status: TrialStatus::Done, error: None, digest: Some("abc".to_owned()), verified: Some(true) };
        assert_eq!(judge(&evidence), expected);
    }

    #[test]
    fn wrong_results_fail_and_keep_their_digest() {
        let answer = Answer::Outcome(Outcome::Done {
            digest: Some("abc".to_owned()),
            notes: Vec::new(),
            verified: Some(false),
            verify_error: Some("task 3: 5 instead of 6".to_owned()),
        });
        let last = Live::default();
        let verdict = judge(&Evidence {
            answer: &answer,
            pid: 1,
            exit: Some(Exit::Exited(0)),
            stop: None,
            last: &last,
            faults: &[],
        });
        assert_eq!(verdict.status, TrialStatus::Failed);
        assert_eq!(verdict.error.as_deref(), Some("the results are wrong: task 3: 5 instead of 6"));
        assert_eq!((verdict.digest.as_deref(), verdict.verified), (Some("abc"), Some(false)));
    }

    #[test]
    fn the_coordinators_own_words_come_before_its_exit_status() {
        let answer = Answer::Outcome(Outcome::Failed { error: "task 4: out of numbers".to_owned() });
        let last = live(vec![worker(0, Some(4))]);
        fails(answer, Exit::Exited(1), None, last, &[], "task 4: out of numbers");
    }

    #[test]
    fn a_deadly_signal_names_worker_pid_signal_and_task() {
        let fault = Fault { worker: Some(3), pid: Some(103), signal: libc::SIGSEGV, task: Some(17) };
        let last = live(vec![worker(3, Some(17))]);
        let expected = "worker 3 (pid 103) was killed by SIGSEGV while running task 17";
        fails(Answer::None, Exit::Signalled(libc::SIGSEGV), None, last, &[fault], expected);
        let fault = Fault { worker: None, pid: Some(99), signal: libc::SIGBUS, task: None };
        let expected = "the coordinator (pid 99) was killed by SIGBUS";
        fails(Answer::None, Exit::Signalled(libc::SIGBUS), None, Live::default(), &[fault], expected);
    }

    #[test]
    fn a_signal_that_nobody_could_note_names_what_was_running() {
        let last = live(vec![worker(0, Some(5)), worker(1, None)]);
        let expected = "the coordinator (pid 99) was killed by SIGKILL while worker 0 (pid 100) was running task 5: by \
                        somebody else, or by the kernel because memory ran out (`dmesg` tells)";
        fails(Answer::None, Exit::Signalled(libc::SIGKILL), None, last, &[], expected);
        let expected = "the coordinator (pid 99) was killed by signal 40 before its tasks were planned";
        fails(Answer::None, Exit::Signalled(40), None, Live::default(), &[], expected);
    }

    #[test]
    fn a_kernel_that_calls_exit_is_told_so() {
        let last = live(vec![worker(0, Some(5))]);
        let expected = "the coordinator (pid 99) exited with status 3 while worker 0 (pid 100) was running task 5: a \
                        kernel must not call exit()";
        fails(Answer::None, Exit::Exited(3), None, last, &[], expected);
    }

    #[test]
    fn a_long_list_of_running_tasks_is_cut() {
        let last = live((0..10).map(|index| worker(index, Some(index.into()))).collect());
        let (_, error) = check(Answer::None, Exit::Exited(0), None, last, &[]);
        assert!(error.contains("worker 3 (pid 103) was running task 3, 6 more workers were running tasks"), "{error}");
    }

    #[test]
    fn a_death_after_the_last_task_is_a_failure() {
        let expected = "all tasks were done, but then the coordinator (pid 99) was killed by SIGABRT";
        fails(Answer::Outcome(DONE), Exit::Signalled(libc::SIGABRT), None, live(vec![]), &[], expected);
    }

    #[test]
    fn a_thread_that_ended_is_named_with_its_task() {
        let stop = Stop::Vanished { worker: 1, pid: 99, tid: 102, task: 7 };
        let expected = "worker 1 (pid 99) was running task 7 when its thread (tid 102) ended: a kernel must not end a \
                        thread that it did not start";
        fails(Answer::None, Exit::Signalled(libc::SIGKILL), Some(stop), live(vec![]), &[], expected);
    }

    #[test]
    fn limits_name_the_worker_the_task_and_the_limit() {
        let last = || live(vec![worker(2, Some(7))]);
        let killed = Exit::Signalled(libc::SIGKILL);
        let stop = Stop::TaskLimit { worker: 2, pid: Some(102), task: 7, limit_s: 1.5 };
        let expected = "worker 2 (pid 102) was killed: task 7 took longer than the task limit of 1.5 s";
        fails(Answer::None, killed, Some(stop), last(), &[], expected);
        let stop = Stop::TrialLimit { limit_s: 60.0 };
        let expected = "the trial was killed: it took longer than the trial limit of 60 s (worker 2 (pid 102) was \
                        running task 7)";
        fails(Answer::None, killed, Some(stop), last(), &[], expected);
        let stop = Stop::TrialLimit { limit_s: 60.0 };
        let expected =
            "the trial was killed: it took longer than the trial limit of 60 s (before its tasks were planned)";
        fails(Answer::None, killed, Some(stop), Live::default(), &[], expected);
    }

    #[test]
    fn a_cancelled_trial_is_cancelled_whatever_it_said() {
        for stop in [Stop::Cancelled, Stop::Shutdown] {
            let answer = Answer::Outcome(Outcome::Failed { error: "a worker died".to_owned() });
            let killed = Exit::Signalled(libc::SIGKILL);
            let (status, _) = check(answer, killed, Some(stop), Live::default(), &[]);
            assert_eq!(status, TrialStatus::Cancelled);
        }
    }

    #[test]
    fn garbage_is_quoted() {
        let (status, error) =
            check(Answer::Garbage("expected value at line 1".to_owned()), Exit::Exited(0), None, live(vec![]), &[]);
        assert_eq!(status, TrialStatus::Failed);
        assert!(error.contains("expected value at line 1"), "{error}");
    }
}
