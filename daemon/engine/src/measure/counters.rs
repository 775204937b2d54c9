//! A group of counters on the calling thread, read with one system call.
//!
//! Hardware counters where there is a PMU; reference cycles (the `msr/tsc/` event) and software events everywhere.
//! What is not in the group is not measured: its place in a [`Reading`] stays 0 and its bit in the mask is not set,
//! so that nobody takes it for a count.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use perf_event::events::{Event, Hardware, Software};
use perf_event::{Builder, Counter, Group};

use crate::ledger::layout::COUNTERS_MAX;

/// Every counter that gild knows; its place here is its place in ledgers and readings.
pub const NAMES: [&str; 11] = [
    "cycles",
    "instructions",
    "cache-references",
    "cache-misses",
    "branches",
    "branch-misses",
    "tsc-cycles",
    "task-clock-ns",
    "context-switches",
    "cpu-migrations",
    "page-faults",
];

/// Place of `task-clock-ns` in [`NAMES`]: the thread's CPU time, which splits `stolen` from `on-cpu`.
pub const TASK_CLOCK: usize = 7;

const _: () = assert!(NAMES.len() <= COUNTERS_MAX);

/// The place of a counter in [`NAMES`].
pub fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|it| *it == name)
}

/// Whether the counter at this place needs a PMU.
pub fn is_hardware(place: usize) -> bool {
    place < 6
}

/// The counts of a group at one instant, unscaled, by place in [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// How long the group has been enabled, in nanoseconds.
    pub enabled_ns: u64,
    /// How long it has really counted, in nanoseconds.
    pub running_ns: u64,
    /// The counts.
    pub values: [u64; COUNTERS_MAX],
}

/// An open group on the thread that opened it.
#[derive(Debug)]
pub struct CounterGroup {
    group: Group,
    /// Kept open; in the order of the group.
    _counters: Vec<Counter>,
    /// Places in [`NAMES`], in the order of the group.
    places: Vec<u8>,
}

impl CounterGroup {
    /// Opens the counters at these places, as one group, and starts them.
    ///
    /// # Errors
    /// The first counter that does not open, by name, and the system's reason.
    pub fn open(places: &[usize], counts_kernel: bool) -> io::Result<CounterGroup> {
        let mut group = Group::new()?;
        let mut counters = Vec::with_capacity(places.len());
        for &place in places {
            let counter = builder(place, counts_kernel)
                .and_then(|builder| builder.group(&mut group).build())
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", NAMES[place])))?;
            counters.push(counter);
        }
        group.enable()?;
        let places = places.iter().map(|place| *place as u8).collect();
        Ok(CounterGroup { group, _counters: counters, places })
    }

    /// Which counters count: bit i for the counter at place i.
    pub fn mask(&self) -> u64 {
        self.places.iter().fold(0, |mask, place| mask | 1 << place)
    }

    /// Reads the whole group with one system call and no allocation.
    ///
    /// # Errors
    /// The read failed or came short.
    #[inline]
    pub fn read(&self) -> io::Result<Reading> {
        // PERF_FORMAT_GROUP | ID | TOTAL_TIME_ENABLED | TOTAL_TIME_RUNNING, see perf_event_open(2):
        // nr, enabled, running, then a value and an id for each; the first pair is the group's dummy leader.
        let mut words = [0u64; 3 + 2 * (COUNTERS_MAX + 1)];
        let wanted = 3 + 2 * (self.places.len() + 1);
        read_words(&self.group, &mut words[..wanted])?;
        let mut reading = Reading { enabled_ns: words[1], running_ns: words[2], ..Reading::default() };
        for (nth, place) in self.places.iter().enumerate() {
            reading.values[usize::from(*place)] = words[5 + 2 * nth];
        }
        Ok(reading)
    }
}

/// Fills `words` from a perf descriptor.
fn read_words(source: &impl AsRawFd, words: &mut [u64]) -> io::Result<()> {
    let size = size_of_val(words);
    // SAFETY: any bytes are valid u64s, the length is the slice's own, and the exclusive borrow ends before it is used.
    let bytes = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), size) };
    // SAFETY: `source` owns the descriptor and outlives this call.
    let fd = unsafe { BorrowedFd::borrow_raw(source.as_raw_fd()) };
    let length = nix::unistd::read(fd, bytes)?;
    if length == size {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("a group read gave {length} bytes, not {size}")))
    }
}

