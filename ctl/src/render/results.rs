//! The result of a run: where the time went, case by case, then what it means in sentences.

use gild_model::case::Model;
use gild_model::experiment::Experiment;
use gild_model::run::{Run, RunStatus};
use gild_model::summary::Summary;

use super::axes::Axes;
use super::{Style, advice, count, figures, harmless, runs, sentences, table, tasks};

/// With more cases than this, not everything there is to say of each is said unasked.
const CASES_MAX: usize = 12;

/// How much is shown of each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Its row.
    Short,
    /// Its row, that of its coordinator, the times of its classes of tasks, and its sentence.
    Full,
}

/// Draws the result of a run; one of many cases has no sentence for each of them.
pub fn render(run: &Run, style: Style) -> String {
    let extent = if run.summary.cases.len() > CASES_MAX { Extent::Short } else { Extent::Full };
    render_to(run, extent, style)
}

/// Draws the result of a run with everything there is to say of each case.
pub fn render_all(run: &Run, style: Style) -> String {
    render_to(run, Extent::Full, style)
}

fn render_to(run: &Run, extent: Extent, style: Style) -> String {
    let axes = Axes::of(&run.experiment);
    let mut text = heading(run, &axes) + "\n" + &runs::labels(&run.head);
    if let Some(state) = state(run) {
        text += &format!("{state}\n");
    }
    text += &table::render(run, &axes, extent, style);
    text + &epilogue_to(run, extent, style)
}

/// What follows the table: what it means, what to know of it, and what to type next.
pub fn epilogue(run: &Run, style: Style) -> String {
    epilogue_to(run, Extent::Full, style)
}

fn epilogue_to(run: &Run, extent: Extent, style: Style) -> String {
    let classes = (extent == Extent::Full).then(|| tasks::by_class(run, style)).flatten();
    let mut text = classes.map_or_else(String::new, |block| format!("\n{block}"));
    let lines = [sentences::lines(run, extent), advice::short(&run.summary.advice), notes(run)].concat();
    if !lines.is_empty() {
        text += &format!("\n{}\n", lines.join("\n"));
    }
    text + &next(run)
}

/// `cpu-bound × 100 tasks, n in 20, 30      5 repetitions, medians, 95 % CI      2 cores, counters: software (no PMU)`
fn heading(run: &Run, axes: &Axes) -> String {
    let experiment = &run.experiment;
    if is_recorded(run) {
        return harmless(&format!("{}      recorded      {}", experiment.name, machine(run)));
    }
    let work = [vec![work(run)], interpreters(experiment).into_iter().collect(), axes.heading()].concat().join(", ");
    let repetitions = match experiment.until {
        None => count(experiment.repetitions.into(), "repetition"),
        Some(until) => {
            let done = run.summary.cases.iter().map(|case| case.trials).max().unwrap_or(0);
            format!("{} (until ± {})", count(done.into(), "repetition"), figures::share(until.half_width))
        }
    };
    harmless(&format!("{work}      {repetitions}, medians, 95 % CI      {}", machine(run)))
}

/// `cpu-bound n=30 × 100 tasks`: what all cases have in common.
pub fn work(run: &Run) -> String {
    let Run { experiment, summary, .. } = run;
    let mut tasks = summary.cases.iter().filter_map(|case| case.tasks);
    let tasks = tasks.next().filter(|first| tasks.all(|other| other == *first));
    let mut params = experiment.cases.first().map(|case| experiment.params_of(case)).unwrap_or_default();
    let varying = summary.groups.first().map(|group| &group.params);
    params.retain(|name, _| varying.is_none_or(|varying| !varying.contains_key(name)));
    if tasks.is_some() {
        params.remove("tasks");
    }
    let params = params.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>();
    let tasks = tasks.map(|it| format!(" × {}", count(it, "task"))).unwrap_or_default();
    format!("{}{params}{tasks}", experiment.kernel)
}

/// Whether it is somebody's own program.
pub fn is_recorded(run: &Run) -> bool {
    run.experiment.cases.iter().any(|case| case.model == Model::Recorded)
}

