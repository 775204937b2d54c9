//! What a worker measures of itself.
//!
//! | module | subject |
//! |---|---|
//! | [`meter`] | the mark: one clock reading and a few stores; slow paths apart |
//! | [`switch_ring`] | the thread's own context-switch records (perf events) |
//! | [`schedstat`] | run delay |
//! | [`counters`] | a group of hardware and software counters |
//! | [`tools`] | what watches a thread, and everything cumulative that can be read of it |
//! | [`budget`] | what reading counters may cost (pure) |
//! | [`cost`] | what all this costs |

pub mod budget;
pub mod cost;
pub mod counters;
pub mod meter;
pub mod schedstat;
pub mod switch_ring;
pub mod tools;
