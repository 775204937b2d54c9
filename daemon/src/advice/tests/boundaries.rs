//! Where nothing, or not much, can be said.

use gild_model::advice::Decision;
use gild_model::case::{Case, Model};
use gild_model::experiment::ParamValue;
use gild_model::trial::{Trial, TrialStatus};

use super::drawn::{self, Drawn, advice, advice_of, case, experiment, trials, unlocked};
use super::{COMPUTE, locked, processes, sequential};
use crate::summary::summarize;

/// Nothing is claimed, for this reason, and this is what to do.
#[track_caller]
fn doubted(group: &gild_model::advice::GroupAdvice, reason: &str, remedy: &str) {
    assert_eq!((group.decision, &group.case), (Decision::NotEnoughEvidence, &None), "{:?}", group.sentences);
    assert_eq!(group.sentences.len(), 2);
    let expected = format!("Not enough evidence: {reason}");
    assert!(group.sentences[0].starts_with(&expected), "{:?} does not begin with {expected:?}", group.sentences[0]);
    let commands: Vec<_> = group.tries.iter().filter_map(|it| it.command.as_deref()).collect();
    assert!(commands.iter().any(|it| it.contains(remedy)), "{commands:?} has no {remedy:?}");
}

#[test]
fn of_cases_that_cannot_be_told_apart_the_simplest_is_named_and_the_tie_is_said() {
    let walls = [[1000, 1010, 990, 1005, 995, 1000], [1000, 1000, 1000, 1000, 1000, 1000]];
    let same = [sequential(1000).with_walls(&walls[0]), locked(1000).with_walls(&walls[1])];
    let group = advice(&same);
    assert_eq!((group.decision, group.case.as_deref()), (Decision::Tie, Some("sequential")));
    assert_eq!(group.tied_with, ["threads-10"]);
    let expected = "Use sequential: a tie with threads-10, which takes 1.00× as long (95 % CI 0.99 to 1.01).";
    assert_eq!(group.sentences[0], expected);
    let fast =
        [sequential(2000), processes(1000).with_walls(&walls[0]), Drawn::new(unlocked(2), 1, &[(COMPUTE, 1000, 0)])];
    let mut fast = fast.to_vec();
    fast[2].walls_ms = walls[1].to_vec();
    let group = advice(&fast);
    assert_eq!((group.decision, group.case.as_deref()), (Decision::Tie, Some("threads-2-unlocked")));
    assert!(
        group.sentences[0].contains("2.00× as fast as sequential")
            && group.sentences[0].contains("a tie with processes-2")
    );
}

#[test]
fn a_spread_that_spans_everything_decides_nothing() {
    let noisy = processes(1000).with_walls(&[600, 1500, 900, 1200, 700, 1400]);
    let group = advice(&[sequential(1000), noisy]);
    doubted(
        &group,
        "processes-2 takes 1.04× as long (95 % CI 0.65 to 1.45) as sequential",
        "gilctl run again.toml --until 2%",
    );
}

#[test]
fn what_is_far_slower_stays_so_however_noisy_the_others_are() {
    let noisy = processes(1000).with_walls(&[600, 1500, 900, 1200, 700, 1400]);
    let group = advice(&[sequential(9000), noisy, Drawn::new(unlocked(2), 1000, &[(COMPUTE, 1000, 0)])]);
    assert_eq!(
        (group.decision, group.case.as_deref()),
        (Decision::Tie, Some("threads-2-unlocked")),
        "{:?}",
        group.sentences
    );
}

#[test]
fn one_repetition_claims_nothing_and_two_do_not_either() {
    for count in [1, 2] {
        let walls =
            [sequential(2000), processes(1000)].map(|it| Drawn { walls_ms: it.walls_ms[..count].to_vec(), ..it });
        doubted(&advice(&walls), &format!("sequential has {count} repetition"), "--repeat 6");
    }
}

