//! What of the timelines of a trial is shown: the last intervals, if there are too many, from one moment on for all workers.

use gild_model::timeline::Timeline;

/// Where timelines were cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// What is shown begins here, in nanoseconds since the trial's wall time began.
    pub from_ns: i64,
    /// Intervals before that.
    pub left_out: u64,
}

/// Shortens timelines to at most so many intervals in all. They lose what ended before a moment that is the same for all of them, so
/// that what one worker waits for is not missing from another's. `None`: they are short enough.
pub fn cut(timelines: &mut [&mut Timeline], intervals_max: usize) -> Option<Cut> {
    let count: usize = timelines.iter().map(|it| it.len()).sum();
    if count <= intervals_max {
        return None;
    }
    let mut ends: Vec<i64> = timelines.iter().flat_map(|it| it.intervals().map(|interval| interval.until_ns)).collect();
    // All that end after this one are as many as may stay; of equal ends all go.
    let place = count - intervals_max - 1;
    let from_ns = *ends.select_nth_unstable(place).1;
    let mut left_out = 0;
    for timeline in timelines {
        let shortened = from(timeline, from_ns);
        left_out += (timeline.len() - shortened.len()) as u64;
        **timeline = shortened;
    }
    Some(Cut { from_ns, left_out })
}

/// The part of a timeline after a moment.
fn from(timeline: &Timeline, from_ns: i64) -> Timeline {
    let mut kept = Timeline::new(timeline.dropped);
    for interval in timeline.intervals().filter(|it| it.until_ns > from_ns) {
        kept.push(interval.from_ns.max(from_ns), interval.meaning);
    }
    kept.until_ns = if kept.is_empty() { from_ns } else { timeline.until_ns };
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_model::phase::Phase;
    use gild_model::timeline::Meaning;

    /// Intervals of 10 ns from 0 on.
    fn timeline(count: i64, offset: i64) -> Timeline {
        let mut timeline = Timeline::default();
        for at in 0..count {
            timeline.push(offset + at * 10, Meaning { phase: Phase::Compute, kernel_phase: None });
        }
        timeline.until_ns = offset + count * 10;
        timeline
    }

    fn spans(timeline: &Timeline) -> Vec<(i64, i64)> {
        timeline.intervals().map(|it| (it.from_ns, it.until_ns)).collect()
    }

    #[test]
    fn what_is_short_enough_stays() {
        let mut one = timeline(5, 0);
        assert_eq!(cut(&mut [&mut one], 5), None);
        assert_eq!(one, timeline(5, 0));
    }

    #[test]
    fn all_timelines_are_cut_at_one_moment() {
        let (mut one, mut other) = (timeline(10, 0), timeline(10, 5));
        let cut = cut(&mut [&mut one, &mut other], 6).unwrap();
        assert_eq!(cut, Cut { from_ns: 75, left_out: 14 });
        assert_eq!(spans(&one), [(75, 80), (80, 90), (90, 100)]);
        assert_eq!(spans(&other), [(75, 85), (85, 95), (95, 105)]);
    }

    #[test]
    fn a_timeline_that_ended_before_is_empty() {
        let (mut early, mut late) = (timeline(3, 0), timeline(10, 0));
        cut(&mut [&mut early, &mut late], 4).unwrap();
        assert!(early.is_empty() && late.len() <= 4, "{late:?}");
    }
}
