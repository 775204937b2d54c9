//! The program behind `gild coordinator`: owns one trial.
//!
//! ```text
//! startup    read the spec, map the ledger, load the plugin, create, plan
//!            ── wall time starts ──
//! …          the model runs all tasks
//!            ── wall time ends ──
//! teardown   verify, digest, tell the daemon
//! ```
//!
//! It stays single-threaded until the model starts threads, so that it can be forked.

use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::Ordering::{Relaxed, Release};

use crate::ledger::layout::{Header, KERNEL_PHASE_NAME_LEN};
use crate::ledger::map::Map;
use crate::ledger::task_log::TaskLog;
use crate::ledger::task_log::writer::store_text;
use crate::ledger::timeline::Rings;
use crate::measure::cost;
use crate::measure::meter::Meter;
use crate::measure::tools::Plan;
use crate::models::Trial;
use crate::plugin::instance::{Instance, Planned};
use crate::plugin::library::Plugin;
use crate::plugin::value::Value;
use crate::spec::{CONTROL_FD, LEDGER_FD, Outcome, TrialSpec};
use crate::{digest, pinning, topology};

/// Exit status of a coordinator that could not even report.
const EXIT_MUTE: u8 = 72;
/// Longest spec that is read, in bytes.
const SPEC_MAX: u64 = 1 << 20;

/// Runs as a coordinator, to the end.
pub fn main() -> ExitCode {
    // SAFETY: `gild` put these two descriptors there for this program alone (see `spec`), and this function is called
    // once.
    let (control, ledger) = unsafe { (UnixStream::from_raw_fd(CONTROL_FD), OwnedFd::from_raw_fd(LEDGER_FD)) };
    let outcome = run(&control, &ledger).unwrap_or_else(|error| Outcome::Failed { error });
    match report(&control, &outcome) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coordinator: cannot report: {error}");
            ExitCode::from(EXIT_MUTE)
        }
    }
}

fn report(mut control: &UnixStream, outcome: &Outcome) -> std::io::Result<()> {
    control.write_all(&serde_json::to_vec(outcome)?)
}

fn run(control: &UnixStream, ledger: &OwnedFd) -> Result<Outcome, String> {
    let map: &'static Map = Box::leak(Box::new(Map::attach(ledger).map_err(|error| format!("ledger: {error}"))?));
    crate::fault::install().map_err(|error| format!("sigaction: {error}"))?;
    crate::fault::watch(map.coordinator());
    let mut text = String::new();
    let read = Read::take(control, SPEC_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("cannot read the trial's spec: {error}"))?;
    let spec: TrialSpec = serde_json::from_str(&text).map_err(|error| format!("the trial's spec: {error}"))?;
    let rings = Rings::attach(ledger, map).map_err(|error| format!("timeline: {error}"))?;
    let plan = Plan::of(&spec).with_rings(rings);
    pin_for_counters(&spec, &plan);
    let mut meter = Meter::start(map.coordinator(), &plan);
    let outcome = trial(&spec, &plan, (ledger, map), &mut meter);
    meter.finish();
    outcome
}

/// A model of one thread runs on this one. Where cores are of several kinds, its counters are opened for the worker's
/// core, so the thread has to be there before.
fn pin_for_counters(spec: &TrialSpec, plan: &Plan) {
    if spec.case.model.lends_coordinator() && plan.core_pmus.is_hybrid() {
        let cores = topology::allowed_cores().unwrap_or_default();
        // A pinning that is impossible is refused, with its reason, when the trial is prepared.
        let core = pinning::place(&spec.case.pinning, 1, &cores).ok().and_then(|cores| cores[0]);
        let _refused_later = core.map(topology::pin_self);
    }
}

fn trial(
    spec: &TrialSpec,
    plan: &Plan,
    (ledger, map): (&OwnedFd, &'static Map),
    meter: &mut Meter<'static>,
) -> Result<Outcome, String> {
    let plugin = Plugin::load(&spec.plugin).map_err(|error| error.to_string())?;
    let kernel = plugin.kernel(&spec.kernel).map_err(|error| error.to_string())?;
    let values = gild_model::params::resolve(&kernel.info, &spec.params).map_err(|error| error.to_string())?;
    let cores = topology::allowed_cores().map_err(|error| format!("sched_getaffinity: {error}"))?;
    let cores = pinning::place(&spec.case.pinning, spec.case.workers, &cores)?;
    let instance = Instance::create(kernel, &values).map_err(|error| format!("create: {error}"))?;
    let Planned { tasks, classes } = instance.plan().map_err(|error| format!("plan: {error}"))?;
    cost::measure(meter, map.header()).map_err(|error| format!("cannot measure the cost of a mark: {error}"))?;
    name_phases(map.header(), &kernel.info.phases);
    let class_of = tasks.iter().map(|task| task.class);
    let log = TaskLog::lay_out(ledger, map, &classes, class_of).map_err(|error| format!("task log: {error}"))?;
    let plan = &plan.with_log(log);
    let weight = tasks.iter().fold(0u64, |sum, task| sum.saturating_add(task.weight));
    map.header().weight_planned.store(weight, Relaxed);
    map.header().tasks_planned.store(tasks.len() as u64, Release);
    let trial = Trial { spec, plan, map, kernel, values: &values, instance: &instance, tasks: &tasks, cores: &cores };
    let results = trial.run(meter)?;
    conclude(&instance, &results)
}

/// Verifies and digests the results.
fn conclude(instance: &Instance<'_>, results: &[Value]) -> Result<Outcome, String> {
    let digest = digest::of_results(results)
        .map_err(|(task, error)| format!("the result of task {task} cannot be encoded: {error}"))?;
    let verdict = instance.verify(results);
    Ok(Outcome::Done {
        digest: Some(digest),
        verified: verdict.as_ref().map(Result::is_ok),
        verify_error: verdict.and_then(Result::err).map(|error| error.to_string()),
        notes: Vec::new(),
    })
}

fn name_phases(header: &Header, names: &[String]) {
    for (words, name) in header.kernel_phases.iter().zip(names) {
        store_text(words, &name.as_bytes()[..name.floor_char_boundary(KERNEL_PHASE_NAME_LEN)]);
    }
}
