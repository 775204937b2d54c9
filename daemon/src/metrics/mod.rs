//! What the daemon tells a monitoring system of itself: one page of figures in the format of OpenMetrics.
//!
//! ```text
//!  runs, trials, requests, writes, scans ──count──▶ tallies ─┐
//!  /proc/self, queue, files of the store ──read────────────▶ page ──▶ GET /metrics
//! ```
//!
//! Whoever does something counts it in a tally of its own; the page puts the tallies beside what is read at that moment.
//! Counting costs some additions, and a page costs the same however much the store holds. Labels are texts of this
//! program (`&'static str`), so that nothing of a client, a user or a run can get into one, and their number is bounded.
//!
//! | module | subject |
//! |---|---|
//! | [`catalogue`] | every family: name, type, unit, labels, meaning |
//! | [`values`] | labels; nanoseconds that are shown as seconds |
//! | [`runs`] | runs accepted and ended |
//! | [`trials`] | what the accounts of trials add up to |
//! | [`traffic`] | connections and requests |
//! | [`store`] | writes to the store |
//! | [`scans`] | plugins that were asked what they hold |
//! | [`process`] | what the kernel says of this process |
//! | [`page`] | all of it on one page |
//! | [`config`] | where the page is served beside the socket |

pub mod catalogue;
pub mod config;
pub mod page;
pub mod process;
pub mod runs;
pub mod scans;
pub mod store;
#[cfg(test)]
mod tests;
pub mod traffic;
pub mod trials;
pub mod values;
