//! The result of a run: where the time went, case by case, then what it means in sentences.

use gild_model::case::Model;
use gild_model::experiment::Experiment;
use gild_model::run::{Run, RunStatus};
use gild_model::summary::{CaseSummary, Shares, Summary};

use super::grid::{Align, Grid};
use super::{Style, count, figures, harmless};

/// A column of shares: its head, and where it comes from.
type ShareColumn = (&'static str, fn(&Shares) -> Option<f64>);

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
const STATES: [ShareColumn; 4] = [
    ("on-cpu", |it| it.on_cpu),
    ("run-queue", |it| it.run_queue),
    ("blocked", |it| it.blocked),
    ("stolen", |it| it.stolen),
];

/// Draws the result of a run.
pub fn render(run: &Run, style: Style) -> String {
    let mut text = heading(run) + "\n";
    if let Some(state) = state(run) {
        text += &format!("{state}\n");
    }
    text + &table(&run.summary, style) + &epilogue(run)
}

/// What follows the table: what it means, what to know of it, and what to type next.
pub fn epilogue(run: &Run) -> String {
    let lines = [sentences(&run.summary), notes(run)].concat();
    let text = if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) };
    text + &next(run)
}

/// `cpu-bound n=30 × 100 tasks      5 repetitions, medians, 95 % CI      2 cores, counters: software (no PMU)`
fn heading(run: &Run) -> String {
    let experiment = &run.experiment;
    if is_recorded(run) {
        return harmless(&format!("{}      recorded      {}", experiment.name, machine(run)));
    }
    let tasks = run.summary.cases.iter().find_map(|case| case.tasks);
    let mut work = vec![experiment.kernel.clone()];
    let params = experiment.params.iter().filter(|(name, _)| tasks.is_none() || *name != "tasks");
    work.extend(params.map(|(name, value)| format!("{name}={value}")));
    work.extend(tasks.map(|it| format!("× {}", count(it, "task"))));
    let repetitions = match experiment.until {
        None => count(experiment.repetitions.into(), "repetition"),
        Some(until) => {
            let done = run.summary.cases.iter().map(|case| case.trials).max().unwrap_or(0);
            format!("{} (until ± {})", count(done.into(), "repetition"), figures::share(until.half_width))
        }
    };
    harmless(&format!("{}      {repetitions}, medians, 95 % CI      {}", work.join(" "), machine(run)))
}

/// Whether it is somebody's own program.
pub fn is_recorded(run: &Run) -> bool {
    run.experiment.cases.iter().any(|case| case.model == Model::Recorded)
}

fn machine(run: &Run) -> String {
    let Some(host) = &run.host else { return "not started".to_owned() };
    let cores = count(host.cores.len() as u64, "core");
    let lowest = run.trials.iter().filter(|it| !it.warmup).map(|it| it.tier).min().unwrap_or(host.tier);
    let reason = match lowest < host.tier {
        true => Some(format!("in at least one trial, though {} works here", host.tier.name())),
        false => host.tier_reason.clone(),
    };
    let reason = reason.map(|it| format!(" ({it})")).unwrap_or_default();
    format!("{cores}, counters: {}{reason}", lowest.name())
}

/// A line for a run that is not simply done.
fn state(run: &Run) -> Option<String> {
    let head = &run.head;
    let progress = format!("{}/{} trials finished", head.trials_done, head.trials_planned);
    let error = head.error.as_ref().map(|it| format!(": {}", harmless(it))).unwrap_or_default();
    let became = match head.status {
        RunStatus::Done => return None,
        RunStatus::Queued => "is queued",
        RunStatus::Running => "is running",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "was cancelled",
        RunStatus::Interrupted => "was interrupted",
    };
    Some(format!("run {} {became}, {progress}{error}", head.id))
}

/// The table in one piece where it fits, if need be with smaller gaps and heads of two lines, else in blocks below
/// each other: walls, phases, states.
fn table(summary: &Summary, style: Style) -> String {
    let phases = phases(summary);
    let wide = grid(summary, true, &[&phases[..], &STATES[..]].concat());
    let tight = wide.clone().with_heads(|head| head.replace("vs ", "vs\n").replace('+', "+\n"));
    for (grid, gap) in [(&wide, 2), (&wide, 1), (&tight, 2), (&tight, 1)] {
        if grid.width(gap) <= style.width {
            return grid.text(style, gap);
        }
    }
    let mut blocks = vec![grid(summary, true, &[])];
    blocks.extend(fitting(summary, &phases, style.width));
    blocks.extend(fitting(summary, &STATES, style.width));
    blocks.iter().map(|block| block.text(style, 2)).collect::<Vec<_>>().join("\n")
}

