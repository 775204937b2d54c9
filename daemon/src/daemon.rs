//! What the parts of the daemon share: configuration, machine, runs, plugins, the spawner.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use gild_engine::host;
use gild_model::api::DaemonStatus;
use gild_model::host::HostReport;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::Config;
use crate::metrics::traffic::Traffic;
use crate::plugins::Plugins;
use crate::runs::Runs;
use crate::spawner::Spawner;

/// What does not change while the daemon runs.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When it started.
    pub started_at: Timestamp,
    /// The program file.
    pub program: PathBuf,
    /// The store.
    pub store: PathBuf,
    /// The configuration file, if there is one.
    pub config: Option<PathBuf>,
    /// Where metrics are served beside the socket, if they are.
    pub metrics: Option<SocketAddr>,
    /// Where plugins are looked up unless the configuration says so.
    pub plugin_path: Vec<PathBuf>,
}

/// The daemon.
#[derive(Debug)]
pub struct Daemon {
    /// Everything about runs.
    pub runs: Runs,
    /// Everything about plugins.
    pub plugins: Plugins,
    /// Starts processes.
    pub spawner: Arc<Spawner>,
    /// Connections and requests.
    pub traffic: Traffic,
    facts: Facts,
    config: RwLock<Arc<Config>>,
    host: RwLock<Arc<HostReport>>,
    probe_wanted: AtomicBool,
    stopping: watch::Sender<bool>,
}

impl Daemon {
    /// Puts the parts together.
    pub fn new(facts: Facts, config: Config, host: HostReport, runs: Runs, spawner: Arc<Spawner>) -> Daemon {
        Daemon {
            runs,
            plugins: Plugins::new(Arc::clone(&spawner)),
            spawner,
            traffic: Traffic::default(),
            facts,
            config: RwLock::new(Arc::new(config)),
            host: RwLock::new(Arc::new(host)),
            probe_wanted: AtomicBool::new(false),
            stopping: watch::Sender::new(false),
        }
    }

    /// What does not change while it runs.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What this machine can measure, as last probed.
    pub fn host(&self) -> Arc<HostReport> {
        Arc::clone(&self.host.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The folders that plugins are looked up in.
    pub fn plugin_path(&self) -> Vec<PathBuf> {
        self.config().plugin_path.clone().unwrap_or_else(|| self.facts.plugin_path.clone())
    }

    /// The daemon in short.
    pub fn status(&self) -> DaemonStatus {
        let (running, queued) = self.runs.standing();
        DaemonStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: self.facts.started_at,
            program: self.facts.program.clone(),
            program_replaced: is_replaced(&self.facts.program),
            store: self.facts.store.clone(),
            config: self.facts.config.clone(),
            metrics: self.facts.metrics,
            running,
            queued,
            recording: self.runs.recording(),
        }
    }

    /// Puts a new configuration in force as far as that is possible; the keys that have to wait are returned.
    pub fn reconfigure(&self, newer: Config) -> Vec<&'static str> {
        let mut config = self.config.write().unwrap_or_else(PoisonError::into_inner);
        let waiting = config.fixed_changes(&newer);
        *config = Arc::new(config.updated(newer));
        waiting
    }

    /// Probes the machine again: now, or when the run in progress, which that would disturb, is over.
    pub fn probe_again(&self) {
        self.probe_wanted.store(true, Ordering::Relaxed);
        if self.runs.standing().0.is_none() {
            self.between_runs();
        }
    }

    /// Does what has to wait until nothing is measured. Called by the driver.
    pub fn between_runs(&self) {
        if self.probe_wanted.swap(false, Ordering::Relaxed) {
            let report = host::probe();
            tracing::info!(tier = report.tier.name(), "machine probed again");
            *self.host.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(report);
        }
    }

    /// Begins to stop; [`Daemon::stopping`] tells everybody.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
        self.runs.close();
    }

    /// Becomes true when the daemon begins to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

/// Whether `program` is no longer the file that this process runs.
fn is_replaced(program: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(program) != identity(Path::new("/proc/self/exe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_replaced_or_removed_is_noticed() {
        assert!(!is_replaced(&std::env::current_exe().unwrap()));
        assert!(is_replaced(Path::new("/bin/sh")));
        assert!(is_replaced(Path::new("/nowhere/gild")));
    }
}
