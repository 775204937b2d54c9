//! A note in the ledger before a deadly signal takes effect, so that the daemon can say which worker it was and what
//! it was running. The signal then does what it would have done.

use std::cell::Cell;
use std::io;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::ledger::layout::Section;

thread_local! {
    /// The section of the worker that runs on this thread. Const-initialized and without a destructor, so that the
    /// handler may read it at any time.
    static SECTION: Cell<*const Section> = const { Cell::new(ptr::null()) };
}

const DEADLY: [Signal; 5] = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGABRT];

/// From now on deadly signals on any watched thread of this process are noted.
///
/// # Errors
/// sigaction failed.
pub fn install() -> io::Result<()> {
    // SA_ONSTACK: a stack that has overflowed cannot hold the handler; std gives every thread another one.
    // SA_RESETHAND: the signal, raised again, has its default effect.
    let flags = SaFlags::SA_ONSTACK | SaFlags::SA_RESETHAND;
    let action = SigAction::new(SigHandler::Handler(note), flags, SigSet::empty());
    for signal in DEADLY {
        // SAFETY: the handler is async-signal-safe: it reads a const thread-local, stores to an atomic and raises.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// The calling thread works for this section.
pub fn watch(section: &'static Section) {
    SECTION.set(section);
}

extern "C" fn note(signal: libc::c_int) {
    // SAFETY: null, or a section that lives for ever (`watch`), all of whose fields are atomics.
    if let Some(section) = unsafe { SECTION.get().as_ref() } {
        section.fault_signal.store(signal as u32, Relaxed);
    }
    // SAFETY: raise is async-signal-safe. The signal is blocked until this handler returns, then takes its default
    // effect, whether it came from a bad instruction or from somebody's kill.
    unsafe { libc::raise(signal) };
}