/// The attributes of the counter at this place.
fn builder(place: usize, counts_kernel: bool) -> io::Result<Builder<'static>> {
    let event: Event = match NAMES[place] {
        "cycles" => Hardware::CPU_CYCLES.into(),
        "instructions" => Hardware::INSTRUCTIONS.into(),
        "cache-references" => Hardware::CACHE_REFERENCES.into(),
        "cache-misses" => Hardware::CACHE_MISSES.into(),
        "branches" => Hardware::BRANCH_INSTRUCTIONS.into(),
        "branch-misses" => Hardware::BRANCH_MISSES.into(),
        "tsc-cycles" => return tsc_builder(),
        "task-clock-ns" => Software::TASK_CLOCK.into(),
        "context-switches" => Software::CONTEXT_SWITCHES.into(),
        "cpu-migrations" => Software::CPU_MIGRATIONS.into(),
        "page-faults" => Software::PAGE_FAULTS.into(),
        other => unreachable!("{other} is in NAMES and has no event"),
    };
    let mut builder = Builder::new().observe_self().any_cpu().kind(event);
    builder.exclude_kernel(!counts_kernel);
    Ok(builder)
}

/// `msr/tsc/`: time-stamp counter ticks while the thread is on a CPU. The PMU knows no exclusion.
fn tsc_builder() -> io::Result<Builder<'static>> {
    let device = "/sys/bus/event_source/devices/msr";
    let read =
        |path: &str| fs::read_to_string(path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")));
    let event_path = format!("{device}/events/tsc");
    let (kind, event) = (read(&format!("{device}/type"))?, read(&event_path)?);
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("{event_path} says {event:?}"));
    let config = event.trim().strip_prefix("event=0x").ok_or_else(malformed)?;
    let mut builder = Builder::new().observe_self().any_cpu();
    builder.include_kernel().include_hv();
    let attrs = builder.attrs_mut();
    attrs.type_ = kind.trim().parse().map_err(|_| malformed())?;
    attrs.config = u64::from_str_radix(config, 16).map_err(|_| malformed())?;
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(names: &[&str]) -> Option<CounterGroup> {
        let places: Vec<_> = names.iter().map(|name| place(name).unwrap()).collect();
        match CounterGroup::open(&places, true) {
            Ok(group) => Some(group),
            Err(error) => {
                eprintln!("skipped: {error}");
                None
            }
        }
    }

    #[test]
    fn page_faults_are_counted_one_by_one() {
        let Some(group) = open(&["task-clock-ns", "page-faults"]) else { return };
        let pages = 64;
        let mut memory = vec![0u8; 0];
        memory.reserve_exact((pages + 1) * 4096 * 256);
        let before = group.read().unwrap();
        // Fresh memory of a large allocation: each touched page (huge or small) faults at least once.
        let spare = memory.spare_capacity_mut();
        for page in 0..pages {
            spare[page * 4096 * 256].write(1);
        }
        let after = group.read().unwrap();
        let faults = after.values[place("page-faults").unwrap()] - before.values[place("page-faults").unwrap()];
        assert!(faults >= pages as u64 / 2, "{faults} faults for {pages} touched megabytes");
        assert!(after.values[TASK_CLOCK] > before.values[TASK_CLOCK]);
        assert_eq!(after.running_ns, after.enabled_ns);
    }

    #[test]
    fn a_counter_that_does_not_exist_is_named() {
        if cfg!(target_arch = "x86_64") && open(&["cycles"]).is_none() {
            let error = CounterGroup::open(&[0], true).unwrap_err();
            assert!(error.to_string().starts_with("cycles: "), "{error}");
        }
    }

    #[test]
    fn names_are_known_by_their_place() {
        for (index, name) in NAMES.iter().enumerate() {
            assert_eq!(place(name), Some(index));
            if *name != "tsc-cycles" {
                assert!(builder(index, false).is_ok());
            }
        }
        assert_eq!(place("task-clock-ns"), Some(TASK_CLOCK));
        assert_eq!(place("nonsense"), None);
    }
}
