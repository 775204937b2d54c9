//! A recorded program: there is nothing to compare it with, but its accounts say what its threads wait for.
//!
//! Threads come and go, and nobody deals tasks out to them, so nothing is said of balance, nor of how fast it would be at best. Shares
//! are of the lives of all threads, as in the table of the result. A program that keeps a core busy is told what those that want
//! to go on wait for, however many others sleep meanwhile.

use std::collections::BTreeMap;

use gild_model::advice::{Bound, CaseAdvice, Decision, GroupAdvice, Try};
use gild_model::case::Model;
use gild_model::phase::Phase;

use super::bounds::CORES_FULL;
use super::evidence::{Evidence, Times};
use crate::summary::sentence::percent;

/// A program is busy if it uses this much of a core.
const BUSY: f64 = 0.5;

/// What the threads' time can go to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    InterpreterLock,
    OtherLocks,
    Serialization,
    Transfer,
    Cores,
    StartUp,
    Io,
    Computing,
}

impl Part {
    const ALL: [Part; 8] = [
        Part::InterpreterLock,
        Part::OtherLocks,
        Part::Serialization,
        Part::Transfer,
        Part::Cores,
        Part::StartUp,
        Part::Io,
        Part::Computing,
    ];

    fn time_ns(self, times: &Times) -> f64 {
        let of = |phases: &[Phase]| times.worker.of(phases);
        match self {
            Part::InterpreterLock => of(&[Phase::LockWait, Phase::SwitchWait]),
            Part::OtherLocks => of(&[Phase::OtherLock]),
            Part::Serialization => of(&[Phase::Encode, Phase::Decode]),
            Part::Transfer => of(&[Phase::Send, Phase::Receive]),
            Part::Cores => times.worker.run_queue_ns(),
            Part::StartUp => of(&[Phase::Startup, Phase::Teardown]),
            Part::Io => of(&[Phase::IoWait]),
            Part::Computing => of(&[Phase::Compute]),
        }
    }

    /// Threads that have nothing to do are often in there, so of a busy program it says little.
    fn is_sleep(self) -> bool {
        matches!(self, Part::OtherLocks | Part::Io)
    }

    fn bound(self) -> Bound {
        match self {
            Part::InterpreterLock | Part::OtherLocks => Bound::Lock,
            Part::Serialization => Bound::Serialization,
            Part::Transfer => Bound::Transfer,
            Part::Cores => Bound::Cores,
            Part::StartUp => Bound::StartUp,
            Part::Io => Bound::Io,
            Part::Computing => Bound::Computing,
        }
    }

    /// What follows "spent x % of their lives".
    fn words(self) -> &'static str {
        match self {
            Part::InterpreterLock => "waiting for the interpreter's lock (GIL)",
            Part::OtherLocks => "waiting for other locks",
            Part::Serialization => "encoding and decoding values",
            Part::Transfer => "moving values",
            Part::Cores => "waiting for a core",
            Part::StartUp => "starting and ending",
            Part::Io => "in calls that wait for input, output or children",
            Part::Computing => "computing",
        }
    }
}

/// A recorded program that has accounts.
pub(super) struct Recorded<'a> {
    evidence: &'a Evidence,
    part: Part,
    /// Of the lives of all threads.
    share: f64,
}

/// The only case, if it is a recorded program, and its threads did something.
pub(super) fn of(evidence: &[Evidence]) -> Option<Recorded<'_>> {
    let [evidence] = evidence else { return None };
    let times = evidence.times.as_ref().filter(|_| evidence.case.model == Model::Recorded)?;
    let life_ns = times.worker.of(&Phase::ALL) + times.worker.run_queue_ns();
    let busy = evidence.parallelism.is_some_and(|used| used >= BUSY);
    let parts = Part::ALL.into_iter().filter(|part| !(busy && part.is_sleep()));
    let part = parts.max_by(|a, b| a.time_ns(times).total_cmp(&b.time_ns(times)))?;
    let share = part.time_ns(times) / life_ns;
    (share > 0.0).then_some(Recorded { evidence, part, share })
}

impl Recorded<'_> {
    /// What is said of it. There is nothing to choose.
    pub fn advice(&self) -> GroupAdvice {
        GroupAdvice {
            params: BTreeMap::new(),
            decision: Decision::NotEnoughEvidence,
            case: None,
            tied_with: Vec::new(),
            sentences: self.sentences(),
            tries: self.tries(),
            cases: vec![self.row()],
            scaling: Vec::new(),
            break_even: Vec::new(),
        }
    }

    /// What its threads' time went to, and what follows from it.
    fn sentences(&self) -> Vec<String> {
        let spent = format!("its threads spent {} of their lives {}", percent(self.share), self.part.words());
        let what = match self.used() {
            Some(used) => format!("The program used {used}; {spent}."),
            None => format!("How much CPU time the program used was not measured; {spent}."),
        };
        vec![what, self.consequence().to_owned()]
    }

    /// `1.02 of 2 cores`
    fn used(&self) -> Option<String> {
        let cores = self.evidence.cores;
        let plural = if cores == 1 { "" } else { "s" };
        self.evidence.parallelism.map(|used| format!("{used:.2} of {cores} core{plural}"))
    }

    fn consequence(&self) -> &'static str {
        match self.part {
            Part::InterpreterLock => "Threads that compute in Python take turns: more of them do not make it faster.",
            Part::OtherLocks => "Which ones, and who had them, is in gilctl show RUN --locks.",
            Part::Serialization | Part::Transfer => {
                "Return less, or leave it where the others find it (a file, shared memory), and send a name."
            }
            Part::Cores => "Fewer threads that want to run at once would wait less.",
            Part::StartUp => "Threads and processes of a pool start once.",
            Part::Io => "More cores, or another lock, would not make it faster; more of this waiting at once might.",
            Part::Computing if self.is_full() => "All cores compute: only less computing makes it faster.",
            Part::Computing => "Cores are free: work that can be split could use them.",
        }
    }

    fn is_full(&self) -> bool {
        self.evidence.parallelism.is_some_and(|used| used >= CORES_FULL * self.evidence.cores as f64)
    }

    /// What to look at, and what to try.
    fn tries(&self) -> Vec<Try> {
        let look = |reason: &str, command: &str| Try {
            reason: reason.to_owned(),
            command: Some(format!("gilctl show RUN {command}")),
        };
        let change = |reason: &str| Try { reason: reason.to_owned(), command: None };
        match self.part {
            Part::InterpreterLock => vec![
                look("which function held the interpreter's lock while others waited, and who they were", "--locks"),
                change(
                    "gilctl run MODULE:FUNCTION calls that function in threads, processes and sub-interpreters, and says which of \
                     them is how much faster",
                ),
                change(
                    "a free-threaded interpreter, such as python3.14t, has no such lock: record the program under it",
                ),
            ],
            Part::OtherLocks => vec![look("who waited for whom", "--locks")],
            _ => vec![look("which threads that were", "--workers")],
        }
    }

    /// The row of what bounds it.
    fn row(&self) -> CaseAdvice {
        let full = self.part == Part::Computing && self.is_full();
        CaseAdvice {
            case: self.evidence.case.name.clone(),
            bound: Some(if full { Bound::Nothing } else { self.part.bound() }),
            share: Some(self.share),
            at_best: None,
            parallelism: self.evidence.parallelism,
            slower: None,
        }
    }
}
