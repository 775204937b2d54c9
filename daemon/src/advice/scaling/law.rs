//! The two laws, X(N) = γN / (1 + α(N − 1) + βN(N − 1)), and their least-squares fits within bounds.
//!
//! α is contention (what is done one at a time), β coherency (what each worker pays for each other one), γ the
//! throughput of one worker. β = 0 is Amdahl's law (1967), β ≥ 0 the Universal Scalability Law (N. J. Gunther: A General
//! Theory of Computational Scalability Based on Rational Functions, 2008). The search (Levenberg–Marquardt with bounds)
//! is a library's; what is known of its result is computed here.

use gild_model::advice::Law;
use rmpfit::{MPFitter, MPPar, MPResult, MPSide, MPSuccess};

use super::matrix;

/// A number of workers and the throughput that was measured with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// N.
    pub workers: f64,
    /// X(N), in any unit.
    pub throughput: f64,
}

/// α, β and γ, in this order, wherever there are three of something.
pub(crate) const ALPHA: usize = 0;
/// See [`ALPHA`].
pub(crate) const BETA: usize = 1;
/// See [`ALPHA`].
pub(crate) const GAMMA: usize = 2;

/// Where the search starts, but for γ: the largest throughput per worker (the R package `usl` does the same).
const START: [f64; 2] = [0.01, 0.0001];
/// Closer to a bound than this is at the bound: it is below what the search tells apart.
const AT_BOUND: f64 = 1e-9;

/// A law that was fitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fitted {
    /// Which one.
    pub law: Law,
    /// α, β, γ.
    pub values: [f64; 3],
    /// Whether each is at a bound, where a standard error has no meaning. The β of Amdahl's law is: it is 0 by definition.
    pub at_bound: [bool; 3],
    /// Their covariances; rows and columns of those at a bound are 0.
    pub covariance: [[f64; 3]; 3],
    /// Sum of the squared residuals.
    pub squared_error: f64,
    /// Points less coefficients.
    pub degrees_of_freedom: usize,
}

/// X(N).
pub(crate) fn throughput([alpha, beta, gamma]: [f64; 3], workers: f64) -> f64 {
    gamma * workers / divisor([alpha, beta, gamma], workers)
}

fn divisor([alpha, beta, _]: [f64; 3], workers: f64) -> f64 {
    1.0 + alpha * (workers - 1.0) + beta * workers * (workers - 1.0)
}

/// ∂X/∂α, ∂X/∂β, ∂X/∂γ.
pub(crate) fn slopes(values: [f64; 3], workers: f64) -> [f64; 3] {
    let divisor = divisor(values, workers);
    let of_divisor = -values[GAMMA] * workers / (divisor * divisor);
    [of_divisor * (workers - 1.0), of_divisor * workers * (workers - 1.0), workers / divisor]
}

/// The fit; `None` of points that determine nothing (no more of them than coefficients, too few different
/// ones, or no throughput at all), or where
/// the search does not come to an end.
pub(crate) fn fit(law: Law, points: &[Point]) -> Option<Fitted> {
    let coefficients = if law == Law::Amdahl { 2 } else { 3 };
    let degrees_of_freedom = points.len().checked_sub(coefficients).filter(|df| *df > 0)?;
    let per_worker = points.iter().map(|point| point.throughput / point.workers).fold(0.0, f64::max);
    if distinct(points) < coefficients || !(per_worker > 0.0 && per_worker.is_finite()) {
        return None;
    }
    let values = search(law, points, per_worker)?;
    let at_bound = [
        !(AT_BOUND..=1.0 - AT_BOUND).contains(&values[ALPHA]),
        law == Law::Amdahl || !(AT_BOUND..=1.0 - AT_BOUND).contains(&values[BETA]),
        values[GAMMA] <= AT_BOUND * per_worker,
    ];
    let squared_error = points.iter().map(|it| (it.throughput - throughput(values, it.workers)).powi(2)).sum::<f64>();
    let covariance = covariance(points, values, at_bound, squared_error / degrees_of_freedom as f64)?;
    Some(Fitted { law, values, at_bound, covariance, squared_error, degrees_of_freedom })
}

