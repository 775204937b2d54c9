//! Finding plugins and asking them what they hold.
//!
//! Each library is loaded by a process of its own (`gild scan LIBRARY`), never by the daemon: a library can run
//! code as soon as it is loaded. The answer is remembered until the file changes, so that a submission does not
//! start processes beside a trial that is being measured.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gild_model::plugin::{KernelInfo, PluginInfo, PluginList, PluginRefusal};

use crate::metrics::scans::ScanTally;
use crate::output::{Tail, pipe, read_bounded};
use crate::spawner::protocol::{End, Exit, Job, JobKind};
use crate::spawner::{Spawner, StartError};
use crate::verdict::signal_name;

/// How long a scan may take.
pub const SCAN_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest answer of a scan, in bytes.
pub const SCAN_BYTES_MAX: usize = 1024 * 1024;
/// Answers remembered; more than anybody has plugins.
const REMEMBERED_MAX: usize = 1024;
/// Exit status of a scan whose library does not claim to be a plugin.
const NOT_A_PLUGIN: i32 = 2;

/// Why a kernel or a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The library is not a plugin, or a broken one.
    #[error("plugin {}: {reason}", path.display())]
    Refused {
        /// The library.
        path: PathBuf,
        /// Why.
        reason: String,
        /// It says that it is a plugin.
        claims: bool,
    },
    /// The plugin does not hold the kernel.
    #[error("plugin {}: there is no kernel {kernel} in it; it has {known}", path.display())]
    NoKernel {
        /// The library.
        path: PathBuf,
        /// The kernel.
        kernel: String,
        /// Those it has.
        known: String,
    },
    /// No plugin holds the kernel.
    #[error("kernel: no plugin in {searched} has a kernel {kernel}; {known}{refused}")]
    NotFound {
        /// The kernel.
        kernel: String,
        /// The plugin path.
        searched: String,
        /// Kernels that there are.
        known: String,
        /// Plugins that could not be used.
        refused: String,
    },
    /// The scan could not be started.
    #[error("cannot scan plugin {}: {error}", path.display())]
    Start {
        /// The library.
        path: PathBuf,
        /// Why.
        error: StartError,
    },
    /// The scan could not be listened to.
    #[error("cannot scan plugin {}: {error}", path.display())]
    Io {
        /// The library.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The folders that plugins are looked up in unless the configuration names others: that of the program, then
/// `../lib/gild/plugins` beside it, then `$XDG_DATA_HOME/gild/plugins`.
pub fn default_path(program: &Path, data_home: Option<&Path>) -> Vec<PathBuf> {
    let mut path = Vec::new();
    if let Some(folder) = program.parent() {
        path.push(folder.to_owned());
        path.extend(folder.parent().map(|above| above.join("lib/gild/plugins")));
    }
    path.extend(data_home.map(|data| data.join("gild/plugins")));
    path
}

/// Asks plugins what they hold.
#[derive(Debug)]
pub struct Plugins {
    spawner: Arc<Spawner>,
    /// How often libraries were asked, and what came of it.
    pub scans: ScanTally,
    remembered: Mutex<HashMap<PathBuf, (Stamp, PluginInfo)>>,
}

/// Tells a file from an earlier one at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Stamp> {
        let file = fs::metadata(path)?;
        let changed = (file.ctime(), file.ctime_nsec());
        Ok(Stamp { device: file.dev(), inode: file.ino(), bytes: file.size(), changed })
    }
}

impl Plugins {
    /// Starts with nothing remembered.
    pub fn new(spawner: Arc<Spawner>) -> Plugins {
        Plugins { spawner, scans: ScanTally::default(), remembered: Mutex::default() }
    }

    /// Finds the library that holds a kernel: `plugin` if it is given, else by looking it up in `folders`.
    ///
    /// # Errors
    /// There is none, or the one given is not one.
    pub async fn resolve(
        &self,
        kernel: &str,
        plugin: Option<&Path>,
        folders: &[PathBuf],
    ) -> Result<(PluginInfo, KernelInfo), PluginError> {
        let info = match plugin {
            Some(path) => self.inspect(path).await?,
            None => self.find(kernel, folders).await?,
        };
        match info.kernels.iter().find(|it| it.name == kernel).cloned() {
            Some(kernel) => Ok((info, kernel)),
            None => {
                Err(PluginError::NoKernel { known: names(&info.kernels), path: info.path, kernel: kernel.to_owned() })
            }
        }
    }

