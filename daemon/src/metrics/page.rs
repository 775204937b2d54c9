//! The page: every family with its values at this moment.

use std::fmt;

use nix::sys::statvfs::statvfs;
use prometheus_client::encoding::{EncodeGaugeValue, prometheus_text, text};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::catalogue::{
    BUILD, Entry, HOST, RUNS_QUEUED, RUNS_QUEUED_MAX, RUNS_RUNNING, RUNS_UNSAVED, SPAWNER, START_TIME, STORE_BYTES,
    STORE_FREE,
};
use super::process;
use super::runs::{RunKind, of_kind};
use super::values::Gauges;
use crate::daemon::Daemon;
use crate::store;

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// What Prometheus had before that, version 0.0.4.
    Classic,
}

impl Format {
    /// The content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Classic => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// A page that is being put together.
#[derive(Debug, Default)]
pub struct Page(Registry);

impl Page {
    /// Everything that there is to say of a daemon now.
    pub fn of(daemon: &Daemon) -> Page {
        let mut page = Page::default();
        put_daemon(&mut page, daemon);
        put_standing(&mut page, daemon);
        daemon.runs.tally.put_on(&mut page);
        daemon.runs.trials.put_on(&mut page);
        daemon.traffic.put_on(&mut page);
        put_store(&mut page, daemon);
        daemon.plugins.scans.put_on(&mut page);
        process::put_on(&mut page);
        page
    }

    /// Writes it.
    ///
    /// # Errors
    /// A value cannot be written in this format, which should not happen.
    pub fn write(&self, format: Format) -> Result<String, fmt::Error> {
        let mut text = String::new();
        match format {
            Format::OpenMetrics => text::encode(&mut text, &self.0)?,
            Format::Classic => prometheus_text::encode(&mut text, &self.0)?,
        }
        Ok(text)
    }

    pub(super) fn put(&mut self, entry: &Entry, metric: impl Metric) {
        match entry.unit {
            Some(unit) => self.0.register_with_unit(entry.stem, entry.help, unit.into(), metric),
            None => self.0.register(entry.stem, entry.help, metric),
        }
    }

    /// A gauge without labels; what is not known is left out.
    pub(super) fn put_if_known<N>(&mut self, entry: &Entry, value: Option<N>)
    where
        N: EncodeGaugeValue + fmt::Debug + Send + Sync + 'static,
    {
        if let Some(value) = value {
            self.put(entry, ConstGauge::new(value));
        }
    }
}

fn put_daemon(page: &mut Page, daemon: &Daemon) {
    page.put(&BUILD, Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
    page.put(&HOST, Info::new(vec![("tier", daemon.host().tier.name())]));
    page.put(&SPAWNER, ConstGauge::new(u64::from(!daemon.spawner.is_gone())));
}

fn put_standing(page: &mut Page, daemon: &Daemon) {
    let (running, queued) = daemon.runs.standing();
    let in_progress = Gauges::default();
    in_progress.get_or_create(&of_kind(RunKind::Run)).set(i64::from(running.is_some()));
    in_progress.get_or_create(&of_kind(RunKind::Recording)).set(daemon.runs.recording().len() as i64);
    page.put(&RUNS_QUEUED, ConstGauge::new(queued));
    page.put(&RUNS_QUEUED_MAX, ConstGauge::new(daemon.config().queue_max as u64));
    page.put(&RUNS_RUNNING, in_progress);
    page.put(&RUNS_UNSAVED, ConstGauge::new(daemon.runs.unsaved() as u64));
    page.put(&START_TIME, ConstGauge::new(daemon.facts().started_at.as_microsecond() as f64 / 1e6));
}

fn put_store(page: &mut Page, daemon: &Daemon) {
    let path = &daemon.facts().store;
    page.put(&STORE_BYTES, ConstGauge::new(store::bytes_of(path)));
    let room = path.parent().and_then(|folder| statvfs(folder).ok());
    page.put_if_known(&STORE_FREE, room.map(|it| it.blocks_available() * it.fragment_size()));
    daemon.runs.store_tally.put_on(page);
}
