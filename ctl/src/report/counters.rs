//! What counters counted in each phase, and the ratios that people look for; or that nothing of it was measured.

use std::collections::{BTreeMap, BTreeSet};

use gild_model::account::{CounterReading, Role};
use gild_model::case::CounterScope;
use gild_model::run::Run;
use gild_model::trial::Trial;
use maud::{Markup, html};

use super::figures::value;
use super::material::Material;
use super::parts::{PHASES, place_of};
use super::tables::scrolled;
use crate::render::figures;

/// What is counted in hardware.
const HARDWARE: [&str; 6] = ["cycles", "instructions", "cache-references", "cache-misses", "branches", "branch-misses"];

/// A ratio of two counters: its name, the counter above, the one below, and how it is written.
type RatioOf = (&'static str, &'static str, &'static str, fn(f64) -> String);

const RATIOS: [RatioOf; 3] = [
    ("insn/cycle", "instructions", "cycles", |it| format!("{it:.2}")),
    ("cache miss rate", "cache-misses", "cache-references", figures::share),
    ("branch miss rate", "branch-misses", "branches", figures::share),
];

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    /// A part of the lives, by its place among the phases.
    Phase(usize),
    /// The whole lives.
    Life,
}

/// Counters of workers put together.
#[derive(Debug, Default)]
struct Pool {
    accounts: u64,
    wall_ns: u128,
    /// Sums, how many accounts they are of, and the smallest share of the time in which the counter counted.
    sums: BTreeMap<String, (u128, u64, f64)>,
}

impl Pool {
    fn add(&mut self, wall_ns: u64, readings: &[CounterReading]) {
        self.accounts += 1;
        self.wall_ns += u128::from(wall_ns);
        for reading in readings {
            let sum = self.sums.entry(reading.name.clone()).or_insert((0, 0, 1.0));
            if let Some(value) = reading.value {
                *sum = (sum.0 + u128::from(value), sum.1 + 1, sum.2.min(reading.running_ratio.unwrap_or(1.0)));
            }
        }
    }

    /// A sum that lacks no account.
    fn sum(&self, counter: &str) -> Option<u128> {
        self.sums.get(counter).filter(|(_, accounts, _)| *accounts == self.accounts).map(|(sum, ..)| *sum)
    }

    fn ratio(&self, above: &str, below: &str) -> Option<f64> {
        let (above, below) = (self.sum(above)?, self.sum(below)?);
        (below > 0).then(|| above as f64 / below as f64)
    }
}

/// The counters of all workers of all trials that count, by case and phase.
#[derive(Debug, Default)]
pub struct PooledCounters {
    by_phase: bool,
    pools: BTreeMap<(u32, Of), Pool>,
}

impl PooledCounters {
    /// Those of a run, before there are any.
    pub fn of(run: &Run) -> PooledCounters {
        PooledCounters { by_phase: run.experiment.counters == CounterScope::Phase, ..PooledCounters::default() }
    }

    /// Takes in a trial that counts.
    pub fn add(&mut self, trial: &Trial) {
        for worker in trial.workers.iter().filter(|it| it.role == Role::Worker) {
            let mut add = |of, wall_ns, readings: &[CounterReading]| {
                self.pools.entry((trial.case, of)).or_default().add(wall_ns, readings);
            };
            add(Of::Life, worker.accounted_ns, &worker.counters);
            for phase in worker.phases.iter().filter(|_| self.by_phase) {
                add(Of::Phase(place_of(phase.phase)), phase.wall_ns, &phase.counters);
            }
        }
    }

    /// Counters that some account has.
    fn names(&self) -> BTreeSet<&str> {
        let sums = self.pools.values().flat_map(|pool| &pool.sums);
        sums.filter(|(_, (_, accounts, _))| *accounts > 0).map(|(name, _)| name.as_str()).collect()
    }

    /// The smallest share of the time in which a counter counted.
    fn running_ratio_min(&self) -> f64 {
        self.pools.values().flat_map(|pool| pool.sums.values()).map(|(.., ratio)| *ratio).fold(1.0, f64::min)
    }
}

/// The section.
pub fn of_run(material: &Material) -> Markup {
    let Material { run, counters, .. } = material;
    let names = counters.names();
    let hardware = names.iter().any(|name| HARDWARE.contains(name));
    let shared = counters.running_ratio_min();
    html! {
        @if !hardware { p class="missing" { (no_hardware(run)) } }
        @if names.is_empty() { p class="missing" { "No counter was read." } }
        @else {
            @if !counters.by_phase {
                p { "Counters were read per " (run.experiment.counters.name()) ", not per phase (the experiment's key counters), so they are of whole lives." }
            }
            @if shared < 1.0 {
                p { "Counters took turns on the PMU and are scaled up: the one that counted least did so in " (figures::share(shared)) " of the time." }
            }
            (table(run, counters, &names, hardware))
        }
    }
}

