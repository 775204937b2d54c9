//! A case as the user asks for it, with choices left open, and how they are made.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use crate::case::{Case, Dispatch, LockPolicy, Model, Pinning, Start, Transport};
use crate::params::ParamValue;
use crate::python;

/// Most workers that one case may ask for.
pub const WORKERS_MAX: u32 = 1024;
/// Most tasks that may be in flight at once on an event loop.
pub const IN_FLIGHT_MAX: u32 = 65_536;
/// Most tasks that may be dealt out at once.
pub const CHUNK_MAX: u32 = 1 << 20;
/// Default switch interval of a lock (CPython's own default), in microseconds.
pub const INTERVAL_US_DEFAULT: u64 = 5_000;
/// Longest switch interval, in microseconds.
pub const INTERVAL_US_MAX: u64 = 60_000_000;
/// Default number of safe points between two releases of a `cpython2` lock (CPython 2's own default).
pub const CHECK_INTERVAL_DEFAULT: u32 = 100;
/// Most safe points between two releases of a `cpython2` lock.
pub const CHECK_INTERVAL_MAX: u32 = 1_000_000_000;

/// A case with choices left open: what is absent takes the model's default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseChoice {
    /// Name; made from the choices if absent.
    pub name: Option<String>,
    /// How tasks are spread.
    pub model: Model,
    /// Number of workers; 1 for `sequential` and `event-loop`, needed for every other model.
    pub workers: Option<NonZeroU32>,
    /// Tasks in flight at once; needed for `event-loop`.
    pub in_flight: Option<NonZeroU32>,
    /// Workers of each process; needed for `hybrid`.
    pub threads_per_process: Option<NonZeroU32>,
    /// What guards the kernel.
    pub lock: Option<LockPolicy>,
    /// Switch interval of the lock (`cpython`, `fair`), in microseconds.
    pub interval_us: Option<u64>,
    /// Safe points between two releases of the lock (`cpython2`).
    pub check_interval: Option<u32>,
    /// How worker processes come to life.
    pub start: Option<Start>,
    /// What carries values.
    pub transport: Option<Transport>,
    /// How tasks get to workers.
    pub dispatch: Option<Dispatch>,
    /// Tasks that are dealt out at once.
    pub chunk: Option<NonZeroU32>,
    /// Which cores the workers may run on.
    pub pinning: Option<Pinning>,
    /// Parameters of the kernel for this case alone.
    #[serde(default, rename = "param")]
    pub params: BTreeMap<String, ParamValue>,
    /// The interpreter of a kernel in Python; only such a kernel has one.
    pub python: Option<PathBuf>,
}

impl CaseChoice {
    /// A case of this model with every other choice left open.
    pub fn of(model: Model) -> CaseChoice {
        CaseChoice {
            name: None,
            model,
            workers: None,
            in_flight: None,
            threads_per_process: None,
            lock: None,
            interval_us: None,
            check_interval: None,
            start: None,
            transport: None,
            dispatch: None,
            chunk: None,
            pinning: None,
            params: BTreeMap::new(),
            python: None,
        }
    }

    /// What would have to be asked for to get this case.
    pub fn like(case: &Case) -> CaseChoice {
        CaseChoice {
            name: Some(case.name.clone()),
            model: case.model,
            workers: NonZeroU32::new(case.workers),
            in_flight: case.in_flight.and_then(NonZeroU32::new),
            threads_per_process: case.threads_per_process.and_then(NonZeroU32::new),
            lock: case.lock,
            interval_us: case.interval_us,
            check_interval: case.check_interval,
            start: case.start,
            transport: case.transport,
            dispatch: case.dispatch,
            chunk: case.chunk.and_then(NonZeroU32::new),
            pinning: Some(case.pinning.clone()),
            params: case.params.clone(),
            python: case.python.clone(),
        }
    }

