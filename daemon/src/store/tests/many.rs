//! Many runs: lists that are narrowed, labels, and which runs are old enough to go.

use gild_model::case::Model;
use gild_model::label::TagChange;
use gild_model::many::{LIST_MAX, PruneRequest, RunFilter};
use gild_model::run::{RunId, RunStatus};

use super::{at, big_trial, experiment, lab, steps_of};
use crate::store::list::{Selection, to_the_second};
use crate::store::{Store, StoreError};

fn tags(words: &[&str]) -> Vec<gild_model::label::Tag> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

fn add(words: &[&str]) -> TagChange {
    TagChange { add: tags(words), remove: Vec::new() }
}

/// Ten runs, a minute apart, all over; the even ones of another kernel, without threads.
fn ten_runs() -> (tempfile::TempDir, Store) {
    let (folder, path) = lab();
    let store = Store::open(&path).unwrap();
    for number in 1..=10 {
        let mut experiment = experiment();
        if number % 2 == 0 {
            experiment.kernel = "other".to_owned();
            experiment.cases.retain(|case| case.model != Model::Threads);
        }
        let run = store.insert_run(&experiment, at(60 * number)).unwrap();
        store.finish_run(run, RunStatus::Done, None, at(60 * number + 1)).unwrap();
    }
    (folder, store)
}

fn numbers(store: &Store, filter: RunFilter) -> Vec<RunId> {
    store.list(&filter, LIST_MAX).unwrap().into_iter().map(|head| head.id).collect()
}

