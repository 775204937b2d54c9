//! Finds the daemon for a command, or starts a private one and says so.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use gild_model::api::DaemonStatus;
use nix::unistd::{Uid, geteuid};

use crate::cli::DaemonOptions;
use crate::client::{self, Client};
use crate::error::Error;
use crate::launch::{self, Launch};
use crate::output;

/// Version of this program and of the daemon it was built with.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A client of a daemon that answers; starts one if none does, unless that was ruled out.
pub async fn open(options: &DaemonOptions) -> Result<Client, Error> {
    let client = client(options)?;
    let status = match client.get::<DaemonStatus>("/v1/status").await {
        Ok(status) => status,
        Err(client::Error::NoDaemon { .. }) if !options.no_start => start(options, &client).await?,
        Err(error) => return Err(error.into()),
    };
    check_store(options, &status, client.socket())?;
    if let Some(warning) = outdated(&status) {
        output::warning(&warning);
    }
    Ok(client)
}

/// A client of whoever listens at the socket of `options`, whether anybody does or not.
pub fn client(options: &DaemonOptions) -> Result<Client, Error> {
    let socket = socket(options)?;
    let folder = socket.parent().unwrap_or(Path::new("/"));
    match check_owner(folder) {
        Err(launch::Error::Folder { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        checked => checked?,
    }
    Ok(Client::new(&socket))
}

/// Starts a daemon and says so.
async fn start(options: &DaemonOptions, client: &Client) -> Result<DaemonStatus, Error> {
    let (status, started) = launch::start(&plan(options, client)?, client).await?;
    if started {
        output::notice(&format!(
            "started a private daemon (pid {}, socket {}, store {})",
            status.pid,
            client.socket().display(),
            status.store.display()
        ));
    }
    Ok(status)
}

/// How a daemon for these options is started. Creates the folders of its socket and its log.
pub fn plan(options: &DaemonOptions, client: &Client) -> Result<Launch, Error> {
    let usage = |error: gild_model::paths::NoHome| Error::Usage(error.to_string());
    let log = match &options.log {
        Some(log) => log.clone(),
        None => gild_model::paths::log(|name| std::env::var_os(name)).map_err(usage)?,
    };
    let launch = Launch {
        program: launch::program()?,
        socket: client.socket().to_owned(),
        store: options.store.as_deref().map(absolute).transpose()?,
        config: options.config.as_deref().map(absolute).transpose()?,
        log: absolute(&log)?,
    };
    for file in [&launch.socket, &launch.log] {
        create_private_folder(file.parent().unwrap_or(Path::new("/")))?;
    }
    check_owner(launch.socket.parent().unwrap_or(Path::new("/")))?;
    Ok(launch)
}

/// Where the daemon listens, absolute.
fn socket(options: &DaemonOptions) -> Result<PathBuf, Error> {
    let preset = || gild_model::paths::socket(|name| std::env::var_os(name), geteuid().as_raw());
    absolute(&options.socket.clone().unwrap_or_else(preset))
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::File { verb: "resolve", path: path.to_owned(), source })
}

fn create_private_folder(folder: &Path) -> Result<(), launch::Error> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| launch::Error::Folder { folder: folder.to_owned(), source })
}

/// Refuses a folder that belongs to another user: whoever owns it could put their own socket there.
fn check_owner(folder: &Path) -> Result<(), launch::Error> {
    let metadata = std::fs::symlink_metadata(folder).and_then(|it| {
        if it.is_symlink() { std::fs::metadata(folder).map(|target| (it, target)) } else { Ok((it.clone(), it)) }
    });
    let (link, target) = metadata.map_err(|source| launch::Error::Folder { folder: folder.to_owned(), source })?;
    for owner in [link.uid(), target.uid()] {
        if !is_trusted(owner, geteuid()) {
            return Err(launch::Error::ForeignFolder { folder: folder.to_owned(), owner });
        }
    }
    Ok(())
}

/// Folders of root are trusted too: root could do anything anyway, and a system-wide daemon lives in one.
fn is_trusted(owner: u32, user: Uid) -> bool {
    owner == user.as_raw() || owner == 0
}

/// A store that was asked for by name and is not the daemon's would show somebody else's runs.
fn check_store(options: &DaemonOptions, status: &DaemonStatus, socket: &Path) -> Result<(), Error> {
    let Some(asked) = &options.store else { return Ok(()) };
    let asked = absolute(asked)?;
    let resolved = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if resolved(&asked) == resolved(&status.store) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the daemon at {} keeps its runs in {}, not in {}; give another --socket, or leave --store out",
        socket.display(),
        status.store.display(),
        asked.display()
    )))
}

/// What to say of a daemon that is not of this build.
pub fn outdated(status: &DaemonStatus) -> Option<String> {
    if status.version != VERSION {
        let versions = format!("the daemon has version {}, gilctl has {VERSION}", status.version);
        return Some(format!("{versions}; to start the new one: gilctl daemon restart"));
    }
    status.program_replaced.then(|| {
        let program = status.program.display();
        format!("{program} was replaced since the daemon started; to start the new one: gilctl daemon restart")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        let me = Uid::from_raw(1000);
        assert!(is_trusted(1000, me) && is_trusted(0, me));
        assert!(!is_trusted(1001, me));
        let folder = tempfile::tempdir().unwrap();
        check_owner(folder.path()).unwrap();
        if geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(4711), None).unwrap();
            let error = check_owner(folder.path()).unwrap_err().to_string();
            assert!(error.contains("belongs to uid 4711"), "{error}");
        }
    }

    #[test]
    fn created_folders_are_private() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("a/b");
        create_private_folder(&folder).unwrap();
        create_private_folder(&folder).unwrap();
        for created in [top.path().join("a"), folder] {
            assert_eq!(std::fs::metadata(created).unwrap().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn an_outdated_daemon_is_told_from_a_fresh_one() {
        let mut status = testing::status();
        assert_eq!(outdated(&status), None);
        status.program_replaced = true;
        assert!(outdated(&status).unwrap().contains("gilctl daemon restart"));
        status.version = "9.9.9".to_owned();
        assert!(outdated(&status).unwrap().contains("the daemon has version 9.9.9"));
    }

    #[test]
    fn a_store_that_is_not_the_daemons_is_refused() {
        let status = testing::status();
        let mut options = DaemonOptions::default();
        let socket = Path::new("/run/gild.sock");
        check_store(&options, &status, socket).unwrap();
        options.store = Some(status.store.clone());
        check_store(&options, &status, socket).unwrap();
        options.store = Some(PathBuf::from("/elsewhere/gild.db"));
        let error = check_store(&options, &status, socket).unwrap_err();
        assert_eq!(error.exit(), crate::error::Exit::Refused);
        assert!(error.to_string().contains("/elsewhere/gild.db"), "{error}");
    }
}
