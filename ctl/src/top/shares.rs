//! Shares and rates: two looks, subtracted. Pure.
//!
//! Where there was one look so far, the time since the beginning stands for the time between two.

use gild_model::account::Role;
use gild_model::live::LiveRow;
use gild_model::look::PhaseTime;
use gild_model::phase::Phase;

use super::palette::PARTS;
use super::state::{Seen, Span};
use crate::report::parts;

/// The times of a row's parts, in nanoseconds, in the order of the report.
pub type Times = [u64; PARTS];

/// A row's times within a span.
pub fn times(seen: &Seen, row: &LiveRow, span: Span) -> Times {
    let before = seen.before.as_ref().filter(|_| span == Span::Recent);
    let earlier = before.and_then(|it| it.accounts.rows.iter().find(|other| who(other) == who(row)));
    let mut times = [0u64; PARTS];
    for PhaseTime { phase, wall_ns } in &row.phases {
        let then = earlier.map_or(0, |it| wall_in(it, *phase));
        let part = &mut times[parts::place_of(*phase)];
        *part = part.saturating_add(wall_ns.saturating_sub(then));
    }
    times
}

/// Whose row it is: a worker's number stays its own, and a recording numbers its threads anew at each look.
fn who(row: &LiveRow) -> Who {
    match row.tasks_done {
        Some(_) => Who::Numbered(row.role, row.index),
        None => Who::Thread(row.pid, row.tid),
    }
}

#[derive(PartialEq, Eq)]
enum Who {
    Numbered(Role, u32),
    Thread(Option<u32>, Option<u32>),
}

fn wall_in(row: &LiveRow, phase: Phase) -> u64 {
    row.phases.iter().filter(|it| it.phase == phase).fold(0, |sum, it| sum.saturating_add(it.wall_ns))
}

/// How long the span is, in nanoseconds; `None`: it has no beginning yet.
pub fn span_ns(seen: &Seen) -> Option<u64> {
    let from_ns = seen.before.as_ref().map_or(seen.now.began_ns, |it| Some(it.accounts.at_ns))?;
    Some(seen.now.at_ns.saturating_sub(from_ns)).filter(|ns| *ns > 0)
}

/// Tasks done per second. `None`: not known yet, or nobody counts tasks.
pub fn tasks_per_s(seen: &Seen) -> Option<f64> {
    let now = seen.progress.as_ref()?.tasks_done;
    per_s(seen, now, seen.before.as_ref().map_or(Some(0), |it| it.tasks_done)?)
}

/// How often per second the lock went to somebody who had waited for it. `None`: not known.
pub fn hand_overs_per_s(seen: &Seen) -> Option<f64> {
    let then = seen.before.as_ref().map_or(0, |it| it.accounts.hand_overs.unwrap_or(0));
    per_s(seen, seen.now.hand_overs?, then)
}

fn per_s(seen: &Seen, now: u64, then: u64) -> Option<f64> {
    Some(now.saturating_sub(then) as f64 / (span_ns(seen)? as f64 / 1e9))
}

/// How many of `width` cells each part of a bar takes: together all of them, each within one cell of its share.
pub fn cells(times: &Times, width: u16) -> [u16; PARTS] {
    let sum: f64 = times.iter().map(|time| *time as f64).sum();
    let mut cells = [0; PARTS];
    if sum <= 0.0 {
        return cells;
    }
    let (mut so_far, mut drawn) = (0.0, 0);
    for (cell, time) in cells.iter_mut().zip(times) {
        so_far += *time as f64;
        // At most `width`, so it fits.
        let until = (so_far / sum * f64::from(width)).round() as u16;
        *cell = until.saturating_sub(drawn);
        drawn = drawn.max(until);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::live::{look, run};
    use crate::top::state::State;

    fn seen(looks: &[(u64, u64)]) -> Seen {
        let mut state = State::new();
        looks.iter().for_each(|(at_ns, tasks)| state.take(run(look(0, *at_ns, *tasks))));
        state.seen.unwrap()
    }

    #[test]
    fn rates_are_between_looks_and_from_the_beginning_if_there_was_one() {
        let one = seen(&[(2_000_000_000, 6)]);
        assert_eq!((span_ns(&one), tasks_per_s(&one)), (Some(2_000_000_000), Some(3.0)));
        let two = seen(&[(2_000_000_000, 6), (2_500_000_000, 11)]);
        assert_eq!((span_ns(&two), tasks_per_s(&two)), (Some(500_000_000), Some(10.0)));
        assert_eq!(hand_overs_per_s(&two), Some(100.0), "one in ten milliseconds");
        let mut starting = one.clone();
        starting.now.began_ns = None;
        assert_eq!((span_ns(&starting), tasks_per_s(&starting), hand_overs_per_s(&starting)), (None, None, None));
    }

    #[test]
    fn a_recent_bar_is_what_came_since_the_look_before() {
        let two = seen(&[(2_000_000_000, 6), (2_500_000_000, 11)]);
        let worker = &two.now.rows[1];
        assert_eq!(times(&two, worker, Span::Recent).iter().sum::<u64>(), 500_000_000);
        assert_eq!(times(&two, worker, Span::Life).iter().sum::<u64>(), 2_500_000_000);
    }

    #[test]
    fn cells_fill_the_bar_and_follow_the_shares() {
        let mut times = [0; PARTS];
        (times[0], times[1], times[6]) = (333, 333, 334);
        assert_eq!(cells(&times, 10)[..2], [3, 4]);
        for width in [0, 1, 7, 80, u16::MAX] {
            assert_eq!(cells(&times, width).iter().map(|it| u32::from(*it)).sum::<u32>(), u32::from(width));
        }
        assert_eq!(cells(&[0; PARTS], 10), [0; PARTS]);
        assert_eq!(cells(&[u64::MAX; PARTS], 9), [1; PARTS]);
    }
}
