//! n processes, each with one worker (`processes`) or with several under one lock (`hybrid`).
//!
//! Every worker has a connection of its own to the coordinator, whichever process it is in, so that all models with
//! connections are dispatched alike.

use gild_model::phase::Phase;

use super::dispatcher::Dispatcher;
use super::peers::Peers;
use super::{Trial, process};
use crate::measure::meter::Meter;
use crate::plugin::value::Value;

/// Runs all tasks on processes with so many threads each.
///
/// # Errors
/// The first task that fails, a worker that died, or one that cannot be started.
pub fn run(trial: &Trial<'_>, threads: usize, coordinator: &mut Meter<'static>) -> Result<Vec<Value>, String> {
    coordinator.mark(Phase::Launch);
    trial.start_wall();
    let mut peers = Peers::new(trial.map);
    let mut dispatcher = Dispatcher::new(trial, coordinator);
    let result = start(trial, threads, &mut peers).and_then(|()| dispatcher.run(&mut peers));
    dispatcher.meter.mark(Phase::Idle);
    if result.is_err() {
        // What is left of them is of no use: the trial has failed.
        peers.kill();
    }
    let ended = peers.end();
    trial.stop_wall();
    dispatcher.meter.mark(Phase::Teardown);
    result?;
    ended?;
    dispatcher.results()
}

fn start(trial: &Trial<'_>, threads: usize, peers: &mut Peers) -> Result<(), String> {
    let workers = trial.cores.len();
    (0..workers).step_by(threads).try_for_each(|first| {
        let threads = threads.min(workers - first);
        process::start(trial, first..first + threads, peers)
    })
}
