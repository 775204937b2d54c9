//! What runs inside coordinators and workers, and what the daemon needs to read their accounts.
//!
//! | module | subject |
//! |---|---|
//! | [`spec`] | what the daemon tells a coordinator, and what it answers |
//! | [`clock`] | the clock of the marks |
//! | [`attribution`] | events with timestamps in, accounts out (pure) |
//! | [`ledger`] | the shared-memory accounts of a trial |
//! | [`measure`] | what a worker measures of itself |
//! | [`host`] | what this machine can measure |
//! | [`coordinator`], [`worker`], [`scan`] | the programs behind `gild coordinator`, `gild worker`, `gild scan` |

pub mod attribution;
pub mod clock;
pub mod coordinator;
pub mod host;
pub mod ledger;
pub mod measure;
pub mod scan;
pub mod spec;
pub mod worker;
