//! The rules on cases drawn by hand, exaggerated.

mod boundaries;
mod drawn;
mod promises;
mod recorded;
mod scaling;

use gild_model::advice::{Bound, Decision};
use gild_model::case::Model;
use gild_model::phase::Phase;

use drawn::{Drawn, Spent, advice, case, unlocked};

const COMPUTE: Phase = Phase::Compute;

fn sequential(wall_ms: u64) -> Drawn {
    Drawn::new(case(Model::Sequential, 1), wall_ms, &[(COMPUTE, wall_ms, 0)])
}

/// Ten threads behind one lock: each computes for a tenth of the time.
fn locked(wall_ms: u64) -> Drawn {
    let worker = [(Phase::LockWait, wall_ms * 9 / 10, 0), (COMPUTE, wall_ms / 10, 0)];
    Drawn::new(case(Model::Threads, 10), wall_ms, &worker)
}

/// Two processes that compute all the time.
fn processes(wall_ms: u64) -> Drawn {
    let worker = [(COMPUTE, wall_ms * 98 / 100, 0), (Phase::Encode, wall_ms / 100, 0), (Phase::Idle, wall_ms / 100, 0)];
    let coordinator = [(Phase::Idle, wall_ms * 99 / 100, 0), (Phase::Decode, wall_ms / 100, 0)];
    Drawn::new(case(Model::Processes, 2), wall_ms, &worker).with_coordinator(&coordinator)
}

#[test]
fn the_article_gets_its_answer() {
    let advice = advice(&[sequential(2000), locked(2000), processes(1000)]);
    assert_eq!((advice.decision, advice.case.as_deref()), (Decision::Use, Some("processes-2")));
    assert_eq!(
        advice.sentences,
        [
            "Use 2 processes (processes-2): 2.00× as fast as sequential (95 % CI 2.00 to 2.00).",
            "threads-10's workers spend 90.0 % of their time waiting for the lock; processes-2's workers spend 98.0 % of their time \
             computing, on 1.99 of 2 cores, and encoding and moving values at both ends takes 2.0 % of the wall time: more workers gain nothing.",
        ]
    );
    let rows: Vec<_> = advice.cases.iter().map(|it| (it.case.as_str(), it.bound)).collect();
    let expected = [
        ("sequential", Some(Bound::Computing)),
        ("threads-10", Some(Bound::Lock)),
        ("processes-2", Some(Bound::Nothing)),
    ];
    assert_eq!(rows, expected);
    // Without the lock ten threads have two cores to compute on, not ten.
    assert!((advice.cases[1].at_best.unwrap() - 2.0).abs() < 0.01, "{:?}", advice.cases[1]);
    assert_eq!(advice.cases[2].slower, None);
    assert!((advice.cases[0].slower.unwrap().estimate.median - 2.0).abs() < 0.01);
}

/// What bounds the second of two cases, its share in percent, and how fast it would be at best.
#[track_caller]
fn bound_is(drawn: Drawn, bound: Bound, percent: u64, at_best: Option<f64>) {
    let name = drawn.case.name.clone();
    let row = advice(&[sequential(5000), drawn]).cases.remove(1);
    assert_eq!((row.case.as_str(), row.bound), (name.as_str(), Some(bound)));
    assert!((row.share.unwrap() * 100.0 - percent as f64).abs() < 0.5, "{row:?}");
    match (row.at_best, at_best) {
        (Some(actual), Some(expected)) => assert!((actual / expected - 1.0).abs() < 0.01, "{row:?}"),
        other => assert!(other.0.is_none() && other.1.is_none(), "{row:?}"),
    }
}