    /// Looks a kernel up: the library named after it first, then every library.
    ///
    /// # Errors
    /// No library holds it.
    pub async fn find(&self, kernel: &str, folders: &[PathBuf]) -> Result<PluginInfo, PluginError> {
        let file = format!("lib{}.so", kernel.replace('-', "_"));
        for path in folders.iter().map(|folder| folder.join(&file)).filter(|path| path.is_file()) {
            // A library that is refused here is met again below, and named there.
            if let Ok(info) = self.inspect(&path).await
                && holds(&info, kernel)
            {
                return Ok(info);
            }
        }
        let list = self.list(folders).await;
        let known: Vec<_> = list.plugins.iter().flat_map(|it| &it.kernels).cloned().collect();
        if let Some(info) = list.plugins.into_iter().find(|info| holds(info, kernel)) {
            return Ok(info);
        }
        let refused: Vec<_> =
            list.refused.iter().map(|it| format!("; {} cannot be used: {}", it.path.display(), it.reason)).collect();
        Err(PluginError::NotFound {
            kernel: kernel.to_owned(),
            searched: folders.iter().map(|it| it.display().to_string()).collect::<Vec<_>>().join(":"),
            known: match known.is_empty() {
                true => "there are no kernels there".to_owned(),
                false => format!("there are {}", names(&known)),
            },
            refused: refused.concat(),
        })
    }

    /// Asks every library of the folders. Folders that are not there hold nothing.
    pub async fn list(&self, folders: &[PathBuf]) -> PluginList {
        let mut list = PluginList { path: folders.to_vec(), ..PluginList::default() };
        for path in folders.iter().flat_map(|folder| libraries(folder)) {
            match self.inspect(&path).await {
                Ok(info) => list.plugins.push(info),
                Err(PluginError::Refused { claims: false, .. }) => {}
                Err(PluginError::Refused { path, reason, .. }) => list.refused.push(PluginRefusal { path, reason }),
                Err(error) => list.refused.push(PluginRefusal { path, reason: error.to_string() }),
            }
        }
        list
    }

    /// Asks one library.
    ///
    /// # Errors
    /// It is not a plugin, or cannot be asked.
    pub async fn inspect(&self, path: &Path) -> Result<PluginInfo, PluginError> {
        let refused = |reason: String, claims| PluginError::Refused { path: path.to_owned(), reason, claims };
        let stamp = Stamp::of(path).map_err(|error| refused(format!("cannot be opened: {error}"), true))?;
        if let Some((_, info)) = self.remembered().get(path).filter(|(known, _)| *known == stamp) {
            return Ok(info.clone());
        }
        let asked = self.ask(path).await;
        self.scans.add(&asked);
        let info = asked?;
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(path.to_owned(), (stamp, info.clone()));
        Ok(info)
    }

    /// Asks a library that nothing is remembered of.
    async fn ask(&self, path: &Path) -> Result<PluginInfo, PluginError> {
        let refused = |reason: String, claims| PluginError::Refused { path: path.to_owned(), reason, claims };
        let scan = self.scan(path).await?;
        let info: PluginInfo = match scan.end.map(|end| end.exit) {
            Ok(Exit::Exited(0)) => serde_json::from_slice(&scan.answer)
                .map_err(|error| refused(format!("the scan gave no proper answer: {error}"), true))?,
            Ok(Exit::Exited(status @ (1 | NOT_A_PLUGIN))) => {
                let reason = scan.said.trim_end().to_owned();
                return Err(refused(without_path(&reason, path), status != NOT_A_PLUGIN));
            }
            Ok(Exit::Exited(status)) => {
                return Err(refused(format!("it ended the scan with exit status {status} while it was loaded"), true));
            }
            Ok(Exit::Signalled(signal)) => {
                let signal = signal_name(signal);
                return Err(refused(format!("the scan was killed by {signal} while it loaded the library"), true));
            }
            Err(reason) => return Err(refused(reason, true)),
        };
        Ok(info)
    }