#[test]
fn a_list_has_the_runs_that_every_condition_lets_pass_newest_first() {
    let (_folder, store) = ten_runs();
    store.finish_run(7, RunStatus::Failed, Some("no"), at(1)).unwrap();
    store.change_tags(3, &add(&["quiet"])).unwrap();
    store.change_tags(8, &add(&["quiet", "baseline"])).unwrap();
    let filter = RunFilter::default;
    let tag = |word: &str| Some(word.parse().unwrap());
    for (filter, expected) in [
        (filter(), vec![10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (RunFilter { kernel: Some("other".to_owned()), ..filter() }, vec![10, 8, 6, 4, 2]),
        (RunFilter { kernel: Some("none".to_owned()), ..filter() }, vec![]),
        (RunFilter { model: Some(Model::Threads), ..filter() }, vec![9, 7, 5, 3, 1]),
        (RunFilter { status: Some(RunStatus::Failed), ..filter() }, vec![7]),
        (RunFilter { tag: tag("quiet"), ..filter() }, vec![8, 3]),
        (RunFilter { tag: tag("quiet"), model: Some(Model::Threads), ..filter() }, vec![3]),
        (RunFilter { since: Some(at(8 * 60)), ..filter() }, vec![10, 9, 8]),
        (RunFilter { since: Some(at(8 * 60 + 1)), ..filter() }, vec![10, 9]),
        (RunFilter { since: Some(at(3600)), ..filter() }, vec![]),
        (RunFilter { before: Some(4), ..filter() }, vec![3, 2, 1]),
        (RunFilter { before: Some(9), since: Some(at(6 * 60)), model: Some(Model::Threads), ..filter() }, vec![7]),
    ] {
        assert_eq!(numbers(&store, filter.clone()), expected, "{filter:?}");
    }
    let page = store.list(&RunFilter { before: Some(9), ..filter() }, 2).unwrap();
    assert_eq!(page.iter().map(|head| head.id).collect::<Vec<_>>(), [8, 7]);
    assert_eq!(page[0].tags, tags(&["baseline", "quiet"]));
}

#[test]
fn a_clock_that_was_set_back_hides_no_run() {
    let (_folder, store) = ten_runs();
    let late = store.insert_run(&experiment(), at(30)).unwrap();
    assert_eq!(numbers(&store, RunFilter { since: Some(at(10 * 60)), ..RunFilter::default() }), [10]);
    assert_eq!(numbers(&store, RunFilter { since: Some(at(10)), ..RunFilter::default() }).first(), Some(&late));
}

#[test]
fn times_are_compared_to_the_second_however_many_digits_they_have() {
    let second = to_the_second("2026-11-22T10:00:00.5Z".parse().unwrap());
    for (stored, later) in [
        ("2026-11-22T10:00:00Z", true),
        ("2026-11-22T10:00:00.000000001Z", true),
        ("2026-11-22T10:00:01Z", true),
        ("2026-11-22T09:59:59.999999999Z", false),
        ("2026-11-22T09:59:59Z", false),
    ] {
        assert_eq!(stored >= second.as_str(), later, "{stored}");
    }
}

#[test]
fn no_list_reads_runs_that_are_not_in_it() {
    let (_folder, store) = ten_runs();
    let filter = RunFilter {
        kernel: Some("k".to_owned()),
        model: Some(Model::Threads),
        tag: Some("t".parse().unwrap()),
        status: Some(RunStatus::Done),
        since: Some(at(1)),
        ..RunFilter::default()
    };
    let none = RunFilter::default;
    let filters = [
        none(),
        RunFilter { kernel: filter.kernel.clone(), ..none() },
        RunFilter { model: filter.model, ..none() },
        RunFilter { tag: filter.tag.clone(), ..none() },
        RunFilter { status: filter.status, ..none() },
        RunFilter { since: filter.since, ..none() },
        filter,
    ];
    for filter in filters {
        let Selection { sql, .. } = Selection::of(&filter, 20);
        let steps = steps_of(&store, &sql);
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN") || step.contains("TEMP B-TREE")),
            "{filter:?}: {steps:?}"
        );
    }
}

#[test]
fn tags_are_a_set_and_a_note_is_one() {
    let (_folder, store) = ten_runs();
    let head = |id| store.head(id).unwrap().unwrap();
    store.change_tags(1, &add(&["b", "a", "b"])).unwrap();
    store.change_tags(1, &add(&["a"])).unwrap();
    assert_eq!(head(1).tags, tags(&["a", "b"]));
    store.change_tags(1, &TagChange { add: tags(&["c"]), remove: tags(&["a", "never"]) }).unwrap();
    assert_eq!(head(1).tags, tags(&["b", "c"]));
    store.set_note(1, Some("first")).unwrap();
    store.set_note(1, Some("second")).unwrap();
    assert_eq!(head(1).note.as_deref(), Some("second"));
    store.set_note(1, None).unwrap();
    assert_eq!((head(1).note, head(2).tags), (None, Vec::new()));
    assert!(matches!(store.change_tags(77, &add(&["a"])), Err(StoreError::NoSuchRun(77))));
    assert!(matches!(store.set_note(77, None), Err(StoreError::NoSuchRun(77))));
    let many: Vec<String> = (0..64).map(|number| format!("t{number}")).collect();
    let error = store.change_tags(1, &add(&many.iter().map(String::as_str).collect::<Vec<_>>())).unwrap_err();
    assert_eq!(error.to_string(), "run 1 would have more than 64 tags");
    assert_eq!(head(1).tags, tags(&["b", "c"]), "nothing of it is kept");
    store.remove_run(1).unwrap();
    let left: u32 = store.connection.query_row("SELECT count(*) FROM tags", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn what_is_pruned_is_old_over_and_without_a_tag() {
    let (_folder, store) = ten_runs();
    store.change_tags(2, &add(&["baseline"])).unwrap();
    let running = store.insert_run(&experiment(), at(1)).unwrap();
    store.finish_run(5, RunStatus::Running, None, at(1)).unwrap();
    assert_eq!(running, 11);
    let request = PruneRequest::default;
    for (request, expected) in [
        (PruneRequest { keep: Some(3), ..request() }, vec![1, 3, 4, 6, 7, 8]),
        (PruneRequest { keep: Some(3), tagged: true, ..request() }, vec![1, 2, 3, 4, 6, 7, 8]),
        (PruneRequest { keep: Some(0), ..request() }, vec![1, 3, 4, 6, 7, 8, 9, 10]),
        (PruneRequest { keep: Some(11), ..request() }, vec![]),
        (PruneRequest { before: Some(at(4 * 60)), ..request() }, vec![1, 3]),
        (PruneRequest { keep: Some(9), before: Some(at(4 * 60)), ..request() }, vec![1]),
        (PruneRequest { keep: Some(3), up_to: Some(4), ..request() }, vec![1, 3, 4]),
    ] {
        assert_eq!(store.prunable(&request).unwrap(), expected, "{request:?}");
    }
}

#[test]
fn the_room_of_removed_runs_goes_back_to_the_file_system() {
    let (_folder, path) = lab();
    let store = Store::open(&path).unwrap();
    for number in 0..50 {
        let run = store.insert_run(&experiment(), at(number)).unwrap();
        store.insert_trial(run, &big_trial(0)).unwrap();
    }
    while store.give_back().unwrap() {}
    let full = store.bytes();
    assert!(full > 5_000_000, "{full}");
    (1..=49).for_each(|run| assert!(store.remove_run(run).unwrap()));
    while store.give_back().unwrap() {}
    drop(store);
    let store = Store::open(&path).unwrap();
    assert!(store.bytes() < full / 10, "{} of {full} bytes are left", store.bytes());
    assert_eq!(store.trials(50).unwrap(), [big_trial(0)]);
}
