//! Shows how far a run is: a bar on a terminal, one line per trial elsewhere; of a recording its threads, or a line when some
//! have come or gone.

mod looks;

use std::io::IsTerminal;

use gild_model::api::{EventKind, Progress};
use gild_model::experiment::Experiment;
use gild_model::look::Look;
use gild_model::trial::TrialStatus;
use indicatif::{ProgressBar, ProgressStyle};

use crate::render::figures;
use crate::{output, render};

/// Lines of a terminal that a recording's threads leave free.
const LINES_LEFT_FREE: usize = 2;
/// Columns between the brackets of the bar.
const BAR_WIDTH: usize = 24;

/// Shows events on standard error.
pub struct Reporter<'a> {
    experiment: &'a Experiment,
    /// `None`: standard error is not a terminal.
    bar: Option<ProgressBar>,
    /// Says only what it is told to say.
    silent: bool,
    looks: looks::Looks,
}

impl<'a> Reporter<'a> {
    /// A bar if standard error is a terminal, else lines.
    pub fn on_stderr(experiment: &'a Experiment) -> Reporter<'a> {
        let dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        let bar = (std::io::stderr().is_terminal() && !dumb)
            .then(|| ProgressBar::no_length().with_style(style_of("{wide_msg}")));
        Reporter { experiment, bar, silent: false, looks: looks::Looks::default() }
    }

    /// Shows nothing of how far the run is.
    pub fn silent(experiment: &'a Experiment) -> Reporter<'a> {
        Reporter { experiment, bar: None, silent: true, looks: looks::Looks::default() }
    }

    /// Shows what happened.
    pub fn show(&mut self, event: &EventKind) {
        if self.silent {
            return;
        }
        if let EventKind::Look(look) = event {
            return self.show_look(look);
        }
        let line = line(event, self.experiment);
        match (&self.bar, event) {
            (Some(bar), EventKind::Progress(progress)) => bar.set_message(bar_line(progress, self.experiment)),
            (Some(bar), EventKind::Finished { .. }) => bar.finish_and_clear(),
            (Some(_), EventKind::TrialFinished { status: TrialStatus::Done | TrialStatus::Cancelled, .. }) => {}
            _ => line.iter().for_each(|it| self.say(it)),
        }
    }

    fn show_look(&mut self, look: &Look) {
        match &self.bar {
            Some(bar) => {
                let (lines, style) = output::screen_of_messages();
                bar.set_style(style_of("{msg}"));
                bar.set_message(render::look::table(look, lines.saturating_sub(LINES_LEFT_FREE), style));
            }
            None if self.looks.is_news(look) => self.say(&render::look::line(look)),
            None => {}
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

fn style_of(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}

impl Drop for Reporter<'_> {
    /// Leaves no half bar behind where the waiting ended early.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `trial 8/18, 1 min 23 s left [=========>              ] 40/100 tasks  threads-10, repetition 2/5`
///
/// All of it is one message, so that the bar and the words around it always belong together. The case comes last: its name
/// may be long, and a terminal cuts off what it has no room for.
fn bar_line(progress: &Progress, experiment: &Experiment) -> String {
    let trial = (progress.trials_done + 1).min(progress.trials_planned);
    let name = trial_name(experiment, progress.case, progress.repetition, progress.warmup);
    let tasks = match progress.tasks_planned {
        Some(planned) => format!("{} {}/{planned} tasks", bar(progress.tasks_done, planned), progress.tasks_done),
        None => format!("{} planning", bar(0, 1)),
    };
    let left = progress.left_s.map(|s| format!(", {} left", figures::time_left(s))).unwrap_or_default();
    let planned = progress.trials_planned;
    let of = if progress.open_ended { format!(" of {planned} or more") } else { format!("/{planned}") };
    format!("trial {trial}{of}{left} {tasks}  {name}")
}

fn bar(done: u64, planned: u64) -> String {
    let share = done.min(planned) as f64 / planned.max(1) as f64;
    let filled = (share * BAR_WIDTH as f64) as usize;
    let tip = if filled < BAR_WIDTH { ">" } else { "" };
    format!("[{:<BAR_WIDTH$}]", "=".repeat(filled) + tip)
}

/// What is worth a line of its own.
fn line(event: &EventKind, experiment: &Experiment) -> Option<String> {
    match event {
        EventKind::Queued { ahead: 0 } | EventKind::Started | EventKind::TrialStarted { .. } => None,
        EventKind::Progress(_) | EventKind::Look(_) | EventKind::Finished { .. } => None,
        EventKind::Queued { ahead: 1 } => Some("waiting for 1 earlier run".to_owned()),
        EventKind::Queued { ahead } => Some(format!("waiting for {ahead} earlier runs")),
        EventKind::TrialFinished { case, repetition, warmup, status, error, wall_ns } => {
            let name = trial_name(experiment, *case, *repetition, *warmup);
            let end = match (status, error, wall_ns) {
                (TrialStatus::Done, _, Some(ns)) => figures::time(*ns as f64),
                (TrialStatus::Failed, Some(error), _) => format!("failed: {error}"),
                (status, ..) => status.name().to_owned(),
            };
            Some(format!("{name}: {end}"))
        }
    }
}

/// A trial in words: `threads-10, repetition 2/5`.
pub fn trial_name(experiment: &Experiment, case: u32, repetition: u32, warmup: bool) -> String {
    let case = experiment.cases.get(case as usize).map_or_else(|| format!("case {case}"), |it| it.name.clone());
    match warmup {
        true => format!("{case}, warm-up {}/{}", repetition + 1, experiment.warmups),
        false if experiment.until.is_some() => format!("{case}, repetition {}", repetition + 1),
        false => format!("{case}, repetition {}/{}", repetition + 1, experiment.repetitions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use gild_model::until::Until;

    fn progress() -> Progress {
        Progress {
            case: 1,
            repetition: 1,
            warmup: false,
            tasks_done: 40,
            tasks_planned: Some(100),
            trials_done: 7,
            trials_planned: 18,
            open_ended: false,
            left_s: Some(83.0),
        }
    }

    #[test]
    fn the_bar_says_which_trial_and_how_long_it_takes() {
        let experiment = testing::experiment();
        assert_eq!(
            bar_line(&progress(), &experiment),
            "trial 8/18, 1 min 23 s left [=========>              ] 40/100 tasks  threads-10, repetition 2/5"
        );
        let planning = Progress { tasks_planned: None, left_s: None, warmup: true, repetition: 0, ..progress() };
        assert_eq!(
            bar_line(&planning, &experiment),
            format!("trial 8/18 {} planning  threads-10, warm-up 1/1", bar(0, 100))
        );
    }

    #[test]
    fn an_open_end_is_said() {
        let mut experiment = testing::experiment();
        experiment.until = Some(Until { half_width: 0.01, repetitions_max: 100, limit_s: None });
        let open = Progress { open_ended: true, left_s: None, tasks_planned: None, ..progress() };
        assert_eq!(
            bar_line(&open, &experiment),
            format!("trial 8 of 18 or more {} planning  threads-10, repetition 2", bar(0, 100))
        );
    }

    #[test]
    fn the_bar_is_empty_at_first_and_full_at_last() {
        assert_eq!(bar(0, 100), format!("[>{}]", " ".repeat(23)));
        assert_eq!(bar(100, 100), format!("[{}]", "=".repeat(24)));
        assert_eq!(bar(0, 0), format!("[>{}]", " ".repeat(23)));
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
