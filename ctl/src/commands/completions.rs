//! `gilctl completions`: prints shell completions.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Options;
use crate::error::{Error, Exit};
use crate::output;

/// Prints the completions of a shell.
pub fn run(shell: Shell) -> Result<Exit, Error> {
    output::print(&text(shell))?;
    Ok(Exit::Done)
}

fn text(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Options::command(), "gilctl", &mut text);
    String::from_utf8(text).expect("completions are made of the command line's own text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            assert!(text(shell).contains("doctor"), "{shell}");
        }
    }
}
