//! Programs that were recorded, drawn by hand.

use gild_model::advice::{Bound, Decision, GroupAdvice};
use gild_model::case::{Case, Model};
use gild_model::phase::Phase;

use super::COMPUTE;
use super::drawn::{Drawn, Spent, advice, case};

/// What `gilctl record` stores; it cannot be asked for.
fn recorded(threads: u32) -> Case {
    let name = "recorded".to_owned();
    Case { name, model: Model::Recorded, lock: None, interval_us: None, ..case(Model::Threads, threads) }
}

/// A program with so many threads, each of which spent its time so.
fn program(threads: u32, wall_ms: u64, spent: &[Spent]) -> GroupAdvice {
    let program = Drawn::new(recorded(threads), wall_ms, spent);
    let advice = advice(&[program.with_walls(&[wall_ms])]);
    assert_eq!((advice.decision, &advice.case), (Decision::NotEnoughEvidence, &None));
    assert!(advice.sentences.len() == 2 && advice.cases.len() == 1);
    let row = &advice.cases[0];
    assert_eq!((row.at_best, row.slower), (None, None), "nothing is promised of a program: {row:?}");
    advice
}

#[test]
fn threads_that_take_turns_with_the_interpreters_lock_are_told_so() {
    let advice = program(10, 1000, &[(Phase::LockWait, 900, 0), (COMPUTE, 100, 0)]);
    assert_eq!(
        advice.sentences,
        [
            "The program used 1.00 of 2 cores; its threads spent 90.0 % of their lives waiting for the interpreter's lock (GIL).",
            "Threads that compute in Python take turns: more of them do not make it faster."
        ]
    );
    assert_eq!((advice.cases[0].bound, advice.cases[0].share), (Some(Bound::Lock), Some(0.9)));
    assert_eq!(advice.tries[0].command.as_deref(), Some("gilctl show RUN --locks"));
    assert!(advice.tries.iter().any(|it| it.reason.contains("free-threaded")), "{:?}", advice.tries);
}

#[test]
fn of_a_busy_program_those_that_sleep_are_not_what_it_waits_for() {
    let busy = program(10, 1000, &[(Phase::IoWait, 800, 0), (Phase::LockWait, 110, 0), (COMPUTE, 90, 0)]);
    assert_eq!((busy.cases[0].bound, busy.cases[0].share), (Some(Bound::Lock), Some(0.11)));
    let quiet = program(4, 1000, &[(Phase::IoWait, 900, 0), (Phase::LockWait, 60, 0), (COMPUTE, 40, 0)]);
    assert_eq!((quiet.cases[0].bound, quiet.cases[0].share), (Some(Bound::Io), Some(0.9)));
    assert!(quiet.sentences[0].contains("90.0 % of their lives in calls that wait"), "{:?}", quiet.sentences);
}

#[test]
fn computing_on_all_cores_and_on_one_of_them_are_told_apart() {
    let full = program(2, 1000, &[(COMPUTE, 1000, 0)]);
    assert_eq!(full.cases[0].bound, Some(Bound::Nothing));
    assert!(full.sentences[1].starts_with("All cores compute"), "{:?}", full.sentences);
    let one = program(1, 1000, &[(COMPUTE, 1000, 0)]);
    assert_eq!(one.cases[0].bound, Some(Bound::Computing));
    assert!(one.sentences[1].starts_with("Cores are free"), "{:?}", one.sentences);
    let crowded = program(10, 1000, &[(COMPUTE, 1000, 800)]);
    assert_eq!((crowded.cases[0].bound, crowded.cases[0].share), (Some(Bound::Cores), Some(0.8)));
}

#[test]
fn values_start_up_and_other_locks_have_words_of_their_own() {
    for (phase, bound, words) in [
        (Phase::Encode, Bound::Serialization, "Return less"),
        (Phase::Receive, Bound::Transfer, "Return less"),
        (Phase::Startup, Bound::StartUp, "of a pool"),
        (Phase::OtherLock, Bound::Lock, "gilctl show RUN --locks"),
    ] {
        let advice = program(1, 1000, &[(phase, 700, 0), (COMPUTE, 300, 0)]);
        assert_eq!(advice.cases[0].bound, Some(bound), "{phase:?}");
        assert!(advice.sentences[1].contains(words), "{:?}", advice.sentences);
    }
}

#[test]
fn a_program_that_did_nothing_is_told_nothing_of_bounds() {
    let advice = advice(&[Drawn::new(recorded(1), 1000, &[(Phase::Idle, 1000, 0)])]);
    assert!(advice.sentences[0].starts_with("Not enough evidence"), "{:?}", advice.sentences);
}
