//! Who made whom wait for the interpreter's lock, and which function did.

use std::path::Path;

use gild_model::account::WorkerAccount;
use gild_model::lock_wait::{Holder, HoldingFunction, LockKind, LockWait};
use gild_model::phase::Phase;
use gild_model::trial::Trial;
use gild_tests::lab::Lab;

use crate::{accounts, assert_whole, pythons, record, script};

fn hog(lab: &Lab, python: &Path, who: &str) -> Trial {
    let program = script("hog.py");
    record(lab, [python.as_os_str(), program.as_os_str(), who.as_ref(), "0.8".as_ref()]).well();
    let trial = accounts(lab);
    assert_whole(&trial);
    trial
}

fn row<'t>(trial: &'t Trial, waiter: &WorkerAccount) -> Vec<&'t LockWait> {
    let waits = trial.lock_waits.as_ref().expect("it was measured").iter();
    waits.filter(|it| it.waiter == waiter.index && it.lock == LockKind::Interpreter).collect()
}

fn waited_ns<'w>(waits: impl IntoIterator<Item = &'w LockWait>) -> u64 {
    waits.into_iter().map(|it| it.waited_ns).sum()
}

/// Rows add up to the phase, nobody waits for itself, and functions and workers are two views of the same time.
#[track_caller]
fn assert_conserved(trial: &Trial, python: &Path) {
    for worker in &trial.workers {
        let row = row(trial, worker);
        let (booked_ns, phase_ns) = (waited_ns(row.iter().copied()), worker.wall_in(Phase::LockWait));
        let phase = |phase| worker.phases.iter().find(|it| it.phase == phase);
        // In the list between two timed waits as well, where the phase is `compute`: a thread that loses its core there …
        let between_ns = phase(Phase::Compute).map_or(0, |it| it.wall_ns.saturating_sub(it.on_cpu_ns.unwrap_or(0)));
        let most_ns = phase_ns + phase_ns / 100 + between_ns + 1_000_000;
        // … and the phase has the waits for the lock's own mutex, too, whose holder may lose its core, as the waiter may before it
        // gets that far: milliseconds each time.
        let queued_ns = phase(Phase::LockWait).and_then(|it| it.run_queue_ns).unwrap_or(0);
        let least_ns = phase_ns.saturating_sub(phase_ns / 10 + queued_ns + 30_000_000);
        let figures =
            format!("{python:?}: {booked_ns} ns booked, {phase_ns} ns waited, {between_ns} ns between: {row:#?}");
        assert!((least_ns..=most_ns).contains(&booked_ns), "{figures}");
        assert!(row.iter().all(|it| it.holder != Holder::Worker(worker.index)), "waited for itself: {figures}");
    }
    let by_workers = trial.lock_waits.iter().flatten().filter(|it| it.lock == LockKind::Interpreter);
    let by_workers = waited_ns(by_workers.filter(|it| it.holder != Holder::Nobody));
    let by_functions: u64 = trial.holders.iter().flatten().map(|it| it.waited_ns).sum();
    // Each row is rounded to whole nanoseconds.
    assert!(by_workers.abs_diff(by_functions) <= 1_000, "{by_workers} ns and {by_functions} ns");
}

fn assert_top(top: &HoldingFunction, all: &[HoldingFunction]) {
    let all_ns: u64 = all.iter().map(|it| it.waited_ns).sum();
    let line =
        1 + std::fs::read_to_string(script("hog.py")).unwrap().lines().position(|it| it == "def hog(until):").unwrap();
    let file = script("hog.py");
    let file = file.to_str().unwrap();
    assert_eq!((top.function.as_deref(), top.line), (Some("hog"), Some(line as u32)), "{all:#?}");
    assert!(file.ends_with(top.file.as_deref().unwrap()), "{all:#?}");
    assert!(top.waited_ns > all_ns / 2 && top.hand_overs >= 10, "{all:#?}");
}

#[test]
fn the_function_that_computes_is_what_those_that_sleep_wait_for() {
    for python in pythons::with_lock() {
        let lab = Lab::new();
        let trial = hog(&lab, &python, "one");
        assert_conserved(&trial, &python);
        let holders = trial.holders.as_ref().unwrap_or_else(|| panic!("{python:?}: {:#?}", trial.workers[0].notes));
        assert_top(&holders[0], holders);
        let (busy, sleeper) = (&trial.workers[1], &trial.workers[2]);
        let row = row(&trial, sleeper);
        let for_busy = row.iter().filter(|it| it.holder == Holder::Worker(busy.index)).copied();
        assert!(waited_ns(for_busy) * 2 > waited_ns(row.iter().copied()), "{python:?}: {row:#?}");
        let said = "hog held the interpreter's lock for";
        lab.gilctl(&["show", "1"]).well().says([said]);
        lab.gilctl(&["show", "1", "--locks"]).well().says(["who waited for whom", "top holders", "hog.py:"]);
        let exported = lab.gilctl(&["export", "1", "--table", "holders", "--format", "csv"]).well();
        assert_eq!(exported.stdout.lines().count(), 1 + holders.len());
        let exported = lab.gilctl(&["export", "1", "--table", "waits", "--format", "csv"]).well();
        assert_eq!(exported.stdout.lines().count(), 1 + trial.lock_waits.as_ref().unwrap().len());
    }
}

