//! The values on the page: what they are labelled with, and how times are kept.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::encoding::{CounterValueEncoder, EncodeCounterValue};
use prometheus_client::metrics::counter::{Atomic, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// What one series of a family is about: names and values, all of them texts of this program.
pub type Labels = Vec<(&'static str, &'static str)>;

/// A counter for each set of labels.
pub type Counters = Family<Labels, Counter>;

/// A sum of times for each set of labels.
pub type Times = Family<Labels, Counter<Nanoseconds, AtomicU64>>;

/// A value for each set of labels.
pub type Gauges = Family<Labels, Gauge>;

/// A time that is added up as the accounts have it, without rounding, and shown in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nanoseconds(pub u64);

impl Nanoseconds {
    fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Atomic<Nanoseconds> for AtomicU64 {
    fn inc(&self) -> Nanoseconds {
        self.inc_by(Nanoseconds(1))
    }

    fn inc_by(&self, time: Nanoseconds) -> Nanoseconds {
        Nanoseconds(self.fetch_add(time.0, Relaxed))
    }

    fn get(&self) -> Nanoseconds {
        Nanoseconds(self.load(Relaxed))
    }
}

impl EncodeCounterValue for Nanoseconds {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        EncodeCounterValue::encode(&self.as_seconds(), encoder)
    }
}

/// Has the series of these label sets appear with zero: nothing has happened yet, which is something to know.
pub(super) fn begin_at_zero(counters: &Counters, labels: impl IntoIterator<Item = Labels>) {
    for labels in labels {
        drop(counters.get_or_create(&labels));
    }
}
