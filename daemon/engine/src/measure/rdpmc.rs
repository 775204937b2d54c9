//! The instruction that reads a hardware counter, and the clock that perf's pages are about.

/// Whether this processor has an instruction that gild knows to read counters with.
pub const AVAILABLE: bool = cfg!(target_arch = "x86_64");

/// Reads hardware counter `counter` (RDPMC).
///
/// # Safety
/// The calling thread must have a counter mapped whose page says `cap_user_rdpmc`, and `counter` must be its
/// `index − 1`: the instruction faults for whom the kernel has not allowed it (CR4.PCE), and for a counter that is not there.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub unsafe fn read(counter: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the caller sees to it that the instruction is allowed; it changes nothing but its two results.
    unsafe {
        std::arch::asm!("rdpmc", in("ecx") counter, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// The time-stamp counter, whatever the marks are taken with: `cap_user_time` says that it can be converted.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn ticks() -> u64 {
    // SAFETY: RDTSC has no preconditions on x86-64.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// Never called: no page is mapped where [`AVAILABLE`] is false.
///
/// # Safety
/// There is nothing to observe.
#[cfg(not(target_arch = "x86_64"))]
pub unsafe fn read(_counter: u32) -> u64 {
    unreachable!("counters are not mapped on this architecture")
}

/// Never called: no page is mapped where [`AVAILABLE`] is false.
#[cfg(not(target_arch = "x86_64"))]
pub fn ticks() -> u64 {
    unreachable!("counters are not mapped on this architecture")
}