    /// Makes every choice that was left open.
    ///
    /// # Errors
    /// A key that the model has no use for, a missing number, a value out of bounds.
    pub fn resolve(self) -> Result<Case, String> {
        if self.python.is_some() {
            return python::cases::resolve(self);
        }
        self.refuse_what_has_no_meaning()?;
        let model = self.model;
        let lock = model.has_lock().then(|| self.lock.unwrap_or(LockPolicy::Cpython));
        let interval_us = lock.filter(|it| it.has_interval()).map(|_| self.interval_us.unwrap_or(INTERVAL_US_DEFAULT));
        let check_interval =
            lock.filter(|it| it.has_check_interval()).map(|_| self.check_interval.unwrap_or(CHECK_INTERVAL_DEFAULT));
        let transport = if model.has_processes() { Transport::Pipe } else { Transport::Shm };
        let mut case = Case {
            name: String::new(),
            model,
            workers: self.resolve_workers()?,
            in_flight: self.needed("in_flight", self.in_flight, model == Model::EventLoop)?,
            threads_per_process: self.needed(
                "threads_per_process",
                self.threads_per_process,
                model == Model::Hybrid,
            )?,
            lock,
            interval_us,
            check_interval,
            start: model.has_processes().then(|| self.start.unwrap_or(Start::Fork)),
            transport: model.has_transport().then(|| self.transport.unwrap_or(transport)),
            dispatch: model.has_many_workers().then(|| self.dispatch.unwrap_or(Dispatch::Shared)),
            chunk: model.has_many_workers().then(|| self.chunk.map_or(1, NonZeroU32::get)),
            pinning: self.pinning.unwrap_or_default(),
            params: self.params,
            python: None,
        };
        check_bounds(&case)?;
        case.name = checked_name(self.name.unwrap_or_else(|| made_name(&case)))?;
        Ok(case)
    }

    fn refuse_what_has_no_meaning(&self) -> Result<(), String> {
        let model = self.model;
        if model == Model::Recorded {
            return Err("model: recorded is what gilctl record stores; it cannot be asked for".to_owned());
        }
        if self.start == Some(Start::Forkserver) {
            return Err("start: forkserver is for kernels in Python; expected fork or spawn".to_owned());
        }
        let given = [
            ("in_flight", self.in_flight.is_some(), model == Model::EventLoop),
            ("threads_per_process", self.threads_per_process.is_some(), model == Model::Hybrid),
            ("lock", self.lock.is_some(), model.has_lock()),
            ("start", self.start.is_some(), model.has_processes()),
            ("transport", self.transport.is_some(), model.has_transport()),
            ("dispatch", self.dispatch.is_some(), model.has_many_workers()),
            ("chunk", self.chunk.is_some(), model.has_many_workers()),
        ];
        if let Some((key, ..)) = given.into_iter().find(|(_, given, fits)| *given && !fits) {
            return Err(format!("{key}: has no meaning for the model {model}"));
        }
        let lock = model.has_lock().then(|| self.lock.unwrap_or(LockPolicy::Cpython));
        if self.interval_us.is_some() && !lock.is_some_and(LockPolicy::has_interval) {
            return Err("interval_us: has no meaning without lock = \"cpython\" or \"fair\"".to_owned());
        }
        if self.check_interval.is_some() && !lock.is_some_and(LockPolicy::has_check_interval) {
            return Err("check_interval: has no meaning without lock = \"cpython2\"".to_owned());
        }
        Ok(())
    }

    pub(crate) fn resolve_workers(&self) -> Result<u32, String> {
        match (self.model.has_many_workers(), self.workers.map(NonZeroU32::get)) {
            (_, Some(n)) if n > WORKERS_MAX => Err(format!("workers: {n} is not in 1..={WORKERS_MAX}")),
            (false, None | Some(1)) => Ok(1),
            (false, Some(n)) => Err(format!("workers: {} has exactly 1, not {n}", self.model)),
            (true, None) => Err(format!("workers: is missing; the model {} needs it", self.model)),
            (true, Some(n)) => Ok(n),
        }
    }

