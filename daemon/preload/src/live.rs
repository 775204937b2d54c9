//! The threads of a process that are alive: when it ends, whoever ends it reads the clocks of those that will have no last act.
//!
//! Of their last, open visit to a phase nothing else could be known. A thread that waits for work when its process ends is
//! the rule in Java and not rare in Python.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use gild_engine::ledger::layout::Section;
use gild_engine::record::last_clocks;
use gild_engine::record::layout::Place;
use gild_engine::record::map::Map;

/// Most threads that are kept here; of further ones the last visit stays unknown.
const LIVE_MAX: usize = 512;

/// Their places, plus one.
static LIVE: [AtomicU32; LIVE_MAX] = [const { AtomicU32::new(0) }; LIVE_MAX];

/// A thread has begun in this place.
pub fn add(number: u32) {
    let _ = LIVE.iter().find(|slot| slot.compare_exchange(0, number + 1, AcqRel, Relaxed).is_ok());
}

/// The thread in this place has ended.
pub fn remove(number: u32) {
    let _ = LIVE.iter().find(|slot| slot.compare_exchange(number + 1, 0, AcqRel, Relaxed).is_ok());
}

/// Forgets all: they are threads of the parent.
pub fn clear() {
    LIVE.iter().for_each(|slot| slot.store(0, Relaxed));
}

/// Reads the clocks of all that are alive.
pub fn read_clocks(map: &Map, leader: &Place) {
    for number in LIVE.iter().filter_map(|slot| slot.load(Acquire).checked_sub(1)) {
        if let Some(place) = map.place(number) {
            read_clocks_of(&place.section);
        }
    }
    last_clocks::are_read(leader);
}

fn read_clocks_of(section: &Section) {
    let tid = section.tid.load(Acquire);
    let sample = last_clocks::schedstat("self", tid);
    let (Some(cpu_ns), Some(sample)) = (cpu_ns(tid), sample) else { return };
    last_clocks::note(section, cpu_ns, sample.run_delay_ns);
}

/// CPU time of another thread of this process.
fn cpu_ns(tid: u32) -> Option<u64> {
    /// A clock of a thread, and one that counts what the scheduler gave it (the kernel's posix-timers.h).
    const PER_THREAD_SCHEDULED: libc::clockid_t = 0b110;
    let clock = !tid.cast_signed() << 3 | PER_THREAD_SCHEDULED;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to a local variable; a clock that is not there is an error.
    let answer = unsafe { libc::clock_gettime(clock, &mut time) };
    (answer == 0).then_some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_engine::clock::thread_cpu_ns;

    #[test]
    fn the_clocks_of_another_thread_can_be_read() {
        let tid = nix::unistd::gettid().as_raw().cast_unsigned();
        let before = thread_cpu_ns();
        let cpu = std::thread::spawn(move || cpu_ns(tid).unwrap()).join().unwrap();
        assert!((before..=thread_cpu_ns()).contains(&cpu));
        assert_eq!(cpu_ns(0x3fff_fff0), None);
    }
}
