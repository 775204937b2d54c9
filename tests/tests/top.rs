//! `gilctl top` on a terminal: drawn, resized, stopped, continued, left; and the terminal is as it was afterwards.

use gild_model::run::RunId;
use gild_tests::experiments::submit_endless;
use gild_tests::lab::Lab;
use gild_tests::terminal::Seat;
use gild_tests::waiting::wait_for;
use nix::sys::signal::Signal;

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SHOW_CURSOR: &str = "\x1b[?25h";

fn sit(lab: &Lab, arguments: &[&str]) -> Seat {
    Seat::at(&mut lab.gilctl_command(&[&["top", "--interval=0.1"], arguments].concat()), 24, 100)
}

fn cancel(lab: &Lab, id: RunId) {
    lab.gilctl(&["cancel", &id.to_string()]).well();
    lab.wait_for_end(id);
}

#[track_caller]
fn assert_given_back(shown: &str) {
    assert_eq!(shown.matches(ENTER).count(), shown.matches(LEAVE).count(), "{shown:?}");
    let last = |text: &str| shown.rfind(text).unwrap_or_else(|| panic!("no {text:?} in {shown:?}"));
    assert!(last(LEAVE) > last(ENTER) && last(SHOW_CURSOR) > last("\x1b[?25l"), "{shown:?}");
}

#[test]
fn a_run_is_shown_on_a_screen_of_any_size_until_q() {
    let lab = Lab::new();
    let id = submit_endless(&lab, "processes");
    let mut seat = sit(&lab, &[]);
    seat.wait_for("coordinator");
    // The coordinator and two workers, their bars in colours, and the marks of what they do.
    seat.wait_for("endless");
    seat.wait_for("IIII");
    seat.resize(5, 20);
    seat.wait_for("rows");
    seat.resize(40, 120);
    seat.wait_for("space pause");
    seat.press(" ");
    seat.wait_for("PAUSED");
    seat.press(" ?");
    seat.wait_for("has the lock");
    assert!(!seat.is_cooked());
    seat.press("q");
    let (status, shown) = seat.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert_given_back(&shown);
    assert!(!lab.head(id).status.is_final(), "the run goes on");
    cancel(&lab, id);
}

#[test]
fn the_terminal_is_given_back_whoever_ends_or_stops_it() {
    let lab = Lab::new();
    let id = submit_endless(&lab, "sequential");
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let seat = sit(&lab, &[&id.to_string()]);
        seat.wait_for("coordinator");
        seat.signal(signal);
        let (status, shown) = seat.end();
        assert_eq!(status.code(), Some(130), "{signal}: {shown}");
        assert_given_back(&shown);
    }
    let mut seat = sit(&lab, &[]);
    seat.wait_for("coordinator");
    // By key and by signal.
    for by_key in [true, false] {
        if by_key {
            seat.press("\x1a")
        } else {
            seat.signal(Signal::SIGTSTP)
        }
        wait_for("it is stopped", || seat.is_stopped().then_some(()));
        assert!(seat.is_cooked());
        seat.signal(Signal::SIGCONT);
        seat.wait_for("coordinator");
    }
    seat.press("\x03");
    let (status, shown) = seat.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert_given_back(&shown);
    cancel(&lab, id);
}

#[test]
fn it_waits_for_a_run_says_how_it_ended_and_goes_on_with_the_next() {
    let lab = Lab::new();
    let mut seat = sit(&lab, &[]);
    seat.wait_for("waiting");
    let first = submit_endless(&lab, "sequential");
    seat.wait_for("coordinator");
    cancel(&lab, first);
    seat.wait_for("cancelled");
    let next = submit_endless(&lab, "processes");
    seat.wait_for("worker 1");
    seat.press("\x1b");
    let (status, shown) = seat.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    cancel(&lab, next);
}

#[test]
fn a_daemon_that_dies_is_told_after_the_screen_is_gone() {
    let mut lab = Lab::new();
    let id = submit_endless(&lab, "sequential");
    let seat = sit(&lab, &[&id.to_string()]);
    seat.wait_for("coordinator");
    lab.crash_daemon();
    seat.wait_for("asking");
    let (status, shown) = seat.end();
    assert_eq!(status.code(), Some(3), "{shown}");
    assert_given_back(&shown);
    assert!(shown.split(LEAVE).last().unwrap().contains("the daemon went away while run"), "{shown}");
}

#[test]
fn without_a_terminal_a_daemon_or_a_run_it_says_what_to_do() {
    let lab = Lab::new();
    let ran = lab.gilctl(&["top"]).ended_with(2);
    assert!(ran.stderr.contains("not a terminal") && ran.stderr.contains("gilctl watch"), "{ran}");
    let (status, shown) = sit(&lab, &["99"]).end();
    assert_eq!(status.code(), Some(4), "{shown}");
    assert!(shown.contains("there is no run 99"), "{shown}");
    let nowhere = Lab::empty();
    let (status, shown) = sit(&nowhere, &[]).end();
    assert_eq!(status.code(), Some(3), "{shown}");
    assert!(shown.contains("no daemon listens") && !shown.contains(ENTER), "{shown}");
}
