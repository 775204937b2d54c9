//! The table of a result: one row per case, groups of equal parameters set apart, in blocks where it is too wide.

use gild_model::case::{Case, Model};
use gild_model::choice::CaseChoice;
use gild_model::run::Run;
use gild_model::summary::{CaseSummary, Shares, Summary};

use super::axes::Axes;
use super::grid::{Align, Grid};
use super::results::Extent;
use super::{Style, figures};

/// A column of shares: its head, and where it comes from.
pub type ShareColumn = (&'static str, fn(&Shares) -> Option<f64>);

/// What the workers did: these add up to 100 %.
const PHASES: [ShareColumn; 9] = [
    ("compute", |it| Some(it.compute)),
    ("lock-wait", |it| Some(it.lock_wait)),
    OTHER_LOCK,
    ("encode+decode", |it| Some(it.serialize)),
    ("send+receive", |it| Some(it.transfer)),
    ("io-wait", |it| Some(it.io_wait)),
    ("idle", |it| Some(it.idle)),
    ("startup", |it| Some(it.startup)),
    ("teardown", |it| Some(it.teardown)),
];

/// Recorded programs alone have it, so no other table has the column.
const OTHER_LOCK: ShareColumn = ("other-lock", |it| Some(it.other_lock));

/// Whether they ran while they did it: these add up to 100 % where all were measured.
pub const STATES: [ShareColumn; 4] = [
    ("on-cpu", |it| it.on_cpu),
    ("run-queue", |it| it.run_queue),
    ("blocked", |it| it.blocked),
    ("stolen", |it| it.stolen),
];

/// What stands before the shares.
#[derive(Clone, Copy, PartialEq)]
enum Front {
    /// The case.
    Case,
    /// Its wall time and ratio, too.
    Wall,
    /// And its tasks per second.
    Rate,
}

/// A table in the making.
struct Table<'a> {
    summary: &'a Summary,
    axes: &'a Axes,
    extent: Extent,
    walls: Vec<String>,
    versus: Vec<String>,
}

/// Draws the table in one piece where it fits, if need be with smaller gaps, without tasks per second, or with heads of
/// several lines; else in blocks below each other: walls, phases, states.
pub fn render(run: &Run, axes: &Axes, extent: Extent, style: Style) -> String {
    let summary = &run.summary;
    let table = Table { summary, axes, extent, walls: walls(summary), versus: versus(summary) };
    let phases = phases(summary);
    let shares = [&phases[..], &STATES[..]].concat();
    let [rate, wall] = [Front::Rate, Front::Wall].map(|front| table.grid(front, &shares));
    for grid in [&rate, &wall, &tight(&rate), &tight(&wall)] {
        for gap in [2, 1] {
            if grid.width(gap) <= style.width {
                return grid.text(style, gap);
            }
        }
    }
    let mut blocks = vec![table.grid(Front::Rate, &[])];
    blocks.extend(table.fitting(&phases, style.width));
    blocks.extend(table.fitting(&STATES, style.width));
    let text = |block: &Grid| match block.width(2) <= style.width {
        true => block.text(style, 2),
        false => tight(block).text(style, 1),
    };
    blocks.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// Whether the cases have tasks, and others to be compared with: a recorded program has neither.
pub fn has_tasks(summary: &Summary) -> bool {
    summary.cases.iter().any(|line| line.case.model != Model::Recorded)
}

/// The columns of phases that a table of these cases has.
pub fn phases(summary: &Summary) -> Vec<ShareColumn> {
    let waits = summary.cases.iter().filter_map(|case| case.workers.as_ref()).any(|it| it.other_lock > 0.0);
    PHASES.into_iter().filter(|(head, _)| waits || *head != OTHER_LOCK.0).collect()
}

/// The same table with heads of several lines.
fn tight(grid: &Grid) -> Grid {
    grid.clone().with_heads(|head| head.replace("vs ", "vs\n").replace('+', "+\n").replace('_', "_\n"))
}

impl Table<'_> {
    /// Splits columns into tables that fit the width, each with at least one of them.
    fn fitting(&self, mut columns: &[ShareColumn], width: usize) -> Vec<Grid> {
        let mut grids = Vec::new();
        while !columns.is_empty() {
            let fits = |count: &usize| {
                let grid = self.grid(Front::Case, &columns[..*count]);
                grid.width(2) <= width || tight(&grid).width(1) <= width
            };
            let count = (1..=columns.len()).rev().find(fits).unwrap_or(1);
            grids.push(self.grid(Front::Case, &columns[..count]));
            columns = &columns[count..];
        }
        grids
    }

    fn grid(&self, front: Front, shares: &[ShareColumn]) -> Grid {
        let mut columns = self.axes.columns();
        let has_tasks = has_tasks(self.summary);
        if front != Front::Case {
            columns.push(("wall".to_owned(), Align::Right));
        }
        if front != Front::Case && has_tasks {
            columns.push((format!("vs {}", baseline_name(self.summary, self.axes.by_name())), Align::Right));
        }
        if front == Front::Rate && has_tasks {
            columns.push(("tasks/s".to_owned(), Align::Right));
        }
        columns.extend(shares.iter().map(|(head, _)| (head.to_string(), Align::Right)));
        let mut grid = Grid::new(columns);
        let set_apart = self.summary.groups.iter().any(|group| group.cases.len() > 1);
        for (place, group) in self.summary.groups.iter().enumerate() {
            if place > 0 && set_apart {
                grid.blank_row();
            }
            group.cases.iter().for_each(|case| self.rows(*case as usize, front, shares, &mut grid));
        }
        grid
    }

    /// The row of a case, and that of its coordinator.
    fn rows(&self, case: usize, front: Front, shares: &[ShareColumn], grid: &mut Grid) {
        let line = &self.summary.cases[case];
        let mut cells = self.axes.cells(case);
        let has_tasks = has_tasks(self.summary);
        if front != Front::Case {
            cells.push(self.walls[case].clone());
        }
        if front != Front::Case && has_tasks {
            cells.push(self.versus[case].clone());
        }
        if front == Front::Rate && has_tasks {
            cells.push(line.tasks_per_s.map_or_else(|| figures::NOT_MEASURED.to_owned(), figures::rate));
        }
        let blank = cells.len();
        cells.extend(share_cells(line.workers.as_ref(), shares));
        grid.row(cells);
        let shown = self.extent == Extent::Full && !line.case.model.lends_coordinator() && !shares.is_empty();
        if let Some(coordinator) = line.coordinator.as_ref().filter(|_| shown) {
            let mut cells = self.axes.cells_below("coordinator");
            cells.resize(blank, String::new());
            cells.extend(share_cells(Some(coordinator), shares));
            grid.dim_row(cells);
        }
    }
}