#[test]
fn who_calls_what_gild_wraps_is_who_held_the_lock() {
    for python in pythons::with_lock() {
        let lab = Lab::new();
        let trial = hog(&lab, &python, "decoder");
        let holders = trial.holders.as_ref().unwrap_or_else(|| panic!("{python:?}: {:#?}", trial.workers[0].notes));
        let top = &holders[0];
        // It calls a function of pickle's C code, for which a wrapper of gild's stands in.
        assert_eq!(top.function.as_deref(), Some("decoder"), "{python:?}: {holders:#?}");
        assert!(top.file.as_deref().unwrap().ends_with("hog.py"), "{python:?}: {holders:#?}");
        let ours = |it: &HoldingFunction| it.file.as_deref().is_some_and(|file| file.contains("gild_"));
        assert!(!holders.iter().any(ours), "{python:?}: {holders:#?}");
    }
}

#[test]
fn threads_that_all_compute_wait_for_each_other() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let trial = hog(&lab, &python, "all");
    assert_conserved(&trial, &python);
    for worker in &trial.workers[1..] {
        let row = row(&trial, worker);
        let holders = row.iter().filter_map(|it| it.holder.worker()).filter(|it| (1..4).contains(it)).count();
        assert_eq!(holders, 2, "of the three that compute, the two others: {row:#?}");
    }
}

#[test]
fn without_gild_s_code_it_is_known_who_but_not_which_function_and_why() {
    let Some(python) = pythons::of_machine() else { return };
    let lab = Lab::new();
    let program = script("hog.py");
    record(&lab, [python.as_os_str(), "-S".as_ref(), program.as_os_str(), "one".as_ref(), "0.3".as_ref()]).well();
    let trial = accounts(&lab);
    assert_conserved_without_functions(&trial);
    let notes = &trial.workers[0].notes;
    assert!(
        notes.iter().any(|it| it.contains("is not known: the interpreter did not load gild's module")),
        "{notes:?}"
    );
}

fn assert_conserved_without_functions(trial: &Trial) {
    assert_eq!(trial.holders, None, "not measured, and not nobody");
    let waits = trial.lock_waits.as_ref().unwrap();
    assert!(waits.iter().any(|it| it.lock == LockKind::Interpreter && it.holder.worker().is_some()), "{waits:#?}");
}

#[test]
fn a_mutex_says_whose_it_is() {
    let lab = Lab::new();
    let program = lab.path("mutex");
    let source = lab.write("mutex.c", MUTEX);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built = std::process::Command::new(compiler).args(["-O1", "-pthread", "-o"]).arg(&program).arg(source).status();
    assert!(built.expect("a C compiler is installed").success());
    record(&lab, [&program]).well();
    let trial = accounts(&lab);
    let waits: Vec<_> = trial.lock_waits.iter().flatten().filter(|it| it.lock == LockKind::Other).collect();
    let of_thread: Vec<_> = waits.iter().filter(|it| it.waiter == 1).collect();
    let for_main: u64 = of_thread.iter().filter(|it| it.holder == Holder::Worker(0)).map(|it| it.waited_ns).sum();
    assert!(for_main >= 150_000_000, "the first thread had the mutex for 200 ms: {waits:#?}");
    // Joining it is a wait whose holder nobody says.
    assert!(waits.iter().any(|it| it.waiter == 0 && it.holder == Holder::Unknown), "{waits:#?}");
    for worker in &trial.workers {
        let row: u64 = waits.iter().filter(|it| it.waiter == worker.index).map(|it| it.waited_ns).sum();
        let phase_ns = worker.wall_in(Phase::OtherLock);
        assert!(row.abs_diff(phase_ns) <= 1_000, "{row} ns booked of {phase_ns} ns: {waits:#?}");
    }
}

/// The first thread has a mutex for 200 ms that the other one wants.
const MUTEX: &str = r"
#include <pthread.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *other(void *nothing) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return nothing;
}
int main(void) {
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    if (pthread_create(&thread, 0, other, 0)) return 1;
    usleep(200000);
    pthread_mutex_unlock(&mutex);
    return pthread_join(thread, 0);
}
";
