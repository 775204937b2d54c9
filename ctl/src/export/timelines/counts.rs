//! How many workers were in some phase at any time, from their timelines. Pure.
//!
//! A count begins where the timelines of all workers are whole: before, it would lack those who are not seen.

use gild_model::phase::Phase;
use gild_model::timeline::{Interval, Timeline};

use super::ownership::whole_from_ns;

/// What is counted: its name, and the phases that count.
const KINDS: [(&str, &[Phase]); 6] = [
    ("computing", &[Phase::Compute]),
    ("waiting for the lock", &[Phase::LockWait, Phase::SwitchWait]),
    ("waiting for other locks", &[Phase::OtherLock]),
    ("waiting for I/O", &[Phase::IoWait]),
    ("moving values", &[Phase::Decode, Phase::Encode, Phase::Send, Phase::Receive]),
    ("idle", &[Phase::Idle]),
];

/// A number of workers over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What is counted.
    pub name: &'static str,
    /// From when on there were how many; the last one is zero.
    pub steps: Vec<(i64, u32)>,
}

/// The counts of workers, of whatever any of them did.
pub fn counts(workers: &[&Timeline]) -> Vec<Count> {
    let starts = workers.iter().filter_map(|it| it.intervals().next()).map(|it| it.from_ns);
    let Some(start_ns) = starts.min() else { return Vec::new() };
    let from_ns = start_ns.max(whole_from_ns(workers.iter().copied()));
    let count = |(name, phases): &(&'static str, &[Phase])| Count { name, steps: steps(workers, phases, from_ns) };
    KINDS.iter().map(count).filter(|it| it.steps.len() > 1).collect()
}

fn steps(workers: &[&Timeline], phases: &[Phase], from_ns: i64) -> Vec<(i64, u32)> {
    let intervals = workers.iter().flat_map(|it| it.intervals()).filter(|it| phases.contains(&it.meaning.phase));
    let mut changes: Vec<(i64, i32)> =
        intervals.flat_map(|it| [(it.from_ns, 1), (it.until_ns, -1)]).filter(|(at_ns, _)| *at_ns >= from_ns).collect();
    // Those who are in one of the phases at the start.
    let there = |it: &&&Timeline| it.intervals().any(|it| is_open(it, from_ns) && phases.contains(&it.meaning.phase));
    let mut count = workers.iter().filter(there).count() as i32;
    changes.sort_unstable_by_key(|(at_ns, _)| *at_ns);
    let mut steps = vec![(from_ns, count.cast_unsigned())];
    for change in changes.chunk_by(|a, b| a.0 == b.0) {
        count += change.iter().map(|(_, by)| by).sum::<i32>();
        debug_assert!(count >= 0, "whoever leaves a phase was in it");
        push(&mut steps, change[0].0, count.cast_unsigned());
    }
    steps
}

/// Whether an interval began before this time and goes on until then at least.
fn is_open(interval: Interval, at_ns: i64) -> bool {
    interval.from_ns < at_ns && interval.until_ns >= at_ns
}

/// A step, unless it is none.
fn push(steps: &mut Vec<(i64, u32)>, at_ns: i64, count: u32) {
    match steps.last_mut() {
        Some(last) if last.0 == at_ns => last.1 = count,
        Some(last) if last.1 == count => {}
        _ => steps.push((at_ns, count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::timelines::timeline;
    use Phase::{Compute, Idle, LockWait, SwitchWait, Teardown};

    fn drawn(workers: &[Timeline]) -> Vec<String> {
        let all: Vec<&Timeline> = workers.iter().collect();
        let line = |it: Count| {
            let steps: Vec<_> = it.steps.iter().map(|(at_ns, count)| format!("{at_ns}:{count}")).collect();
            format!("{} {}", it.name, steps.join(" "))
        };
        counts(&all).into_iter().map(line).collect()
    }

    #[test]
    fn each_worker_counts_while_it_is_in_the_phase() {
        let one = timeline(&[(0, Compute), (20, LockWait), (30, Compute), (40, Idle)], 50);
        let other = timeline(&[(5, LockWait), (20, Compute), (35, SwitchWait), (36, LockWait), (50, Teardown)], 60);
        let expected =
            ["computing 0:1 30:2 35:1 40:0", "waiting for the lock 0:0 5:1 30:0 35:1 50:0", "idle 0:0 40:1 50:0"];
        assert_eq!(drawn(&[one, other]), expected);
    }

    #[test]
    fn a_count_begins_when_everybody_is_seen() {
        let one = timeline(&[(0, Compute), (40, Idle)], 50);
        let mut other = timeline(&[(20, Compute), (30, Idle)], 60);
        other.dropped = 7;
        assert_eq!(drawn(&[one.clone(), other]), ["computing 20:2 30:1 40:0", "idle 20:0 30:1 40:2 50:1 60:0"]);
        let nothing = Timeline::new(7);
        assert!(drawn(&[one, nothing]).is_empty(), "one of the two is never seen");
    }

    #[test]
    fn an_interval_of_no_length_leaves_no_step() {
        let one = timeline(&[(0, Compute), (10, LockWait), (10, Compute)], 20);
        assert_eq!(drawn(&[one]), ["computing 0:1 20:0"]);
        assert!(drawn(&[]).is_empty());
    }
}
