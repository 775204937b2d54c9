//! The program behind `gild worker INDEX`: a worker process started by fork + exec.

use std::os::fd::{FromRawFd, OwnedFd};
use std::process::ExitCode;

use crate::ledger::map::Map;
use crate::ledger::task_log::TaskLog;
use crate::measure::meter::Meter;
use crate::measure::tools::Plan;
use crate::models::process::{NO_TASK, READ_FD, WRITE_FD, WorkerSpec, serve};
use crate::models::start_pinned;
use crate::plugin::instance::Instance;
use crate::plugin::library::Plugin;
use crate::spec::LEDGER_FD;
use crate::transport::{Channel, Kind};

/// Exit status of a worker that could not be set up; the reason is on its standard error, which is the trial's output.
const EXIT_REFUSED: u8 = 71;

/// Runs as worker `index`, to the end.
pub fn main(index: u32) -> ExitCode {
    match run(index) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(EXIT_REFUSED)),
        Err(error) => {
            eprintln!("worker {index}: {error}");
            ExitCode::from(EXIT_REFUSED)
        }
    }
}

fn run(index: u32) -> Result<i32, String> {
    // SAFETY: `models::process::start_by_exec` put these three descriptors there for this program alone, and this
    // function is called once.
    let [reader, ledger, writer] = [READ_FD, LEDGER_FD, WRITE_FD].map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    let mut channel = Channel::new(reader, writer);
    match prepared(index, &ledger, &mut channel) {
        Ok((instance, mut meter)) => {
            let status = serve(&instance, index as usize, channel, &mut meter);
            // Giving the instance up is part of the worker's end.
            drop(instance);
            meter.finish();
            Ok(status)
        }
        Err(error) => {
            // The coordinator hears why, unless it is gone itself.
            channel.load_bytes(Kind::Error, NO_TASK, gild_abi::raw::E_INTERNAL, error.as_bytes());
            let _told = channel.send();
            Err(error)
        }
    }
}

/// What a worker needs before it can take a task.
type Prepared = (Instance<'static>, Meter<'static>);

fn prepared(index: u32, ledger: &OwnedFd, channel: &mut Channel) -> Result<Prepared, String> {
    let map: &'static Map = Box::leak(Box::new(Map::attach(ledger).map_err(|error| format!("ledger: {error}"))?));
    if index >= map.workers() {
        return Err(format!("the ledger has {} workers", map.workers()));
    }
    let section = map.worker(index);
    crate::fault::install().map_err(|error| format!("sigaction: {error}"))?;
    crate::fault::watch(section);
    let frame = channel.receive_unaccounted().map_err(|error| format!("no spec: {error}"))?;
    let frame = frame.filter(|frame| frame.kind == Kind::Spec).ok_or("the first frame is not a spec")?;
    let spec: WorkerSpec = serde_json::from_slice(frame.payload).map_err(|error| format!("spec: {error}"))?;
    let log = TaskLog::attach(ledger, map).map_err(|error| format!("task log: {error}"))?;
    let meter = start_pinned(section, &Plan::of(&spec.trial).with_log(log), spec.core);
    // A library is never closed, so its tables may as well live for ever.
    let plugin: &'static Plugin =
        Box::leak(Box::new(Plugin::load(&spec.trial.plugin).map_err(|error| error.to_string())?));
    let kernel = plugin.kernel(&spec.trial.kernel).map_err(|error| error.to_string())?;
    let values = gild_model::params::resolve(&kernel.info, &spec.trial.params).map_err(|error| error.to_string())?;
    let instance = Instance::create(kernel, &values).map_err(|error| format!("create: {error}"))?;
    Ok((instance, meter))
}
