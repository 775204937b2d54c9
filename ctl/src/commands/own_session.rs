//! `gilctl in-own-session`: makes a session of its own and becomes another program. Hidden; see `launch.rs`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::SigSet;

use crate::error::{Error, Exit};
use crate::launch;

/// Returns only if it fails.
pub fn run(program: &Path, arguments: &[OsString]) -> Result<Exit, Error> {
    // setsid(2) fails only for the leader of a process group, which a spawned child is not.
    nix::unistd::setsid().map_err(|errno| Error::Setup { what: "a session", source: errno.into() })?;
    // Whoever started this may have blocked signals for reasons of their own, which the program would inherit.
    let all = SigSet::empty().thread_set_mask();
    all.map_err(|errno| Error::Setup { what: "the signals of a session", source: errno.into() })?;
    let source = Command::new(program).args(arguments).exec();
    Err(launch::Error::Spawn { program: program.to_owned(), source }.into())
}
