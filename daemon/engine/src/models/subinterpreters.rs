//! n threads of one process, each an interpreter of its own: its own lock, its own instance of the kernel, and no value
//! shared with anybody.
//!
//! As in PEP 684 and PEP 734: nothing is handed over by pointer. Inputs and results are encoded, moved over a connection
//! and decoded, as between processes; but nothing is forked, and all of it is one process. No lock is ever contended,
//! because each has one worker.

use std::thread;

use gild_model::case::Transport;
use gild_model::phase::Phase;

use super::crew::with_own_instance;
use super::dispatcher::Dispatcher;
use super::peers::Peers;
use super::serve::Desk;
use super::{STACK_SIZE, Trial, give_up, start_pinned};
use crate::ledger::layout::Section;
use crate::locks::Lock;
use crate::measure::meter::Meter;
use crate::plugin::value::Value;
use crate::transport::channel::Channel;

/// Runs all tasks on `workers` interpreters.
///
/// # Errors
/// The first task that fails, or a thread that cannot be started.
pub fn run(trial: &Trial<'_>, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    coordinator.mark(Phase::Launch);
    trial.start_wall();
    let mut dispatcher = Dispatcher::new(trial, coordinator);
    let result = thread::scope(|scope| {
        let mut peers = Peers::new(trial.map);
        let result = start(trial, scope, &mut peers).and_then(|()| dispatcher.run(&mut peers));
        dispatcher.meter.mark(Phase::Idle);
        if result.is_err() {
            give_up(trial.map);
        }
        peers.dismiss();
        // The scope ends when the last worker is gone.
        drop(peers);
        result
    });
    trial.stop_wall();
    dispatcher.meter.mark(Phase::Teardown);
    result?;
    dispatcher.results()
}

fn start<'s, 't: 's>(trial: &'t Trial<'t>, scope: &'s thread::Scope<'s, 't>, peers: &mut Peers) -> Result<(), String> {
    let transport = trial.spec.case.transport.unwrap_or(Transport::Shm);
    for worker in 0..trial.cores.len() {
        let cannot = |error| format!("worker {worker} cannot be started: {error}");
        let (here, there) = Channel::pair(transport).map_err(cannot)?;
        let section = trial.stamp_birth(worker);
        let builder = thread::Builder::new().name(format!("worker-{worker}")).stack_size(STACK_SIZE);
        builder.spawn_scoped(scope, move || interpret(trial, worker, section, there)).map_err(cannot)?;
        peers.add_thread(here);
    }
    Ok(())
}

/// A worker's life. What goes wrong in it, the coordinator hears.
fn interpret(trial: &Trial<'_>, worker: usize, section: &'static Section, channel: Channel) {
    crate::fault::watch(section);
    let mut meter = start_pinned(section, trial.plan, trial.cores[worker]);
    let lock = Lock::of_one(section);
    let _told = with_own_instance(trial.kernel, trial.values, channel, &mut meter, |instance, channel, meter| {
        Desk { worker, instance, lock: &lock, place: 0 }.serve(channel, meter)
    });
    meter.finish();
}