    /// A number that this model needs and no other has.
    fn needed(&self, key: &str, given: Option<NonZeroU32>, needed: bool) -> Result<Option<u32>, String> {
        match given {
            None if needed => Err(format!("{key}: is missing; the model {} needs it", self.model)),
            given => Ok(given.map(NonZeroU32::get)),
        }
    }
}

pub(crate) fn check_bounds(case: &Case) -> Result<(), String> {
    let within = |key: &str, value: Option<u64>, max: u64| match value {
        Some(value) if !(1..=max).contains(&value) => Err(format!("{key}: {value} is not in 1..={max}")),
        _ => Ok(()),
    };
    within("workers", Some(case.workers.into()), WORKERS_MAX.into())?;
    within("in_flight", case.in_flight.map(u64::from), IN_FLIGHT_MAX.into())?;
    within("interval_us", case.interval_us, INTERVAL_US_MAX)?;
    within("check_interval", case.check_interval.map(u64::from), CHECK_INTERVAL_MAX.into())?;
    within("chunk", case.chunk.map(u64::from), CHUNK_MAX.into())?;
    match case.threads_per_process {
        Some(threads) if !case.workers.is_multiple_of(threads) => Err(format!(
            "threads_per_process: {threads} does not divide the {} workers, which are all threads of all processes",
            case.workers
        )),
        _ => Ok(()),
    }
}

/// A name of a case, if it can be one.
pub(crate) fn checked_name(name: String) -> Result<String, String> {
    match name.len() {
        1..=200 => Ok(name),
        _ => Err("name: must have 1 to 200 bytes".to_owned()),
    }
}

/// Names a case after what sets it apart from its model's defaults: `threads-10-unlocked`, `processes-4-spawn`,
/// `hybrid-2x4`, `event-loop-100-n=30`.
pub(crate) fn made_name(case: &Case) -> String {
    let mut name = case.model.name().to_owned();
    name += &match (case.in_flight, case.threads_per_process) {
        (Some(in_flight), _) => format!("-{in_flight}"),
        (None, Some(threads)) => format!("-{}x{threads}", case.workers / threads),
        (None, None) if case.model.has_many_workers() => format!("-{}", case.workers),
        (None, None) => String::new(),
    };
    let transport = if case.model.has_processes() { Transport::Pipe } else { Transport::Shm };
    let choices = [
        case.lock.filter(|it| *it != LockPolicy::Cpython).map(lock_name),
        case.interval_us.filter(|it| *it != INTERVAL_US_DEFAULT).map(|us| format!("{us}us")),
        case.check_interval.filter(|it| *it != CHECK_INTERVAL_DEFAULT).map(|checks| format!("{checks}checks")),
        case.start.filter(|it| *it != Start::Fork).map(|it| it.to_string()),
        case.transport.filter(|it| *it != transport).map(|it| it.to_string()),
        case.dispatch.filter(|it| *it != Dispatch::Shared).map(|it| it.to_string()),
        case.chunk.filter(|it| *it != 1).map(|chunk| format!("chunk{chunk}")),
        Some(&case.pinning).filter(|it| **it != Pinning::None).map(Pinning::to_string),
    ];
    let params = case.params.iter().map(|(name, value)| format!("{name}={value}"));
    for choice in choices.into_iter().flatten().chain(params) {
        name += &format!("-{choice}");
    }
    name
}

