//! What the screen shows, and how answers of the daemon and keys change it. Pure.

use gild_model::api::Progress;
use gild_model::experiment::Experiment;
use gild_model::live::{LiveAccounts, LiveRun};

/// What the screen shows.
#[derive(Debug, Clone)]
pub struct State {
    /// The run as it was last seen; `None`: none was seen yet.
    pub run: Option<LiveRun>,
    /// Its experiment, for the names of its cases.
    pub experiment: Option<Experiment>,
    /// The trial, or the recording, whose accounts are shown: in progress, or the last that was.
    pub seen: Option<Seen>,
    /// How it stands with the daemon.
    pub daemon: Daemon,
    /// What the bars are of.
    pub span: Span,
    /// Rows that are scrolled out at the top.
    pub scroll: usize,
    /// Nothing new is shown.
    pub paused: bool,
    /// The keys are explained.
    pub help: bool,
}

/// How it stands with the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Daemon {
    /// It has a run for us.
    Following,
    /// It has none; one is waited for.
    Idle,
    /// It does not answer: why not.
    Lost(String),
}

/// What the bars are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The time between the last two looks.
    Recent,
    /// The whole life.
    Life,
}

/// Two looks at the same trial.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which trial it is; `None`: a recording.
    pub progress: Option<Progress>,
    /// The later look.
    pub now: LiveAccounts,
    /// The earlier one; `None`: there was none.
    pub before: Option<Before>,
}

/// An earlier look.
#[derive(Debug, Clone)]
pub struct Before {
    /// What was seen.
    pub accounts: LiveAccounts,
    /// Tasks done then.
    pub tasks_done: Option<u64>,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// To end.
    Quit,
    /// To be stopped by the shell's job control.
    Suspend,
    /// To explain the keys, or not any more.
    Help,
    /// To show nothing new, or to go on.
    Pause,
    /// The other span.
    Span,
    /// To scroll by so many rows.
    Scroll(isize),
    /// To scroll by so many screens.
    Page(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

impl State {
    /// Nothing was seen yet.
    pub fn new() -> State {
        State {
            run: None,
            experiment: None,
            seen: None,
            daemon: Daemon::Idle,
            span: Span::Recent,
            scroll: 0,
            paused: false,
            help: false,
        }
    }

    /// Another run begins.
    pub fn follow(&mut self, experiment: Experiment) {
        *self = State { experiment: Some(experiment), span: self.span, help: self.help, ..State::new() };
    }

    /// A look at the run.
    pub fn take(&mut self, mut run: LiveRun) {
        self.daemon = Daemon::Following;
        if let Some(now) = run.accounts.take() {
            let progress = run.progress.clone();
            self.seen = Some(match self.seen.take() {
                Some(before) if is_same(&before, progress.as_ref(), &now) => before.followed_by(progress, now),
                _ => Seen { progress, now, before: None },
            });
        }
        self.run = Some(run);
    }

    /// There is no run in progress.
    pub fn wait(&mut self) {
        self.daemon = Daemon::Idle;
    }

    /// The daemon does not answer.
    pub fn lose(&mut self, why: String) {
        self.daemon = Daemon::Lost(why);
    }

    /// Does what a key asks for, on a screen with room for so many rows; ending and being stopped are the caller's.
    pub fn act(&mut self, act: Act, room: usize) {
        let screen = isize::try_from(room.max(1)).unwrap_or(isize::MAX);
        match act {
            Act::Quit | Act::Suspend => {}
            Act::Help => self.help = !self.help,
            Act::Pause => self.paused = !self.paused,
            Act::Span => self.span = if self.span == Span::Recent { Span::Life } else { Span::Recent },
            Act::Scroll(by) => self.scroll = self.scroll.saturating_add_signed(by),
            Act::Page(by) => self.scroll = self.scroll.saturating_add_signed(by.saturating_mul(screen)),
            Act::First => self.scroll = 0,
            Act::Last => self.scroll = usize::MAX,
        }
        self.keep_in_sight(room);
    }

    /// Scrolls no further than to the last row.
    pub fn keep_in_sight(&mut self, room: usize) {
        let rows = self.seen.as_ref().map_or(0, |seen| seen.now.rows.len());
        self.scroll = self.scroll.min(rows.saturating_sub(room.max(1)));
    }

    /// Whether the trial that is shown is in progress.
    pub fn is_live(&self) -> bool {
        let Some(run) = &self.run else { return false };
        let trial = |progress: Option<&Progress>| progress.map(which);
        let shown = self.seen.as_ref().and_then(|seen| trial(seen.progress.as_ref()));
        !run.head.status.is_final() && shown == trial(run.progress.as_ref())
    }
}

impl Default for State {
    fn default() -> State {
        State::new()
    }
}

fn which(progress: &Progress) -> (u32, u32, bool) {
    (progress.case, progress.repetition, progress.warmup)
}

/// Whether a look is at the same trial as an earlier one, and later.
fn is_same(seen: &Seen, progress: Option<&Progress>, now: &LiveAccounts) -> bool {
    seen.progress.as_ref().map(which) == progress.map(which) && seen.now.at_ns <= now.at_ns
}

impl Seen {
    /// A recording may be told twice what its recorder said once: that is no later look.
    fn followed_by(self, progress: Option<Progress>, now: LiveAccounts) -> Seen {
        if self.now.at_ns == now.at_ns {
            return Seen { progress, now, ..self };
        }
        let tasks_done = self.progress.as_ref().map(|it| it.tasks_done);
        Seen { progress, now, before: Some(Before { accounts: self.now, tasks_done }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::live::{look, run};

    #[test]
    fn looks_at_one_trial_follow_each_other_and_another_trial_begins_anew() {
        let mut state = State::new();
        state.take(run(look(0, 1_000, 5)));
        assert!(state.seen.as_ref().unwrap().before.is_none());
        state.take(run(look(0, 2_000, 9)));
        let before = state.seen.as_ref().unwrap().before.as_ref().unwrap();
        assert_eq!((before.accounts.at_ns, before.tasks_done), (1_000, Some(5)));
        state.take(run(look(0, 2_000, 9)));
        assert_eq!(state.seen.as_ref().unwrap().before.as_ref().unwrap().accounts.at_ns, 1_000, "no later look");
        assert!(state.is_live());
        state.take(run(look(1, 3_000, 1)));
        assert!(state.seen.as_ref().unwrap().before.is_none());
    }

    #[test]
    fn the_last_state_stays_when_a_trial_is_over() {
        let mut state = State::new();
        state.take(run(look(0, 1_000, 5)));
        state.take(LiveRun { progress: None, accounts: None, ..run(look(0, 0, 0)) });
        assert!(state.seen.is_some() && !state.is_live());
        state.wait();
        assert_eq!((state.daemon.clone(), state.run.is_some()), (Daemon::Idle, true));
        state.follow(crate::testing::experiment());
        assert!(state.seen.is_none() && state.run.is_none());
    }

    #[test]
    fn keys_scroll_within_what_there_is() {
        let mut state = State::new();
        state.take(run(look(0, 1_000, 5)));
        let mut scrolled = |act| {
            state.act(act, 2);
            state.scroll
        };
        let acts = [Act::Scroll(1), Act::Scroll(-5), Act::Last, Act::Page(-1), Act::First, Act::Page(9)];
        assert_eq!(acts.map(&mut scrolled), [1, 0, 3, 1, 0, 3], "there are five rows");
        state.act(Act::Span, 2);
        state.act(Act::Pause, 0);
        assert_eq!((state.span, state.paused), (Span::Life, true));
    }
}
