//! How cases are told that are out of the ordinary.

use std::num::NonZeroU32;

use gild_model::case::Model;
use gild_model::choice::CaseChoice;
use gild_model::lock_wait::HoldingFunction;
use gild_model::plugin::BLOCKS_LOOP;

use super::*;

/// An experiment with one case, an event loop with so many tasks in flight, and its trials, whose workers say `notes`.
fn on_a_loop(in_flight: u32, notes: &[&str]) -> Summary {
    let mut experiment = experiment();
    let choice = CaseChoice { in_flight: NonZeroU32::new(in_flight), ..CaseChoice::of(Model::EventLoop) };
    experiment.cases = vec![choice.resolve().unwrap()];
    let one = |repetition| {
        let mut trial = trial(0, repetition, 100, &[phase(Phase::IoWait, 90, 0), phase(Phase::Compute, 10, 0)]);
        trial.workers[1].notes = notes.iter().map(|note| (*note).to_owned()).collect();
        trial
    };
    summarize(&experiment, &(0..5).map(one).collect::<Vec<_>>(), 2)
}

#[test]
fn an_event_loop_is_told_by_its_tasks_in_flight_unless_each_blocks_it() {
    let summary = on_a_loop(10, &[]);
    let expected = "1 thread with 10 tasks in flight spent 90.0 % of its time waiting until one of them could go on and \
                    10.0 % computing.";
    assert_eq!((summary.cases[0].sentence.as_str(), summary.notes.as_slice()), (expected, &[][..]));
    let sentence = on_a_loop(1, &[]).cases.remove(0).sentence;
    assert!(
        sentence.starts_with("1 thread with 1 task in flight spent 90.0 % of its time waiting until it could go on")
    );
    let summary = on_a_loop(10, &[BLOCKS_LOOP]);
    let expected = "1 thread with an event loop, blocked by every task, spent 90.0 % of its time waiting in the kernel's \
                    own blocking regions and 10.0 % computing.";
    assert_eq!(summary.cases[0].sentence, expected);
    let note = "event-loop-10: the kernel has no asynchronous form: each task blocks the event loop, so they ran one after \
                the other";
    assert_eq!(summary.notes, [note], "said once, of the case");
}

#[test]
fn in_python_those_who_wait_are_in_calls() {
    let (mut experiment, spent) = (experiment(), [phase(Phase::IoWait, 90, 0), phase(Phase::Compute, 10, 0)]);
    experiment.cases[0].python = Some("python3".into());
    let trials: Vec<_> = (0..5).map(|repetition| trial(0, repetition, 100, &spent)).collect();
    let sentence = summarize(&experiment, &trials, 2).cases.remove(0).sentence;
    let expected = "1 thread spent 90.0 % of its time in calls that wait for input, output or children and 10.0 %";
    assert!(sentence.starts_with(expected), "{sentence}");
}

#[test]
fn of_waiting_for_a_core_that_was_not_measured_everywhere_there_was_at_least_so_much() {
    let told = |unknown: Phase| {
        let one = |repetition| {
            let mut spent = [phase(Phase::LockWait, 10, 5), phase(Phase::Idle, 40, 18), phase(Phase::Compute, 50, 10)];
            let account = spent.iter_mut().find(|account| account.phase == unknown);
            if let Some(account) = account {
                (account.run_queue_ns, account.preempted_ns, account.waking_ns) = (None, None, None);
            }
            trial(SEQUENTIAL, repetition, 100, &spent)
        };
        line_of(SEQUENTIAL, &(0..5).map(one).collect::<Vec<_>>()).sentence
    };
    let all =
        "1 thread spent 40.0 % of its time computing, 28.0 % waiting for a core (2 cores) and 22.0 % without a task";
    // A wait for the lock keeps what it has of it, known or not.
    for known in [Phase::Startup, Phase::LockWait] {
        assert!(told(known).starts_with(all), "{}", told(known));
    }
    let rest =
        "1 thread spent 50.0 % of its time computing, 22.0 % without a task and at least 18.0 % waiting for a core";
    assert!(told(Phase::Compute).starts_with(rest), "{}", told(Phase::Compute));
}

#[test]
fn notes_of_workers_that_differ_in_a_share_alone_are_one() {
    let mut trials = article();
    let mut note = |trial: usize, text: &str| trials[trial].workers[1].notes.push(text.to_owned());
    note(1, "for 12.5 % of its life it was switched too often");
    note(4, "for 27.9 % of its life it was switched too often");
    note(4, "for 99.0 % of its time it slept");
    note(7, "for 1.0 % of its life it was moved");
    let notes = summarize(&experiment(), &trials, 2).notes;
    for expected in [
        "for up to 27.9 % of its life it was switched too often (rows of accounts: 2)",
        "for 99.0 % of its time it slept (rows of accounts: 1)",
        "for 1.0 % of its life it was moved (rows of accounts: 1)",
    ] {
        assert!(notes.iter().any(|note| note == expected), "no {expected:?} in {notes:#?}");
    }
}

#[test]
fn who_held_the_lock_is_said_of_the_trial_in_which_others_waited_most_and_where_that_is_much() {
    let held = |name: &str, waited_ns| HoldingFunction {
        function: Some(name.to_owned()),
        file: Some("app.py".to_owned()),
        line: None,
        waited_ns,
        hand_overs: 1,
    };
    let mut trials = article();
    let lives_ns = |trial: &Trial| trial.workers.iter().map(|it| it.accounted_ns).sum::<u64>();
    trials[1].holders = Some(vec![held("little", lives_ns(&trials[1]) / 100)]);
    let said = |trials: &[Trial]| {
        let notes = summarize(&experiment(), trials, 2).notes;
        notes.into_iter().find(|note| note.contains("held the interpreter's lock"))
    };
    assert_eq!(said(&trials), None);
    trials[4].holders = Some(vec![held("most", lives_ns(&trials[4]) / 2)]);
    trials[7].holders = Some(vec![held("less", lives_ns(&trials[7]) / 5)]);
    assert!(said(&trials).is_some_and(|note| note.starts_with("app.py most held the interpreter's lock for 100 %")));
}

#[test]
fn without_run_queue_the_sentence_says_the_phases_as_they_are() {
    let mut trials = article();
    for account in trials.iter_mut().flat_map(|trial| &mut trial.workers).flat_map(|worker| &mut worker.phases) {
        (account.run_queue_ns, account.preempted_ns, account.waking_ns) = (None, None, None);
    }
    let sentence = line_of(PROCESSES, &trials).sentence;
    assert!(sentence.starts_with("10 processes spent 98.0 % of their time computing and 1.3 % encoding"), "{sentence}");
}
