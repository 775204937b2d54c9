//! The daemon's configuration: `gild.toml`, its defaults, and what may change while the daemon runs.
//!
//! `configs/gild.toml` documents every key; a test holds it to this file. A key that is unknown or out of
//! bounds is refused with `file:line:column`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gild_model::experiment::{LIMIT_S_MAX, line_and_column};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::metrics::config::MetricsConfig;
use crate::retention::Retention;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The socket to listen on; `None`: see [`gild_model::paths::socket`].
    pub socket: Option<PathBuf>,
    /// Permissions of the socket.
    pub socket_mode: u32,
    /// The store; `None`: see [`gild_model::paths::store`].
    pub store: Option<PathBuf>,
    /// Folders that plugins are looked up in, in order; `None`: see [`crate::plugins::default_path`].
    pub plugin_path: Option<Vec<PathBuf>>,
    /// What is logged.
    pub log_level: LogLevel,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Longest time that one task may take unless the experiment says otherwise, in seconds.
    pub task_limit_s: f64,
    /// Longest time that one trial may take unless the experiment says otherwise, in seconds.
    pub trial_limit_s: f64,
    /// Longest request body, in bytes.
    pub max_body_bytes: usize,
    /// Longest time for a client to send a request, and to take a part of an answer, in seconds.
    pub request_timeout_s: f64,
    /// Most connections at a time; more of them wait.
    pub max_connections: usize,
    /// Users that may use the socket beside root and the daemon's own.
    pub allow_uids: Vec<u32>,
    /// Most runs waiting.
    pub queue_max: usize,
    /// How long runs are kept.
    pub retention: Retention,
    /// Where metrics are served beside the socket.
    pub metrics: MetricsConfig,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// Also what may go wrong.
    Warn,
    /// Also starts and ends of the daemon, of runs and of trials.
    Info,
    /// Also every request.
    Debug,
    /// Everything.
    Trace,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            socket: None,
            socket_mode: 0o600,
            store: None,
            plugin_path: None,
            log_level: LogLevel::Info,
            log_format: LogFormat::Text,
            task_limit_s: 600.0,
            trial_limit_s: 3_600.0,
            max_body_bytes: 1024 * 1024,
            request_timeout_s: 30.0,
            max_connections: 64,
            allow_uids: Vec::new(),
            queue_max: 256,
            retention: Retention::default(),
            metrics: MetricsConfig::default(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {error}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file does not say something that makes sense.
    #[error("{path}:{place}: {message}", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line and column.
        place: String,
        /// The key, what is wrong with it, what it may be.
        message: String,
    },
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read or does not make sense.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        Config::parse(&text, path)
    }

    /// Reads a file's text; `path` is named in errors.
    ///
    /// # Errors
    /// The text does not make sense.
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let invalid = |offset: usize, message: String| ConfigError::Invalid {
            path: path.to_owned(),
            place: line_and_column(text, offset),
            message,
        };
        let config: Config = toml::from_str(text)
            .map_err(|error| invalid(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        config.check().map_err(|(key, message)| invalid(offset_of(text, key), format!("{key}: {message}")))?;
        Ok(config)
    }

    /// Longest time for a client to send a request, and to take a part of an answer.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs_f64(self.request_timeout_s)
    }

    /// The keys that differ in `newer` and take effect only when the daemon is started again.
    pub fn fixed_changes(&self, newer: &Config) -> Vec<&'static str> {
        let fixed = [
            ("socket", self.socket != newer.socket),
            ("socket_mode", self.socket_mode != newer.socket_mode),
            ("store", self.store != newer.store),
            ("log_format", self.log_format != newer.log_format),
            ("max_connections", self.max_connections != newer.max_connections),
            ("metrics.listen", self.metrics != newer.metrics),
        ];
        fixed.into_iter().filter_map(|(key, changed)| changed.then_some(key)).collect()
    }

    /// `newer` with this configuration's values for the keys that cannot change while the daemon runs.
    pub fn updated(&self, newer: Config) -> Config {
        Config {
            socket: self.socket.clone(),
            socket_mode: self.socket_mode,
            store: self.store.clone(),
            log_format: self.log_format,
            max_connections: self.max_connections,
            metrics: self.metrics.clone(),
            ..newer
        }
    }

    /// Checks what types cannot; the error is the key and what it may be.
    fn check(&self) -> Result<(), (&'static str, String)> {
        for (key, path) in [("socket", &self.socket), ("store", &self.store)] {
            if let Some(path) = path {
                absolute(key, path)?;
            }
        }
        for folder in self.plugin_path.iter().flatten() {
            absolute("plugin_path", folder)?;
        }
        if self.socket_mode > 0o777 {
            return Err(("socket_mode", format!("{:#o} is not in 0..=0o777", self.socket_mode)));
        }
        seconds("task_limit_s", self.task_limit_s, LIMIT_S_MAX)?;
        seconds("trial_limit_s", self.trial_limit_s, LIMIT_S_MAX)?;
        seconds("request_timeout_s", self.request_timeout_s, 3_600.0)?;
        within("max_body_bytes", self.max_body_bytes, 1_024, 1 << 30)?;
        within("max_connections", self.max_connections, 1, 4_096)?;
        within("queue_max", self.queue_max, 1, 100_000)
    }
}

