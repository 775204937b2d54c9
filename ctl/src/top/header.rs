//! The lines at the top: which run, how far it is, how fast it goes, who has the lock. Pure.

use gild_model::account::Role;
use gild_model::live::LiveRow;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span as Text};

use super::palette::Colours;
use super::shares;
use super::state::{Daemon, Seen, State};
use crate::progress::trial_name;
use crate::render::{figures, harmless};

/// Names of owners that are spelled out.
const OWNERS_SPELLED: usize = 4;

/// So many lines; where there is one, it is the most important part of them.
pub fn lines(state: &State, colours: Colours, height: u16) -> Vec<Line<'static>> {
    let seen = state.seen.as_ref();
    let mut lines = vec![title(state, colours)];
    lines.extend(seen.filter(|_| height > 1).map(|seen| Line::raw(progress(state, seen))));
    lines.extend(seen.filter(|_| height > 2).map(|seen| speed(seen, state.is_live(), colours)));
    lines
}

fn title(state: &State, colours: Colours) -> Line<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut words = Vec::new();
    // First what must be seen on the smallest screen.
    match &state.daemon {
        Daemon::Lost(why) => words.push(Text::styled(format!("NO ANSWER: {}  ", harmless(why)), colours.alarm())),
        _ if state.paused => words.push(Text::styled("PAUSED  ", colours.alarm())),
        _ => {}
    }
    let Some(run) = &state.run else {
        words.push(Text::styled("gilctl top", bold));
        return Line::from(words);
    };
    let head = &run.head;
    words.push(Text::styled(format!("run {}", head.id), bold));
    words.push(Text::raw(format!("  {}", head.status.name())));
    if head.status.is_final() && state.daemon == Daemon::Idle {
        words.push(Text::raw("; waiting for the next run"));
    } else if !head.status.is_final() && !state.is_live() && state.seen.is_some() {
        words.push(Text::raw(", between two trials"));
    }
    let name = if head.name == head.kernel {
        harmless(&head.name)
    } else {
        harmless(&format!("{} ({})", head.name, head.kernel))
    };
    words.push(Text::raw(format!("  {name}")));
    if let Some(error) = &head.error {
        words.push(Text::styled(format!("  {}", harmless(error)), colours.alarm()));
    }
    Line::from(words)
}

/// `trial 8/18: threads-10, repetition 2/5   3.21 s   1 min 20 s left`
fn progress(state: &State, seen: &Seen) -> String {
    let elapsed = seen.now.began_ns.map(|from| figures::time(seen.now.at_ns.saturating_sub(from) as f64));
    let elapsed = elapsed.unwrap_or_else(|| "starting".to_owned());
    let elapsed = if state.is_live() { elapsed } else { format!("as last seen, at {elapsed}") };
    let Some(progress) = &seen.progress else { return format!("recording   {elapsed}") };
    let (number, planned) =
        (progress.trials_done.saturating_add(1).min(progress.trials_planned), progress.trials_planned);
    let of = if progress.open_ended {
        format!("trial {number} of {planned} or more")
    } else {
        format!("trial {number}/{planned}")
    };
    let name = match &state.experiment {
        Some(experiment) => trial_name(experiment, progress.case, progress.repetition, progress.warmup),
        None => format!("case {}", progress.case),
    };
    let left = match (progress.left_s, progress.open_ended) {
        _ if !state.is_live() => String::new(),
        (Some(left_s), _) => format!("   {} left", figures::time_left(left_s)),
        (None, true) => "   open end".to_owned(),
        (None, false) => "   time left not known yet".to_owned(),
    };
    harmless(&format!("{of}   {elapsed}{left}   {name}"))
}

/// `tasks 40/100  12.3/s   hand-overs 1234  196/s   lock: worker 2`
fn speed(seen: &Seen, is_live: bool, colours: Colours) -> Line<'static> {
    let rate = |per_s: Option<f64>| per_s.map_or_else(|| figures::NOT_MEASURED.to_owned(), figures::rate) + "/s";
    let mut words = Vec::new();
    if let Some(progress) = &seen.progress {
        let planned = progress.tasks_planned.map_or_else(|| "?".to_owned(), |it| it.to_string());
        let per_s = rate(shares::tasks_per_s(seen));
        words.push(Text::raw(format!("tasks {}/{planned}  {per_s}   ", progress.tasks_done)));
    }
    if let Some(hand_overs) = seen.now.hand_overs {
        words.push(Text::raw(format!("hand-overs {hand_overs}  {}   ", rate(shares::hand_overs_per_s(seen)))));
    }
    if let Some(owner) = owner(&seen.now.rows).filter(|_| is_live) {
        words.push(Text::raw("lock: "));
        words.push(Text::styled(owner, colours.owner()));
    }
    Line::from(words)
}

/// Who has the lock; `None`: the accounts do not say.
fn owner(rows: &[LiveRow]) -> Option<String> {
    let workers = || rows.iter().filter(|row| row.role == Role::Worker);
    workers().find(|row| row.has_lock.is_some())?;
    let owners: Vec<String> =
        workers().filter(|row| row.has_lock == Some(true)).map(|row| row.index.to_string()).collect();
    Some(match owners.as_slice() {
        [] => "nobody".to_owned(),
        [one] => format!("worker {one}"),
        some if some.len() <= OWNERS_SPELLED => format!("workers {}", some.join(", ")),
        many => format!("{} workers, one in each process", many.len()),
    })
}
