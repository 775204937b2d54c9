//! The shared mapping of a recording, and taking places in it.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

use super::functions::{FUNCTIONS, FunctionCell};
use super::layout::{
    CHILD_OF, Header, Kind, MAGIC, Place, RING_CAPACITY, Role, offset_of_functions, size_of_memory, start_of_rings,
};
use crate::clock::Anchor;
use crate::ledger::layout::Section;
use crate::ledger::timeline::Rings;
use crate::ledger::writer::stamp_birth;

/// A mapped recording. Everything in it is atomic, so shared references are all that is ever needed.
#[derive(Debug)]
pub struct Map {
    base: NonNull<u8>,
    capacity: u32,
}

// SAFETY: the mapping is only ever reached through `&Header` and `&Place`, whose fields are all atomics.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Makes memory for this many places; what nobody touches is never there.
    ///
    /// # Errors
    /// memfd_create, ftruncate, fcntl or mmap failed.
    pub fn create(capacity: u32) -> io::Result<(Map, OwnedFd)> {
        let file = memfd_create(c"gild-recording", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        ftruncate(&file, size_of_memory(capacity) as i64)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL))?;
        let map = Map::of_size(&file, capacity)?;
        map.header().capacity.store(capacity, Relaxed);
        map.header().magic.store(MAGIC, Relaxed);
        Ok((map, file))
    }

    /// Maps memory that somebody else made.
    ///
    /// # Errors
    /// mmap failed, or it is no recording of this version.
    pub fn attach(file: impl AsFd) -> io::Result<Map> {
        let header = Map::of_size(&file, 0)?;
        let (magic, capacity) = (header.header().magic.load(Relaxed), header.header().capacity.load(Relaxed));
        if magic != MAGIC {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Map::of_size(&file, capacity)
    }

    fn of_size(file: impl AsFd, capacity: u32) -> io::Result<Map> {
        let size = size_of_memory(capacity);
        if fstat(file.as_fd())?.st_size < size as i64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = NonZeroUsize::new(size).expect("there is at least a header");
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new shared mapping at an address of the kernel's choice aliases nothing of this process; the file is at
        // least `size` long (checked above), and `create` has sealed it against shrinking.
        let base = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, file, 0) }?;
        Ok(Map { base: base.cast(), capacity })
    }

    /// What concerns the whole recording.
    pub fn header(&self) -> &Header {
        // SAFETY: the mapping begins with a `Header`, is page-aligned, lives as long as `self`, and holds only atomics, for
        // which every bit pattern is valid.
        unsafe { self.base.cast::<Header>().as_ref() }
    }

    /// Number of places.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Places that have been taken.
    pub fn taken(&self) -> u32 {
        self.header().asked.load(Acquire).min(self.capacity)
    }

    /// Threads for which there was no place.
    pub fn without_place(&self) -> u32 {
        self.header().asked.load(Acquire).saturating_sub(self.capacity)
    }

    /// A place; `None` for a number that there is not.
    pub fn place(&self, number: u32) -> Option<&Place> {
        if number >= self.capacity {
            return None;
        }
        let offset = size_of::<Header>() + number as usize * size_of::<Place>();
        // SAFETY: `number` is below the capacity (checked above), for which `of_size` made sure that there is room; both
        // sizes are multiples of the alignment; the rest as in `header`.
        Some(unsafe { self.base.add(offset).cast::<Place>().as_ref() })
    }

    /// The rings of all places, in which their marks are noted.
    pub fn rings(&'static self) -> Rings {
        Rings::of_words(self.words_of_rings(), RING_CAPACITY)
    }

    /// The words of the rings.
    pub fn words_of_rings(&self) -> &[AtomicU64] {
        let words = self.capacity as usize * RING_CAPACITY as usize;
        // SAFETY: `of_size` made sure that there is room for the rings of `capacity` places, and mapped it; they begin at a
        // multiple of the page size, and hold only atomics, for which every bit pattern is valid.
        unsafe { std::slice::from_raw_parts(self.base.add(start_of_rings(self.capacity)).cast().as_ptr(), words) }
    }

    /// An entry of the table of functions; `None` for a number that there is not.
    pub fn function(&self, number: u32) -> Option<&FunctionCell> {
        if number >= FUNCTIONS {
            return None;
        }
        let offset = offset_of_functions(self.capacity) + number as usize * size_of::<FunctionCell>();
        // SAFETY: `number` is below their count (checked above), for which `of_size` made sure that there is room behind the
        // places; the sizes of header and place are multiples of the alignment; the rest as in `header`.
        Some(unsafe { self.base.add(offset).cast::<FunctionCell>().as_ref() })
    }

    /// Takes the next place; `None` if there is none left, which is counted.
    pub fn take_place(&self) -> Option<u32> {
        let number = self.header().asked.fetch_add(1, AcqRel);
        (number < self.capacity).then_some(number)
    }

    /// Somebody is born in a place.
    pub fn be_born(&self, number: u32, kind: Kind, leader: u32, at: Anchor) -> Option<&Place> {
        let place = self.place(number)?;
        place.who.leader.store(leader + 1, Relaxed);
        place.who.role.store(Role::Nobody.number(), Relaxed);
        place.section.place.store(number, Relaxed);
        stamp_birth(&place.section, at.ticks, at.raw_ns);
        place.who.kind.store(kind as u32, Release);
        Some(place)
    }

    /// Gives a place up in which nobody was born after all, or whose accounts have been added to others.
    pub fn clear_place(&self, number: u32) {
        let Some(place) = self.place(number) else { return };
        place.who.kind.store(Kind::Free as u32, Relaxed);
        for word in words(&place.section) {
            word.store(0, Relaxed);
        }
    }

    /// Leaves a place to the program that this process is about to execute. `false`: there is no room.
    pub fn hand_over(&self, pid: u32, number: u32) -> bool {
        self.exchange_handover(0, handover(pid, number, 0))
    }

    /// Leaves a place to a child that this process is about to start. `false`: there is no room.
    pub fn hand_over_to_child(&self, parent: u32, number: u32) -> bool {
        self.exchange_handover(0, handover(parent, number, CHILD_OF))
    }

    /// The child's id is known (`None`: there is no child): the place is left to it alone. `false`: somebody has come for the
    /// place already.
    pub fn name_child(&self, parent: u32, number: u32, child: Option<u32>) -> bool {
        let to = child.map_or(0, |child| handover(child, number, 0));
        self.exchange_handover(handover(parent, number, CHILD_OF), to)
    }

    fn exchange_handover(&self, from: u64, to: u64) -> bool {
        self.header().handovers.iter().any(|slot| slot.compare_exchange(from, to, AcqRel, Relaxed).is_ok())
    }

    /// The place that was left to this process, or else to a child of its parent, if one was.
    pub fn take_over(&self, pid: u32, parent: u32) -> Option<u32> {
        let take = |whose: u32, kind: u32| {
            self.header().handovers.iter().find_map(|slot| {
                let entry = slot.load(Acquire);
                let (of, number) = ((entry >> 32) as u32, entry as u32);
                let is_mine = entry != 0 && of == whose && number & CHILD_OF == kind;
                let taken = is_mine && slot.compare_exchange(entry, 0, AcqRel, Relaxed).is_ok();
                taken.then(|| (number & !CHILD_OF) - 1)
            })
        };
        take(pid, 0).or_else(|| take(parent, CHILD_OF))
    }
}

