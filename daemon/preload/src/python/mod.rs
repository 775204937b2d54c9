//! Telling the interpreter's lock (the GIL) from other locks, by the addresses that are waited on.
//!
//! CPython waits for its lock in timed waits on one condition variable, and a holder that gave it up on request waits, plainly,
//! on a second one. Both are in the lock's own structure, and that is found in this order:
//!
//! 1. `_Py_DebugOffsets` (3.13 and later) says how large the runtime's and the interpreters' structures are and how to get
//!    from one to the next; what waits on a condition inside one of them waits for its lock ([`offsets`]).
//! 2. Otherwise the structure `_PyRuntime` (3.7 and later) is as long as its symbol says; the lock of the main interpreter is
//!    in it in all versions.
//! 3. Interpreters of their own lock in 3.12 are known by the pair: of two condition variables that are as far apart as a
//!    condition variable and a mutex are long, one is waited on for a time and the other plainly.
//!
//! | module | subject |
//! |---|---|
//! | [`table`], [`offsets`] | which addresses are the lock's |
//! | [`gil`] | who waits for it, and who makes them wait |
//! | [`learn`], [`functions`] | the function in which a thread is that releases it |
//! | [`memory`] | reading memory that may not be there |
//!
//! No offset is written down here. Where there is no interpreter, every lock is an other lock. The symbol is looked up when
//! the process starts and when it starts threads, never while it waits.

mod functions;
mod gil;
pub mod learn;
mod memory;
mod offsets;
mod table;

use std::ffi::c_void;
use std::ops::Range;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use gild_model::phase::Phase;
use libc::{pthread_cond_t, pthread_mutex_t};

pub use gil::{forget_waiters, give_up, signalled};
use table::{Class, Table};

/// Where `_PyRuntime` is; 0: not found.
static RUNTIME: AtomicUsize = AtomicUsize::new(0);
/// How long it is.
static RUNTIME_SIZE: AtomicUsize = AtomicUsize::new(0);
/// How often it was looked for.
static LOOKS: AtomicU32 = AtomicU32::new(0);
/// What is known of addresses that are waited on.
static KNOWN: Table = Table::new();

/// From the condition that is waited on for a time to the other: the structure has a condition, its mutex, and then the
/// other condition.
const PAIR_DISTANCE: usize = size_of::<pthread_cond_t>() + size_of::<pthread_mutex_t>();
/// Looks that are made one after the other; then only at powers of two, for a program that never loads an interpreter.
const LOOKS_AT_FIRST: u32 = 16;

/// The phase of a timed wait on this condition, which the calling thread is about to begin with its mutex held.
pub fn timed_wait(condition: usize) -> Phase {
    match class(condition, Class::TimedWait) {
        Class::Lock => {
            gil::enter(condition);
            Phase::LockWait
        }
        _ => Phase::OtherLock,
    }
}

/// The phase of a plain wait on this condition.
pub fn wait(condition: usize) -> Phase {
    match class(condition, Class::Other) {
        Class::Lock => Phase::SwitchWait,
        _ if completes_pair(condition) => Phase::SwitchWait,
        _ => Phase::OtherLock,
    }
}

/// The phase of waiting for this mutex: those of the lock's own structure are a part of taking the lock.
pub fn mutex(mutex: usize) -> Phase {
    if runtime().contains(&mutex) { Phase::LockWait } else { Phase::OtherLock }
}

/// What an address is; one that is new is noted as `otherwise` if it is not the lock's.
fn class(address: usize, otherwise: Class) -> Class {
    let runtime = runtime();
    if runtime.is_empty() {
        return Class::Other;
    }
    if runtime.contains(&address) {
        return Class::Lock;
    }
    KNOWN.get(address).unwrap_or_else(|| {
        let class = if offsets::is_in_interpreter(runtime.start, address) { Class::Lock } else { otherwise };
        KNOWN.set(address, class);
        class
    })
}

/// Whether this is the second condition of a lock whose first is known; then both are known from now on.
fn completes_pair(condition: usize) -> bool {
    let runtime = runtime();
    let first = condition.wrapping_sub(PAIR_DISTANCE);
    if runtime.is_empty() || offsets::are_there(runtime.start) || KNOWN.get(first) != Some(Class::TimedWait) {
        return false;
    }
    KNOWN.set(first, Class::Lock);
    KNOWN.set(condition, Class::Lock);
    true
}

/// Where the interpreter's runtime is; empty: there is none.
fn runtime() -> Range<usize> {
    let start = RUNTIME.load(Acquire);
    start..start + if start == 0 { 0 } else { RUNTIME_SIZE.load(Relaxed) }
}

/// Whether there is an interpreter in this process, as far as was looked.
pub fn is_here() -> bool {
    !runtime().is_empty()
}

/// Looks for an interpreter in this process. May take libc's locks and allocate.
pub fn look_for_it() {
    if RUNTIME.load(Relaxed) != 0 {
        return;
    }
    let looks = LOOKS.fetch_add(1, Relaxed);
    if looks > LOOKS_AT_FIRST && !looks.is_power_of_two() {
        return;
    }
    // SAFETY: the name ends in a zero byte; RTLD_DEFAULT asks for the definition that everybody here gets.
    let runtime = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_PyRuntime".as_ptr()) };
    if let Some(size) = size_of_symbol(runtime) {
        RUNTIME_SIZE.store(size, Relaxed);
        RUNTIME.store(runtime.addr(), Release);
    }
}

/// A symbol of an ELF file, as far as it is needed here (elf(5)).
#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

/// How long the object at this address is, by its symbol.
fn size_of_symbol(address: *mut c_void) -> Option<usize> {
    unsafe extern "C" {
        fn dladdr1(address: *const c_void, info: *mut libc::Dl_info, extra: *mut *mut c_void, flags: i32) -> i32;
    }
    /// Asks for the symbol (dlfcn.h).
    const RTLD_DL_SYMENT: i32 = 1;
    if address.is_null() {
        return None;
    }
    // SAFETY: the structure is made of pointers, for which all zeros are valid.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    let mut symbol: *mut c_void = null_mut();
    // SAFETY: both results are local; the flag says that the second is a pointer to a symbol (dladdr(3)).
    let found = unsafe { dladdr1(address, &mut info, &mut symbol, RTLD_DL_SYMENT) };
    if found == 0 || symbol.is_null() || info.dli_saddr != address {
        return None;
    }
    // SAFETY: dladdr1 found it, and libraries are not unloaded while their functions run; on 64-bit machines it is this.
    let size = unsafe { (*symbol.cast::<Symbol>()).size };
    usize::try_from(size).ok().filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_interpreter_every_lock_is_another_lock() {
        look_for_it();
        assert!(runtime().is_empty());
        assert_eq!([timed_wait(0x1000), wait(0x1058), mutex(0x2000)], [Phase::OtherLock; 3]);
    }

    #[test]
    fn an_objects_symbol_says_how_long_it_is() {
        // SAFETY: the name ends in a zero byte.
        let environ = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"stdout".as_ptr()) };
        assert_eq!(size_of_symbol(environ), Some(size_of::<usize>()));
        assert_eq!(size_of_symbol(null_mut()), None);
        assert_eq!(size_of_symbol(environ.wrapping_byte_add(1)), None);
    }
}
