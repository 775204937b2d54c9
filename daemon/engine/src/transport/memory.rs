//! The memory that two ends of a connection share: a ring for each direction, in a memfd.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

use super::ring::{self, WORD};

/// Bytes that are under way in one direction at most, before the writer waits.
pub const RING_BYTES: usize = 256 * 1024;

/// A ring of the size that connections have.
pub type Ring = ring::Ring<{ RING_BYTES / WORD }>;

/// What the file holds: one ring per direction.
type Rings = [Ring; 2];

/// A mapping of the memory, with the file behind it.
#[derive(Debug)]
pub struct Memory {
    base: NonNull<Rings>,
    file: OwnedFd,
}

// SAFETY: the mapping is only ever reached through `&Ring`, all of whose fields are atomics.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Fresh memory, whose size nobody can change.
    ///
    /// # Errors
    /// memfd_create, ftruncate, fcntl or mmap failed.
    pub fn create() -> io::Result<Memory> {
        let file = memfd_create(c"gild-transport", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        ftruncate(&file, size_of::<Rings>() as i64)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL))?;
        Memory::map(file)
    }

    /// Maps the memory that somebody else created.
    ///
    /// # Errors
    /// fstat or mmap failed, or the file is too short or could be shortened.
    pub fn map(file: OwnedFd) -> io::Result<Memory> {
        let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        if fstat(&file)?.st_size < size_of::<Rings>() as i64 {
            return Err(bad("the shared memory is too short"));
        }
        if fcntl(&file, FcntlArg::F_GET_SEALS)? & libc::F_SEAL_SHRINK == 0 {
            return Err(bad("the shared memory is not sealed"));
        }
        let length = NonZeroUsize::new(size_of::<Rings>()).expect("a ring has words");
        let (protection, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
        // SAFETY: a new shared mapping at an address of the kernel's choice aliases nothing of this process; the file is
        // at least as long and cannot be shortened (both checked above).
        let base = unsafe { mmap(None, length, protection, flags, &file, 0) }?;
        Ok(Memory { base: base.cast(), file })
    }

    /// The ring of a direction: 0 or 1.
    pub fn ring(&self, direction: usize) -> &Ring {
        // SAFETY: the mapping is page-aligned, as long as `Rings`, lives as long as `self`, and holds only atomics, for
        // which every bit pattern is valid.
        let rings: &Rings = unsafe { self.base.as_ref() };
        &rings[direction]
    }

    /// The file, for a process that is to map it, too.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `map` mapped exactly this range, and every reference into it borrows from `self`.
        let unmapped = unsafe { munmap(self.base.cast(), size_of::<Rings>()) };
        debug_assert!(unmapped.is_ok(), "munmap of an own mapping fails only for a wrong range");
    }
}
