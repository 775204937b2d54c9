//! Who had a lock when, and who took it from whom, from the timelines of those who share it. Pure.
//!
//! A worker marks that it has the lock after it took it, and that it has not before it gives it back. So what the intervals
//! say is never more than the truth, and two of them overlap only where a lock changes hands without a mark (`cpython2` gives
//! it back and takes it again, and somebody was quicker). There the one who had it before had it no longer.

use gild_model::phase::Phase;
use gild_model::timeline::Timeline;

/// A time in which a worker had the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The worker's place among the tracks.
    pub track: usize,
    /// When it had the lock.
    pub from_ns: i64,
    /// When it had it no longer.
    pub until_ns: i64,
    /// Its first interval with the lock, by its place in the timeline.
    pub first: usize,
    /// Its last one.
    pub last: usize,
    /// It waited for the lock just before.
    waited: bool,
}

/// A hold that ended, and the one for which somebody had been waiting: places among the holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    /// Of the one who gave the lock away.
    pub from: usize,
    /// Of the one who got it.
    pub to: usize,
}

/// The life of a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Who had it, in the order of time; they do not overlap.
    pub holds: Vec<Hold>,
    /// Where it went from one worker to another that waited for it.
    pub hand_overs: Vec<HandOver>,
}

impl Ownership {
    /// Of a lock that these tracks share. Where it went is told only from when on the timelines of all of them are whole: before,
    /// somebody may have had it who is not seen.
    pub fn of<'t>(
        sharers: impl Iterator<Item = (usize, &'t Timeline)>,
        holds: fn(Phase) -> bool,
        whole_from_ns: i64,
    ) -> Ownership {
        let mut of = Ownership::default();
        for (track, timeline) in sharers {
            of.add(track, timeline, holds);
        }
        of.holds.sort_by_key(|hold| (hold.from_ns, hold.until_ns));
        for place in 1..of.holds.len() {
            let [before, next] = &mut of.holds[place - 1..=place] else { unreachable!("two neighbours") };
            before.until_ns = before.until_ns.min(next.from_ns);
            if before.track != next.track && next.waited && before.until_ns >= whole_from_ns {
                of.hand_overs.push(HandOver { from: place - 1, to: place });
            }
        }
        of
    }

    fn add(&mut self, track: usize, timeline: &Timeline, holds: fn(Phase) -> bool) {
        let mut before = None;
        for (place, interval) in timeline.intervals().enumerate() {
            let phase = interval.meaning.phase;
            let goes_on = before.is_some_and(holds);
            match self.holds.last_mut() {
                Some(hold) if holds(phase) && goes_on => (hold.last, hold.until_ns) = (place, interval.until_ns),
                _ if holds(phase) => self.holds.push(Hold {
                    track,
                    from_ns: interval.from_ns,
                    until_ns: interval.until_ns,
                    first: place,
                    last: place,
                    waited: before == Some(Phase::LockWait),
                }),
                _ => {}
            }
            before = Some(phase);
        }
    }
}

/// From when on none of these timelines lacks an interval.
pub fn whole_from_ns<'t>(timelines: impl Iterator<Item = &'t Timeline>) -> i64 {
    timelines.filter(|it| it.dropped > 0).map(missing_until_ns).max().unwrap_or(i64::MIN)
}

/// Until when intervals of a timeline that lacks some may be missing.
fn missing_until_ns(timeline: &Timeline) -> i64 {
    match timeline.intervals().next() {
        // One that has its beginning lacks its end: its ring was damaged.
        Some(first) if first.meaning.phase != Phase::Startup => first.from_ns,
        _ => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use Phase::{Compute, Idle, IoWait, LockWait, Startup, SwitchWait, Teardown};
    use gild_model::case::{Case, LockPolicy, Model};

    fn of(timelines: &[Timeline], model: Model) -> String {
        let case = Case { model, ..testing::case("c", Model::Threads, 2) };
        let whole_from_ns = whole_from_ns(timelines.iter());
        let of = Ownership::of(timelines.iter().enumerate(), case.has_lock_in().unwrap(), whole_from_ns);
        let holds = of.holds.iter().map(|it| format!("{}:{}-{}", it.track, it.from_ns, it.until_ns));
        let arrows = of.hand_overs.iter().map(|it| format!("{}>{}", it.from, it.to));
        holds.chain(arrows).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_hold_goes_on_over_phases_with_the_lock_and_ends_with_one_without() {
        let one = testing::timelines::timeline(
            &[(0, Startup), (10, Idle), (20, Compute), (30, IoWait), (40, Compute), (50, Idle), (60, Teardown)],
            70,
        );
        assert_eq!(of(std::slice::from_ref(&one), Model::Threads), "0:10-30 0:40-60");
        assert_eq!(of(&[one], Model::Hybrid), "0:20-30 0:40-50");
    }

    #[test]
    fn an_arrow_goes_to_whoever_waited_for_it() {
        let giver = testing::timelines::timeline(&[(0, Compute), (20, SwitchWait), (22, LockWait), (41, Compute)], 50);
        let taker = testing::timelines::timeline(&[(5, LockWait), (21, Compute), (40, IoWait)], 60);
        assert_eq!(of(&[giver, taker], Model::Threads), "0:0-20 1:21-40 0:41-50 0>1 1>2");
        let giver = testing::timelines::timeline(&[(0, Compute), (20, IoWait)], 50);
        let later = testing::timelines::timeline(&[(0, Startup), (30, Compute)], 60);
        assert_eq!(of(&[giver, later], Model::Threads), "0:0-20 1:30-60", "nobody had to wait");
    }

    #[test]
    fn where_marks_overlap_the_next_owner_has_it() {
        let one = testing::timelines::timeline(&[(0, Compute), (33, LockWait)], 40);
        let other = testing::timelines::timeline(&[(5, LockWait), (30, Compute)], 60);
        assert_eq!(of(&[one, other], Model::Threads), "0:0-30 1:30-60 0>1");
    }

    #[test]
    fn no_arrow_skips_an_owner_who_is_not_seen() {
        let giver = testing::timelines::timeline(&[(0, Compute), (20, LockWait), (30, Compute), (40, LockWait)], 50);
        let mut taker = testing::timelines::timeline(&[(25, LockWait), (41, Compute)], 60);
        taker.dropped = 3;
        assert_eq!(of(&[giver, taker], Model::Threads), "0:0-20 0:30-40 1:41-60 1>2");
    }

    #[test]
    fn locks_that_are_none_have_no_owner() {
        let mut free = testing::case("c", Model::Threads, 2);
        free.lock = Some(LockPolicy::None);
        let without = [free, testing::case("c", Model::Processes, 2), testing::case("c", Model::Sequential, 1)];
        assert!(without.iter().all(|case| case.has_lock_in().is_none()));
    }
}
