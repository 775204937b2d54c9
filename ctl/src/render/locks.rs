//! Who made whom wait for which lock, and which functions held the interpreter's lock meanwhile: `gilctl show --locks`.
//!
//! Of few workers as a matrix, of many the pairs that waited longest; all trials that count of a case together.

use std::collections::{BTreeMap, BTreeSet};

use gild_model::account::{Role, WorkerAccount};
use gild_model::experiment::Experiment;
use gild_model::lock_wait::{Holder, HoldingFunction, LockKind};
use gild_model::trial::{Trial, TrialStatus};

use super::grid::{Align, Grid};
use super::{Style, figures, harmless};

/// With more people than this a matrix would be too wide.
const MATRIX_MAX: usize = 8;
/// Pairs and functions that are shown.
const ROWS_MAX: usize = 20;

/// What the holders are called that are nobody in particular.
pub const EXPLAINED: &str = "nobody: the lock was free and the waiter on its way; others: beyond the table; unknown: the lock does not say who has it.";

/// Draws all of it.
pub fn render(experiment: &Experiment, trials: &[Trial], style: Style) -> String {
    let counts = |trial: &&Trial| trial.lock_waits.is_some() && trial.status == TrialStatus::Done;
    let measured: Vec<_> = trials.iter().filter(counts).collect();
    if measured.is_empty() {
        return "Who made whom wait was not measured.\n".to_owned();
    }
    let mut text = String::new();
    for (index, case) in experiment.cases.iter().enumerate() {
        let of_case = || measured.iter().copied().filter(|trial| trial.case as usize == index);
        for (what, grid) in waits(of_case()) {
            text += &harmless(&format!("{}, {what}: who waited for whom", case.name));
            let gap = if grid.width(2) <= style.width { 2 } else { 1 };
            text += &format!("\n{}\n", grid.text(style, gap));
        }
        if let Some(grid) = holders(of_case().filter_map(|trial| trial.holders.as_ref()).flatten()) {
            text += &format!("top holders of the interpreter's lock\n{}\n", grid.text(style, 2));
        }
    }
    match text.is_empty() {
        true => "Nobody waited for a lock.\n".to_owned(),
        false => format!("{}\n\n{EXPLAINED}\n", text.trim_end()),
    }
}

/// Who waited for whom in these trials of a case: a table for each lock, with what it is of.
pub fn waits<'t>(trials: impl Iterator<Item = &'t Trial>) -> Vec<(String, Grid)> {
    matrices(trials).into_iter().map(|(what, matrix)| (what, matrix.grid())).collect()
}

/// What one lock's waiters waited.
#[derive(Debug, Default)]
struct Matrix {
    /// Nanoseconds and how often, by waiter and holder.
    cells: BTreeMap<(u32, Holder), (u64, u64)>,
    /// What the numbers stand for.
    names: BTreeMap<u32, String>,
}

/// The locks that were waited for, process by process in recorded programs.
fn matrices<'t>(trials: impl Iterator<Item = &'t Trial>) -> BTreeMap<String, Matrix> {
    let mut matrices: BTreeMap<String, Matrix> = BTreeMap::new();
    for trial in trials {
        let workers: BTreeMap<u32, &WorkerAccount> =
            trial.workers.iter().filter(|it| it.role == Role::Worker).map(|it| (it.index, it)).collect();
        for wait in trial.lock_waits.iter().flatten() {
            let waiter = workers.get(&wait.waiter).copied();
            let matrix = matrices.entry(heading(wait.lock, waiter)).or_default();
            let cell = matrix.cells.entry((wait.waiter, wait.holder)).or_default();
            *cell = (cell.0 + wait.waited_ns, cell.1 + wait.entries);
            for number in [Some(wait.waiter), wait.holder.worker()].into_iter().flatten() {
                matrix.names.entry(number).or_insert_with(|| name(number, workers.get(&number).copied()));
            }
        }
    }
    matrices
}

