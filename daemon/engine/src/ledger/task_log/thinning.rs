//! Which tasks of a plan have an entry in the log.
//!
//! All of them, up to [`ENTRIES_MAX`]. Beyond that the plan is cut into groups of k = 2, 4, 8, … tasks, the least k that
//! fits, and one task of each group is logged. Which one of the group changes from group to group (Fibonacci hashing,
//! D. E. Knuth, The Art of Computer Programming 3, 6.4): a plan whose classes repeat with a period of k tasks would
//! otherwise have one class logged and the others not.

use super::layout::ENTRIES_MAX;

/// 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Tells which tasks are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Thinning {
    /// Binary logarithm of k.
    shift: u32,
}

impl Thinning {
    /// What a plan of so many tasks needs.
    pub fn of(tasks: u64) -> Thinning {
        let groups = tasks.div_ceil(ENTRIES_MAX).max(1);
        Thinning { shift: groups.next_power_of_two().trailing_zeros() }
    }

    /// What a ledger says; `None` for a number that no plan needs.
    pub fn from_shift(shift: u32) -> Option<Thinning> {
        (shift < u64::BITS - 1).then_some(Thinning { shift })
    }

    /// Binary logarithm of k.
    pub fn shift(self) -> u32 {
        self.shift
    }

    /// Of so many tasks one is logged.
    pub fn every(self) -> u64 {
        1 << self.shift
    }

    /// Entries of a plan of so many tasks.
    pub fn entries(self, tasks: u64) -> u64 {
        tasks.div_ceil(self.every())
    }

    /// The entry of a task, if it has one.
    #[inline(always)]
    pub fn entry_of(self, task: u64) -> Option<usize> {
        let group = task >> self.shift;
        (task == self.task_of(group)).then_some(group as usize)
    }

    /// The task of an entry. The last one may be beyond the plan: then the entry stays empty.
    #[inline(always)]
    pub fn task_of(self, entry: u64) -> u64 {
        let mask = self.every() - 1;
        (entry << self.shift) | (entry.wrapping_mul(GOLDEN) >> 32) & mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_of_a_plan_that_fits_is_logged() {
        for tasks in [1, 2, 1000, ENTRIES_MAX] {
            let thinning = Thinning::of(tasks);
            assert_eq!((thinning.every(), thinning.entries(tasks)), (1, tasks));
            assert_eq!(thinning.entry_of(tasks - 1), Some(tasks as usize - 1));
        }
    }

    #[test]
    fn of_a_plan_that_does_not_fit_one_task_of_each_group_is_logged() {
        for (tasks, every) in [(ENTRIES_MAX + 1, 2), (3 * ENTRIES_MAX, 4), (100_000_000, 128)] {
            let thinning = Thinning::of(tasks);
            assert_eq!(thinning.every(), every);
            assert!(thinning.entries(tasks) <= ENTRIES_MAX);
            let logged: Vec<u64> = (0..64 * every).filter(|task| thinning.entry_of(*task).is_some()).collect();
            assert_eq!(logged.len(), 64);
            assert!(logged.iter().zip(0..).all(|(task, group)| task / every == group));
            assert!(logged.iter().zip(0..).all(|(task, group)| thinning.task_of(group) == *task));
        }
    }

    #[test]
    fn classes_that_repeat_with_the_period_of_the_groups_are_all_logged() {
        let thinning = Thinning::of(4 * ENTRIES_MAX);
        let mut seen = [0; 4];
        (0..4096).for_each(|entry| seen[(thinning.task_of(entry) % 4) as usize] += 1);
        assert!(seen.iter().all(|count| (900..1150).contains(count)), "a quarter of 4096 each: {seen:?}");
    }
}
