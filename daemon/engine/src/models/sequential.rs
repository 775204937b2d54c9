//! One process, one thread, one task after the other.

use gild_model::phase::Phase;

use super::{Trial, own_thread, run_task, task_error};
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::instance::PlannedTask;
use crate::plugin::value::Value;

/// Runs all tasks one after the other.
///
/// # Errors
/// The first task that fails.
pub fn run(trial: &Trial<'_>, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    own_thread::run(trial, coordinator, |meter| run_all(trial, meter))
}

/// Runs all tasks on the calling worker.
///
/// # Errors
/// The first task that fails.
pub(super) fn run_all(trial: &Trial<'_>, meter: &mut Meter<'_>) -> Result<Vec<Value>, String> {
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