fn heading(lock: LockKind, waiter: Option<&WorkerAccount>) -> String {
    let lock = match lock {
        LockKind::Policy => return "its lock".to_owned(),
        LockKind::Interpreter => "the interpreter's lock",
        LockKind::Other => "other locks",
    };
    waiter.and_then(|it| it.pid).map_or_else(|| lock.to_owned(), |pid| format!("{lock} of process {pid}"))
}

fn name(number: u32, worker: Option<&WorkerAccount>) -> String {
    match worker {
        Some(WorkerAccount { thread: Some(thread), tid: Some(tid), .. }) => format!("{thread} {tid}"),
        Some(WorkerAccount { thread: Some(thread), .. }) => thread.clone(),
        _ => format!("worker {number}"),
    }
}

impl Matrix {
    fn grid(&self) -> Grid {
        let holders: BTreeSet<_> = self.cells.keys().map(|(_, holder)| *holder).collect();
        if holders.len() <= MATRIX_MAX { self.matrix(&holders) } else { self.pairs() }
    }

    fn name(&self, holder: Holder) -> String {
        holder.worker().and_then(|number| self.names.get(&number).cloned()).unwrap_or_else(|| holder.kind().to_owned())
    }

    fn waited_ns(&self, waiter: u32) -> u64 {
        self.cells.iter().filter(|((it, _), _)| *it == waiter).map(|(_, cell)| cell.0).sum()
    }

    /// One row per waiter, one column per holder: shares of the waiter's own time.
    fn matrix(&self, holders: &BTreeSet<Holder>) -> Grid {
        let heads = holders.iter().map(|holder| (self.name(*holder), Align::Right));
        let first = [("waiter".to_owned(), Align::Left), ("waited".to_owned(), Align::Right)];
        let mut grid = Grid::new(first.into_iter().chain(heads));
        let waiters: BTreeSet<_> = self.cells.keys().map(|(waiter, _)| *waiter).collect();
        for waiter in waiters {
            let waited_ns = self.waited_ns(waiter);
            let share = |holder: &Holder| match self.cells.get(&(waiter, *holder)) {
                Some((ns, _)) if waited_ns > 0 => figures::share(*ns as f64 / waited_ns as f64),
                _ => String::new(),
            };
            let label = [self.name(Holder::Worker(waiter)), figures::time(waited_ns as f64)];
            grid.row(label.into_iter().chain(holders.iter().map(share)).collect());
        }
        grid
    }

    /// The pairs that waited longest.
    fn pairs(&self) -> Grid {
        let heads = ["waiter", "holder"].map(|head| (head, Align::Left));
        let figures_heads = ["waited", "share", "times"].map(|head| (head, Align::Right));
        let mut grid = Grid::new(heads.into_iter().chain(figures_heads));
        let all_ns: u64 = self.cells.values().map(|cell| cell.0).sum();
        let mut pairs: Vec<_> = self.cells.iter().collect();
        pairs.sort_by_key(|(_, cell)| std::cmp::Reverse(cell.0));
        for ((waiter, holder), (ns, entries)) in pairs.iter().take(ROWS_MAX) {
            let share = figures::share_or_dash((all_ns > 0).then(|| *ns as f64 / all_ns as f64));
            let names = [self.name(Holder::Worker(*waiter)), self.name(*holder)];
            grid.row(names.into_iter().chain([figures::time(*ns as f64), share, entries.to_string()]).collect());
        }
        let left = pairs.len().saturating_sub(ROWS_MAX);
        if left > 0 {
            let label = format!("… and {left} more pairs");
            grid.dim_row(vec![label, String::new(), String::new(), String::new(), String::new()]);
        }
        grid
    }
}

