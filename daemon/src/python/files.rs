//! Where an interpreter finds the Python code of ours.
//!
//! It is a part of this program, and an interpreter wants files: they are written once per user and contents, into a folder
//! beside the daemon's socket, and stay there, because a process that outlives its recording may still read them.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gild_model::paths;
use sha2::{Digest, Sha256};

/// The files, by name. The code of ours takes its folder out of an interpreter's path when it has been imported; that of trials has
/// a folder of its own, which stays there, so that worker processes and interpreters find it.
const FILES: [(&str, &str); 10] = [
    ("trial/gild_call.py", include_str!("../../python/gild_call.py")),
    ("trial/gild_digest.py", include_str!("../../python/gild_digest.py")),
    ("trial/gild_inputs.py", include_str!("../../python/gild_inputs.py")),
    ("trial/gild_interpreters.py", include_str!("../../python/gild_interpreters.py")),
    ("gild_functions.py", include_str!("../../python/gild_functions.py")),
    ("gild_marks.py", include_str!("../../python/gild_marks.py")),
    ("gild_patches.py", include_str!("../../python/gild_patches.py")),
    ("trial/gild_marks.py", include_str!("../../python/gild_marks.py")),
    ("trial/gild_trial.py", include_str!("../../python/gild_trial.py")),
    ("sitecustomize.py", include_str!("../../python/sitecustomize.py")),
];

/// The folder in it with the code of trials.
pub const TRIAL: &str = "trial";

/// The folder with all of them, made if it is not there.
///
/// # Errors
/// It cannot be made, or somebody else could write to it.
pub fn folder() -> io::Result<PathBuf> {
    let uid = nix::unistd::getuid().as_raw();
    let socket = paths::socket(|name| std::env::var_os(name), uid);
    let parent = socket.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    be_own(parent, uid)?;
    if parent.as_os_str().as_bytes().contains(&b':') {
        let message = format!("{} has a colon, which PYTHONPATH cannot have; set XDG_RUNTIME_DIR", parent.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    folder_in(parent)
}

/// In a folder that others can write to, they could put code of theirs.
fn be_own(folder: &Path, uid: u32) -> io::Result<()> {
    let metadata = fs::symlink_metadata(folder)?;
    if metadata.is_dir() && metadata.uid() == uid && metadata.permissions().mode() & 0o022 == 0 {
        return Ok(());
    }
    let message =
        format!("{} is not a folder of this user's alone; remove it, or set XDG_RUNTIME_DIR", folder.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

fn folder_in(parent: &Path) -> io::Result<PathBuf> {
    let folder = parent.join(format!("python-{}", fingerprint()));
    if !folder.is_dir() {
        let making = parent.join(format!("python-{}", std::process::id()));
        let _ = fs::remove_dir_all(&making);
        DirBuilder::new().mode(0o700).recursive(true).create(making.join(TRIAL))?;
        FILES.iter().try_for_each(|(name, text)| File::create(making.join(name))?.write_all(text.as_bytes()))?;
        // Somebody else may have been faster, with the same contents.
        if let Err(error) = fs::rename(&making, &folder) {
            fs::remove_dir_all(&making)?;
            return if folder.is_dir() { Ok(folder) } else { Err(error) };
        }
    }
    Ok(folder)
}

/// Of the contents: another version of gild has a folder of its own.
fn fingerprint() -> String {
    let mut hash = Sha256::new();
    FILES.iter().for_each(|(name, text)| hash.update([name.as_bytes(), text.as_bytes()].concat()));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gild_engine::record::layout::NAME_LEN;
    use gild_engine::record::orders::{HELPERS, PARTS};

    #[test]
    fn the_files_are_there_once_and_the_same_for_everybody() {
        let parent = tempfile::tempdir().unwrap();
        let folder = folder_in(parent.path()).unwrap();
        assert_eq!(folder_in(parent.path()).unwrap(), folder);
        for (name, text) in FILES {
            assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), text);
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn both_sides_number_parts_and_helpers_alike() {
        let (_, patches) = FILES.into_iter().find(|(name, _)| *name == "gild_patches.py").unwrap();
        let table = patches.split_once("\n_PARTS = (").unwrap().1.split_once("\n)\n").unwrap().0;
        // The first word of each entry, on the entry's line or, if that is a long one, on the next.
        let names: Vec<&str> = table.split("\n    (").skip(1).map(|it| it.split('"').nth(1).unwrap()).collect();
        assert_eq!(names, PARTS);
        let which = ["_FEEDER", "_MANAGER", "_POOL_WORKERS", "_POOL_TASKS", "_POOL_RESULTS"];
        assert!(patches.contains(&format!("{} = range({})", which.join(", "), HELPERS.len())));
        assert!(HELPERS.iter().all(|name| name.len() < NAME_LEN));
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let uid = nix::unistd::getuid().as_raw();
        be_own(parent.path(), uid).unwrap();
        fs::set_permissions(parent.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(be_own(parent.path(), uid).unwrap_err().to_string().contains("XDG_RUNTIME_DIR"));
    }
}
