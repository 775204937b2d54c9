//! The library's constructor and destructor: where a process of the program begins and ends for us.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use gild_engine::clock::Clock;
use gild_engine::record::VARIABLE;
use gild_engine::record::layout::COMMAND_LEN;
use gild_engine::record::map::Map;

use crate::{hooks, process, python, thread, trial};

/// Functions of this type are called by the dynamic loader, with what main gets.
type Constructor = unsafe extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: Constructor = construct;

#[used]
#[unsafe(link_section = ".fini_array")]
static DESTRUCTOR: extern "C" fn() = destruct;

/// The key whose destructor runs when a thread ends, however it does; [`NO_KEY`]: there is none.
static KEY: AtomicU32 = AtomicU32::new(NO_KEY);
const NO_KEY: u32 = u32::MAX;

unsafe extern "C" fn construct(count: c_int, arguments: *const *const c_char, _: *const *const c_char) {
    hooks::find_all();
    let Some(map) = recording() else { return };
    // Looked up once; in the child of a fork it must not be.
    let _ = Clock::best();
    make_key();
    trial::join();
    python::look_for_it();
    let mut command = [0u8; COMMAND_LEN];
    // SAFETY: the loader passes main's own arguments.
    let length = unsafe { join_words(count, arguments, &mut command) };
    process::join(map, &command[..length]);
    watch_end();
}

extern "C" fn destruct() {
    leave();
}

/// The recording that the environment names, if it can be had: its maker may be gone, or somebody else's.
fn recording() -> Option<Map> {
    let address = std::env::var_os(VARIABLE)?;
    let file: File = OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC).open(&address).ok()?;
    Map::attach(&file).ok()
}

/// Writes the words of a command line, with blanks between them, and says how long it is.
///
/// # Safety
/// `arguments` must be `count` pointers to strings.
unsafe fn join_words(count: c_int, arguments: *const *const c_char, line: &mut [u8]) -> usize {
    let mut length = 0;
    for index in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: by the contract of this function.
        let word: &OsStr = unsafe { OsStr::from_bytes(CStr::from_ptr(*arguments.add(index)).to_bytes()) };
        let blank: &[u8] = if index == 0 { b"" } else { b" " };
        for byte in blank.iter().chain(word.as_bytes()) {
            let Some(into) = line.get_mut(length) else { return length };
            // Control characters have no place in a line.
            *into = if byte.is_ascii_control() { b' ' } else { *byte };
            length += 1;
        }
    }
    length
}

fn make_key() {
    extern "C" fn ended(_: *mut c_void) {
        thread::end();
    }
    let mut key = 0;
    // SAFETY: the key is written to a local variable; the destructor takes any value, and this library is never unloaded.
    if unsafe { libc::pthread_key_create(&mut key, Some(ended)) } == 0 {
        KEY.store(key, Relaxed);
    }
}

/// Sees to it that the calling thread's end is seen.
pub fn watch_end() {
    let key = KEY.load(Relaxed);
    if key != NO_KEY {
        // SAFETY: the key was made above and is never deleted. Its value is not used as a pointer; it must not be null, or
        // the destructor would not run.
        unsafe { libc::pthread_setspecific(key, std::ptr::dangling()) };
    }
}

/// The process is about to end by its own will.
pub fn leave() {
    thread::end();
    process::stamp_gone(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_its_words_cut_to_what_fits() {
        let words = [c"python3".as_ptr(), c"-c".as_ptr(), c"a\nb".as_ptr()];
        let joined = |room: usize| {
            let mut line = vec![0; room];
            // SAFETY: there are three words.
            let length = unsafe { join_words(3, words.as_ptr(), &mut line) };
            String::from_utf8(line[..length].to_vec()).unwrap()
        };
        assert_eq!(joined(99), "python3 -c a b");
        assert_eq!(joined(9), "python3 -");
    }
}
