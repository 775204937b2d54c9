//! `gilctl compare` on real runs: which case became slower, and what a script learns from the exit code.
//!
//! The tasks of the kernel `calibrated` burn as much CPU time as they are told to, so that one run is slower than another
//! by far more than a busy machine makes it.

use gild_model::comparison::{CaseComparison, Comparison, Verdict};
use gild_model::run::Run;
use gild_tests::experiments::{submit_endless, submit_quick};
use gild_tests::lab::Lab;

/// Enough repetitions that the interval of their median bears one or two that were disturbed.
const REPETITIONS: &str = "--repeat=9";

/// Runs tasks that burn so much CPU time each, in these models, and returns the number of the run.
fn run(lab: &Lab, cpu_us: u32, models: &str) -> String {
    let cpu = format!("--param=cpu_us={cpu_us}");
    let workers: &[&str] = if models == "sequential" { &[] } else { &["--workers=2"] };
    let line = ["run", "calibrated", "--tasks=20", REPETITIONS, "--model", models, &cpu, "--json"];
    let run: Run = lab.gilctl(&[&line, workers].concat()).well().json();
    run.head.id.to_string()
}

/// The comparison of two runs as JSON, with this exit code.
fn compare(lab: &Lab, old: &str, new: &str, code: i32) -> Comparison {
    lab.gilctl(&["compare", old, new, "--json"]).ended_with(code).json()
}

fn verdicts(comparison: &Comparison) -> Vec<(&str, Option<Verdict>)> {
    comparison.cases.iter().map(|case| (case.case.as_str(), case.verdict)).collect()
}

fn ratio(case: &CaseComparison) -> f64 {
    case.ratio.unwrap_or_else(|| panic!("there is no ratio: {case:?}")).median
}

#[test]
fn what_became_slower_decides_the_exit_code_and_the_other_way_round_it_became_faster() {
    let lab = Lab::new();
    let (quick, slow) = (run(&lab, 500, "sequential,threads"), run(&lab, 8000, "sequential,threads"));

    let slower = compare(&lab, &quick, &slow, 6);
    let both = |verdict| vec![("sequential", Some(verdict)), ("threads-2", Some(verdict))];
    assert_eq!(verdicts(&slower), both(Verdict::Slower));
    assert_eq!((slower.old.id.to_string(), slower.new.id.to_string()), (quick.clone(), slow.clone()));
    assert_eq!(slower.warnings, ["parameter cpu_us: 500 in the old run, 8000 in the new one"]);
    for case in &slower.cases {
        assert_eq!((case.old_trials, case.new_trials), (9, 9));
        assert!(ratio(case) < 0.5, "16 times the work is not done in twice the time: {case:?}");
    }
    let shown = lab.gilctl(&["compare", &quick, &slow]).ended_with(6);
    let shown = shown.says(["calibrated: run 2 (calibrated) against run 1 (calibrated)", "warning: parameter cpu_us"]);
    for name in ["sequential ", "threads-2 "] {
        let row = shown.stdout.lines().find(|line| line.starts_with(name));
        assert!(row.is_some_and(|row| row.contains(" slower")), "{shown}");
    }
    lab.gilctl(&["compare", &quick, &slow, "--threshold=100%"]).ended_with(6);

    let faster = compare(&lab, &slow, &quick, 0);
    assert_eq!(verdicts(&faster), both(Verdict::Faster));
    for (there, back) in slower.cases.iter().zip(&faster.cases) {
        assert!((ratio(there) * ratio(back) - 1.0).abs() < 1e-9, "{there:?} {back:?}");
    }

    let same = compare(&lab, &slow, "last", 0);
    assert_eq!(verdicts(&same), both(Verdict::Tie));
    assert!(same.cases.iter().all(|case| ratio(case) == 1.0 && case.changes.is_empty()), "{same:?}");
    assert!(same.warnings.is_empty(), "{same:?}");
}

#[test]
fn cases_that_only_one_run_has_are_listed_and_the_others_compared() {
    let lab = Lab::new();
    let (old, new) = (run(&lab, 100, "sequential,threads"), run(&lab, 100, "sequential,processes"));
    let line = ["compare", old.as_str(), &new, "--json", "--threshold=100%"];
    let ran = lab.gilctl(&line);
    assert!([0, 6].contains(&ran.code), "the same work on a busy machine is a tie, or slower: {ran}");
    let comparison: Comparison = ran.json();
    assert_eq!(comparison.cases.iter().map(|case| case.case.as_str()).collect::<Vec<_>>(), ["sequential"]);
    assert_eq!(
        (comparison.only_old, comparison.only_new),
        (vec!["threads-2".to_owned()], vec!["processes-2".to_owned()])
    );
    lab.gilctl(&["compare", &old, &new]).says(["only in run 1: threads-2", "only in run 2: processes-2"]);

    let other = run(&lab, 100, "processes");
    lab.gilctl(&["compare", &old, &other]).ended_with(2).complains(["no case of the same name"]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let lab = Lab::new();
    lab.gilctl(&["compare", "last", "last"]).ended_with(4).complains(["there is no run yet"]);
    let null = submit_quick(&lab).to_string();
    lab.gilctl(&["watch", &null]).well();
    let calibrated = run(&lab, 100, "sequential");
    lab.gilctl(&["compare", &null, &calibrated]).ended_with(2).complains(["the kernel \"null\"", "\"calibrated\""]);
    lab.gilctl(&["compare", &null, "77"]).ended_with(4).complains(["there is no run 77"]);
    lab.gilctl(&["compare", "77", &null]).ended_with(4).complains(["there is no run 77"]);
    lab.gilctl(&["compare", &null, "nought"]).ended_with(2).complains(["expected the number of a run, or last"]);
    lab.gilctl(&["compare", &null]).ended_with(2);
    lab.gilctl(&["compare", &null, &null, "--threshold=-1"]).ended_with(2);

    let failing = ["calibrated", "--model=sequential", "--repeat=1", "--warmups=0", "--task-limit=0.001"];
    let failed = lab.submit(&[&failing[..], &["--param=cpu_us=10000000", "--tasks=1"]].concat());
    lab.wait_for_end(failed);
    let failed = failed.to_string();
    let nothing = compare(&lab, &calibrated, &failed, 2);
    assert_eq!(verdicts(&nothing), [("sequential", None)]);
    assert!(nothing.warnings.iter().any(|it| it.contains("no trial of run")), "{nothing:?}");

    let endless = submit_endless(&lab, "sequential").to_string();
    lab.gilctl(&["compare", &endless, &endless]).ended_with(2).complains(["is not over"]);
    lab.gilctl(&["cancel", &endless]).well();
}
