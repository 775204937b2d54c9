//! Both laws fitted to the same points: standard errors, intervals, the peak, and which law the points support.
//!
//! Intervals are value ± t(0.975, n − 3) · standard error for the Universal Scalability Law, n − 2 for Amdahl's. (The R package
//! `usl` (smoeding/usl, R/confint.R) takes the quantile of n − 1 degrees of freedom, at the level itself and not at both its tails, in
//! `confint`: its intervals cover less than they say.) At a bound there is no standard error: what is known of the others
//! is computed as if the one at its bound were given.

use distrs::StudentsT;
use gild_model::advice::{Coefficient, CurvePoint, Law, LawFit, Peak};

use super::law::{ALPHA, BETA, Fitted, GAMMA, Point, fit, slopes, throughput};

/// Fewer points than this are not fitted: three coefficients need more than as many points again to say how well they
/// are known (`usl` warns below six, too).
pub(crate) const POINTS_MIN: usize = 6;
/// The quantile at the upper end of a 95 % interval.
const UPPER: f64 = 0.975;
/// Most points of a curve.
const CURVE_POINTS_MAX: u32 = 100;

/// Fits both laws.
pub(crate) fn both(points: &[Point]) -> Option<(Fitted, Fitted)> {
    fit(Law::Amdahl, points).zip(fit(Law::Usl, points))
}

/// Which law the points support: β has to take away more of the squared error than chance would, by the F test of nested
/// models (one more coefficient; F with 1 and n − 3 degrees of freedom is the square of Student's t).
pub(crate) fn supported(amdahl: &Fitted, usl: &Fitted) -> Law {
    if usl.at_bound[BETA] || usl.degrees_of_freedom == 0 {
        return Law::Amdahl;
    }
    let gained = (amdahl.squared_error - usl.squared_error).max(0.0);
    let per_degree = usl.squared_error / usl.degrees_of_freedom as f64;
    let limit = quantile(usl.degrees_of_freedom);
    if gained > limit * limit * per_degree { Law::Usl } else { Law::Amdahl }
}

/// t(0.975) of so many degrees of freedom.
fn quantile(degrees_of_freedom: usize) -> f64 {
    StudentsT::ppf(UPPER, degrees_of_freedom as f64)
}

/// A fit with everything that is said of it; `range` is the smallest and the largest number of workers measured.
pub(crate) fn described(fitted: &Fitted, range: (f64, f64)) -> LawFit {
    let [alpha, beta, gamma] = [ALPHA, BETA, GAMMA].map(|which| coefficient(fitted, which));
    LawFit {
        alpha,
        beta,
        gamma,
        residual_standard_error: (fitted.squared_error / fitted.degrees_of_freedom as f64).sqrt(),
        degrees_of_freedom: u32::try_from(fitted.degrees_of_freedom).unwrap_or(u32::MAX),
        peak: peak(fitted, range),
        ceiling: (!fitted.at_bound[ALPHA]).then(|| gamma.value / alpha.value),
    }
}

/// The law over a range of numbers of workers, with its pointwise interval by the delta method: the variance of X(N) is gᵀCg,
/// with the gradient g of X(N) by the coefficients and their covariances C.
pub(crate) fn curve(fitted: &Fitted, range: (f64, f64)) -> Vec<CurvePoint> {
    let (first, last) = (range.0 as u32, range.1 as u32);
    let step = (last.saturating_sub(first) / CURVE_POINTS_MAX).max(1) as usize;
    let half = |gradient: [f64; 3]| {
        let row = |a: usize| (0..3).map(|b| gradient[a] * gradient[b] * fitted.covariance[a][b]).sum::<f64>();
        (0..3).map(row).sum::<f64>().max(0.0).sqrt() * quantile(fitted.degrees_of_freedom)
    };
    let point = |workers: u32| {
        let tasks_per_s = throughput(fitted.values, workers.into());
        let half = half(slopes(fitted.values, workers.into()));
        CurvePoint { workers, tasks_per_s, low: (tasks_per_s - half).max(0.0), high: tasks_per_s + half }
    };
    let ends_between = (last.saturating_sub(first) as usize).is_multiple_of(step);
    (first..=last).step_by(step).chain((!ends_between).then_some(last)).map(point).collect()
}

fn coefficient(fitted: &Fitted, which: usize) -> Coefficient {
    let value = fitted.values[which];
    let at_bound = fitted.at_bound[which];
    let standard_error = (!at_bound).then(|| fitted.covariance[which][which].sqrt());
    let half = standard_error.map(|error| error * quantile(fitted.degrees_of_freedom));
    Coefficient {
        value,
        standard_error,
        low: half.map(|half| value - half),
        high: half.map(|half| value + half),
        at_bound,
    }
}

/// N* = √((1 − α) / β), with the interval by the delta method: the variance of N* is gᵀCg, with the gradient g of N*
/// by α and β and their covariances C. `None`: β is at its bound, so throughput never falls.
fn peak(fitted: &Fitted, range: (f64, f64)) -> Option<Peak> {
    if fitted.at_bound[BETA] {
        return None;
    }
    let (alpha, beta) = (fitted.values[ALPHA], fitted.values[BETA]);
    let workers = ((1.0 - alpha) / beta).sqrt();
    let gradient = [-0.5 / (beta * workers), -0.5 * workers / beta];
    let part = |a: usize, b: usize| gradient[a] * gradient[b] * fitted.covariance[a][b];
    let variance = part(ALPHA, ALPHA) + 2.0 * part(ALPHA, BETA) + part(BETA, BETA);
    let known = variance.is_finite() && variance >= 0.0 && workers > 0.0;
    let half = known.then(|| variance.sqrt() * quantile(fitted.degrees_of_freedom));
    Some(Peak {
        workers,
        low: half.map(|half| (workers - half).max(0.0)),
        high: half.map(|half| workers + half),
        within_range: (range.0..=range.1).contains(&workers),
    })
}
