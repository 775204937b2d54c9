//! `_Py_DebugOffsets`: what CPython 3.13 and later say of their own structures, for tools.
//!
//! The table is the first thing in `_PyRuntime`: a cookie of eight bytes, then 64-bit words. Those that are needed are at its
//! beginning, which the versions so far have in common. Interpreters come and go while they are looked at, so what is
//! theirs is read by a system call that fails where a load would crash (process_vm_readv(2) of the own process).

use super::memory::read;

const COOKIE: u64 = u64::from_ne_bytes(*b"xdebugpy");
// Places of words in the table.
const RUNTIME_SIZE: usize = 3;
const INTERPRETERS_HEAD: usize = 5;
const INTERPRETER_SIZE: usize = 6;
const INTERPRETER_NEXT: usize = 8;
const WORDS: usize = 9;
/// No structure of an interpreter is as long as this: a table that says so is of a layout that is not known here.
const SIZE_MAX: u64 = 64 << 20;
/// Most interpreters that are looked at.
const INTERPRETERS_MAX: usize = 256;

/// What is needed of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offsets {
    interpreters_head: usize,
    interpreter_size: usize,
    interpreter_next: usize,
}

/// Reads the table; `None`: it is none, or makes no sense.
fn parse(words: &[u64; WORDS]) -> Option<Offsets> {
    let [size, head, interpreter, next] =
        [RUNTIME_SIZE, INTERPRETERS_HEAD, INTERPRETER_SIZE, INTERPRETER_NEXT].map(|place| words[place]);
    let makes_sense = words[0] == COOKIE
        && (1..SIZE_MAX).contains(&size)
        && (1..SIZE_MAX).contains(&interpreter)
        && head < size
        && next < interpreter;
    makes_sense.then_some(Offsets {
        interpreters_head: head as usize,
        interpreter_size: interpreter as usize,
        interpreter_next: next as usize,
    })
}

fn of_runtime(runtime: usize) -> Option<Offsets> {
    let mut words = [0; WORDS];
    for (place, word) in words.iter_mut().enumerate() {
        *word = read(runtime + place * size_of::<u64>())?;
    }
    parse(&words)
}

/// Whether the runtime at this address has the table.
pub fn are_there(runtime: usize) -> bool {
    of_runtime(runtime).is_some()
}

/// Whether an address lies in the structure of one of the runtime's interpreters.
pub fn is_in_interpreter(runtime: usize, address: usize) -> bool {
    let Some(offsets) = of_runtime(runtime) else { return false };
    let mut next = read(runtime + offsets.interpreters_head);
    for _ in 0..INTERPRETERS_MAX {
        let Some(interpreter) = next.map(|it| it as usize).filter(|it| *it != 0) else { return false };
        if (interpreter..interpreter.saturating_add(offsets.interpreter_size)).contains(&address) {
            return true;
        }
        next = interpreter.checked_add(offsets.interpreter_next).and_then(read);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [u64; WORDS] = [COOKIE, 0x030d_00f0, 0, 400_000, 16, 24, 200_000, 8, 32];

    #[test]
    fn a_table_that_makes_sense_is_read_and_others_are_not() {
        let offsets = Offsets { interpreters_head: 24, interpreter_size: 200_000, interpreter_next: 32 };
        assert_eq!(parse(&TABLE), Some(offsets));
        let with = |place: usize, word| {
            let mut table = TABLE;
            table[place] = word;
            parse(&table)
        };
        assert_eq!(with(0, 1), None, "another cookie");
        assert_eq!(with(INTERPRETER_SIZE, SIZE_MAX), None);
        assert_eq!(with(INTERPRETERS_HEAD, 400_000), None, "outside of the structure");
    }

    #[test]
    fn addresses_in_any_of_the_interpreters_are_found_and_no_memory_is_no_crash() {
        let interpreters: Vec<[u64; 8]> = vec![[0; 8]; 2];
        let at = |index: usize| interpreters[index].as_ptr() as usize;
        // An interpreter of 64 bytes whose fifth word leads to the next; the runtime has the first one behind the table.
        let mut second = [0u64; 8];
        second[4] = 0;
        let mut first = [0u64; 8];
        first[4] = second.as_ptr() as u64;
        let mut runtime = [0u64; WORDS + 1];
        runtime[..WORDS].copy_from_slice(&[COOKIE, 0, 0, 80, 0, 72, 64, 8, 32]);
        runtime[WORDS] = first.as_ptr() as u64;
        let is_in = |address: usize| is_in_interpreter(runtime.as_ptr() as usize, address);
        assert!(is_in(first.as_ptr() as usize) && is_in(second.as_ptr() as usize + 63));
        assert!(!is_in(at(0)));
        runtime[WORDS] = 8;
        assert!(!is_in_interpreter(runtime.as_ptr() as usize, at(0)), "a pointer to nowhere");
        assert_eq!(read(8), None);
        assert!(!are_there(8));
    }
}
