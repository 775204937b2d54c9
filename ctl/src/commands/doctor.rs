//! `gilctl doctor`: shows what this machine can measure, and how well.

use gild_model::host::HostReport;

use crate::accuracy::suite;
use crate::cli::{DaemonOptions, DoctorArguments};
use crate::error::{Error, Exit};
use crate::{output, render, session};

/// Shows the daemon's report on its machine, or measures how far its figures are off.
pub async fn run(daemon: &DaemonOptions, arguments: &DoctorArguments) -> Result<Exit, Error> {
    let client = session::open(daemon).await?;
    let report: HostReport = client.get("/v1/host").await?;
    if arguments.accuracy {
        let accuracy = suite::run(&client, &report, &arguments.options).await?;
        match arguments.json {
            true => output::print_json(&accuracy)?,
            false => output::print(&render::accuracy::render(&accuracy, output::style()))?,
        }
        return Ok(if accuracy.is_good() { Exit::Done } else { Exit::Inaccurate });
    }
    match arguments.json {
        true => output::print_json(&report)?,
        false => output::print(&render::host::render(&report, output::style()))?,
    }
    Ok(Exit::Done)
}
