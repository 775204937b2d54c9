//! A program that is replaced by another: the thread that does it ends here and lives on there, under the same number.
//!
//! The new program's place is taken and its birth stamped here, so that the time of the exec itself is its `startup`. What
//! the thread's clocks say at that moment goes with it, because exec does not set them back.

use std::sync::atomic::Ordering::Relaxed;

use gild_engine::clock::thread_cpu_ns;
use gild_engine::ledger::layout::Section;
use gild_engine::measure::schedstat::Schedstat;
use gild_engine::record::map::Map;
use nix::sys::resource::{UsageWho, getrusage};

use crate::{errno, process, thread};

/// Runs an exec, which returns only if it fails.
pub fn around<T>(exec: impl FnOnce() -> T) -> T {
    let left = errno::keep(leave);
    let failed = exec();
    errno::keep(|| come_back(left));
    failed
}

/// What was done for an exec.
#[derive(Debug, Clone, Copy)]
struct Left {
    map: &'static Map,
    /// The new program's place, if there was one to be had.
    number: Option<u32>,
    /// The accounts here have been ended: not so in the child of a vfork, whose accounts are its parent's.
    ended: bool,
}

fn leave() -> Option<Left> {
    let (map, _) = process::recording()?;
    let is_vforked = thread::is_muted();
    let ended = !is_vforked && thread::write_last();
    if ended {
        // What follows are calls of ours that are hooked, too, and the books are closed.
        thread::mute();
        process::stamp_gone(true);
    }
    let born = if is_vforked { thread::vforked_at() } else { None };
    let number = process::new_leader_born(map, born.unwrap_or_else(process::now));
    // The child of a vfork had no other life before this one.
    let before = number.filter(|_| born.is_none());
    if let Some(section) = before.and_then(|number| map.place(number)).map(|place| &place.section) {
        stamp_clocks(section);
    }
    let number = number.filter(|number| map.hand_over(std::process::id(), *number) || forget(map, *number));
    Some(Left { map, number, ended })
}

/// There was no room to hand the place over.
fn forget(map: &Map, number: u32) -> bool {
    map.clear_place(number);
    false
}

fn stamp_clocks(section: &Section) {
    section.born_cpu_ns.store(thread_cpu_ns(), Relaxed);
    let delay = Schedstat::open().and_then(|stat| stat.read());
    section.born_run_delay_ns.store(delay.map_or(0, |sample| sample.run_delay_ns), Relaxed);
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) {
        section.born_voluntary.store(usage.voluntary_context_switches() as u64, Relaxed);
        section.born_involuntary.store(usage.involuntary_context_switches() as u64, Relaxed);
    }
}

fn come_back(left: Option<Left>) {
    let Some(Left { map, number, ended }) = left else { return };
    if number.is_some() {
        let _ = map.take_over(std::process::id(), 0);
    }
    number.inspect(|number| map.clear_place(*number));
    if ended {
        process::stamp_gone(false);
        thread::unmute();
        thread::live_on();
    }
}
