//! `gilctl doctor --accuracy`: gild's figures held against truths that do not come from gild.
//!
//! ```text
//! scenario ──▶ experiment (kernel `calibrated`) ──▶ the daemon, as any other run ──▶ accounts ─┐
//!                        │                                                                     ├─▶ findings ─▶ rows
//!                        └─▶ the kernel's report: what the operating system's clocks have seen ┘
//! ```
//!
//! The truth of a figure is measured in the very task that the figure is of, so that it holds on a loaded machine, too: a
//! competing program changes both alike. Where a truth is an expectation instead ((n-1)/n of the time, a bare ping-pong),
//! it holds on a quiet machine only, and its row is skipped with the reason where the machine was not quiet.
//!
//! | module | subject |
//! |---|---|
//! | `scenarios` | what is run, and what its truths are |
//! | `evidence` | a trial's accounts beside the kernel's report |
//! | `finding` | a figure and its truth, in one trial |
//! | `report` | findings of all trials, judged |
//! | `options` | what the user asks for |
//! | `suite` | runs the scenarios, one after the other |
//! | `beside` | what this program does while a scenario runs: a bare ping-pong, steps of the machine's clock |

pub mod beside;
pub mod evidence;
pub mod finding;
pub mod options;
pub mod report;
pub mod scenarios;
pub mod suite;
