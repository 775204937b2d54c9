//! Mutexes: they are tried first, and one that is taken says whose it is.

use libc::{c_int, pthread_mutex_t};

use gild_model::phase::Phase;

use crate::next::Next;
use crate::{python, thread};

static LOCK: Next = Next::new(c"pthread_mutex_lock");
static TRYLOCK: Next = Next::new(c"pthread_mutex_trylock");

/// What the hooks here stand in for, and its twin.
pub static NEXT: &[&Next] = &[&LOCK, &TRYLOCK];

type Function = unsafe extern "C-unwind" fn(*mut pthread_mutex_t) -> c_int;

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: both are libc's functions of these names, of this type by their manual pages.
    let [lock, trylock] = unsafe { [&LOCK, &TRYLOCK].map(|next| std::mem::transmute::<_, Function>(next.get())) };
    // SAFETY: the caller keeps to the contract of pthread_mutex_lock, which is this one's as well.
    let answer = unsafe { trylock(mutex) };
    if answer != libc::EBUSY {
        return answer;
    }
    // SAFETY: the caller keeps to the contract of the function.
    let wait = || unsafe { lock(mutex) };
    match python::mutex(mutex.addr()) {
        // SAFETY: the caller has given a mutex.
        Phase::OtherLock => thread::around_owned(unsafe { owner(mutex) }, wait),
        phase => thread::around(phase, wait),
    }
}

/// Thread id of whoever has a mutex; 0: nobody any more, or it is not known.
///
/// # Safety
/// It must be a mutex.
unsafe fn owner(mutex: *const pthread_mutex_t) -> u32 {
    /// The beginning of a mutex of glibc on 64-bit machines (bits/struct_mutex.h): a part of its binary interface, for it is
    /// what static initialisers in programs consist of.
    #[repr(C)]
    struct Beginning {
        lock: u32,
        count: u32,
        owner: u32,
    }
    const _: () = assert!(size_of::<Beginning>() <= size_of::<pthread_mutex_t>());
    if !cfg!(all(target_env = "gnu", target_pointer_width = "64")) {
        return 0;
    }
    // SAFETY: a mutex is longer than that and as aligned; volatile, because others write it meanwhile, a word at a time.
    unsafe { (&raw const (*mutex.cast::<Beginning>()).owner).read_volatile() }
}
