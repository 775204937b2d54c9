//! Groups on the test's own thread.

use super::*;
use crate::measure::counters::{TASK_CLOCK, place};
use crate::measure::scaling::scaled;

/// A group of these counters; `None`, with the reason, where they cannot be had.
fn open(names: &[&str]) -> Option<CounterGroup> {
    let places: Vec<_> = names.iter().map(|name| place(name).unwrap()).collect();
    match CounterGroup::open(&places, true, None) {
        Ok(group) => Some(group),
        Err(PerfError::Open { source, .. }) if source.raw_os_error() == Some(libc::ENOENT) => {
            eprintln!("skipped: no PMU");
            None
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn reading(group: &CounterGroup) -> (Reading, Way) {
    let mut reading = Reading::default();
    let way = group.read(0, &mut reading).unwrap();
    (reading, way)
}

#[test]
fn page_faults_are_counted_one_by_one() {
    let Some(group) = open(&["task-clock-ns", "page-faults"]) else { return };
    let pages = 64;
    let mut memory = vec![0u8; 0];
    memory.reserve_exact((pages + 1) * 4096 * 256);
    let (before, _) = reading(&group);
    // Fresh memory of a large allocation: each touched page (huge or small) faults at least once.
    let spare = memory.spare_capacity_mut();
    for page in 0..pages {
        spare[page * 4096 * 256].write(1);
    }
    let (after, way) = reading(&group);
    let faults = after.values[place("page-faults").unwrap()] - before.values[place("page-faults").unwrap()];
    assert!(faults >= pages as u64 / 2, "{faults} faults for {pages} touched megabytes");
    assert!(after.values[TASK_CLOCK] > before.values[TASK_CLOCK]);
    assert_eq!(after.times[0].running_ns, after.times[0].enabled_ns);
    assert_eq!((way, group.mapped_bytes()), (Way::SystemCall, 0), "software events have no hardware counter");
}

#[test]
fn a_counter_that_does_not_exist_is_named() {
    if cfg!(target_arch = "x86_64") && open(&["cycles"]).is_none() {
        let error = CounterGroup::open(&[0], true, None).unwrap_err();
        assert!(error.to_string().starts_with("cycles: perf_event_open: "), "{error}");
    }
}

#[test]
fn a_mapped_page_of_a_live_software_event_takes_a_system_call() {
    let counter = match perf_event::Builder::new().kind(perf_event::events::Software::TASK_CLOCK).build() {
        Ok(counter) => counter,
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let page = Mapping::of(&counter, 0).unwrap();
    assert_eq!(page.control().size.load(std::sync::atomic::Ordering::Relaxed) as usize, size_of::<PerfPage>());
    assert_eq!(read_here(page.control()), Err(Refusal::NotReadable));
    assert!(pages(&[counter]).is_empty(), "a page that is not readable is not kept");
}

/// On real hardware: a reading in user space lies between two by system call, for counts and for times.
#[test]
fn a_reading_in_user_space_lies_between_two_system_calls() {
    let Some(group) = open(&["cycles", "instructions"]) else { return };
    if group.pages.is_empty() {
        return eprintln!("skipped: the pages of this PMU's counters cannot be read in user space");
    }
    let mut read_in_user_space = 0;
    for _ in 0..1_000 {
        let by_call = || {
            let mut reading = Reading::default();
            group.read_by_call(0, &mut reading).unwrap();
            reading
        };
        let before = by_call();
        let (between, way) = reading(&group);
        let after = by_call();
        read_in_user_space += u32::from(way == Way::UserSpace);
        for place in group.places() {
            let (low, it, high) = (before.values[place], between.values[place], after.values[place]);
            assert!(low <= it && it <= high, "{}: {low}, {it}, {high}", NAMES[place]);
        }
        let (low, it, high) = (before.times[0].enabled_ns, between.times[0].enabled_ns, after.times[0].enabled_ns);
        // The page's clock is scaled from ticks, which may be some nanoseconds off.
        assert!(low <= it + 1_000 && it <= high + 1_000, "enabled: {low}, {it}, {high}");
    }
    assert!(read_in_user_space > 0, "the pages are readable, and not one reading came from them");
}

/// On real hardware: a loop of known length within 0.1 %.
#[cfg(target_arch = "x86_64")]
#[test]
fn instructions_of_a_counted_loop_are_within_a_thousandth() {
    let Some(group) = open(&["cycles", "instructions"]) else { return };
    let (rounds, instruction) = (100_000_000u64, place("instructions").unwrap());
    let (before, _) = reading(&group);
    // SAFETY: counts a register of its own down to zero and touches nothing else: two instructions a round.
    unsafe { std::arch::asm!("2: dec {0}", "jnz 2b", inout(reg) rounds => _, options(nomem, nostack)) };
    let (after, _) = reading(&group);
    let times = Times {
        enabled_ns: after.times[0].enabled_ns - before.times[0].enabled_ns,
        running_ns: after.times[0].running_ns - before.times[0].running_ns,
    };
    if times.running_ns < times.enabled_ns {
        return eprintln!("skipped: others use the PMU too");
    }
    let counted = scaled(after.values[instruction] - before.values[instruction], times).unwrap();
    assert!(counted.abs_diff(2 * rounds) <= 2 * rounds / 1_000, "{counted} counted, {} run", 2 * rounds);
}
