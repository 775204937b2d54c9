//! The control plane: queue, store, API and supervision. It never maps plugin code.
//!
//! One control thread serves the API and drives the runs; a spawner process, forked before anything else, starts
//! what runs plugin code. Data flows one way:
//!
//! ```text
//!   server ──▶ runs (queue, store, logs) ──▶ driver ──▶ trial ──▶ spawner ──▶ coordinator
//!      ▲                 ▲                     │          │
//!      └─── events ──────┴───── trials ◀───────┴─ verdict ┘
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`cli`], [`exit`] | the command line and what the exit status says |
//! | [`serve`] | start, signals, stop |
//! | [`config`], [`logging`] | `gild.toml`; logs |
//! | [`listen`] | the socket: lock, permissions, rests of a dead daemon |
//! | [`server`] | the API |
//! | [`daemon`] | what the parts share |
//! | [`runs`] | everything that can be asked of runs |
//! | [`metrics`] | figures for a monitoring system: what is counted, and the page it is on |
//! | [`retention`] | how long runs are kept |
//! | [`queue`] | which run is next, and what may be asked of it (pure) |
//! | [`driver`] | runs runs |
//! | [`schedule`], [`findings`] | the order of trials; what a run comes to (pure) |
//! | [`until`] | whether to repeat once more (pure) |
//! | [`trial`] | one trial from its start to its closed books |
//! | [`task_fold`], [`histogram`] | a trial's task log folded into times by class; times in little memory |
//! | [`vanished`] | threads that ended in the middle of a task |
//! | [`verdict`] | how a trial ended (pure) |
//! | [`plugins`], [`fit`] | what plugins hold; whether an experiment fits its kernel |
//! | [`spawner`] | the processes that run plugin code |
//! | [`record`] | the program behind `gild record` |
//! | [`python`] | the Python code of ours that runs in the user's interpreter |
//! | [`stage`] | the trial in progress, for whoever asks what is happening in it |
//! | [`output`] | reading what they write |
//! | [`store`] | runs and trials on disk |
//! | [`summary`] | a run folded into one line per case |
//! | [`advice`] | which case to use, what bounds each, how it scales (pure) |

pub mod advice;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod driver;
pub mod exit;
pub mod findings;
pub mod fit;
pub mod histogram;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod output;
pub mod plugins;
pub mod python;
pub mod queue;
pub mod record;
pub mod retention;
pub mod runs;
pub mod schedule;
pub mod serve;
pub mod server;
pub mod spawner;
pub mod stage;
pub mod store;
pub mod summary;
pub mod task_fold;
#[cfg(test)]
mod testing;
pub mod trial;
pub mod until;
pub mod vanished;
pub mod verdict;
