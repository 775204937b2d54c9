//! The memory that a perf event shares with the process that maps it: a page of control data, then a ring or nothing.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use perf_event::Counter;

use super::perf_page::PerfPage;

/// A perf event's mapped memory.
#[derive(Debug)]
pub struct Mapping {
    page: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to its owner alone, and where in the process it is used from changes nothing about it.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps the control page and `data_pages` pages behind it. Without data pages it is mapped for reading only.
    ///
    /// # Errors
    /// EPERM: the budget of locked memory is spent (perf_event_mlock_kb, RLIMIT_MEMLOCK).
    pub fn of(event: &Counter, data_pages: usize) -> io::Result<Mapping> {
        let length = page_size() * (1 + data_pages);
        let mut protection = ProtFlags::PROT_READ;
        if data_pages > 0 {
            protection |= ProtFlags::PROT_WRITE;
        }
        // SAFETY: `event` owns the descriptor and outlives this call.
        let fd = unsafe { BorrowedFd::borrow_raw(event.as_raw_fd()) };
        let size = NonZeroUsize::new(length).expect("there is at least one page");
        // SAFETY: a new shared mapping at an address of the kernel's choice aliases nothing of this process.
        let page = unsafe { mmap(None, size, protection, MapFlags::MAP_SHARED, fd, 0) }?;
        Ok(Mapping { page: page.cast(), length })
    }

    /// Size, in bytes.
    pub fn bytes(&self) -> usize {
        self.length
    }

    /// The control page, as far as it is about the counter.
    #[inline(always)]
    pub fn control(&self) -> &PerfPage {
        // SAFETY: the mapping is at least a page long, page-aligned, lives as long as `self`, and every field of
        // `PerfPage` is an atomic, which the kernel may change at any time.
        unsafe { self.page.cast::<PerfPage>().as_ref() }
    }

    /// The eight bytes at `offset`.
    ///
    /// # Panics
    /// They do not lie in the mapping, or are not aligned (in debug builds: this is on the path of a mark).
    #[inline(always)]
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset.is_multiple_of(8) && offset + 8 <= self.length);
        // SAFETY: the callers (`switch_ring`) use constants inside the control page, and offsets that are taken modulo
        // the size of the data behind it; all are multiples of eight. The kernel is the only other party.
        unsafe { self.page.add(offset).cast::<AtomicU64>().as_ref() }
    }
}

/// Size of a page, in bytes.
pub fn page_size() -> usize {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    usize::try_from(size.expect("every Linux tells its page size")).expect("a page size is positive")
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `of` mapped exactly this range, and this is the process that did: a forked child, where the kernel
        // leaves perf mappings out (VM_DONTCOPY), never drops its parent's (`models::process` ends it by _exit).
        let unmapped = unsafe { munmap(self.page.cast(), self.length) };
        debug_assert!(unmapped.is_ok(), "munmap of an own mapping fails only for a wrong range");
    }
}
