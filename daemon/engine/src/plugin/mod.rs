//! The host's side of the kernel ABI.
//!
//! | module | subject |
//! |---|---|
//! | [`library`] | opening a library, checking it, copying its metadata |
//! | [`instance`] | a kernel made for given arguments: plan, run, verify |
//! | [`value`] | a kernel's values: ownership, encoding, decoding |
//! | [`table`] | the functions that a kernel may call |
//! | [`task`] | what the host knows of the task that a kernel is running |
//!
//! Every pointer that comes from a plugin is checked once, in `library`, and held as a checked type afterwards. The
//! daemon itself never gets here: only coordinators, workers and scan processes map plugin code.

pub mod instance;
pub mod library;
pub mod table;
pub mod task;
pub mod value;
