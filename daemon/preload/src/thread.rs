//! A thread's accounts, and what surrounds a call in which it may wait.
//!
//! A signal may come at any time, and its handler may call what is hooked: `busy` is set while the accounts are being
//! written, and whoever finds it set writes nothing. Nothing here runs a destructor while the program's own functions are
//! called, so cancellation and longjmp may unwind through it.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::compiler_fence;

use gild_engine::clock::Anchor;
use gild_engine::ledger::layout::SlotId;
use gild_engine::ledger::timeline::Rings;
use gild_engine::measure::meter::Meter;
use gild_engine::measure::tools::Plan;
use gild_engine::record::fold;
use gild_engine::record::layout::{Place, Role, write_text};
use gild_model::host::Tier;
use gild_model::lock_wait::{Holder, LockKind};
use gild_model::phase::Phase;

use crate::{errno, live, process, python, tools, trial};

/// A thread of the program.
#[derive(Debug)]
pub struct Thread {
    meter: UnsafeCell<MaybeUninit<Meter<'static>>>,
    /// The accounts are being written, or are not to be written.
    busy: Cell<bool>,
    /// What it is in when it is in no call that has a phase of its own.
    base: Cell<Phase>,
    /// What it is to its executor, which it is called by; `None`: it is called what the kernel calls it.
    helper: Cell<Option<&'static str>>,
    /// Its place in the recording.
    number: Cell<u32>,
    /// How many threads its process had started before it.
    ordinal: u32,
    /// What it shall run, if it was made by [`Thread::boxed`].
    routine: Option<(Routine, *mut c_void)>,
}

/// What a thread runs.
pub type Routine = extern "C-unwind" fn(*mut c_void) -> *mut c_void;

// SAFETY: a `Thread` is made by the thread that starts another one and from then on is touched by that one alone; the static
// one is of the only thread that a process begins with.
unsafe impl Sync for Thread {}

thread_local! {
    /// The calling thread; null: it is not recorded, not yet, or no more.
    static CURRENT: Cell<*const Thread> = const { Cell::new(null()) };
    /// When it began a vfork that is not over yet.
    static VFORKED_AT: Cell<Option<Anchor>> = const { Cell::new(None) };
}

impl Thread {
    /// The thread that a process begins with.
    pub const fn first() -> Thread {
        Thread {
            meter: UnsafeCell::new(MaybeUninit::uninit()),
            busy: Cell::new(true),
            base: Cell::new(Phase::Compute),
            helper: Cell::new(None),
            number: Cell::new(0),
            ordinal: 0,
            routine: None,
        }
    }

    /// A thread that shall run a routine, with its place; [`end`] frees it.
    pub fn boxed(number: u32, ordinal: u32, routine: Routine, argument: *mut c_void) -> Box<Thread> {
        let routine = Some((routine, argument));
        Box::new(Thread { number: Cell::new(number), ordinal, routine, ..Thread::first() })
    }

    /// Its place.
    pub fn number(&self) -> u32 {
        self.number.get()
    }

    /// What it shall run.
    pub fn routine(&self) -> Option<(Routine, *mut c_void)> {
        self.routine
    }

    /// Begins the accounts of the calling thread, whose birth has been stamped in the place `number`, in the phase `base`.
    ///
    /// # Safety
    /// `self` must stay where it is until [`end`] was called on this thread, and no other thread may use it.
    pub unsafe fn begin(&self, number: u32, place: &'static Place, base: Phase) {
        self.number.set(number);
        let meter = Meter::start_with(&place.section, tools::open(), &plan());
        // SAFETY: nobody borrows the meter: `busy` is set until below. What was in it is not dropped, because in the child of
        // a fork it is the parent's, whose mappings are not there.
        unsafe { (*self.meter.get()).write(meter) };
        self.base.set(base);
        self.helper.set(None);
        self.busy.set(false);
        CURRENT.set(self);
        live::add(number);
        write_name(place);
        self.write(|meter| meter.mark(base));
    }

