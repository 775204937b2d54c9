//! A group of counters on the calling thread: on the PMU together or not at all, and read together.
//!
//! Where every counter of the group can be read in user space ([`super::perf_page`]), a reading takes no system call;
//! whenever one of them cannot, the whole group takes one.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use perf_event::{Counter, Group};

use super::counter_events::builder;
use super::counters::{NAMES, Reading, Times, is_hardware};
use super::mapping::Mapping;
use super::perf_error::PerfError;
use super::perf_page::{Count, PerfPage, Refusal};
use super::rdpmc;
use crate::ledger::layout::COUNTERS_MAX;

/// How a group was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Without a system call.
    UserSpace,
    /// With one.
    SystemCall,
}

/// An open group on the thread that opened it.
#[derive(Debug)]
pub struct CounterGroup {
    /// The pages of the counters in their order, or none if one of them cannot be read in user space.
    pages: Vec<Mapping>,
    group: Group,
    /// Kept open; in the order of the group.
    _counters: Vec<Counter>,
    /// Places in [`NAMES`], in the order of the group.
    places: Vec<u8>,
}

impl CounterGroup {
    /// Opens the counters at these places, as one group, and starts them; hardware events on the core PMU of this type.
    ///
    /// # Errors
    /// The first counter that does not open, by name, and the system's reason.
    pub fn open(places: &[usize], counts_kernel: bool, core_pmu: Option<u32>) -> Result<CounterGroup, PerfError> {
        let open = |event, in_kernel| move |source| PerfError::Open { event, in_kernel, source };
        let mut group = Group::new().map_err(open("a group's leader", false))?;
        let mut counters = Vec::with_capacity(places.len());
        for &place in places {
            let counter = builder(place, counts_kernel, core_pmu)
                .and_then(|builder| builder.group(&mut group).build())
                .map_err(open(NAMES[place], counts_kernel || NAMES[place] == "tsc-cycles"))?;
            counters.push(counter);
        }
        group.enable()?;
        // Software events have no hardware counter to be read: their pages are not worth their memory.
        let all_hardware = rdpmc::AVAILABLE && places.iter().all(|place| is_hardware(*place));
        let pages = if all_hardware { pages(&counters) } else { Vec::new() };
        let places = places.iter().map(|place| *place as u8).collect();
        Ok(CounterGroup { pages, group, _counters: counters, places })
    }

    /// Places in [`NAMES`], in the order of the group.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|place| usize::from(*place))
    }

    /// Stops the group, as if it had no turn on the PMU.
    #[cfg(test)]
    pub(super) fn disable(&mut self) -> io::Result<()> {
        self.group.disable()
    }

    /// Size of the mapped pages, in bytes.
    pub fn mapped_bytes(&self) -> usize {
        self.pages.iter().map(Mapping::bytes).sum()
    }

    /// Reads the whole group into its places of `reading`, and its times into place `number`. No allocation.
    ///
    /// # Errors
    /// The read failed or came short.
    #[inline]
    pub fn read(&self, number: usize, reading: &mut Reading) -> io::Result<Way> {
        if !self.pages.is_empty() && self.read_pages(number, reading).is_ok() {
            return Ok(Way::UserSpace);
        }
        self.read_by_call(number, reading)?;
        Ok(Way::SystemCall)
    }

    /// Reads the pages one by one. The group is on the PMU together, so the times of the last are those of all; the
    /// counters are read some nanoseconds one after the other, in the order of the group.
    fn read_pages(&self, number: usize, reading: &mut Reading) -> Result<(), Refusal> {
        for (page, place) in self.pages.iter().zip(&self.places) {
            let Count { value, enabled_ns, running_ns } = read_here(page.control())?;
            reading.values[usize::from(*place)] = value;
            reading.times[number] = Times { enabled_ns, running_ns };
        }
        Ok(())
    }

    /// Reads the whole group with one system call.
    fn read_by_call(&self, number: usize, reading: &mut Reading) -> io::Result<()> {
        // PERF_FORMAT_GROUP | ID | TOTAL_TIME_ENABLED | TOTAL_TIME_RUNNING, see perf_event_open(2):
        // nr, enabled, running, then a value and an id for each; the first pair is the group's dummy leader.
        let mut words = [0u64; 3 + 2 * (COUNTERS_MAX + 1)];
        let wanted = 3 + 2 * (self.places.len() + 1);
        read_words(&self.group, &mut words[..wanted])?;
        reading.times[number] = Times { enabled_ns: words[1], running_ns: words[2] };
        for (nth, place) in self.places.iter().enumerate() {
            reading.values[usize::from(*place)] = words[5 + 2 * nth];
        }
        Ok(())
    }
}

/// Maps every counter's page, or none: one that cannot be read in user space makes the others not worth their memory.
fn pages(counters: &[Counter]) -> Vec<Mapping> {
    let mut pages = Vec::with_capacity(counters.len());
    for counter in counters {
        match Mapping::of(counter, 0) {
            Ok(page) if page.control().readable().is_ok() => pages.push(page),
            // Not readable, or no memory for it (the ring needs it more): the group is read by system calls.
            _ => return Vec::new(),
        }
    }
    pages
}

#[inline(always)]
fn read_here(page: &PerfPage) -> Result<Count, Refusal> {
    // SAFETY: `pages` has mapped this page on this thread and process, the page says `cap_user_rdpmc` (`PerfPage::read`
    // asks before it calls), and the number is its `index − 1`.
    page.read(|counter| unsafe { rdpmc::read(counter) }, rdpmc::ticks)
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

#[cfg(test)]
mod tests;
