//! The commands, one file each.

mod advise;
mod cancel;
mod compare;
mod completions;
mod daemon;
mod doctor;
mod experiment;
mod export;
mod label;
mod ls;
mod man;
mod own_session;
mod plugin;
mod prune;
mod python_call;
pub mod record;
mod report;
mod rm;
mod run;
mod show;
mod sql;
mod top;
mod watch;

use gild_model::many::RunFilter;
use gild_model::run::{Run, RunId, RunStatus};

use crate::cli::{Command, DaemonOptions, Options, RunSelector};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Runs a command to its end, and gives the exit code.
///
/// # Errors
/// It did not get there.
pub fn run(options: Options) -> Result<u8, Error> {
    match &options.command {
        Command::InOwnSession { program, arguments } => return own_session::run(program, arguments).map(|it| it as u8),
        // It ends with somebody else's exit code, and has a runtime only when the command is over.
        Command::Record(arguments) => return record::run(&options.daemon, arguments),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Setup { what: "the async runtime", source })?;
    runtime.block_on(dispatch(&options.daemon, options.command)).map(|exit| exit as u8)
}

async fn dispatch(daemon: &DaemonOptions, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Run(arguments) => run::run(daemon, &arguments).await,
        Command::Ls(arguments) => ls::run(daemon, &arguments).await,
        Command::Show(arguments) => show::run(daemon, &arguments).await,
        Command::Advise(arguments) => advise::run(daemon, &arguments).await,
        Command::Compare(arguments) => compare::run(daemon, &arguments).await,
        Command::Report(arguments) => report::run(daemon, &arguments).await,
        Command::Top(arguments) => top::run(daemon, &arguments).await,
        Command::Watch(arguments) => watch::run(daemon, &arguments).await,
        Command::Cancel(arguments) => cancel::run(daemon, &arguments).await,
        Command::Rm(arguments) => rm::run(daemon, &arguments).await,
        Command::Tag(arguments) => label::tag(daemon, &arguments).await,
        Command::Note(arguments) => label::note(daemon, &arguments).await,
        Command::Prune(arguments) => prune::run(daemon, &arguments).await,
        Command::Sql(arguments) => sql::run(daemon, &arguments).await,
        Command::Export(arguments) => export::run(daemon, &arguments).await,
        Command::Plugin(command) => plugin::run(daemon, &command).await,
        Command::Doctor(arguments) => doctor::run(daemon, &arguments).await,
        Command::Daemon(command) => daemon::run(daemon, &command).await,
        Command::Completions { shell } => completions::run(shell),
        Command::Man { dir } => man::run(dir.as_deref()),
        Command::Record(arguments) => record::run(daemon, &arguments).map(|_| Exit::Done),
        Command::InOwnSession { program, arguments } => own_session::run(&program, &arguments),
    }
}

/// The number of the run that the user means.
async fn select(client: &Client, selector: RunSelector) -> Result<RunId, Error> {
    match selector {
        RunSelector::Id(id) => Ok(id),
        RunSelector::Last => {
            let newest = client.runs(&RunFilter { limit: Some(1), ..RunFilter::default() }).await?;
            newest.first().map(|head| head.id).ok_or(Error::NoRuns)
        }
    }
}

/// Shows a run that is over (or not, if the user asked to see it before) and makes its exit code.
fn conclude(run: &Run, json: bool) -> Result<Exit, Error> {
    match json {
        true => output::print_json(run)?,
        false => output::print(&render::results::render(run, output::style()))?,
    }
    Ok(match run.head.status {
        RunStatus::Failed | RunStatus::Cancelled | RunStatus::Interrupted => Exit::RunFailed,
        RunStatus::Done | RunStatus::Running | RunStatus::Queued => Exit::Done,
    })
}

/// Opens a session and selects a run, as most commands do first.
async fn open(daemon: &DaemonOptions, selector: RunSelector) -> Result<(Client, RunId), Error> {
    let client = session::open(daemon).await?;
    let id = select(&client, selector).await?;
    Ok((client, id))
}