fn phases(summary: &Summary) -> Vec<ShareColumn> {
    let waits = summary.cases.iter().filter_map(|case| case.workers.as_ref()).any(|it| it.other_lock > 0.0);
    PHASES.into_iter().filter(|(head, _)| waits || *head != OTHER_LOCK.0).collect()
}

/// Splits columns into tables that fit the width, each with at least one of them.
fn fitting(summary: &Summary, mut columns: &[ShareColumn], width: usize) -> Vec<Grid> {
    let mut grids = Vec::new();
    while !columns.is_empty() {
        let fits = |count: &usize| grid(summary, false, &columns[..*count]).width(2) <= width;
        let count = (1..=columns.len()).rev().find(fits).unwrap_or(1);
        grids.push(grid(summary, false, &columns[..count]));
        columns = &columns[count..];
    }
    grids
}

fn grid(summary: &Summary, with_wall: bool, shares: &[ShareColumn]) -> Grid {
    let by_name = needs_names(summary);
    let mut columns = vec![(if by_name { "case" } else { "model" }.to_owned(), Align::Left)];
    columns.push(("workers".to_owned(), Align::Right));
    if with_wall {
        columns.push(("wall".to_owned(), Align::Right));
        columns.push((format!("vs {}", baseline_name(summary, by_name)), Align::Right));
    }
    columns.extend(shares.iter().map(|(head, _)| (head.to_string(), Align::Right)));
    let mut grid = Grid::new(columns);
    let walls = walls(summary);
    let versus = versus(summary);
    for (index, case) in summary.cases.iter().enumerate() {
        let label = if by_name { case.case.name.clone() } else { case.case.model.to_string() };
        let mut cells = vec![label, case.case.workers.to_string()];
        if with_wall {
            cells.extend([walls[index].clone(), versus[index].clone()]);
        }
        cells.extend(share_cells(case.workers.as_ref(), shares));
        grid.row(cells);
        if let Some(coordinator) = &case.coordinator
            && !case.case.model.lends_coordinator()
            && !shares.is_empty()
        {
            let blank = if with_wall { 3 } else { 1 };
            let mut cells = vec!["coordinator".to_owned()];
            cells.extend(std::iter::repeat_n(String::new(), blank));
            cells.extend(share_cells(Some(coordinator), shares));
            grid.dim_row(cells);
        }
    }
    grid
}

fn share_cells(shares: Option<&Shares>, columns: &[ShareColumn]) -> Vec<String> {
    columns.iter().map(|(_, share)| figures::share_or_dash(shares.and_then(share))).collect()
}

/// Model and number of workers do not tell all cases apart.
fn needs_names(summary: &Summary) -> bool {
    let key = |case: &CaseSummary| (case.case.model, case.case.workers);
    let cases = &summary.cases;
    cases.iter().enumerate().any(|(index, case)| cases[..index].iter().any(|earlier| key(earlier) == key(case)))
}

fn baseline_name(summary: &Summary, by_name: bool) -> String {
    match summary.baseline.and_then(|it| summary.cases.get(it as usize)) {
        Some(case) if by_name || case.case.model != Model::Sequential => case.case.name.clone(),
        Some(case) => case.case.model.to_string(),
        None => "baseline".to_owned(),
    }
}

/// `1.83 s ± 0.4 %`, with the two figures below each other.
fn walls(summary: &Summary) -> Vec<String> {
    let width_of = |case: &CaseSummary| case.wall_ns.as_ref().map(figures::half_width).unwrap_or_default();
    let widest = summary.cases.iter().map(|case| width_of(case).chars().count()).max().unwrap_or(0);
    let medians: Vec<_> = summary.cases.iter().filter_map(|case| Some(case.wall_ns?.median)).collect();
    let mut times = figures::times(&medians).into_iter();
    let wall = |case: &CaseSummary| {
        let median = match case.wall_ns {
            Some(_) => times.next().expect("there is one time per case that has a wall time"),
            None if case.failed > 0 => "failed".to_owned(),
            None => figures::NOT_MEASURED.to_owned(),
        };
        if widest == 0 { median } else { format!("{median} {:<widest$}", width_of(case)) }
    };
    summary.cases.iter().map(wall).collect()
}

