//! Families of cases that differ in their number of workers.

use gild_model::advice::Law;
use gild_model::case::Model;

use super::COMPUTE;
use super::drawn::{Drawn, advice_of, case, summary};

/// Processes that have 100 tasks done in 10 s · `divisor`(N) / N.
pub fn points(workers: &[u32], divisor: impl Fn(f64) -> f64) -> Vec<Drawn> {
    let drawn = |workers: &u32| {
        let wall_ms = (10_000.0 * divisor(f64::from(*workers)) / f64::from(*workers)) as u64;
        Drawn::new(case(Model::Processes, *workers), wall_ms, &[(COMPUTE, wall_ms, 0)])
    };
    workers.iter().map(drawn).collect()
}

#[test]
fn enough_numbers_of_workers_are_fitted_and_the_fit_is_put_to_the_test() {
    let drawn = points(&[1, 2, 4, 8, 12, 16, 24, 32], |n| 1.0 + 0.02 * (n - 1.0) + 0.001 * n * (n - 1.0));
    let group = advice_of(summary(&drawn, 32));
    let [scaling] = &group.scaling[..] else { panic!("{:?}", group.scaling) };
    assert_eq!((scaling.base.as_deref(), scaling.points.len()), (Some("processes-1"), 8));
    let fit = scaling.fit.as_ref().unwrap();
    assert_eq!((fit.supported, fit.points, fit.past_cores), (Law::Usl, 8, 0));
    let (alpha, beta) = (fit.usl.alpha, fit.usl.beta);
    assert!((alpha.value - 0.02).abs() < 0.002 && (beta.value - 0.001).abs() < 0.0002, "{:?}", fit.usl);
    let peak = fit.usl.peak.unwrap();
    assert!((peak.workers - (0.98_f64 / 0.001).sqrt()).abs() < 2.0 && peak.within_range, "{peak:?}");
    assert_eq!(fit.held_out.len(), 2);
    assert!(fit.held_out.iter().all(|it| it.error < 0.05), "{:?}", fit.held_out);
    assert_eq!(fit.no_held_out, None);
    assert_eq!(scaling.points[3].case, "processes-8");
    let (first, last) = (fit.curve.first().unwrap(), fit.curve.last().unwrap());
    assert_eq!((first.workers, last.workers, fit.curve.len()), (1, 32, 32));
    for (point, measured) in [(first, &scaling.points[0]), (last, &scaling.points[7])] {
        assert!(point.low < point.tasks_per_s && point.tasks_per_s < point.high, "{point:?}");
        assert!((point.tasks_per_s / measured.tasks_per_s - 1.0).abs() < 0.02, "{point:?} of {measured:?}");
        assert!(point.high - point.low < 0.1 * point.tasks_per_s, "nearly exact points: {point:?}");
    }
}

#[test]
fn two_numbers_of_workers_have_a_speed_up_and_a_serial_fraction_and_no_fit() {
    let group = advice_of(summary(&points(&[1, 2], |n| 1.0 + 0.1 * (n - 1.0)), 2));
    let [scaling] = &group.scaling[..] else { panic!("{:?}", group.scaling) };
    assert_eq!(scaling.no_fit.as_deref(), Some("2 numbers of workers are fewer than 6"));
    assert!(scaling.fit.is_none());
    assert_eq!((scaling.points[0].speedup, scaling.points[0].serial_fraction), (None, None));
    // Amdahl: 2 / 1.1 times as fast, so a tenth of the work is serial.
    let fraction = scaling.points[1].serial_fraction.unwrap();
    assert!((fraction.median - 0.1).abs() < 0.002, "{fraction:?}");
    assert!(fraction.low <= Some(fraction.median) && Some(fraction.median) <= fraction.high);
}

#[test]
fn workers_that_take_turns_on_full_cores_are_no_points_of_a_law() {
    let turns = |workers: &u32| {
        let n = u64::from(*workers).max(2);
        let wall_ms = if *workers == 1 { 2000 } else { 1000 };
        let waits_ms = wall_ms - wall_ms * 2 / n;
        Drawn::new(case(Model::Processes, *workers), wall_ms, &[(COMPUTE, wall_ms, waits_ms.min(wall_ms))])
    };
    let drawn: Vec<_> = [1, 2, 4, 6, 8, 10, 12].iter().map(turns).collect();
    let scaling = advice_of(summary(&drawn, 2)).scaling.remove(0);
    let expected = "2 numbers of workers are fewer than 6 (5 more had all cores full, with more workers than cores: taking \
                    turns is no scaling)";
    assert_eq!(scaling.no_fit.as_deref(), Some(expected));
    let past: Vec<_> = scaling.points.iter().map(|it| it.past_cores).collect();
    assert_eq!(past, [false, false, true, true, true, true, true]);
    assert!(scaling.points[2].serial_fraction.is_none() && scaling.points[2].speedup.is_some());
}

#[test]
fn workers_that_wait_are_fitted_past_the_cores_and_it_is_said() {
    let waits = |workers: &u32| super::waiting(case(Model::Threads, *workers), 12_000 / u64::from(*workers));
    let drawn: Vec<_> = [1, 2, 3, 4, 6, 8, 12].iter().map(waits).collect();
    let scaling = advice_of(summary(&drawn, 2)).scaling.remove(0);
    let fit = scaling.fit.unwrap();
    assert_eq!((fit.points, fit.past_cores), (7, 5));
    assert_eq!(fit.supported, Law::Amdahl, "twice the workers do twice the work");
    assert!(fit.amdahl.alpha.value < 0.01, "{:?}", fit.amdahl);
}
