//! How throughput grows with workers: the points, the law that they support, and how far off it is on others.

use gild_model::advice::{Coefficient, HeldOut, HeldOutKind, Law, LawFit, Peak, Scaling, ScalingFit, ScalingPoint};

use super::advice::ends;
use super::grid::{Align, Grid};
use super::{Style, count, figures, harmless};

/// Draws a family of cases.
pub fn render(scaling: &Scaling, style: Style) -> String {
    let against = scaling.base.as_ref().map_or_else(String::new, |it| format!(", against {it}"));
    let mut text = harmless(&format!("scaling of {}{against}:", scaling.cases)) + "\n" + &table(scaling).text(style, 2);
    if scaling.points.iter().any(|point| point.past_cores) {
        text += "* more workers than cores: those that compute take turns, which is another regime\n";
    }
    text + &fit(scaling)
}

/// The law that the points support with its coefficients, line by line, or why there is none.
pub fn fit(scaling: &Scaling) -> String {
    match (&scaling.fit, &scaling.no_fit) {
        (Some(fit), _) => of_fit(fit, scaling),
        (None, reason) => format!("no fit: {}\n", harmless(reason.as_deref().unwrap_or("no reason given"))),
    }
}

/// The points: throughput, speed-up and serial fraction of each number of workers.
pub fn table(scaling: &Scaling) -> Grid {
    let mut grid = Grid::new([
        ("workers", Align::Right),
        ("tasks/s", Align::Right),
        ("speed-up", Align::Right),
        ("95 % CI", Align::Left),
        ("serial fraction", Align::Right),
        ("95 % CI", Align::Left),
    ]);
    scaling.points.iter().for_each(|point| grid.row(row(point)));
    grid
}

fn row(point: &ScalingPoint) -> Vec<String> {
    vec![
        format!("{}{}", point.workers, if point.past_cores { "*" } else { "" }),
        rate(point.tasks_per_s),
        figures::number_or_dash(point.speedup.map(|it| figures::ratio(it.median))),
        figures::number_or_dash(point.speedup.and_then(|it| ends(&it, 2))),
        figures::number_or_dash(point.serial_fraction.map(|it| format!("{:.3}", it.median))),
        figures::number_or_dash(point.serial_fraction.and_then(|it| ends(&it, 3))),
    ]
}

/// Tasks per second with three digits.
fn rate(tasks_per_s: f64) -> String {
    let decimals = if tasks_per_s < 9.995 { 2 } else { usize::from(tasks_per_s < 99.95) };
    format!("{tasks_per_s:.decimals$}")
}

fn of_fit(fit: &ScalingFit, scaling: &Scaling) -> String {
    let law = match fit.supported {
        Law::Amdahl => &fit.amdahl,
        Law::Usl => &fit.usl,
    };
    let past = if fit.past_cores > 0 {
        format!(", {} of them with more workers than cores", fit.past_cores)
    } else {
        String::new()
    };
    let mut text = format!("{} supported by {}{past}:\n", named(fit.supported), count(fit.points.into(), "point"));
    for (name, value, decimals) in [("α", &law.alpha, 5), ("β", &law.beta, 6), ("γ", &law.gamma, 2)] {
        text += &format!("  {name} = {}\n", coefficient(value, decimals));
    }
    text += &format!("  {}\n", peak(law, scaling));
    text += &format!(
        "  residual standard error {} tasks/s, {} degrees of freedom\n",
        rate(law.residual_standard_error),
        law.degrees_of_freedom
    );
    text += &fit.held_out.iter().map(held_out).collect::<String>();
    text + &fit.no_held_out.as_ref().map_or_else(String::new, |it| format!("  not put to the test: {}\n", harmless(it)))
}

fn named(law: Law) -> &'static str {
    match law {
        Law::Amdahl => "Amdahl's law (β = 0)",
        Law::Usl => "the Universal Scalability Law",
    }
}

/// `0.0277 (95 % CI 0.0024 to 0.0531)`
fn coefficient(it: &Coefficient, decimals: usize) -> String {
    let value = format!("{:.decimals$}", it.value);
    match it.low.zip(it.high) {
        Some((low, high)) => format!("{value} (95 % CI {low:.decimals$} to {high:.decimals$})"),
        None if it.at_bound => format!("{value}, at bound"),
        None => value,
    }
}

