//! What a worker measures of itself.
//!
//! | module | subject |
//! |---|---|
//! | [`meter`] | the mark: one clock reading and a few stores; slow paths apart |
//! | [`switch_ring`] | the thread's own context-switch records (perf events) |
//! | [`schedstat`] | run delay |
//! | [`counters`] | the counters that there are, and a reading of them |
//! | [`counter_set`], [`counter_group`] | the open counters of a thread: groups that share the PMU, and one of them |
//! | [`counter_events`] | the attributes that each counter is opened with |
//! | [`perf_page`], [`rdpmc`] | reading a counter in user space: the protocol (pure), and the instruction |
//! | [`scaling`] | counters that shared the PMU (pure) |
//! | [`mapping`], [`perf_error`] | the memory of a perf event, and what can go wrong with one |
//! | [`tools`] | what watches a thread, and everything cumulative that can be read of it |
//! | [`budget`] | what reading counters may cost (pure) |
//! | [`shares`] | what the clocks say of a span without records, shared out (pure) |
//! | [`unsettled`] | switches that were not yet held against the clocks (pure) |
//! | [`cost`] | what all this costs |

pub mod budget;
pub mod cost;
pub mod counter_events;
pub mod counter_group;
pub mod counter_set;
pub mod counters;
pub mod mapping;
pub mod meter;
pub mod perf_error;
pub mod perf_page;
pub mod rdpmc;
pub mod scaling;
pub mod schedstat;
pub mod shares;
pub mod switch_ring;
pub mod tools;
pub mod unsettled;
