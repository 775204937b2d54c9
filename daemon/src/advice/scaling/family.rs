//! Cases that differ in their number of workers alone: speed-ups, serial fractions, and a fit where there are points enough.
//!
//! The serial fraction is that of A. H. Karp and H. P. Flatt: Measuring Parallel Processor Performance, 1990: what part of
//! the work behaves as if it were done one at a time, by the speed-up S of N workers alone. It needs no fit.

use gild_model::advice::{Law, Scaling, ScalingFit, ScalingPoint};
use gild_model::case::Model;
use gild_model::summary::Estimate;

use super::fit::{POINTS_MIN, both, curve, described, supported};
use super::held_out;
use super::law::Point;
use crate::advice::bounds::CORES_FULL;
use crate::advice::evidence::Evidence;
use crate::advice::models::{are_one_family, family};

/// A throughput, and whether it was measured with more workers than cores.
struct Measured<'a> {
    evidence: &'a Evidence,
    tasks_per_s: f64,
    past_cores: bool,
}

/// Every family with at least two numbers of workers.
pub(crate) fn all(evidence: &[Evidence]) -> Vec<Scaling> {
    let is_first = |at: &usize| !evidence[..*at].iter().any(|it| are_one_family(&it.case, &evidence[*at].case));
    (0..evidence.len()).filter(is_first).filter_map(|at| of_family(evidence, at)).collect()
}

fn of_family(evidence: &[Evidence], first: usize) -> Option<Scaling> {
    let case = &evidence[first].case;
    let members = evidence.iter().filter(|it| it.failed == 0 && are_one_family(&it.case, case));
    let mut measured: Vec<_> = members.filter_map(measured).collect();
    measured.sort_by_key(|it| it.evidence.case.workers);
    measured.dedup_by_key(|it| it.evidence.case.workers);
    if measured.len() < 2 {
        return None;
    }
    let base = base(evidence, &measured);
    let (fit, no_fit) = match fitted(&measured) {
        Ok(fit) => (Some(fit), None),
        Err(reason) => (None, Some(reason)),
    };
    Some(Scaling {
        cases: family(case),
        base: base.map(|it| it.case.name.clone()),
        points: measured.iter().map(|it| point(it, base)).collect(),
        fit,
        no_fit,
    })
}

fn measured(evidence: &Evidence) -> Option<Measured<'_>> {
    let past_cores = evidence.cores > 0 && evidence.case.workers as usize > evidence.cores;
    Some(Measured { evidence, tasks_per_s: evidence.tasks_per_s()?, past_cores })
}

/// What one worker of the family does, else one thread.
fn base<'a>(evidence: &'a [Evidence], measured: &[Measured<'a>]) -> Option<&'a Evidence> {
    let alone = measured.iter().map(|it| it.evidence).find(|it| it.case.workers == 1);
    alone.or_else(|| evidence.iter().find(|it| it.case.model == Model::Sequential && it.wall.is_some()))
}

fn point(measured: &Measured<'_>, base: Option<&Evidence>) -> ScalingPoint {
    let workers = measured.evidence.case.workers;
    let base = base.filter(|base| base.case.name != measured.evidence.case.name);
    let speedup = base.and_then(|base| base.slower_than(measured.evidence)).map(|ratio| ratio.estimate);
    ScalingPoint {
        case: measured.evidence.case.name.clone(),
        workers,
        tasks_per_s: measured.tasks_per_s,
        speedup,
        serial_fraction: speedup.filter(|_| !measured.past_cores).and_then(|it| serial_fraction(it, workers)),
        past_cores: measured.past_cores,
    }
}

/// (1/S − 1/N) / (1 − 1/N), with the ends of its interval from those of S; it falls as S grows.
fn serial_fraction(speedup: Estimate, workers: u32) -> Option<Estimate> {
    let n = f64::from(workers);
    let of = |speedup: f64| (1.0 / speedup - 1.0 / n) / (1.0 - 1.0 / n);
    (workers > 1).then(|| Estimate { median: of(speedup.median), low: speedup.high.map(of), high: speedup.low.map(of) })
}

/// Fits the points; more workers than cores only where they did not fill the cores, because then they would only take
/// turns, and the law is not one of taking turns.
fn fitted(measured: &[Measured<'_>]) -> Result<ScalingFit, String> {
    let fills_cores = |it: &Measured<'_>| {
        let used = it.evidence.parallelism.unwrap_or(f64::INFINITY);
        used >= CORES_FULL * it.evidence.cores as f64
    };
    let used: Vec<_> = measured.iter().filter(|it| !it.past_cores || !fills_cores(it)).collect();
    let left_out = measured.len() - used.len();
    if used.len() < POINTS_MIN {
        let left_out = match left_out {
            0 => String::new(),
            _ => format!(
                " ({left_out} more had all cores full, with more workers than cores: taking turns is no scaling)"
            ),
        };
        return Err(format!("{} numbers of workers are fewer than {POINTS_MIN}{left_out}", used.len()));
    }
    let point = |it: &&Measured<'_>| Point { workers: it.evidence.case.workers.into(), throughput: it.tasks_per_s };
    let points: Vec<_> = used.iter().map(point).collect();
    let (amdahl, usl) = both(&points).ok_or("the search for the best fit does not come to an end")?;
    let range = (points[0].workers, points[points.len() - 1].workers);
    let law = supported(&amdahl, &usl);
    let held_out = held_out::all(law, &points);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(ScalingFit {
        supported: law,
        points: number(points.len()),
        past_cores: number(used.iter().filter(|it| it.past_cores).count()),
        curve: curve(if law == Law::Usl { &usl } else { &amdahl }, range),
        amdahl: described(&amdahl, range),
        usl: described(&usl, range),
        no_held_out: held_out.is_empty().then(|| no_held_out(points.len())),
        held_out,
    })
}

fn no_held_out(points: usize) -> String {
    match points <= POINTS_MIN {
        true => format!("{points} points less one are too few to fit"),
        false => "the points that are left determine nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serial_fraction_is_that_of_karp_and_flatt() {
        let estimate = |median, low, high| Estimate { median, low: Some(low), high: Some(high) };
        // Four workers, 3.8 times as fast: 1.75 % of the work is serial.
        let fraction = serial_fraction(estimate(3.8, 3.7, 4.0), 4).unwrap();
        assert!((fraction.median - (1.0 / 3.8 - 0.25) / 0.75).abs() < 1e-12);
        assert!((fraction.median - 0.0175).abs() < 1e-4, "{fraction:?}");
        assert_eq!(fraction.low, Some(0.0), "a speed-up of 4 with 4 workers leaves nothing serial");
        assert!(fraction.low < Some(fraction.median) && Some(fraction.median) < fraction.high);
        assert!(serial_fraction(estimate(2.5, 2.4, 2.6), 2).unwrap().median < 0.0, "more than linear");
        assert_eq!(serial_fraction(estimate(1.0, 1.0, 1.0), 1), None);
    }
}
