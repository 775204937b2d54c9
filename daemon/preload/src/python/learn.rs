//! Finding out, in this very interpreter, where a thread's state leads to the function that runs, and where that function has its
//! name, file and first line. No offset is written down anywhere.
//!
//! Python code of ours (`gild_functions.py`) says what is true: *I am the function whose code object is at this address, whose
//! name, file and line are these.* Then it is searched for, from the thread's state through at most two more structures. What was
//! found is believed only if a second function, called one level deeper, is found on the same way, and its texts at the same
//! places. And where the second one's frame holds the first one's, it holds its caller's. All memory is read by system calls that fail where a load would crash.
//!
//! ```text
//!  3.8 to 3.10   state ─▶ frame ─▶ code
//!  3.11, 3.12    state ─▶ cframe ─▶ frame ─▶ code
//!  3.13 and on   state ─▶ frame ─▶ code, marked in its low bits from 3.14 on
//! ```

use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use gild_engine::record::functions::Knowledge;

use super::functions::{self, Layout, STEPS_MAX, TAG_BITS};
use super::memory;

const WORD: usize = size_of::<usize>();
/// Bytes of a thread's state that are searched.
const STATE_BYTES: usize = 512;
/// Bytes of each further structure.
const STRUCTURE_BYTES: usize = 128;
/// Bytes of a code object.
const CODE_BYTES: usize = 512;
/// Ways that are kept for the second look.
const WAYS_MAX: usize = 64;
/// Addresses of a program's own memory are between these.
const ADDRESSES: std::ops::Range<usize> = 1 << 16..1 << 47;
/// What the names of the functions that say who they are begin with.
const NAME: &[u8] = b"gild_function";

/// What is told: the code object, its name, its file, its first line, where ASCII text begins in a string, the type of code objects.
const FACTS: usize = 6;
static TOLD: [AtomicUsize; FACTS] = [const { AtomicUsize::new(0) }; FACTS];
/// The number that is being told, in parts.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// Ways that have led to the code object so far: offsets of 16 bits, the number of steps above them.
static WAYS: [AtomicU64; WAYS_MAX] = [const { AtomicU64::new(0) }; WAYS_MAX];
/// The frames at which the ways ended.
static FRAMES: [AtomicUsize; WAYS_MAX] = [const { AtomicUsize::new(0) }; WAYS_MAX];
/// Where in a frame its caller's is; 0: nowhere.
static BACK_AT: AtomicUsize = AtomicUsize::new(0);
/// Places in the code object where the type, the name, the file and the line have been so far, as bits: of words for the first
/// three, of half words for the line.
static PLACES: [[AtomicU64; 2]; 4] = [const { [const { AtomicU64::new(0) }; 2] }; 4];
/// Somebody is learning, or has.
static IS_TAUGHT: AtomicBool = AtomicBool::new(false);

/// The next 24 bits of a number.
pub fn tell_part(bits: u32) {
    NUMBER.store(NUMBER.load(Relaxed) << 24 | bits as usize, Relaxed);
}

/// The number is this fact.
pub fn tell(which: u32) -> Option<()> {
    TOLD.get(which as usize)?.store(NUMBER.swap(0, Relaxed), Relaxed);
    Some(())
}

/// The calling function is what was told. `again`: it is the second one. The answer is whether functions are known, or may be.
pub fn learn(again: bool) -> bool {
    if !again && IS_TAUGHT.swap(true, AcqRel) {
        // Once per process: an interpreter inside of another learns nothing new.
        return false;
    }
    match look(again) {
        Ok(()) => true,
        Err(why) => {
            functions::give_up(why);
            false
        }
    }
}

fn look(again: bool) -> Result<(), Knowledge> {
    if !again && !functions::find_state_of_thread() {
        return Err(Knowledge::NoThreadState);
    }
    let state = functions::state_of_thread();
    if !is_address(state) {
        return Err(Knowledge::NoThreadState);
    }
    let [code, name, file, line, text_at, code_type] = std::array::from_fn(|fact| TOLD[fact].load(Relaxed));
    if again {
        keep_ways(state, code)
    } else {
        find_ways(state, code)
    };
    if WAYS[0].load(Relaxed) == 0 {
        return Err(Knowledge::NoFrame);
    }
    note_places(again, code, [code_type, name, file], line);
    if !again {
        return Ok(());
    }
    let layout = Layout { our_file: file, ..layout(text_at, code_type).ok_or(Knowledge::NoText)? };
    let mut text = [0; NAME.len()];
    match memory::text(name + text_at, &mut text) {
        Some(text) if text == NAME => functions::know(&layout),
        _ => return Err(Knowledge::NoText),
    }
    Ok(())
}

