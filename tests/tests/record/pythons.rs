//! The interpreters that are here: the distribution's, pyenv's, those of `GILD_TEST_PYTHONS`, and those that are kept in archives.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use gild_tests::binaries::repository;
use gild_tests::skipped;
use tempfile::TempDir;

/// Separated by colons: further interpreters to try.
const MORE: &str = "GILD_TEST_PYTHONS";
/// The folder of `python3.13t.tar.xz` and others; `../shared/pythons` beside the checkout unless it is set.
const ARCHIVES: &str = "GILD_TEST_PYTHON_ARCHIVES";

/// An interpreter of the machine's own, resolved: a pyenv shim is a shell script.
pub fn of_machine() -> Option<PathBuf> {
    let found = resolve(Path::new("python3"));
    if found.is_none() {
        skipped("programs in Python", "there is no python3");
    }
    found
}

/// All that have the lock.
pub fn with_lock() -> Vec<PathBuf> {
    let more = std::env::var_os(MORE).unwrap_or_default();
    let candidates = [PathBuf::from("python3"), PathBuf::from("/usr/bin/python3")].into_iter();
    let candidates = candidates.chain(of_pyenv()).chain(std::env::split_paths(&more));
    let mut found: Vec<PathBuf> = candidates.filter_map(|it| resolve(&it)).collect();
    let program = |it: &PathBuf| it.canonicalize().unwrap_or_else(|_| it.clone());
    found.sort_by_key(program);
    found.dedup_by_key(|it| program(it));
    if found.is_empty() {
        skipped("programs in Python", "there is no python3");
    }
    found
}

fn of_pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let versions = root.and_then(|root| std::fs::read_dir(root.join("versions")).ok()).into_iter().flatten();
    versions.filter_map(|it| Some(it.ok()?.path().join("bin/python3"))).filter(|it| it.is_file()).collect()
}

/// An interpreter of a version that gild knows, and with the lock.
fn resolve(python: &Path) -> Option<PathBuf> {
    let look = "import sys, sysconfig\n\
                known = sys.version_info >= (3, 8) and not sysconfig.get_config_var('Py_GIL_DISABLED')\n\
                print(sys.executable if known else '')";
    let output = Command::new(python).args(["-c", look]).output().ok().filter(|it| it.status.success())?;
    let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// The interpreter without a lock, unpacked.
pub fn free_threaded() -> Option<PathBuf> {
    Some(unpacked("python3.13t.tar.xz")?.join("python3.13t/bin/python3.13t"))
}

/// The interpreter that brings its own libc, as a command line to which a library to preload and arguments are added.
pub fn with_own_libc() -> Option<(PathBuf, PathBuf)> {
    let root = unpacked("python3.14.tar.xz")?;
    Some((root.join("usr/lib64/ld-linux-x86-64.so.2"), root))
}

fn unpacked(archive: &str) -> Option<PathBuf> {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let beside = || repository().join("../shared/pythons");
    let path = std::env::var_os(ARCHIVES).map_or_else(beside, PathBuf::from).join(archive);
    if !path.is_file() {
        skipped(archive, &format!("{} is not there ({ARCHIVES})", path.display()));
        return None;
    }
    let folder =
        FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder can be made")).path().join(archive);
    if !folder.exists() {
        std::fs::create_dir(&folder).expect("the folder is new");
        let tar = Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(&folder).status();
        assert!(tar.is_ok_and(|status| status.success()), "cannot unpack {}", path.display());
    }
    Some(folder)
}
