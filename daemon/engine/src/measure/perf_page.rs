//! The page that the kernel shares with whoever maps a counter: reading the counter without a system call.
//!
//! Pure: the page in, a count out. The instruction that reads a hardware counter ([`super::rdpmc`]) and the clock are
//! given as functions, so that fixtures drive every path on machines that have no such counter. The protocol is that
//! of `struct perf_event_mmap_page` in include/uapi/linux/perf_event.h:
//!
//! ```text
//! ┌▶ lock ─▶ time_enabled, time_running ─▶ (cap_user_time) the clock, for the time since the kernel wrote them
//! │           └▶ offset + sign_extend(rdpmc(index − 1), pmc_width)
//! └── lock has changed: the kernel wrote meanwhile (the thread was switched, or the counters took turns)
//! ```
//!
//! gild reads a counter here only if the page tells the time too (`cap_user_time`): without it the times are those of
//! the kernel's last visit, and a counter that shared the PMU could not be scaled. Virtual machines whose clock is
//! kvm-clock have pages that do not; there, and for everything else that a page cannot say, it takes a system call.

use std::mem::offset_of;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering, compiler_fence};

/// Readings that are tried before the page is given up: each switch of the thread spoils one at most.
const TRIES_MAX: u32 = 16;

/// `capabilities`: bit 0 is not to be looked at, which every kernel since 3.12 says.
const CAP_BIT0_IS_DEPRECATED: u64 = 1 << 1;
/// `capabilities`: the counter may be read in user space.
const CAP_USER_RDPMC: u64 = 1 << 2;
/// `capabilities`: `time_shift`, `time_mult` and `time_offset` are valid.
const CAP_USER_TIME: u64 = 1 << 3;
/// `capabilities`: the clock has fewer than 64 bits; `time_cycles` and `time_mask` are valid.
const CAP_USER_TIME_SHORT: u64 = 1 << 5;

/// The first 96 bytes of `struct perf_event_mmap_page`; all that a reader of counters needs.
#[derive(Debug, Default)]
#[repr(C)]
pub struct PerfPage {
    /// Version of the structure.
    pub version: AtomicU32,
    /// Lowest version that this one is compatible with.
    pub compat_version: AtomicU32,
    /// Changes whenever the kernel changes the page.
    pub lock: AtomicU32,
    /// The hardware counter plus one, or 0: the event is not on the PMU now, or never is.
    pub index: AtomicU32,
    /// What to add to the hardware counter.
    pub offset: AtomicU64,
    /// Time that the event was enabled, in nanoseconds.
    pub time_enabled: AtomicU64,
    /// Time that it counted, in nanoseconds.
    pub time_running: AtomicU64,
    /// What may be relied on; the bits above.
    pub capabilities: AtomicU64,
    /// Bits of the hardware counter.
    pub pmc_width: AtomicU16,
    /// Shift of the conversion from ticks to nanoseconds.
    pub time_shift: AtomicU16,
    /// Its factor.
    pub time_mult: AtomicU32,
    /// Its offset: nanoseconds since `time_enabled` was written, at tick 0.
    pub time_offset: AtomicU64,
    /// Offset of the clock of samples; not needed for counting.
    pub time_zero: AtomicU64,
    /// Size of the structure up to its reserved part.
    pub size: AtomicU32,
    /// Reserved.
    pub reserved: AtomicU32,
    /// Ticks at which a short clock was extended last.
    pub time_cycles: AtomicU64,
    /// The bits that a short clock has.
    pub time_mask: AtomicU64,
}

// As in the header; the kernel never moves a field.
const _: () = assert!(offset_of!(PerfPage, lock) == 8 && offset_of!(PerfPage, index) == 12);
const _: () = assert!(offset_of!(PerfPage, offset) == 16 && offset_of!(PerfPage, capabilities) == 40);
const _: () = assert!(offset_of!(PerfPage, pmc_width) == 48 && offset_of!(PerfPage, time_mult) == 52);
const _: () = assert!(offset_of!(PerfPage, time_zero) == 64 && offset_of!(PerfPage, time_mask) == 88);
const _: () = assert!(size_of::<PerfPage>() == 96);

