//! What could not be had for a worker, or not as it was wanted, in words.

use std::sync::atomic::Ordering::Relaxed;

use gild_model::account::{CounterReading, Role};

use super::layout::{Section, flag};
use crate::core_pmus::CorePmus;
use crate::record;

/// A counter that counted less of the time than this shared the PMU; what is missing above it is rounding.
const SHARED_BELOW: f64 = 0.99;

/// The first fall is not worth a note when there was a second.
fn fell_further(flags: u64) -> u64 {
    if flags & flag::FELL_TO_TRIAL != 0 { flag::FELL_TO_TASK } else { 0 }
}

/// The notes on a worker, or on the coordinator, with these counters over its life.
pub(super) fn of(section: &Section, role: Role, counters: &[CounterReading], life_ns: u64) -> Vec<String> {
    let flags = section.flags.load(Relaxed);
    let several = role == Role::Worker && flags & flag::CORES_OF_SEVERAL_KINDS != 0;
    [
        (
            flag::RING_REFUSED,
            "context-switch records could not be had: the locked-memory budget (perf_event_mlock_kb) may be spent",
        ),
        (flag::COUNTERS_REFUSED, "some counters, or all, could not be opened for this worker"),
        (flag::FELL_TO_TASK & !fell_further(flags), "reading counters at every phase cost more than max_overhead: they were read at tasks"),
        (flag::FELL_TO_TRIAL, "reading counters often cost more than max_overhead: they were read at both ends of the worker's life"),
        (flag::BLOCKS_LOOP, gild_model::plugin::BLOCKS_LOOP),
        (flag::PIN_REFUSED, "the worker could not be pinned to its core"),
        (flag::RECORDS_LOST, "the ring of context-switch records was full; the phase without preempted and waking is split by schedstat, which is up to a scheduler tick off"),
    ]
    .into_iter()
    .filter(|(bit, _)| flags & bit != 0)
    .map(|(_, text)| text.to_owned())
    .chain(several.then(|| several_kinds(&CorePmus::of_machine())))
    .chain(sharing(counters).map(str::to_owned))
    .chain(unrecorded(section.unrecorded_ns.load(Relaxed), life_ns))
    .collect()
}

/// The notes on a recording as a whole.
pub(super) fn of_recording(books: &record::books::Books) -> impl Iterator<Item = String> {
    let record::books::Books { without_place, never_began, without_our_code, parts_missing, .. } = books;
    let lost = (*without_place > 0).then(|| format!("threads that there was no room to record: {without_place}"));
    let never = (*never_began > 0).then(|| {
        format!("programs that were started and have no accounts, because they are static, privileged or of another libc: {never_began}")
    });
    let code = (*without_our_code > 0).then(|| {
        format!("processes of Python that did not run gild's code, so that what their executors do is not told apart: {without_our_code}")
    });
    let missing = (!parts_missing.is_empty()).then(|| {
        let parts = parts_missing.join(", ");
        format!("this Python's {parts} lacks something that gild looks for; what is done there is not told apart")
    });
    [lost, never, code, missing].into_iter().flatten()
}

/// Fast and slow cores count different things: what was counted here and there is neither summed nor scaled.
fn several_kinds(pmus: &CorePmus) -> String {
    format!(
        "no hardware counters: the worker may run on cores of several kinds ({}); pin the case to cores of one kind",
        pmus.describe()
    )
}

/// What is less exact of a thread that was switched too often for records.
fn unrecorded(unrecorded_ns: u64, life_ns: u64) -> Option<String> {
    let percent = (100.0 * unrecorded_ns as f64 / life_ns.max(1) as f64).min(100.0);
    (unrecorded_ns > 0).then(|| {
        format!(
            "for {percent:.1} % of its life it was switched too often to record each switch: there its time off the CPU is \
             shared out among its phases, the waiting ones first, and preempted and waking are not told apart"
        )
    })
}

/// Whether counters shared the PMU. The ratios differ from worker to worker and are in its readings, not here.
fn sharing(counters: &[CounterReading]) -> Option<&'static str> {
    if counters.iter().any(|counter| counter.value.is_none()) {
        Some(
            "some counters never got onto the PMU and are not counted: something else holds it, or too many are asked for",
        )
    } else if counters.iter().any(|counter| counter.running_ratio.is_some_and(|ratio| ratio < SHARED_BELOW)) {
        Some("hardware counters took turns on the PMU: each count is scaled up by its running_ratio")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::map::Map;

    #[test]
    fn a_worker_that_may_run_on_cores_of_several_kinds_says_what_to_do() {
        let map = Map::private(0).unwrap();
        map.coordinator().flags.store(flag::CORES_OF_SEVERAL_KINDS, Relaxed);
        // No case pins a coordinator: there is nothing to do about its counters.
        assert!(of(map.coordinator(), Role::Coordinator, &[], 1).is_empty());
        let notes = of(map.coordinator(), Role::Worker, &[], 1);
        assert!(matches!(&notes[..], [note] if note.ends_with("pin the case to cores of one kind")), "{notes:?}");
    }

    #[test]
    fn counters_that_shared_the_pmu_are_noted_and_those_that_did_not_are_not() {
        let map = Map::private(0).unwrap();
        let with = |value, running_ratio| {
            let reading = |value, running_ratio| CounterReading { name: "cycles".to_owned(), value, running_ratio };
            of(map.coordinator(), Role::Worker, &[reading(Some(1), Some(1.0)), reading(value, running_ratio)], 1)
        };
        assert!(with(Some(7), Some(0.9999)).is_empty());
        assert!(with(Some(7), Some(0.33))[0].starts_with("hardware counters took turns"));
        assert!(with(None, Some(0.0))[0].starts_with("some counters never got onto the PMU"));
    }

    #[test]
    fn what_was_not_recorded_is_said_with_its_share() {
        let map = Map::private(0).unwrap();
        let section = map.coordinator();
        section.unrecorded_ns.store(250, Relaxed);
        let notes = of(section, Role::Worker, &[], 1_000);
        assert!(matches!(&notes[..], [note] if note.starts_with("for 25.0 % of its life")), "{notes:?}");
        section.unrecorded_ns.store(0, Relaxed);
        assert!(of(section, Role::Worker, &[], 1_000).is_empty());
    }
}
