//! A recorded program: one row per process, and one per thread where there are several.

use gild_model::account::{PhaseAccount, WorkerAccount};
use gild_model::phase::Phase;
use gild_model::trial::Trial;

use super::grid::{Align, Grid};
use super::{Style, count, figures, harmless};

/// Most threads that are shown unasked.
const ROWS_AT_FIRST: usize = 60;
/// Of several, those are not shown unasked that lived for less than this share of the wall time: a script that only starts the
/// program can start dozens of helpers first.
const LIFE_AT_FIRST: f64 = 0.01;
/// Characters of a command line that are shown.
pub(super) const COMMAND_WIDTH: usize = 40;

/// A column of phases.
pub(super) type Column = (&'static str, &'static [Phase]);

/// All columns of phases. Those of [`IF_ANY`] are drawn where somebody has been in them.
pub(super) const PHASES: [Column; 10] = [
    ("compute", &[Phase::Compute]),
    ("lock-wait", &[Phase::LockWait, Phase::SwitchWait]),
    ("other-lock", &[Phase::OtherLock]),
    ("io-wait", &[Phase::IoWait]),
    ("idle", &[Phase::Idle]),
    ("receive", &[Phase::Receive]),
    ("decode", &[Phase::Decode]),
    ("encode", &[Phase::Encode]),
    ("send", &[Phase::Send]),
    ("startup", &[Phase::Startup]),
];
const IF_ANY: [Phase; 5] = [Phase::Idle, Phase::Receive, Phase::Decode, Phase::Encode, Phase::Send];

/// A state, and what it is of a phase.
type State = (&'static str, fn(&PhaseAccount) -> Option<u64>);

const STATES: [State; 3] =
    [("on-cpu", |it| it.on_cpu_ns), ("run-queue", |it| it.run_queue_ns), ("blocked", |it| it.blocked_ns)];

/// Which threads are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Those that lived longest.
    AtFirst,
    /// All of them.
    All,
}

/// Draws the threads of a recording; shares are of each one's own life, and of the lives of all of a process's threads together.
pub fn render(name: &str, trial: &Trial, shown: Shown, style: Style) -> String {
    let shown = match shown {
        Shown::All => vec![true; trial.workers.len()],
        Shown::AtFirst => at_first(trial),
    };
    let processes = processes(&trial.workers);
    let wall = figures::number_or_dash(trial.wall_ns.map(|ns| figures::time(ns as f64)));
    let (threads, tier) = (count(trial.workers.len() as u64, "thread"), trial.tier.name());
    let of = match processes.len() {
        1 => "1 process".to_owned(),
        several => format!("{several} processes"),
    };
    let mut text = harmless(&format!("{name}      wall {wall}      {threads} of {of}      counters: {tier}")) + "\n";
    text += &table(trial, &shown, style);
    let left_out = || trial.workers.iter().zip(&shown).filter(|(_, shown)| !**shown).map(|(it, _)| it.accounted_ns);
    if let Some(longest_ns) = left_out().max() {
        let (number, longest) = (count(left_out().count() as u64, "more thread"), figures::time(longest_ns as f64));
        text += &format!("… and {number}, none of which lived for more than {longest}\n");
    }
    for worker in &trial.workers {
        let who = worker.tid.map_or_else(|| "threads that ended".to_owned(), |tid| format!("thread {tid}"));
        text.extend(worker.notes.iter().map(|note| format!("note: {who}: {}\n", harmless(note))));
    }
    text
}

/// Whether each thread is shown unasked.
fn at_first(trial: &Trial) -> Vec<bool> {
    let life_ns = |place: &usize| trial.workers[*place].accounted_ns;
    let mut places: Vec<_> = (0..trial.workers.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(life_ns(place)));
    let least_ns = trial.wall_ns.unwrap_or(0) as f64 * LIFE_AT_FIRST;
    let long = places.iter().take_while(|place| life_ns(place) as f64 >= least_ns).count();
    let mut shown = vec![false; trial.workers.len()];
    places.iter().take(long.clamp(1, ROWS_AT_FIRST)).for_each(|place| shown[*place] = true);
    shown
}

/// The rows of each process. One that executed another program is two.
fn processes(workers: &[WorkerAccount]) -> Vec<&[WorkerAccount]> {
    workers.chunk_by(|a, b| (a.pid, &a.command) == (b.pid, &b.command)).collect()
}

/// The columns that a recording has, in which somebody has been in these phases.
pub(super) fn columns(has_been: impl Fn(&Phase) -> bool) -> Vec<Column> {
    PHASES.into_iter().filter(|(_, phases)| !IF_ANY.contains(&phases[0]) || phases.iter().any(&has_been)).collect()
}

/// Draws those that are shown, and the processes that they are of.
fn table(trial: &Trial, shown: &[bool], style: Style) -> String {
    let has_been = |phase: &Phase| trial.workers.iter().any(|it| it.wall_in(*phase) > 0);
    let (processes, phases) = (processes(&trial.workers), columns(has_been));
    let row = |label: &str, threads: &[WorkerAccount]| row(label, threads, &phases);
    let heads = phases.iter().map(|(head, _)| *head).chain(STATES.iter().map(|(head, _)| *head));
    let columns = [("process", Align::Left), ("pid", Align::Right), ("tid", Align::Right), ("life", Align::Right)];
    let columns = columns.into_iter().chain(heads.map(|head| (head, Align::Right)));
    let mut grid = Grid::new(columns.chain([("books", Align::Left)]));
    let mut shown = shown;
    for threads in &processes {
        let (of_process, others) = shown.split_at(threads.len());
        shown = others;
        if !of_process.contains(&true) {
            continue;
        }
        let command = threads[0].command.as_deref().unwrap_or_default();
        let shown: String = command.chars().take(COMMAND_WIDTH).collect();
        grid.row(row(&shown, threads));
        let several = threads.len() > 1;
        for (thread, _) in threads.iter().zip(of_process).filter(|(_, shown)| several && **shown) {
            let name = thread.thread.as_deref().unwrap_or_default();
            grid.dim_row(row(&format!("  {name}"), std::slice::from_ref(thread)));
        }
    }
    if processes.len() > 1 {
        let all: Vec<_> = processes.concat();
        grid.row(row("all", &all));
    }
    let gap = if grid.width(2) <= style.width { 2 } else { 1 };
    grid.text(style, gap)
}

