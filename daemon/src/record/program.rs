//! The environment and the start of the command.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;

use gild_engine::record::VARIABLE;
use gild_engine::record::owner::Recording;
use nix::sys::signal::SigSet;

use super::RecordError;

/// The library that is preloaded.
const LIBRARY: &str = "libgild_preload.so";
/// The variable of the dynamic loader (ld.so(8)).
const PRELOAD: &str = "LD_PRELOAD";
/// The variable of Python's interpreters.
const PYTHON_PATH: &str = "PYTHONPATH";

/// Where the library is: beside this program, or in its folder of libraries.
pub fn library() -> Result<PathBuf, RecordError> {
    let me = std::env::current_exe().map_err(|error| RecordError::Resource { what: "the path of gild", error })?;
    let folder = me.parent().unwrap_or(Path::new("/"));
    let beside = folder.join(LIBRARY);
    let candidates = [beside.clone(), folder.join("../lib/gild").join(LIBRARY)];
    let found = candidates.into_iter().find(|it| it.is_file()).ok_or(RecordError::NoLibrary(beside))?;
    match found.as_os_str().as_bytes().iter().any(|byte| b" :".contains(byte)) {
        true => Err(RecordError::Path(found)),
        false => Ok(found),
    }
}

/// Starts the command. What it is told is where the recording is; what else it gets is what this program got.
///
/// `code`: the folder with our code for interpreters of Python.
pub fn start(
    recording: &Recording,
    library: &Path,
    code: Option<&Path>,
    command: &[OsString],
    mask: SigSet,
) -> Result<Child, RecordError> {
    let (name, arguments) = command.split_first().ok_or(RecordError::Usage)?;
    let mut start = Command::new(name);
    start
        .args(arguments)
        .env(VARIABLE, recording.address())
        .env(PRELOAD, put_before(library, std::env::var_os(PRELOAD)));
    if let Some(folder) = code {
        start.env(PYTHON_PATH, put_before(folder, std::env::var_os(PYTHON_PATH)));
    }
    let (map, number) = (Arc::clone(recording.map()), recording.expect_program());
    let prepare = move || {
        if let Some(number) = number {
            // No room is no harm: then its life begins with its first instruction.
            let _ = map.hand_over(std::process::id(), number);
        }
        // What this program has blocked for itself is nothing to the command.
        mask.thread_set_mask().map_err(Into::into)
    };
    // SAFETY: between fork and exec the closure makes two system calls (getpid, sigprocmask) and stores to shared memory; it
    // neither allocates nor takes a lock.
    unsafe { start.pre_exec(prepare) };
    start.spawn().map_err(|error| RecordError::Command { command: name.into(), error })
}

/// A list of paths with ours in front: a library sees what others do, and a folder's modules are found first.
fn put_before(ours: &Path, before: Option<OsString>) -> OsString {
    let mut list = ours.as_os_str().to_owned();
    if let Some(others) = before.filter(|it| !it.is_empty()) {
        list.push(":");
        list.push(others);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_has_in_a_list_stays_behind_ours_and_an_empty_list_is_none() {
        let ours = Path::new("/lib/ours.so");
        assert_eq!(put_before(ours, None), "/lib/ours.so");
        assert_eq!(put_before(ours, Some("".into())), "/lib/ours.so");
        assert_eq!(put_before(ours, Some("/a.so /b.so".into())), "/lib/ours.so:/a.so /b.so");
    }
}
