//! What only root can arrange for a test: file systems of its own.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::geteuid;

/// Whether this is root, who gets past all permissions.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// A file system in memory; it goes when this is dropped.
#[derive(Debug)]
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts an empty one of this size, for the owner alone.
    ///
    /// # Errors
    /// This user may not, or not in this container.
    pub fn mount(folder: &Path, size_kib: u32) -> Result<Tmpfs, String> {
        let options = format!("size={size_kib}k,mode=0700");
        mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
            .map_err(|error| format!("cannot mount a tmpfs: {error}"))?;
        Ok(Tmpfs(folder.to_owned()))
    }

    /// Takes the permission to write away from everybody.
    ///
    /// # Panics
    /// Somebody has a file open for writing.
    pub fn make_read_only(&self) {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &self.0, None::<&str>, flags, None::<&str>).expect("nobody writes there");
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Whoever still has files open there keeps them; the place in the tree is free at once.
        if let Err(error) = umount2(&self.0, MntFlags::MNT_DETACH) {
            eprintln!("cannot unmount {}: {error}", self.0.display());
        }
    }
}
