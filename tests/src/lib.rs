//! The harness of the end-to-end tests: the real `gild` and `gilctl` over a real socket, each test in a folder of its own.
//!
//! | module | subject |
//! |---|---|
//! | [`binaries`] | builds programs and plugins, once per test process |
//! | [`lab`] | a test's folder, environment, daemon and `gilctl`; nobody is left behind |
//! | [`experiments`] | runs that tests need again and again |
//! | [`program`] | runs a program with a time limit |
//! | [`privileged`] | file systems of a test's own, where it may |
//! | [`processes`] | which processes belong to a test, from procfs |
//! | [`api`] | the daemon's API, and what is no proper request, over a bare socket |
//! | [`scrape`] | the page of figures as a monitoring system sees it |
//! | [`terminal`] | runs a program on a terminal |
//! | [`waiting`] | waits for something to become true |
//! | [`accounts`] | the figures that figures are compared with |
//! | [`compiled`] | plugins in C |
//! | [`stored`] | large stores, made up |
//! | [`browser`] | opens reports in a real browser |
//! | [`python`] | readers of other people |
//! | [`pythons`] | the interpreters that are here |
//!
//! Nothing here asserts how long something takes: the limits are there so that a test that hangs ends.

pub mod accounts;
pub mod api;
pub mod binaries;
pub mod browser;
pub mod compiled;
pub mod experiments;
pub mod lab;
pub mod privileged;
pub mod processes;
pub mod program;
pub mod python;
pub mod pythons;
pub mod scrape;
pub mod stored;
pub mod terminal;
pub mod waiting;

/// Says that a test, or a part of it, was not run, and why. It is shown with `cargo test -- --nocapture`.
pub fn skipped(what: &str, why: &str) {
    eprintln!("skipped: {what}: {why}");
}
