//! The program behind `gild worker FIRST COUNT TRANSPORT`: a process with workers, started by fork + exec.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::process::ExitCode;

use gild_model::case::Transport;
use gild_model::experiment::ParamValue;

use crate::ledger::map::Map;
use crate::ledger::task_log::TaskLog;
use crate::ledger::timeline::Rings;
use crate::measure::meter::Meter;
use crate::measure::tools::Plan;
use crate::models::crew::Crew;
use crate::models::process::{FIRST_CHANNEL_FD, WorkerSpec, descriptors_of};
use crate::models::serve::refuse;
use crate::plugin::instance::Instance;
use crate::plugin::library::{Kernel, Plugin};
use crate::spec::LEDGER_FD;
use crate::transport::channel::Channel;
use crate::transport::frame::Kind;

/// Exit status of a process that could not be set up; the reason is on its standard error, which is the trial's output.
const EXIT_REFUSED: u8 = 71;

/// Which workers of which process.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Number of the first.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// What carries their values.
    pub transport: Transport,
}

impl Place {
    /// Reads the arguments that follow `worker`.
    pub fn of_arguments(arguments: &[&str]) -> Option<Place> {
        let [first, count, transport] = arguments else { return None };
        let count = count.parse().ok().filter(|count| *count > 0)?;
        Some(Place { first: first.parse().ok()?, count, transport: transport.parse().ok()? })
    }
}

/// Runs as these workers, to the end.
pub fn main(place: Place) -> ExitCode {
    match run(place) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(EXIT_REFUSED)),
        Err(error) => {
            eprintln!("worker {}: {error}", place.first);
            ExitCode::from(EXIT_REFUSED)
        }
    }
}

fn run(place: Place) -> Result<i32, String> {
    // SAFETY: `models::process::start_by_exec` put the ledger and the connections there for this program alone, and this
    // function is called once.
    let (ledger, mut channels) = unsafe { (OwnedFd::from_raw_fd(LEDGER_FD), connections(place)?) };
    match prepared(place, &ledger, &mut channels[0]) {
        Ok(mut prepared) => {
            let Prepared { crew, instance, meter } = &mut prepared;
            let status = crew.work(instance, channels, meter);
            // Giving the instance up is part of the worker's end.
            drop(prepared.instance);
            prepared.meter.finish();
            Ok(status)
        }
        Err(error) => {
            refuse(&mut channels[0], &error);
            Err(error)
        }
    }
}

/// Takes the connections over, one for each worker.
///
/// # Safety
/// They are there, as [`FIRST_CHANNEL_FD`] says, and nothing else owns them.
unsafe fn connections(place: Place) -> Result<Vec<Channel>, String> {
    let each = descriptors_of(place.transport) as RawFd;
    let connection = |worker: u32| {
        let first = FIRST_CHANNEL_FD + worker as RawFd * each;
        // SAFETY: the caller's promise; every number is taken once.
        let own = |number| unsafe { OwnedFd::from_raw_fd(number) };
        Channel::of_worker(own(first), own(first + 1), (each > 2).then(|| own(first + 2)))
    };
    let channels: Result<_, _> = (0..place.count).map(connection).collect();
    channels.map_err(|error| format!("no connection: {error}"))
}

/// What a process needs before its workers can take tasks.
struct Prepared {
    crew: Crew<'static>,
    instance: Instance<'static>,
    meter: Meter<'static>,
}

fn prepared(place: Place, ledger: &OwnedFd, channel: &mut Channel) -> Result<Prepared, String> {
    // All of this lives until the process ends, so it may as well live for ever.
    let map: &'static Map = Box::leak(Box::new(Map::attach(ledger).map_err(|error| format!("ledger: {error}"))?));
    if place.first.saturating_add(place.count) > map.workers() {
        return Err(format!("the ledger has {} workers", map.workers()));
    }
    crate::fault::install().map_err(|error| format!("sigaction: {error}"))?;
    crate::fault::watch(map.worker(place.first));
    let spec: &'static WorkerSpec = Box::leak(Box::new(spec(place, channel)?));
    let log = TaskLog::attach(ledger, map).map_err(|error| format!("task log: {error}"))?;
    let rings = Rings::attach(ledger, map).map_err(|error| format!("timeline: {error}"))?;
    let plan: &'static Plan = Box::leak(Box::new(Plan::of(&spec.trial).with_log(log).with_rings(rings)));
    let first = place.first as usize;
    let crew = |kernel, values| Crew { spec: &spec.trial, plan, map, kernel, values, first, cores: &spec.cores };
    let meter = Crew::start(map, plan, first, spec.cores[0]);
    let plugin: &'static Plugin =
        Box::leak(Box::new(Plugin::load(&spec.trial.plugin).map_err(|error| error.to_string())?));
    let kernel: &'static Kernel = plugin.kernel(&spec.trial.kernel).map_err(|error| error.to_string())?;
    let values = gild_model::params::resolve(&kernel.info, &spec.trial.params).map_err(|error| error.to_string())?;
    let values: &'static [ParamValue] = values.leak();
    let instance = Instance::create(kernel, values).map_err(|error| format!("create: {error}"))?;
    Ok(Prepared { crew: crew(kernel, values), instance, meter })
}

fn spec(place: Place, channel: &mut Channel) -> Result<WorkerSpec, String> {
    let no_spec = |error: &dyn std::fmt::Display| format!("no spec: {error}");
    if !channel.receive_unaccounted().map_err(|error| no_spec(&error))? {
        return Err(no_spec(&"the coordinator has closed the connection"));
    }
    let frame = channel.received().and_then(|mut frames| frames.next().transpose()).map_err(|error| no_spec(&error))?;
    let frame = frame.filter(|frame| frame.kind == Kind::Spec).ok_or("the first frame is not a spec")?;
    let spec: WorkerSpec = serde_json::from_slice(frame.payload).map_err(|error| format!("spec: {error}"))?;
    match spec.cores.len() == place.count as usize {
        true => Ok(spec),
        false => Err(format!("the spec is for {} workers, not {}", spec.cores.len(), place.count)),
    }
}
