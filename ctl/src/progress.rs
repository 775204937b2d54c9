//! Shows how far a run is: a bar on a terminal, one line per trial elsewhere.

use std::io::IsTerminal;

use gild_model::api::{EventKind, Progress};
use gild_model::experiment::Experiment;
use gild_model::trial::TrialStatus;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output;
use crate::render::figures;

/// Shows events on standard error.
pub struct Reporter<'a> {
    experiment: &'a Experiment,
    /// `None`: standard error is not a terminal.
    bar: Option<ProgressBar>,
}

impl<'a> Reporter<'a> {
    /// A bar if standard error is a terminal, else lines.
    pub fn on_stderr(experiment: &'a Experiment) -> Reporter<'a> {
        let dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        let bar = (std::io::stderr().is_terminal() && !dumb).then(|| {
            let style = ProgressStyle::with_template("{prefix} [{bar:24}] {msg}").expect("the template is well-formed");
            ProgressBar::new(1).with_style(style.progress_chars("=> "))
        });
        Reporter { experiment, bar }
    }

    /// Shows what happened.
    pub fn show(&mut self, event: &EventKind) {
        let line = line(event, self.experiment);
        match (&self.bar, event) {
            (Some(bar), EventKind::Progress(progress)) => draw(bar, progress, self.experiment),
            (Some(bar), EventKind::Finished { .. }) => bar.finish_and_clear(),
            (Some(_), EventKind::TrialFinished { status: TrialStatus::Done, .. }) => {}
            _ => line.iter().for_each(|it| self.say(it)),
        }
    }

    /// Says something without disturbing the bar.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::notice(text)),
            None => output::notice(text),
        }
    }
}

impl Drop for Reporter<'_> {
    /// Leaves no half bar behind where the waiting ended early.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, progress: &Progress, experiment: &Experiment) {
    bar.set_prefix(prefix(progress, experiment));
    bar.set_message(message(progress));
    bar.set_length(progress.tasks_planned.unwrap_or(1).max(1));
    bar.set_position(progress.tasks_done);
}

fn prefix(progress: &Progress, experiment: &Experiment) -> String {
    let trial = (progress.trials_done + 1).min(progress.trials_planned);
    let name = trial_name(experiment, progress.case, progress.repetition, progress.warmup);
    format!("trial {trial}/{}  {name}", progress.trials_planned)
}

fn message(progress: &Progress) -> String {
    let tasks = match progress.tasks_planned {
        Some(planned) => format!("{}/{planned} tasks", progress.tasks_done),
        None => "planning".to_owned(),
    };
    let left = progress.left_s.map(|s| format!(", {} left", figures::time_left(s)));
    tasks + &left.unwrap_or_default()
}

/// What is worth a line of its own.
fn line(event: &EventKind, experiment: &Experiment) -> Option<String> {
    match event {
        EventKind::Queued { ahead: 0 } | EventKind::Started | EventKind::TrialStarted { .. } => None,
        EventKind::Progress(_) | EventKind::Finished { .. } => None,
        EventKind::Queued { ahead: 1 } => Some("waiting for 1 earlier run".to_owned()),
        EventKind::Queued { ahead } => Some(format!("waiting for {ahead} earlier runs")),
        EventKind::TrialFinished { case, repetition, warmup, status, error, wall_ns } => {
            let name = trial_name(experiment, *case, *repetition, *warmup);
            let end = match (status, error, wall_ns) {
                (TrialStatus::Done, _, Some(ns)) => figures::time(*ns as f64),
                (status, Some(error), _) => format!("{}: {error}", status.name()),
                (status, None, _) => status.name().to_owned(),
            };
            Some(format!("{name}: {end}"))
        }
    }
}

/// `threads-10, repetition 2/5`
fn trial_name(experiment: &Experiment, case: u32, repetition: u32, warmup: bool) -> String {
    let case = experiment.cases.get(case as usize).map_or_else(|| format!("case {case}"), |it| it.name.clone());
    match warmup {
        true => format!("{case}, warm-up {}/{}", repetition + 1, experiment.warmups),
        false => format!("{case}, repetition {}/{}", repetition + 1, experiment.repetitions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn progress() -> Progress {
        Progress {
            case: 1,
            repetition: 1,
            warmup: false,
            tasks_done: 40,
            tasks_planned: Some(100),
            trials_done: 7,
            trials_planned: 18,
            left_s: Some(83.0),
        }
    }

    #[test]
    fn the_bar_says_which_trial_and_how_long_it_takes() {
        let experiment = testing::experiment();
        assert_eq!(prefix(&progress(), &experiment), "trial 8/18  threads-10, repetition 2/5");
        assert_eq!(message(&progress()), "40/100 tasks, 1 min 23 s left");
        let planning = Progress { tasks_planned: None, left_s: None, warmup: true, repetition: 0, ..progress() };
        assert_eq!(prefix(&planning, &experiment), "trial 8/18  threads-10, warm-up 1/1");
        assert_eq!(message(&planning), "planning");
    }

    #[test]
    fn a_finished_trial_is_one_line() {
        let experiment = testing::experiment();
        let finished = |status, error: Option<&str>, wall_ns| EventKind::TrialFinished {
            case: 0,
            repetition: 4,
            warmup: false,
            status,
            error: error.map(str::to_owned),
            wall_ns,
        };
        let say = |event| line(&event, &experiment);
        assert_eq!(
            say(finished(TrialStatus::Done, None, Some(1_830_000_000))).unwrap(),
            "sequential, repetition 5/5: 1.83 s"
        );
        assert_eq!(
            say(finished(TrialStatus::Failed, Some("task 3: out of memory"), None)).unwrap(),
            "sequential, repetition 5/5: failed: task 3: out of memory"
        );
        assert_eq!(say(EventKind::Queued { ahead: 2 }).unwrap(), "waiting for 2 earlier runs");
        assert_eq!(say(EventKind::Started), None);
    }
}
