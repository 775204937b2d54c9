//! `gild serve`: the parts are put together, signals are listened to, and everything is taken down again.
//!
//! ```text
//!  configuration ─▶ spawner forked ─▶ logs ─▶ socket locked ─▶ port bound ─▶ store opened ─▶ machine probed ─▶ runtime ─▶ serving
//!                                                                                                                         │
//!                              exit ◀─ socket removed ◀─ spawner closed ◀─ runtime gone ◀─ last trial killed, stored ◀─ stop
//! ```
//!
//! The order matters: the spawner is forked while there is one thread and little memory; the socket's lock comes
//! before the store, because opening the store ends the runs of a daemon that is thought dead.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io};

use gild_engine::host;
use gild_model::paths;
use jiff::Timestamp;
use nix::unistd::geteuid;
use sd_notify::NotifyState;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::{Config, ConfigError};
use crate::daemon::{Daemon, Facts};
use crate::driver::drive;
use crate::listen::{ListenError, listen, listen_on_loopback};
use crate::logging::{self, LevelHandle};
use crate::plugins::default_path;
use crate::runs::Runs;
use crate::spawner::{Link, fork_spawner};
use crate::store::{Store, StoreError};
use crate::{exit, server};

/// How long the run in progress may take to be killed and stored when the daemon stops.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);
/// How long blocking reads of the store may go on when the daemon stops.
const READERS_TIME_MAX: Duration = Duration::from_secs(1);
/// Most threads that read the store for exports at a time.
const READERS_MAX: usize = 8;

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The socket; comes before the configuration's.
    pub socket: Option<PathBuf>,
    /// The store; comes before the configuration's.
    pub store: Option<PathBuf>,
    /// The configuration file.
    pub config: Option<PathBuf>,
}

/// Why the daemon could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no place for a file.
    #[error(transparent)]
    Place(#[from] paths::NoHome),
    /// The socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The spawner died while the daemon ran.
    #[error("the process that starts trials has died ({0}); unfinished runs are marked as interrupted")]
    Spawner(#[source] io::Error),
    /// The system does not give what is needed.
    #[error("cannot {doing}: {error}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        error: io::Error,
    },
}

impl ServeError {
    /// The exit status that says so.
    pub fn exit_status(&self) -> u8 {
        match self {
            ServeError::Config(_) | ServeError::Place(_) => exit::CONFIG,
            ServeError::Listen(_) => exit::SOCKET,
            ServeError::Store(_) => exit::STORE,
            ServeError::Spawner(_) | ServeError::System { .. } => exit::SYSTEM,
        }
    }
}

