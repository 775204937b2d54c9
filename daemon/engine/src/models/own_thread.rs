//! The models that have one process and one thread: the coordinator lends its own thread to the only worker.

use gild_model::phase::Phase;

use super::Trial;
use crate::ledger::layout::flag;
use crate::measure::meter::Meter;
use crate::topology;

/// Lends the coordinator's thread to a worker that does this work. The worker is `idle` when its work begins.
///
/// # Errors
/// The work's own.
pub fn run<'l, T>(
    trial: &Trial<'_>,
    coordinator: &mut Meter<'static>,
    work: impl FnOnce(&mut Meter<'l>) -> Result<T, String>,
) -> Result<T, String> {
    let tools = coordinator.lend();
    trial.start_wall();
    let section = trial.stamp_birth(0);
    let mut meter = Meter::start_borrowed(section, tools, trial.plan);
    if trial.cores[0].is_some_and(|cpu| topology::pin_self(cpu).is_err()) {
        meter.set_flag(flag::PIN_REFUSED);
    }
    crate::fault::watch(section);
    meter.mark(Phase::Idle);
    let result = work(&mut meter);
    meter.mark(Phase::Teardown);
    crate::fault::watch(coordinator.section());
    let tools = meter.finish();
    trial.stop_wall();
    coordinator.take_back(tools);
    coordinator.mark(Phase::Teardown);
    result
}
