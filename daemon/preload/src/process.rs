//! What the threads of a process share: the recording, the process's own place in it, places that are free again.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};

use gild_engine::clock::{Anchor, Clock};
use gild_engine::record::last_clocks;
use gild_engine::record::layout::{Kind, Place, Python};
use gild_engine::record::map::Map;
use gild_model::phase::Phase;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::unistd::{Pid, getpgid, getpgrp};

use crate::thread::{self, Thread};
use crate::{live, python, tools, trial};

/// Threads of a process that keep rows of their own when they have ended.
pub const ROWS_MAX: u32 = 200;
/// Most places that wait to be used again.
const RECYCLED_MAX: usize = 256;

/// The recording, for as long as the process lives; null: there is none.
static RECORDING: AtomicPtr<Map> = AtomicPtr::new(null_mut());
/// The place of the process's first thread.
static LEADER: AtomicU32 = AtomicU32::new(0);
/// Threads that the process has started.
static THREADS: AtomicU32 = AtomicU32::new(0);
/// A word that is 1 in the process that wrote it, and 0 in any child: the page is wiped by fork(2).
static HERE: AtomicPtr<AtomicU32> = AtomicPtr::new(null_mut());
/// Places to be used again, plus one.
static RECYCLED: [AtomicU32; RECYCLED_MAX] = [const { AtomicU32::new(0) }; RECYCLED_MAX];
/// The thread that the process began with.
static FIRST: Thread = Thread::first();

/// The recording and the place of this process's first thread.
#[inline]
pub fn recording() -> Option<(&'static Map, u32)> {
    let map = RECORDING.load(Acquire);
    // SAFETY: what is there was leaked by `join` and is never freed.
    (!map.is_null()).then(|| (unsafe { &*map }, LEADER.load(Relaxed)))
}

/// Whether this is a child that was forked by a system call of the program's own.
#[inline(always)]
pub fn is_unknown_child() -> bool {
    let here = HERE.load(Relaxed);
    // SAFETY: `mark_here` put there the address of a page that is never unmapped.
    !here.is_null() && unsafe { &*here }.load(Relaxed) == 0
}

/// Joins a recording: the calling thread, the only one, begins its accounts in the place that was left to it, or in one that
/// it takes now.
pub fn join(map: Map, command: &[u8]) {
    let map: &'static Map = Box::leak(Box::new(map));
    mark_here();
    let parent = nix::unistd::getppid().as_raw().cast_unsigned();
    let number = map.take_over(std::process::id(), parent).or_else(|| new_leader(map));
    let Some((number, place)) = number.and_then(|number| Some((number, map.place(number)?))) else { return };
    RECORDING.store(std::ptr::from_ref(map).cast_mut(), Release);
    gild_engine::record::layout::write_text(&place.who.command, command);
    if python::is_here() {
        place.who.python.store(Python::Interpreter as u32, Relaxed);
    }
    begin_first(map, number, place, trial::first_phase(command));
}

/// This process is so much to Python; `false`: nobody records it.
pub fn is_python(python: Python) -> bool {
    let place = recording().and_then(|(map, leader)| map.place(leader));
    place.inspect(|place| _ = place.who.python.fetch_max(python as u32, AcqRel)).is_some()
}

/// Makes a child of a fork a process of its own. `number`: the place in which its birth was stamped.
pub fn adopt(number: Option<u32>) {
    let Some((map, parent)) = recording() else { return };
    thread::forget();
    mark_here();
    tools::close_inherited();
    live::clear();
    python::forget_waiters();
    RECYCLED.iter().for_each(|slot| slot.store(0, Relaxed));
    THREADS.store(0, Relaxed);
    let Some((number, place)) =
        number.or_else(|| new_leader(map)).and_then(|number| Some((number, map.place(number)?)))
    else {
        return;
    };
    if let Some(parent) = map.place(parent) {
        for (word, theirs) in place.who.command.iter().zip(&parent.who.command) {
            word.store(theirs.load(Relaxed), Relaxed);
        }
        place.who.python.store(parent.who.python.load(Relaxed), Relaxed);
    }
    begin_first(map, number, place, Phase::Compute);
}

fn begin_first(map: &'static Map, number: u32, place: &'static Place, base: Phase) {
    LEADER.store(number, Relaxed);
    // SAFETY: it is static, and this is the only thread of the process.
    unsafe { FIRST.begin(number, place, base) };
    map.header().arrivals.fetch_add(1, AcqRel);
    wake_recorder(map);
}

