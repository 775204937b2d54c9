//! Which hardware counters are opened together: in one group if the PMU has room for it, else in groups that take
//! turns. Pure: what counts is asked of a function.

use crate::measure::counters::FAMILIES;

/// How hardware counters are opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrangement {
    /// The groups, each a list of places.
    pub groups: Vec<Vec<usize>>,
    /// Whether one group was too much.
    pub split: bool,
    /// Counters that fit in no group: they work alone, but not beside the others.
    pub left_out: Vec<usize>,
}

/// Arranges these counters. `count` opens groups all at once and says of each whether it ever counted.
pub fn arrange(hardware: &[usize], mut count: impl FnMut(&[Vec<usize>]) -> Vec<bool>) -> Arrangement {
    let together = vec![hardware.to_vec()];
    if hardware.is_empty() || count(&together) == [true] {
        return Arrangement { groups: together, ..Arrangement::default() };
    }
    let of_family = |family: &&[usize]| hardware.iter().copied().filter(|place| family.contains(place)).collect();
    let mut groups: Vec<Vec<usize>> =
        FAMILIES.iter().map(of_family).filter(|group: &Vec<_>| !group.is_empty()).collect();
    let mut left_out = Vec::new();
    loop {
        let counted = count(&groups);
        // A group that does not count even when it has its turn is larger than the PMU: its last member goes.
        let Some(too_large) = counted.iter().rposition(|counted| !counted) else { break };
        left_out.extend(groups[too_large].pop());
        groups.retain(|group| !group.is_empty());
    }
    Arrangement { groups, split: true, left_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];

    /// A PMU on which a group counts if it has at most this many members.
    fn check(room: usize, groups: &[&[usize]], split: bool, left_out: &[usize]) {
        let arranged = arrange(&ALL, |groups| groups.iter().map(|group| group.len() <= room).collect());
        let groups = groups.iter().map(|group| group.to_vec()).collect();
        assert_eq!(arranged, Arrangement { groups, split, left_out: left_out.to_vec() }, "room for {room}");
    }

    #[test]
    fn a_group_that_fits_is_not_split_and_one_that_does_not_is_split_by_family() {
        check(6, &[&ALL], false, &[]);
        check(5, &[&[0, 1], &[2, 3], &[4, 5]], true, &[]);
        check(2, &[&[0, 1], &[2, 3], &[4, 5]], true, &[]);
    }

    #[test]
    fn what_fits_in_no_group_is_left_out() {
        check(1, &[&[0], &[2], &[4]], true, &[5, 3, 1]);
        check(0, &[], true, &[5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_family_of_which_one_counter_works_is_a_group_of_one() {
        let arranged = arrange(&[0, 1, 3, 4], |groups| groups.iter().map(|group| group.len() <= 2).collect());
        assert_eq!(arranged.groups, [vec![0, 1], vec![3], vec![4]]);
        let none = arrange(&[], |_| unreachable!("there is nothing to open"));
        assert!(!none.split && none.groups.concat().is_empty());
    }
}
