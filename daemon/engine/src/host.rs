//! What this machine can measure. (Interface first.)

use gild_model::host::HostReport;

/// Probes clock, perf events, counters, schedstat and topology by using them. Takes some 10 ms.
pub fn probe() -> HostReport {
    todo!()
}
