//! `gilctl daemon`: starts, stops and shows the daemon.

use gild_model::api::DaemonStatus;
use jiff::tz::TimeZone;

use crate::cli::{DaemonCommand, DaemonOptions, Json};
use crate::client::{self, Client};
use crate::error::{Error, Exit};
use crate::{launch, output, render, session};

/// Controls the daemon.
pub async fn run(options: &DaemonOptions, command: &DaemonCommand) -> Result<Exit, Error> {
    let client = session::client(options)?;
    let status = match client.get::<DaemonStatus>("/v1/status").await {
        Ok(status) => Some(status),
        Err(client::Error::NoDaemon { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    match command {
        DaemonCommand::Start => start(options, &client, status).await,
        DaemonCommand::Stop => stop(&client, status).await,
        DaemonCommand::Status(json) => show(&client, status, *json),
        DaemonCommand::Restart => restart(options, &client, status).await,
    }
}

async fn start(options: &DaemonOptions, client: &Client, status: Option<DaemonStatus>) -> Result<Exit, Error> {
    if let Some(status) = status {
        output::print(&format!("the daemon runs already (pid {})\n", status.pid))?;
        if let Some(warning) = session::outdated(&status) {
            output::warning(&warning);
        }
        return Ok(Exit::Done);
    }
    let launch = session::plan(options, client)?;
    let (status, _) = launch::start(&launch, client).await?;
    output::print(&format!(
        "started the daemon (pid {}, socket {}, store {}, log {})\n",
        status.pid,
        launch.socket.display(),
        status.store.display(),
        launch.log.display()
    ))?;
    Ok(Exit::Done)
}

async fn stop(client: &Client, status: Option<DaemonStatus>) -> Result<Exit, Error> {
    let Some(status) = status else {
        output::print(&format!("no daemon listens at {}\n", client.socket().display()))?;
        return Ok(Exit::Done);
    };
    launch::stop(client, &status).await?;
    if let Some(run) = status.running {
        output::notice(&format!("run {run} was in progress; its finished trials are kept: gilctl show {run}"));
    }
    output::print(&format!("stopped the daemon (pid {})\n", status.pid))?;
    Ok(Exit::Done)
}

fn show(client: &Client, status: Option<DaemonStatus>, json: Json) -> Result<Exit, Error> {
    match &status {
        _ if json.json => output::print_json(&status)?,
        Some(status) => {
            output::print(&render::daemon::render(status, client.socket(), &TimeZone::system(), output::style()))?;
        }
        None => output::print(&format!("no daemon listens at {}\n", client.socket().display()))?,
    }
    if let Some(warning) = status.as_ref().and_then(session::outdated) {
        output::warning(&warning);
    }
    Ok(if status.is_some() { Exit::Done } else { Exit::Daemon })
}

/// Starts the new daemon with the store and the configuration of the old one, unless others were asked for.
async fn restart(options: &DaemonOptions, client: &Client, status: Option<DaemonStatus>) -> Result<Exit, Error> {
    let mut options = options.clone();
    if let Some(status) = status {
        options.store = options.store.or_else(|| Some(status.store.clone()));
        options.config = options.config.or_else(|| status.config.clone());
        stop(client, Some(status)).await?;
    }
    start(&options, client, None).await
}
