//! The advice on a run: the answer, what each case is bound by, how it scales, when processes pay, what to try.

use gild_model::advice::{Advice, BreakEven, CaseAdvice, GroupAdvice, Try};
use gild_model::run::{Run, RunId};
use gild_model::summary::{Estimate, Ratio};

use super::grid::{Align, Grid};
use super::scaling;
use super::{Style, figures, harmless};

/// Most groups of parameters whose advice is shown under a result.
const GROUPS_MAX: usize = 5;

/// The answers as lines under a result. Of a single case there is nothing to advise.
pub fn short(advice: &Advice) -> Vec<String> {
    let groups: Vec<_> = advice.groups.iter().filter(|group| group.cases.len() > 1).collect();
    let line = |group: &&GroupAdvice| harmless(&format!("advice{}: {}", params(group), group.sentences.join(" ")));
    let mut lines: Vec<_> = groups.iter().take(GROUPS_MAX).map(line).collect();
    if groups.len() > GROUPS_MAX {
        lines.push(format!("advice: {} more groups of parameters (gilctl advise)", groups.len() - GROUPS_MAX));
    }
    lines
}

/// ` (n=30, payload=4)`; nothing where cases have no parameters of their own.
pub fn params(group: &GroupAdvice) -> String {
    let params: Vec<_> = group.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if params.is_empty() { String::new() } else { format!(" ({})", params.join(", ")) }
}

/// Draws the advice on a run.
pub fn render(run: &Run, style: Style) -> String {
    let head = &run.head;
    let progress = match head.status.is_final() {
        true => String::new(),
        false => format!(", {}/{} trials so far", head.trials_done, head.trials_planned),
    };
    let mut text =
        harmless(&format!("{}: run {} ({}{progress}), medians, 95 % CI", head.kernel, head.id, head.name)) + "\n";
    for group in &run.summary.advice.groups {
        text += &of_group(group, head.id, style);
    }
    text
}

fn of_group(group: &GroupAdvice, id: RunId, style: Style) -> String {
    let mut text = String::from("\n");
    if !group.params.is_empty() {
        text += &format!("with{}\n", harmless(&params(group)));
    }
    text += &lines(group.sentences.iter().map(|it| with_number(it, id)));
    let table = table(group);
    if !table.is_empty() {
        text += "\n";
        text += &if table.width(2) <= style.width { table.text(style, 2) } else { table.wrapped(style) };
    }
    for scaling in &group.scaling {
        text += &format!("\n{}", scaling::render(scaling, style));
    }
    let rest: Vec<_> =
        group.break_even.iter().map(break_even).chain(group.tries.iter().map(|it| tried(it, id))).collect();
    if !rest.is_empty() {
        text += &format!("\n{}", lines(rest.into_iter()));
    }
    text
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line.split('\n').map(harmless).collect::<Vec<_>>().join("\n") + "\n").collect()
}

/// `RUN` in a command is the run's number.
pub fn with_number(text: &str, id: RunId) -> String {
    text.replace(" RUN", &format!(" {id}"))
}

/// What bounds each case.
pub fn table(group: &GroupAdvice) -> Grid {
    let mut grid = Grid::new([
        ("case", Align::Left),
        ("bound by", Align::Left),
        ("share", Align::Right),
        ("at best", Align::Right),
        ("cores used", Align::Right),
        ("takes", Align::Right),
        ("95 % CI", Align::Left),
    ]);
    group.cases.iter().for_each(|case| grid.row(row(case)));
    grid
}

fn row(case: &CaseAdvice) -> Vec<String> {
    let tie = |ratio: &Ratio| if ratio.tie { " (tie)" } else { "" };
    vec![
        case.case.clone(),
        figures::number_or_dash(case.bound.map(|it| it.name())),
        figures::share_or_dash(case.share),
        figures::number_or_dash(case.at_best.map(figures::ratio)),
        figures::number_or_dash(case.parallelism.map(|it| format!("{it:.2}"))),
        figures::number_or_dash(case.slower.map(|it| figures::ratio(it.estimate.median) + tie(&it))),
        figures::number_or_dash(case.slower.and_then(|it| ends(&it.estimate, 2))),
    ]
}

/// `1.80 to 2.00`; `None` without an interval.
pub(super) fn ends(estimate: &Estimate, decimals: usize) -> Option<String> {
    Some(format!("{:.decimals$} to {:.decimals$}", estimate.low?, estimate.high?))
}

/// From which task size on a model pays, with what that is made of.
fn break_even(it: &BreakEven) -> String {
    let pays = if it.pays() { "it pays" } else { "it does not pay" };
    format!(
        "break-even: {} pays from {} of computing per task on, and a task computes {}: {pays} (per task {} beside computing, {} of \
         the coordinator; {} to start and end; {} at once)",
        it.case,
        figures::time(it.break_even_ns),
        figures::time(it.compute_ns),
        figures::time(it.worker_ns),
        figures::time(it.coordinator_ns),
        figures::time(it.start_ns),
        it.at_once,
    )
}

fn tried(it: &Try, id: RunId) -> String {
    let command = it.command.as_ref().map(|command| format!("\n     {}", with_number(command, id)));
    format!("try: {}{}", it.reason, command.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_answer_is_followed_by_what_it_rests_on() {
        let mut run = testing::run();
        run.summary.advice = testing::advice();
        let actual = render(&run, Style { colour: false, width: 160 });
        let expected = "\
cpu-bound: run 12 (article), medians, 95 % CI

Use 2 processes (processes-2): 1.89× as fast as sequential (95 % CI 1.80 to 2.00).
threads-10's workers spend 89.7 % of their time waiting for the lock.

case         bound by   share  at best  cores used  takes  95 % CI
sequential   computing  99.9 %    2.00×        1.00  1.89×  1.80 to 2.00
processes-2  –               –        –           –      –  –

scaling of processes, fork, pipe, against processes-1:
workers  tasks/s  speed-up  95 % CI       serial fraction  95 % CI
      1     50.0         –  –                           –  –
      2     95.0     1.90×  1.80 to 2.00            0.053  0.000 to 0.111
no fit: 2 numbers of workers are fewer than 6

break-even: processes-2 pays from 104 µs of computing per task on, and a task computes 20.0 ms: it pays (per task 80.0 µs \
beside computing, 40.0 µs of the coordinator; 1.20 ms to start and end; 2 at once)
try: more repetitions
     gilctl show 12 --experiment > again.toml && gilctl run again.toml --until 2%
";
        let words = |text: &str| {
            text.lines().map(|it| it.split_whitespace().map(str::to_owned).collect()).collect::<Vec<Vec<_>>>()
        };
        assert_eq!(words(&actual), words(expected), "{actual}");
    }

    #[test]
    fn under_a_result_are_the_sentences_of_each_group() {
        let mut advice = testing::advice();
        let sentences = "Use 2 processes (processes-2): 1.89× as fast as sequential (95 % CI 1.80 to 2.00). threads-10's workers \
                         spend 89.7 % of their time waiting for the lock.";
        assert_eq!(short(&advice), [format!("advice: {sentences}")]);
        let mut other = advice.groups[0].clone();
        other.params = [("n".to_owned(), gild_model::experiment::ParamValue::Int(9))].into();
        advice.groups = vec![other; 7];
        let lines = short(&advice);
        assert_eq!(lines[0], format!("advice (n=9): {sentences}"));
        assert_eq!((lines.len(), lines[5].as_str()), (6, "advice: 2 more groups of parameters (gilctl advise)"));
        advice.groups.iter_mut().for_each(|group| group.cases.truncate(1));
        assert_eq!(short(&advice), Vec::<String>::new());
    }
}
