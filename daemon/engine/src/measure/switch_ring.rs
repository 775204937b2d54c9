//! A thread's own context-switch records, consumed by itself.
//!
//! A dummy software event with `context_switch` makes the kernel write one record when the thread leaves a CPU and
//! one when it gets one again (perf_event_open(2), PERF_RECORD_SWITCH), into a small mapped ring. Needs no PMU and,
//! with exclude_kernel, no privilege at perf_event_paranoid 2. Seeing that nothing happened costs one load.
//!
//! Only the thread that opened the ring may read it: it is the observed thread, so while it reads it is on a CPU and
//! the kernel writes nothing.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use perf_event::events::Software;
use perf_event::{Builder, Clock};

use super::mapping::{Mapping, page_size};
use super::perf_error::PerfError;
use crate::attribution::SwitchEvent;

/// Data pages that are tried, largest first: the unprivileged budget (perf_event_mlock_kb) may be nearly spent.
const DATA_PAGES: [usize; 3] = [8, 4, 1];

// From include/uapi/linux/perf_event.h.
const RECORD_LOST: u32 = 2;
const RECORD_SWITCH: u32 = 14;
const MISC_SWITCH_OUT: u16 = 1 << 13;
const MISC_SWITCH_OUT_PREEMPT: u16 = 1 << 14;
/// Offsets of `data_head` and `data_tail` in `struct perf_event_mmap_page`.
const DATA_HEAD_OFFSET: usize = 1024;
const DATA_TAIL_OFFSET: usize = 1032;
/// `sample_type` bit: records carry the time, and nothing else that would cost the switch more.
const SAMPLE_TIME: u64 = 1 << 2;
/// Bytes in front of the time in a SWITCH record.
const SWITCH_TIME_OFFSET: usize = 8;
/// Size of a SWITCH record: the header, then the time.
const SWITCH_LEN: usize = 16;
/// What the event is called in errors.
const NAME: &str = "context-switch records";
/// Bytes in front of the count in a LOST record: the header, then the event's id.
const LOST_COUNT_OFFSET: usize = 16;

/// The ring of the thread that opened it.
#[derive(Debug)]
pub struct SwitchRing {
    memory: Mapping,
    data_size: usize,
    /// How far this reader has come; the kernel is told at the end of each drain.
    tail: u64,
}

impl SwitchRing {
    /// Opens and maps a ring for the calling thread.
    ///
    /// # Errors
    /// EACCES: perf_event_paranoid above 2 or seccomp; EPERM from mmap: the budget of locked memory is spent.
    pub fn open() -> Result<SwitchRing, PerfError> {
        SwitchRing::open_at_most(DATA_PAGES[0])
    }

    /// The same, with no more than this many pages of records.
    ///
    /// # Errors
    /// As for [`SwitchRing::open`].
    pub fn open_at_most(data_pages_max: usize) -> Result<SwitchRing, PerfError> {
        let mut builder = Builder::new().kind(Software::DUMMY).observe_self().any_cpu();
        builder.context_switch(true).sample_id_all(true).clockid(Clock::MONOTONIC_RAW).enabled(true);
        let attrs = builder.attrs_mut();
        attrs.sample_type = SAMPLE_TIME;
        // No wake-up is ever wanted: nobody polls this descriptor.
        attrs.set_watermark(1);
        attrs.__bindgen_anon_2.wakeup_watermark = u32::MAX;
        let event = builder.build().map_err(|source| PerfError::Open { event: NAME, in_kernel: false, source })?;
        let mut refused = io::ErrorKind::Other.into();
        for pages in DATA_PAGES.into_iter().filter(|pages| *pages <= data_pages_max) {
            match Mapping::of(&event, pages) {
                Ok(memory) => {
                    let data_size = memory.bytes() - page_size();
                    // The mapping keeps the event alive; its descriptor has done its work.
                    return Ok(SwitchRing { memory, data_size, tail: 0 });
                }
                Err(error) => refused = error,
            }
        }
        Err(PerfError::Map { event: NAME, source: refused })
    }

    /// Size of the mapping, in bytes.
    pub fn mapped_bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// Whether there are records that have not been drained. One load and a comparison.
    #[inline(always)]
    pub fn changed(&self) -> bool {
        self.word(DATA_HEAD_OFFSET).load(Ordering::Relaxed) != self.tail
    }

