//! Pictures of screens, held against files: `UPDATE_DOCS=1 cargo test -p gilctl` writes them anew.

use std::fs;
use std::path::PathBuf;

use gild_model::account::Role;
use gild_model::live::{LiveAccounts, LiveRow, LiveRun};
use gild_model::look::{Look, PhaseTime, ThreadLook};
use gild_model::phase::Phase;
use gild_model::run::RunStatus;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::{self, draw};
use super::palette::Colours;
use super::state::{Act, State};
use crate::testing;
use crate::testing::live::{look, run};

/// A run that was looked at twice.
fn running() -> State {
    let mut state = State::new();
    state.follow(testing::experiment());
    state.take(run(look(1, 2_000_000_000, 20)));
    state.take(run(look(1, 3_000_000_000, 40)));
    state
}

fn recording() -> State {
    let thread = |tid: u32, name: &str, now, times: &[(Phase, u64)]| ThreadLook {
        pid: Some(4_700),
        tid: Some(tid),
        thread: name.to_owned(),
        command: "python3 app.py".to_owned(),
        now,
        since_ns: Some(8_000_000_000),
        phases: times.iter().map(|(phase, wall_ns)| PhaseTime { phase: *phase, wall_ns: *wall_ns }).collect(),
    };
    let rows = vec![
        thread(
            4_700,
            "python3",
            Some(Phase::OtherLock),
            &[(Phase::Startup, 400_000_000), (Phase::OtherLock, 8_100_000_000)],
        ),
        thread(
            4_701,
            "ThreadPoolExecu",
            Some(Phase::Compute),
            &[(Phase::Compute, 5_000_000_000), (Phase::LockWait, 2_500_000_000), (Phase::IoWait, 900_000_000)],
        ),
        thread(4_702, "evil\u{1b}[2J", None, &[(Phase::Compute, 1_000_000_000)]),
    ];
    let look = Look {
        wall_ns: 8_500_000_000,
        processes: 1,
        threads: 1_203,
        alive: 2,
        hand_overs: Some(1_700),
        phases: vec![],
        rows,
    };
    let mut state = State::new();
    let head =
        gild_model::run::RunHead { kernel: "recorded".to_owned(), name: "app.py".to_owned(), ..run(look_once()).head };
    state.take(LiveRun { head, progress: None, accounts: Some(LiveAccounts::from(&look)) });
    state
}

fn look_once() -> (gild_model::api::Progress, LiveAccounts) {
    look(0, 1_000_000_000, 3)
}

/// A hundred workers; a kernel of its own phases; some not started, some ended.
fn many() -> State {
    let (progress, mut accounts) = look(0, 2_000_000_000, 50);
    let model = accounts.rows[1].clone();
    let row = |index: u32| match index {
        0 => LiveRow { kernel_phase: Some("multiply".to_owned()), now: Some(Phase::Compute), ..model.clone() },
        1 => LiveRow { now: None, since_ns: None, index, ..model.clone() },
        2 => LiveRow { now: None, born: false, since_ns: None, tid: None, phases: vec![], index, ..model.clone() },
        _ => LiveRow { index, tid: Some(5_000 + index), ..model.clone() },
    };
    accounts.rows.truncate(1);
    accounts.rows.extend((0..100).map(row));
    accounts.not_shown = 12;
    let mut state = State::new();
    state.follow(testing::experiment());
    state.take(run((progress, accounts)));
    state
}

/// The letters of a screen, line by line, without the blanks at their ends.
fn letters(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, Colours::None)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
    (0..height).map(line).collect()
}

#[track_caller]
fn check(name: &str, state: &State, (width, height): (u16, u16)) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/top/screens")).join(format!("{name}.txt"));
    let drawn = letters(state, width, height);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(drawn, expected, "{} differs; UPDATE_DOCS=1 writes it anew:\n{drawn}", path.display());
}

#[test]
fn a_run_in_progress() {
    check("running", &running(), (110, 14));
    check("narrow", &running(), (60, 12));
    check("tiny", &running(), (20, 5));
    let mut life = running();
    life.act(Act::Span, 5);
    check("life", &life, (110, 14));
}

#[test]
fn many_workers_are_scrolled() {
    let mut state = many();
    check("many", &state, (100, 16));
    let room = usize::from(draw::places(ratatui::layout::Rect::new(0, 0, 100, 16)).rows.height);
    state.act(Act::Last, room);
    check("many-last", &state, (100, 16));
}

#[test]
fn a_recording_shows_threads_by_name() {
    check("recording", &recording(), (110, 12));
}

#[test]
fn nothing_in_progress_and_the_end_of_a_run() {
    check("idle", &State::new(), (60, 10));
    let mut over = running();
    let head = gild_model::run::RunHead {
        status: RunStatus::Failed,
        error: Some("task 3: out of memory".to_owned()),
        ..run(look_once()).head
    };
    over.take(LiveRun { head, progress: None, accounts: None });
    over.wait();
    check("over", &over, (110, 14));
}

#[test]
fn a_daemon_that_is_gone_a_pause_and_the_help() {
    let mut state = running();
    state.lose("the daemon went away; asking again".to_owned());
    check("lost", &state, (90, 12));
    let mut state = running();
    state.act(Act::Pause, 5);
    check("paused", &state, (90, 12));
    state.act(Act::Help, 5);
    check("help", &state, (90, 20));
}

#[test]
fn every_screen_however_small_is_drawn_in_all_colours() {
    let idle = State::new();
    let mut help = running();
    help.act(Act::Help, 1);
    for state in [&running(), &recording(), &many(), &idle, &help] {
        for (width, height) in (0..24).flat_map(|width| (0..16).map(move |height| (width, height))) {
            for colours in [Colours::None, Colours::Basic, Colours::True] {
                let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
                terminal.draw(|frame| draw(frame, state, colours)).unwrap();
            }
        }
    }
}

#[test]
fn colours_are_those_of_the_parts() {
    let mut terminal = Terminal::new(TestBackend::new(110, 14)).unwrap();
    terminal.draw(|frame| draw(frame, &running(), Colours::True)).unwrap();
    let buffer = terminal.backend().buffer();
    let last = &buffer[(109, 6)];
    assert_eq!(
        (last.symbol(), last.bg),
        (" ", Colours::True.part(1).bg.unwrap()),
        "the end of a bar that waits for the lock"
    );
    let owner = running().seen.unwrap().now.rows.iter().position(|it| it.has_lock == Some(true)).unwrap();
    let row = 5 + u16::try_from(owner).unwrap();
    let text: String = (0..12).map(|x| buffer[(x, row)].symbol()).collect();
    assert!(text.starts_with("worker 2"), "{text}");
    assert_eq!(buffer[(0, row)].fg, Colours::True.owner().fg.unwrap());
    assert!(running().seen.unwrap().now.rows.iter().any(|it| it.role == Role::Coordinator));
}

#[test]
fn the_documentation_shows_the_screen_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/top.md");
    let documentation = fs::read_to_string(path).unwrap();
    let screens = concat!(env!("CARGO_MANIFEST_DIR"), "/src/top/screens");
    let screen = fs::read_to_string(format!("{screens}/running.txt")).unwrap();
    assert!(documentation.contains(&screen), "{path} does not have the screen running.txt as it is:\n{screen}");
}