/// Different numbers of workers.
fn distinct(points: &[Point]) -> usize {
    let mut workers: Vec<_> = points.iter().map(|point| point.workers).collect();
    workers.sort_by(f64::total_cmp);
    workers.dedup();
    workers.len()
}

/// (JᵀJ)⁻¹ · variance, over the coefficients that are not at a bound.
fn covariance(points: &[Point], values: [f64; 3], at_bound: [bool; 3], variance: f64) -> Option<[[f64; 3]; 3]> {
    let free: Vec<_> = [ALPHA, BETA, GAMMA].into_iter().filter(|it| !at_bound[*it]).collect();
    let slopes: Vec<_> = points.iter().map(|point| slopes(values, point.workers)).collect();
    let product = |a: usize, b: usize| slopes.iter().map(|row| row[a] * row[b]).sum::<f64>();
    let information: Vec<Vec<f64>> = free.iter().map(|a| free.iter().map(|b| product(*a, *b)).collect()).collect();
    let inverse = matrix::inverse(&information)?;
    let mut covariance = [[0.0; 3]; 3];
    for (row, a) in free.iter().enumerate() {
        for (column, b) in free.iter().enumerate() {
            covariance[*a][*b] = inverse[row][column] * variance;
        }
    }
    Some(covariance)
}

/// The coefficients with the least squared error. Throughput is divided by γ's first guess, so that all three are
/// searched for at a like scale, whatever the unit.
fn search(law: Law, points: &[Point], per_worker: f64) -> Option<[f64; 3]> {
    let scaled = |it: &Point| Point { throughput: it.throughput / per_worker, ..*it };
    let mut residuals = Residuals { points: points.iter().map(scaled).collect(), bounds: bounds(law) };
    let beta = if law == Law::Amdahl { 0.0 } else { START[BETA] };
    let mut values = [START[ALPHA], beta, 1.0];
    let status = residuals.mpfit(&mut values).ok()?;
    if status.success == MPSuccess::MaxIter {
        return None;
    }
    values[GAMMA] *= per_worker;
    values.iter().all(|value| value.is_finite()).then_some(values)
}

/// 0 ≤ α ≤ 1, 0 ≤ β ≤ 1 (or β = 0), 0 ≤ γ.
fn bounds(law: Law) -> [MPPar; 3] {
    let share = || MPPar {
        limited_low: true,
        limited_up: true,
        limit_low: 0.0,
        limit_up: 1.0,
        side: MPSide::User,
        ..MPPar::new()
    };
    [
        share(),
        MPPar { fixed: law == Law::Amdahl, ..share() },
        MPPar { limited_low: true, side: MPSide::User, ..MPPar::new() },
    ]
}

/// What the library minimizes.
struct Residuals {
    points: Vec<Point>,
    bounds: [MPPar; 3],
}

fn three(values: &[f64]) -> [f64; 3] {
    values.try_into().expect("the search was started with three values")
}

impl MPFitter for Residuals {
    fn eval(&mut self, values: &[f64], residuals: &mut [f64]) -> MPResult<()> {
        for (residual, point) in residuals.iter_mut().zip(&self.points) {
            *residual = point.throughput - throughput(three(values), point.workers);
        }
        Ok(())
    }

    fn jacobian(&mut self, values: &[f64], residuals: &mut [f64], columns: &mut [Option<Vec<f64>>]) -> MPResult<()> {
        self.eval(values, residuals)?;
        for (coefficient, column) in columns.iter_mut().enumerate() {
            for (slope, point) in column.iter_mut().flatten().zip(&self.points) {
                *slope = -slopes(three(values), point.workers)[coefficient];
            }
        }
        Ok(())
    }

    fn number_of_points(&self) -> usize {
        self.points.len()
    }

    fn parameters(&self) -> &[MPPar] {
        &self.bounds
    }
}
