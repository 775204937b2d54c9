//! The program behind `gild scan LIBRARY`: reads what a plugin says of itself, in a process of its own.

use std::path::Path;
use std::process::ExitCode;

/// Loads the library and writes one [`gild_model::plugin::PluginInfo`] as JSON to standard output (exit status 0),
/// or one line of why it is refused to standard error (exit status 1). A library that does not export the
/// entry symbol at all is refused with exit status 2: it does not claim to be a plugin.
pub fn main(library: &Path) -> ExitCode {
    let _ = library;
    todo!()
}
