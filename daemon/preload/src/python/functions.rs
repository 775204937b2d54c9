//! The function in which the calling thread is while it releases the interpreter's lock.
//!
//! From the thread's own state to its frame to the code object: where these words are was found out in this process
//! ([`super::learn`]), and nothing is read before. The thread reads what is its own, and holds the lock's mutex, so nobody
//! changes or frees any of it meanwhile. A state that this thread had not before is first read by a system call that fails where a
//! load would crash.
//!
//! Functions of gild's own that stand in for others ([`STAND_INS`]) are nobody's: who called them is meant.

use std::cell::Cell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicUsize};

use gild_engine::record::functions::{FILE_LEN, FUNCTION_NAME_LEN, FunctionCell, Knowledge};
use gild_engine::record::map::Map;

use super::memory;

/// Steps from a thread's state to its code object, at most.
pub const STEPS_MAX: usize = 3;
/// Bits of a pointer that may be marks of the interpreter's own.
pub const TAG_BITS: usize = 0b111;

/// Frames that are looked at until there is one of the program's own.
const CALLERS: usize = 4;
/// Files of `daemon/python` whose functions stand in for those of the standard library.
const STAND_INS: [&[u8]; 2] = [b"gild_marks.py", b"gild_patches.py"];

/// Where things are, in bytes from the start of what holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// From the thread's state on; the last word is the code object. Those beyond `step_count` are nothing.
    pub steps: [usize; STEPS_MAX],
    /// How many steps there are.
    pub step_count: usize,
    /// The type, in any object.
    pub type_at: usize,
    /// What it is in a code object.
    pub code_type: usize,
    /// The function's name, in a code object.
    pub name_at: usize,
    /// The file's name.
    pub file_at: usize,
    /// The first line, 32 bits.
    pub line_at: usize,
    /// ASCII text, in a string.
    pub text_at: usize,
    /// The frame of the caller, in a frame; 0: that was not found out.
    pub back_at: usize,
    /// The name of the file of `gild_functions.py`, a string of the interpreter's.
    pub our_file: usize,
}

const WORDS: usize = STEPS_MAX + 9;
static LAYOUT: [AtomicUsize; WORDS] = [const { AtomicUsize::new(0) }; WORDS];
/// A [`Knowledge`]; with [`Knowledge::Known`] the layout is there.
static KNOWLEDGE: AtomicU32 = AtomicU32::new(Knowledge::NotTold as u32);
/// The interpreter's function that gives the calling thread's state.
static STATE_OF_THREAD: AtomicUsize = AtomicUsize::new(0);

/// Functions that a process tells apart, in places found by hashing.
const SEEN: usize = 1024;
/// Places that are looked at.
const PROBES: usize = 8;
static SEEN_FUNCTIONS: [Seen; SEEN] = [const { Seen::new() }; SEEN];

thread_local! {
    /// The thread's state that was found to be good.
    static GOOD_STATE: Cell<usize> = const { Cell::new(0) };
}

/// A function that has an entry.
#[derive(Debug)]
struct Seen {
    code: AtomicUsize,
    name: AtomicUsize,
    file: AtomicUsize,
    line: AtomicU32,
    /// Its entry plus one; 0: it has none, or is being written. [`STANDS_IN`]: it is none of the program's.
    entry: AtomicU32,
}

/// No entry has this number.
const STANDS_IN: u32 = u32::MAX;

/// What is known of a function.
enum Known<'m> {
    /// Its entry; `None`: there was no room for it.
    Entry(Option<&'m FunctionCell>),
    /// It stands in for another one.
    StandsIn,
}

/// A function as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    address: usize,
    name: usize,
    file: usize,
    line: u32,
}

/// From now on functions can be told.
pub fn know(layout: &Layout) {
    let Layout {
        steps: [a, b, c],
        step_count,
        type_at,
        code_type,
        name_at,
        file_at,
        line_at,
        text_at,
        back_at,
        our_file,
    } = *layout;
    let words = [a, b, c, step_count, type_at, code_type, name_at, file_at, line_at, text_at, back_at, our_file];
    LAYOUT.iter().zip(words).for_each(|(cell, word)| cell.store(word, Relaxed));
    KNOWLEDGE.store(Knowledge::Known as u32, Release);
}

/// They cannot, for this reason.
pub fn give_up(why: Knowledge) {
    KNOWLEDGE.store(why as u32, Release);
}

/// What is known.
pub fn knowledge() -> Knowledge {
    Knowledge::from_number(KNOWLEDGE.load(Acquire))
}