    /// Does something with the meter, unless that is being done already.
    #[inline(always)]
    fn write<T>(&self, action: impl FnOnce(&mut Meter<'static>) -> T) -> Option<T> {
        if self.busy.replace(true) {
            return None;
        }
        compiler_fence(SeqCst);
        // SAFETY: `busy` was not set, so `begin` has put a meter there, and no other borrow of it is alive: this is the only
        // place that makes one, for the time that `busy` is set, on the only thread that ever does.
        let result = action(unsafe { (*self.meter.get()).assume_init_mut() });
        compiler_fence(SeqCst);
        self.busy.set(false);
        Some(result)
    }
}

/// The calling thread, if it is recorded. In a child that was forked without our seeing it, its accounts begin here.
#[inline(always)]
fn current() -> Option<&'static Thread> {
    let thread = CURRENT.get();
    if thread.is_null() {
        return None;
    }
    if process::is_unknown_child() {
        return adopted();
    }
    // SAFETY: `begin` put it there, and it stays until `end` has taken it away.
    Some(unsafe { &*thread })
}

#[cold]
fn adopted() -> Option<&'static Thread> {
    errno::keep(|| process::adopt(None));
    let thread = CURRENT.get();
    // SAFETY: as in `current`.
    (!thread.is_null()).then(|| unsafe { &*thread })
}

fn plan() -> Plan {
    let rings = process::recording().map_or_else(Rings::default, |(map, _)| map.rings());
    Plan::of_recording(Tier::Software).with_log(trial::log()).with_rings(rings)
}

/// What a call that has this phase of its own is in, made by a thread that is in `base`; `None`: it is a part of that.
/// Who has nothing to do waits for it in locks, pipes and sleeps; moving bytes is nothing but reading and writing.
#[inline(always)]
fn within(base: Phase, phase: Phase) -> Option<Phase> {
    match (base, phase) {
        (Phase::Idle, Phase::OtherLock | Phase::IoWait | Phase::Idle) => None,
        (Phase::Send | Phase::Receive, Phase::IoWait) => None,
        (_, phase) => Some(phase),
    }
}

/// Runs `call`, in which the calling thread may wait, in a phase of its own; `None`: it cannot wait.
#[inline(always)]
pub fn around<T>(phase: impl Into<Option<Phase>>, call: impl FnOnce() -> T) -> T {
    let before = phase.into().and_then(enter);
    let result = call();
    if let Some(slot) = before {
        leave(slot);
    }
    result
}

/// Enters a phase, and gives the slot that was open.
#[inline(always)]
pub fn enter(phase: Phase) -> Option<SlotId> {
    let thread = current()?;
    let phase = within(thread.base.get(), phase)?;
    errno::keep(|| {
        thread.write(|meter| {
            let before = meter.slot();
            meter.mark(phase);
            before
        })
    })
}

/// Goes back to the slot that was open.
#[inline(always)]
pub fn leave(slot: SlotId) {
    if let Some(thread) = current() {
        errno::keep(|| thread.write(|meter| meter.mark_slot(slot)));
    }
}

/// The calling thread is in `phase` from now on when it is in no call that has one of its own; gives what it was in before.
pub fn set_base(phase: Phase) -> Option<Phase> {
    let thread = current()?;
    thread.write(|meter| meter.mark(phase))?;
    Some(thread.base.replace(phase))
}

/// The calling thread is one that an executor has for itself; `false`: nobody records it.
pub fn be_helper(name: &'static str) -> bool {
    let Some(thread) = current() else { return false };
    thread.helper.set(Some(name));
    if let Some(place) = place_of(thread) {
        write_text(&place.who.name, name.as_bytes());
    }
    true
}

/// Does something with the meter of the calling thread and its place.
pub fn with_meter<T>(action: impl FnOnce(&mut Meter<'static>, &'static Place) -> T) -> Option<T> {
    let thread = current()?;
    let place = place_of(thread)?;
    thread.write(|meter| action(meter, place))
}

/// Ends the accounts of the calling thread in its place and begins new ones in another.
pub fn move_to(number: u32, place: &'static Place) {
    let Some(thread) = current() else { return };
    if thread.busy.replace(true) {
        return;
    }
    name(thread);
    // SAFETY: `busy` was not set, so there is a meter, and it is set now, so nobody borrows it; another one is put there
    // before it is unset.
    let meter = unsafe { (*thread.meter.get()).assume_init_read() };
    let meter = Meter::start_borrowed(&place.section, meter.finish(), &plan());
    // SAFETY: as above.
    unsafe { (*thread.meter.get()).write(meter) };
    live::remove(thread.number.replace(number));
    live::add(number);
    write_name(place);
    thread.busy.set(false);
    set_base(Phase::Compute);
}

