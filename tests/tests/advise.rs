//! The answer, end to end: real runs of exaggerated inputs, and what `gilctl advise` says of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use gild_model::advice::{Advice, Bound, CaseAdvice, Decision, GroupAdvice};
use gild_model::run::Run;
use gild_tests::lab::Lab;
use gild_tests::skipped;

/// Above this share of the cores, what other programs use decides which case is fastest.
const OTHERS_MAX: f64 = 0.15;

fn run(lab: &Lab, experiment: &str) -> Run {
    lab.write("experiment.toml", experiment);
    lab.gilctl(&["run", "experiment.toml", "--json"]).well().json()
}

fn group(run: &Run) -> &GroupAdvice {
    assert_eq!(run.summary.advice.groups.len(), 1);
    &run.summary.advice.groups[0]
}

fn row<'a>(group: &'a GroupAdvice, case: &str) -> &'a CaseAdvice {
    group.cases.iter().find(|it| it.case == case).unwrap_or_else(|| panic!("no row {case}: {:?}", group.cases))
}

/// The case with the smallest measured wall time.
fn fastest(run: &Run) -> &str {
    let wall = |it: &gild_model::summary::CaseSummary| it.wall_ns.map_or(f64::INFINITY, |wall| wall.median);
    let cases = &run.summary.cases;
    let fastest = cases.iter().min_by(|a, b| wall(a).total_cmp(&wall(b))).unwrap();
    assert!(fastest.trials > 0);
    &fastest.case.name
}

/// Waiting is exaggerated: 40 requests of 20 ms.
const NETWORK_BOUND: &str = r#"
kernel = "io-bound"
warmups = 0
param = { tasks = 20, requests = 2, bytes = 64, compute_us = 100, service_us = 20_000 }

[[case]]
model = "sequential"

[[case]]
model = "threads"
workers = 10
"#;

#[test]
fn work_that_waits_for_the_network_is_not_for_one_thread() {
    let lab = Lab::new();
    let run = run(&lab, NETWORK_BOUND);
    let advice = group(&run);
    assert_eq!(
        (advice.decision, advice.case.as_deref()),
        (Decision::Use, Some("threads-10")),
        "{:?}",
        advice.sentences
    );
    assert_eq!(fastest(&run), "threads-10");
    let sequential = row(advice, "sequential");
    assert_eq!(sequential.bound, Some(Bound::Io), "{sequential:?}");
    assert!(sequential.share > Some(0.7) && sequential.at_best > Some(2.0), "{sequential:?}");
    let slower = sequential.slower.unwrap();
    assert!(!slower.tie && slower.estimate.low > Some(1.3), "{slower:?}");
    assert_eq!(advice.break_even, [], "nothing encodes values");

    let shown = lab.gilctl(&["advise", "last"]).well().stdout;
    for text in [&advice.sentences[0], &advice.sentences[1], "bound by", "--model sequential,event-loop --in-flight 10"]
    {
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
    }
    let result = lab.gilctl(&["show", "1"]).well().stdout;
    assert!(result.contains("advice: Use 10 threads (threads-10): "), "{result}");
    let json: Advice = lab.gilctl(&["advise", "1", "--json"]).well().json();
    assert_eq!(json, run.summary.advice);
    lab.gilctl(&["advise", "7"]).ended_with(4).complains(["there is no run 7"]);

    // What is suggested can be typed.
    let more = advice.tries.iter().filter_map(|it| it.command.as_deref()).find(|it| it.contains("--workers 20"));
    let words: Vec<_> = more.unwrap().split_whitespace().skip(1).chain(["--detach"]).collect();
    let id = lab.gilctl(&words).well().stdout;
    let names: Vec<_> = lab.show(id.trim().parse().unwrap()).experiment.cases.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["sequential", "threads-20"]);
    lab.gilctl(&["cancel", id.trim()]).well();
}

/// Tasks that compute nothing and give back 200 KB each.
const BIG_VALUES: &str = r#"
kernel = "calibrated"
warmups = 1
param = { tasks = 20, value_bytes = 200_000 }

[[case]]
model = "sequential"

[[case]]
model = "processes"
workers = 2
"#;