fn layout() -> Option<Layout> {
    if knowledge() != Knowledge::Known {
        return None;
    }
    let [a, b, c, step_count, type_at, code_type, name_at, file_at, line_at, text_at, back_at, our_file] =
        std::array::from_fn(|place| LAYOUT[place].load(Relaxed));
    let steps = [a, b, c];
    Some(Layout { steps, step_count, type_at, code_type, name_at, file_at, line_at, text_at, back_at, our_file })
}

/// Looks up the interpreter's function; `false`: there is none. May take libc's locks.
pub fn find_state_of_thread() -> bool {
    // SAFETY: the name ends in a zero byte; RTLD_DEFAULT asks for the definition that everybody here gets.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"PyGILState_GetThisThreadState".as_ptr()) };
    STATE_OF_THREAD.store(function.addr(), Relaxed);
    !function.is_null()
}

/// The address of the calling thread's state; 0: it has none.
pub fn state_of_thread() -> usize {
    let function = std::ptr::with_exposed_provenance_mut::<libc::c_void>(STATE_OF_THREAD.load(Relaxed));
    if function.is_null() {
        return 0;
    }
    // SAFETY: it is the interpreter's function of this name, which takes nothing, gives a pointer, reads a thread-specific value
    // and needs no lock for that (Python's C API, "Initialization, Finalization, and Threads").
    let function = unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> usize>(function) };
    function()
}

/// Others waited for so long, all together, until the calling thread released the lock just now.
pub fn book(map: &Map, leader: u32, ticks: u64) {
    let entry = layout().and_then(|layout| entry(map, &layout));
    let Some(who) = map.place(leader).map(|place| &place.who) else { return };
    who.functions.store(KNOWLEDGE.load(Relaxed), Relaxed);
    match entry {
        Some(entry) => entry.book(ticks),
        None => {
            who.unknown_ticks.fetch_add(ticks, Relaxed);
            who.unknown_hand_overs.fetch_add(1, Relaxed);
        }
    }
}

fn entry<'m>(map: &'m Map, layout: &Layout) -> Option<&'m FunctionCell> {
    let mut frame = frame(layout)?;
    for _ in 0..CALLERS {
        // SAFETY: it is the calling thread's own frame, or that of a caller further up, which is alive as long as it.
        let known =
            unsafe { code_of(layout, frame, |address| Some(load(address))) }.map(|code| known(map, layout, code));
        match known {
            Some(Known::Entry(entry)) => return entry,
            // Or what the interpreter itself puts between frames, which has no code.
            Some(Known::StandsIn) | None if layout.back_at != 0 => {}
            Some(Known::StandsIn) | None => return None,
        }
        // SAFETY: as above.
        frame = unsafe { load(frame + layout.back_at) };
        if frame < TAG_BITS || frame & TAG_BITS != 0 {
            return None;
        }
    }
    None
}

fn known<'m>(map: &'m Map, layout: &Layout, code: Code) -> Known<'m> {
    let first = code.address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - SEEN.ilog2());
    for step in 0..PROBES {
        let seen = &SEEN_FUNCTIONS[(first + step) % SEEN];
        let is_free = seen.code.compare_exchange(0, code.address, Relaxed, Relaxed);
        match is_free {
            Ok(_) => return seen.describe(map, layout, code),
            Err(other) if other != code.address => {}
            // Another function may have come to lie where one was.
            Err(_) if !seen.is(code) => return seen.describe(map, layout, code),
            Err(_) => {
                return match seen.entry.load(Acquire) {
                    STANDS_IN => Known::StandsIn,
                    entry => Known::Entry(entry.checked_sub(1).and_then(|entry| map.function(entry))),
                };
            }
        }
    }
    Known::Entry(None)
}

/// The calling thread's frame.
fn frame(layout: &Layout) -> Option<usize> {
    let state = state_of_thread();
    if state == 0 || state & TAG_BITS != 0 {
        return None;
    }
    if GOOD_STATE.get() != state {
        // SAFETY: nothing is dereferenced: the reader is a system call.
        unsafe {
            let read = |address| memory::read(address).map(|word| word as usize);
            code_of(layout, frame_of(layout, state, read)?, read)?;
        }
        GOOD_STATE.set(state);
    }
    // SAFETY: this is the calling thread's own state, as the interpreter says, and it was found to be like that before. It and
    // its frame are alive as long as the thread is where it is.
    unsafe { frame_of(layout, state, |address| Some(load(address))) }
}

/// The word at an address.
///
/// # Safety
/// It must be there, and aligned.
unsafe fn load(address: usize) -> usize {
    // SAFETY: by the contract of this function. Volatile, because it is somebody else's memory.
    unsafe { std::ptr::with_exposed_provenance::<usize>(address).read_volatile() }
}

