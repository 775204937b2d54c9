//! What a harness that said nothing died of, and what became of workers that ended in the middle of a trial.

use gild_engine::ledger::Live;
use gild_model::recording::Ended;

use crate::verdict::{busy, named, signal_name};

/// Why there is no answer: the interpreter ended without one.
pub fn without_answer(pid: u32, how: Ended, last: &Live) -> String {
    let at = match busy(last) {
        Some(tasks) => format!(" while {tasks}"),
        None if last.workers.is_empty() => " before the first task".to_owned(),
        None => String::new(),
    };
    match how {
        Ended::Signalled(signal) => {
            format!("the interpreter (pid {pid}) was killed by {}{at}{}", signal_name(signal), hint(signal))
        }
        Ended::Exited(status) => format!(
            "the interpreter (pid {pid}) exited with status {status}{at}: a task must not end its process (os._exit)"
        ),
    }
}

/// Which workers are gone, and what they were doing.
pub fn broken(exits: &[(u32, i32)], last: &Live) -> String {
    let words: Vec<_> = exits.iter().map(|(pid, status)| one(*pid, *status, last)).collect();
    match words.is_empty() {
        true => "a worker process ended in the middle of the trial, and the executor does not say which".to_owned(),
        false => words.join("; "),
    }
}

fn one(pid: u32, status: i32, last: &Live) -> String {
    let worker = last.workers.iter().find(|it| it.pid == Some(pid));
    let who = worker.map_or_else(|| format!("a process of the executor (pid {pid})"), |it| named(it.index, it.pid));
    let task =
        worker.and_then(|it| it.task).map_or_else(String::new, |(task, _)| format!(" while running task {task}"));
    match status {
        ..0 => format!("{who} was killed by {}{task}{}", signal_name(-status), hint(-status)),
        _ => format!("{who} exited with status {status}{task}: a task must not end its process (os._exit)"),
    }
}

/// Who sends SIGKILL.
fn hint(signal: i32) -> &'static str {
    match signal {
        libc::SIGKILL => ": by somebody else, or by the kernel because memory ran out (`dmesg` tells)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_engine::ledger::LiveWorker;
    use gild_model::phase::Phase;

    fn live() -> Live {
        let worker = |index, task| LiveWorker {
            index,
            pid: Some(100 + index),
            tid: None,
            phase: Phase::Compute,
            task,
            tasks_done: 0,
        };
        Live { workers: vec![worker(0, None), worker(1, Some((17, 0)))], ..Live::default() }
    }

    #[test]
    fn a_worker_that_is_gone_is_named_with_signal_and_task() {
        let broken = |exits: &[(u32, i32)]| broken(exits, &live());
        assert_eq!(broken(&[(101, -11)]), "worker 1 (pid 101) was killed by SIGSEGV while running task 17");
        assert!(broken(&[(101, -9)]).ends_with("because memory ran out (`dmesg` tells)"));
        let exited = "worker 0 (pid 100) exited with status 3: a task must not end its process (os._exit)";
        assert_eq!(broken(&[(100, 3)]), exited);
        assert!(broken(&[(7, 1), (100, 3)]).starts_with("a process of the executor (pid 7) exited with status 1"));
        assert!(broken(&[]).contains("does not say which"));
    }

    #[test]
    fn an_interpreter_that_says_nothing_is_told_of_with_what_was_running() {
        let expected = "the interpreter (pid 9) was killed by SIGSEGV while worker 1 (pid 101) was running task 17";
        assert_eq!(without_answer(9, Ended::Signalled(11), &live()), expected);
        let early = without_answer(9, Ended::Exited(4), &Live::default());
        assert!(early.starts_with("the interpreter (pid 9) exited with status 4 before the first task"), "{early}");
    }
}