#[test]
fn what_costs_most_is_the_bound() {
    let two = |spent: &[Spent]| Drawn::new(case(Model::Processes, 2), 1000, spent);
    let rest = |phase, ms| [(COMPUTE, 1000 - ms, 0), (phase, ms, 0)];
    bound_is(locked(1000), Bound::Lock, 90, Some(2.0));
    bound_is(two(&rest(Phase::Encode, 400)), Bound::Serialization, 40, Some(1.0 / 0.6));
    bound_is(two(&rest(Phase::Receive, 400)), Bound::Transfer, 40, Some(1.0 / 0.6));
    bound_is(two(&rest(Phase::Startup, 300)), Bound::StartUp, 30, Some(1.0 / 0.7));
    bound_is(two(&rest(Phase::IoWait, 900)), Bound::Io, 90, Some(10.0));
    bound_is(two(&rest(Phase::Idle, 400)), Bound::Dispatch, 40, Some(1.0 / 0.6));
    bound_is(two(&rest(Phase::Idle, 20)), Bound::Nothing, 98, None);
    let crowded = Drawn::new(case(Model::Processes, 10), 1000, &[(COMPUTE, 1000, 800)]);
    bound_is(crowded, Bound::Cores, 80, Some(5.0));
    let few_cores_used = Drawn::new(case(Model::Threads, 1), 1000, &[(COMPUTE, 1000, 0)]);
    bound_is(few_cores_used, Bound::Computing, 100, Some(2.0));
    bound_is(Drawn::new(case(Model::EventLoop, 1), 1000, &[(COMPUTE, 1000, 0)]), Bound::Loop, 100, Some(2.0));
}

#[test]
fn the_coordinators_part_of_the_values_counts_and_what_waits_for_it_is_no_dispatch() {
    let worker = [(COMPUTE, 300, 0), (Phase::Idle, 650, 0), (Phase::Decode, 50, 0)];
    let coordinator = [(Phase::Encode, 600, 0), (Phase::Idle, 400, 0)];
    let drawn = Drawn::new(case(Model::Processes, 2), 1000, &worker).with_coordinator(&coordinator);
    bound_is(drawn, Bound::Serialization, 65, Some(1.0 / 0.35));
}

#[test]
fn who_sends_and_who_receives_wait_for_each_other() {
    let worker = [(COMPUTE, 300, 0), (Phase::Send, 600, 0), (Phase::Idle, 100, 0)];
    let coordinator = [(Phase::Receive, 700, 0), (Phase::Idle, 300, 0)];
    let drawn = Drawn::new(case(Model::Processes, 2), 1000, &worker).with_coordinator(&coordinator);
    bound_is(drawn, Bound::Transfer, 70, Some(1.0 / 0.3));
}

#[test]
fn workers_without_a_task_while_others_work_are_imbalance() {
    let mut drawn = Drawn::new(case(Model::Processes, 2), 1000, &[(COMPUTE, 1000, 0)]);
    drawn.workers.push(vec![(COMPUTE, 200, 0), (Phase::Idle, 800, 0)]);
    bound_is(drawn.clone(), Bound::Imbalance, 40, Some(1000.0 / 600.0));
    // Threads end when there is nothing left to do.
    drawn.case = unlocked(2);
    drawn.workers[1].pop();
    bound_is(drawn, Bound::Imbalance, 40, Some(1000.0 / 600.0));
}

#[test]
fn a_lock_does_not_bound_what_has_one_core_anyway() {
    let summary = drawn::summary(&[sequential(1000), locked(1000)], 1);
    let rows = drawn::advice_of(summary).cases;
    assert_eq!(rows[1].bound, Some(Bound::Nothing), "{rows:?}");
}

/// Waits for a server nearly all the time.
fn waiting(case: gild_model::case::Case, wall_ms: u64) -> Drawn {
    Drawn::new(case, wall_ms, &[(Phase::IoWait, wall_ms * 97 / 100, 0), (COMPUTE, wall_ms * 3 / 100, 0)])
}