/// Goes from a thread's state to its frame, word by word.
///
/// # Safety
/// `read` must be able to read all words on the way.
unsafe fn frame_of(layout: &Layout, state: usize, read: impl Fn(usize) -> Option<usize>) -> Option<usize> {
    let steps = &layout.steps[..layout.step_count.clamp(1, STEPS_MAX) - 1];
    steps.iter().try_fold(state, |address, step| read(address.checked_add(*step)?).filter(|next| *next >= TAG_BITS))
}

/// The code object of a frame; `None`: it has none.
///
/// # Safety
/// `read` must be able to read the frame, and the object in its place for code.
unsafe fn code_of(layout: &Layout, frame: usize, read: impl Fn(usize) -> Option<usize>) -> Option<Code> {
    let last = layout.steps[layout.step_count.clamp(1, STEPS_MAX) - 1];
    let code = read(frame.checked_add(last)?)? & !TAG_BITS;
    if code < TAG_BITS || read(code + layout.type_at)? != layout.code_type {
        return None;
    }
    let line = (read(code + (layout.line_at & !TAG_BITS))? >> ((layout.line_at & TAG_BITS) * 8)) as u32;
    Some(Code { address: code, name: read(code + layout.name_at)?, file: read(code + layout.file_at)?, line })
}

/// Whether a file is one of [`STAND_INS`], in the folder that our code is in.
fn stands_in(file: &[u8], ours: &[u8]) -> bool {
    let folder = ours.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    file.strip_prefix(&ours[..folder]).is_some_and(|name| STAND_INS.contains(&name))
}

impl Seen {
    const fn new() -> Seen {
        Seen {
            code: AtomicUsize::new(0),
            name: AtomicUsize::new(0),
            file: AtomicUsize::new(0),
            line: AtomicU32::new(0),
            entry: AtomicU32::new(0),
        }
    }

    fn is(&self, code: Code) -> bool {
        let texts = (self.name.load(Relaxed), self.file.load(Relaxed), self.line.load(Relaxed));
        texts == (code.name, code.file, code.line)
    }

    /// Takes an entry for a function and copies its text there.
    #[cold]
    fn describe<'m>(&self, map: &'m Map, layout: &Layout, code: Code) -> Known<'m> {
        self.entry.store(0, Relaxed);
        self.name.store(code.name, Relaxed);
        self.file.store(code.file, Relaxed);
        self.line.store(code.line, Relaxed);
        let [mut file, mut ours] = [[0u8; 4 * FILE_LEN]; 2];
        let file = memory::text(code.file + layout.text_at, &mut file);
        let ours = memory::text(layout.our_file + layout.text_at, &mut ours);
        if file.zip(ours).is_some_and(|(file, ours)| stands_in(file, ours)) {
            self.entry.store(STANDS_IN, Release);
            return Known::StandsIn;
        }
        let Some((number, entry)) = map.take_function() else { return Known::Entry(None) };
        let mut name = [0u8; FUNCTION_NAME_LEN];
        let name = memory::text(code.name + layout.text_at, &mut name);
        entry.describe(name.unwrap_or(b"?"), file.unwrap_or(b"?"), code.line);
        self.entry.store(number + 1, Release);
        Known::Entry(Some(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_known_by_their_files_beside_our_own() {
        let ours = b"/run/gild-1/gild_functions.py";
        assert!(stands_in(b"/run/gild-1/gild_marks.py", ours) && stands_in(b"/run/gild-1/gild_patches.py", ours));
        for other in
            ["/run/gild-1/gild_trial.py", "/home/me/gild_marks.py", "/run/gild-1/x/gild_marks.py", "gild_marks.py", ""]
        {
            assert!(!stands_in(other.as_bytes(), ours), "{other}");
        }
    }

    #[test]
    fn the_frame_and_its_code_are_found_step_by_step() {
        let code = [0usize, 77, 1, 2, 5 << 32];
        let frame = [0usize, code.as_ptr().addr() | 1, 0];
        let state = [0usize, 0, frame.as_ptr().addr()];
        let mut layout = Layout {
            steps: [16, 8, 0],
            step_count: 2,
            type_at: 8,
            code_type: 77,
            name_at: 16,
            file_at: 24,
            line_at: 36,
            text_at: 0,
            back_at: 16,
            our_file: 0,
        };
        let read = |address| memory::read(address).map(|word| word as usize);
        // SAFETY: the reader is a system call.
        let find = |layout: &Layout| unsafe {
            let frame = frame_of(layout, state.as_ptr().addr(), read)?;
            code_of(layout, frame, read)
        };
        assert_eq!(find(&layout), Some(Code { address: code.as_ptr().addr(), name: 1, file: 2, line: 5 }));
        layout.code_type = 78;
        assert_eq!(find(&layout), None);
    }
}
