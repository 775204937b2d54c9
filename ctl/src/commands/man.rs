//! `gilctl man`: prints the manual page, or writes one page per command.

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::Options;
use crate::error::{Error, Exit};
use crate::output;

/// Prints `gilctl(1)`, or writes all pages into a folder.
pub fn run(folder: Option<&Path>) -> Result<Exit, Error> {
    match folder {
        None => output::print(&main_page())?,
        Some(folder) => {
            let failed = |source| Error::File { verb: "write the manual pages into", path: folder.to_owned(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
            clap_mangen::generate_to(Options::command(), folder).map_err(failed)?;
        }
    }
    Ok(Exit::Done)
}

fn main_page() -> String {
    let mut text = Vec::new();
    Man::new(Options::command()).render(&mut text).expect("writing to memory does not fail");
    String::from_utf8(text).expect("the page is made of the command line's own text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man1");
        run(Some(&pages)).unwrap();
        for name in ["gilctl.1", "gilctl-run.1", "gilctl-export.1", "gilctl-plugin-info.1", "gilctl-daemon-start.1"] {
            assert!(pages.join(name).is_file(), "{name} is missing");
        }
        assert!(!pages.join("gilctl-in-own-session.1").exists());
        assert!(main_page().contains("Exit codes"));
    }
}
