//! The trial that a recording is of, if it is of one: its ledger has the wall time, the number of tasks, and their log.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::ptr::null_mut;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use gild_engine::ledger::layout::Header;
use gild_engine::ledger::map::Map;
use gild_engine::ledger::task_log::TaskLog;
use gild_engine::record::TRIAL_VARIABLE;
use gild_engine::record::layout::{Place, Role};

use crate::process;

/// The ledger, for as long as the process lives; null: there is none.
static LEDGER: AtomicPtr<Map> = AtomicPtr::new(null_mut());
/// The log, for as long as the process lives; null: nobody has laid it out.
static LOG: AtomicPtr<TaskLog> = AtomicPtr::new(null_mut());

/// Joins the trial that the environment names, if there is one.
pub fn join() {
    let Some(file) = open() else { return };
    let Ok(map) = Map::attach(&file) else { return };
    if map.header().log_entries.load(Acquire) > 0
        && let Ok(log) = TaskLog::attach(&file, &map)
    {
        keep(&LOG, log);
    }
    keep(&LEDGER, map);
}

/// What is kept is never freed: any thread may use it until the process ends.
fn keep<T>(cell: &AtomicPtr<T>, value: T) {
    cell.store(Box::into_raw(Box::new(value)), Release);
}

fn open() -> Option<File> {
    let address = std::env::var_os(TRIAL_VARIABLE)?;
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC).open(&address).ok()
}

fn ledger() -> Option<&'static Map> {
    let map = LEDGER.load(Acquire);
    // SAFETY: what is there was leaked by `keep`.
    (!map.is_null()).then(|| unsafe { &*map })
}

/// What concerns the whole trial.
pub fn header() -> Option<&'static Header> {
    ledger().map(Map::header)
}

/// The log of its tasks; one without entries if there is none.
pub fn log() -> TaskLog {
    let log = LOG.load(Acquire);
    // SAFETY: as in `ledger`.
    if log.is_null() { TaskLog::default() } else { unsafe { *log } }
}

/// The trial has so many tasks. Called once, before the first is given to anybody. `false`: there is no trial, or its log
/// cannot be laid out.
pub fn plan(tasks: u32) -> bool {
    let (Some(map), Some(file)) = (ledger(), open()) else { return false };
    map.header().tasks_planned.store(tasks.into(), Relaxed);
    let Ok(log) = TaskLog::lay_out(&file, map, &[], (0..tasks as usize).map(|_| None)) else { return false };
    keep(&LOG, log);
    true
}

/// The number of the worker in this place, which it gets with its first task.
pub fn worker(place: &Place) -> u32 {
    match Role::from_number(place.who.role.load(Relaxed)) {
        Role::Worker(number) => number,
        _ => new_worker(place),
    }
}

/// Whoever is in this place is a worker from now on.
pub fn new_worker(place: &Place) -> u32 {
    let number = process::recording().map_or(0, |(map, _)| map.header().workers.fetch_add(1, AcqRel));
    place.who.role.store(Role::Worker(number).number(), Relaxed);
    number
}