fn is_address(word: usize) -> bool {
    ADDRESSES.contains(&word) && word & TAG_BITS == 0
}

/// Calls `visit` with the words of a structure that can be read.
fn each_word(address: usize, bytes: &mut [u8], mut visit: impl FnMut(usize, usize)) {
    let length = memory::bytes(address, bytes);
    for (index, word) in bytes[..length].chunks_exact(WORD).enumerate() {
        visit(index * WORD, usize::from_ne_bytes(word.try_into().expect("chunks are as long as a word")));
    }
}

/// Searches for all ways that lead to the code object.
fn find_ways(state: usize, code: usize) {
    WAYS.iter().for_each(|way| way.store(0, Relaxed));
    let mut found = 0;
    let mut add = |steps: [usize; STEPS_MAX], count: usize, frame: usize| {
        if let Some((way, end)) = WAYS.get(found).zip(FRAMES.get(found)) {
            way.store(packed(steps, count), Relaxed);
            end.store(frame, Relaxed);
            found += 1;
        }
    };
    let is_code = |word: usize| word & !TAG_BITS == code;
    // The short ways come first: a long one may only be a detour.
    for depth in [2, 3] {
        each_word(state, &mut [0; STATE_BYTES], |first, word| {
            if !is_address(word) {
                return;
            }
            let frame = word;
            each_word(word, &mut [0; STRUCTURE_BYTES], |second, word| {
                if depth == 2 {
                    if is_code(word) {
                        add([first, second, 0], 2, frame);
                    }
                } else if is_address(word) && !is_code(word) {
                    let frame = word;
                    each_word(word, &mut [0; STRUCTURE_BYTES], |third, word| {
                        if is_code(word) {
                            add([first, second, third], 3, frame);
                        }
                    });
                }
            });
        });
    }
}

/// Keeps those of the ways that lead to another code object now, that of a function which the first one has called.
fn keep_ways(state: usize, code: usize) {
    let mut kept = 0;
    for (way, caller) in WAYS.iter().zip(&FRAMES) {
        let (way, caller) = (way.swap(0, Relaxed), caller.load(Relaxed));
        let (steps, count) = unpacked(way);
        let step = |address: usize, step: &usize| memory::read(address.checked_add(*step)?).map(|word| word as usize);
        let Some((last, steps)) = steps[..count].split_last() else { continue };
        let Some(frame) = steps.iter().try_fold(state, step) else { continue };
        if step(frame, last).is_none_or(|end| end & !TAG_BITS != code) {
            continue;
        }
        if kept == 0 {
            BACK_AT.store(place_of(caller, frame), Relaxed);
        }
        WAYS[kept].store(way, Relaxed);
        kept += 1;
    }
}

/// Where in a frame the address of another one is; 0: nowhere.
fn place_of(caller: usize, frame: usize) -> usize {
    let mut place = 0;
    each_word(frame, &mut [0; STRUCTURE_BYTES], |at, word| {
        if word == caller && place == 0 {
            place = at;
        }
    });
    place
}

fn packed(steps: [usize; STEPS_MAX], count: usize) -> u64 {
    steps.iter().rev().fold(count as u64, |packed, step| packed << 16 | *step as u64)
}

fn unpacked(way: u64) -> ([usize; STEPS_MAX], usize) {
    (std::array::from_fn(|step| (way >> (16 * step)) as usize & 0xffff), (way >> (16 * STEPS_MAX)) as usize)
}

