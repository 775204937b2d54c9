//! What is run, and what its truths are.
//!
//! A scenario is an experiment with the kernel `calibrated` and a function that holds its accounts against the kernel's
//! report. Parameters are chosen so that what lies between a clock reading of the kernel's and gild's mark beside it
//! (microseconds) is far below half a percent of the time that is looked at.

mod counts;
mod disturbances;
mod lock;
mod processes;
mod states;

use std::num::NonZeroU32;

use gild_model::case::{LockPolicy, Model, Pinning, Start};
use gild_model::choice::CaseChoice;
use gild_model::host::HostReport;

use super::evidence::Evidence;
use super::finding::Finding;

/// A scenario.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// The kernel's parameters.
    pub params: &'static [(&'static str, i64)],
    /// The case to run on this machine, or why it cannot be run here.
    pub case: fn(&HostReport) -> Result<CaseChoice, String>,
    /// Figures and truths of a trial.
    pub findings: fn(&Evidence<'_>) -> Result<Vec<Finding>, String>,
    /// What is unusual about it.
    pub special: Special,
}

/// What is unusual about a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// Nothing.
    None,
    /// A bare ping-pong of messages of so many bytes is measured before and after the run.
    PingPong(usize),
    /// The machine's clock is stepped while it runs, if the user allows it.
    ClockSteps,
    /// Its trials fail; one is enough.
    Fails,
}

/// All scenarios, in the order in which they are run.
pub fn all() -> Vec<Scenario> {
    [states::ALL, lock::ALL, processes::ALL, counts::ALL, disturbances::ALL].concat()
}

/// A case with everything at its default.
fn case(model: Model, workers: u32) -> CaseChoice {
    CaseChoice { workers: NonZeroU32::new(workers), ..CaseChoice::of(model) }
}

fn sequential(_: &HostReport) -> Result<CaseChoice, String> {
    Ok(case(Model::Sequential, 1))
}

fn free_threads(workers: u32) -> CaseChoice {
    CaseChoice { lock: Some(LockPolicy::None), ..case(Model::Threads, workers) }
}

fn processes(workers: u32, start: Start) -> CaseChoice {
    CaseChoice { start: Some(start), ..case(Model::Processes, workers) }
}

/// All workers on one core: the last that the daemon may use, because the first one has most interrupts.
fn on_one_core(host: &HostReport, case: CaseChoice) -> Result<CaseChoice, String> {
    let core = host.cores.last().ok_or("the daemon may use no core")?.cpu;
    Ok(CaseChoice { pinning: Some(Pinning::Cores(vec![core])), ..case })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn every_scenario_has_a_name_of_its_own_and_a_case_that_makes_sense() {
        let mut names: Vec<_> = all().iter().map(|it| it.name).collect();
        for scenario in all() {
            let case = (scenario.case)(&testing::host());
            // A machine without a PMU is what the tests have.
            if let Ok(case) = case {
                case.resolve().unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }
}
