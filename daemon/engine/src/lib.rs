//! What runs inside coordinators and workers, and what the daemon needs to read their accounts.
//!
//! | module | subject |
//! |---|---|
//! | [`spec`] | what the daemon tells a coordinator, and what it answers |
//! | [`clock`] | the clock of the marks |
//! | [`attribution`] | events with timestamps in, accounts out (pure) |
//! | [`ledger`] | the shared-memory accounts of a trial |
//! | [`measure`] | what a worker measures of itself |
//! | [`plugin`] | the host's side of the kernel ABI |
//! | [`locks`] | lock policies |
//! | [`models`] | execution models |
//! | [`transport`] | framed messages between coordinator and worker process |
//! | [`topology`], [`pinning`] | the machine's cores, and which worker runs on which |
//! | [`core_pmus`] | the PMUs of cores of several kinds |
//! | [`digest`] | the identity of a trial's results |
//! | [`record`] | the accounts of programs that gild did not write |
//! | [`fault`] | a note in the ledger before a deadly signal takes effect |
//! | [`noise`] | what else the machine does while a trial runs |
//! | [`host`] | what this machine can measure |
//! | [`coordinator`], [`worker`], [`scan`] | the programs behind `gild coordinator`, `gild worker`, `gild scan` |

pub mod attribution;
pub mod clock;
pub mod coordinator;
pub mod core_pmus;
pub mod digest;
pub mod fault;
pub mod host;
pub mod ledger;
pub mod locks;
pub mod measure;
pub mod models;
pub mod noise;
pub mod pinning;
pub mod plugin;
pub mod record;
pub mod scan;
pub mod spec;
pub mod topology;
pub mod transport;
pub mod worker;
