//! Where the daemon listens: its socket, and if it is asked to a port on the loopback device.
//!
//! The socket: one daemon per path, nobody else's folder, and no rest of a dead daemon in the way.
//!
//! A lock on `SOCKET.lock` decides who may have the socket; it goes with the process, whatever ends it, and the
//! file stays. Whoever holds it may replace the socket of a dead daemon. A live listener that does not know of the
//! lock is found by connecting.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Something with a file failed.
    #[error("cannot {doing} {}: {error}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// The folder is not to be trusted.
    #[error(
        "the folder {} belongs to user {owner}, who could put another socket in its place; choose another one with \
         --socket",
        path.display()
    )]
    Stranger {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Another daemon is there.
    #[error(
        "the socket {} is in use by a live daemon{}; use that one, stop it, or choose another socket with --socket",
        path.display(),
        pid.map_or(String::new(), |pid| format!(" (pid {pid})"))
    )]
    InUse {
        /// The socket.
        path: PathBuf,
        /// Its process id, if it left one.
        pid: Option<u32>,
    },
    /// Another program has the port.
    #[error(
        "the address {0} for metrics is in use by another program: stop that one (`ss -ltnp` names it), or choose another \
         port in [metrics] listen of the configuration"
    )]
    PortInUse(SocketAddr),
    /// The port cannot be had for another reason.
    #[error("cannot listen at {address} for metrics ([metrics] listen of the configuration): {error}")]
    Port {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Something else is there.
    #[error("{} exists and is not a socket; it was left alone: choose another path with --socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
}

/// A socket that is listened to, and the lock on it. It goes away when this is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    identity: (u64, u64),
    _lock: File,
}

/// Makes the socket with these permissions and listens to it; makes its folder, with mode 0700, if there is none.
///
/// # Errors
/// See [`ListenError`].
pub fn listen(path: &Path, mode: u32) -> Result<(Socket, UnixListener), ListenError> {
    make_folder(path)?;
    let lock = lock(path)?;
    clear(path)?;
    let listener = UnixListener::bind(path).map_err(failed("listen at", path))?;
    // Until here the umask decides who can connect; whoever does is asked for his user all the same.
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("set the permissions of", path))?;
    let file = fs::symlink_metadata(path).map_err(failed("look at", path))?;
    Ok((Socket { path: path.to_owned(), identity: (file.dev(), file.ino()), _lock: lock }, listener))
}

/// Listens to a port of the loopback device, which whoever configures it has seen to.
///
/// # Errors
/// [`ListenError::PortInUse`] and [`ListenError::Port`].
pub fn listen_on_loopback(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::PortInUse(address),
        _ => ListenError::Port { address, error },
    })
}

/// Whatever ends its owner's work, a start that fails later on included, takes the socket away.
impl Drop for Socket {
    /// Removes the socket, unless another one has taken its place.
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(socket = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

fn make_folder(path: &Path) -> Result<(), ListenError> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("make the folder", folder))?;
    // Both what is there and, if that is a link, what it leads to.
    for look in [fs::symlink_metadata, fs::metadata] {
        let owner = look(folder).map_err(failed("look at", folder))?.uid();
        if owner != 0 && owner != geteuid().as_raw() {
            return Err(ListenError::Stranger { path: folder.to_owned(), owner });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, ListenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&name).map_err(failed("open", &name))?;
    match file.try_lock() {
        Ok(()) => {
            // For the message that the next one gets.
            file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed("write", &name))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Without it the message is shorter.
            let _ = file.read_to_string(&mut pid);
            Err(ListenError::InUse { path: path.to_owned(), pid: pid.parse().ok() })
        }
        Err(TryLockError::Error(error)) => Err(failed("lock", &name)(error)),
    }
}

/// Removes the socket of a dead daemon.
fn clear(path: &Path) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", path)(error)),
        Ok(file) if !file.file_type().is_socket() => return Err(ListenError::NotASocket { path: path.to_owned() }),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed("remove", path))
        }
        Err(error) => Err(failed("connect to", path)(error)),
        Ok(_) => Err(ListenError::InUse { path: path.to_owned(), pid: None }),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ListenError {
    move |error| ListenError::File { doing, path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_and_socket_are_private_and_the_socket_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/gild.sock");
        let (socket, _listener) = listen(&path, 0o600).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn the_socket_of_a_dead_daemon_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gild.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (_socket, _listener) = listen(&path, 0o600).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_live_daemon_is_left_alone_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gild.sock");
        let (_socket, _listener) = listen(&path, 0o600).unwrap();
        let error = listen(&path, 0o600).unwrap_err().to_string();
        assert!(error.contains(&format!("live daemon (pid {})", std::process::id())), "{error}");
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_live_listener_without_a_lock_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gild.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        assert!(matches!(listen(&path, 0o600), Err(ListenError::InUse { pid: None, .. })));
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_file_that_is_not_a_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gild.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(listen(&path, 0o600), Err(ListenError::NotASocket { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_socket_that_took_our_place_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gild.sock");
        let (socket, _listener) = listen(&path, 0o600).unwrap();
        // Made before ours goes, so that it cannot get the same inode number.
        let other = folder.path().join("other.sock");
        let _other = UnixListener::bind(&other).unwrap();
        fs::rename(&other, &path).unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[test]
    fn a_port_that_is_taken_is_named_with_the_way_out() {
        let first = listen_on_loopback("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = listen_on_loopback(address).unwrap_err().to_string();
        assert!(error.contains(&format!("{address} for metrics is in use")) && error.contains("[metrics]"), "{error}");
        drop(first);
        listen_on_loopback(address).unwrap();
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(120));
        let error = listen(&path, 0o600).unwrap_err().to_string();
        assert!(error.contains("cannot listen at") && error.contains("xxx"), "{error}");
    }
}
