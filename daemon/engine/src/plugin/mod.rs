//! The host's side of the kernel ABI.
//!
//! | module | subject |
//! |---|---|
//! | [`library`] | opening a library, checking it, copying its metadata |
//! | [`instance`] | a kernel made for given arguments: plan, run, verify |
//! | [`operation`] | a task of a kernel's asynchronous form: start, poll, drop |
//! | [`waits`] | what an operation can wait for |
//! | [`value`] | a kernel's values: ownership, encoding, decoding |
//! | [`table`] | the functions that a kernel may call |
//! | [`task`] | what the host knows of the task that a kernel is running |
//!
//! Every pointer that comes from a plugin is checked once, in `library`, and held as a checked type afterwards. The
//! daemon itself never gets here: only coordinators, workers and scan processes map plugin code.

pub mod instance;
pub mod library;
pub mod operation;
pub mod table;
pub mod task;
pub mod value;
pub mod waits;
