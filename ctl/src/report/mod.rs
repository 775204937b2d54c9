//! A run, or two, as one HTML file for people: opened from disk, without a network, on a screen, a phone or paper.
//!
//! ```text
//! Material ──▶ sections ──▶ page          what the daemon gave ──▶ HTML, each with its figures as a table ──▶ one file
//!                  └──────▶ data          what is drawn when the page is opened: timelines and curves, packed
//! ```
//!
//! Sentences, tables and bars are there as they stand in the file; timelines and curves are drawn by a library (uPlot) on the
//! reader's screen. Everything that comes from people or programs (names, parameters, notes, errors) is escaped by the templates'
//! library, and a policy in the page forbids every connection and every script but the page's own. Pure but for the clock.
//!
//! | module | subject |
//! |---|---|
//! | [`material`] | what a report is made of |
//! | [`page`] | the file: head, policy, styles, scripts, sections in their order |
//! | [`parts`] | phases and states: their words, their marks |
//! | [`headline`] | the answer in one sentence, and why |
//! | [`figures`] | the table of results |
//! | [`bars`] | where the time went, as bars |
//! | [`timelines`] | who did what when, of one trial of each case |
//! | [`locks`] | who made whom wait, and in which function |
//! | [`window`] | what of a timeline is shown, and what is left out |
//! | [`scaling`], [`latency`], [`counters`], [`environment`], [`experiment`], [`comparison`] | a section each |
//! | [`tables`], [`data`] | grids as HTML, data for the scripts |

mod bars;
mod comparison;
mod counters;
mod data;
mod environment;
mod experiment;
mod figures;
mod headline;
mod latency;
mod locks;
pub mod material;
mod page;
pub mod parts;
mod scaling;
mod tables;
mod timelines;
mod window;

pub use page::{of_run, of_runs};
