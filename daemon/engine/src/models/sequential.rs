//! One process, one thread: the coordinator lends its own thread to the only worker.

use gild_model::phase::Phase;

use super::{Trial, run_task, task_error};
use crate::ledger::layout::flag;
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::instance::PlannedTask;
use crate::plugin::value::Value;
use crate::topology;

/// Runs all tasks one after the other.
///
/// # Errors
/// The first task that fails.
pub fn run(trial: &Trial<'_>, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    let tools = coordinator.lend();
    trial.start_wall();
    let section = trial.stamp_birth(0);
    let mut meter = Meter::start_borrowed(section, tools, trial.plan);
    if trial.cores[0].is_some_and(|cpu| topology::pin_self(cpu).is_err()) {
        meter.set_flag(flag::PIN_REFUSED);
    }
    crate::fault::watch(section);
    meter.mark(Phase::Idle);
    let result = run_all(trial, &mut meter);
    meter.mark(Phase::Teardown);
    crate::fault::watch(coordinator.section());
    let tools = meter.finish();
    trial.stop_wall();
    coordinator.take_back(tools);
    coordinator.mark(Phase::Teardown);
    result
}

fn run_all(trial: &Trial<'_>, meter: &mut Meter<'_>) -> Result<Vec<Value>, String> {
    let run = |(task, planned): (usize, &PlannedTask)| {
        let result = run_task(trial.instance, meter, &Lock::None, 0, (task, &planned.input), Phase::Idle);
        meter.finish_task(result.is_ok());
        if result.is_ok() {
            meter.add_weight(planned.weight);
        }
        result.map_err(|error| task_error(task, &error))
    };
    trial.tasks.iter().enumerate().map(run).collect()
}
