//! `gilctl`, the control program of gild: asks the daemon for runs, shows where the time went, exports the data.
//!
//! It knows the daemon by its API alone (`gild_model::api`): it measures nothing, opens no store and loads no plugin.
//!
//! | module | subject |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`commands`] | one file per command |
//! | [`client`] | HTTP and JSON over the daemon's socket |
//! | [`session`] | finds the daemon or starts a private one |
//! | [`launch`] | starts and stops the daemon's process |
//! | [`follow`], [`progress`] | waits for a run to end and shows how far it is |
//! | [`top`] | a terminal screen of the run in progress |
//! | [`accuracy`] | holds gild's figures against truths that are not gild's |
//! | [`render`] | model types to text, pure |
//! | [`report`] | runs as an HTML file, pure |
//! | [`answer`] | answers to questions in SQL: a table, CSV, JSON |
//! | [`export`] | rows of accounts to CSV, JSON lines and Parquet |
//! | [`output`] | standard output and error |
//! | [`error`] | what can go wrong, and the exit codes |

mod accuracy;
mod answer;
mod cli;
mod client;
mod commands;
mod error;
mod export;
mod follow;
mod launch;
mod output;
mod progress;
mod render;
mod report;
mod session;
#[cfg(test)]
mod testing;
mod top;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let options = cli::Options::parse();
    let exit = match commands::run(options) {
        Ok(exit) => exit,
        Err(error) => {
            output::error(&error);
            error.exit() as u8
        }
    };
    ExitCode::from(exit)
}
