//! Phases and states as the page shows them: a key, which the styles know, and words that need no explanation.

use gild_model::phase::Phase;

/// How a column of shares, or a phase, is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its column in the table of a result.
    pub column: &'static str,
    /// Its name in the styles: colour and pattern.
    pub key: &'static str,
    /// What it is.
    pub words: &'static str,
}

const fn part(column: &'static str, key: &'static str, words: &'static str) -> Part {
    Part { column, key, words }
}

/// What a worker does.
pub const PHASES: [Part; 9] = [
    part("compute", "compute", "computing"),
    part("lock-wait", "lock-wait", "waiting for the lock"),
    part("other-lock", "other-lock", "waiting for another lock"),
    part("encode+decode", "serialize", "encoding and decoding values"),
    part("send+receive", "transfer", "sending and receiving"),
    part("io-wait", "io-wait", "waiting for input or output"),
    part("idle", "idle", "without a task"),
    part("startup", "startup", "starting"),
    part("teardown", "teardown", "ending"),
];

/// Whether it has a core meanwhile.
pub const STATES: [Part; 4] = [
    part("on-cpu", "on-cpu", "running on a core"),
    part("run-queue", "run-queue", "ready, waiting for a core"),
    part("blocked", "blocked", "blocked, waiting for an event"),
    part("stolen", "stolen", "taken by the hypervisor"),
];

/// The part that a column of the table of results is.
pub fn of_column(column: &str) -> Part {
    let known = PHASES.iter().chain(&STATES).find(|part| part.column == column);
    *known.expect("every column of shares has its words here")
}

/// The place in [`PHASES`] of what a phase is counted as.
pub fn place_of(phase: Phase) -> usize {
    match phase {
        Phase::Compute => 0,
        Phase::LockWait | Phase::SwitchWait => 1,
        Phase::OtherLock => 2,
        Phase::Encode | Phase::Decode => 3,
        Phase::Send | Phase::Receive => 4,
        Phase::IoWait => 5,
        Phase::Idle => 6,
        Phase::Startup | Phase::Launch => 7,
        Phase::Teardown => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::table;
    use crate::testing;

    #[test]
    fn every_column_of_the_table_has_words() {
        for (column, _) in table::phases(&testing::run().summary).iter().chain(&table::STATES) {
            assert!(!of_column(column).words.is_empty());
        }
    }

    #[test]
    fn every_phase_is_counted_as_the_table_counts_it() {
        let place = |column: &str| PHASES.iter().position(|part| part.column == column).unwrap();
        assert_eq!(place_of(Phase::SwitchWait), place("lock-wait"));
        assert_eq!(place_of(Phase::Decode), place("encode+decode"));
        assert_eq!(place_of(Phase::Receive), place("send+receive"));
        assert_eq!(place_of(Phase::Launch), place("startup"));
        for phase in [Phase::Compute, Phase::OtherLock, Phase::IoWait, Phase::Idle, Phase::Teardown] {
            assert_eq!(place_of(phase), place(phase.name()), "{phase}");
        }
    }
}