    async fn scan(&self, path: &Path) -> Result<Scan, PluginError> {
        let io = |error| PluginError::Io { path: path.to_owned(), error };
        let Some(library) = path.to_str() else {
            return Err(PluginError::Refused {
                path: path.to_owned(),
                reason: "its path is not UTF-8".to_owned(),
                claims: true,
            });
        };
        let (answer, answer_writer) = pipe().map_err(io)?;
        let (said, said_writer) = pipe().map_err(io)?;
        let job = Job {
            kind: JobKind::Scan,
            arguments: vec!["scan".to_owned(), library.to_owned()],
            descriptors: vec![1, 2],
        };
        let descriptors = [answer_writer.as_fd(), said_writer.as_fd()];
        let mut process = self
            .spawner
            .start(job, &descriptors)
            .await
            .map_err(|error| PluginError::Start { path: path.to_owned(), error })?;
        drop((answer_writer, said_writer));
        let mut tail = Tail::default();
        let talk = async {
            let (answer, ()) = tokio::join!(read_bounded(answer, SCAN_BYTES_MAX), tail.read(said));
            (answer, process.ended().await)
        };
        // Whoever takes too long is killed when `process` is dropped.
        let result = tokio::time::timeout(SCAN_TIME_MAX, talk).await;
        let said = tail.text().unwrap_or_default();
        Ok(match result {
            Err(_) => Scan::failed(format!("it took longer than {} s to load", SCAN_TIME_MAX.as_secs()), said),
            Ok((_, None)) => Scan::failed("the scan is gone, and the spawner with it".to_owned(), said),
            Ok((Err(error), _)) => Scan::failed(format!("the scan's answer cannot be read: {error}"), said),
            Ok((Ok(answer), Some(end))) => Scan { end: Ok(end), answer, said },
        })
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, (Stamp, PluginInfo)>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of a scan process.
struct Scan {
    end: Result<End, String>,
    answer: Vec<u8>,
    said: String,
}

impl Scan {
    fn failed(reason: String, said: String) -> Scan {
        Scan { end: Err(reason), answer: Vec::new(), said }
    }
}

fn holds(info: &PluginInfo, kernel: &str) -> bool {
    info.kernels.iter().any(|it| it.name == kernel)
}

fn names(kernels: &[KernelInfo]) -> String {
    match kernels.is_empty() {
        true => "no kernels".to_owned(),
        false => kernels.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// The path stands before every reason already.
fn without_path(reason: &str, path: &Path) -> String {
    let path = path.display().to_string();
    reason.strip_prefix(&path).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(reason).to_owned()
}

/// The files named `lib*.so` of a folder, by name.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            name.starts_with("lib") && name.ends_with(".so") && path.is_file()
        })
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_looked_for_beside_the_program_first() {
        let path = default_path(Path::new("/opt/bin/gild"), Some(Path::new("/home/ada/.local/share")));
        let expected = ["/opt/bin", "/opt/lib/gild/plugins", "/home/ada/.local/share/gild/plugins"];
        assert_eq!(path, expected.map(PathBuf::from));
    }

    #[test]
    fn only_libraries_are_candidates_and_they_are_sorted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libb.so", "liba.so", "a.so", "liba.rlib", "liba.so.1"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("libfolder.so")).unwrap();
        assert_eq!(libraries(folder.path()), ["liba.so", "libb.so"].map(|name| folder.path().join(name)));
        assert!(libraries(&folder.path().join("absent")).is_empty());
    }

    #[test]
    fn a_file_that_was_replaced_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libx.so");
        fs::write(&path, "old").unwrap();
        let old = Stamp::of(&path).unwrap();
        assert_eq!(Stamp::of(&path).unwrap(), old);
        fs::write(folder.path().join("new"), "new").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert_ne!(Stamp::of(&path).unwrap(), old);
    }
}
