//! What watches a thread, within the limits of somebody else's process.
//!
//! The ring of context-switch records is a mapping without a descriptor. schedstat needs one: it gets a number far above
//! those that programs hand out, is closed by exec, and only so many threads of a process have one at a time. Threads
//! without one do not know how long they waited for a core after they were woken.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use gild_engine::measure::schedstat::Schedstat;
use gild_engine::measure::switch_ring::SwitchRing;
use gild_engine::measure::tools::{RECORDED_RING_PAGES, Tools};
use nix::sys::resource::{Resource, getrlimit};

/// Most descriptors of ours in a process.
const DESCRIPTORS_MAX: usize = 64;
/// Our descriptors end this far below the limit …
const BELOW_LIMIT: u64 = 16;
/// … and nowhere above this number.
const NUMBER_MAX: u64 = 60_000;
/// With fewer descriptors than this, the program needs them all.
const LIMIT_MIN: u64 = 512;

/// The descriptors that are open, plus one; 0: none.
static OPEN: [AtomicI32; DESCRIPTORS_MAX] = [const { AtomicI32::new(0) }; DESCRIPTORS_MAX];

/// Opens what watches the calling thread; what cannot be had is not measured.
pub fn open() -> Tools {
    Tools::of_recording(SwitchRing::open_at_most(RECORDED_RING_PAGES).ok(), schedstat())
}

/// Closes it.
pub fn close(tools: Tools) {
    let descriptor = tools.schedstat().map(|it| it.file().as_raw_fd());
    drop(tools);
    if let Some(descriptor) = descriptor {
        let slot = OPEN.iter().find(|slot| slot.load(Relaxed) == descriptor + 1);
        slot.inspect(|slot| slot.store(0, Relaxed));
    }
}

/// Closes the descriptors of the parent's threads: this is a child that was just forked.
pub fn close_inherited() {
    for slot in &OPEN {
        let descriptor = slot.swap(0, Relaxed) - 1;
        if descriptor >= 0 {
            // SAFETY: the number was entered by the parent for a descriptor of ours; the child owns its copy of it, and the
            // parent's threads, which alone would use it, are not here.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
}

fn schedstat() -> Option<Schedstat> {
    let lowest = lowest_number()?;
    let slot = OPEN.iter().find(|slot| slot.compare_exchange(0, RawFd::MAX, AcqRel, Relaxed).is_ok())?;
    let file = File::open("/proc/thread-self/schedstat").ok().and_then(|file| move_up(&file, lowest));
    slot.store(file.as_ref().map_or(0, |file| file.as_raw_fd() + 1), Relaxed);
    Some(Schedstat::of(file?)).filter(|stat| stat.read().is_ok())
}

fn lowest_number() -> Option<RawFd> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let highest = limit.saturating_sub(BELOW_LIMIT).min(NUMBER_MAX);
    (limit >= LIMIT_MIN).then(|| highest.saturating_sub(DESCRIPTORS_MAX as u64) as RawFd)
}

/// A copy with a number of at least `lowest`.
fn move_up(file: &File, lowest: RawFd) -> Option<File> {
    // SAFETY: F_DUPFD_CLOEXEC takes a descriptor, which `file` owns, and a number, and touches no memory.
    let descriptor = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) };
    // SAFETY: the descriptor is new, and nobody else knows it.
    (descriptor >= 0).then(|| unsafe { File::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_few_and_high_and_come_back() {
        let Some(lowest) = lowest_number() else {
            return eprintln!("skipped: hardly any descriptors are allowed here");
        };
        let stats: Vec<_> = std::iter::from_fn(schedstat).collect();
        assert_eq!(stats.len(), DESCRIPTORS_MAX);
        assert!(stats.iter().all(|stat| stat.file().as_raw_fd() >= lowest));
        stats.into_iter().for_each(|stat| close(Tools::of_recording(None, Some(stat))));
        let again = schedstat().unwrap();
        close(Tools::of_recording(None, Some(again)));
    }
}
