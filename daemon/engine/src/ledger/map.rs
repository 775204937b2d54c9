//! The shared mapping of a ledger.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

use super::layout::{Header, MAGIC, Section, size_of_sections};
use super::task_log::layout::{ENTRY_BYTES, TaskEntry, offset, size_of_file};
use super::timeline::MARK_BYTES;

/// A mapped ledger. Everything in it is atomic, so shared references are all that is ever needed.
#[derive(Debug)]
pub struct Map {
    base: NonNull<u8>,
    workers: u32,
}

// SAFETY: the mapping is only ever reached through `&Header` and `&Section`, whose fields are all atomics.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps a fresh ledger for `workers` workers with rings of this capacity, made by [`memory_file`].
    ///
    /// # Errors
    /// fstat or mmap failed, or the file is too short.
    pub fn create(file: impl AsFd, workers: u32, ring_capacity: u32) -> io::Result<Map> {
        let map = Map::of_size(file, workers)?;
        map.header().workers.store(workers, Relaxed);
        map.header().ring_capacity.store(ring_capacity, Relaxed);
        for index in 0..workers {
            map.worker(index).number.store(index, Relaxed);
            map.worker(index).place.store(index + 1, Relaxed);
        }
        map.header().magic.store(MAGIC, Relaxed);
        Ok(map)
    }

    /// A ledger of this process alone, for measuring what a mark costs and for tests.
    ///
    /// # Errors
    /// memfd_create, ftruncate or mmap failed.
    pub fn private(workers: u32) -> io::Result<Map> {
        Map::create(memory_file(workers, 0)?, workers, 0)
    }

    /// Maps a ledger that somebody else created.
    ///
    /// # Errors
    /// As [`Map::create`], or the file is not a ledger of this version.
    pub fn attach(file: impl AsFd) -> io::Result<Map> {
        let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let file = file.as_fd();
        let workers =
            Map::of_size(file, 0)?.checked_workers().ok_or_else(|| bad("not a ledger of this version of gild"))?;
        Map::of_size(file, workers)
    }

    fn checked_workers(&self) -> Option<u32> {
        let header = self.header();
        (header.magic.load(Relaxed) == MAGIC).then(|| header.workers.load(Relaxed))
    }

    fn of_size(file: impl AsFd, workers: u32) -> io::Result<Map> {
        let size = size_of_sections(workers);
        if fstat(file.as_fd())?.st_size < size as i64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the ledger is shorter than its header says"));
        }
        let length = NonZeroUsize::new(size).expect("a ledger has at least a header");
        let (protection, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
        // SAFETY: a new shared mapping at an address of the kernel's choice aliases nothing of this process; the file
        // is at least `size` long (checked above) and sealed against shrinking (`memory_file`).
        let base = unsafe { mmap(None, length, protection, flags, file, 0) }?;
        Ok(Map { base: base.cast(), workers })
    }

    /// Number of workers.
    pub fn workers(&self) -> u32 {
        self.workers
    }

    /// What concerns the whole trial.
    pub fn header(&self) -> &Header {
        // SAFETY: the mapping begins with a `Header`, is page-aligned, lives as long as `self`, and holds only atomics,
        // for which every bit pattern is valid.
        unsafe { self.base.cast::<Header>().as_ref() }
    }

    /// The coordinator's section.
    pub fn coordinator(&self) -> &Section {
        self.section(0)
    }

    /// A worker's section.
    ///
    /// # Panics
    /// There is no such worker.
    pub fn worker(&self, index: u32) -> &Section {
        assert!(index < self.workers, "worker {index} of {}", self.workers);
        self.section(index as usize + 1)
    }

    fn section(&self, place: usize) -> &Section {
        let offset = size_of::<Header>() + place * size_of::<Section>();
        // SAFETY: `place` is at most `workers` (0, or checked in `worker`), and `of_size` made sure that header and
        // `workers + 1` sections fit; both sizes are multiples of the alignment; the rest as in `header`.
        unsafe { self.base.add(offset).cast::<Section>().as_ref() }
    }
}

/// Maps the first `count` entries of the task log of a ledger with so many workers, for as long as the process lives.
///
/// # Errors
/// fstat or mmap failed, or the file is too short.
pub fn map_entries(file: impl AsFd, workers: u32, count: usize) -> io::Result<&'static [TaskEntry]> {
    let Some(length) = NonZeroUsize::new(count * ENTRY_BYTES) else { return Ok(&[]) };
    let start = offset(workers);
    if fstat(file.as_fd())?.st_size < (start + length.get()) as i64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the ledger is too short for its task log"));
    }
    let (protection, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
    // SAFETY: as in `of_size`; the offset is a multiple of every page size (`task_log::layout`).
    let base = unsafe { mmap(None, length, protection, flags, file, start as i64) }?;
    // SAFETY: the mapping has `count` entries, is page-aligned, is never unmapped, and holds only atomics, for which
    // every bit pattern is valid.
    Ok(unsafe { std::slice::from_raw_parts(base.cast::<TaskEntry>().as_ptr(), count) })
}

/// Maps the rings of a ledger with so many workers, each of this capacity, for as long as the process lives.
///
/// # Errors
/// fstat or mmap failed, or the file is too short.
pub fn map_rings(file: impl AsFd, workers: u32, capacity: u32) -> io::Result<&'static [AtomicU64]> {
    let words = (workers as usize + 1) * capacity as usize;
    let Some(length) = NonZeroUsize::new(words * MARK_BYTES) else { return Ok(&[]) };
    let start = size_of_file(workers);
    if fstat(file.as_fd())?.st_size < (start + length.get()) as i64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the ledger is too short for its rings"));
    }
    let (protection, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
    // SAFETY: as in `of_size`; the task log ends at a multiple of every page size (`task_log::layout`).
    let base = unsafe { mmap(None, length, protection, flags, file, start as i64) }?;
    // SAFETY: the mapping has so many words, is page-aligned, is never unmapped, and holds only atomics, for which every
    // bit pattern is valid.
    Ok(unsafe { std::slice::from_raw_parts(base.cast::<AtomicU64>().as_ptr(), words) })
}

/// A memfd of the right size for `workers` workers, the largest task log and rings of this capacity included, sealed against
/// changes of its size.
///
/// # Errors
/// memfd_create, ftruncate or fcntl failed.
pub fn memory_file(workers: u32, ring_capacity: u32) -> io::Result<OwnedFd> {
    let file = memfd_create(c"gild-ledger", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    let rings = (workers as usize + 1) * ring_capacity as usize * MARK_BYTES;
    ftruncate(&file, (size_of_file(workers) + rings) as i64)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL))?;
    Ok(file)
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: `of_size` mapped exactly this range, and every reference into it borrows from `self`.
        let unmapped = unsafe { munmap(self.base.cast(), size_of_sections(self.workers)) };
        debug_assert!(unmapped.is_ok(), "munmap of an own mapping fails only for a wrong range");
    }
}