#[test]
fn tiny_tasks_with_big_values_are_not_for_processes() {
    let lab = Lab::new();
    let run = run(&lab, BIG_VALUES);
    let advice = group(&run);
    assert_eq!(
        (advice.decision, advice.case.as_deref()),
        (Decision::Use, Some("sequential")),
        "{:?}",
        advice.sentences
    );
    assert_eq!(fastest(&run), "sequential");
    let processes = row(advice, "processes-2");
    let dear = [Bound::Serialization, Bound::Transfer, Bound::Dispatch, Bound::Cores, Bound::StartUp];
    assert!(processes.bound.is_some_and(|bound| dear.contains(&bound)), "{processes:?}");
    let [break_even] = &advice.break_even[..] else { panic!("{:?}", advice.break_even) };
    assert_eq!((break_even.case.as_str(), break_even.tasks), ("processes-2", 20));
    assert!(!break_even.pays(), "{break_even:?}");
}

/// Long enough for what other programs use meanwhile to be known: more than a second per case.
const HEAVY: &str = r#"
kernel = "cpu-bound"
warmups = 0
param = { n = 24, tasks = 50 }

[[case]]
model = "sequential"

[[case]]
model = "threads"
workers = 2

[[case]]
model = "threads"
workers = 2
lock = "none"

[[case]]
model = "processes"
workers = 2
"#;

#[test]
fn heavy_computing_is_for_processes_or_for_threads_without_a_lock() {
    let lab = Lab::new();
    let run = run(&lab, HEAVY);
    let advice = group(&run);
    // Whatever else runs: threads behind one lock wait for it, or for a core that others have.
    let locked = row(advice, "threads-2");
    assert!(locked.bound == Some(Bound::Lock) || locked.bound == Some(Bound::Cores), "{locked:?}");
    let [break_even] = &advice.break_even[..] else { panic!("{:?}", advice.break_even) };
    assert!(break_even.pays(), "{break_even:?}");
    if let Some(case) = advice.case.as_deref() {
        let fastest = fastest(&run);
        assert!(case == fastest || advice.tied_with.iter().any(|it| it == fastest), "{advice:?}");
    }
    let others = run.summary.cases.iter().map(|it| it.noise.as_ref().and_then(|noise| noise.other_cpu));
    let others = others.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().reduce(f64::max));
    let cores = run.host.as_ref().unwrap().cores.len();
    if cores < 2 || others.is_none_or(|others| others > OTHERS_MAX) {
        let why = format!("it takes two cores for oneself; here are {cores}, others used {others:?} of them");
        return skipped("which case the advice names", &why);
    }
    let case = advice.case.as_deref().unwrap_or_else(|| panic!("{:?}", advice.sentences));
    assert!(["processes-2", "threads-2-unlocked"].contains(&case), "{:?}", advice.sentences);
    assert_eq!(locked.bound, Some(Bound::Lock), "{locked:?}");
}

#[test]
fn without_evidence_nothing_is_claimed_and_the_way_to_get_it_works() {
    let lab = Lab::new();
    lab.gilctl(&["run", "null", "--model=sequential,threads", "--workers=2", "--repeat=1", "--warmups=0"]).well();
    let ran = lab.gilctl(&["advise", "last"]).ended_with(8);
    assert!(ran.stdout.contains("Not enough evidence: sequential has 1 repetition"), "{ran}");
    assert!(
        ran.stdout.contains("gilctl show 1 --experiment > again.toml && gilctl run again.toml --repeat 6"),
        "{ran}"
    );
    let experiment = lab.gilctl(&["show", "1", "--experiment"]).well().stdout;
    lab.write("again.toml", &experiment);
    let again: Run = lab.gilctl(&["run", "again.toml", "--repeat", "6", "--json"]).well().json();
    assert!(again.summary.cases.iter().all(|it| it.trials == 6));
    assert!(!group(&again).sentences[0].contains("repetition"), "{:?}", group(&again).sentences);

    let failed = ["run", "faulty", "--param=fault=error", "--model=sequential", "--repeat=1", "--warmups=0"];
    lab.gilctl(&failed).ended_with(1);
    let ran = lab.gilctl(&["advise", "last"]).ended_with(8);
    assert!(ran.stdout.contains("no case has a finished trial without failures"), "{ran}");
}