#[test]
fn a_single_case_is_described_and_something_to_compare_it_with_is_suggested() {
    let group = advice(&[sequential(2000)]);
    doubted(&group, "sequential is the only case", "--model sequential,processes --workers 2");
    assert!(group.sentences[1].starts_with("sequential spends 100.0 % of its time computing"), "{:?}", group.sentences);
    assert!(group.sentences[1].contains("at best 2.00× as fast"), "{:?}", group.sentences);
}

#[test]
fn failed_cases_are_never_named_and_warm_ups_are_no_trials() {
    let cases = [sequential(2000), processes(1000), locked(2100)];
    let fails = |trial: &mut Trial| (trial.status, trial.wall_ns) = (TrialStatus::Failed, None);
    let mut some_failed = trials(&cases);
    some_failed.iter_mut().filter(|it| it.case == 1 && it.repetition == 3).for_each(fails);
    let group = advice_of(summarize(&experiment(&cases), &some_failed, 2));
    assert_eq!(group.case.as_deref(), Some("sequential"), "a case that fails now and then is not to be used");
    let mut all_failed = trials(&cases);
    all_failed.iter_mut().for_each(fails);
    doubted(
        &advice_of(summarize(&experiment(&cases), &all_failed, 2)),
        "no case has a finished trial",
        "gilctl show RUN",
    );
    let mut only_warmups = trials(&cases);
    only_warmups.iter_mut().for_each(|it| it.warmup = true);
    let group = advice_of(summarize(&experiment(&cases), &only_warmups, 2));
    doubted(&group, "no case has a finished trial", "gilctl show RUN");
    assert_eq!(group.cases, []);
    doubted(&advice_of(summarize(&experiment(&cases), &[], 2)), "no case has a finished trial", "gilctl show RUN");
}

#[test]
fn times_of_different_work_are_not_compared() {
    let cases = [sequential(2000), processes(1000)];
    let mut trials = trials(&cases);
    trials[7].digest = Some("other".to_owned());
    doubted(&advice_of(summarize(&experiment(&cases), &trials, 2)), "results differ", "gilctl show RUN --trials");
}

#[test]
fn other_programs_can_hide_that_more_cores_are_faster_but_not_make_them_so() {
    // Both processes wait for a core half of the time, because others have it.
    let disturbed = |wall_ms: u64, percent| Drawn {
        others_percent: Some(percent),
        ..Drawn::new(case(Model::Processes, 2), wall_ms, &[(COMPUTE, wall_ms, wall_ms / 2 - wall_ms / 10)])
    };
    let group = advice(&[sequential(1000), disturbed(1100, 50)]);
    doubted(&group, "while processes-2 ran, other programs and the hypervisor took 50.0 %", "gilctl run again.toml");
    let quiet = advice(&[sequential(1000), disturbed(1100, 1)]);
    assert_eq!(quiet.case.as_deref(), Some("sequential"));
    let faster_all_the_same = advice(&[sequential(1000), disturbed(800, 50)]);
    assert_eq!(faster_all_the_same.case.as_deref(), Some("processes-2"));
    let much_slower = advice(&[sequential(1000), disturbed(5000, 50)]);
    assert_eq!(much_slower.case.as_deref(), Some("sequential"));
}

#[test]
fn cases_with_other_parameters_have_an_answer_of_their_own() {
    let with = |drawn: Drawn, n: i64| {
        let case = Case {
            name: format!("{}-n={n}", drawn.case.name),
            params: [("n".to_owned(), ParamValue::Int(n))].into(),
            ..drawn.case
        };
        Drawn { case, ..drawn }
    };
    let cases =
        [with(sequential(100), 1), with(processes(300), 1), with(sequential(2000), 9), with(processes(1000), 9)];
    let groups = drawn::summary(&cases, 2).advice.groups;
    let answers: Vec<_> = groups.iter().map(|it| (it.params["n"].clone(), it.case.as_deref())).collect();
    assert_eq!(answers, [(ParamValue::Int(1), Some("sequential-n=1")), (ParamValue::Int(9), Some("processes-2-n=9"))]);
}
