//! The vocabulary of gild: what a run is made of, and what is said of it.
//!
//! Every word of the design (kernel, case, trial, phase, state …) is one type here, and the same word
//! in TOML, in the API, in the exports and on the screen. The crate is pure data: it opens nothing,
//! starts nothing and knows neither the daemon nor the engine.
//!
//! | module | subject |
//! |---|---|
//! | [`experiment`] | what the user writes: a kernel, its parameters, cases, repetitions |
//! | [`until`] | when an experiment has been repeated often enough |
//! | [`case`] | one configuration: model, workers, lock policy, start method, transport, dispatch, pinning |
//! | [`choice`] | a case with choices left open, and how they are made |
//! | [`grid`] | a case with lists in place of values: every combination |
//! | [`group`] | cases that do the same work, because their parameters are equal |
//! | [`phase`] | what a worker is doing, and whether it is running while it does it |
//! | [`account`] | measured time: per worker, per phase, per state |
//! | [`trial`] | one execution of all tasks under one case |
//! | [`lock_wait`] | who made whom wait for a lock |
//! | [`noise`] | what else the machine did while a trial ran |
//! | [`run`] | an experiment given to the daemon, with its trials and results |
//! | [`recording`] | a program that was recorded as it is |
//! | [`look`] | a recording while it runs |
//! | [`live`] | a run in progress at one instant |
//! | [`task_times`] | how long tasks waited and took |
//! | [`timeline`] | when a worker went from which phase to which |
//! | [`summary`] | a run folded into one line per case |
//! | [`advice`] | which case, what bounds each one, how it scales, what to try next |
//! | [`many`] | which of many runs to list, and which to remove |
//! | [`label`], [`age`] | tags and notes on runs; how long ago |
//! | [`query`] | questions in SQL and their answers |
//! | [`comparison`] | two runs held against each other |
//! | [`plugin`] | what a plugin says of its kernels |
//! | [`python`] | a kernel that is a function in Python |
//! | [`host`] | what this machine can measure |
//! | [`paths`] | where the daemon listens and keeps its files by default |
//! | [`params`] | a kernel's parameters, declared and given, brought together |
//! | [`api`] | the messages between `gilctl` and `gild` |

pub mod account;
pub mod advice;
pub mod age;
pub mod api;
pub mod case;
pub mod choice;
pub mod comparison;
pub mod experiment;
pub mod grid;
pub mod group;
pub mod host;
pub mod label;
pub mod live;
pub mod lock_wait;
pub mod look;
pub mod many;
pub mod noise;
pub mod params;
pub mod paths;
pub mod phase;
pub mod plugin;
pub mod python;
pub mod query;
pub mod recording;
pub mod run;
pub mod summary;
pub mod task_times;
pub mod timeline;
pub mod trial;
pub mod until;