    /// Gives every new record to `take`, in order.
    pub fn drain(&mut self, mut take: impl FnMut(SwitchEvent)) {
        // Acquire pairs with the kernel's write barrier before data_head: the records are there.
        let head = self.word(DATA_HEAD_OFFSET).load(Ordering::Acquire);
        let read_from = self.tail;
        while self.tail < head {
            let header = self.data(self.tail, 0);
            let (kind, misc, size) = (header as u32, (header >> 32) as u16, header >> 48);
            match kind {
                RECORD_SWITCH => take(switch(misc, self.data(self.tail, SWITCH_TIME_OFFSET))),
                RECORD_LOST => take(SwitchEvent::Lost { count: self.data(self.tail, LOST_COUNT_OFFSET) }),
                _ => {}
            }
            if size < 8 {
                // The kernel never writes such a record. Counted as a loss rather than looped over for ever.
                take(SwitchEvent::Lost { count: 1 });
                self.tail = head;
                break;
            }
            self.tail += size;
        }
        if self.is_full(read_from) {
            take(SwitchEvent::Full);
        }
        self.word(DATA_TAIL_OFFSET).store(self.tail, Ordering::Release);
    }

    /// Whether more than half of the ring is used.
    pub fn is_filling(&self) -> bool {
        (self.word(DATA_HEAD_OFFSET).load(Ordering::Relaxed) - self.tail) as usize > self.data_size / 2
    }

    /// Whether a ring that was read from here had no room for another record. The kernel keeps one byte free.
    fn is_full(&self, read_from: u64) -> bool {
        (self.tail - read_from) as usize + SWITCH_LEN >= self.data_size
    }

    /// Eight bytes of the record at `position`; records are multiples of eight bytes and wrap around the end.
    fn data(&self, position: u64, offset: usize) -> u64 {
        let at = (position as usize + offset) % self.data_size;
        self.word(self.memory.bytes() - self.data_size + at).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn word(&self, offset: usize) -> &AtomicU64 {
        self.memory.word(offset)
    }
}

fn switch(misc: u16, at_ns: u64) -> SwitchEvent {
    if misc & MISC_SWITCH_OUT != 0 {
        SwitchEvent::Out { at_ns, preempted: misc & MISC_SWITCH_OUT_PREEMPT != 0 }
    } else {
        SwitchEvent::In { at_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::SwitchFold;
    use std::time::Duration;

    #[test]
    fn every_sleep_leaves_one_interval_that_was_not_a_preemption() {
        let Ok(mut ring) = SwitchRing::open() else {
            eprintln!("skipped: perf events are not available here");
            return;
        };
        let mut fold = SwitchFold::default();
        ring.drain(|event| fold.feed(event));
        fold.take();
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut voluntary = 0;
        ring.drain(|event| {
            voluntary += u32::from(matches!(event, SwitchEvent::Out { preempted: false, .. }));
            fold.feed(event);
        });
        let off = fold.take();
        assert_eq!((voluntary, off.lost), (20, 0));
        assert!(off.off_ns - off.preempted_ns >= 20 * 2_000_000, "{off:?}");
        assert!(!ring.changed());
    }

    #[test]
    fn a_full_ring_counts_what_it_lost() {
        let Ok(mut ring) = SwitchRing::open() else {
            eprintln!("skipped: perf events are not available here");
            return;
        };
        let records = ring.data_size / SWITCH_LEN;
        for _ in 0..records {
            std::thread::sleep(Duration::from_nanos(1));
        }
        let (mut kept, mut lost, mut full) = (0, 0, 0);
        let mut count = |event| match event {
            SwitchEvent::Lost { count } => lost += count,
            SwitchEvent::Full => full += 1,
            _ => kept += 1,
        };
        ring.drain(&mut count);
        // The loss itself is recorded with the next record that finds room, when the ring is no longer full.
        std::thread::sleep(Duration::from_millis(1));
        ring.drain(&mut count);
        assert_eq!(full, 1);
        assert!(kept <= records as u64 + 2 && lost > 0, "{kept} kept, {lost} lost of about {}", 2 * records);
    }
}