fn share_cells(shares: Option<&Shares>, columns: &[ShareColumn]) -> Vec<String> {
    columns.iter().map(|(_, share)| figures::share_or_dash(shares.and_then(share))).collect()
}

/// What cases are compared with, without the parameters that tell one group's baseline from another's.
pub fn baseline_name(summary: &Summary, by_name: bool) -> String {
    let baselines = summary.groups.iter().filter_map(|group| summary.cases.get(group.baseline as usize));
    let name = |case: &Case| match case.model {
        Model::Sequential if !by_name => case.model.to_string(),
        _ if summary.groups.len() == 1 => case.name.clone(),
        _ => name_without_params(case),
    };
    let mut names: Vec<_> = baselines.map(|line| name(&line.case)).collect();
    names.dedup();
    match names.as_slice() {
        [one] => one.clone(),
        _ => "baseline".to_owned(),
    }
}

/// `processes-4` for `processes-4-n=20`.
fn name_without_params(case: &Case) -> String {
    let choice = CaseChoice { name: None, params: Default::default(), ..CaseChoice::like(case) };
    choice.resolve().map_or_else(|_| case.name.clone(), |case| case.name)
}

/// `1.83 s ± 0.4 %`, with the two figures below each other; times of a group have one unit.
pub fn walls(summary: &Summary) -> Vec<String> {
    let width_of = |case: &CaseSummary| case.wall_ns.as_ref().map(figures::half_width).unwrap_or_default();
    let widest = summary.cases.iter().map(|case| width_of(case).chars().count()).max().unwrap_or(0);
    let mut walls = vec![String::new(); summary.cases.len()];
    for group in &summary.groups {
        let lines = || group.cases.iter().map(|case| (*case as usize, &summary.cases[*case as usize]));
        let medians: Vec<_> = lines().filter_map(|(_, line)| Some(line.wall_ns?.median)).collect();
        let mut times = figures::times(&medians).into_iter();
        for (case, line) in lines() {
            let median = match line.wall_ns {
                Some(_) => times.next().expect("there is one time per case that has a wall time"),
                None if line.failed > 0 => "failed".to_owned(),
                None => figures::NOT_MEASURED.to_owned(),
            };
            walls[case] = if widest == 0 { median } else { format!("{median} {:<widest$}", width_of(line)) };
        }
    }
    walls
}

/// `0.98× (tie)`, with the ratios below each other.
pub fn versus(summary: &Summary) -> Vec<String> {
    let any_tie = summary.cases.iter().any(|case| case.versus.is_some_and(|it| it.tie));
    let versus = |(index, case): (usize, &CaseSummary)| {
        let baseline = case.baseline as usize == index && case.wall_ns.is_some();
        let (ratio, tie) = match &case.versus {
            Some(ratio) => (figures::ratio(ratio.estimate.median), ratio.tie),
            // By definition: the baseline is as fast as itself.
            None if baseline => (figures::ratio(1.0), false),
            None => (figures::NOT_MEASURED.to_owned(), false),
        };
        match (any_tie, tie) {
            (false, _) => ratio,
            (true, true) => format!("{ratio} (tie)"),
            (true, false) => format!("{ratio}      "),
        }
    };
    summary.cases.iter().enumerate().map(versus).collect()
}
