//! A law put to the test: fitted to some of the points, it says what the others are.
//!
//! What a law says of points that it was fitted to proves nothing. Here each error is of a point that the fit has not seen:
//! all points but one, one after the other (M. Stone: Cross-Validatory Choice and Assessment of Statistical Predictions,
//! 1974), and, because a law is wanted for more workers than were measured, the larger numbers from the smaller ones.

use gild_model::advice::{HeldOut, HeldOutKind, Law, Prediction};

use super::fit::POINTS_MIN;
use super::law::{self, Point};
use crate::summary::statistics::median;

/// Every way of holding out that leaves enough points to fit. Points come with the smallest number of workers first.
pub(crate) fn all(law: Law, points: &[Point]) -> Vec<HeldOut> {
    [leave_one_out(law, points), larger(law, points)].into_iter().flatten().collect()
}

fn leave_one_out(law: Law, points: &[Point]) -> Option<HeldOut> {
    let predicted = |at: usize| {
        let others: Vec<_> = points.iter().enumerate().filter(|(other, _)| *other != at).map(|it| *it.1).collect();
        predict(law, &others, &points[at..=at])
    };
    let predictions = (0..points.len()).map(predicted).collect::<Option<Vec<_>>>()?;
    held_out(HeldOutKind::LeaveOneOut, predictions.concat())
}

/// The largest third, or fewer where the others would be too few to fit.
fn larger(law: Law, points: &[Point]) -> Option<HeldOut> {
    let kept = (points.len() - points.len() / 3).max(POINTS_MIN);
    let (smaller, larger) = points.split_at_checked(kept)?;
    held_out(HeldOutKind::Larger, predict(law, smaller, larger)?)
}

fn predict(law: Law, known: &[Point], unknown: &[Point]) -> Option<Vec<Prediction>> {
    if known.len() < POINTS_MIN {
        return None;
    }
    let values = law::fit(law, known)?.values;
    let prediction = |point: &Point| Prediction {
        workers: point.workers as u32,
        measured: point.throughput,
        predicted: law::throughput(values, point.workers),
    };
    Some(unknown.iter().map(prediction).collect())
}

fn held_out(kind: HeldOutKind, predictions: Vec<Prediction>) -> Option<HeldOut> {
    let error = |it: &Prediction| (it.predicted - it.measured).abs() / it.measured;
    let errors: Vec<_> = predictions.iter().map(error).collect();
    let error_max = errors.iter().copied().reduce(f64::max)?;
    Some(HeldOut { kind, predictions, error: median(&errors)?, error_max })
}
