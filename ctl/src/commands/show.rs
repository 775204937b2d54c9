//! `gilctl show`: shows a run.

use gild_model::run::Run;
use gild_model::trial::{Trial, TrialStatus};

use super::open;
use crate::cli::{DaemonOptions, ShowArguments};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::{output, render};

/// Shows where the time of a run went, by case, by trial or by worker, or the experiment itself.
pub async fn run(daemon: &DaemonOptions, arguments: &ShowArguments) -> Result<Exit, Error> {
    let (client, id) = open(daemon, arguments.run).await?;
    let run: Run = client.get(&format!("/v1/runs/{id}")).await?;
    let style = output::style();
    match (arguments.json, arguments.workers, arguments.trials, arguments.experiment) {
        (true, false, false, false) => output::print_json(&run)?,
        (true, true, _, _) => output::print_json(&trials(&client, &run, arguments.warmups).await?)?,
        (true, _, true, _) => output::print_json(&shown(&run, arguments.warmups))?,
        (true, ..) => output::print_json(&run.experiment)?,
        (false, true, ..) => {
            let trials = trials(&client, &run, arguments.warmups).await?;
            match trials.first().filter(|_| render::results::is_recorded(&run)) {
                Some(trial) => {
                    output::print(&render::threads::render(&run.experiment.name, trial, usize::MAX, style))?;
                }
                None => output::print(&render::workers::render(&run.experiment, &trials, style))?,
            }
        }
        (false, _, true, _) => {
            output::print(&render::trials::render(&run.experiment, &shown(&run, arguments.warmups), style))?;
        }
        (false, _, _, true) => output::print(&render::experiment::render(&run.experiment))?,
        (false, ..) => output::print(&render::results::render(&run, style))?,
    }
    Ok(Exit::Done)
}

/// A warm-up that failed is shown unasked: it is why its case has no figures.
fn is_shown(trial: &Trial, warmups: bool) -> bool {
    warmups || !trial.warmup || trial.status != TrialStatus::Done
}

fn shown(run: &Run, warmups: bool) -> Vec<Trial> {
    run.trials.iter().filter(|trial| is_shown(trial, warmups)).cloned().collect()
}

/// The trials with their accounts.
async fn trials(client: &Client, run: &Run, warmups: bool) -> Result<Vec<Trial>, Error> {
    let mut lines = client.lines::<Trial>(&format!("/v1/runs/{}/trials", run.head.id)).await?;
    let mut trials = Vec::new();
    while let Some(trial) = lines.next().await? {
        if is_shown(&trial, warmups) {
            trials.push(trial);
        }
    }
    Ok(trials)
}
