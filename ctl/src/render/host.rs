//! What this machine can measure, and what to type to measure more.

use gild_model::host::{HostReport, Verdict};

use super::grid::{Align, Grid};
use super::{Style, count, harmless};

/// Draws the report of `gilctl doctor`.
pub fn render(report: &HostReport, style: Style) -> String {
    let mut text =
        harmless(&format!("{}: Linux {}, {}, {}", report.hostname, report.kernel, report.cpu, cores(report)));
    text += &format!("\ntier:  {}{}\n", report.tier.name(), because(report.tier_reason.as_deref()));
    text += &format!("clock: {}{}\n", harmless(&report.clock), because(report.clock_reason.as_deref()));
    if !report.counts_kernel {
        text += "events in the kernel are not counted, only those in user space\n";
    }
    text += &format!("\n{}\n{}", checks(report, style), counters(report, style));
    let remedies: Vec<_> = report.checks.iter().filter_map(|it| Some((&it.name, it.remedy.as_ref()?))).collect();
    if !remedies.is_empty() {
        text += "\nto measure more:\n";
        text.extend(remedies.iter().map(|(name, remedy)| format!("  {}: {}\n", harmless(name), harmless(remedy))));
    }
    text
}

/// `2 hardware threads on 1 physical core`
pub fn cores(report: &HostReport) -> String {
    let mut physical: Vec<_> = report.cores.iter().map(|it| (it.package, it.core)).collect();
    physical.sort_unstable();
    physical.dedup();
    let threads = count(report.cores.len() as u64, "hardware thread");
    format!("{threads} on {}", count(physical.len() as u64, "physical core"))
}

fn because(reason: Option<&str>) -> String {
    reason.map(|it| format!(" ({})", harmless(it))).unwrap_or_default()
}

fn checks(report: &HostReport, style: Style) -> String {
    let grid = checks_grid(report);
    if grid.is_empty() { String::new() } else { grid.wrapped(style) }
}

/// What was checked, and what came out.
pub fn checks_grid(report: &HostReport) -> Grid {
    let mut grid = Grid::new([("check", Align::Left), ("verdict", Align::Left), ("found", Align::Left)]);
    for check in &report.checks {
        let verdict = match check.verdict {
            Verdict::Good => "good",
            Verdict::Limited => "limited",
            Verdict::Bad => "bad",
        };
        grid.row(vec![check.name.clone(), verdict.to_owned(), check.found.clone()]);
    }
    grid
}

fn counters(report: &HostReport, style: Style) -> String {
    let grid = counters_grid(report);
    if grid.is_empty() { String::new() } else { grid.wrapped(style) }
}

/// Which counters count here.
pub fn counters_grid(report: &HostReport) -> Grid {
    let mut grid = Grid::new([("counter", Align::Left), ("counts here", Align::Left), ("why not", Align::Left)]);
    for counter in &report.counters {
        let usable = if counter.usable { "yes" } else { "no" };
        grid.row(vec![counter.name.clone(), usable.to_owned(), counter.reason.clone().unwrap_or_default()]);
    }
    grid
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_report_says_the_tier_why_and_what_to_type() {
        let drawn = render(&testing::host(), Style { colour: false, width: 100 });
        let expected = "\
lab: Linux 6.18.0, AMD EPYC, 2 hardware threads on 1 physical core
tier:  software (no PMU here)
clock: tsc

check                verdict  found
hardware counters    bad      perf_event_open: ENOENT, this machine has no PMU
perf_event_paranoid  limited  2: events in the kernel need privilege

counter       counts here  why not
task-clock    yes
instructions  no           no PMU

to measure more:
  perf_event_paranoid: sudo sysctl kernel.perf_event_paranoid=1
";
        assert!(drawn == expected, "expected:\n{expected}\nactual:\n{drawn}");
    }
}