/// Serves until it is told to stop. The process must have one thread.
///
/// # Errors
/// See [`ServeError`].
pub fn serve(options: &Options) -> Result<(), ServeError> {
    let config_file = options.config.clone().or_else(user_config);
    let config = match &config_file {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    let program = env::current_exe().map_err(system("find out the program's own path"))?;
    // Not `program`: that file may be replaced by another build while the daemon runs.
    let link = fork_spawner(Path::new("/proc/self/exe")).map_err(system("fork the spawner"))?;
    let result = serve_with(options, config, config_file, program, &link);
    if !link.close() {
        tracing::error!("processes of a trial are left: they are stuck in the kernel");
    }
    result
}

fn serve_with(
    options: &Options,
    config: Config,
    config_file: Option<PathBuf>,
    program: PathBuf,
    link: &Link,
) -> Result<(), ServeError> {
    let level = logging::start(config.log_format, config.log_level);
    let environment = |name: &str| env::var_os(name);
    let path = options.socket.clone().or_else(|| config.socket.clone());
    let path = path.unwrap_or_else(|| paths::socket(environment, geteuid().as_raw()));
    let (socket, listener) = listen(&path, config.socket_mode)?;
    let metrics = config.metrics.listen.map(|it| listen_on_loopback(it.address())).transpose()?;
    let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose();
    let metrics_address = metrics_address.map_err(system("find out the port for metrics"))?;
    let store_path = match options.store.clone().or_else(|| config.store.clone()) {
        Some(path) => std::path::absolute(path).map_err(system("find out the current folder"))?,
        None => paths::store(environment)?,
    };
    let store = Store::open(&store_path)?;
    let interrupted = store.interrupt_unfinished()?;
    let data_home = paths::store(environment).ok().and_then(|store| Some(store.parent()?.parent()?.to_owned()));
    let facts = Facts {
        started_at: Timestamp::now(),
        plugin_path: default_path(&program, data_home.as_deref()),
        program,
        store: store_path,
        config: config_file,
        metrics: metrics_address,
    };
    let report = host::probe();
    tracing::info!(
        pid = std::process::id(),
        spawner = link.pid(),
        socket = %path.display(),
        store = %facts.store.display(),
        metrics = facts.metrics.map(tracing::field::display),
        tier = report.tier.name(),
        interrupted,
        "serving"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS_MAX)
        .thread_name("gild-reader")
        .build()
        .map_err(system("start the runtime"))?;
    let result = runtime.block_on(async {
        let spawner = link.connect().map_err(system("talk to the spawner"))?;
        let daemon = Arc::new(Daemon::new(facts.clone(), config, report, Runs::new(store), spawner));
        run(daemon, Listeners { socket: listener, metrics }, facts.config.as_deref(), &level).await
    });
    runtime.shutdown_timeout(READERS_TIME_MAX);
    drop(socket);
    tracing::info!("stopped");
    result
}

/// Serves until something says stop, then waits for what is under way to come to an end.
async fn run(
    daemon: Arc<Daemon>,
    listeners: Listeners,
    config_file: Option<&Path>,
    level: &LevelHandle,
) -> Result<(), ServeError> {
    let (socket, metrics) = listeners.prepare().map_err(system("prepare the sockets"))?;
    let mut signals = Signals::new().map_err(system("listen to signals"))?;
    let spawner = Arc::clone(&daemon.spawner);
    let mut reports = tokio::spawn(async move { spawner.run().await });
    let driver = tokio::spawn(drive(Arc::clone(&daemon)));
    let clients = tokio::spawn(server::serve(Arc::clone(&daemon), socket));
    let scrapers = metrics.map(|port| tokio::spawn(server::serve_metrics(Arc::clone(&daemon), port)));
    tell_systemd(NotifyState::Ready);
    let mut stopping = daemon.stopping();
    let result = loop {
        tokio::select! {
            gone = &mut reports => break Err(ServeError::Spawner(gone.unwrap_or_else(io::Error::other))),
            _ = stopping.wait_for(|stopping| *stopping) => break Ok(()),
            heard = signals.next() => match heard {
                Heard::Reload => reload(&daemon, config_file, level),
                Heard::Stop(signal) => {
                    tracing::info!(signal, "stopping");
                    break Ok(());
                }
            }
        }
    };
    tell_systemd(NotifyState::Stopping);
    daemon.stop();
    join("driver", driver).await;
    join("server", clients).await;
    if let Some(scrapers) = scrapers {
        join("metrics", scrapers).await;
    }
    result
}

/// Where the daemon listens.
struct Listeners {
    socket: std::os::unix::net::UnixListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Has the runtime listen; to be called within it.
    fn prepare(self) -> io::Result<(UnixListener, Option<tokio::net::TcpListener>)> {
        self.socket.set_nonblocking(true)?;
        let prepare = |port: TcpListener| {
            port.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(port)
        };
        Ok((UnixListener::from_std(self.socket)?, self.metrics.map(prepare).transpose()?))
    }
}

async fn join(name: &str, task: JoinHandle<()>) {
    match timeout(STOP_TIME_MAX, task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(task = name, %error, "a task failed"),
        Err(_) => tracing::error!(task = name, "a task did not end in time"),
    }
}

/// Reads the configuration again, and looks at the machine again. A file that makes no sense changes nothing.
fn reload(daemon: &Daemon, config_file: Option<&Path>, level: &LevelHandle) {
    daemon.probe_again();
    let Some(path) = config_file else {
        tracing::info!("there is no configuration file to read again");
        return;
    };
    match Config::load(path) {
        Err(error) => tracing::error!(%error, "the configuration was not changed"),
        Ok(newer) => {
            level.set(newer.log_level);
            let waiting = daemon.reconfigure(newer);
            tracing::info!(config = %path.display(), "configuration read again");
            if !waiting.is_empty() {
                let keys = waiting.join(", ");
                tracing::warn!(keys, "these keys have changed and take effect when the daemon is started again");
            }
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Heard::Stop("SIGINT"),
            _ = self.reload.recv() => Heard::Reload,
        }
    }
}

enum Heard {
    Stop(&'static str),
    Reload,
}

/// Where there is no systemd that wants to know, nothing happens.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot tell systemd");
    }
}

/// `$XDG_CONFIG_HOME/gild/gild.toml`, if it is there.
fn user_config() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config_home = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    let path = config_home.join("gild/gild.toml");
    fs::exists(&path).unwrap_or(true).then_some(path)
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |error| ServeError::System { doing, error }
}
