//! The program behind `gild scan LIBRARY`: reads what a plugin says of itself, in a process of its own.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::plugin::library::{LoadError, Plugin};

/// The exit status for a library that says it is a plugin and cannot be used.
const REFUSED: u8 = 1;
/// The exit status for a library that does not claim to be a plugin.
const NOT_A_PLUGIN: u8 = 2;

/// Loads the library and writes one [`gild_model::plugin::PluginInfo`] as JSON to standard output (exit status 0),
/// or one line of why it is refused to standard error (exit status 1). A library that does not export the
/// entry symbol at all is refused with exit status 2: it does not claim to be a plugin.
pub fn main(library: &Path) -> ExitCode {
    let written = match Plugin::load(library) {
        Ok(plugin) => serde_json::to_string(&plugin.info)
            .map_err(std::io::Error::from)
            .and_then(|json| writeln!(std::io::stdout(), "{json}")),
        Err(error) => {
            eprintln!("{error}");
            let code = if matches!(error, LoadError::NoEntry { .. }) { NOT_A_PLUGIN } else { REFUSED };
            return ExitCode::from(code);
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: cannot report: {error}", library.display());
            ExitCode::from(REFUSED)
        }
    }
}
