//! Who made this worker wait: the cells of a waiter's row, in its section.
//!
//! A row is not written by its worker alone: whoever releases a lock books to the rows of all who wait for it. Both do it
//! with the lock's own mutex held, so at any time there is one writer, and plain stores do. A worker waits for one lock at a
//! time.
//!
//! The cells of holders are found by hashing the holder's number, and stay where they are. When all are taken, further
//! holders are added up as `others`.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use gild_model::lock_wait::{Holder, LockKind};

/// Holders that a row tells apart.
pub const HOLDERS_MAX: usize = 64;
/// Locks that a row tells apart: a policy's or the interpreter's, and others.
const LOCKS: usize = 2;

/// Time waited for one holder.
#[derive(Debug)]
#[repr(C)]
pub struct WaitCell {
    /// The lock in the upper half, in the lower the holder's number plus one; 0: nobody has taken the cell.
    key: AtomicU64,
    /// Ticks waited.
    ticks: AtomicU64,
    /// How often.
    entries: AtomicU64,
}

/// What a worker waited.
#[derive(Debug)]
#[repr(C)]
pub struct WaitRow {
    holders: [WaitCell; HOLDERS_MAX],
    nobody: [WaitCell; LOCKS],
    others: [WaitCell; LOCKS],
    unknown: [WaitCell; LOCKS],
}

/// A cell as it was read: the holder's number is the one that it was booked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// Whether it is another lock than the policy's or the interpreter's.
    pub is_other_lock: bool,
    /// Who held it.
    pub holder: Holder,
    /// Ticks waited.
    pub ticks: u64,
    /// How often.
    pub entries: u64,
}

impl WaitCell {
    const fn new() -> WaitCell {
        WaitCell { key: AtomicU64::new(0), ticks: AtomicU64::new(0), entries: AtomicU64::new(0) }
    }

    /// Only one thread at a time writes: no locked instruction is needed.
    #[inline]
    fn add(&self, ticks: u64, entries: u64) {
        self.ticks.store(self.ticks.load(Relaxed).wrapping_add(ticks), Relaxed);
        self.entries.store(self.entries.load(Relaxed).wrapping_add(entries), Relaxed);
    }

    fn read(&self, is_other_lock: bool, holder: Holder) -> Option<Waited> {
        let (ticks, entries) = (self.ticks.load(Relaxed), self.entries.load(Relaxed));
        (ticks != 0 || entries != 0).then_some(Waited { is_other_lock, holder, ticks, entries })
    }
}

impl WaitRow {
    /// A row of somebody who has not waited.
    pub const fn new() -> WaitRow {
        WaitRow {
            holders: [const { WaitCell::new() }; HOLDERS_MAX],
            nobody: [const { WaitCell::new() }; LOCKS],
            others: [const { WaitCell::new() }; LOCKS],
            unknown: [const { WaitCell::new() }; LOCKS],
        }
    }

    /// Has the system map the pages of the row.
    pub fn touch_pages(&self) {
        for cell in self.holders.iter().chain(&self.unknown) {
            cell.entries.store(cell.entries.load(Relaxed), Relaxed);
        }
    }

    /// Books a wait. To be called by one thread at a time, which whoever calls sees to.
    #[inline]
    pub fn book(&self, lock: LockKind, holder: Holder, ticks: u64, entries: u64) {
        let place = usize::from(lock == LockKind::Other);
        let cell = match holder {
            Holder::Worker(number) => self.cell_of(place, number).unwrap_or(&self.others[place]),
            Holder::Nobody => &self.nobody[place],
            Holder::Others => &self.others[place],
            Holder::Unknown => &self.unknown[place],
        };
        cell.add(ticks, entries);
    }

    /// The cell of a holder; `None`: there is none left.
    #[inline]
    fn cell_of(&self, place: usize, number: u32) -> Option<&WaitCell> {
        let key = (place as u64) << 32 | (u64::from(number) + 1);
        let first = number as usize;
        for step in 0..HOLDERS_MAX {
            let cell = &self.holders[(first + step) % HOLDERS_MAX];
            match cell.key.load(Relaxed) {
                taken if taken == key => return Some(cell),
                0 => {
                    cell.key.store(key, Relaxed);
                    return Some(cell);
                }
                _ => {}
            }
        }
        None
    }

