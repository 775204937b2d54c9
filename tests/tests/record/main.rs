//! Programs that are recorded as they are: what is said of their threads is held against what the kernel's clocks tell the
//! threads themselves, and the programs do what they do without us.
//!
//! The margins hold on a machine of two busy cores: what is waited for a core is known, and is let out of the comparisons.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod executors;
mod guests;
mod live;
mod locks;
mod our_code;
mod strangers;
mod truths;
mod turns;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use gild_model::account::{PhaseAccount, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::run::RunHead;
use gild_model::trial::Trial;
use gild_tests::lab::Lab;
use gild_tests::program::{self, Ran};
use gild_tests::pythons;

/// A program of this test's folder.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/record").join(name)
}

/// Records a command, whatever comes of it.
fn record<S: AsRef<OsStr>>(lab: &Lab, command: impl IntoIterator<Item = S>) -> Ran {
    program::run(lab.gilctl_command(&["record", "--"]).args(command))
}

/// Its accounts, which the daemon has kept as the newest run.
fn accounts(lab: &Lab) -> Trial {
    let heads: Vec<RunHead> = lab.get("/v1/runs");
    lab.trials(heads.iter().map(|head| head.id).max().unwrap()).remove(0)
}

/// What must hold of every row, whatever the program was.
#[track_caller]
fn assert_whole(trial: &Trial) {
    for row in &trial.workers {
        assert_eq!(row.balanced, Some(true), "{row:#?}");
        assert_eq!(row.accounted_ns, row.phases.iter().map(|account| account.wall_ns).sum::<u64>());
        for account in row.phases.iter().filter(|account| account.on_cpu_ns.is_some()) {
            let states = [account.on_cpu_ns, account.run_queue_ns, account.blocked_ns, account.stolen_ns];
            let sum: u64 = states.into_iter().flatten().sum();
            assert_eq!(sum, account.wall_ns, "{account:?} of {:?}", row.command);
        }
    }
}

/// A row's time in these phases, as a share of its life.
fn share(row: &WorkerAccount, phases: &[Phase]) -> f64 {
    phases.iter().map(|phase| row.wall_in(*phase)).sum::<u64>() as f64 / row.accounted_ns as f64
}

/// A row's time in a state, as a share of its life; a state that one phase lacks is none.
fn state(row: &WorkerAccount, state: fn(&PhaseAccount) -> Option<u64>) -> f64 {
    row.phases.iter().filter_map(state).sum::<u64>() as f64 / row.accounted_ns as f64
}

/// The share of its life that a thread was kept from running by the lock, and not by a core that others had when it got it.
fn blocked_by_lock(row: &WorkerAccount) -> f64 {
    let in_lock = row.phases.iter().filter(|account| LOCK.contains(&account.phase));
    in_lock.map(|account| account.blocked_ns.unwrap_or(account.wall_ns)).sum::<u64>() as f64 / row.accounted_ns as f64
}

/// How often a row was in a phase.
fn entries(row: &WorkerAccount, phase: Phase) -> u64 {
    row.phases.iter().filter(|account| account.phase == phase).map(|account| account.entries).sum()
}

/// The rows of threads with this name.
fn named<'t>(trial: &'t Trial, name: &str) -> Vec<&'t WorkerAccount> {
    trial.workers.iter().filter(|row| row.thread.as_deref() == Some(name)).collect()
}

/// What is said of the rows, but for how often a thread was switched, whether each switch could be recorded, and how soon after
/// its clocks were read a thread was gone: that is the machine's matter.
fn notes(trial: &Trial) -> Vec<&String> {
    let of_machine = |note: &str| note.contains("switch") || note.contains("cut off");
    trial.workers.iter().flat_map(|row| &row.notes).filter(|note| !of_machine(note)).collect()
}

/// The interpreter's lock.
const LOCK: &[Phase] = &[Phase::LockWait, Phase::SwitchWait];
