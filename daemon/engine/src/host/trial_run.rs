//! Every counter counts something whose number is known, before anybody is shown what it counts.

use std::hint::black_box;
use std::time::Duration;

use gild_model::host::CounterStatus;

use super::checks::perf_error;
use crate::measure::counters::{CounterGroup, NAMES, is_hardware, place};
use crate::topology;

/// Rounds of the known loop: each runs at least one instruction and one branch.
const ROUNDS: u64 = 200_000;
/// Fresh pages that are touched.
const PAGES: usize = 32;
/// Naps that are taken: each is at least one context switch.
const NAPS: u64 = 3;
/// Least size of a page.
const PAGE: usize = 4096;

/// Whether events in the kernel may be counted: it takes perf_event_paranoid of at most 1, or CAP_PERFMON.
pub fn counts_kernel() -> bool {
    place("page-faults").is_some_and(|faults| CounterGroup::open(&[faults], true).is_ok())
}

/// Tries every counter alone, then all that work together.
pub fn counters(counts_kernel: bool) -> Vec<CounterStatus> {
    let mut statuses: Vec<_> = (0..NAMES.len()).map(|place| status(place, alone(place, counts_kernel))).collect();
    fit_together(&mut statuses, counts_kernel);
    statuses
}

fn status(place: usize, result: Result<(), String>) -> CounterStatus {
    CounterStatus { name: NAMES[place].to_owned(), usable: result.is_ok(), reason: result.err() }
}

fn alone(place: usize, counts_kernel: bool) -> Result<(), String> {
    let group = CounterGroup::open(&[place], counts_kernel).map_err(|error| perf_error(&error))?;
    let counted = count(&group, place)?;
    let least = least_count(place);
    match least {
        None => Err("cannot be tested here: there is only one core to run on".to_owned()),
        Some(least) if counted < least => Err(format!("opens but does not count: {counted} of at least {least}")),
        Some(_) => Ok(()),
    }
}

fn count(group: &CounterGroup, place: usize) -> Result<u64, String> {
    let read = || group.read().map_err(|error| perf_error(&error));
    let before = read()?;
    something_known();
    let after = read()?;
    if after.running_ns == before.running_ns {
        return Err("opens but never gets onto the PMU".to_owned());
    }
    Ok(after.values[place] - before.values[place])
}

/// The least that [`something_known`] makes a counter count. `None`: it cannot make it count here.
fn least_count(place: usize) -> Option<u64> {
    Some(match NAMES[place] {
        "instructions" | "branches" => ROUNDS,
        "context-switches" => NAPS,
        "page-faults" => PAGES as u64 / 2,
        "cpu-migrations" if topology::allowed_cores().map_or(0, |cores| cores.len()) < 2 => return None,
        _ => 1,
    })
}

/// Runs a loop of known length, touches fresh pages, sleeps, and moves from core to core.
fn something_known() {
    let mut sum = 1u64;
    for round in 0..ROUNDS {
        // Branches on bits that no predictor knows, so that some are mispredicted.
        sum = black_box(sum).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
        if black_box(sum >> 33 & 1) == 1 {
            sum ^= round;
        }
    }
    black_box(sum);
    // A large allocation comes fresh from the kernel, and every page of it faults when it is first touched.
    let mut memory: Vec<u8> = Vec::with_capacity(64 << 20);
    for page in memory.spare_capacity_mut().chunks_mut(2 << 20).take(PAGES) {
        page[PAGE].write(1);
    }
    black_box(&memory);
    for _ in 0..NAPS {
        std::thread::sleep(Duration::from_micros(50));
    }
    migrate();
}

/// Runs on every allowed core in turn, then on all of them again. Where that fails, the counter of migrations counts
/// none and is refused.
fn migrate() {
    let cores = topology::allowed_cores().unwrap_or_default();
    let _counted_or_not = cores.iter().try_for_each(|core| topology::pin_self(core.cpu));
    let _as_before = topology::unpin_self(&cores);
}

/// A group is scheduled as a whole or not at all: hardware counters that do not fit together are left out, last first.
fn fit_together(statuses: &mut [CounterStatus], counts_kernel: bool) {
    loop {
        let usable: Vec<usize> = (0..statuses.len()).filter(|place| statuses[*place].usable).collect();
        let Some(&probe) = usable.first() else { return };
        let result = CounterGroup::open(&usable, counts_kernel)
            .map_err(|error| perf_error(&error))
            .and_then(|group| count(&group, probe).map(drop));
        let Err(reason) = result else { return };
        let Some(left_out) = usable.iter().rev().copied().find(|place| is_hardware(*place)).or(usable.last().copied())
        else {
            return;
        };
        statuses[left_out].usable = false;
        statuses[left_out].reason = Some(format!("does not fit in one group with the others: {reason}"));
    }
}