/// Notes where in a code object these words are, and this line; of a second one, where they are as well.
fn note_places(again: bool, code: usize, words: [usize; 3], line: usize) {
    let mut bytes = [0; CODE_BYTES];
    let mut seen = [[0u64; 2]; 4];
    each_word(code, &mut bytes, |at, word| {
        for (place, expected) in seen.iter_mut().zip(words) {
            place[0] |= u64::from(word == expected) << (at / WORD);
        }
        for half in 0..2 {
            let place = at / WORD * 2 + half;
            let is_line = (word >> (32 * half)) as u32 as usize == line;
            seen[3][place / 64] |= u64::from(is_line) << (place % 64);
        }
    });
    for (known, seen) in PLACES.iter().flatten().zip(seen.iter().flatten()) {
        let before = if again { known.load(Relaxed) } else { u64::MAX };
        known.store(before & seen, Relaxed);
    }
}

/// What has been found; `None`: something is nowhere.
fn layout(text_at: usize, code_type: usize) -> Option<Layout> {
    let (steps, step_count) = unpacked(WAYS[0].load(Relaxed));
    let first = |place: &[AtomicU64; 2]| {
        let [low, high] = [place[0].load(Relaxed), place[1].load(Relaxed)];
        let bits = u128::from(high) << 64 | u128::from(low);
        (bits != 0).then(|| bits.trailing_zeros() as usize)
    };
    let [type_at, name_at, file_at, line_at] = [&PLACES[0], &PLACES[1], &PLACES[2], &PLACES[3]].map(first);
    Some(Layout {
        steps,
        step_count,
        type_at: type_at? * WORD,
        code_type,
        name_at: name_at? * WORD,
        file_at: file_at? * WORD,
        line_at: line_at? * size_of::<u32>(),
        text_at,
        back_at: BACK_AT.load(Relaxed),
        our_file: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_kept_as_it_is() {
        for (steps, count) in [([56, 8, 32], 3), ([72, 0, 0], 2), ([504, 120, 120], 3)] {
            assert_eq!(unpacked(packed(steps, count)), (steps, count));
        }
    }

    #[test]
    fn the_way_that_leads_to_both_functions_is_found_and_the_places_of_their_texts() {
        // A state whose fourth word leads to a structure whose second leads to a frame with a marked code object in its third;
        // and a word that leads to the first code object alone, by chance.
        let text = |bytes: &[u8]| [&[0u8; 40][..], bytes, b"\0"].concat();
        let names = [text(b"gild_function_one"), text(b"gild_function_two")];
        let file = text(b"gild_functions.py");
        let at = |bytes: &Vec<u8>| bytes.as_ptr().addr();
        let code =
            |name: &Vec<u8>, line: usize| Box::new([1, 0xc0de_0000, 5, line << 32 | 7, at(name), at(&file), 0, 0usize]);
        let codes = [code(&names[0], 4711), code(&names[1], 4712)];
        let address = |words: &[usize]| words.as_ptr().addr();
        let mut frames = [&codes[0], &codes[1]].map(|code| Box::new([0, 0, address(&code[..]) | 1, 0]));
        frames[1][3] = address(&frames[0][..]);
        let mut cframe = Box::new([0, address(&frames[0][..]), 0, 0]);
        let chance = Box::new([address(&codes[0][..]); 16]);
        let mut state = Box::new([0usize; STATE_BYTES / WORD]);
        (state[2], state[3]) = (address(&chance[..]), address(&cframe[..]));
        find_ways(address(&state[..]), address(&codes[0][..]));
        let words = |name: &Vec<u8>| [0xc0de_0000, at(name), at(&file)];
        note_places(false, address(&codes[0][..]), words(&names[0]), 4711);
        cframe[1] = address(&frames[1][..]);
        keep_ways(address(&state[..]), address(&codes[1][..]));
        note_places(true, address(&codes[1][..]), words(&names[1]), 4712);
        let found = layout(40, 0xc0de_0000).unwrap();
        let expected = Layout {
            steps: [24, 8, 16],
            step_count: 3,
            type_at: 8,
            code_type: 0xc0de_0000,
            name_at: 32,
            file_at: 40,
            line_at: 28,
            text_at: 40,
            back_at: 24,
            our_file: 0,
        };
        assert_eq!(found, expected);
        keep_ways(address(&state[..]), address(&codes[0][..]));
        assert_eq!(WAYS[0].load(Relaxed), 0, "no way leads to a function that does not run");
    }
}