/// The functions that held the interpreter's lock, the longest first; nothing where this was not measured or nobody waited.
pub fn holders<'t>(holders: impl Iterator<Item = &'t HoldingFunction>) -> Option<Grid> {
    /// Name, file, first line.
    type Key<'t> = (Option<&'t str>, Option<&'t str>, Option<u32>);
    let mut sums: BTreeMap<Key<'_>, (u64, u64)> = BTreeMap::new();
    for HoldingFunction { function, file, line, waited_ns, hand_overs } in holders {
        let sum = sums.entry((function.as_deref(), file.as_deref(), *line)).or_default();
        *sum = (sum.0 + waited_ns, sum.1 + hand_overs);
    }
    let all_ns: u64 = sums.values().map(|sum| sum.0).sum();
    let mut functions: Vec<_> = sums.into_iter().collect();
    functions.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.0));
    let mut grid = Grid::new(
        [("function", Align::Left), ("where", Align::Left), ("others waited", Align::Right)]
            .into_iter()
            .chain([("share", Align::Right), ("hand-overs", Align::Right)]),
    );
    for ((function, file, line), (waited_ns, hand_overs)) in functions.into_iter().take(ROWS_MAX) {
        let place = file.map(|file| line.map_or(file.to_owned(), |line| format!("{file}:{line}")));
        grid.row(vec![
            function.unwrap_or("(not known)").to_owned(),
            place.unwrap_or_default(),
            figures::time(waited_ns as f64),
            figures::share_or_dash((all_ns > 0).then(|| waited_ns as f64 / all_ns as f64)),
            hand_overs.to_string(),
        ]);
    }
    (!grid.is_empty()).then_some(grid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use gild_model::lock_wait::LockWait;

    const PLAIN: Style = Style { colour: false, width: 100 };

    fn wait(waiter: u32, holder: Holder, waited_ns: u64) -> LockWait {
        LockWait { lock: LockKind::Policy, waiter, holder, waited_ns, entries: 2 }
    }

    fn drawn(waits: Option<Vec<LockWait>>, holders: Option<Vec<HoldingFunction>>) -> Vec<String> {
        let mut trial = testing::trial_with_accounts();
        (trial.case, trial.lock_waits, trial.holders) = (0, waits, holders);
        let text = render(&testing::experiment(), &[trial], PLAIN);
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn few_workers_are_a_matrix_of_shares_of_what_each_waited() {
        let waits = vec![
            wait(0, Holder::Worker(1), 750_000_000),
            wait(0, Holder::Nobody, 250_000_000),
            wait(1, Holder::Worker(0), 500_000_000),
        ];
        let lines = drawn(Some(waits), None);
        assert!(lines[0].ends_with("its lock: who waited for whom"), "{lines:#?}");
        assert_eq!(lines[1], "waiter waited worker 0 worker 1 nobody");
        assert_eq!(lines[2], "worker 0 1.00 s 75.0 % 25.0 %");
        assert_eq!(lines[3], "worker 1 500 ms 100.0 %");
    }

    #[test]
    fn of_many_workers_the_longest_pairs_are_shown() {
        let waits = (1..40).map(|number| wait(0, Holder::Worker(number), u64::from(number) * 1_000_000)).collect();
        let lines = drawn(Some(waits), None);
        assert_eq!(lines[1], "waiter holder waited share times");
        assert_eq!(lines[2], "worker 0 worker 39 39.0 ms 5.0 % 2");
        assert_eq!(lines[22], "… and 19 more pairs");
    }

    #[test]
    fn functions_have_their_share_of_what_others_waited() {
        let function = |name: &str, waited_ns| HoldingFunction {
            function: Some(name.to_owned()),
            file: Some("/x/app.py".to_owned()),
            line: Some(12),
            waited_ns,
            hand_overs: 7,
        };
        let unknown = HoldingFunction { function: None, file: None, line: None, ..function("", 100_000_000) };
        let lines = drawn(Some(Vec::new()), Some(vec![function("work", 900_000_000), unknown]));
        assert_eq!(lines[0], "top holders of the interpreter's lock");
        assert_eq!(lines[2], "work /x/app.py:12 900 ms 90.0 % 7");
        assert_eq!(lines[3], "(not known) 100 ms 10.0 % 7");
    }

    #[test]
    fn what_was_not_measured_is_said_and_is_not_nothing() {
        assert_eq!(drawn(None, None), ["Who made whom wait was not measured."]);
        assert_eq!(drawn(Some(Vec::new()), None), ["Nobody waited for a lock."]);
    }
}