fn wake_recorder(map: &Map) {
    let word = map.header().arrivals.as_ptr();
    // SAFETY: FUTEX_WAKE uses the address of an aligned word of a mapping that lives as long as the process, and reads
    // nothing. Whether anybody waits makes no difference.
    unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, 1) };
}

/// A place for another process, born now.
pub fn new_leader(map: &Map) -> Option<u32> {
    new_leader_born(map, now())
}

/// A place for another process, born then.
pub fn new_leader_born(map: &Map, at: Anchor) -> Option<u32> {
    let number = map.take_place()?;
    map.be_born(number, Kind::Leader, number, at)?;
    Some(number)
}

/// A place for a child that is about to be started, whose number nobody knows.
pub fn expect_child() -> Option<u32> {
    let (map, _) = recording()?;
    let number = new_leader(map)?;
    if !map.hand_over_to_child(std::process::id(), number) {
        map.clear_place(number);
        return None;
    }
    Some(number)
}

/// The child's number is known; `None`: it was not started.
pub fn settle_child(number: u32, child: Option<libc::pid_t>) {
    let Some((map, _)) = recording() else { return };
    let was_there = map.name_child(std::process::id(), number, child.map(libc::pid_t::cast_unsigned));
    if was_there && child.is_none() {
        recycle(number);
    }
}

/// A place for another thread of this process, born now, and how many there were before it.
pub fn new_thread(map: &Map, leader: u32) -> Option<(u32, u32)> {
    let recycled = RECYCLED.iter().find_map(|slot| slot.swap(0, AcqRel).checked_sub(1));
    let number = recycled.or_else(|| map.take_place())?;
    map.be_born(number, Kind::Thread, leader, now())?;
    Some((number, THREADS.fetch_add(1, Relaxed)))
}

/// Gives a place back in which nobody lives any more.
pub fn recycle(number: u32) {
    let Some((map, _)) = recording() else { return };
    map.clear_place(number);
    let _ = RECYCLED.iter().find(|slot| slot.compare_exchange(0, number + 1, AcqRel, Relaxed).is_ok());
}

/// The process is about to be gone, or to be another program: whoever of it has written no last act ends now. With `false`
/// it turned out that it is not.
pub fn stamp_gone(is_gone: bool) {
    let Some((map, leader)) = recording() else { return };
    let Some(place) = map.place(leader) else { return };
    if is_gone {
        live::read_clocks(map, place);
    }
    let Anchor { ticks, raw_ns } = if is_gone { now() } else { Anchor { ticks: 0, raw_ns: 0 } };
    place.who.gone_raw_ns.store(raw_ns, Relaxed);
    place.who.gone_ticks.store(ticks, Release);
}

/// Somebody is about to be sent a signal that ends most: a process, the caller's group (0), or another one (below 0).
pub fn read_clocks_of(whom: libc::pid_t) {
    let Some((map, _)) = recording() else { return };
    if whom > 0 {
        return last_clocks::read_of(map, whom.cast_unsigned());
    }
    let group = if whom == 0 { getpgrp() } else { Pid::from_raw(whom.saturating_neg()) };
    let is_in_group = |pid: &u32| getpgid(Some(Pid::from_raw(pid.cast_signed()))) == Ok(group);
    last_clocks::processes(map).filter(is_in_group).for_each(|pid| last_clocks::read_of(map, pid));
}

/// Both clocks at this instant.
pub fn now() -> Anchor {
    Anchor::take_quickly(Clock::best())
}

/// Leaves a mark that no child has.
fn mark_here() {
    let mut here = HERE.load(Relaxed);
    if here.is_null() {
        here = wiped_page().unwrap_or(null_mut());
        HERE.store(here, Relaxed);
    }
    if !here.is_null() {
        // SAFETY: as in `is_unknown_child`.
        unsafe { &*here }.store(1, Relaxed);
    }
}

/// A page that is zero in the children of this process (madvise(2), MADV_WIPEONFORK); never unmapped.
fn wiped_page() -> Option<*mut AtomicU32> {
    let length = NonZeroUsize::new(size_of::<u64>())?;
    // SAFETY: a new private mapping at an address of the kernel's choice aliases nothing.
    let page =
        unsafe { mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE) };
    let page: *mut c_void = page.ok()?.as_ptr();
    // SAFETY: the page is ours, private and anonymous, as the advice wants it.
    let advised = unsafe { libc::madvise(page, length.get(), libc::MADV_WIPEONFORK) };
    (advised == 0).then_some(page.cast())
}
