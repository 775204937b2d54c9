//! The workers of a shown trial as a table: what a timeline shows, in figures.

use gild_model::account::{Role, WorkerAccount};
use gild_model::case::Case;
use gild_model::phase::Phase;
use gild_model::run::TimelineRow;
use gild_model::timeline::Timeline;
use gild_model::trial::Trial;
use maud::Markup;

use crate::render::grid::{Align, Grid};
use crate::render::{figures, harmless};
use crate::report::parts::{PHASES, Part, place_of};
use crate::report::tables::{folded, of_grid};

/// What the row of a worker is called.
pub fn label(row: &TimelineRow) -> String {
    match (&row.thread, row.tid) {
        (Some(thread), Some(tid)) => harmless(&format!("{thread} {tid}")),
        _ if row.role == Role::Coordinator.name() => row.role.clone(),
        _ => format!("worker {}", row.worker),
    }
}

/// A row for each worker: shares of its life, how often it waited for the lock, and for how long at most.
pub fn table(trial: &Trial, case: &Case, rows: &[&TimelineRow]) -> Markup {
    let accounts: Vec<_> = rows.iter().map(|row| (*row, account(trial, row))).collect();
    let time_in = |account: &WorkerAccount, place: usize| {
        let phases = account.phases.iter().filter(|it| place_of(it.phase) == place);
        phases.map(|it| it.wall_ns).sum::<u64>()
    };
    let places: Vec<_> = (0..PHASES.len())
        .filter(|place| accounts.iter().filter_map(|(_, account)| *account).any(|it| time_in(it, *place) > 0))
        .collect();
    let mut heads = vec![("worker".to_owned(), Align::Left), ("tasks".to_owned(), Align::Right)];
    heads.extend(places.iter().map(|place| (words(PHASES[*place]), Align::Right)));
    heads.extend(["waited for the lock", "longest such wait"].map(|head| (head.to_owned(), Align::Right)));
    let mut grid = Grid::new(heads);
    for (row, account) in &accounts {
        let share = |place: &usize| {
            let account = account.as_ref().filter(|it| it.accounted_ns > 0)?;
            Some(figures::share(time_in(account, *place) as f64 / account.accounted_ns as f64))
        };
        let mut cells = vec![label(row), figures::number_or_dash(account.map(|it| it.tasks))];
        cells.extend(places.iter().map(|place| figures::number_or_dash(share(place))));
        cells.extend([
            figures::number_or_dash(account.map(|it| format!("{}×", waits(it)))),
            figures::number_or_dash(longest_wait(&row.timeline).map(|ns| figures::time(ns as f64))),
        ]);
        grid.row(cells);
    }
    let caption = format!("Each worker of this trial of {}, in shares of its own life", case.name);
    folded("The workers as a table", of_grid(&grid, &caption))
}

fn words(part: Part) -> String {
    part.words.to_owned()
}

fn account<'t>(trial: &'t Trial, row: &TimelineRow) -> Option<&'t WorkerAccount> {
    trial.workers.iter().find(|it| it.role.name() == row.role && it.index == row.worker && it.tid == row.tid)
}

fn waits(account: &WorkerAccount) -> u64 {
    account.phases.iter().filter(|it| it.phase == Phase::LockWait).map(|it| it.entries).sum()
}

/// The longest time without the lock that was asked for: waiting for the successor to take it belongs to it.
fn longest_wait(timeline: &Timeline) -> Option<i64> {
    let mut since = None;
    let mut longest = None;
    for interval in timeline.intervals() {
        if matches!(interval.meaning.phase, Phase::LockWait | Phase::SwitchWait) {
            let from_ns = *since.get_or_insert(interval.from_ns);
            longest = longest.max(Some(interval.until_ns - from_ns));
        } else {
            since = None;
        }
    }
    longest
}