/// A row of one thread, or of several together.
fn row(label: &str, threads: &[WorkerAccount], columns: &[Column]) -> Vec<String> {
    let only = |number: fn(&WorkerAccount) -> Option<u32>| {
        let first = number(&threads[0]);
        figures::number_or_dash(first.filter(|_| threads.iter().all(|it| number(it) == first)))
    };
    let life_ns: u64 = threads.iter().map(|it| it.accounted_ns).sum();
    let share =
        |ns: Option<u64>| figures::share_or_dash(ns.filter(|_| life_ns > 0).map(|ns| ns as f64 / life_ns as f64));
    let in_phases =
        |phases: &[Phase]| threads.iter().flat_map(|it| phases.iter().map(|phase| it.wall_in(*phase))).sum();
    let phases = columns.iter().map(|(_, phases)| share(Some(in_phases(phases))));
    let in_state = |state: fn(&PhaseAccount) -> Option<u64>| threads.iter().flat_map(|it| &it.phases).map(state).sum();
    let states = STATES.iter().map(|(_, state)| share(in_state(*state)));
    let tid = if threads.len() > 1 { String::new() } else { only(|it| it.tid) };
    let identity = [label.to_owned(), only(|it| it.pid), tid, figures::time(life_ns as f64)];
    identity.into_iter().chain(phases).chain(states).chain([books(threads).to_owned()]).collect()
}

fn books(threads: &[WorkerAccount]) -> &'static str {
    match threads.iter().map(|it| it.balanced).collect::<Option<Vec<_>>>() {
        None => figures::NOT_MEASURED,
        Some(balanced) if balanced.iter().all(|it| *it) => "balance",
        Some(_) => "DO NOT BALANCE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn thread(pid: u32, tid: u32, command: &str) -> WorkerAccount {
        let mut worker = testing::trial_with_accounts().workers.remove(1);
        (worker.pid, worker.tid, worker.balanced) = (Some(pid), Some(tid), Some(true));
        (worker.command, worker.thread) = (Some(command.to_owned()), Some("python3".to_owned()));
        worker.notes.clear();
        worker.phases.iter_mut().for_each(|it| it.on_cpu_ns = Some(it.wall_ns / 2));
        worker
    }

    #[test]
    fn a_process_with_several_threads_is_a_row_and_one_for_each_of_them() {
        let mut trial = testing::trial_with_accounts();
        trial.workers = vec![thread(7, 7, "python3 app.py"), thread(7, 8, "python3 app.py"), thread(9, 9, "ls")];
        let drawn = render("python3 app.py", &trial, Shown::AtFirst, Style { colour: false, width: 200 });
        let lines: Vec<_> = drawn.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "python3 app.py wall 1.86 s 3 threads of 2 processes counters: software",
                "process pid tid life compute lock-wait other-lock io-wait startup on-cpu run-queue blocked books",
                "python3 app.py 7 2.00 s 10.0 % 90.0 % 0 % 0 % 0 % 50.0 % – – balance",
                "python3 7 7 1.00 s 10.0 % 90.0 % 0 % 0 % 0 % 50.0 % – – balance",
                "python3 7 8 1.00 s 10.0 % 90.0 % 0 % 0 % 0 % 50.0 % – – balance",
                "ls 9 9 1.00 s 10.0 % 90.0 % 0 % 0 % 0 % 50.0 % – – balance",
                "all – 3.00 s 10.0 % 90.0 % 0 % 0 % 0 % 50.0 % – – balance",
            ]
        );
        trial.workers[2].phases[0].phase = Phase::Encode;
        let drawn = render("python3 app.py", &trial, Shown::All, Style { colour: false, width: 200 });
        assert!(drawn.contains("io-wait  encode  startup"), "{drawn}");
    }

    #[test]
    fn the_threads_that_live_longest_are_shown_wherever_they_stand() {
        let mut trial = testing::trial_with_accounts();
        let shim =
            (0..100).map(|pid| WorkerAccount { accounted_ns: 1_000_000 + u64::from(pid), ..thread(pid, pid, "bash") });
        let program = [200, 201].map(|tid| thread(200, tid, "python3 app.py"));
        trial.workers = shim.chain(program).collect();
        let style = Style { colour: false, width: 200 };
        let drawn = render("python3 app.py", &trial, Shown::AtFirst, style);
        assert!(drawn.contains("200  201") && !drawn.contains("bash"), "{drawn}");
        assert!(drawn.contains("… and 100 more threads, none of which lived for more than 1.00 ms\n"), "{drawn}");
        let all = render("python3 app.py", &trial, Shown::All, style);
        assert!(all.matches("bash").count() == 100 && !all.contains("more thread"), "{all}");
        trial.workers.iter_mut().for_each(|it| it.accounted_ns = 1_000);
        let short = render("python3 app.py", &trial, Shown::AtFirst, style);
        assert!(short.contains("… and 101 more threads, none of which lived for more than 1.00 µs\n"), "{short}");
    }
}
