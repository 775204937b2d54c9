//! Runs a number of instructions, and of branches, that was counted by hand.
//!
//! The loops are written in assembly, so that no compiler adds to them. They run in pieces of a few microseconds with a
//! safe point after each; what stands between two pieces is a handful of instructions in some ten thousand.

use gild_abi::{Error, Result};
use serde::{Deserialize, Serialize};

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
use x86_64 as loops;

/// Instructions of a piece: a few microseconds at two per cycle.
const INSTRUCTIONS_PER_PIECE: u64 = 1 << 15;
/// Data-dependent branches of a piece: a few microseconds if half of them are mispredicted.
const BRANCHES_PER_PIECE: u64 = 1 << 8;
/// The start of the pseudo-random sequence: every task goes the same way.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the counted loop knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Instructions of the loop, with its call and its return: what was asked for, rounded up to an even number.
    pub instructions: u64,
}

/// What the branching loop knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branched {
    /// Data-dependent conditional branches.
    pub branches: u64,
    /// Those of them that were not taken.
    pub not_taken: u64,
    /// All branches of the loop: three per step, and a call and a return per piece.
    pub branch_instructions: u64,
    /// All instructions of the loop: 15 per step, and 6 per piece.
    pub instructions: u64,
}

/// Which way the data-dependent branches go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Always the same way.
    Predictable,
    /// Either way, by a bit of a pseudo-random sequence.
    Random,
}

/// Whether the loops were counted for this processor.
///
/// # Errors
/// They were not.
pub(crate) fn check_supported() -> Result<()> {
    if cfg!(target_arch = "x86_64") {
        return Ok(());
    }
    let machine = std::env::consts::ARCH;
    Err(Error::unsupported(format!(
        "instructions and branches are counted by hand for x86_64 only, and this is {machine}: leave both at 0"
    )))
}

/// Runs that many instructions.
pub(crate) fn run_instructions(count: u64, mut safe_point: impl FnMut() -> Result<()>) -> Result<Counted> {
    let mut instructions = 0;
    while instructions < count {
        instructions += loops::count_down((count - instructions).min(INSTRUCTIONS_PER_PIECE));
        safe_point()?;
    }
    Ok(Counted { instructions })
}

/// Runs that many data-dependent branches.
pub(crate) fn run_branches(
    count: u64,
    pattern: Pattern,
    mut safe_point: impl FnMut() -> Result<()>,
) -> Result<Branched> {
    let mut run = Branched { branches: 0, not_taken: 0, branch_instructions: 0, instructions: 0 };
    let mut state = SEED;
    while run.branches < count {
        let steps = (count - run.branches).min(BRANCHES_PER_PIECE);
        run.not_taken += loops::branch(steps, &mut state, pattern);
        run.branches += steps;
        run.branch_instructions += 3 * steps + 2;
        run.instructions += 15 * steps + 6;
        safe_point()?;
    }
    Ok(run)
}

#[cfg(not(target_arch = "x86_64"))]
mod loops {
    //! In place of the loops: `check_supported` lets no task come here.

    use super::Pattern;

    pub(super) fn count_down(_instructions: u64) -> u64 {
        unreachable!("create has refused this processor")
    }

    pub(super) fn branch(_steps: u64, _state: &mut u64, _pattern: Pattern) -> u64 {
        unreachable!("create has refused this processor")
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use perf_event::Builder;
    use perf_event::events::Hardware;

    use super::*;

    /// Counts an event in user space while `work` runs. `None` where there is no PMU, or one that does not count.
    fn counted(event: Hardware, work: impl FnOnce()) -> Option<u64> {
        let mut counter = Builder::new().kind(event).build().ok()?;
        counter.enable().ok()?;
        work();
        counter.disable().ok()?;
        let read = counter.read_count_and_time().ok()?;
        (read.count > 0 && read.time_running == read.time_enabled).then_some(read.count)
    }

    /// Asserts that a counter of the hardware, if there is one, is within 0.1 % of what is known.
    #[track_caller]
    fn check(event: Hardware, expected: u64, work: impl FnOnce()) {
        match counted(event, work) {
            None => eprintln!("skipped: no PMU"),
            Some(seen) => assert!(seen.abs_diff(expected) <= expected / 1000, "{seen} counted, {expected} run"),
        }
    }

    #[test]
    fn as_many_instructions_as_asked_are_run() {
        for (asked, run) in [(1, 4), (4, 4), (5, 6), (1 << 15, 1 << 15), (100_000, 100_000), (999_999, 1_000_000)] {
            assert_eq!(run_instructions(asked, || Ok(())), Ok(Counted { instructions: run }), "{asked}");
        }
    }

    #[test]
    fn the_hardware_counts_the_same_instructions() {
        let count = 100_000_000;
        check(Hardware::INSTRUCTIONS, count, || drop(run_instructions(count, || Ok(()))));
    }

    #[test]
    fn the_hardware_counts_the_same_branches() {
        for pattern in [Pattern::Predictable, Pattern::Random] {
            let count = 10_000_000;
            let run = run_branches(count, pattern, || Ok(())).unwrap();
            // The loop around the pieces has branches of its own: three in 770.
            let outside = 3 * count / BRANCHES_PER_PIECE;
            check(Hardware::BRANCH_INSTRUCTIONS, run.branch_instructions + outside, || {
                drop(run_branches(count, pattern, || Ok(())));
            });
        }
    }

    #[test]
    fn predictable_branches_go_one_way_and_random_ones_both() {
        let not_taken = |pattern| run_branches(100_000, pattern, || Ok(())).unwrap().not_taken;
        assert_eq!(not_taken(Pattern::Predictable), 0);
        // Half of them, give or take six standard deviations of 158.
        let random = not_taken(Pattern::Random);
        assert!((49_050..=50_950).contains(&random), "{random}");
    }

    #[test]
    fn random_branches_go_as_the_sequence_says() {
        for count in [1, 255, 256, 257, 1000] {
            let mut state = SEED;
            let bits = (0..count).map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state & 1
            });
            let run = run_branches(count, Pattern::Random, || Ok(())).unwrap();
            assert_eq!((run.branches, run.not_taken), (count, bits.sum()), "{count}");
        }
    }

    #[test]
    fn both_have_safe_points() {
        let mut passed = 0;
        run_instructions(10 * INSTRUCTIONS_PER_PIECE, || {
            passed += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(passed, 10);
        let stop = || Err(Error::cancelled());
        assert!(run_instructions(u64::MAX, stop).unwrap_err().is_cancelled());
        assert!(run_branches(u64::MAX, Pattern::Random, stop).unwrap_err().is_cancelled());
    }
}