/// What a page says of its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The count, not scaled.
    pub value: u64,
    /// Time enabled until now, in nanoseconds.
    pub enabled_ns: u64,
    /// Time running until now, in nanoseconds.
    pub running_ns: u64,
}

/// Why a page cannot say it: the counter takes a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It may not be read in user space: a software event, /sys/…/rdpmc is 0, or an old kernel.
    NotReadable,
    /// The page does not tell the time.
    NoTime,
    /// The event is not on the PMU now: other events have their turn.
    NotOnPmu,
    /// The page changed during every one of many readings.
    Torn,
}

impl PerfPage {
    /// Whether this page can be read in user space whenever its event is on the PMU.
    ///
    /// # Errors
    /// Why it never can.
    pub fn readable(&self) -> Result<(), Refusal> {
        let capabilities = self.capabilities.load(Relaxed);
        let width = self.pmc_width.load(Relaxed);
        if capabilities & CAP_BIT0_IS_DEPRECATED == 0 || capabilities & CAP_USER_RDPMC == 0 {
            return Err(Refusal::NotReadable);
        }
        if !(1..=64).contains(&width) || self.time_shift.load(Relaxed) >= 64 {
            return Err(Refusal::NotReadable);
        }
        if capabilities & CAP_USER_TIME == 0 { Err(Refusal::NoTime) } else { Ok(()) }
    }

    /// Reads the counter. `rdpmc` reads a hardware counter by its number, `clock` the clock that the page is about;
    /// only the observed thread may call this, for the kernel's writes are seen by nobody else in order.
    ///
    /// # Errors
    /// Why it takes a system call this time.
    #[inline]
    pub fn read(&self, mut rdpmc: impl FnMut(u32) -> u64, mut clock: impl FnMut() -> u64) -> Result<Count, Refusal> {
        for _ in 0..TRIES_MAX {
            let lock = self.lock.load(Relaxed);
            // The kernel writes on this very core, so only the compiler has to be kept from reordering.
            compiler_fence(Ordering::SeqCst);
            let count = self.read_once(&mut rdpmc, &mut clock);
            compiler_fence(Ordering::SeqCst);
            if self.lock.load(Relaxed) == lock {
                return count;
            }
        }
        Err(Refusal::Torn)
    }

    fn read_once(&self, rdpmc: &mut impl FnMut(u32) -> u64, clock: &mut impl FnMut() -> u64) -> Result<Count, Refusal> {
        self.readable()?;
        let counter = self.index.load(Relaxed).checked_sub(1).ok_or(Refusal::NotOnPmu)?;
        let passed_ns = self.passed_ns(clock());
        let counted = sign_extend(rdpmc(counter), self.pmc_width.load(Relaxed));
        Ok(Count {
            value: self.offset.load(Relaxed).wrapping_add(counted),
            enabled_ns: self.time_enabled.load(Relaxed).wrapping_add(passed_ns),
            running_ns: self.time_running.load(Relaxed).wrapping_add(passed_ns),
        })
    }

    /// Nanoseconds since the kernel wrote the times.
    fn passed_ns(&self, mut ticks: u64) -> u64 {
        if self.capabilities.load(Relaxed) & CAP_USER_TIME_SHORT != 0 {
            let since = self.time_cycles.load(Relaxed);
            ticks = since.wrapping_add(ticks.wrapping_sub(since) & self.time_mask.load(Relaxed));
        }
        let (shift, factor) = (self.time_shift.load(Relaxed), u64::from(self.time_mult.load(Relaxed)));
        let (whole, rest) = (ticks >> shift, ticks & ((1 << shift) - 1));
        // Wrapping, as the kernel's own formula does: `time_offset` is a negative number.
        let scaled = whole.wrapping_mul(factor).wrapping_add(rest.wrapping_mul(factor) >> shift);
        self.time_offset.load(Relaxed).wrapping_add(scaled)
    }
}

/// A counter of `width` bits (1 to 64) as a signed number of 64.
fn sign_extend(counter: u64, width: u16) -> u64 {
    let unused = 64 - u32::from(width);
    ((counter << unused).cast_signed() >> unused).cast_unsigned()
}

#[cfg(test)]
mod tests;