/// Where throughput is highest. Beyond what was measured it is not said without its interval.
fn peak(law: &LawFit, scaling: &Scaling) -> String {
    let range = match (scaling.points.first(), scaling.points.last()) {
        (Some(first), Some(last)) => format!("the range measured ({} to {})", first.workers, last.workers),
        _ => "the range measured".to_owned(),
    };
    match law.peak {
        None => format!("no peak within {range}"),
        Some(Peak { within_range: false, low: None, .. } | Peak { within_range: false, high: None, .. }) => {
            format!("peak not within {range}")
        }
        Some(Peak { workers, low, high, within_range }) => {
            let interval =
                low.zip(high).map(|(low, high)| format!(" (95 % CI {low:.1} to {high:.1})")).unwrap_or_default();
            let outside = if within_range { String::new() } else { format!(", not within {range}") };
            format!("peak at {workers:.1} workers{interval}{outside}")
        }
    }
}

fn held_out(it: &HeldOut) -> String {
    let workers: Vec<_> = it.predictions.iter().map(|it| it.workers.to_string()).collect();
    let how = match it.kind {
        HeldOutKind::LeaveOneOut => "each point predicted from all others".to_owned(),
        HeldOutKind::Larger => format!("{} workers predicted from fewer", workers.join(", ")),
    };
    let (error, error_max) = (figures::share(it.error), figures::share(it.error_max));
    format!("  {how}: off by {error} (median), at most {error_max}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn fitted() -> Scaling {
        let known = |value: f64| Coefficient {
            value,
            standard_error: Some(value / 10.0),
            low: Some(value * 0.8),
            high: Some(value * 1.2),
            at_bound: false,
        };
        let at_bound = Coefficient { value: 0.0, standard_error: None, low: None, high: None, at_bound: true };
        let peak = Peak { workers: 31.3, low: Some(25.0), high: Some(37.6), within_range: true };
        let law = |beta, peak| LawFit {
            alpha: known(0.02),
            beta,
            gamma: known(10.0),
            residual_standard_error: 0.5,
            degrees_of_freedom: 5,
            peak,
            ceiling: Some(500.0),
        };
        let mut scaling = testing::advice().groups.remove(0).scaling.remove(0);
        let predictions = vec![gild_model::advice::Prediction { workers: 32, measured: 90.0, predicted: 99.0 }];
        let held_out = vec![HeldOut { kind: HeldOutKind::Larger, predictions, error: 0.1, error_max: 0.1 }];
        scaling.no_fit = None;
        scaling.fit = Some(ScalingFit {
            supported: Law::Usl,
            points: 8,
            past_cores: 3,
            amdahl: law(at_bound, None),
            usl: law(known(0.001), Some(peak)),
            curve: Vec::new(),
            held_out,
            no_held_out: None,
        });
        scaling
    }

    fn drawn(scaling: &Scaling) -> String {
        render(scaling, Style { colour: false, width: 160 })
    }

    #[test]
    fn a_fit_is_told_with_its_intervals_its_peak_and_its_errors() {
        let text = drawn(&fitted());
        for line in [
            "the Universal Scalability Law supported by 8 points, 3 of them with more workers than cores:",
            "  α = 0.02000 (95 % CI 0.01600 to 0.02400)",
            "  β = 0.001000 (95 % CI 0.000800 to 0.001200)",
            "  peak at 31.3 workers (95 % CI 25.0 to 37.6)",
            "  residual standard error 0.50 tasks/s, 5 degrees of freedom",
            "  32 workers predicted from fewer: off by 10.0 % (median), at most 10.0 %",
        ] {
            assert!(text.lines().any(|it| it == line), "no line {line:?} in\n{text}");
        }
    }

    #[test]
    fn at_bound_is_said_and_a_peak_outside_the_range_has_its_interval_or_no_number() {
        let mut scaling = fitted();
        let fit = scaling.fit.as_mut().unwrap();
        fit.supported = Law::Amdahl;
        let text = drawn(&scaling);
        assert!(
            text.contains("β = 0.000000, at bound") && text.contains("no peak within the range measured (1 to 2)"),
            "{text}"
        );
        let fit = scaling.fit.as_mut().unwrap();
        fit.supported = Law::Usl;
        let outside = Peak { within_range: false, ..fit.usl.peak.unwrap() };
        fit.usl.peak = Some(outside);
        let text = drawn(&scaling);
        assert!(
            text.contains("peak at 31.3 workers (95 % CI 25.0 to 37.6), not within the range measured (1 to 2)"),
            "{text}"
        );
        scaling.fit.as_mut().unwrap().usl.peak = Some(Peak { high: None, ..outside });
        let text = drawn(&scaling);
        assert!(text.contains("peak not within the range measured (1 to 2)") && !text.contains("31.3"), "{text}");
    }
}