fn lock_name(lock: LockPolicy) -> String {
    if lock == LockPolicy::None { "unlocked".to_owned() } else { lock.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Case, String> {
        toml::from_str::<CaseChoice>(text).map_err(|error| error.to_string())?.resolve()
    }

    fn name(text: &str) -> String {
        check(text).unwrap().name
    }

    fn refused(text: &str, expected: &str) {
        let error = check(text).unwrap_err();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn every_model_gets_the_choices_that_it_has_a_use_for() {
        let it = check("model = 'event-loop'\nin_flight = 100").unwrap();
        assert_eq!((it.workers, it.in_flight, it.lock, it.dispatch, it.chunk), (1, Some(100), None, None, None));
        let it = check("model = 'hybrid'\nworkers = 8\nthreads_per_process = 4").unwrap();
        assert_eq!((it.lock, it.interval_us), (Some(LockPolicy::Cpython), Some(5_000)));
        assert_eq!((it.start, it.transport), (Some(Start::Fork), Some(Transport::Pipe)));
        assert_eq!((it.dispatch, it.chunk), (Some(Dispatch::Shared), Some(1)));
        let it = check("model = 'subinterpreters'\nworkers = 2").unwrap();
        assert_eq!((it.lock, it.start, it.transport), (None, None, Some(Transport::Shm)));
        let it = check("model = 'threads'\nworkers = 2\nlock = 'cpython2'").unwrap();
        assert_eq!((it.interval_us, it.check_interval), (None, Some(100)));
    }

    #[test]
    fn names_say_what_sets_a_case_apart() {
        assert_eq!(name("model = 'event-loop'\nin_flight = 7"), "event-loop-7");
        assert_eq!(
            name("model = 'hybrid'\nworkers = 8\nthreads_per_process = 4\nlock = 'none'"),
            "hybrid-2x4-unlocked"
        );
        assert_eq!(
            name("model = 'threads'\nworkers = 2\nlock = 'cpython2'\ncheck_interval = 9"),
            "threads-2-cpython2-9checks"
        );
        assert_eq!(name("model = 'processes'\nworkers = 2\ntransport = 'shm'\nchunk = 5"), "processes-2-shm-chunk5");
        assert_eq!(
            name("model = 'subinterpreters'\nworkers = 2\ndispatch = 'per-worker'"),
            "subinterpreters-2-per-worker"
        );
        assert_eq!(name("model = 'sequential'\nparam.n = 30\nparam.m = [1, 2]"), "sequential-m=1,2-n=30");
    }

    #[test]
    fn what_has_no_meaning_is_missing_or_out_of_bounds_is_refused() {
        refused("model = 'recorded'", "recorded is what gilctl record stores");
        refused("model = 'event-loop'", "in_flight: is missing; the model event-loop needs it");
        refused("model = 'event-loop'\nin_flight = 3\nworkers = 2", "workers: event-loop has exactly 1, not 2");
        refused("model = 'hybrid'\nworkers = 4", "threads_per_process: is missing");
        refused("model = 'hybrid'\nworkers = 4\nthreads_per_process = 3", "3 does not divide the 4 workers");
        refused("model = 'threads'\nworkers = 4\nthreads_per_process = 2", "has no meaning for the model threads");
        refused("model = 'sequential'\nchunk = 2", "chunk: has no meaning for the model sequential");
        refused("model = 'subinterpreters'\nworkers = 2\nlock = 'none'", "lock: has no meaning");
        refused("model = 'threads'\nworkers = 2\ncheck_interval = 2", "without lock = \"cpython2\"");
        refused("model = 'threads'\nworkers = 2\nlock = 'cpython2'\ninterval_us = 2", "interval_us: has no meaning");
        refused("model = 'threads'\nworkers = 2\nlock = 'cpython2'\ncheck_interval = 0", "check_interval: 0 is not in");
        refused("model = 'threads'\nworkers = 2000", "workers: 2000 is not in 1..=1024");
    }

    #[test]
    fn a_case_can_be_asked_for_again() {
        for text in [
            "model = 'hybrid'\nworkers = 4\nthreads_per_process = 2\nparam.n = 1",
            "model = 'event-loop'\nin_flight = 3",
            "model = 'threads'\nworkers = 2\nlock = 'cpython2'",
        ] {
            let case = check(text).unwrap();
            assert_eq!(CaseChoice::like(&case).resolve().unwrap(), case);
        }
    }
}