fn absolute(key: &'static str, path: &Path) -> Result<(), (&'static str, String)> {
    match path.is_absolute() {
        true => Ok(()),
        false => Err((key, format!("{} is not an absolute path", path.display()))),
    }
}

fn seconds(key: &'static str, value: f64, most: f64) -> Result<(), (&'static str, String)> {
    match value > 0.0 && value <= most {
        true => Ok(()),
        false => Err((key, format!("{value} is not in 0 (exclusive) to {most} seconds"))),
    }
}

fn within(key: &'static str, value: usize, least: usize, most: usize) -> Result<(), (&'static str, String)> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err((key, format!("{value} is not in {least}..={most}"))),
    }
}

/// Where the value of a top-level key starts; only for text that has been parsed.
fn offset_of(text: &str, key: &str) -> usize {
    let values: BTreeMap<String, Spanned<toml::Value>> = toml::from_str(text).unwrap_or_default();
    values.get(key).map_or(0, |value| value.span().start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = include_str!("../../configs/gild.toml");

    fn refused(text: &str, expected: &str) {
        let error = Config::parse(text, Path::new("/etc/gild.toml")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    /// The file with its commented-out keys switched on.
    fn all_keys_on() -> toml::Table {
        let lines = DOCUMENTED.lines().map(|line| match line.strip_prefix("#") {
            Some(key) if !key.starts_with(' ') && key.contains(" = ") => key,
            _ => line,
        });
        toml::from_str(&lines.collect::<Vec<_>>().join("\n")).unwrap()
    }

    #[test]
    fn the_documented_file_equals_the_defaults() {
        assert_eq!(Config::parse(DOCUMENTED, Path::new("gild.toml")).unwrap(), Config::default());
    }

    #[test]
    fn the_documented_file_names_every_key_and_no_other() {
        let serde_json::Value::Object(keys) = serde_json::to_value(Config::default()).unwrap() else { panic!() };
        let mut documented: Vec<String> = all_keys_on().into_iter().map(|(key, _)| key).collect();
        let mut known: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
        documented.sort();
        known.sort();
        assert_eq!(documented, known);
    }

    #[test]
    fn errors_name_file_line_column_and_key() {
        refused("log_level = 'info'\nlog_levle = 'info'", "/etc/gild.toml:2:1: unknown field `log_levle`");
        refused("\nlog_format = 'xml'", "/etc/gild.toml:2:14: unknown variant `xml`");
        refused("store = 'gild.db'", "/etc/gild.toml:1:9: store: gild.db is not an absolute path");
        refused("# x\n\ntask_limit_s = 0.0", "/etc/gild.toml:3:16: task_limit_s: 0 is not in");
        refused("task_limit_s = nan", "task_limit_s: NaN");
        refused("plugin_path = ['/a', 'b']", "plugin_path: b is not an absolute path");
        refused("max_connections = 0", "max_connections: 0 is not in 1..=4096");
        let listen = |address| format!("log_level = 'info'\n[metrics]\nlisten = '{address}'");
        refused(&listen("0.0.0.0:9464"), "/etc/gild.toml:3:10: metrics.listen: 0.0.0.0 is not a loopback address");
        refused(&listen("[::]:9464"), "gild.toml:3:10: metrics.listen: :: is not a loopback address");
        refused(&listen("[::ffff:127.0.0.1]:1"), "is not a loopback address");
        refused(&listen("localhost:9464"), "gild.toml:3:10: metrics.listen: expected an address and a port");
        refused("[metrics]\nport = 1", "gild.toml:2:1: unknown field `port`");
        refused("socket_mode = 0o1777", "socket_mode: 0o1777 is not in 0..=0o777");
    }

    #[test]
    fn keys_that_cannot_change_are_named_and_kept() {
        let old = Config::default();
        let metrics: MetricsConfig = toml::from_str("listen = '[::1]:9464'").unwrap();
        let newer =
            Config { max_connections: 3, log_level: LogLevel::Debug, queue_max: 1, metrics, ..Config::default() };
        assert_eq!(old.fixed_changes(&newer), ["max_connections", "metrics.listen"]);
        let updated = old.updated(newer);
        assert_eq!((updated.max_connections, updated.queue_max, &updated.metrics.listen), (64, 1, &None));
        assert_eq!(updated.log_level, LogLevel::Debug);
        assert!(old.fixed_changes(&updated).is_empty());
    }
}