    /// How often the waiting for a policy's or the interpreter's lock ended with having it: whoever gets it leaves the list, and
    /// books what is left of the wait to nobody.
    pub fn times_got(&self) -> u64 {
        self.nobody[0].entries.load(Relaxed)
    }

    /// What was booked.
    pub fn read(&self) -> Vec<Waited> {
        let of_holder = |cell: &WaitCell| {
            let key = cell.key.load(Relaxed);
            let number = (key as u32).checked_sub(1)?;
            cell.read(key >> 32 != 0, Holder::Worker(number))
        };
        let special = |cells: &[WaitCell; LOCKS], holder| {
            cells.iter().enumerate().filter_map(|(place, cell)| cell.read(place != 0, holder)).collect::<Vec<_>>()
        };
        let holders = self.holders.iter().filter_map(of_holder).collect();
        [
            holders,
            special(&self.nobody, Holder::Nobody),
            special(&self.others, Holder::Others),
            special(&self.unknown, Holder::Unknown),
        ]
        .concat()
    }

    /// Adds this row to another, as that of a sum of threads. Several may do so at once, and nobody books to it otherwise.
    pub fn move_into(&self, sum: &WaitRow) {
        for waited in self.read() {
            let place = usize::from(waited.is_other_lock);
            let cell = match waited.holder {
                Holder::Worker(number) => sum.shared_cell_of(place, number).unwrap_or(&sum.others[place]),
                Holder::Nobody => &sum.nobody[place],
                Holder::Others => &sum.others[place],
                Holder::Unknown => &sum.unknown[place],
            };
            cell.ticks.fetch_add(waited.ticks, Relaxed);
            cell.entries.fetch_add(waited.entries, Relaxed);
        }
    }

    /// As [`WaitRow::cell_of`], where several may take cells at once.
    fn shared_cell_of(&self, place: usize, number: u32) -> Option<&WaitCell> {
        let key = (place as u64) << 32 | (u64::from(number) + 1);
        let cells = (0..HOLDERS_MAX).map(|step| &self.holders[(number as usize + step) % HOLDERS_MAX]);
        cells.into_iter().find(|cell| match cell.key.compare_exchange(0, key, Relaxed, Relaxed) {
            Ok(_) => true,
            Err(taken) => taken == key,
        })
    }
}

impl Default for WaitRow {
    fn default() -> WaitRow {
        WaitRow::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_a_cell_of_its_own_for_each_lock_until_there_are_no_more() {
        let row = WaitRow::new();
        assert_eq!(row.read(), []);
        for (lock, number) in [(LockKind::Policy, 7), (LockKind::Other, 7), (LockKind::Policy, 7 + 64)] {
            row.book(lock, Holder::Worker(number), u64::from(number), 1);
        }
        row.book(LockKind::Policy, Holder::Worker(7), 3, 1);
        let cell = |is_other_lock, number, ticks, entries| Waited {
            is_other_lock,
            holder: Holder::Worker(number),
            ticks,
            entries,
        };
        assert_eq!(row.read(), [cell(false, 7, 10, 2), cell(true, 7, 7, 1), cell(false, 71, 71, 1)]);
        for number in 0..100 {
            row.book(LockKind::Policy, Holder::Worker(number), 1, 1);
        }
        let read = row.read();
        assert_eq!(read.iter().filter(|it| it.holder.worker().is_some()).count(), HOLDERS_MAX);
        let others = read.iter().find(|it| it.holder == Holder::Others).unwrap();
        // 7 and 71 had cells, and so had the lock of another kind; the first 61 of the rest got one.
        assert_eq!((others.ticks, others.entries), (37, 37));
    }

    #[test]
    fn rows_of_threads_that_ended_add_up() {
        let (sum, row) = (WaitRow::new(), WaitRow::new());
        row.book(LockKind::Interpreter, Holder::Worker(9), 5, 1);
        row.book(LockKind::Other, Holder::Unknown, 6, 2);
        row.book(LockKind::Interpreter, Holder::Nobody, 7, 3);
        row.move_into(&sum);
        row.move_into(&sum);
        let twice: Vec<_> = row.read().iter().map(|it| (it.holder, it.ticks * 2, it.entries * 2)).collect();
        assert_eq!(sum.read().iter().map(|it| (it.holder, it.ticks, it.entries)).collect::<Vec<_>>(), twice);
    }
}
