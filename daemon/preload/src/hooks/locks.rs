//! Locks. Which one decides the phase: the interpreter's is `lock-wait` (and `switch-wait` for whoever gave it up on
//! request), every other is `other-lock`.
//!
//! Mutexes and semaphores are tried first, so that only those who wait are booked as waiting.

use libc::{
    c_int, c_void, clockid_t, pthread_barrier_t, pthread_cond_t, pthread_mutex_t, pthread_rwlock_t, pthread_t, sem_t,
    timespec,
};

use Phase::OtherLock;
use gild_model::phase::Phase;

use crate::next::{Next, waiting};
use crate::{python, thread};

waiting! {
    python::timed_wait(condition.addr()) => fn pthread_cond_timedwait(condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, time: *const timespec) -> c_int;
    python::timed_wait(condition.addr()) => fn pthread_cond_clockwait(condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, clock: clockid_t, time: *const timespec) -> c_int;
    python::wait(condition.addr()) => fn pthread_cond_wait(condition: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int;
    OtherLock => fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, time: *const timespec) -> c_int;
    OtherLock => fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, time: *const timespec) -> c_int;
    OtherLock => fn pthread_rwlock_timedrdlock(lock: *mut pthread_rwlock_t, time: *const timespec) -> c_int;
    OtherLock => fn pthread_rwlock_timedwrlock(lock: *mut pthread_rwlock_t, time: *const timespec) -> c_int;
    OtherLock => fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int;
    OtherLock => fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int;
    OtherLock => fn pthread_timedjoin_np(thread: pthread_t, result: *mut *mut c_void, time: *const timespec) -> c_int;
    OtherLock => fn pthread_clockjoin_np(thread: pthread_t, result: *mut *mut c_void, clock: clockid_t, time: *const timespec) -> c_int;
}

/// Defines hooks for functions that have a twin which does not wait: it is tried first. `WAITS(value)` says whether the
/// twin's answer means that the other would wait.
macro_rules! tried_first {
    ($($waits:ident, $phase:expr => fn $name:ident[$twin:ident]($first:ident: $first_type:ty $(, $argument:ident: $type:ty)*);)*) => {
        #[expect(non_upper_case_globals, reason = "named like the functions that they lead to")]
        mod tried {
            $(
                pub static $name: crate::next::Next = crate::next::Next::new(super::c_name(concat!(stringify!($name), "\0")));
                pub mod $name {
                    pub static TWIN: crate::next::Next =
                        crate::next::Next::new(super::super::c_name(concat!(stringify!($twin), "\0")));
                }
            )*
        }

        /// What the hooks here stand in for, and the twins.
        pub static FIRST_TRIED: &[&Next] = &[$(&tried::$name, &tried::$name::TWIN),*];

        $(
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn $name($first: $first_type $(, $argument: $type)*) -> c_int {
                // SAFETY: both are libc's functions of these names, and of these types by their manual pages.
                let (next, twin) = unsafe {
                    (
                        std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($first_type $(, $type)*) -> c_int>(
                            tried::$name.get(),
                        ),
                        std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($first_type) -> c_int>(
                            tried::$name::TWIN.get(),
                        ),
                    )
                };
                // SAFETY: the twin takes the same lock, and the caller keeps to the contract of the function.
                let answer = unsafe { twin($first) };
                if !$waits(answer) {
                    return answer;
                }
                // SAFETY: the caller keeps to the contract of the function.
                thread::around($phase, || unsafe { next($first $(, $argument)*) })
            }
        )*
    };
}

/// A name as C has it.
const fn c_name(text: &'static str) -> &'static std::ffi::CStr {
    match std::ffi::CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("a function's name has no zero byte"),
    }
}

/// Of the functions that answer with an error number.
fn is_busy(answer: c_int) -> bool {
    answer == libc::EBUSY
}

/// Of the functions that answer with -1 and errno; whatever it is, the one that waits says it better.
fn failed(answer: c_int) -> bool {
    answer != 0
}

tried_first! {
    is_busy, OtherLock => fn pthread_rwlock_rdlock[pthread_rwlock_tryrdlock](lock: *mut pthread_rwlock_t);
    is_busy, OtherLock => fn pthread_rwlock_wrlock[pthread_rwlock_trywrlock](lock: *mut pthread_rwlock_t);
    failed, OtherLock => fn sem_wait[sem_trywait](semaphore: *mut sem_t);
    failed, OtherLock => fn sem_timedwait[sem_trywait](semaphore: *mut sem_t, time: *const timespec);
    failed, OtherLock => fn sem_clockwait[sem_trywait](semaphore: *mut sem_t, clock: clockid_t, time: *const timespec);
}
