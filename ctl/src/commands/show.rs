//! `gilctl show`: shows a run.

use gild_model::run::Run;
use gild_model::task_times::TaskFigures;
use gild_model::trial::{Trial, TrialStatus};
use serde::Serialize;

use super::open;
use crate::cli::{DaemonOptions, ShowArguments};
use crate::client::Client;
use crate::error::{Error, Exit};
use crate::{output, render};

/// Shows where the time of a run went, by case, by trial or by worker, who made whom wait, how long its tasks took, or the
/// experiment itself.
pub async fn run(daemon: &DaemonOptions, arguments: &ShowArguments) -> Result<Exit, Error> {
    let (client, id) = open(daemon, arguments.run).await?;
    let run: Run = client.get(&format!("/v1/runs/{id}")).await?;
    match arguments.json {
        true => print_json(&client, &run, arguments).await?,
        false => output::print(&text(&client, &run, arguments).await?)?,
    }
    Ok(Exit::Done)
}

async fn print_json(client: &Client, run: &Run, arguments: &ShowArguments) -> Result<(), Error> {
    match arguments {
        ShowArguments { workers: true, .. } | ShowArguments { locks: true, .. } => {
            output::print_json(&trials(client, run, arguments.warmups).await?)?;
        }
        ShowArguments { trials: true, .. } => output::print_json(&shown(run, arguments.warmups))?,
        ShowArguments { tasks: true, .. } => output::print_json(&tasks(run))?,
        ShowArguments { experiment: true, .. } => output::print_json(&run.experiment)?,
        _ => output::print_json(run)?,
    }
    Ok(())
}

async fn text(client: &Client, run: &Run, arguments: &ShowArguments) -> Result<String, Error> {
    let (experiment, style) = (&run.experiment, output::style());
    Ok(match arguments {
        ShowArguments { workers: true, .. } => {
            let trials = trials(client, run, arguments.warmups).await?;
            match trials.first().filter(|_| render::results::is_recorded(run)) {
                Some(trial) => render::threads::render(&experiment.name, trial, render::threads::Shown::All, style),
                None => render::workers::render(experiment, &trials, style),
            }
        }
        ShowArguments { trials: true, .. } => render::trials::render(experiment, &shown(run, arguments.warmups), style),
        ShowArguments { locks: true, .. } => {
            render::locks::render(experiment, &trials(client, run, arguments.warmups).await?, style)
        }
        ShowArguments { tasks: true, .. } => render::tasks::render(run, style),
        ShowArguments { experiment: true, .. } => render::experiment::render(experiment),
        ShowArguments { all: true, .. } => render::results::render_all(run, style),
        _ => render::results::render(run, style),
    })
}

/// The figures of a case's tasks.
#[derive(Debug, Serialize)]
struct CaseTasks<'r> {
    case: &'r str,
    task_times: &'r [TaskFigures],
}

fn tasks(run: &Run) -> Vec<CaseTasks<'_>> {
    let lines = run.summary.cases.iter();
    lines.map(|line| CaseTasks { case: &line.case.name, task_times: &line.task_times }).collect()
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
