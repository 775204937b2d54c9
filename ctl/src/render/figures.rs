//! Figures as people read them. What was not measured is `–`, never a zero.

use gild_model::summary::Estimate;

/// Stands for what was not measured.
pub const NOT_MEASURED: &str = "–";

/// A time span given in nanoseconds, with three digits: `1.83 s`, `45.1 ms`.
pub fn time(ns: f64) -> String {
    let (unit, scale) = unit(ns);
    let digits = if unit == "ns" { 0 } else { decimals(ns / scale) };
    format!("{:.digits$} {unit}", ns / scale)
}

/// Time spans to be compared: all in the unit of the longest, all with as many decimals as the shortest needs
/// to have three digits (but at most five).
pub fn times(ns: &[f64]) -> Vec<String> {
    let longest = ns.iter().copied().fold(0.0, f64::max);
    let shortest = ns.iter().copied().filter(|it| *it > 0.0).fold(longest, f64::min);
    let (unit, scale) = unit(longest);
    let digits =
        if unit == "ns" { 0 } else { (1..5).find(|it| shortest / scale >= 99.5 / 10f64.powi(*it)).unwrap_or(5) };
    ns.iter().map(|it| format!("{:.*} {unit}", digits as usize, it / scale)).collect()
}

/// The unit that a time span is written in, with its length in nanoseconds.
fn unit(ns: f64) -> (&'static str, f64) {
    let units = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    units.into_iter().find(|(_, scale)| ns / scale < 999.5).unwrap_or(("s", 1e9))
}

fn decimals(value: f64) -> usize {
    match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    }
}

/// A size: `1.8 MiB`, `512 B`.
pub fn bytes(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / size as f64),
        None => format!("{bytes} B"),
    }
}

/// A share: `10.1 %`; `0 %` only for a true zero.
pub fn share(share: f64) -> String {
    match share {
        0.0 => "0 %".to_owned(),
        _ if share > 0.0 && share < 0.0005 => "<0.1 %".to_owned(),
        _ if share < 0.0 && share > -0.0005 => ">-0.1 %".to_owned(),
        _ => format!("{:.1} %", share * 100.0),
    }
}

/// A share that may not have been measured.
pub fn share_or_dash(measured: Option<f64>) -> String {
    measured.map_or_else(|| NOT_MEASURED.to_owned(), share)
}

/// Half the width of an estimate's interval relative to it: `± 0.4 %`; nothing without an interval.
pub fn half_width(estimate: &Estimate) -> String {
    estimate.half_width().map_or_else(String::new, |it| format!("± {}", share(it)))
}

/// A ratio: `1.89×`; what would round to nothing is `<0.01×`.
pub fn ratio(ratio: f64) -> String {
    if ratio > 0.0 && ratio < 0.005 {
        return "<0.01×".to_owned();
    }
    format!("{ratio:.*}×", decimals(ratio).max(1))
}

/// So many per second: three digits.
pub fn rate(per_s: f64) -> String {
    if per_s > 0.0 && per_s < 0.005 {
        return "<0.01".to_owned();
    }
    format!("{per_s:.*}", decimals(per_s))
}

/// How many: whole up to a thousand, then three digits: `12.3 k`, `4.56 G`.
pub fn quantity(count: f64) -> String {
    let units = [("", 1.0), (" k", 1e3), (" M", 1e6), (" G", 1e9), (" T", 1e12)];
    let (unit, scale) = units.into_iter().find(|(_, scale)| count / scale < 999.5).unwrap_or((" P", 1e15));
    let digits = if unit.is_empty() { 0 } else { decimals(count / scale) };
    format!("{:.digits$}{unit}", count / scale)
}

/// A number, or the dash.
pub fn number_or_dash(number: Option<impl ToString>) -> String {
    number.map_or_else(|| NOT_MEASURED.to_owned(), |it| it.to_string())
}

/// Time left, roughly: `12 s`, `3 min 20 s`, `1 h 05 min`.
pub fn time_left(s: f64) -> String {
    let s = s.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_the_unit_that_fits() {
        let cases = [
            (0.0, "0 ns"),
            (12.4, "12 ns"),
            (999.4, "999 ns"),
            (999.6, "1.00 µs"),
            (45_120.0, "45.1 µs"),
            (9_996_000.0, "10.0 ms"),
            (1_830_000_000.0, "1.83 s"),
            (123_456_000_000.0, "123 s"),
            (12_345_000_000_000.0, "12345 s"),
        ];
        for (ns, expected) in cases {
            assert_eq!(time(ns), expected, "{ns}");
        }
    }

    #[test]
    fn times_to_be_compared_have_one_unit_and_one_number_of_decimals() {
        let check = |ns: &[f64], expected: &[&str]| assert_eq!(times(ns), expected, "{ns:?}");
        check(&[1.83e9, 0.9704e9], &["1.830 s", "0.970 s"]);
        check(&[1.83e9, 1.86e9], &["1.83 s", "1.86 s"]);
        check(&[2.0e9, 1.0e3], &["2.00000 s", "0.00000 s"]);
        check(&[45.1e6, 12.34e6], &["45.1 ms", "12.3 ms"]);
        check(&[300e6, 120e6], &["300.0 ms", "120.0 ms"]);
        check(&[], &[]);
    }

    #[test]
    fn only_a_true_zero_is_a_zero() {
        assert_eq!(share(0.0), "0 %");
        assert_eq!(share(0.0004), "<0.1 %");
        assert_eq!(share(0.0006), "0.1 %");
        assert_eq!(share(0.897), "89.7 %");
        assert_eq!(share(1.0), "100.0 %");
        assert_eq!(share(-0.0001), ">-0.1 %");
        assert_eq!(share_or_dash(None), "–");
    }

    #[test]
    fn an_estimate_without_interval_has_no_width() {
        let estimate = |low, high| Estimate { median: 2.0, low, high };
        assert_eq!(half_width(&estimate(Some(1.9), Some(2.1))), "± 5.0 %");
        assert_eq!(half_width(&estimate(None, None)), "");
    }

    #[test]
    fn quantities_have_three_digits() {
        let quantities = [0.0, 7.0, 999.0, 1000.0, 12_345.0, 4.561e9, 2e15].map(quantity);
        assert_eq!(quantities, ["0", "7", "999", "1.00 k", "12.3 k", "4.56 G", "2.00 P"]);
    }

    #[test]
    fn ratios_and_times_left() {
        assert_eq!(ratio(0.0042), "<0.01×");
        assert_eq!([ratio(1.889), ratio(0.98), ratio(12.34), ratio(123.4)], ["1.89×", "0.98×", "12.3×", "123.4×"]);
        assert_eq!([time_left(11.7), time_left(200.0), time_left(3900.0)], ["12 s", "3 min 20 s", "1 h 05 min"]);
    }
}
