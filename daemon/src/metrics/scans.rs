//! Plugins that were asked what they hold.

use super::catalogue::SCANS;
use super::page::Page;
use super::values::{Counters, Labels, begin_at_zero};
use crate::plugins::PluginError;

const PLUGIN: &str = "plugin";
const NOT_A_PLUGIN: &str = "not-a-plugin";
const REFUSED: &str = "refused";
const FAILED: &str = "failed";

/// Scans since the daemon started.
#[derive(Debug)]
pub struct ScanTally(Counters);

impl Default for ScanTally {
    fn default() -> ScanTally {
        let tally = ScanTally(Counters::default());
        begin_at_zero(&tally.0, [PLUGIN, NOT_A_PLUGIN, REFUSED, FAILED].map(of));
        tally
    }
}

impl ScanTally {
    /// A scan came to this.
    pub fn add<T>(&self, result: &Result<T, PluginError>) {
        let outcome = match result {
            Ok(_) => PLUGIN,
            Err(PluginError::Refused { claims: false, .. }) => NOT_A_PLUGIN,
            Err(PluginError::Refused { .. }) => REFUSED,
            Err(_) => FAILED,
        };
        self.0.get_or_create(&of(outcome)).inc();
    }

    pub(super) fn put_on(&self, page: &mut Page) {
        page.put(&SCANS, self.0.clone());
    }
}

fn of(outcome: &'static str) -> Labels {
    vec![("outcome", outcome)]
}
