//! What else the machine did while the trials ran: per case in figures, of the whole run in one line.
//!
//! Times are pooled: summed over trials, divided once. Shares are of the time of all CPUs of the machine, and are taken of
//! at least a second ([`SHARE_TIME_MIN_NS`]). What one of the trials lacks is not said of any.

use std::collections::BTreeMap;

use gild_model::noise::{Noise, SHARE_TIME_MIN_NS};
use gild_model::summary::CaseNoise;

use super::sentence::percent;

/// A single trial is named where other programs used more of the CPUs' time in it than in all together, by at least this.
pub(super) const PEAK_MIN: f64 = 0.01;

/// The noise of the trials of a case, by repetition; `None` where it was not measured.
pub(super) type Noises = BTreeMap<u32, Option<Noise>>;

/// The figures of a case. `None`: it has no trial, or one whose noise was not measured.
pub(super) fn of_case(noises: &Noises) -> Option<CaseNoise> {
    let all = all(noises.values())?;
    // The first of equals, so that the order of trials does not matter.
    let peaks = noises.iter().filter_map(|(repetition, noise)| Some((*repetition, noise.as_ref()?.other_share()?)));
    let peak = peaks.reduce(|most, other| if other.1 > most.1 { other } else { most });
    Some(CaseNoise {
        cpus: cpus(&all),
        steal: share(&all, |it| it.steal_ns),
        steal_most: all.iter().filter_map(|it| steal_of_one_cpu(it)).reduce(f64::max),
        other_cpu: share(&all, |it| it.other_cpu_ns),
        other_cpu_most: peak.map(|(_, share)| share),
        other_cpu_most_repetition: peak.map(|(repetition, _)| repetition),
        frequency_min_khz: every(&all, |it| it.frequency_min_khz).and_then(|it| it.into_iter().min()),
        frequency_max_khz: every(&all, |it| it.frequency_max_khz).and_then(|it| it.into_iter().max()),
        throttles: every(&all, |it| it.throttles).map(|it| it.into_iter().fold(0, u64::saturating_add)),
    })
}

/// `noise: steal 0.3 % of 2 cores, other programs 12.0 % (up to 35.0 % in threads-10, repetition 3)`, over all cases.
/// `None`: nothing was measured.
pub(super) fn line<'a>(cases: impl Iterator<Item = (&'a str, &'a Noises)>) -> Option<String> {
    let cases: Vec<_> = cases.filter(|(_, noises)| !noises.is_empty()).collect();
    let all = all(cases.iter().flat_map(|(_, noises)| noises.values()))?;
    let cases: Vec<_> = cases.into_iter().filter_map(|(name, noises)| Some((name, of_case(noises)?))).collect();
    let mut parts = Vec::new();
    parts.extend(share(&all, |it| it.steal_ns).map(|share| format!("steal {}", percent(share))));
    let others = share(&all, |it| it.other_cpu_ns);
    parts.extend(others.map(|share| format!("other programs {}{}", percent(share), peak(share, &cases))));
    if let Some(first) = parts.first_mut() {
        let cpus = cpus(&all);
        let insert_at = first.find('%').expect("shares are in percent") + 1;
        first.insert_str(insert_at, &format!(" of {cpus} core{}", if cpus == 1 { "" } else { "s" }));
    }
    parts.extend(frequency(&cases));
    parts.extend(every(&cases, |(_, case)| case.throttles).map(|counts| match counts.into_iter().sum::<u64>() {
        0 => "never throttled".to_owned(),
        1 => "throttled once".to_owned(),
        times => format!("throttled {times} times"),
    }));
    (!parts.is_empty()).then(|| format!("noise: {}", parts.join(", ")))
}

/// ` (up to 35.0 % in threads-10, repetition 3)`, where a trial had clearly more than the average; repetitions are counted
/// from 1, as on the screen.
fn peak(share: f64, cases: &[(&str, CaseNoise)]) -> String {
    let peaks =
        cases.iter().filter_map(|(name, case)| Some((*name, case.other_cpu_most?, case.other_cpu_most_repetition?)));
    let peak = peaks.reduce(|most, other| if other.1 > most.1 { other } else { most });
    let peak = peak.filter(|(_, most, _)| *most >= share + PEAK_MIN);
    peak.map_or_else(String::new, |(name, most, repetition)| {
        format!(" (up to {} in {name}, repetition {})", percent(most), repetition + 1)
    })
}

/// `CPU frequency 2.1–3.4 GHz`
fn frequency(cases: &[(&str, CaseNoise)]) -> Option<String> {
    let ghz = |khz: u64| format!("{:.1}", khz as f64 / 1e6);
    let low = ghz(every(cases, |(_, case)| case.frequency_min_khz)?.into_iter().min()?);
    let high = ghz(every(cases, |(_, case)| case.frequency_max_khz)?.into_iter().max()?);
    Some(if low == high { format!("CPU frequency {low} GHz") } else { format!("CPU frequency {low}–{high} GHz") })
}

/// All of them, if there are any and all were measured.
fn all<'a>(noises: impl Iterator<Item = &'a Option<Noise>>) -> Option<Vec<&'a Noise>> {
    noises.map(Option::as_ref).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

/// A figure of each, if all have it.
fn every<T>(all: &[T], figure: impl Fn(&T) -> Option<u64>) -> Option<Vec<u64>> {
    all.iter().map(figure).collect()
}

