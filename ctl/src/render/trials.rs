//! One row per trial.

use gild_model::experiment::Experiment;
use gild_model::noise::Noise;
use gild_model::trial::{AccountingCost, Trial};

use super::axes::Axes;
use super::grid::{Align, Grid};
use super::{Style, count, figures, first_line};

/// Draws trials in the order given.
pub fn render(experiment: &Experiment, trials: &[Trial], style: Style) -> String {
    if trials.is_empty() {
        return "no trial is finished\n".to_owned();
    }
    let axes = Axes::of(experiment);
    let mut columns = match axes.is_plain() {
        true => vec![("case".to_owned(), Align::Left)],
        false => axes.columns(),
    };
    let figures = [
        ("trial", Align::Left),
        ("status", Align::Left),
        ("wall", Align::Right),
        ("tasks", Align::Right),
        ("tier", Align::Left),
        ("accounting", Align::Right),
        ("steal", Align::Right),
        ("others", Align::Right),
        ("results", Align::Left),
        ("verified", Align::Left),
        ("error", Align::Left),
    ];
    columns.extend(figures.map(|(head, align)| (head.to_owned(), align)));
    let mut grid = Grid::new(columns);
    for trial in trials {
        let case = match experiment.cases.get(trial.case as usize) {
            Some(_) if !axes.is_plain() => axes.cells(trial.case as usize),
            _ => vec![case_name(experiment, trial)],
        };
        grid.row([case, row(experiment, trial)].concat());
    }
    grid.wrapped(style)
}

/// What was measured of a trial.
fn row(experiment: &Experiment, trial: &Trial) -> Vec<String> {
    let verified = trial.verified.map(|it| if it { "yes" } else { "NO" });
    let digest = trial.digest.as_ref().map(|it| it.chars().take(12).collect::<String>());
    vec![
        number(experiment, trial),
        trial.status.name().to_owned(),
        figures::number_or_dash(trial.wall_ns.map(|ns| figures::time(ns as f64))),
        format!("{}/{}", trial.tasks_done, figures::number_or_dash(trial.tasks_planned)),
        trial.tier.name().to_owned(),
        figures::number_or_dash(trial.accounting.as_ref().map(accounting)),
        figures::share_or_dash(trial.noise.as_ref().and_then(Noise::steal_share)),
        figures::share_or_dash(trial.noise.as_ref().and_then(Noise::other_share)),
        figures::number_or_dash(digest),
        figures::number_or_dash(verified),
        trial.error.as_deref().map(first_line).unwrap_or_default().to_owned(),
    ]
}

/// What the accounting did and took: `23 marks, 12.3 µs, <0.1 %` of the workers' lives.
fn accounting(cost: &AccountingCost) -> String {
    format!("{}, {}, {}", count(cost.marks, "mark"), figures::time(cost.spent_ns()), figures::share(cost.share))
}

/// The name of a trial's case.
pub fn case_name(experiment: &Experiment, trial: &Trial) -> String {
    let case = experiment.cases.get(trial.case as usize);
    case.map_or_else(|| format!("case {}", trial.case), |it| it.name.clone())
}

/// `2/5`, or `warm-up 1/1`; `2` where the number of repetitions is open
pub fn number(experiment: &Experiment, trial: &Trial) -> String {
    let number = trial.repetition + 1;
    match trial.warmup {
        true => format!("warm-up {number}/{}", experiment.warmups),
        false if experiment.until.is_some() => number.to_string(),
        false => format!("{number}/{}", experiment.repetitions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const STYLE: Style = Style { colour: false, width: 160 };

    #[test]
    fn a_trial_is_one_row() {
        let run = testing::run();
        let mut failed = run.trials[1].clone();
        failed.status = gild_model::trial::TrialStatus::Failed;
        failed.error = Some("task 7: division by zero".to_owned());
        (failed.wall_ns, failed.digest, failed.verified, failed.accounting) = (None, None, None, None);
        (failed.warmup, failed.tasks_done, failed.noise) = (true, 7, None);
        let drawn = render(&run.experiment, &[run.trials[0].clone(), failed], STYLE);
        let lines: Vec<_> = drawn.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "case trial status wall tasks tier accounting steal others results verified error",
                "sequential 1/5 done 1.83 s 100/100 software 1000 marks, 20.0 µs, 0.1 % 0.2 % 5.0 % 0123456789ab yes",
                "threads-10 warm-up 1/1 failed – 7/100 software – – – – – task 7: division by zero",
            ]
        );
        assert_eq!(render(&run.experiment, &[], STYLE), "no trial is finished\n");
    }

    #[test]
    fn the_trials_of_a_sweep_have_its_axes() {
        let run = testing::sweep();
        let drawn = render(&run.experiment, &run.trials, STYLE);
        let lines: Vec<_> =
            drawn.lines().map(|it| it.split_whitespace().take(5).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines[..4],
            ["n model workers chunk trial", "10 sequential 1 1/5 done", "10 processes 2 1 1/5", "10 processes 2 8 1/5"],
            "{drawn}"
        );
    }
}
