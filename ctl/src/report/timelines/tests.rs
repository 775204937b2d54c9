//! What of a trial is drawn, and what is said of it.

use super::*;
use crate::testing;
use gild_model::timeline::Meaning;

/// Two workers of one process that hand a lock to and fro; each turn takes 5 ms.
pub fn row(worker: u32, phases: &[(i64, Phase)], until_ns: i64) -> TimelineRow {
    let experiment = testing::experiment();
    let mut timeline = Timeline::default();
    for (at, phase) in phases {
        timeline.push(*at, Meaning { phase: *phase, kernel_phase: None });
    }
    timeline.until_ns = until_ns;
    TimelineRow {
        run: 12,
        case: experiment.cases[1].clone(),
        case_position: 1,
        repetition: 0,
        warmup: false,
        status: "done".to_owned(),
        trial_wall_ns: Some(30_000_000),
        role: "worker".to_owned(),
        worker,
        pid: Some(7),
        tid: Some(70 + worker),
        thread: None,
        command: None,
        kernel_phases: vec!["<b>".to_owned()],
        timeline,
    }
}

const MS: i64 = 1_000_000;

fn rows() -> [TimelineRow; 2] {
    use Phase::{Compute, Idle, LockWait, SwitchWait};
    [
        row(
            0,
            &[(0, Idle), (10, Compute), (10 * MS, SwitchWait), (10 * MS + 5, LockWait), (20 * MS, Compute)],
            30 * MS,
        ),
        row(1, &[(0, LockWait), (10 * MS, Compute), (20 * MS, LockWait)], 30 * MS),
    ]
}

fn material(intervals_max: Option<usize>) -> Material {
    let mut material = Material::new(testing::run(), intervals_max);
    rows().into_iter().for_each(|row| material.add_timeline(row));
    material
}

#[test]
fn a_lock_that_goes_to_and_fro_is_counted_and_shown() {
    let (html, drawn) = of_run(&material(None));
    let html = html.into_string();
    assert!(html.contains("It went from one to another 2 times, every 10.0 ms on average"), "{html}");
    let [drawn] = &drawn[..] else { panic!("{drawn:?}") };
    assert_eq!(drawn.rows.iter().map(|it| it.lock).collect::<Vec<_>>(), [Some(0), Some(0)]);
    assert_eq!((drawn.range, drawn.view), ([0, 30 * MS], [0, 30 * MS]));
    assert_eq!(drawn.kind_of.len(), Phase::ALL.len() + 1);
    assert_eq!(drawn.names.last().unwrap(), "<b>");
    let packed = STANDARD.decode(&drawn.rows[1].packed).unwrap();
    assert_eq!(Timeline::unpack(&packed, 0).unwrap(), rows()[1].timeline);
}

#[test]
fn what_is_left_out_is_said() {
    let (html, drawn) = of_run(&material(Some(4)));
    assert!(html.into_string().contains("4 intervals before 10.0 ms are not in this file"));
    assert_eq!(drawn[0].range, [10 * MS + 5, 30 * MS]);
}

#[test]
fn without_a_lock_there_are_no_hand_overs() {
    let rows = rows();
    let mut case = rows[0].case.clone();
    let rows: Vec<_> = rows.iter().collect();
    assert!(locks::hand_overs(&case, &rows).is_some());
    case.lock = Some(gild_model::case::LockPolicy::None);
    assert_eq!(locks::hand_overs(&case, &rows), None);
}

#[test]
fn a_long_trial_begins_with_a_part_from_its_middle() {
    assert_eq!(view([0, 1000], Some(100.0)), [450, 550]);
    assert_eq!(view([0, 1000], Some(900.0)), [0, 1000]);
    assert_eq!(view([0, 1000], None), [0, 1000]);
}

#[test]
fn a_run_without_timelines_says_so() {
    let (html, drawn) = of_run(&Material::new(testing::run(), None));
    assert!(html.into_string().contains("No timelines were kept") && drawn.is_empty());
}

#[test]
fn of_a_recorded_program_those_that_lived_longest_have_rows() {
    let mut material = Material::new(testing::run(), None);
    material.run.experiment.cases[1].model = Model::Recorded;
    let short = (0..100).map(|worker| row(worker, &[(i64::from(worker), Phase::Compute)], i64::from(worker) + 5));
    let long = [100, 101].map(|worker| row(worker, &[(20, Phase::Compute)], 30 * MS));
    short.chain(long).for_each(|row| material.add_timeline(row));
    let (html, drawn) = of_run(&material);
    assert_eq!(drawn[0].rows.len(), 2, "{drawn:?}");
    assert!(html.into_string().contains("100 more workers not shown, which lived shortest."));
    material.run.experiment.cases[1].model = Model::Threads;
    assert_eq!(of_run(&material).1[0].rows.len(), ROWS_MAX, "of a trial the first ones have");
}
