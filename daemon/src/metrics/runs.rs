//! Runs accepted and ended, by what kind they are.

use gild_model::run::RunStatus;

use super::catalogue::{RUNS_ACCEPTED, RUNS_FINISHED};
use super::page::Page;
use super::values::{Counters, Labels, begin_at_zero};

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// An experiment, which goes through the queue.
    Run,
    /// A program that somebody recorded.
    Recording,
}

impl RunKind {
    /// Both.
    pub const ALL: [RunKind; 2] = [RunKind::Run, RunKind::Recording];

    /// The name on the page.
    pub fn name(self) -> &'static str {
        match self {
            RunKind::Run => "run",
            RunKind::Recording => "recording",
        }
    }
}

/// Runs since the daemon started.
#[derive(Debug)]
pub struct RunTally {
    accepted: Counters,
    finished: Counters,
}

impl Default for RunTally {
    fn default() -> RunTally {
        let tally = RunTally { accepted: Counters::default(), finished: Counters::default() };
        let ends = RunStatus::ALL.into_iter().filter(|status| status.is_final());
        begin_at_zero(&tally.accepted, RunKind::ALL.map(of_kind));
        begin_at_zero(&tally.finished, ends.flat_map(|status| RunKind::ALL.map(|kind| ended(kind, status))));
        tally
    }
}

impl RunTally {
    /// A run was taken.
    pub fn accepted(&self, kind: RunKind) {
        self.accepted.get_or_create(&of_kind(kind)).inc();
    }

    /// A run ended.
    pub fn finished(&self, kind: RunKind, status: RunStatus) {
        self.finished.get_or_create(&ended(kind, status)).inc();
    }

    pub(super) fn put_on(&self, page: &mut Page) {
        page.put(&RUNS_ACCEPTED, self.accepted.clone());
        page.put(&RUNS_FINISHED, self.finished.clone());
    }
}

/// The label that says what a run is.
pub(super) fn of_kind(kind: RunKind) -> Labels {
    vec![("kind", kind.name())]
}

fn ended(kind: RunKind, status: RunStatus) -> Labels {
    vec![("kind", kind.name()), ("status", status.name())]
}