/// The calling thread's place, and its number.
pub fn place() -> Option<(u32, &'static Place)> {
    let number = current()?.number.get();
    Some((number, process::recording()?.0.place(number)?))
}

/// Runs `call`, in which the calling thread waits for a lock that the thread `owner` has; 0: it is not known who.
pub fn around_owned<T>(owner: u32, call: impl FnOnce() -> T) -> T {
    let before = enter(Phase::OtherLock);
    let from = since();
    let result = call();
    if let Some(slot) = before {
        leave(slot);
        if let Some((_, place)) = place().filter(|_| owner != 0) {
            // Only this thread books to its row now: it is in no list of an interpreter's lock.
            place.section.waits.book(LockKind::Other, Holder::Worker(owner), since().saturating_sub(from), 1);
        }
    }
    result
}

/// Ticks of the calling thread's last mark.
fn since() -> u64 {
    place().map_or(0, |(_, place)| place.section.since.load(Relaxed))
}

/// Keeps the hooks of the calling thread from writing until [`unmute`]: what runs on its stack is another process.
pub fn mute() {
    if let Some(thread) = current() {
        thread.busy.set(true);
    }
}

/// A child of a vfork is about to run on the calling thread's stack; until [`unmute`].
pub fn mute_for_vfork() {
    if current().is_some() {
        VFORKED_AT.set(Some(process::now()));
    }
    mute();
}

/// When the child was asked for that runs on the calling thread's stack, and in its memory.
pub fn vforked_at() -> Option<Anchor> {
    VFORKED_AT.get()
}

/// Takes [`mute`] back.
pub fn unmute() {
    VFORKED_AT.set(None);
    if let Some(thread) = current() {
        thread.busy.set(false);
    }
}

/// Whether the calling thread is recorded, and is not to write right now.
pub fn is_muted() -> bool {
    current().is_some_and(|thread| thread.busy.get())
}

/// Writes the calling thread's last act for the time being; `false`: it has none to write.
pub fn write_last() -> bool {
    let Some(thread) = current() else { return false };
    name(thread);
    thread.write(Meter::write_last).is_some()
}

/// Takes [`write_last`] back.
pub fn live_on() {
    if let Some(thread) = current() {
        thread.write(Meter::live_on);
    }
}

/// Forgets the calling thread's accounts, which are its parent's: this is a child that was just forked.
pub fn forget() {
    CURRENT.set(null());
}

/// The calling thread's last act. Its accounts are added to those of others, if its process had many threads.
pub fn end() {
    let Some(thread) = current() else { return };
    if thread.busy.replace(true) {
        return;
    }
    // Who releases the lock may be booking to this place right now, which nobody else must get therefore.
    let gave_up_waiting = python::give_up();
    CURRENT.set(null());
    name(thread);
    // SAFETY: `busy` was not set, so there is a meter, and it is set now for good: nobody will read it again.
    let meter = unsafe { (*thread.meter.get()).assume_init_read() };
    tools::close(meter.finish());
    let number = thread.number.get();
    live::remove(number);
    if let Some((map, leader)) = process::recording()
        && let Some(place) = map.place(number)
        && thread.ordinal >= process::ROWS_MAX
        && place.who.role.load(Relaxed) == Role::Nobody.number()
        && !gave_up_waiting
        && fold::add(map, leader, place)
    {
        process::recycle(number);
    }
    if thread.routine.is_some() {
        // SAFETY: `boxed` made it, and the thread that it was leaked for is this one, which does not know it any more.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(thread).cast_mut()) });
    }
}

fn place_of(thread: &Thread) -> Option<&'static Place> {
    process::recording().and_then(|(map, _)| map.place(thread.number.get()))
}

fn name(thread: &Thread) {
    if let Some(place) = place_of(thread).filter(|_| thread.helper.get().is_none()) {
        write_name(place);
    }
}

/// Writes the calling thread's name as it is now.
fn write_name(place: &Place) {
    let mut name = [0u8; gild_engine::record::layout::NAME_LEN];
    // SAFETY: PR_GET_NAME writes at most 16 bytes, its terminator included (prctl(2)).
    if unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) } == 0 {
        let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        write_text(&place.who.name, &name[..length]);
    }
}
