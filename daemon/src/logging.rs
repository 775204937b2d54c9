//! Logs: to standard error, as text or JSON, at a level that can be changed while the daemon runs.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{LogFormat, LogLevel};

/// Changes the level.
#[derive(Debug, Clone)]
pub struct LevelHandle(reload::Handle<LevelFilter, Registry>);

impl LevelHandle {
    /// Sets the level.
    pub fn set(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::error!(%error, "cannot change the log level");
        }
    }
}

/// Starts logging. Called once per process.
pub fn start(format: LogFormat, level: LogLevel) -> LevelHandle {
    let (filter, handle) = reload::Layer::new(filter(level));
    let layer = match format {
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false).boxed(),
        LogFormat::Json => {
            fmt::layer().with_writer(std::io::stderr).with_target(false).json().flatten_event(true).boxed()
        }
    };
    tracing_subscriber::registry().with(filter).with(layer).init();
    LevelHandle(handle)
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
