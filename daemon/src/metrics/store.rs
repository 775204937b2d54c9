//! Writes to the store: how long they take, and which of them fail. The store counts its runs here, too, so that nobody
//! has to walk through them.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;

use super::catalogue::{STORE_ERRORS, STORE_LAST_WRITE, STORE_RUNS, STORE_WRITES};
use super::page::Page;
use super::values::{Counters, Labels, begin_at_zero};
use crate::store::StoreError;

/// Upper bounds of the histogram's buckets, in seconds: a transaction takes some tens of microseconds, and one that waits
/// for another program two seconds.
const BOUNDS_S: [f64; 9] = [0.0001, 0.000_25, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5];
/// In place of the time of the latest write: there was none.
const NONE_YET: u64 = u64::MAX;

/// The store since the daemon started.
#[derive(Debug)]
pub struct StoreTally {
    runs: AtomicI64,
    writes: Histogram,
    last_write_ns: AtomicU64,
    errors: Counters,
}

impl StoreTally {
    /// Of a store with so many runs.
    pub fn of(runs: i64) -> StoreTally {
        let errors = Counters::default();
        begin_at_zero(&errors, ["full", "busy", "damaged", "other"].map(of));
        let (runs, last_write_ns) = (AtomicI64::new(runs), AtomicU64::new(NONE_YET));
        StoreTally { runs, writes: Histogram::new(BOUNDS_S), last_write_ns, errors }
    }

    /// Writes something, and counts that.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn write<T>(&self, write: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let started = Instant::now();
        let result = write();
        self.wrote(started.elapsed(), result.as_ref().err());
        result
    }

    fn wrote(&self, time: Duration, error: Option<&StoreError>) {
        self.writes.observe(time.as_secs_f64());
        self.last_write_ns.store(u64::try_from(time.as_nanos()).unwrap_or(NONE_YET - 1), Relaxed);
        if let Some(kind) = error.and_then(kind) {
            self.errors.get_or_create(&of(kind)).inc();
        }
    }

    /// So many runs came to the store, or went.
    pub fn count_runs(&self, more: i64) {
        self.runs.fetch_add(more, Relaxed);
    }

    pub(super) fn put_on(&self, page: &mut Page) {
        page.put(&STORE_RUNS, ConstGauge::new(self.runs.load(Relaxed)));
        page.put(&STORE_WRITES, self.writes.clone());
        let last_ns = Some(self.last_write_ns.load(Relaxed)).filter(|last_ns| *last_ns != NONE_YET);
        page.put_if_known(&STORE_LAST_WRITE, last_ns.map(|last_ns| last_ns as f64 / 1e9));
        page.put(&STORE_ERRORS, self.errors.clone());
    }
}

/// The name of an error that says something of the store, and not of what was asked of it.
fn kind(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Full { .. } => Some("full"),
        StoreError::Busy { .. } => Some("busy"),
        StoreError::Damaged { .. } => Some("damaged"),
        StoreError::NoSuchRun(_)
        | StoreError::NoSuchCase { .. }
        | StoreError::TooManyTags(_)
        | StoreError::Question(_) => None,
        _ => Some("other"),
    }
}

fn of(error: &'static str) -> Labels {
    vec![("error", error)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::page::Format;

    #[test]
    fn a_write_that_fails_is_counted_by_what_is_wrong_with_the_store() {
        let tally = StoreTally::of(0);
        let path = std::path::PathBuf::from("/data/gild.db");
        tally.write(|| Ok(())).unwrap();
        tally.write(|| Err::<(), _>(StoreError::Full { path })).unwrap_err();
        tally.write(|| Err::<(), _>(StoreError::NoSuchRun(7))).unwrap_err();
        let mut page = Page::default();
        tally.put_on(&mut page);
        let text = page.write(Format::OpenMetrics).unwrap();
        assert!(text.contains("\ngild_store_write_duration_seconds_count 3\n"), "{text}");
        let errors = |kind| tally.errors.get(&of(kind)).unwrap().get();
        assert_eq!(
            ["full", "busy", "damaged", "other"].map(errors),
            [1, 0, 0, 0],
            "a run that is not there is no fault of the store"
        );
        assert!(tally.last_write_ns.load(Relaxed) < NONE_YET);
    }
}