/// The case that the advice names, and what the first suggestion says.
#[track_caller]
fn answer_is(drawn: &[Drawn], case: &str, suggested: &str) {
    let advice = advice(drawn);
    assert_eq!(advice.case.as_deref(), Some(case), "{:?}", advice.sentences);
    let commands: Vec<_> = advice.tries.iter().filter_map(|it| it.command.clone()).collect();
    match suggested {
        "" => assert_eq!(advice.tries, []),
        _ => assert!(commands.iter().any(|it| it.ends_with(suggested)), "{:?}", advice.tries),
    }
}

#[test]
fn the_fastest_case_is_named_and_what_was_not_measured_is_suggested() {
    let run = "gilctl run a-kernel --param n=0.30000000000000004 --model sequential,";
    let suggested = |options: &str| format!("{run}{options}");
    let lock = [sequential(1000), locked(1030)];
    answer_is(&lock, "sequential", &suggested("processes --workers 2"));
    answer_is(&lock, "sequential", &suggested("threads --workers 2 --lock none"));
    let io = [waiting(case(Model::Sequential, 1), 1000), waiting(case(Model::Threads, 10), 100)];
    answer_is(&io, "threads-10", &suggested("event-loop --in-flight 10"));
    answer_is(&io, "threads-10", &suggested("threads --workers 20"));
    let one_core = Drawn::new(case(Model::Processes, 1), 1200, &[(COMPUTE, 1200, 0)]);
    answer_is(&[sequential(1000), one_core], "sequential", &suggested("processes --workers 2"));
    let crowded = Drawn::new(case(Model::Processes, 10), 600, &[(COMPUTE, 600, 480)]);
    answer_is(
        &[sequential(1000), crowded],
        "processes-10",
        &suggested("processes --workers 2 --start fork --transport pipe"),
    );
    let tiny = Drawn::new(case(Model::Processes, 2), 900, &[(COMPUTE, 100, 0), (Phase::Idle, 800, 0)]);
    let chunks = suggested("processes --workers 2 --start fork --transport pipe --chunk 10");
    answer_is(&[sequential(100), tiny], "sequential", &chunks);
    answer_is(&[sequential(2000), locked(2000), unlocked_too(1000), processes(1200)], "threads-2-unlocked", "");
}

fn unlocked_too(wall_ms: u64) -> Drawn {
    Drawn::new(unlocked(2), wall_ms, &[(COMPUTE, wall_ms, 0)])
}

#[test]
fn processes_pay_from_the_task_size_on_at_which_both_take_as_long() {
    // 100 tasks on two processes: 1 ms of starting, 2 ms per task beside computing, 1 ms of the coordinator.
    let drawn = |compute_ms: u64| {
        let worker = [(Phase::Startup, 100, 0), (Phase::Decode, 100, 0), (COMPUTE, compute_ms * 50, 0)];
        let wall_ms = 200 + compute_ms * 50;
        let coordinator = [(Phase::Encode, 100, 0), (Phase::Idle, wall_ms - 100, 0)];
        Drawn::new(case(Model::Processes, 2), wall_ms, &worker).with_coordinator(&coordinator)
    };
    for (compute_ms, pays) in [(2, false), (20, true)] {
        let advice = advice(&[sequential(compute_ms * 100), drawn(compute_ms)]);
        let [it] = &advice.break_even[..] else { panic!("{:?}", advice.break_even) };
        assert_eq!((it.case.as_str(), it.at_once, it.tasks), ("processes-2", 2, 100));
        assert_eq!((it.compute_ns, it.worker_ns, it.coordinator_ns), (compute_ms as f64 * 1e6, 2e6, 1e6));
        // max((1 ms · 2 + 2 ms) / 1, 1 ms + 1 ms)
        assert!((it.break_even_ns - 4e6).abs() < 1.0, "{it:?}");
        assert_eq!(it.pays(), pays);
        assert_eq!(advice.case.as_deref(), Some(if pays { "processes-2" } else { "sequential" }));
    }
    let waits = [sequential(1000), waiting(case(Model::Processes, 2), 500)];
    assert_eq!(advice(&waits).break_even, [], "threads overlap waiting, too");
}