/// `0.98× (tie)`, with the ratios below each other.
fn versus(summary: &Summary) -> Vec<String> {
    let any_tie = summary.cases.iter().any(|case| case.versus.is_some_and(|it| it.tie));
    let versus = |(index, case): (usize, &CaseSummary)| {
        let baseline = summary.baseline == u32::try_from(index).ok() && case.wall_ns.is_some();
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

/// One sentence per case, and why trials failed where the sentence does not say it.
fn sentences(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    for case in &summary.cases {
        if !case.sentence.is_empty() {
            lines.push(harmless(&case.sentence));
        }
        if let Some(error) = case.error.as_ref().filter(|it| !case.sentence.contains(*it)) {
            lines.push(harmless(&format!(
                "{}: {} failed: {error}",
                case.case.name,
                count(case.failed.into(), "trial")
            )));
        }
    }
    lines
}

/// What else a reader has to know: doubts about the figures, the accounting's own cost, whether results agree.
fn notes(run: &Run) -> Vec<String> {
    let mut lines: Vec<_> = run.summary.notes.iter().map(|it| format!("note: {}", harmless(it))).collect();
    lines.extend(run.summary.noise.as_deref().map(harmless));
    let costs = run.summary.cases.iter().filter_map(|case| Some((case.accounting?, &case.case.name)));
    if let Some((cost, name)) = costs.max_by(|a, b| a.0.total_cmp(&b.0)) {
        let cost = figures::share(cost);
        lines.push(format!("The accounting itself took {cost} of the workers' lives at most (in {}).", harmless(name)));
    }
    lines.extend(verification(&run.summary, &run.experiment));
    lines
}

/// Says no more than the summary does.
fn verification(summary: &Summary, experiment: &Experiment) -> Option<String> {
    let kernel = harmless(&experiment.kernel);
    Some(match (summary.results_identical, summary.verified) {
        (Some(false), _) => {
            "The results are NOT identical across the trials: the figures compare different work.".to_owned()
        }
        (_, Some(false)) => format!("The results do NOT equal the known answer of {kernel}."),
        (Some(true), Some(true)) => format!("All results are identical and equal the known answer of {kernel}."),
        (Some(true), None) => format!("All results are identical; {kernel} has no known answer to check them against."),
        (None, Some(true)) => format!("The results equal the known answer of {kernel}."),
        (None, None) => return None,
    })
}

/// The run's number and what to type next.
fn next(run: &Run) -> String {
    let id = run.head.id;
    match run.head.status.is_final() {
        true => format!(
            "\nrun {id}: gilctl show {id} --workers | gilctl show {id} --trials | gilctl export {id} --format parquet -o run-{id}.parquet\n"
        ),
        false => format!("\nrun {id}: gilctl watch {id} | gilctl cancel {id}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const PLAIN: Style = Style { colour: false, width: 200 };

    fn drawn(width: usize) -> String {
        render(&testing::run(), Style { colour: false, width })
    }

    #[test]
    fn a_result_reads_like_the_article() {
        let expected = "\
cpu-bound n=30 × 100 tasks      5 repetitions, medians, 95 % CI      2 cores, counters: software (no PMU here)
model        workers             wall  vs sequential  compute  lock-wait  encode+decode  send+receive  io-wait    idle  startup  teardown   on-cpu  run-queue  blocked  stolen
sequential         1  1.830 s ± 0.4 %    1.00×         99.9 %        0 %            0 %           0 %      0 %     0 %   <0.1 %    <0.1 %   99.0 %      0.5 %      0 %   0.5 %
threads           10  1.860 s ± 0.6 %    0.98× (tie)   10.1 %     89.7 %            0 %           0 %      0 %   0.1 %    0.1 %    <0.1 %  100.0 %          –        –       –
processes         10  0.970 s ± 1.2 %    1.89×         90.0 %        0 %          2.0 %         3.0 %      0 %   4.0 %    1.0 %    <0.1 %   55.0 %     40.0 %    4.5 %   0.5 %
coordinator                                               0 %        0 %          1.5 %         0.5 %      0 %  98.0 %      0 %       0 %    2.0 %      0.5 %   97.5 %     0 %
";
        let actual = drawn(200);
        let table: String = actual.lines().take(6).map(|line| format!("{line}\n")).collect();
        assert!(table == expected, "expected:\n{expected}\nactual:\n{table}");
    }

    #[test]
    fn a_pipe_of_160_columns_gets_the_table_in_one_piece() {
        let expected = "\
model       workers            wall vs sequential compute lock-wait encode+decode send+receive io-wait   idle startup teardown  on-cpu run-queue blocked stolen
sequential        1 1.830 s ± 0.4 %   1.00×        99.9 %       0 %           0 %          0 %     0 %    0 %  <0.1 %   <0.1 %  99.0 %     0.5 %     0 %  0.5 %
threads          10 1.860 s ± 0.6 %   0.98× (tie)  10.1 %    89.7 %           0 %          0 %     0 %  0.1 %   0.1 %   <0.1 % 100.0 %         –       –      –
processes        10 0.970 s ± 1.2 %   1.89×        90.0 %       0 %         2.0 %        3.0 %     0 %  4.0 %   1.0 %   <0.1 %  55.0 %    40.0 %   4.5 %  0.5 %
coordinator                                           0 %       0 %         1.5 %        0.5 %     0 % 98.0 %     0 %      0 %   2.0 %     0.5 %  97.5 %    0 %
";
        let table: String = drawn(160).lines().skip(1).take(5).map(|line| format!("{line}\n")).collect();
        assert!(table == expected, "expected:\n{expected}\nactual:\n{table}");
    }

    #[test]
    fn sentences_notes_verification_and_what_to_type_follow_the_table() {
        let actual = drawn(200);
        let rest: Vec<_> = actual.lines().skip(6).collect();
        assert_eq!(
            rest,
            [
                "",
                "sequential: one worker computed for 99.9 % of its life.",
                "threads-10: as fast as sequential.",
                "processes-10: 1.89 times as fast as sequential.",
                "note: 10 workers share 2 cores.",
                "noise: steal 0.3 % of 2 cores, other programs 1.2 %",
                "The accounting itself took 0.2 % of the workers' lives at most (in threads-10).",
                "All results are identical and equal the known answer of cpu-bound.",
                "",
                "run 12: gilctl show 12 --workers | gilctl show 12 --trials | gilctl export 12 --format parquet -o run-12.parquet",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_gets_blocks() {
        for (width, blocks) in [(110, 3), (80, 4)] {
            let actual = drawn(width);
            let table = actual.lines().skip(1).take_while(|line| !line.starts_with("sequential:"));
            let widest = table.map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width, "{widest} columns:\n{actual}");
            assert_eq!(actual.lines().filter(|line| line.starts_with("model")).count(), blocks, "{actual}");
            assert_eq!(actual.matches("coordinator").count(), blocks - 1, "{actual}");
        }
    }

    #[test]
    fn no_line_ends_in_blanks_and_a_pipe_gets_no_colours() {
        for width in [60, 155, 200] {
            let actual = drawn(width);
            assert!(!actual.contains('\u{1b}'));
            assert!(actual.lines().all(|line| line == line.trim_end()), "{actual:?}");
        }
    }

    #[test]
    fn cases_that_differ_in_the_lock_alone_are_shown_by_name() {
        let mut run = testing::run();
        run.summary.cases[2].case.model = Model::Threads;
        run.summary.cases[2].case.name = "threads-10-unlocked".to_owned();
        let actual = render(&run, PLAIN);
        assert!(actual.lines().nth(1).unwrap().starts_with("case "), "{actual}");
        assert!(actual.contains("\nthreads-10-unlocked"), "{actual}");
    }

    #[test]
    fn a_failed_run_says_why_and_shows_what_there_is() {
        let mut run = testing::run();
        run.head.status = RunStatus::Failed;
        run.head.error = Some("case threads-10: worker 3 was killed by SIGKILL".to_owned());
        run.summary.results_identical = None;
        run.summary.verified = None;
        let case = &mut run.summary.cases[1];
        (case.wall_ns, case.versus, case.workers, case.accounting) = (None, None, None, None);
        (case.trials, case.failed, case.error) = (0, 5, Some("worker 3 was killed\nby SIGKILL".to_owned()));
        let actual = render(&run, PLAIN);
        let lines: Vec<_> = actual.lines().collect();
        assert_eq!(lines[1], "run 12 failed, 18/18 trials finished: case threads-10: worker 3 was killed by SIGKILL");
        let row = lines.iter().find(|it| it.starts_with("threads")).unwrap();
        assert!(row.contains("failed") && row.matches('–').count() == 13, "{row}");
        assert!(actual.contains("threads-10: 5 trials failed: worker 3 was killed by SIGKILL"), "{actual}");
        assert!(!actual.contains("known answer"), "{actual}");
    }

    #[test]
    fn differing_results_are_never_called_identical() {
        let mut run = testing::run();
        run.summary.results_identical = Some(false);
        let actual = render(&run, PLAIN);
        assert!(actual.contains("NOT identical") && !actual.contains("All results"), "{actual}");
    }

    #[test]
    fn a_lower_tier_in_one_trial_is_said() {
        let mut run = testing::run();
        run.trials[1].tier = gild_model::host::Tier::Bare;
        let actual = render(&run, PLAIN);
        assert!(actual.contains("counters: bare (in at least one trial, though software works here)"), "{actual}");
    }
}