fn no_hardware(run: &Run) -> String {
    let why = run.host.as_ref().and_then(|host| host.tier_reason.as_deref());
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    format!(
        "Cycles, instructions, cache and branch misses were not measured{why}, so there is no insn/cycle and no miss rate."
    )
}

fn table(run: &Run, counters: &PooledCounters, names: &BTreeSet<&str>, hardware: bool) -> Markup {
    let ratios: &[RatioOf] = if hardware { &RATIOS } else { &[] };
    let row = |of: Of, pool: &Pool| {
        html! {
            tr {
                th scope="row" { (words(of)) }
                td class="number" { (value("wall_ns", Some(pool.wall_ns as f64), &figures::time(pool.wall_ns as f64))) }
                @for (name, above, below, written) in ratios {
                    @let ratio = pool.ratio(above, below);
                    td class="number" { (value(name, ratio, &figures::number_or_dash(ratio.map(written)))) }
                }
                @for name in names {
                    @let sum = pool.sum(name).map(|it| it as f64);
                    td class="number" { (value(name, sum, &figures::number_or_dash(sum.map(|it| written(name, it))))) }
                }
            }
        }
    };
    let caption = "Counters of all workers of all repetitions, by phase";
    scrolled(
        caption,
        html! {
            table class="counters" {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "phase" } th scope="col" class="number" { "time" }
                    @for (name, ..) in ratios { th scope="col" class="number" { (name) } }
                    @for name in names { th scope="col" class="number" { (name.trim_end_matches("-ns")) } }
                } }
                @for (place, case) in run.experiment.cases.iter().enumerate() {
                    @let pools: Vec<_> = counters.pools.iter().filter(|((of, _), _)| *of as usize == place).collect();
                    @if !pools.is_empty() {
                        tbody data-case=(case.name) {
                            tr class="group" { th scope="rowgroup" colspan=(2 + ratios.len() + names.len()) { (case.name) } }
                            @for ((_, of), pool) in pools { (row(*of, pool)) }
                        }
                    }
                }
            }
        },
    )
}

fn words(of: Of) -> &'static str {
    match of {
        Of::Phase(place) => PHASES[place].words,
        Of::Life => "whole lives",
    }
}

fn written(name: &str, value: f64) -> String {
    if name.ends_with("-ns") { figures::time(value) } else { figures::quantity(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn reading(name: &str, value: Option<u64>) -> CounterReading {
        CounterReading { name: name.to_owned(), value, running_ratio: value.map(|_| 0.5) }
    }

    fn trial(instructions: Option<u64>) -> Trial {
        let mut trial = testing::trial_with_accounts();
        for phase in &mut trial.workers[1].phases {
            phase.counters = vec![reading("cycles", Some(1000)), reading("instructions", instructions)];
        }
        trial
    }

    fn drawn(trials: Vec<Trial>) -> String {
        let mut material = Material::new(testing::run(), None);
        material.counters.by_phase = true;
        trials.into_iter().for_each(|it| material.add_trial(it));
        of_run(&material).into_string()
    }

    #[test]
    fn ratios_are_of_sums_over_all_workers_and_phases_of_a_kind() {
        let html = drawn(vec![trial(Some(500)), trial(Some(1500))]);
        let lock = html.split("waiting for the lock").nth(1).unwrap().split("</tr>").next().unwrap();
        assert!(lock.contains("<data data-figure=\"insn/cycle\" value=\"1\">1.00</data>"), "{lock}");
        assert!(
            lock.contains("<data data-figure=\"cycles\" value=\"4000\">4.00 k</data>"),
            "lock-wait and switch-wait, twice: {lock}"
        );
        assert!(html.contains("did so in 50.0 % of the time"), "{html}");
    }

    #[test]
    fn a_sum_that_lacks_an_account_is_no_sum() {
        let html = drawn(vec![trial(Some(500)), trial(None)]);
        assert!(!html.contains("data-figure=\"instructions\"") && html.contains("data-figure=\"cycles\""), "{html}");
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let html = drawn(Vec::new());
        assert!(html.contains("were not measured (no PMU here)") && html.contains("No counter was read."), "{html}");
    }
}
