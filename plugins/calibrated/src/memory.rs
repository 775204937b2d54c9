//! Touches memory: a working set, one byte per cache line; fresh pages, one byte per page.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use gild_abi::Result;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use nix::unistd::{SysconfVar, sysconf};
use serde::{Deserialize, Serialize};

/// Bytes from one touch of a working set to the next: the line of all x86-64 and nearly all arm64 processors.
pub const LINE_BYTES: usize = 64;

/// What touching a working set knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// Bytes mapped, by one mmap.
    pub bytes: u64,
    /// Writes, one per cache line.
    pub lines: u64,
}

/// What faulting pages in knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faulted {
    /// Fresh pages touched: as many minor faults.
    pub pages: u64,
}

/// Touches one byte of each cache line of that much fresh memory.
pub(crate) fn touch_lines(bytes: NonZeroUsize, mut safe_point: impl FnMut() -> Result<()>) -> Result<Touched> {
    let pages = Pages::map(bytes)?;
    let mut lines = 0;
    for offset in (0..bytes.get()).step_by(LINE_BYTES) {
        pages.touch(offset);
        lines += 1;
        safe_point()?;
    }
    Ok(Touched { bytes: bytes.get() as u64, lines })
}

/// Touches that many fresh pages.
pub(crate) fn touch_pages(count: NonZeroUsize, mut safe_point: impl FnMut() -> Result<()>) -> Result<Faulted> {
    let page = page_bytes();
    let bytes = count.checked_mul(page).ok_or_else(|| gild_abi::Error::new("fault_pages is too large"))?;
    let pages = Pages::map(bytes)?;
    for number in 0..count.get() {
        pages.touch(number * page.get());
        safe_point()?;
    }
    Ok(Faulted { pages: count.get() as u64 })
}

/// Bytes of a page of this machine.
fn page_bytes() -> NonZeroUsize {
    let bytes = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|bytes| usize::try_from(bytes).ok());
    bytes.and_then(NonZeroUsize::new).expect("every Linux knows its page size")
}

/// Private anonymous memory that nobody has touched, in small pages. Given back when dropped.
struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

impl Pages {
    fn map(bytes: NonZeroUsize) -> io::Result<Pages> {
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the system's choice changes no memory that anybody knows of.
        let start = unsafe { mmap_anonymous(None, bytes, protection, MapFlags::MAP_PRIVATE) }?;
        let pages = Pages { start: start.cast(), bytes: bytes.get() };
        // SAFETY: the range is the mapping just made, and the advice does not change its content.
        match unsafe { madvise(start, bytes.get(), MmapAdvise::MADV_NOHUGEPAGE) } {
            // A system without huge pages does not know the advice, and does not need it.
            Ok(()) | Err(nix::errno::Errno::EINVAL) => Ok(pages),
            Err(errno) => Err(errno.into()),
        }
    }

    fn touch(&self, offset: usize) {
        assert!(offset < self.bytes, "byte {offset} of {}", self.bytes);
        // SAFETY: inside the mapping, which is readable and writable, lives as long as `self`, and is known to this
        // thread only, because `Pages` is neither `Send` nor `Sync`.
        unsafe { self.start.add(offset).write_volatile(1) };
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map`, no reference into it exists, and it is unmapped once.
        unsafe { munmap(self.start.cast(), self.bytes) }.expect("a mapping of our own can be unmapped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::measured;

    fn size(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    #[test]
    fn each_fresh_page_is_one_minor_fault() {
        for count in [1, 7, 1000] {
            measured(|| touch_pages(size(1), || Ok(()))).unwrap();
            let part = measured(|| touch_pages(size(count), || Ok(()))).unwrap();
            assert_eq!(part.figures.minor_faults, count as u64, "{part:?}");
            assert_eq!(part.truth.pages, count as u64);
        }
    }

    #[test]
    fn a_working_set_is_touched_line_by_line() {
        for (bytes, lines) in [(1, 1), (64, 1), (65, 2), (1 << 20, 1 << 14)] {
            measured(|| touch_lines(size(1), || Ok(()))).unwrap();
            let part = measured(|| touch_lines(size(bytes), || Ok(()))).unwrap();
            assert_eq!(part.truth, Touched { bytes: bytes as u64, lines });
            assert_eq!(part.figures.minor_faults, bytes.div_ceil(page_bytes().get()) as u64, "{part:?}");
        }
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let error = touch_lines(size(1 << 60), || Ok(())).unwrap_err();
        assert!(error.to_string().contains("ENOMEM") || error.to_string().contains("memory"), "{error}");
        touch_pages(size(usize::MAX), || Ok(())).unwrap_err();
    }

    #[test]
    fn a_cancel_gives_the_memory_back() {
        let mapped = || std::fs::read_to_string("/proc/self/statm").unwrap();
        let mut before_cancel = String::new();
        let error = touch_pages(size(1 << 18), || {
            before_cancel = mapped();
            Err(gild_abi::Error::cancelled())
        });
        assert!(error.unwrap_err().is_cancelled());
        let total = |statm: &str| statm.split(' ').next().unwrap().parse::<u64>().unwrap();
        // 1 GiB of address space; half of it is more than all other tests of this process map meanwhile.
        assert!(total(&before_cancel) - total(&mapped()) > 1 << 17, "{before_cancel} {}", mapped());
    }
}
