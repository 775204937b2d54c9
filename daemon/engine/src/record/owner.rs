//! The recorder's view: it makes the memory, hears of processes that come, notes when they are gone, closes the books.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use gild_model::account::WorkerAccount;
use gild_model::live::LiveRow;

use super::books::{self, Books};
use super::last_clocks;
use super::layout::{Header, Kind};
use super::live;
use super::map::Map;
use super::trial;
use crate::clock::{Anchor, Clock, raw_ns};
use crate::ledger::LiveWorker;
use crate::ledger::layout::Section;
use crate::ledger::owner::live_worker;
use crate::ledger::snapshot::Instant;
use crate::measure::cost;
use crate::measure::meter::Meter;

/// A recording, as the recorder sees it.
#[derive(Debug)]
pub struct Recording {
    file: OwnedFd,
    map: Arc<Map>,
    anchor: Anchor,
    /// Of each place that was looked at: whether its process is known.
    known: Vec<bool>,
}

impl Recording {
    /// Makes the memory for this many threads.
    ///
    /// # Errors
    /// memfd_create, ftruncate, fcntl or mmap failed.
    pub fn create(capacity: u32) -> io::Result<Recording> {
        let (map, file) = Map::create(capacity)?;
        Ok(Recording { file, map: Arc::new(map), anchor: Anchor::take(Clock::best()), known: Vec::new() })
    }

    /// A recording that somebody else has made, and will close.
    ///
    /// # Errors
    /// mmap failed, or it is no recording of this version.
    pub fn attach(file: OwnedFd) -> io::Result<Recording> {
        let map = Arc::new(Map::attach(file.as_fd())?);
        Ok(Recording { file, map, anchor: Anchor::take(Clock::best()), known: Vec::new() })
    }

    /// The shared memory.
    pub fn map(&self) -> &Arc<Map> {
        &self.map
    }

    /// What [`super::VARIABLE`] has to be for the processes of the program.
    pub fn address(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd())
    }

    /// Stamps the birth of a program that the caller is about to start, and gives its place.
    pub fn expect_program(&self) -> Option<u32> {
        let number = self.map.take_place()?;
        self.map.be_born(number, Kind::Leader, number, Anchor::take_quickly(Clock::best()))?;
        Some(number)
    }

    /// The processes that have come since the last call.
    pub fn newcomers(&mut self) -> Vec<u32> {
        self.known.resize(self.map.taken() as usize, false);
        let mut pids = Vec::new();
        for (number, known) in (0..).zip(&mut self.known) {
            let Some(place) = self.map.place(number).filter(|_| !*known) else { continue };
            match (Kind::from_number(place.who.kind.load(Acquire)), place.section.pid.load(Relaxed)) {
                // Not there yet, or a place that may be used again.
                (Kind::Leader, 0) | (Kind::Free, _) => {}
                (Kind::Leader, pid) => {
                    *known = true;
                    pids.push(pid);
                }
                (Kind::Thread | Kind::Ended, _) => *known = true,
            }
        }
        pids
    }

    /// A process is about to be sent a signal that ends most: its clocks are read before.
    pub fn about_to_signal(&self, pid: u32) {
        last_clocks::read_of(&self.map, pid);
    }

    /// A process is gone: whoever of it has no last act ended now.
    pub fn gone(&self, pid: u32) {
        let Anchor { ticks, raw_ns } = Anchor::take_quickly(Clock::best());
        let leaders = (0..self.map.taken()).filter_map(|number| self.map.place(number));
        for place in leaders.filter(|it| Kind::from_number(it.who.kind.load(Acquire)) == Kind::Leader) {
            if place.section.pid.load(Relaxed) == pid && place.who.gone_ticks.load(Relaxed) == 0 {
                place.who.gone_raw_ns.store(raw_ns, Relaxed);
                place.who.gone_ticks.store(ticks, Release);
            }
        }
    }

    /// Closes the books.
    pub fn close(&self) -> Books {
        books::close(&self.map, self.anchor, Anchor::take(Clock::best()))
    }

    /// The rows as they are now, each with the time, in raw nanoseconds, since when its thread is in its phase; `None`: it has
    /// ended. Nobody who is looked at does anything for it.
    pub fn look(&self) -> Vec<(WorkerAccount, Option<u64>)> {
        books::look(&self.map, self.anchor, Anchor::take_quickly(Clock::best()))
    }

    /// How often an interpreter's lock went to a thread that had waited for it; `None`: to none so far, or nobody could see it.
    pub fn hand_overs(&self) -> Option<u64> {
        live::times_got((0..self.map.taken()).filter_map(|number| self.map.place(number)))
    }

    /// Closes the books as those of a trial with this wall time, in ticks.
    pub fn close_trial(&self, wall: Option<Range<u64>>) -> Books {
        trial::close(&self.map, self.anchor, Anchor::take(Clock::best()), wall)
    }

    /// The workers of a trial that have come so far, each with its number and its section.
    pub fn workers(&self) -> impl Iterator<Item = (u32, &Section)> {
        trial::workers(&self.map).into_iter().map(|(number, place)| (number, &place.section))
    }

    /// Everybody who is something to a trial by now, and how often the interpreter's lock went to a thread that had waited for it.
    /// Nobody who is looked at does anything for it.
    pub(crate) fn snapshot_of_trial(&self, instant: Instant<'_>) -> (Vec<LiveRow>, Option<u64>) {
        live::of_trial(&self.map, self.anchor, instant)
    }

    /// What these workers are doing; how long they have had their tasks is not told.
    pub fn live_workers(&self) -> Vec<LiveWorker> {
        let now = Anchor { ticks: 0, raw_ns: 0 };
        self.workers().map(|(number, section)| live_worker(section, number, now, None)).collect()
    }

    /// The sections of everybody, for the cost of the accounting.
    pub fn accounting(&self, books: &Books) -> Option<gild_model::trial::AccountingCost> {
        let scratch = crate::ledger::map::Map::private(0).ok()?;
        measure_cost(scratch.coordinator(), scratch.header())?;
        let places = (0..self.map.taken()).filter_map(|number| self.map.place(number));
        crate::ledger::books::accounting(scratch.header(), places.map(|place| &place.section), &books.rows)
    }

    /// The number of processes that have come so far.
    pub fn arrivals(&self) -> u32 {
        self.map.header().arrivals.load(Acquire)
    }

    /// Waits until more than `seen` processes have come. Returns early for a signal or for no reason.
    pub fn wait_for_arrival(header: &Header, seen: u32) {
        let word = header.arrivals.as_ptr();
        // SAFETY: FUTEX_WAIT reads one aligned 32-bit word, which lies in the mapping that `header` borrows; it is shared
        // between processes, so the operation is not the private one. Any result is fine: the caller looks again.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, seen, std::ptr::null::<libc::timespec>()) };
    }
}

impl AsFd for Recording {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn measure_cost(section: &Section, header: &crate::ledger::layout::Header) -> Option<()> {
    use std::sync::atomic::Ordering::Relaxed;
    for unknown in [&header.mark_ps, &header.counter_read_ps, &header.schedstat_read_ps, &header.cpu_clock_read_ps] {
        unknown.store(crate::ledger::layout::UNKNOWN, Relaxed);
    }
    crate::ledger::writer::stamp_birth(section, Clock::best().now(), raw_ns());
    let meter = Meter::start(section, &crate::measure::tools::Plan::of_recording(gild_model::host::Tier::Software));
    cost::measure(&meter, header).ok()?;
    meter.finish();
    Some(())
}
