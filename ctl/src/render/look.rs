//! A recording while it runs: a line, or a table like the one that it ends with.

use gild_model::look::{Look, PhaseTime, ThreadLook};
use gild_model::phase::Phase;

use super::grid::{Align, Grid};
use super::threads::{COMMAND_WIDTH, Column, PHASES, columns};
use super::{Style, count, figures, harmless};

/// `2.50 s: 5 threads of 1 process, 3 alive: compute 25.6 %, lock-wait 53.5 %`
pub fn line(look: &Look) -> String {
    let shares = PHASES.iter().map(|(name, phases)| (name, share(&look.phases, phases)));
    let shares: Vec<_> =
        shares.filter_map(|(name, share)| Some(format!("{name} {}", figures::share(share?)))).collect();
    format!("{}: {}", heading(look), if shares.is_empty() { "nothing yet".to_owned() } else { shares.join(", ") })
}

fn heading(look: &Look) -> String {
    let of = if look.processes == 1 { "1 process".to_owned() } else { format!("{} processes", look.processes) };
    let (wall, threads) = (figures::time(look.wall_ns as f64), count(look.threads.into(), "thread"));
    format!("{wall}: {threads} of {of}, {} alive", look.alive)
}

/// The threads, with what each of them is doing: at most so many lines, none longer than the terminal is wide.
pub fn table(look: &Look, lines_max: usize, style: Style) -> String {
    let phases = columns(|phase| share(&look.phases, &[*phase]).is_some());
    let mut grid = Grid::new(
        [
            ("process", Align::Left),
            ("pid", Align::Right),
            ("tid", Align::Right),
            ("now", Align::Left),
            ("life", Align::Right),
        ]
        .into_iter()
        .chain(phases.iter().map(|(head, _)| (*head, Align::Right))),
    );
    for threads in look.rows.chunk_by(|a, b| (a.pid, &a.command) == (b.pid, &b.command)) {
        let command: String = threads[0].command.chars().take(COMMAND_WIDTH).collect();
        grid.row(row(&command, threads, &phases));
        for thread in threads.iter().filter(|_| threads.len() > 1) {
            grid.dim_row(row(&format!("  {}", thread.thread), std::slice::from_ref(thread), &phases));
        }
    }
    let text = heading(look) + "\n" + &grid.text(Style { colour: false, ..style }, 1);
    let (all, room) = (text.lines().count(), lines_max.max(2));
    let mut lines: Vec<String> = text.lines().map(|line| harmless(line).chars().take(style.width).collect()).collect();
    if all > room {
        lines.truncate(room - 1);
        lines.push(format!("… and {} more lines", all - room + 1));
    }
    lines.join("\n")
}

fn row(label: &str, threads: &[ThreadLook], columns: &[Column]) -> Vec<String> {
    let only_one = if let [thread] = threads { Some(thread) } else { None };
    let alive = threads.iter().filter(|it| it.now.is_some()).count();
    let now = match only_one {
        Some(thread) => thread.now.map_or("ended", Phase::name).to_owned(),
        None => format!("{alive} alive"),
    };
    let tid = only_one.map_or_else(String::new, |thread| figures::number_or_dash(thread.tid));
    let life_ns: u64 = threads.iter().map(ThreadLook::life_ns).sum();
    let times: Vec<PhaseTime> = threads.iter().flat_map(|it| it.phases.iter().copied()).collect();
    let shares = columns.iter().map(|(_, phases)| figures::share_or_dash(share(&times, phases).or(some_life(life_ns))));
    [label.to_owned(), figures::number_or_dash(threads[0].pid), tid, now, figures::time(life_ns as f64)]
        .into_iter()
        .chain(shares)
        .collect()
}

/// The share of a phase that does not occur in a life.
fn some_life(life_ns: u64) -> Option<f64> {
    (life_ns > 0).then_some(0.0)
}

/// What these phases are of all; `None`: they do not occur.
fn share(times: &[PhaseTime], phases: &[Phase]) -> Option<f64> {
    let all: u64 = times.iter().map(|it| it.wall_ns).sum();
    let part: u64 = times.iter().filter(|it| phases.contains(&it.phase)).map(|it| it.wall_ns).sum();
    (part > 0).then(|| part as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(tid: u32, now: Option<Phase>) -> ThreadLook {
        let time = |phase, wall_ns| PhaseTime { phase, wall_ns };
        ThreadLook {
            pid: Some(7),
            tid: Some(tid),
            thread: "python3".to_owned(),
            command: "python3 app.py".to_owned(),
            now,
            since_ns: None,
            phases: vec![time(Phase::Compute, 1_000_000_000), time(Phase::SwitchWait, 3_000_000_000)],
        }
    }

    fn look() -> Look {
        let rows = vec![thread(7, Some(Phase::LockWait)), thread(8, None)];
        let phases = rows[0].phases.clone();
        Look { wall_ns: 2_500_000_000, processes: 1, threads: 2, alive: 1, hand_overs: None, phases, rows }
    }

    #[test]
    fn a_look_in_one_line_has_what_occurs() {
        assert_eq!(line(&look()), "2.50 s: 2 threads of 1 process, 1 alive: compute 25.0 %, lock-wait 75.0 %");
        let empty = Look { phases: Vec::new(), rows: Vec::new(), ..look() };
        assert!(line(&empty).ends_with(": nothing yet"));
    }

    #[test]
    fn a_table_says_what_each_thread_is_doing_and_keeps_to_the_screen() {
        let drawn = |lines_max, width| table(&look(), lines_max, Style { colour: true, width });
        let lines: Vec<_> =
            drawn(50, 200).lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[0], "2.50 s: 2 threads of 1 process, 1 alive");
        assert!(lines[1].starts_with("process pid tid now life compute lock-wait"), "{lines:?}");
        assert!(lines[2].starts_with("python3 app.py 7 1 alive 8.00 s 25.0 % 75.0 %"), "{lines:?}");
        assert!(lines[3].starts_with("python3 7 7 lock-wait 4.00 s 25.0 %"), "{lines:?}");
        assert!(lines[4].starts_with("python3 7 8 ended 4.00 s 25.0 %"), "{lines:?}");
        let short = drawn(4, 30);
        assert_eq!(short.lines().count(), 4);
        assert!(short.ends_with("… and 2 more lines") && short.lines().all(|it| it.chars().count() <= 30), "{short}");
    }
}