fn handover(pid: u32, number: u32, kind: u32) -> u64 {
    u64::from(pid) << 32 | u64::from((number + 1) | kind)
}

/// The words that a section is made of.
fn words(section: &Section) -> &[AtomicU64] {
    let length = size_of::<Section>() / size_of::<AtomicU64>();
    // SAFETY: a section is `repr(C)`, aligned to 128 bytes and a multiple of it long, and made of nothing but atomics, in
    // which any bit pattern is valid: it may be seen as so many 64-bit atomics for as long as it is borrowed.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(section).cast::<AtomicU64>(), length) }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: `of_size` mapped exactly this range, and every reference into it borrows from `self`.
        let unmapped = unsafe { munmap(self.base.cast(), size_of_memory(self.capacity)) };
        debug_assert!(unmapped.is_ok(), "munmap of an own mapping fails only for a wrong range");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn places_are_taken_until_there_are_no_more_and_the_rest_is_counted() {
        let (map, file) = Map::create(2).unwrap();
        let other = Map::attach(File::from(file)).unwrap();
        assert_eq!(
            [map.take_place(), other.take_place(), map.take_place(), map.take_place()],
            [Some(0), Some(1), None, None]
        );
        assert_eq!((other.taken(), other.without_place()), (2, 2));
        assert!(map.place(2).is_none());
    }

    #[test]
    fn a_place_is_handed_over_to_the_process_that_it_was_left_to() {
        let (map, _file) = Map::create(1).unwrap();
        assert!(map.hand_over(77, 0));
        let take = |pid| map.take_over(pid, 1);
        assert_eq!((take(78), take(77), take(77)), (None, Some(0), None));
        assert!((0..64).all(|pid| map.hand_over(pid + 1, 0)));
        assert!(!map.hand_over(99, 0), "there is no room for more");
    }

    #[test]
    fn a_place_is_left_to_a_child_that_has_no_number_yet() {
        let (map, _file) = Map::create(4).unwrap();
        assert!(map.hand_over_to_child(7, 1) && map.hand_over_to_child(7, 2) && map.hand_over_to_child(7, 3));
        assert_eq!(map.take_over(7, 1), None, "it is not for the parent itself");
        assert_eq!(map.take_over(70, 7), Some(1), "the child was faster than its parent");
        assert!(!map.name_child(7, 1, Some(70)));
        assert!(map.name_child(7, 2, Some(71)) && map.name_child(7, 3, None));
        assert_eq!((map.take_over(72, 7), map.take_over(71, 7)), (None, Some(2)));
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for size in [0, size_of_memory(1) as u64] {
            std::fs::File::create(&path).unwrap().set_len(size).unwrap();
            let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
            assert_eq!(Map::attach(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_place_that_is_cleared_is_as_new() {
        let (map, _file) = Map::create(1).unwrap();
        let place = map.be_born(map.take_place().unwrap(), Kind::Thread, 0, Anchor { ticks: 5, raw_ns: 6 }).unwrap();
        place.section.slots[3].wall_ticks.store(9, Relaxed);
        map.clear_place(0);
        assert!(words(&place.section).iter().all(|word| word.load(Relaxed) == 0));
        assert_eq!(Kind::from_number(place.who.kind.load(Relaxed)), Kind::Free);
    }
}