/// `2 cores, counters: software (no PMU)`
pub fn machine(run: &Run) -> String {
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
pub fn state(run: &Run) -> Option<String> {
    let head = &run.head;
    let progress = format!("{}/{} trials finished", head.trials_done, head.trials_planned);
    let error = head.error.as_ref().map(|it| format!(": {}", lines_of(it))).unwrap_or_default();
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

/// An error, whose further lines, such as a traceback, are set apart.
fn lines_of(error: &str) -> String {
    error.lines().map(harmless).collect::<Vec<_>>().join("\n    ")
}

/// `CPython 3.11.2, GIL`: what runs a kernel in Python; of several interpreters each with its name.
pub fn interpreters(experiment: &Experiment) -> Option<String> {
    match experiment.python.as_ref()?.interpreters.as_slice() {
        [] => None,
        [one] => Some(one.in_words()),
        several => {
            let each = several.iter().map(|it| format!("{}: {}", it.python.display(), it.in_words()));
            Some(each.collect::<Vec<_>>().join("; "))
        }
    }
}

/// What else a reader has to know: doubts about the figures, the accounting's own cost, whether results agree.
pub fn notes(run: &Run) -> Vec<String> {
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
    use gild_model::case::{Case, LockPolicy};

    const PLAIN: Style = Style { colour: false, width: 200 };

    fn drawn(width: usize) -> String {
        render(&testing::run(), Style { colour: false, width })
    }

    #[test]
    fn a_result_reads_like_the_article() {
        let expected = "\
cpu-bound n=30 × 100 tasks      5 repetitions, medians, 95 % CI      2 cores, counters: software (no PMU here)
model        workers             wall  vs sequential  tasks/s  compute  lock-wait  encode+decode  send+receive  io-wait    idle  startup  teardown   on-cpu  run-queue  blocked  stolen
sequential         1  1.830 s ± 0.4 %    1.00×           54.6   99.9 %        0 %            0 %           0 %      0 %     0 %   <0.1 %    <0.1 %   99.0 %      0.5 %      0 %   0.5 %
threads           10  1.860 s ± 0.6 %    0.98× (tie)     53.8   10.1 %     89.7 %            0 %           0 %      0 %   0.1 %    0.1 %    <0.1 %  100.0 %          –        –       –
processes         10  0.970 s ± 1.2 %    1.89×            103   90.0 %        0 %          2.0 %         3.0 %      0 %   4.0 %    1.0 %    <0.1 %   55.0 %     40.0 %    4.5 %   0.5 %
coordinator                                                        0 %        0 %          1.5 %         0.5 %      0 %  98.0 %      0 %       0 %    2.0 %      0.5 %   97.5 %     0 %
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
    fn cases_that_differ_in_the_lock_alone_have_a_column_for_it() {
        let mut run = testing::run();
        let unlocked = Case {
            name: "threads-10-unlocked".to_owned(),
            lock: Some(LockPolicy::None),
            interval_us: None,
            ..run.experiment.cases[1].clone()
        };
        run.experiment.cases[2] = unlocked.clone();
        run.summary.cases[2].case = unlocked;
        let actual = render(&run, PLAIN);
        let starts: Vec<_> =
            actual.lines().skip(1).take(4).map(|line| line.split_whitespace().take(3).collect::<Vec<_>>()).collect();
        assert_eq!(starts[0], ["model", "workers", "lock"], "{actual}");
        assert_eq!(starts[2..], [["threads", "10", "cpython"], ["threads", "10", "none"]], "{actual}");
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
        assert!(actual.contains("threads-10: 5 trials failed: worker 3 was killed\n"), "{actual}");
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
    fn a_sweep_reads_as_a_table_of_its_axes() {
        let expected = "\
cpu-bound × 100 tasks, n in 10, 20      5 repetitions, medians, 95 % CI      2 cores, counters: software (no PMU here)
 n model       workers chunk             wall         vs compute lock-wait encode+   send+ io-wait   idle startup teardown on-cpu run-queue blocked stolen
                                              sequential                    decode receive
10 sequential        1        4.00 ms ± 1.0 %      1.00×  90.0 %       0 %   2.0 %   3.0 %     0 %  4.0 %   1.0 %   <0.1 % 55.0 %    40.0 %   4.5 %  0.5 %
10 processes         2     1  5.00 ms ± 1.0 %      0.80×  90.0 %       0 %   2.0 %   3.0 %     0 %  4.0 %   1.0 %   <0.1 % 55.0 %    40.0 %   4.5 %  0.5 %
   coordinator                                               0 %       0 %   1.5 %   0.5 %     0 % 98.0 %     0 %      0 %  2.0 %     0.5 %  97.5 %    0 %
10 processes         2     8  3.00 ms ± 1.0 %      1.33×  90.0 %       0 %   2.0 %   3.0 %     0 %  4.0 %   1.0 %   <0.1 % 55.0 %    40.0 %   4.5 %  0.5 %
   coordinator                                               0 %       0 %   1.5 %   0.5 %     0 % 98.0 %     0 %      0 %  2.0 %     0.5 %  97.5 %    0 %

20 sequential        1       400.0 ms ± 1.0 %      1.00×  90.0 %       0 %   2.0 %   3.0 %     0 %  4.0 %   1.0 %   <0.1 % 55.0 %    40.0 %   4.5 %  0.5 %
20 processes         2     1 250.0 ms ± 1.0 %      1.60×  90.0 %       0 %   2.0 %   3.0 %     0 %  4.0 %   1.0 %   <0.1 % 55.0 %    40.0 %   4.5 %  0.5 %
   coordinator                                               0 %       0 %   1.5 %   0.5 %     0 % 98.0 %     0 %      0 %  2.0 %     0.5 %  97.5 %    0 %
20 processes         2     8 200.0 ms ± 1.0 %      2.00×  90.0 %       0 %   2.0 %   3.0 %     0 %  4.0 %   1.0 %   <0.1 % 55.0 %    40.0 %   4.5 %  0.5 %
   coordinator                                               0 %       0 %   1.5 %   0.5 %     0 % 98.0 %     0 %      0 %  2.0 %     0.5 %  97.5 %    0 %
";
        let actual = render(&testing::sweep(), Style { colour: false, width: 160 });
        let table: String = actual.lines().take(14).map(|line| format!("{line}\n")).collect();
        assert!(table == expected, "expected:\n{expected}\nactual:\n{table}");
    }

    #[test]
    fn a_sweep_fits_a_narrow_terminal() {
        let actual = render(&testing::sweep(), Style { colour: false, width: 80 });
        let table: Vec<_> = actual.lines().skip(1).take_while(|line| !line.contains(": one of several")).collect();
        assert!(table.iter().all(|line| line.chars().count() <= 80), "{actual}");
        assert_eq!(
            table[0].split_whitespace().collect::<Vec<_>>().join(" "),
            "n model workers chunk wall vs sequential tasks/s"
        );
        assert_eq!(table[4], "", "groups are set apart: {actual}");
    }

    #[test]
    fn groups_without_a_common_baseline_are_held_against_their_own() {
        let mut run = testing::sweep();
        let baseline = |run: &mut Run, cases: [u32; 2]| {
            run.summary.groups.iter_mut().zip(cases).for_each(|(group, case)| group.baseline = case);
        };
        let head = |run: &Run| table::render(run, &Axes::of(&run.experiment), Extent::Full, PLAIN);
        baseline(&mut run, [2, 4]);
        assert!(head(&run).contains("vs processes-2 "), "{}", head(&run));
        baseline(&mut run, [0, 4]);
        assert!(head(&run).contains("vs baseline "), "{}", head(&run));
    }

    #[test]
    fn a_recorded_program_has_no_tasks_and_is_compared_with_nothing() {
        let mut run = testing::run();
        run.summary.cases.iter_mut().for_each(|line| line.case.model = Model::Recorded);
        let actual = render(&run, PLAIN);
        assert!(actual.contains("wall  compute") && !actual.contains("vs ") && !actual.contains("tasks/s"), "{actual}");
    }

    /// The sweep with seven times as many cases of the first group.
    fn large() -> Run {
        let mut run = testing::sweep();
        let n = run.experiment.cases.len();
        for copy in 0..7 {
            let name = format!("copy {copy}");
            let case = Case { name, chunk: Some(10 + copy), ..run.experiment.cases[2].clone() };
            run.summary
                .cases
                .push(gild_model::summary::CaseSummary { case: case.clone(), ..run.summary.cases[2].clone() });
            run.experiment.cases.push(case);
            run.summary.groups[0].cases.push(n as u32 + copy);
        }
        run
    }

    #[test]
    fn of_many_cases_not_everything_is_said_unasked() {
        let mut run = large();
        let error = Some("no memory".to_owned());
        for case in [3, 4] {
            run.summary.cases[case].error.clone_from(&error);
        }
        let actual = render(&run, PLAIN);
        let lines: Vec<_> = actual
            .lines()
            .skip_while(|line| !line.is_empty())
            .skip(1)
            .skip_while(|line| !line.is_empty())
            .take(3)
            .collect();
        assert_eq!(
            lines,
            [
                "",
                "processes-2-chunk8-n=10 and 1 more case failed: no memory",
                "More on each of the 13 cases (a sentence, its coordinator, its classes of tasks): gilctl show 12 --all",
            ]
        );
        assert!(!actual.contains("coordinator "), "{actual}");
        let all = render_all(&run, PLAIN);
        assert!(all.contains("processes-2-n=20: one of several.") && all.contains("coordinator "), "{all}");
        assert!(!all.contains("--all"), "{all}");
    }

    #[test]
    fn a_lower_tier_in_one_trial_is_said() {
        let mut run = testing::run();
        run.trials[1].tier = gild_model::host::Tier::Bare;
        let actual = render(&run, PLAIN);
        assert!(actual.contains("counters: bare (in at least one trial, though software works here)"), "{actual}");
    }
}
