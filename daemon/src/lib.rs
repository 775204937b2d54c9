//! The control plane: queue, store, API and supervision. It never maps plugin code.
//!
//! | module | subject |
//! |---|---|
//! | [`store`] | runs and trials on disk |
//! | [`summary`] | a run folded into one line per case |

pub mod store;
pub mod summary;
