//! The functions that the hooks stand in for: the next definition of the same name in the order of lookup.
//!
//! All of them are looked up by the constructor, because dlsym(3) may take locks and allocate, and a hook may run in a
//! signal handler. Only what is called before that, by the constructors of other libraries, is looked up when it is called.

use std::ffi::{CStr, c_void};
use std::ptr::null_mut;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;

/// One of these functions.
#[derive(Debug)]
pub struct Next {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Next {
    /// The function of this name, not looked up yet.
    pub const fn new(name: &'static CStr) -> Next {
        Next { name, found: AtomicPtr::new(null_mut()) }
    }

    /// Where it is.
    #[inline(always)]
    pub fn get(&self) -> *mut c_void {
        match self.found.load(Relaxed) {
            function if function.is_null() => self.find(),
            function => function,
        }
    }

    /// Looks it up.
    #[cold]
    pub fn find(&self) -> *mut c_void {
        let function = lookup(self.name);
        self.found.store(function, Relaxed);
        function
    }
}

/// libc has two generations of condition variables; what everything since 2002 is linked to is the newer one, and plain
/// dlsym(3) may find the older.
const NEWER_CONDITIONS: &CStr = c"GLIBC_2.3.2";

fn lookup(name: &CStr) -> *mut c_void {
    if name.to_bytes().starts_with(b"pthread_cond_") {
        // SAFETY: both strings end in a zero byte, and RTLD_NEXT is meant for calls out of a preloaded library.
        let function = unsafe { libc::dlvsym(libc::RTLD_NEXT, name.as_ptr(), NEWER_CONDITIONS.as_ptr()) };
        if !function.is_null() {
            return function;
        }
    }
    // SAFETY: as above.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

/// Defines hooks for functions in which a thread may wait. Each is `PHASE => fn NAME(ARGUMENTS) -> RESULT;`, where PHASE may
/// depend on the arguments; a call that cannot wait is said to be in `None`.
macro_rules! waiting {
    ($($phase:expr => fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty;)*) => {
        #[expect(non_upper_case_globals, reason = "named like the functions that they lead to")]
        mod next_functions {
            $(pub static $name: $crate::next::Next = $crate::next::Next::new(
                match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("a function's name has no zero byte"),
                },
            );)*
        }

        /// What the hooks here stand in for.
        pub static NEXT: &[&$crate::next::Next] = &[$(&next_functions::$name),*];

        $(
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn $name($($argument: $type),*) -> $result {
                let next = next_functions::$name.get();
                // SAFETY: `next` is libc's function of this name (or another preloaded library's), whose type is this one
                // by its manual page.
                let next: unsafe extern "C-unwind" fn($($type),*) -> $result = unsafe { std::mem::transmute(next) };
                // SAFETY: the caller keeps to the contract of the function, and the arguments are passed on as they are.
                $crate::thread::around($phase, || unsafe { next($($argument),*) })
            }
        )*
    };
}
pub(crate) use waiting;