/// A part of the time of all CPUs, if it was measured in every trial and the trials were long enough together.
fn share(all: &[&Noise], part_ns: impl Fn(&Noise) -> Option<u64>) -> Option<f64> {
    let part_ns: u128 = every(all, |it| part_ns(it))?.into_iter().map(u128::from).sum();
    let window_ns: u128 = all.iter().map(|it| u128::from(it.window_ns)).sum();
    let capacity_ns: u128 = all.iter().map(|it| it.capacity_ns()).sum();
    (window_ns >= u128::from(SHARE_TIME_MIN_NS) && capacity_ns > 0).then(|| part_ns as f64 / capacity_ns as f64)
}

/// What the CPU that lost most lost in a trial, as a share of its time.
fn steal_of_one_cpu(noise: &Noise) -> Option<f64> {
    let steal_ns = noise.steal_most_ns.filter(|_| noise.window_ns >= SHARE_TIME_MIN_NS)?;
    Some(steal_ns as f64 / noise.window_ns as f64)
}

/// The CPUs of the machine; the most, should some have come or gone.
fn cpus(all: &[&Noise]) -> u32 {
    all.iter().map(|it| it.cpus).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Two CPUs for ten seconds, of whose time others used this much, in percent.
    fn noise(other_percent: u64) -> Noise {
        Noise {
            window_ns: 10 * SECOND,
            cpus: 2,
            steal_ns: Some(60_000_000),
            steal_most_ns: Some(50_000_000),
            other_cpu_ns: Some(20 * SECOND / 100 * other_percent),
            frequency_min_khz: None,
            frequency_max_khz: None,
            throttles: None,
        }
    }

    fn noises(of: impl IntoIterator<Item = Noise>) -> Noises {
        (0..).zip(of.into_iter().map(Some)).collect()
    }

    fn line_of(cases: &[(&str, Noises)]) -> Option<String> {
        line(cases.iter().map(|(name, noises)| (*name, noises)))
    }

    #[test]
    fn a_run_is_told_in_one_line_that_names_the_noisiest_trial() {
        let cases = [("sequential", noises([1, 2, 3].map(noise))), ("threads-10", noises([1, 2, 35].map(noise)))];
        let expected = "noise: steal 0.3 % of 2 cores, other programs 7.3 % (up to 35.0 % in threads-10, repetition 3)";
        assert_eq!(line_of(&cases).as_deref(), Some(expected));
        let even = [("sequential", noises([2, 2].map(noise)))];
        assert_eq!(line_of(&even).as_deref(), Some("noise: steal 0.3 % of 2 cores, other programs 2.0 %"));
    }

    #[test]
    fn frequencies_and_throttling_are_told_where_they_were_measured() {
        let at = |min, max, throttles| Noise { frequency_min_khz: min, frequency_max_khz: max, throttles, ..noise(0) };
        let said = |noises: Noises| line_of(&[("sequential", noises)]).unwrap();
        let both =
            noises([at(Some(2_100_000), Some(3_000_000), Some(1)), at(Some(2_800_000), Some(3_400_000), Some(3))]);
        assert!(said(both).ends_with("other programs 0.0 %, CPU frequency 2.1–3.4 GHz, throttled 4 times"));
        let still = noises([at(Some(2_100_000), Some(2_100_400), Some(0))]);
        assert!(said(still).ends_with(", CPU frequency 2.1 GHz, never throttled"));
        let one_lacks_it = noises([at(Some(2_100_000), Some(3_000_000), Some(1)), at(None, None, None)]);
        assert!(said(one_lacks_it).ends_with("other programs 0.0 %"));
    }

    #[test]
    fn what_was_not_measured_is_not_said() {
        let without = |steal_ns, other_cpu_ns| Noise { steal_ns, other_cpu_ns, ..noise(0) };
        let said = |noise| line_of(&[("sequential", noises([noise]))]);
        assert_eq!(said(without(None, None)), None);
        assert_eq!(said(without(None, Some(SECOND))).as_deref(), Some("noise: other programs 5.0 % of 2 cores"));
        assert_eq!(said(without(Some(SECOND), None)).as_deref(), Some("noise: steal 5.0 % of 2 cores"));
        let one_cpu = Noise { cpus: 1, other_cpu_ns: None, ..noise(0) };
        assert_eq!(said(one_cpu).as_deref(), Some("noise: steal 0.6 % of 1 core"));
        assert_eq!(line_of(&[("sequential", Noises::from([(0, Some(noise(1))), (1, None)]))]), None);
        assert_eq!(line_of(&[("sequential", Noises::new())]), None);
    }

    #[test]
    fn of_less_than_a_second_no_share_is_taken() {
        let short = Noise { window_ns: SECOND / 3, ..noise(1) };
        assert_eq!(line_of(&[("null", noises([short.clone(), short.clone()]))]), None);
        let case = of_case(&noises([short.clone(), short.clone(), short.clone(), short])).unwrap();
        assert!(case.steal.is_some() && case.other_cpu.is_some(), "four thirds of a second: {case:?}");
        assert_eq!((case.steal_most, case.other_cpu_most), (None, None), "a single trial is too short: {case:?}");
    }

    #[test]
    fn a_case_has_its_figures_over_all_trials_and_its_peaks() {
        let longer = Noise { window_ns: 30 * SECOND, steal_most_ns: Some(3 * SECOND), ..noise(30) };
        let case = of_case(&noises([noise(6), longer])).unwrap();
        assert_eq!((case.cpus, case.other_cpu), (2, Some(0.09)), "7.2 of 80 seconds");
        assert_eq!((case.other_cpu_most, case.other_cpu_most_repetition), (Some(0.1), Some(1)));
        assert_eq!((case.steal, case.steal_most), (Some(0.0015), Some(0.1)));
        assert_eq!((case.frequency_min_khz, case.throttles), (None, None));
    }
}
